//! A director on a simulator, for looking at what would happen.

use std::rc::Rc;
use std::time::Duration;

use super::Director;
use super::health_states::HealthStates;
use crate::error::Result;
use crate::health::Knowledge;
use crate::kernel::{Kernel, Machine, Names, Sim};
use crate::model::Ruleset;
use crate::store::MemoryStores;

/// What the checks had found when the rehearsal began; nobody is told of what it commits.
struct AsItIs {
    knowledge: Knowledge,
    heartbeat: Option<Duration>,
}

impl HealthStates for AsItIs {
    fn knowledge(&self) -> Knowledge {
        self.knowledge.clone()
    }

    fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat
    }

    fn answers(&self) -> bool {
        self.has_daemon()
    }
}

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
            health: Rc::new(AsItIs {
                knowledge: self.health.knowledge(),
                heartbeat: self.health.heartbeat(),
            }),
            ..Director::new(kernel, Rc::new(stores), self.author.clone()).rehearsing()
        })
    }
}
