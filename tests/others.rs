//! What other programs do to the same table meanwhile: between our look and our step, before a
//! recovery, while a commit awaits confirmation. Theirs stays theirs, and a return brings back what
//! the kernel held.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use ipvsh::director::{
    ChangeOptions, Director, Keeper, Report, Retention, Session, Unwatched, Watch, Watcher,
};
use ipvsh::error::{Kind, Result};
use ipvsh::ipvs::Errno;
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::kernel::{Faults, Faulty, Sim};
use ipvsh::model::{
    EntryKey, EntryValue, Family, Grace, RealServer, Ruleset, ServerKey, ServiceKey, SnapshotId,
    SnapshotName, VirtualService, Weight,
};
use ipvsh::plan::Step;
use ipvsh::store::{self, DatabaseKind, SledStores};
use serde_json::{Value, json};

const WEB: &str = "tcp 192.0.2.10:80";
const MAIL: &str = "tcp 192.0.2.50:443";

/// The boot, the clock and the network namespaces of a host.
struct Clock {
    now: Cell<u64>,
    is_gone: Cell<bool>,
    watched: RefCell<Vec<u64>>,
}

impl Keeper for Clock {
    fn boot(&self) -> Result<String> {
        Unwatched.boot()
    }

    fn now(&self) -> u64 {
        self.now.get()
    }

    fn has_namespace(&self, _: &str) -> bool {
        !self.is_gone.get()
    }

    fn watch(&self, id: SnapshotId) -> Result<Option<Box<dyn Watcher>>> {
        self.watched.borrow_mut().push(id.0);
        Ok(None)
    }
}

