//! Health as an overlay: what checks found decides what the kernel holds, and the history never says so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use chrono::DateTime;
use ipvsh::director::{ChangeOptions, Director, Disable, HealthStates, Import, Session};
use ipvsh::error::{Kind, Result};
use ipvsh::health::{Deviation, Finding, Knowledge, Overlay, Situation, State, Target, Verdict};
use ipvsh::ipvs::Errno;
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::kernel::{Faults, Faulty};
use ipvsh::model::{Check, EntryKey, Ruleset, ServerKey};
use ipvsh::plan::lines;
use serde_json::{Value, json};

#[path = "common/random.rs"]
mod random;
#[path = "common/shared.rs"]
mod shared;

use random::{Random, seed, variable};
use shared::{Lab, WEB, allowing_removals, confirmed_within, die, id, key, plain, server_entry};

/// The files of a daemon, in memory.
#[derive(Clone)]
struct Checks(Rc<RefCell<Knowledge>>, Rc<RefCell<Daemon>>);

/// What a daemon and the network do.
#[derive(Default)]
struct Daemon {
    runs: bool,
    pokes: usize,
    /// What a check run once finds; none where nothing is run.
    finds: Option<Verdict>,
    /// How many were run.
    tried: usize,
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

struct Clinic {
    lab: Lab,
    checks: Checks,
}

fn target(name: &str, server: &str) -> Target {
    Target {
        service: key(name),
        server: ServerKey::parse(server, &key(name)).unwrap(),
    }
}

fn deviation(situation: Situation) -> Deviation {
    Deviation {
        situation,
        since: DateTime::UNIX_EPOCH,
        reason: "connection refused".to_owned(),
        taken_out_by_hand: false,
    }
}

impl Clinic {
    fn new() -> Clinic {
        Clinic {
            lab: Lab::new(),
            checks: Checks(
                Rc::new(RefCell::new(Knowledge::Known(State::default()))),
                Rc::default(),
            ),
        }
    }

    /// A checked service with two servers.
    fn with_web() -> Clinic {
        let clinic = Clinic::new();
        clinic.declare(WEB, two()).unwrap();
        clinic
    }

    fn director(&self) -> Director {
        let checks = Rc::new(self.checks.clone());
        self.lab.director().with_health(checks)
    }

