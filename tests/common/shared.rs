//! A kernel that several programs change, and a database on disk.

#![allow(clippy::unwrap_used, dead_code)] // not every test binary uses all of it

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use ipvsh::director::{
    ArmedTimer, ChangeOptions, ConfirmTimer, Director, NoTimer, Report, Session,
};
use ipvsh::error::Result;
use ipvsh::kernel::{Faults, Faulty, Sim};
use ipvsh::model::{
    EntryKey, EntryValue, Family, Grace, RealServer, Ruleset, ServerKey, ServiceKey, SnapshotId,
    SnapshotName, VirtualService, Weight,
};
use ipvsh::store::{DatabaseKind, SledStores};
use serde_json::{Value, json};

pub const WEB: &str = "tcp 192.0.2.10:80";
pub const MAIL: &str = "tcp 192.0.2.50:443";

/// The boot, the clock and the network namespaces of a host.
pub struct Clock {
    pub now: Cell<u64>,
    pub is_gone: Cell<bool>,
    pub watched: RefCell<Vec<u64>>,
}

impl ConfirmTimer for Clock {
    fn boot(&self) -> Result<String> {
        NoTimer.boot()
    }

    fn now(&self) -> u64 {
        self.now.get()
    }

    fn has_namespace(&self, _: &str) -> bool {
        !self.is_gone.get()
    }

    fn arm(&self, id: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>> {
        self.watched.borrow_mut().push(id.0);
        Ok(None)
    }
}

/// A kernel that several programs change, and a database on disk.
pub struct Lab {
    pub sim: Sim,
    pub faults: Faults,
    pub clock: Rc<Clock>,
    pub dir: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Lab {
        Lab {
            sim: Sim::new(&Ruleset::default()),
            faults: Faults::new(),
            clock: Rc::new(Clock {
                now: Cell::new(1_000_000),
                is_gone: Cell::new(false),
                watched: RefCell::default(),
            }),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Another tool made a service with two servers.
    pub fn with_others() -> Lab {
        let lab = Lab::new();
        lab.others_make(MAIL, &[("10.5.5.1", 3), ("10.5.5.2", 0)]);
        lab
    }

    pub fn stores(&self) -> SledStores {
        SledStores::new(self.dir.path().join("db"), DatabaseKind::Sim)
            .waiting(Duration::from_secs(1))
    }

    pub fn director(&self) -> Director {
        self.director_on(self.stores())
    }

    pub fn director_on(&self, stores: SledStores) -> Director {
        let kernel = Faulty::new(self.sim.clone(), self.faults.clone());
        Director::new(Box::new(kernel), Rc::new(stores), "ada".to_owned())
            .with_confirm_timer(Rc::clone(&self.clock) as Rc<dyn ConfirmTimer>)
    }

    pub fn commit(
        &self,
        options: &ChangeOptions,
        edit: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<Report> {
        let mut session = Session::new(self.director(), ChangeOptions::default());
        edit(&mut session)?;
        session.commit(options)
    }

    pub fn declare(&self, name: &str, options: Value) -> Result<Report> {
        self.commit(&plain(), |session| {
            session.declare_service(key(name), options.as_object().unwrap())
        })
    }

    pub fn others_make(&self, name: &str, servers: &[(&str, i64)]) {
        self.sim.edit(|live| put(&mut live.rules, name, servers));
    }

    pub fn rules(&self) -> Ruleset {
        self.sim.live().rules
    }

    pub fn weight(&self, name: &str, server: &str) -> Option<i64> {
        match self.rules().get(&server_entry(name, server))? {
            EntryValue::Server(server) => Some(i64::from(server.weight.value())),
            _ => None,
        }
    }

    pub fn others_weigh(&self, name: &str, server: &str, weight: i64) {
        self.sim.edit(|live| {
            let service = live.rules.services.get_mut(&key(name)).unwrap();
            let server = ServerKey::parse(server, &key(name)).unwrap();
            service.servers.get_mut(&server).unwrap().weight = Weight::new(weight).unwrap();
        });
    }

    pub fn messages(&self) -> Vec<String> {
        let history = self.director().history().unwrap();
        history
            .into_iter()
            .map(|snapshot| snapshot.message)
            .collect()
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.now.set(self.clock.now.get() + seconds * 1000);
    }
}

pub fn put(rules: &mut Ruleset, name: &str, servers: &[(&str, i64)]) {
    let mut service = VirtualService::new(Family::Ipv4);
    for (address, weight) in servers {
        let server = RealServer {
            weight: Weight::new(*weight).unwrap(),
            ..RealServer::default()
        };
        let address = ServerKey::parse(address, &key(name)).unwrap();
        service.servers.insert(address, server);
    }
    rules.services.insert(key(name), service);
}

pub fn key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

pub fn server_entry(name: &str, server: &str) -> EntryKey {
    EntryKey::Server(key(name), ServerKey::parse(server, &key(name)).unwrap())
}

pub fn plain() -> ChangeOptions {
    ChangeOptions::default()
}

pub fn confirmed_within(seconds: i64) -> ChangeOptions {
    ChangeOptions {
        confirm: Some(Grace::new(seconds).unwrap()),
        ..plain()
    }
}

pub fn allowing_removals() -> ChangeOptions {
    ChangeOptions {
        allow_removals: true,
        ..plain()
    }
}

pub fn id(number: u64) -> SnapshotName {
    SnapshotName::Id(SnapshotId(number))
}

/// Ends the process in a test's eyes.
pub struct Died;

pub fn die() {
    resume_unwind(Box::new(Died));
}

pub fn dies<T>(run: impl FnOnce() -> T) {
    let ended = catch_unwind(AssertUnwindSafe(run));
    assert!(ended.err().unwrap().is::<Died>());
}

pub fn web() -> Value {
    json!({ "servers": ["10.0.0.1"] })
}