/// A kernel that several programs change, and a database on disk.
struct Lab {
    sim: Sim,
    faults: Faults,
    clock: Rc<Clock>,
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Lab {
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
    fn with_others() -> Lab {
        let lab = Lab::new();
        lab.others_make(MAIL, &[("10.5.5.1", 3), ("10.5.5.2", 0)]);
        lab
    }

    fn stores(&self) -> SledStores {
        SledStores::new(self.dir.path().join("db"), DatabaseKind::Sim)
            .waiting(Duration::from_secs(1))
    }

    fn director(&self) -> Director {
        self.director_on(self.stores())
    }

    fn director_on(&self, stores: SledStores) -> Director {
        let kernel = Faulty::new(self.sim.clone(), self.faults.clone());
        Director::new(Box::new(kernel), Rc::new(stores), "ada".to_owned())
            .with_keeper(Rc::clone(&self.clock) as Rc<dyn Keeper>)
    }

    fn commit(
        &self,
        options: &ChangeOptions,
        edit: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<Report> {
        let mut session = Session::new(self.director(), ChangeOptions::default());
        edit(&mut session)?;
        session.commit(options)
    }

    fn declare(&self, name: &str, options: Value) -> Result<Report> {
        self.commit(&plain(), |session| {
            session.declare_service(key(name), options.as_object().unwrap())
        })
    }

    fn others_make(&self, name: &str, servers: &[(&str, i64)]) {
        self.sim.edit(|live| put(&mut live.rules, name, servers));
    }

    fn rules(&self) -> Ruleset {
        self.sim.live().rules
    }

    fn weight(&self, name: &str, server: &str) -> Option<i64> {
        match self.rules().get(&server_entry(name, server))? {
            EntryValue::Server(server) => Some(i64::from(server.weight.value())),
            _ => None,
        }
    }

    fn others_weigh(&self, name: &str, server: &str, weight: i64) {
        self.sim.edit(|live| {
            let service = live.rules.services.get_mut(&key(name)).unwrap();
            let server = ServerKey::parse(server, &key(name)).unwrap();
            service.servers.get_mut(&server).unwrap().weight = Weight::new(weight).unwrap();
        });
    }

    fn messages(&self) -> Vec<String> {
        let history = self.director().history().unwrap();
        history
            .into_iter()
            .map(|snapshot| snapshot.message)
            .collect()
    }

    fn pass(&self, seconds: u64) {
        self.clock.now.set(self.clock.now.get() + seconds * 1000);
    }
}

fn put(rules: &mut Ruleset, name: &str, servers: &[(&str, i64)]) {
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

fn key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

fn server_entry(name: &str, server: &str) -> EntryKey {
    EntryKey::Server(key(name), ServerKey::parse(server, &key(name)).unwrap())
}

fn plain() -> ChangeOptions {
    ChangeOptions::default()
}

fn confirmed_within(seconds: i64) -> ChangeOptions {
    ChangeOptions {
        confirm: Some(Grace::new(seconds).unwrap()),
        ..plain()
    }
}

fn allowing_removals() -> ChangeOptions {
    ChangeOptions {
        allow_removals: true,
        ..plain()
    }
}

fn id(number: u64) -> SnapshotName {
    SnapshotName::Id(SnapshotId(number))
}

/// Ends the process in a test's eyes.
struct Died;

fn die() {
    resume_unwind(Box::new(Died));
}

fn dies<T>(run: impl FnOnce() -> T) {
    let ended = catch_unwind(AssertUnwindSafe(run));
    assert!(ended.err().unwrap().is::<Died>());
}

fn web() -> Value {
    json!({ "servers": ["10.0.0.1"] })
}

// --- between our look and our step ---------------------------------------------------------------

/// Another tool makes our service, with a server at weight 7, before our n-th step.
fn others_come_first(lab: &Lab, step: usize, servers: &'static [(&str, i64)]) {
    let sim = lab.sim.clone();
    let make = move || sim.edit(|live| put(&mut live.rules, WEB, servers));
    lab.faults
        .add(Point::Step(step), Effect::Before(Box::new(make)));
}

#[test]
fn a_service_that_somebody_makes_before_our_step_is_not_undone() {
    for servers in [&[("10.9.9.9", 7)][..], &[("10.0.0.1", 7)], &[]] {
        let lab = Lab::new();
        others_come_first(&lab, 1, servers);
        let error = lab.declare(WEB, web()).unwrap_err();
        assert_eq!(error.kind(), Kind::Undone);
        assert!(
            error.to_string().ends_with("it is there already (EEXIST)"),
            "{error}"
        );
        let mut theirs = Ruleset::default();
        put(&mut theirs, WEB, servers);
        assert_eq!(lab.rules().services, theirs.services);
        assert_eq!(lab.messages(), [""; 0]);
    }
}

#[test]
fn nor_by_a_restore() {
    for best_effort in [false, true] {
        let lab = Lab::new();
        lab.declare(WEB, web()).unwrap();
        lab.sim.edit(|live| live.rules.services.clear());
        others_come_first(&lab, 3, &[("10.0.0.1", 7)]);
        let result = lab.director().restore(best_effort, &plain());
        assert!(lab.weight(WEB, "10.0.0.1").is_some(), "{result:?}");
        if !best_effort {
            assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(7));
        }
    }
}

#[test]
fn what_somebody_puts_into_our_service_keeps_it_and_is_named() {
    let lab = Lab::new();
    let sim = lab.sim.clone();
    let add = move || {
        sim.edit(|live| {
            let server = Some(EntryValue::Server(RealServer::default()));
            live.rules.put(&server_entry(WEB, "10.9.9.9"), server);
        });
    };
    lab.faults
        .add(Point::Step(2), Effect::Before(Box::new(add)));
    let lab_faults = lab.faults.clone();
    lab_faults.add(
        Point::Matching(Box::new(|step| step.object().contains("10.0.0.2"))),
        Effect::Fail(Errno::NOBUFS),
    );
    let error = lab
        .declare(WEB, json!({ "servers": ["10.0.0.1", "10.0.0.2"] }))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Undone);
    assert_eq!(
        error.hints(),
        [
            "every step before it was undone",
            "virtual service tcp 192.0.2.10:80 stays as the kernel has it: somebody else changed it \
             meanwhile"
        ]
    );
    let mut left = Ruleset::default();
    put(&mut left, WEB, &[("10.9.9.9", 1)]);
    assert_eq!(lab.rules().services, left.services);
}

// --- before a recovery ---------------------------------------------------------------------------

#[test]
fn a_recovery_takes_back_nothing_that_was_never_sent() {
    let lab = Lab::new();
    let faults: store::Faults = Rc::new(|point| {
        if point == "reached" {
            die();
        }
        Ok(())
    });
    dies(|| {
        let mut session = Session::new(lab.director_on(lab.stores().with_faults(faults)), plain());
        let options = json!({});
        session.declare_service(key(WEB), options.as_object().unwrap())?;
        session.commit(&plain())
    });
    lab.others_make(WEB, &[]);
    let report = lab.declare("udp 192.0.2.9:53", json!({})).unwrap();
    assert!(
        report.notes[0].ends_with("did not finish: nothing of it had been sent to the kernel"),
        "{:?}",
        report.notes
    );
    assert!(lab.rules().services.contains_key(&key(WEB)));
}

#[test]
fn a_recovery_leaves_what_somebody_changed_since_and_says_so() {
    let lab = Lab::new();
    lab.faults.add(
        Point::Matching(Box::new(|step| matches!(step, Step::AddServer { .. }))),
        Effect::After(Box::new(die)),
    );
    dies(|| lab.declare(WEB, web()));
    lab.sim.edit(|live| {
        let server = Some(EntryValue::Server(RealServer::default()));
        live.rules.put(&server_entry(WEB, "10.9.9.9"), server);
    });
    // Every command that writes recovers, and says what it did: a tag too.
    let mut director = lab.director();
    let error = director.tag(&SnapshotName::Head(0), "x").unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let told = error.hints().last().unwrap().clone();
    assert_eq!(
        told,
        format!(
            "the commit \"+tcp 192.0.2.10:80 with 1 server\" by ada at {} did not finish: it was \
             undone; virtual service tcp 192.0.2.10:80 stays as the kernel has it: somebody else \
             changed it meanwhile",
            began(&told)
        )
    );
    let mut left = Ruleset::default();
    put(&mut left, WEB, &[("10.9.9.9", 1)]);
    assert_eq!(lab.rules().services, left.services);
}

/// The moment in a sentence about a commit.
fn began(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split(' ').collect();
    let at = words.iter().position(|word| *word == "at").unwrap();
    words[at + 1].to_owned()
}

#[test]
fn a_commit_of_a_namespace_that_is_gone_is_closed_with_a_note() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    lab.faults.add(
        Point::Matching(Box::new(|step| matches!(step, Step::AddService { .. }))),
        Effect::After(Box::new(die)),
    );
    dies(|| lab.declare(MAIL, json!({})));
    // The container starts anew, with the same database.
    let again = Lab {
        sim: lab.sim.another_namespace("net:[2]"),
        faults: Faults::new(),
        clock: Rc::clone(&lab.clock),
        dir: lab.dir,
    };
    let refused = again.director().restore(false, &plain()).unwrap_err();
    assert_eq!(refused.kind(), Kind::State, "{refused}");
    again.clock.is_gone.set(true);
    let report = again.director().restore(false, &plain()).unwrap();
    assert!(
        report.notes[0]
            .ends_with("was cut off by the end of its network namespace: nothing of it is left"),
        "{:?}",
        report.notes
    );
    assert!(again.rules().services.contains_key(&key(WEB)));

