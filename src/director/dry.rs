//! A director on a simulator, for looking at what would happen.

use std::rc::Rc;

use super::Director;
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
        let mut live = self.kernel.observe()?;
        for (key, value) in self.kernel.host_settings()?.iter() {
            live.rules.settings.put(*key, Some(value.clone()));
        }
        let machine = Machine {
            names: Names::of_this_host(),
            settings: self.kernel.info()?.settings,
            ..Machine::default()
        };
        let sim = Sim::on(machine, &Ruleset::default());
        sim.edit(|state| *state = live);
        let kernel = Box::new(sim) as Box<dyn Kernel>;
        Ok(Director {
            origin: self.origin.clone(),
            clock: Rc::clone(&self.clock),
            host: Rc::clone(&self.host),
            confirm_timer: Rc::clone(&self.confirm_timer),
            ..Director::new(kernel, Rc::new(stores), self.author.clone()).rehearsing()
        })
    }
}