    fn commit(
        &self,
        options: &ChangeOptions,
        edit: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<ipvsh::director::Report> {
        let mut session = Session::new(self.director(), ChangeOptions::default());
        edit(&mut session)?;
        session.commit(options)
    }

    fn declare(&self, name: &str, options: Value) -> Result<ipvsh::director::Report> {
        self.commit(&plain(), |session| {
            session.declare_service(key(name), options.as_object().unwrap())
        })
    }

    fn state(&self) -> State {
        match self.checks.knowledge() {
            Knowledge::Known(state) => state,
            Knowledge::Unreadable(why) => panic!("{why}"),
        }
    }

    /// The daemon finds out that a server is down, waits, or is up (`None`), and writes the kernel.
    fn finds(&self, name: &str, server: &str, situation: Option<Situation>) -> Vec<Target> {
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

    fn head(&self) -> Ruleset {
        self.director().head_rules().unwrap()
    }

    fn weight(&self, server: &str) -> Option<i64> {
        self.lab.weight(WEB, server)
    }

    /// The kernel should hold this.
    fn should(&self) -> Ruleset {
        let head = self.head();
        let overlay = Overlay::new(self.state(), DateTime::UNIX_EPOCH);
        overlay.apply(&head).into_owned()
    }

    #[track_caller]
    fn holds_what_it_should(&self, after: &str) {
        let (should, live) = (self.should(), self.lab.rules());
        assert_eq!(live.services, should.services, "after {after}");
        for (key, value) in should.settings.iter() {
            assert_eq!(live.settings.get(*key), Some(value), "after {after}");
        }
        let status = self.director().status(&plain()).unwrap();
        assert!(status.drift.unwrap().is_empty(), "after {after}");
    }
}

fn two() -> Value {
    json!({ "check": "tcp", "servers": [
        { "address": "10.0.0.1", "weight": 3 },
        { "address": "10.0.0.2", "weight": 2 },
    ] })
}

const DOWN: Option<Situation> = Some(Situation::Down);

#[test]
fn a_server_that_is_down_is_no_drift_and_nothing_puts_it_back() {
    let clinic = Clinic::with_web();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    clinic.holds_what_it_should("the transition");
    let before = clinic.head();
    // The site's script runs again; a restore; a commit elsewhere in the service.
    let report = clinic.declare(WEB, two()).unwrap();
    assert!(report.plan.is_empty() && report.snapshot().is_none());
    clinic.director().restore(false, &plain()).unwrap();
    clinic
        .commit(&plain(), |session| {
            let options = json!({ "weight": 7 });
            session.set_server(
                key(WEB),
                ServerKey::parse("10.0.0.1", &key(WEB)).unwrap(),
                options.as_object().unwrap(),
            )
        })
        .unwrap();
    assert_eq!(clinic.weight("10.0.0.1"), Some(7));
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    clinic.director().rollback(Some(&id(1)), &plain()).unwrap();
    assert_eq!(clinic.head(), before);
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    clinic.finds(WEB, "10.0.0.2", None);
    assert_eq!(clinic.weight("10.0.0.2"), Some(2));
    clinic.holds_what_it_should("the return");
}

#[test]
fn a_new_weight_of_a_server_that_is_down_is_recorded_and_waits() {
    let clinic = Clinic::with_web();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    let mut declared = two();
    declared["servers"][1]["weight"] = json!(9);
    let report = clinic.declare(WEB, declared).unwrap();
    let said: Vec<String> = lines(&report.plan.changes)
        .map(|line| line.to_string())
        .collect();
    assert_eq!(
        said,
        [
            "tcp 192.0.2.10:80",
            "~ server 10.0.0.2:80  weight 2 -> 9 (down: when it is up)"
        ]
    );
    assert!(report.plan.steps.is_empty() && report.snapshot().is_some());
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    clinic.finds(WEB, "10.0.0.2", None);
    assert_eq!(clinic.weight("10.0.0.2"), Some(9));
}

#[test]
fn what_somebody_put_back_is_drift_that_a_commit_repairs() {
    let clinic = Clinic::with_web();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    clinic.lab.others_weigh(WEB, "10.0.0.2", 2);
    let status = clinic.director().status(&plain()).unwrap();
    assert_eq!(status.drift.unwrap().changes.len(), 1);
    // Naming any part of the service examines all its servers.
    clinic.declare(WEB, two()).unwrap();
    clinic.holds_what_it_should("the repair");
}

#[test]
fn the_daemon_writes_transitions_and_heals_nothing() {
    let clinic = Clinic::with_web();
    // An operator's weight 0 is not the daemon's: it stays when the server comes up.
    clinic.finds(WEB, "10.0.0.2", DOWN);
    clinic.lab.others_weigh(WEB, "10.0.0.2", 5);
    assert_eq!(
        clinic.finds(WEB, "10.0.0.2", None),
        [target(WEB, "10.0.0.2")]
    );
    assert_eq!(clinic.weight("10.0.0.2"), Some(5));
    // Going down is always written.
    clinic.finds(WEB, "10.0.0.2", DOWN);
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    // What another hand did to the other server is left as it is.
    clinic.lab.others_weigh(WEB, "10.0.0.1", 8);
    clinic.finds(WEB, "10.0.0.2", None);
    assert_eq!(clinic.weight("10.0.0.1"), Some(8));
    // A service that is gone stays gone.
    clinic.lab.sim.edit(|live| {
        live.rules.services.clear();
    });
    clinic.finds(WEB, "10.0.0.2", DOWN);
    assert!(clinic.lab.rules().services.is_empty());
}

#[test]
fn a_new_server_waits_for_its_first_pass_where_a_daemon_runs() {
    let three = |start: &str| {
        let mut declared = two();
        declared["check"] = json!({ "type": "tcp", "start": start });
        let servers = declared["servers"].as_array_mut().unwrap();
        servers.push(json!("10.0.0.3"));
        declared
    };
    for (start, runs, weight) in [
        ("auto", true, 0),
        ("up", true, 1),
        ("wait", true, 0),
        ("auto", false, 1),
    ] {
        let clinic = Clinic::with_web();
        clinic.checks.1.borrow_mut().runs = runs;
        let report = clinic.declare(WEB, three(start)).unwrap();
        let said: Vec<String> = lines(&report.plan.changes)
            .map(|line| line.to_string())
            .filter(|line| line.contains("10.0.0.3"))
            .collect();
        let held = if weight == 0 {
            " (waiting: when it is up)"
        } else {
            ""
        };
        assert_eq!(
            said,
            [format!(
                "+ server 10.0.0.3:80  direct weight {weight}{held}"
            )],
            "{start} {runs}"
        );
        assert_eq!(clinic.weight("10.0.0.3"), Some(weight), "{start} {runs}");
        assert_eq!(clinic.checks.1.borrow().pokes, 2);
    }
    // Servers of a new service go in at once.
    let clinic = Clinic::new();
    clinic.checks.1.borrow_mut().runs = true;
    clinic.declare(WEB, two()).unwrap();
    assert_eq!(clinic.weight("10.0.0.1"), Some(3));
}

#[test]
fn a_wrong_path_is_told_and_refused_where_it_would_take_a_good_check_away() {
    let http = |path: &str| {
        let mut declared = two();
        declared["check"] = json!({ "type": "http", "path": path });
        declared
    };
    let clinic = Clinic::with_web();
    clinic.checks.1.borrow_mut().finds = Some(Verdict::Failed("404".to_owned()));
    let error = clinic.declare(WEB, http("/helath")).unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    let said = error.to_string();
    let words = "check http /helath of tcp 192.0.2.10:80: now 0 of 2 servers pass (404)";
    assert!(said.contains(words), "{said}");
    let allowed = clinic.commit(&allowing_removals(), |session| {
        session.declare_service(key(WEB), http("/helath").as_object().unwrap())
    });
    assert!(allowed.unwrap().notes.contains(&words.to_owned()));
    clinic.checks.1.borrow_mut().runs = true;
    // The first check of a service takes nothing's place; what did not change is not run.
    let other = "tcp 192.0.2.11:80";
    let report = clinic.declare(other, http("/")).unwrap();
    assert_eq!(
        report.notes,
        ["check http / of tcp 192.0.2.11:80: now 0 of 2 servers pass (404)"]
    );
    let tried = clinic.checks.1.borrow().tried;
    clinic.declare(other, http("/")).unwrap();
    assert_eq!(clinic.checks.1.borrow().tried, tried);
    // A host that could not send says nothing.
    let silent = Verdict::NoResult("no route to host".to_owned());
    clinic.checks.1.borrow_mut().finds = Some(silent);
    clinic.declare(other, http("/health")).unwrap();
}

#[test]
fn a_check_needs_a_port_where_the_server_takes_that_of_the_request() {
    let clinic = Clinic::new();
    let mark = "fwmark 7";
    let servers = json!(["10.0.0.1"]);
    let error = clinic
        .declare(mark, json!({ "check": "tcp", "servers": servers }))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("needs a port"), "{error}");
    for check in [json!({ "type": "tcp", "port": 80 }), json!("ping")] {
        clinic
            .declare(mark, json!({ "check": check, "servers": servers }))
            .unwrap();
    }
    let program = json!({ "type": "exec", "command": ["/nonexistent/check"] });
    let error = clinic
        .declare(mark, json!({ "check": program, "servers": servers }))
        .unwrap_err();
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}

#[test]
fn a_server_that_an_operator_had_taken_out_stays_out_when_its_checks_pass_again() {
    let clinic = Clinic::with_web();
    let server = "10.0.0.2";
    // The operator restarts the program behind it.
    clinic.lab.others_weigh(WEB, server, 0);
    clinic.finds(WEB, server, DOWN);
    assert_eq!(clinic.finds(WEB, server, None), [target(WEB, server)]);
    assert_eq!(clinic.weight(server), Some(0));
    assert!(
        !clinic
            .director()
            .status(&plain())
            .unwrap()
            .drift
            .unwrap()
            .is_empty()
    );
    // The operator has put it in again: it falls and returns as ever. So does one at another weight.
    for weight in [2, 5] {
        clinic.lab.others_weigh(WEB, server, weight);
        clinic.finds(WEB, server, DOWN);
        assert_eq!(clinic.weight(server), Some(0));
        assert_eq!(clinic.finds(WEB, server, None), []);
        assert_eq!(clinic.weight(server), Some(2));
    }
}

#[test]
fn a_check_is_not_lost_by_accident() {
    let clinic = Clinic::with_web();
    let unchecked = json!({ "servers": two()["servers"] });
    let error = clinic.declare(WEB, unchecked.clone()).unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    let said = error.to_string();
    assert!(said.contains("without its health check"), "{said}");
    let own = json!({ "check": "tcp", "servers": [
        { "address": "10.0.0.1", "weight": 3, "check": null },
        { "address": "10.0.0.2", "weight": 2 },
    ] });
    let error = clinic.declare(WEB, own).unwrap_err();
    assert!(
        error.to_string().contains("real server 10.0.0.1:80"),
        "{error}"
    );
    clinic.finds(WEB, "10.0.0.2", DOWN);
    let report = clinic.commit(&allowing_removals(), |session| {
        session.declare_service(key(WEB), unchecked.as_object().unwrap())
    });
    // Nothing watches over it any more: it is in.
    assert!(report.unwrap().snapshot().is_some());
    assert_eq!(clinic.weight("10.0.0.2"), Some(2));
    clinic.director().rollback(None, &plain()).unwrap();
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
}

#[test]
fn adopting_keeps_what_was_declared_of_a_server_that_is_down() {
    let clinic = Clinic::with_web();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    clinic.lab.others_weigh(WEB, "10.0.0.1", 8);
    let head = clinic.head();
    for objects in [vec![], vec![WEB.to_owned()]] {
        clinic.director().adopt(&objects, false, &plain()).unwrap();
        let rules = clinic.head();
        let weights: Vec<u32> = rules.services[&key(WEB)]
            .servers
            .values()
            .map(|server| server.weight.value())
            .collect();
        assert_eq!(weights, [8, 2], "{objects:?}");
        let policy = &rules.services[&key(WEB)].policy;
        assert_eq!(policy, &head.services[&key(WEB)].policy);
    }
}

#[test]
fn a_rollback_at_a_deadline_leaves_a_server_that_went_down() {
    let clinic = Clinic::with_web();
    let mut declared = two();
    declared["servers"][1]["weight"] = json!(9);
    declared["servers"][0]["weight"] = json!(4);
    clinic
        .commit(&confirmed_within(60), |session| {
            session.declare_service(key(WEB), declared.as_object().unwrap())
        })
        .unwrap();
    assert_eq!(clinic.weight("10.0.0.2"), Some(9));
    clinic.finds(WEB, "10.0.0.2", DOWN);
    clinic.lab.pass(61);
    clinic.director().restore(false, &plain()).unwrap();
    assert_eq!(clinic.weight("10.0.0.1"), Some(3));
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    clinic.holds_what_it_should("the deadline");
}

#[test]
fn maintenance_that_nobody_confirmed_is_taken_back_in_the_kernel() {
    for now in [false, true] {
        let clinic = Clinic::with_web();
        let how = Disable { now, until: None };
        let mut session = Session::new(clinic.director(), ChangeOptions::default());
        session
            .disable("10.0.0.2", &how, &confirmed_within(60))
            .unwrap();
        let out = if now { None } else { Some(0) };
        assert_eq!(clinic.weight("10.0.0.2"), out);
        if now {
            clinic.director().rollback(None, &plain()).unwrap();
        } else {
            clinic.lab.pass(61);
            clinic.declare("tcp 203.0.113.1:1", json!({})).unwrap();
        }
        assert_eq!(clinic.weight("10.0.0.2"), Some(2), "{now}");
        clinic.holds_what_it_should("the return");
    }
}

#[test]
fn a_revert_and_an_import_leave_a_server_that_is_down() {
    let clinic = Clinic::with_web();
    let mut declared = two();
    declared["servers"][1]["weight"] = json!(9);
    clinic.declare(WEB, declared).unwrap();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    clinic.director().revert(&id(2), &plain()).unwrap();
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    clinic.holds_what_it_should("the revert");
    // A file of the same rules, and one that says another weight.
    for weight in [2, 7] {
        let mut rules = clinic.head();
        let service = rules.services.get_mut(&key(WEB)).unwrap();
        let server = target(WEB, "10.0.0.2").server;
        service.servers.get_mut(&server).unwrap().weight =
            ipvsh::model::Weight::new(weight).unwrap();
        let import = Import {
            has_rules: true,
            ..Import::default()
        };
        clinic.director().import(&rules, &import, &plain()).unwrap();
        assert_eq!(clinic.weight("10.0.0.2"), Some(0), "{weight}");
        clinic.holds_what_it_should("the import");
    }
    clinic.finds(WEB, "10.0.0.2", None);
    assert_eq!(clinic.weight("10.0.0.2"), Some(7));
}

#[test]
fn a_shift_to_a_server_that_is_down_sends_it_nothing() {
    let clinic = Clinic::new();
    let options = json!({ "scheduler": "wrr", "check": "tcp", "servers": [
        { "address": "10.0.0.1", "weight": 10 }, { "address": "10.0.0.2", "weight": 0 },
        { "address": "10.0.0.3", "weight": 0 },
    ] });
    clinic.declare(WEB, options).unwrap();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    let weigh = |server: &str, weight: i64| {
        let options = json!({ "weight": weight });
        clinic.commit(&plain(), |session| {
            let server = ServerKey::parse(server, &key(WEB)).unwrap();
            session.set_server(key(WEB), server, options.as_object().unwrap())
        })
    };
    // What each step of a shift does.
    weigh("10.0.0.2", 5).unwrap();
    weigh("10.0.0.3", 5).unwrap();
    weigh("10.0.0.1", 0).unwrap();
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    assert_eq!(clinic.weight("10.0.0.3"), Some(5));
    clinic.holds_what_it_should("the shift");
}

#[test]
fn more_checks_than_the_daemon_runs_are_refused() {
    let clinic = Clinic::new();
    let error = clinic
        .declare(
            WEB,
            json!({ "check": vec!["tcp"; 100], "servers": ["10.0.0.1"] }),
        )
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(
        error.hints().concat().contains("at most 8"),
        "{:?}",
        error.hints()
    );
    let checks: Vec<Value> = (1..=8)
        .map(|port| json!({ "type": "tcp", "port": port }))
        .collect();
    let servers: Vec<String> = (0..12_501)
        .map(|n| format!("10.1.{}.{}", n / 250, n % 250 + 1))
        .collect();
    let error = clinic
        .declare(WEB, json!({ "check": checks, "servers": servers }))
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("100008 checks") && said.contains("100000 at most"),
        "{said}"
    );
    assert!(clinic.lab.rules().services.is_empty());
}

#[test]
fn a_rehearsal_knows_what_the_checks_found() {
    let clinic = Clinic::with_web();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    let dry = clinic.director().dry().unwrap();
    let mut session = Session::new(dry, ChangeOptions::default());
    session
        .declare_service(key(WEB), two().as_object().unwrap())
        .unwrap();
    let report = session.commit(&plain()).unwrap();
    assert_eq!(report.plan.changes, []);
}

#[test]
fn a_state_that_cannot_be_read_changes_nothing() {
    let clinic = Clinic::with_web();
    clinic.finds(WEB, "10.0.0.2", DOWN);
    clinic
        .checks
        .0
        .replace(Knowledge::Unreadable("its version is 9".to_owned()));
    clinic.director().restore(false, &plain()).unwrap();
    clinic.declare(WEB, two()).unwrap();
    assert_eq!(clinic.weight("10.0.0.2"), Some(0));
    assert_eq!(clinic.weight("10.0.0.1"), Some(3));
}

#[test]
fn a_policy_brings_its_setting_and_the_last_one_takes_it_along() {
    let setting = |clinic: &Clinic| {
        let live = clinic.director().live_with_host().unwrap();
        let name = ipvsh::model::SysctlName::parse("net.ipv4.vs.expire_quiescent_template");
        live.rules.settings.sysctl(name.unwrap()).cloned()
    };
    let clinic = Clinic::new();
    let other = "tcp 192.0.2.11:80";
    let options = json!({ "check": "tcp", "persistent": 300, "servers": ["10.0.0.1"] });
    clinic.declare(WEB, options.clone()).unwrap();
    clinic.declare(other, options).unwrap();
    let value = |clinic: &Clinic| setting(clinic).map(|value| value.to_string());
    assert_eq!(value(&clinic).as_deref(), Some("1"));
    let remove = |name: &str| {
        clinic
            .commit(&allowing_removals(), |session| {
                session.remove_service(key(name))
            })
            .unwrap();
    };
    remove(WEB);
    clinic.holds_what_it_should("the first removal");
    assert_eq!(value(&clinic).as_deref(), Some("1"));
    remove(other);
    let name = ipvsh::model::SysctlName::parse("net.ipv4.vs.expire_quiescent_template").unwrap();
    let all = clinic.director().host_settings().unwrap();
    assert_eq!(all.sysctl(name).unwrap().to_string(), "0");
}

#[test]
fn two_writers_of_one_policy_merge_by_option() {
    let clinic = Clinic::with_web();
    let set = |options: Value| {
        let mut session = Session::new(clinic.director(), ChangeOptions::default());
        session
            .set_service(key(WEB), options.as_object().unwrap())
            .unwrap();
        session
    };
    let mut one = set(json!({ "on_fail": "remove" }));
    let mut other = set(json!({ "check": { "type": "http", "path": "/health" } }));
    let mut third = set(json!({ "on_fail": "quiesce" }));
    one.commit(&plain()).unwrap();
    other.commit(&plain()).unwrap();
    let policy = clinic.head().services[&key(WEB)].policy.json();
    assert_eq!(policy["on_fail"], "remove");
    assert_eq!(policy["check"]["path"], "/health");
    let error = third.commit(&plain()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
}

#[test]
fn policies_are_kept_whole_by_the_database_and_its_mirror() {
    let clinic = Clinic::new();
    let many: Vec<Value> = (1..=60)
        .map(|n| json!({ "address": format!("10.0.1.{n}"), "host": format!("web{n}") }))
        .collect();
    clinic
        .declare(
            WEB,
            json!({ "check": "tcp", "on_fail": "remove", "servers": many }),
        )
        .unwrap();
    let head = clinic.head();
    assert_eq!(head.services[&key(WEB)].server_policies.len(), 60);
    let (_, mirrored) = ipvsh::store::Stores::mirror(&clinic.lab.stores()).unwrap();
    assert_eq!(mirrored, head);
    // One of them changes, and one goes.
    clinic
        .commit(&plain(), |session| {
            let server = ServerKey::parse("10.0.1.7", &key(WEB)).unwrap();
            let options = json!({ "host": "elsewhere" });
            session.set_server(key(WEB), server, options.as_object().unwrap())?;
            session.remove_server(key(WEB), ServerKey::parse("10.0.1.8", &key(WEB)).unwrap())
        })
        .unwrap();
    let head = clinic.head();
    let policies = &head.services[&key(WEB)].server_policies;
    assert_eq!(policies.len(), 59);
    let (_, mirrored) = ipvsh::store::Stores::mirror(&clinic.lab.stores()).unwrap();
    assert_eq!(mirrored, head);
    clinic.director().rollback(None, &plain()).unwrap();
    assert_eq!(clinic.head().services[&key(WEB)].server_policies.len(), 60);
}

/// Commits, transitions, rollbacks and restores in any order: the kernel holds what it should after
/// each.
#[test]
fn whatever_happens_the_kernel_holds_the_overlay_of_the_head() {
    let rounds = variable("IPVSH_HEALTH_ROUNDS").unwrap_or(12);
    let seed = seed();
    println!("IPVSH_HEALTH_ROUNDS={rounds} IPVSH_SEED={seed}");
    let mut random = Random::new(seed);
    let names = [WEB, "udp 192.0.2.10:53", "tcp 192.0.2.11:443"];
    let servers = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    for _ in 0..rounds {
        let clinic = Clinic::new();
        let mut said = Vec::new();
        for _ in 0..14 {
            let name = names[random.below(names.len())];
            let server = servers[random.below(servers.len())];
            match random.below(8) {
                0..=2 => {
                    let count = random.below(4);
                    let listed: Vec<Value> = servers[..count]
                        .iter()
                        .map(|server| json!({ "address": server, "weight": random.below(4) }))
                        .collect();
                    let check = random.among(&[json!("tcp"), Value::Null]).unwrap();
                    let on_fail = random
                        .among(&[json!("remove"), json!("quiesce"), Value::Null])
                        .unwrap();
                    let persistent = random.among(&[0, 300]).unwrap();
                    let options = json!({ "check": check, "on_fail": on_fail, "servers": listed,
                        "persistent": persistent });
                    said.push(format!("declare {name} {options}"));
                    clinic
                        .commit(&allowing_removals(), |session| {
                            session.declare_service(key(name), options.as_object().unwrap())
                        })
                        .unwrap();
                }
                3 | 4 => {
                    let situation = random
                        .among(&[DOWN, Some(Situation::Waiting), None])
                        .unwrap();
                    said.push(format!("{name} {server} {situation:?}"));
                    // Checks only speak of servers that are checked.
                    let head = clinic.head();
                    let service = head.services.get(&key(name));
                    let of = target(name, server);
                    if service.is_some_and(|s| !s.checks_of(&of.server).is_empty())
                        && head.has(&EntryKey::Server(of.service, of.server))
                    {
                        clinic.finds(name, server, situation);
                    }
                }
                5 => {
                    said.push("rollback 1".to_owned());
                    let _ = clinic
                        .director()
                        .rollback(Some(&id(1)), &allowing_removals());
                }
                6 => {
                    said.push(format!("remove {name}"));
                    let _ = clinic.commit(&allowing_removals(), |session| {
                        session.remove_service(key(name))
                    });
                }
                _ => {
                    said.push(format!("another hand at {name} {server}, then restore"));
                    if clinic.lab.rules().has(&server_entry(name, server)) {
                        clinic.lab.others_weigh(name, server, 9);
                    }
                    let _ = clinic.director().restore(false, &plain());
                }
            }
            clinic.holds_what_it_should(&said.join("\n"));
        }
    }
}

/// A commit dies or fails between two of its steps, the daemon writes what it finds before and after the
/// recovery, and the kernel is at last what it should be by the head that stands.
#[test]
fn a_commit_that_dies_between_two_steps_and_the_daemon_agree_in_the_end() {
    let rounds = variable("IPVSH_HEALTH_ROUNDS").unwrap_or(40);
    let seed = seed();
    println!("IPVSH_HEALTH_ROUNDS={rounds} IPVSH_SEED={seed}");
    let mut random = Random::new(seed);
    let names = [WEB, "udp 192.0.2.10:53"];
    let servers = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let situations = [DOWN, Some(Situation::Waiting), None];
    let (mut died, mut undone) = (0, 0);
    for round in 0..rounds {
        let clinic = Clinic::new();
        let mut said = vec![format!("round {round}")];
        let mut declare = |random: &mut Random, name: &str| {
            let count = 1 + random.below(3);
            let listed: Vec<Value> = servers[..count]
                .iter()
                .map(|server| json!({ "address": server, "weight": 1 + random.below(4) }))
                .collect();
            let on_fail = random.among(&[json!("remove"), json!("quiesce")]).unwrap();
            let options = json!({ "check": "tcp", "on_fail": on_fail, "servers": listed });
            said.push(format!("{name} {options}"));
            options
        };
        for name in names {
            let options = declare(&mut random, name);
            clinic.declare(name, options).unwrap();
        }
        let finds = |random: &mut Random, said: &mut Vec<String>| {
            let head = clinic.head();
            let name = names[random.below(names.len())];
            let server = servers[random.below(servers.len())];
            let situation = random.among(&situations).unwrap();
            let of = target(name, server);
            if head.has(&EntryKey::Server(of.service, of.server)) {
                said.push(format!("{name} {server} {situation:?}"));
                clinic.finds(name, server, situation);
            }
        };
        let options = names.map(|name| (name, declare(&mut random, name)));
        for _ in 0..random.below(3) {
            finds(&mut random, &mut said);
        }
        let faults = Faults::new();
        let effect = match random.below(4) {
            0 => Effect::Fail(Errno::from_raw(12)),
            1 => Effect::LoseAfter,
            2 => Effect::Before(Box::new(die)),
            _ => Effect::After(Box::new(die)),
        };
        faults.add(Point::Step(1 + random.below(4)), effect);
        let kernel = Faulty::new(clinic.lab.sim.clone(), faults);
        let stores = Rc::new(clinic.lab.stores());
        let director = Director::new(Box::new(kernel), stores, "ada".to_owned())
            .with_health(Rc::new(clinic.checks.clone()));
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut session = Session::new(director, ChangeOptions::default());
            for (name, options) in &options {
                session.declare_service(key(name), options.as_object().unwrap())?;
            }
            session.commit(&allowing_removals())
        }));
        match ended {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                assert_eq!(error.kind(), Kind::Undone, "{said:?}: {error}");
                undone += 1;
            }
            Err(payload) => {
                assert!(payload.is::<shared::Died>(), "a panic of ours");
                died += 1;
            }
        }
        for _ in 0..random.below(4) {
            finds(&mut random, &mut said);
        }
        // The next command that writes settles what is open.
        clinic.declare("tcp 203.0.113.1:1", json!({})).unwrap();
        for _ in 0..random.below(3) {
            finds(&mut random, &mut said);
        }
        clinic.holds_what_it_should(&said.join("\n"));
    }
    assert!(died > 0 && undone > 0, "{died} {undone}");
}