    // The same for one that awaits confirmation.
    let declared = again.commit(&confirmed_within(60), |session| {
        let options = json!({ "scheduler": "sh" });
        session.set_service(key(WEB), options.as_object().unwrap())
    });
    declared.unwrap();
    let third = Lab {
        sim: again.sim.another_namespace("net:[3]"),
        faults: Faults::new(),
        clock: Rc::clone(&again.clock),
        dir: again.dir,
    };
    let report = third.director().restore(false, &plain()).unwrap();
    assert_eq!(
        report.notes[0],
        "snapshot 2 was not confirmed before its network namespace was gone: rolled back to 1, \
         snapshot 3"
    );
    let now = third.rules().services[&key(WEB)]
        .options
        .scheduler
        .to_string();
    assert_eq!(now, "wlc");
}

// --- what a return brings back -------------------------------------------------------------------

/// Adds a server to a service that another tool made; returns what the kernel held before.
fn one_server_more(lab: &Lab) -> Ruleset {
    let before = lab.rules();
    let added = lab.commit(&plain(), |session| {
        let service = session.find_service(MAIL)?;
        let server = ServerKey::parse("10.5.5.6", &service)?;
        session.find_or_create_server(service, server)
    });
    added.unwrap();
    assert_eq!(lab.weight(MAIL, "10.5.5.6"), Some(1));
    before
}

