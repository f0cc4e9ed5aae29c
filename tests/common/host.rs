//! A simulated host that several directors share.

#![allow(dead_code)] // not every test binary uses all of it

use std::rc::Rc;

use ipvsh::director::{ChangeOptions, Director, Session};
use ipvsh::error::Result;
use ipvsh::kernel::Sim;
use ipvsh::model::{Live, Ruleset, ServerKey, ServiceKey};
use ipvsh::store::{MemoryStores, Stores};
use serde_json::{Value, json};

/// A kernel and a history that several directors share, as several processes would.
pub struct Host {
    pub sim: Sim,
    pub stores: Rc<MemoryStores>,
}

impl Host {
    pub fn new() -> Host {
        Host {
            sim: Sim::new(&Ruleset::default()),
            stores: Rc::new(MemoryStores::new()),
        }
    }

    /// A host whose kernel holds a service that another tool made.
    pub fn with_strangers_rules() -> Host {
        let (host, stranger) = (Host::new(), Host::new());
        stranger.declare(WEB, two_servers()).unwrap();
        host.sim
            .edit(|live| live.rules.services = stranger.live().rules.services);
        host
    }

    /// A host whose kernel holds a mark service that another tool made.
    pub fn with_mark_service() -> Host {
        let (host, stranger) = (Host::new(), Host::new());
        let options = json!({ "servers": ["10.0.0.1"] });
        stranger.declare("fwmark 6", options).unwrap();
        host.sim
            .edit(|live| live.rules.services = stranger.live().rules.services);
        host
    }

    pub fn director(&self, author: &str) -> Director {
        let kernel = Box::new(self.sim.clone());
        Director::new(
            kernel,
            Rc::clone(&self.stores) as Rc<dyn Stores>,
            author.to_owned(),
        )
    }

    pub fn session(&self) -> Session {
        Session::new(self.director("alice"), ChangeOptions::default())
    }

    /// Commits one declaration in a session of its own.
    pub fn declare(&self, name: &str, options: Value) -> Result<ipvsh::director::Report> {
        let mut session = self.session();
        declare(&mut session, name, options);
        session.commit(&ChangeOptions::default())
    }

    pub fn live(&self) -> Live {
        self.sim.live()
    }
}

pub fn key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

pub fn server(name: &str, address: &str) -> ServerKey {
    ServerKey::parse(address, &key(name)).unwrap()
}

pub fn declare(session: &mut Session, name: &str, options: Value) {
    session
        .declare_service(key(name), options.as_object().unwrap())
        .unwrap();
}

pub const WEB: &str = "tcp 192.0.2.10:80";

pub fn two_servers() -> Value {
    json!({ "scheduler": "rr", "forward": "masq", "servers": ["10.0.0.1", "10.0.0.2"] })
}
