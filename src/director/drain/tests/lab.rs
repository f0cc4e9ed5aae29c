//! A simulated host, and a network whose connections come and go by a clock that a test moves.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::*;
use crate::director::Director;
use crate::kernel::Sim;
use crate::model::{Options, Ruleset};
use crate::store::{MemoryStores, Stores};

const WEB: &str = "tcp 192.0.2.10:80";

pub fn web() -> ServiceKey {
    ServiceKey::parse(WEB).unwrap()
}

pub fn one() -> ServerKey {
    ServerKey::parse("10.0.0.11:80", &web()).unwrap()
}

/// A simulated host with one service of two servers, at weights 3 and 1.
pub struct Host {
    pub sim: Sim,
    stores: Rc<dyn Stores>,
}

/// What was told, and a network whose connections change as time passes.
pub struct Network<'a> {
    host: &'a Host,
    pub now: Duration,
    /// What the server has from these moments on.
    counts: BTreeMap<Duration, Counts>,
    /// The moment when a signal comes.
    pub interrupted: Option<Duration>,
    pub told: Vec<String>,
}

pub fn counts(active: u32, inactive: u32, persistent: u32) -> Counts {
    Counts {
        active,
        inactive,
        persistent,
    }
}

impl Host {
    pub fn new() -> Host {
        let host = Host {
            sim: Sim::new(&Ruleset::default()),
            stores: Rc::new(MemoryStores::new()),
        };
        host.change(
            r#"{ "scheduler": "wrr", "servers": [{ "address": "10.0.0.11", "weight": 3 }, "10.0.0.12"] }"#,
        );
        host
    }

    pub fn session(&self) -> Session {
        let kernel = Box::new(self.sim.clone());
        let director = Director::new(kernel, Rc::clone(&self.stores), "alice".to_owned());
        Session::new(director, ChangeOptions::default())
    }

    /// Declares the service anew, as somebody else would in the meantime.
    pub fn change(&self, options: &str) {
        let mut session = self.session();
        let options: Options = serde_json::from_str(options).unwrap();
        session.declare_service(web(), &options).unwrap();
        session.commit(&ChangeOptions::default()).unwrap();
    }

    pub fn network(&self, counts: &[(u64, Counts)]) -> Network<'_> {
        let at = |(second, counts): &(u64, Counts)| (Duration::from_secs(*second), *counts);
        let mut network = Network {
            host: self,
            now: Duration::ZERO,
            counts: counts.iter().map(at).collect(),
            interrupted: None,
            told: Vec::new(),
        };
        network.happen();
        network
    }

    pub fn drain(&self, network: &mut Network, options: DrainOptions) -> Result<Drained> {
        let change = ChangeOptions::default();
        self.session()
            .drain((web(), one()), &options, &change, network)
    }

    pub fn weight(&self) -> Option<u32> {
        let live = self.sim.live().servers_of(&web()).unwrap();
        live.get(&one()).map(|server| server.options.weight.value())
    }

    pub fn messages(&self) -> Vec<String> {
        let history = self.session().director().history().unwrap();
        history.into_iter().map(|one| one.message).collect()
    }
}

impl Network<'_> {
    pub fn happen(&mut self) {
        if let Some((_, counts)) = self.counts.range(..=self.now).next_back() {
            let servers = BTreeMap::from([(one(), *counts)]);
            self.host.sim.edit(|live| {
                live.counts.insert(web(), servers);
            });
        }
    }
}

impl Attend for Network<'_> {
    fn clock(&self) -> Duration {
        self.now
    }

    fn sleep(&mut self, duration: Duration) -> Result<()> {
        self.now += duration;
        self.happen();
        match self.interrupted {
            Some(moment) if self.now >= moment => {
                Err(Error::new(Kind::Interrupted, "interrupted by SIGINT"))
            }
            _ => Ok(()),
        }
    }

    fn tell(&mut self, news: News) {
        self.told.push(match news {
            News::Change(report) => report.sentence(),
            News::Warning(warning) => warning.to_string(),
            News::Note(text) | News::Would(text) | News::Done(text) | News::Did(text) => {
                text.to_owned()
            }
        });
    }
}

/// Somebody who changes the server in the kernel after the first look.
pub struct Interfering<'a> {
    pub network: Network<'a>,
    pub weight: Option<i64>,
}

impl Attend for Interfering<'_> {
    fn clock(&self) -> Duration {
        self.network.clock()
    }

    fn sleep(&mut self, duration: Duration) -> Result<()> {
        self.network.host.sim.edit(|live| {
            let servers = &mut live.rules.services.get_mut(&web()).unwrap().servers;
            match self.weight {
                Some(weight) => {
                    servers.get_mut(&one()).unwrap().weight = Weight::new(weight).unwrap();
                }
                None => {
                    servers.remove(&one());
                }
            }
        });
        self.network.sleep(duration)
    }

    fn tell(&mut self, news: News) {
        self.network.tell(news);
    }
}