#[test]
fn the_undo_of_the_first_snapshot_takes_away_what_it_added() {
    let lab = Lab::with_others();
    let before = one_server_more(&lab);
    let report = lab.director().revert(&id(1), &plain()).unwrap();
    assert_eq!(lab.rules(), before);
    assert_eq!(report.plan.changes.len(), 1);
    // And that in turn can be undone.
    lab.director().rollback(Some(&id(1)), &plain()).unwrap();
    assert_eq!(lab.weight(MAIL, "10.5.5.6"), Some(1));
}

#[test]
fn a_rollback_and_a_later_revert_take_away_that_alone() {
    for undo in ["rollback", "revert", "rollback after a prune"] {
        let lab = Lab::new();
        lab.declare(WEB, web()).unwrap();
        lab.director().tag(&SnapshotName::Head(0), "base").unwrap();
        lab.others_make(MAIL, &[("10.5.5.1", 3), ("10.5.5.2", 0)]);
        let before = one_server_more(&lab);
        lab.others_weigh(MAIL, "10.5.5.1", 4);
        lab.declare(WEB, json!({ "scheduler": "sh" })).unwrap();
        let mut director = lab.director();
        match undo {
            "revert" => director.revert(&id(2), &plain()),
            "rollback" => director.rollback(Some(&id(1)), &plain()),
            _ => {
                let keep = Retention {
                    keep: Some(1),
                    ..Retention::default()
                };
                assert_eq!(
                    director.prune(&keep, false).unwrap().removed,
                    [SnapshotId(2)]
                );
                director.rollback(Some(&SnapshotName::parse("base").unwrap()), &plain())
            }
        }
        .unwrap();
        // A weight that another tool set since is not ours to return.
        let mut expected = before.services[&key(MAIL)].clone();
        let server = ServerKey::parse("10.5.5.1", &key(MAIL)).unwrap();
        expected.servers.get_mut(&server).unwrap().weight = Weight::new(4).unwrap();
        assert_eq!(lab.rules().services[&key(MAIL)], expected, "{undo}");
    }
}

#[test]
fn the_removal_of_a_foreign_service_is_recorded_and_undone() {
    let lab = Lab::with_others();
    let before = lab.rules();
    let report = lab
        .commit(&plain(), |session| session.remove_service(key(MAIL)))
        .unwrap();
    assert_eq!(report.snapshot().unwrap().id, SnapshotId(1));
    assert!(lab.rules().services.is_empty());
    lab.declare(WEB, web()).unwrap();
    lab.director().revert(&id(1), &plain()).unwrap();
    assert_eq!(
        lab.rules().services[&key(MAIL)],
        before.services[&key(MAIL)]
    );
    assert!(lab.rules().services.contains_key(&key(WEB)));

    // Where somebody made it anew meanwhile, theirs stays.
    lab.commit(&plain(), |session| session.remove_service(key(MAIL)))
        .unwrap();
    lab.others_make(MAIL, &[("10.6.6.6", 1)]);
    lab.director().rollback(None, &plain()).unwrap();
    assert_eq!(lab.weight(MAIL, "10.6.6.6"), Some(1));
    assert_eq!(lab.weight(MAIL, "10.5.5.1"), None);
}

#[test]
fn foreign_servers_that_go_with_our_service_come_back_with_it() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    lab.sim.edit(|live| {
        let server = Some(EntryValue::Server(RealServer::default()));
        live.rules.put(&server_entry(WEB, "10.9.9.9"), server);
    });
    let before = lab.rules();
    lab.commit(&plain(), |session| session.remove_service(key(WEB)))
        .unwrap();
    lab.director().rollback(None, &plain()).unwrap();
    assert_eq!(lab.rules(), before);
    assert_eq!(
        lab.director().head_rules().unwrap().services[&key(WEB)]
            .servers
            .len(),
        1
    );
}

