//! A director on a simulator, for looking at what would happen.

use std::rc::Rc;

use super::{Director, Silent};
use crate::error::Result;
use crate::kernel::{Kernel, Machine, Names, Sim};
use crate::model::Ruleset;
use crate::store::MemoryStores;

impl Director {
    /// A director who starts where this one stands, on a simulator that holds what the kernel
    /// holds: what is done there is not done here.
    ///
    /// # Errors
    /// As the kernel and the store fail to be read.
    pub fn dry(&mut self) -> Result<Director> {
        let stores = MemoryStores::over(Rc::clone(&self.stores))?;
        let live = self.kernel.observe()?;
        let machine = Machine {
            names: Names::of_this_host(),
            ..Machine::default()
        };
        let sim = Sim::on(machine, &Ruleset::default());
        sim.edit(|state| *state = live);
        Ok(Director {
            kernel: Box::new(sim) as Box<dyn Kernel>,
            stores: Rc::new(stores),
            author: self.author.clone(),
            origin: self.origin.clone(),
            clock: self.clock,
            progress: Rc::new(Silent),
            host: Rc::clone(&self.host),
        })
    }
}
