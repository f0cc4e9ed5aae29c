//! A host whose daemon, state and network a test decides.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use chrono::DateTime;
use ipvsh::director::{ChangeOptions, Director, HealthStates, Session};
use ipvsh::error::Result;
use ipvsh::health::{Deviation, Finding, Knowledge, Overlay, Situation, State, Target, Verdict};
use ipvsh::model::{Check, Ruleset, ServerKey};
use serde_json::{Value, json};

use crate::shared::{Lab, WEB, key, plain};

/// The files of a daemon, in memory.
#[derive(Clone)]
pub struct Checks(pub Rc<RefCell<Knowledge>>, pub Rc<RefCell<Daemon>>);

/// What a daemon and the network do.
#[derive(Default)]
pub struct Daemon {
    pub runs: bool,
    pub pokes: usize,
    /// What a check run once finds; none where nothing is run.
    pub finds: Option<Verdict>,
    /// How many were run.
    pub tried: usize,
}

impl HealthStates for Checks {
    fn knowledge(&self) -> Knowledge {
        self.0.borrow().clone()
    }

    fn heartbeat(&self) -> Option<Duration> {
        self.1.borrow().runs.then_some(Duration::from_secs(1))
    }

    fn answers(&self) -> bool {
        self.1.borrow().runs
    }

    fn poke(&self) {
        self.1.borrow_mut().pokes += 1;
    }

    fn run_once(&self, runs: &[(Check, Target)]) -> Option<Vec<Finding>> {
        let mut daemon = self.1.borrow_mut();
        let verdict = daemon.finds.clone()?;
        daemon.tried += runs.len();
        let finding = Finding {
            verdict,
            answer: String::new(),
            took: Duration::ZERO,
        };
        Some(vec![finding; runs.len()])
    }
}

pub struct Clinic {
    pub lab: Lab,
    pub checks: Checks,
}

pub fn target(name: &str, server: &str) -> Target {
    Target {
        service: key(name),
        server: ServerKey::parse(server, &key(name)).unwrap(),
    }
}

pub fn deviation(situation: Situation) -> Deviation {
    Deviation {
        situation,
        since: DateTime::UNIX_EPOCH,
        reason: "connection refused".to_owned(),
        taken_out_by_hand: false,
    }
}

impl Clinic {
    pub fn new() -> Clinic {
        Clinic {
            lab: Lab::new(),
            checks: Checks(
                Rc::new(RefCell::new(Knowledge::Known(State::default()))),
                Rc::default(),
            ),
        }
    }

    /// A checked service with two servers.
    pub fn with_web() -> Clinic {
        let clinic = Clinic::new();
        clinic.declare(WEB, two()).unwrap();
        clinic
    }

    pub fn director(&self) -> Director {
        let checks = Rc::new(self.checks.clone());
        self.lab.director().with_health(checks)
    }

    pub fn commit(
        &self,
        options: &ChangeOptions,
        edit: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<ipvsh::director::Report> {
        let mut session = Session::new(self.director(), ChangeOptions::default());
        edit(&mut session)?;
        session.commit(options)
    }

    pub fn declare(&self, name: &str, options: Value) -> Result<ipvsh::director::Report> {
        self.commit(&plain(), |session| {
            session.declare_service(key(name), options.as_object().unwrap())
        })
    }

    pub fn state(&self) -> State {
        match self.checks.knowledge() {
            Knowledge::Known(state) => state,
            Knowledge::Unreadable(why) => panic!("{why}"),
        }
    }

    /// The daemon finds out that a server is down, waits, or is up (`None`), and writes the kernel.
    pub fn finds(&self, name: &str, server: &str, situation: Option<Situation>) -> Vec<Target> {
        let before = self.state();
        let mut after = before.clone();
        let target = target(name, server);
        match situation {
            Some(situation) => after.servers.insert(target, deviation(situation)),
            None => after.servers.remove(&target),
        };
        self.checks.0.replace(Knowledge::Known(after.clone()));
        let rules = self.head();
        let written =
            self.director()
                .write_transitions(&rules, (&before, &after), &BTreeSet::from([target]));
        let written = written.unwrap();
        for target in &written.found_out {
            let deviation = after.servers.get_mut(target).unwrap();
            deviation.taken_out_by_hand = true;
        }
        self.checks.0.replace(Knowledge::Known(after));
        written.left_alone
    }

    pub fn head(&self) -> Ruleset {
        self.director().head_rules().unwrap()
    }

    pub fn weight(&self, server: &str) -> Option<i64> {
        self.lab.weight(WEB, server)
    }

    /// The kernel should hold this.
    pub fn should(&self) -> Ruleset {
        let head = self.head();
        let overlay = Overlay::new(self.state(), DateTime::UNIX_EPOCH);
        overlay.apply(&head).into_owned()
    }

    #[track_caller]
    pub fn holds_what_it_should(&self, after: &str) {
        let (should, live) = (self.should(), self.lab.rules());
        assert_eq!(live.services, should.services, "after {after}");
        for (key, value) in should.settings.iter() {
            assert_eq!(live.settings.get(*key), Some(value), "after {after}");
        }
        let status = self.director().status(&plain()).unwrap();
        assert!(status.drift.unwrap().is_empty(), "after {after}");
    }
}

pub fn two() -> Value {
    json!({ "check": "tcp", "servers": [
        { "address": "10.0.0.1", "weight": 3 },
        { "address": "10.0.0.2", "weight": 2 },
    ] })
}

pub const DOWN: Option<Situation> = Some(Situation::Down);