#[test]
fn timeouts_return_to_what_was_there() {
    let lab = Lab::new();
    lab.sim.edit(|live| live.rules.timeouts.tcp = Some(3600));
    let set = |seconds: i64| {
        lab.commit(&plain(), |session| {
            let timeouts = ipvsh::model::Timeouts {
                tcp: Some(u32::try_from(seconds).unwrap()),
                ..Default::default()
            };
            session.settings()?.set_timeouts(&timeouts);
            Ok(())
        })
        .unwrap();
    };
    set(600);
    set(700);
    lab.director().revert(&id(1), &plain()).unwrap_err();
    lab.director().rollback(Some(&id(1)), &plain()).unwrap();
    assert_eq!(lab.rules().timeouts.tcp, Some(600));
    lab.director().revert(&id(3), &plain()).unwrap();
    assert_eq!(lab.rules().timeouts.tcp, Some(700));
    // No longer wanted.
    let mut session = Session::new(lab.director(), plain());
    session.candidate().unwrap().clear();
    session.commit(&plain()).unwrap();
    assert_eq!(lab.rules().timeouts.tcp, Some(3600));
}

#[test]
fn an_exact_restore_is_guarded_recorded_and_undone() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    for number in 1..30 {
        lab.others_make(&format!("tcp 198.51.100.{number}:80"), &[("10.7.7.7", 1)]);
    }
    let before = lab.rules();
    let exact = ChangeOptions {
        exact: true,
        ..plain()
    };
    let error = lab.director().restore(false, &exact).unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    assert_eq!(
        error.message(),
        "refused: this would remove 29 of 30 virtual services"
    );
    assert_eq!(lab.rules(), before);
    let exact = ChangeOptions {
        allow_removals: true,
        ..exact
    };
    let report = lab.director().restore(false, &exact).unwrap();
    assert_eq!(lab.rules().services.len(), 1);
    assert_eq!(
        report.sentence(),
        "snapshot 2 (1 before), 58 changes, verified. Undo: ipvsh rollback 1"
    );
    lab.director().rollback(None, &plain()).unwrap();
    assert_eq!(lab.rules(), before);
    // Without anything foreign it is a restore.
    lab.sim
        .edit(|live| live.rules.services.retain(|name, _| *name == key(WEB)));
    let report = lab.director().restore(false, &exact).unwrap();
    assert_eq!(report.sentence(), "nothing to change");
}

#[test]
fn everything_of_three_services_needs_a_word() {
    let lab = Lab::new();
    for number in 1..=3 {
        lab.declare(&format!("tcp 192.0.2.{number}:80"), web())
            .unwrap();
    }
    let clear = |options: &ChangeOptions| {
        let mut session = Session::new(lab.director(), plain());
        session.candidate().unwrap().clear();
        session.commit(options)
    };
    let error = clear(&plain()).unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    assert_eq!(
        error.message(),
        "refused: this would remove 3 of 3 virtual services"
    );
    clear(&allowing_removals()).unwrap();
    assert!(lab.rules().services.is_empty());
    lab.director().rollback(None, &plain()).unwrap();
    assert_eq!(lab.rules().services.len(), 3);
}

/// The undo of an undo: what was given back goes again, where it is as it was found.
#[test]
fn a_rollback_that_gave_back_is_undone_in_turn() {
    for undo in ["rollback", "revert"] {
        let lab = Lab::with_others();
        lab.declare(WEB, web()).unwrap();
        lab.commit(&plain(), |session| session.remove_service(key(MAIL)))
            .unwrap();
        let removed = lab.rules();
        lab.director().rollback(Some(&id(1)), &plain()).unwrap();
        assert!(lab.rules().services.contains_key(&key(MAIL)));
        match undo {
            "rollback" => lab.director().rollback(Some(&id(2)), &plain()),
            _ => lab.director().revert(&id(3), &plain()),
        }
        .unwrap();
        assert_eq!(lab.rules(), removed, "{undo}");
        // And once more, where somebody changed it meanwhile.
        lab.director().rollback(Some(&id(1)), &plain()).unwrap();
        lab.others_weigh(MAIL, "10.5.5.1", 9);
        lab.director().rollback(Some(&id(2)), &plain()).unwrap();
        assert_eq!(lab.weight(MAIL, "10.5.5.1"), Some(9), "{undo}");
    }
}

// --- at a deadline -------------------------------------------------------------------------------

#[test]
fn a_foreign_service_that_was_removed_comes_back_unless_confirmed() {
    let lab = Lab::with_others();
    lab.declare(WEB, web()).unwrap();
    let before = lab.rules();
    let report = lab
        .commit(&confirmed_within(2), |session| {
            session.remove_service(key(MAIL))
        })
        .unwrap();
    assert_eq!(report.awaiting().unwrap().snapshot, SnapshotId(2));
    assert!(!lab.rules().services.contains_key(&key(MAIL)));
    lab.pass(2);
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.rules(), before);
    assert_eq!(lab.messages()[0], "rollback to 1 (not confirmed)");
}

#[test]
fn the_deadline_takes_back_the_commit_and_repairs_nothing_else() {
    let lab = Lab::new();
    let servers = json!({ "servers": ["10.0.0.1", "10.0.0.2", "10.0.0.3"] });
    lab.declare(WEB, servers.clone()).unwrap();
    lab.declare(MAIL, servers).unwrap();
    lab.declare("udp 192.0.2.1:53", web()).unwrap();
    let added = lab.commit(&confirmed_within(3), |session| {
        let server = ServerKey::parse("10.0.0.9", &key(WEB))?;
        session.find_or_create_server(key(WEB), server)?;
        let weight = json!({ "weight": 5 });
        let server = ServerKey::parse("10.0.0.1", &key(WEB))?;
        session.set_server(key(WEB), server, weight.as_object().unwrap())
    });
    added.unwrap();
    // A health checker takes two servers out, one of them new; an operator removes one and a service.
    lab.others_weigh(WEB, "10.0.0.9", 0);
    lab.others_weigh(MAIL, "10.0.0.2", 0);
    lab.sim.edit(|live| {
        live.rules.put(&server_entry(WEB, "10.0.0.3"), None);
        live.rules.services.remove(&key("udp 192.0.2.1:53"));
    });
    lab.pass(3);
    let mut notes = Vec::new();
    let watched = lab.director().watch(SnapshotId(4), &mut None, &mut notes);
    assert_eq!(watched.unwrap(), Watch::Over);
    assert_eq!(
        notes,
        ["snapshot 4 was not confirmed in time: rolled back to 3, snapshot 5, 2 changes"]
    );
    assert_eq!(lab.weight(WEB, "10.0.0.9"), None);
    assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(1));
    assert_eq!(lab.weight(WEB, "10.0.0.3"), None);
    assert_eq!(lab.weight(MAIL, "10.0.0.2"), Some(0));
    assert!(!lab.rules().services.contains_key(&key("udp 192.0.2.1:53")));
}

#[test]
fn what_somebody_set_since_stays_and_is_named() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    let weigh = |weight: i64| {
        lab.commit(&confirmed_within(3), |session| {
            let weight = json!({ "weight": weight, "upper": 9 });
            let server = ServerKey::parse("10.0.0.1", &key(WEB))?;
            session.set_server(key(WEB), server, weight.as_object().unwrap())
        })
    };
    weigh(5).unwrap();
    lab.others_weigh(WEB, "10.0.0.1", 7);
    lab.pass(3);
    let report = lab.declare(MAIL, web()).unwrap();
    assert_eq!(
        report.notes,
        [
            "snapshot 2 was not confirmed in time: rolled back to 1, snapshot 3, 1 change; virtual \
          service tcp 192.0.2.10:80: real server 10.0.0.1:80 stays as the kernel has it: somebody \
          else changed it meanwhile"
        ]
    );
    assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(7));
    let Some(EntryValue::Server(server)) = lab.rules().get(&server_entry(WEB, "10.0.0.1")) else {
        panic!("gone");
    };
    assert_eq!(server.upper, 0);
    let listing = lab.director().listing(&Default::default(), false).unwrap();
    let told = &listing.events.last().unwrap().message;
    assert!(
        told.starts_with("the rollback of snapshot 2 left: "),
        "{told}"
    );
}

#[test]
fn a_full_disk_does_not_keep_the_kernel_from_being_rolled_back() {
    for point in ["mirror", "database"] {
        let lab = Lab::new();
        lab.declare(WEB, web()).unwrap();
        lab.commit(&confirmed_within(3), |session| {
            session.remove_service(key(WEB))
        })
        .unwrap();
        lab.pass(3);
        let full: store::Faults = Rc::new(move |at| match at == point {
            true => Err(std::io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        });
        let mut notes = Vec::new();
        let mut known = None;
        let error = lab
            .director_on(lab.stores().with_faults(full))
            .watch(SnapshotId(2), &mut known, &mut notes)
            .unwrap_err();
        assert!(
            error
                .hints()
                .iter()
                .any(|hint| hint.contains("the kernel is rolled back to 1")),
            "{error:?}"
        );
        assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(1));
        // When there is room again it is recorded.
        let watched = lab.director().watch(SnapshotId(2), &mut known, &mut notes);
        assert_eq!(watched.unwrap(), Watch::Over);
        assert_eq!(lab.messages()[0], "rollback to 1 (not confirmed)");
    }
}

#[test]
fn a_database_that_goes_away_takes_no_rollback_along() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    lab.commit(&confirmed_within(3), |session| {
        session.remove_service(key(WEB))
    })
    .unwrap();
    let (mut known, mut notes) = (None, Vec::new());
    let mut director = lab.director();
    let deadline = lab.clock.now.get() + 3000;
    let watch = |director: &mut Director, known: &mut _, notes: &mut _| {
        director.watch(SnapshotId(2), known, notes).unwrap()
    };
    assert_eq!(
        watch(&mut director, &mut known, &mut notes),
        Watch::Until(deadline)
    );
    let db = lab.dir.path().join("db");
    std::fs::rename(&db, lab.dir.path().join("away")).unwrap();
    assert_eq!(
        watch(&mut director, &mut known, &mut notes),
        Watch::Until(deadline)
    );
    assert!(!db.exists());
    lab.pass(3);
    assert_eq!(watch(&mut director, &mut known, &mut notes), Watch::Over);
    assert_eq!(
        notes,
        [
            "snapshot 2 was not confirmed in time: the kernel was rolled back, 2 changes; the history \
          does not hold it any more"
        ]
    );
    assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(1));
    assert!(!db.exists());
    // Back in its place, the history learns of it.
    std::fs::rename(lab.dir.path().join("away"), &db).unwrap();
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.messages()[0], "rollback to 1 (not confirmed)");
}

#[test]
fn a_timer_waits_for_the_number_that_the_snapshot_gets() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    lab.declare(WEB, json!({ "scheduler": "sh" })).unwrap();
    // The newest snapshot is lost with the database and the end of the mirror; its number is not
    // given again.
    let db = lab.dir.path().join("db");
    std::fs::remove_dir_all(db.join("sled")).unwrap();
    let log = std::fs::read(db.join("mirror.log")).unwrap();
    let end = log[..log.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    std::fs::write(db.join("mirror.log"), &log[..=end]).unwrap();
    lab.stores().repair(chrono::DateTime::UNIX_EPOCH).unwrap();
    let head = lab.director().snapshot(&SnapshotName::Head(0)).unwrap();
    assert_eq!(head.id, SnapshotId(1));
    let report = lab
        .commit(&confirmed_within(3), |session| {
            session.remove_service(key(WEB))
        })
        .unwrap();
    let made = report.snapshot().unwrap().id;
    assert_eq!(made, SnapshotId(3));
    assert_eq!(*lab.clock.watched.borrow(), [made.0]);
}
