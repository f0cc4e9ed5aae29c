//! Commits that roll back by themselves unless confirmed: each way from one state to the next, on
//! the simulator, with a clock of the test's own and nobody who waits.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use ipvsh::director::{
    ArmedTimer, ChangeOptions, ConfirmTimer, Director, Left, Report, Session, TimerState,
};
use ipvsh::error::{Error, Kind, Result};
use ipvsh::kernel::{Faults, Faulty, Sim};
use ipvsh::model::{Grace, Ruleset, ServiceKey, SnapshotId, SnapshotName, Weight};
use ipvsh::notes::Note;
use ipvsh::store::{MemoryStores, Stores};
use serde_json::{Value, json};

/// A host whose clock and boot the test sets.
struct Host {
    now: Cell<u64>,
    boot: RefCell<String>,
    fails: Cell<bool>,
    /// Snapshots that somebody was started for, and whether their waiting began.
    watched: Rc<RefCell<Vec<(u64, bool)>>>,
}

struct Waiting(Rc<RefCell<Vec<(u64, bool)>>>);

impl ArmedTimer for Waiting {
    fn start(self: Box<Self>) -> Result<()> {
        self.0.borrow_mut().last_mut().unwrap().1 = true;
        Ok(())
    }
}

impl ConfirmTimer for Host {
    fn boot(&self) -> Result<String> {
        Ok(self.boot.borrow().clone())
    }

    fn now(&self) -> u64 {
        self.now.get()
    }

    fn arm(&self, id: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>> {
        if self.fails.get() {
            return Err(Error::new(Kind::System, "no more processes"));
        }
        self.watched.borrow_mut().push((id.0, false));
        Ok(Some(Box::new(Waiting(Rc::clone(&self.watched)))))
    }
}

struct Lab {
    sim: Sim,
    faults: Faults,
    stores: Rc<MemoryStores>,
    host: Rc<Host>,
}

const WEB: &str = "tcp 192.0.2.10:80";
const DNS: &str = "udp 192.0.2.10:53";

fn key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

fn first() -> Value {
    json!({ "scheduler": "rr", "servers": ["10.0.0.1"] })
}

fn dns() -> Value {
    json!({ "servers": ["10.0.0.2"] })
}

impl Lab {
    /// Snapshot 1 has one service with `rr`.
    fn new() -> Lab {
        let lab = Lab::empty();
        lab.declare(WEB, first(), None).unwrap();
        lab
    }

    fn empty() -> Lab {
        Lab {
            sim: Sim::new(&Ruleset::default()),
            faults: Faults::new(),
            stores: Rc::new(MemoryStores::new()),
            host: Rc::new(Host {
                now: Cell::new(1_000_000),
                boot: RefCell::new("first".to_owned()),
                fails: Cell::new(false),
                watched: Rc::default(),
            }),
        }
    }

    fn director(&self) -> Director {
        let kernel = Faulty::new(self.sim.clone(), self.faults.clone());
        let stores = Rc::clone(&self.stores) as Rc<dyn Stores>;
        Director::new(Box::new(kernel), stores, "alice".to_owned())
            .with_confirm_timer(Rc::clone(&self.host) as Rc<dyn ConfirmTimer>)
    }

    fn session(&self) -> Session {
        Session::new(self.director(), ChangeOptions::default())
    }

    fn declare(&self, name: &str, options: Value, confirm: Option<i64>) -> Result<Report> {
        let mut session = self.session();
        session.declare_service(key(name), options.as_object().unwrap())?;
        session.commit(&with(confirm))
    }

    /// Snapshot 2 has `wrr`, to be confirmed within 300 s.
    fn with_pending() -> Lab {
        let lab = Lab::new();
        lab.declare(WEB, json!({ "scheduler": "wrr" }), Some(300))
            .unwrap();
        lab
    }

    fn pass(&self, seconds: u64) {
        self.host.now.set(self.host.now.get() + seconds * 1000);
    }

    /// The kernel forgets everything, and the clock begins anew.
    fn reboot(&self) {
        *self.host.boot.borrow_mut() = "second".to_owned();
        self.host.now.set(5_000);
        self.sim.edit(|live| live.rules = Ruleset::default());
    }

    fn scheduler(&self, name: &str) -> Option<String> {
        let live = self.sim.live().rules;
        let service = live.services.get(&key(name))?;
        Some(service.options.scheduler.to_string())
    }

    /// The messages of the history, newest first.
    fn messages(&self) -> Vec<String> {
        let all = self.director().history().unwrap();
        all.into_iter().map(|snapshot| snapshot.message).collect()
    }
}

fn with(confirm: Option<i64>) -> ChangeOptions {
    ChangeOptions {
        message: Some("a change".to_owned()),
        confirm: confirm.map(|seconds| Grace::new(seconds).unwrap()),
        ..ChangeOptions::default()
    }
}

fn plain() -> ChangeOptions {
    ChangeOptions::default()
}

const ROLLED_BACK: [&str; 3] = ["rollback to 1 (not confirmed)", "a change", "a change"];

#[test]
fn a_commit_says_that_it_awaits_confirmation() {
    let lab = Lab::new();
    let report = lab
        .declare(WEB, json!({ "scheduler": "wrr" }), Some(300))
        .unwrap();
    assert_eq!(
        report.sentence(),
        "snapshot 2 (1 before), 1 change, verified. Rolls back in 300 s unless: ipvsh confirm"
    );
    assert_eq!(*lab.host.watched.borrow(), [(2, true)]);
    lab.pass(60);
    let awaiting = lab.director().pending().unwrap().unwrap();
    assert_eq!(awaiting.left, Left::Seconds(240));
    assert_eq!(lab.director().glance(), Some(awaiting));
    assert_eq!(
        awaiting.sentence(),
        "snapshot 2 awaits confirmation: it rolls back to 1 in 240 s unless: ipvsh confirm"
    );
    let notes = lab.director().plan_to(None, &plain()).unwrap().notes;
    assert_eq!(notes, [awaiting.sentence()]);
}

#[test]
fn what_is_confirmed_in_time_stands() {
    let lab = Lab::with_pending();
    lab.pass(299);
    let confirmed = lab.director().confirm().unwrap();
    assert_eq!(
        confirmed.sentence(),
        "snapshot 2 confirmed, 1 s before it would have rolled back"
    );
    lab.pass(1000);
    assert_eq!(lab.director().pending().unwrap(), None);
    assert_eq!(lab.director().glance(), None);
    assert_eq!(
        lab.director()
            .check_confirm_timer(SnapshotId(2), &mut None, &mut Vec::new())
            .unwrap(),
        TimerState::Over
    );
    lab.declare(DNS, dns(), None).unwrap();
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("wrr"));
    let error = lab.director().confirm().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot confirm: nothing awaits confirmation"
    );
}

#[test]
fn who_waits_rolls_back_when_the_time_is_over() {
    let lab = Lab::with_pending();
    let mut notes = Vec::new();
    let deadline = lab.host.now.get() + 300_000;
    let mut director = lab.director();
    let next = director
        .check_confirm_timer(SnapshotId(2), &mut None, &mut notes)
        .unwrap();
    assert_eq!(next, TimerState::Until(deadline));
    lab.pass(300);
    assert_eq!(
        director
            .check_confirm_timer(SnapshotId(2), &mut None, &mut notes)
            .unwrap(),
        TimerState::Over
    );
    assert_eq!(
        notes,
        [
            "snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 1 change"
        ]
    );
    assert_eq!(lab.messages(), ROLLED_BACK);
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    let head = lab.director().snapshot(&SnapshotName::Head(0)).unwrap();
    assert_eq!(head.rollback_of, Some(SnapshotId(1)));
}

#[test]
fn who_waits_for_what_was_never_committed_does_nothing() {
    let lab = Lab::new();
    let mut notes = Vec::new();
    assert_eq!(
        lab.director()
            .check_confirm_timer(SnapshotId(2), &mut None, &mut notes)
            .unwrap(),
        TimerState::Over
    );
    assert_eq!((notes.len(), lab.messages().len()), (0, 1));
}

#[test]
fn a_step_of_a_rollback_that_fails_is_tried_again_at_once() {
    let lab = Lab::with_pending();
    lab.pass(300);
    lab.faults.add(
        ipvsh::kernel::fault::Point::Matching(Box::new(|_| true)),
        ipvsh::kernel::fault::Effect::Fail(ipvsh::ipvs::Errno::NOBUFS),
    );
    let mut notes = Vec::new();
    assert_eq!(
        lab.director()
            .check_confirm_timer(SnapshotId(2), &mut None, &mut notes)
            .unwrap(),
        TimerState::Over
    );
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    assert_eq!(lab.messages(), ROLLED_BACK);
}

#[test]
fn a_step_of_a_rollback_that_keeps_failing_is_named_and_blocks_nothing() {
    let lab = Lab::with_pending();
    lab.pass(300);
    for _ in 0..2 {
        lab.faults.add(
            ipvsh::kernel::fault::Point::Matching(Box::new(|_| true)),
            ipvsh::kernel::fault::Effect::Fail(ipvsh::ipvs::Errno::NOBUFS),
        );
    }
    let report = lab.declare(DNS, dns(), None).unwrap();
    assert_eq!(
        report.notes,
        [
            "snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 0 changes; virtual \
          service tcp 192.0.2.10:80: cannot change: the kernel refuses it (ENOBUFS)"
        ]
    );
    // What is left is drift, which a restore repairs.
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("wrr"));
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
}

#[test]
fn the_next_writer_rolls_back_first_and_says_so() {
    let lab = Lab::with_pending();
    lab.pass(301);
    let report = lab.declare(DNS, dns(), None).unwrap();
    assert_eq!(
        report.notes,
        [
            "snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 1 change"
        ]
    );
    assert_eq!(lab.messages().len(), 4);
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    assert!(lab.scheduler(DNS).is_some());
}

#[test]
fn those_who_read_report_that_the_time_is_over() {
    let lab = Lab::with_pending();
    lab.pass(301);
    let status = lab.director().status(&plain()).unwrap();
    assert_eq!(status.pending.unwrap().left, Left::Expired);
    assert_eq!(status.suggestion().unwrap().0, "ipvsh restore");
    assert_eq!(lab.messages().len(), 2);
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("wrr"));
}

#[test]
fn a_confirmation_that_comes_too_late_is_refused_and_rolls_back() {
    let lab = Lab::with_pending();
    lab.pass(300);
    let error = lab.director().confirm().unwrap_err();
    assert_eq!(
        error.to_string(),
        "snapshot 2: cannot confirm: it comes too late"
    );
    assert_eq!(
        error.hints(),
        [
            "snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 1 change"
        ]
    );
    assert_eq!(lab.messages(), ROLLED_BACK);
}

#[test]
fn another_commit_is_refused_with_the_choice_explained() {
    let lab = Lab::with_pending();
    lab.pass(60);
    for confirm in [None, Some(10)] {
        let error = lab.declare(DNS, dns(), confirm).unwrap_err();
        assert_eq!(error.kind(), Kind::State);
        assert_eq!(
            error.to_string(),
            "cannot commit: snapshot 2 awaits confirmation, for another 240 s"
        );
        assert_eq!(
            error.hints(),
            [
                "to keep it: ipvsh confirm",
                "to take it back: ipvsh rollback (to 1)",
                "or wait: it rolls back to 1 by itself in 240 s",
            ]
        );
    }
    let error = lab.director().adopt(&[], false, &plain());
    assert!(
        error.is_ok(),
        "there is nothing to adopt: nothing to refuse"
    );
    assert_eq!(lab.scheduler(DNS), None);
    assert_eq!(lab.host.watched.borrow().len(), 1, "nobody else waits");
    // What changes nothing is no commit.
    let report = lab
        .declare(WEB, json!({ "scheduler": "wrr" }), None)
        .unwrap();
    assert_eq!(report.sentence(), "nothing to change");
    assert_eq!(report.notes.len(), 1);
}

#[test]
fn a_rollback_takes_it_back_at_once() {
    for (name, message) in [
        (None, "rollback to 1"),
        (Some(SnapshotName::Id(SnapshotId(1))), "rollback to 1"),
    ] {
        let lab = Lab::with_pending();
        let report = lab.director().rollback(name.as_ref(), &plain()).unwrap();
        assert_eq!(report.snapshot().unwrap().message, message);
        assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
        assert_eq!(lab.director().pending().unwrap(), None);
        lab.pass(301);
        lab.declare(DNS, dns(), None).unwrap();
        assert_eq!(lab.messages().len(), 4, "nothing was rolled back again");
    }
}

#[test]
fn a_rollback_can_be_confirmed_too_but_not_that_of_a_pending_one() {
    let lab = Lab::with_pending();
    let to = SnapshotName::Id(SnapshotId(1));
    let error = lab
        .director()
        .rollback(Some(&to), &with(Some(60)))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::State);
    lab.director().confirm().unwrap();
    lab.director().rollback(Some(&to), &with(Some(60))).unwrap();
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    // A bare one takes back what is pending, although the head is a rollback.
    lab.director().rollback(None, &plain()).unwrap();
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("wrr"));
}

#[test]
fn restore_goes_to_it_while_there_is_time_in_this_boot() {
    let lab = Lab::with_pending();
    lab.sim.edit(|live| live.rules.services.clear());
    let report = lab.director().restore(false, &plain()).unwrap();
    assert_eq!(report.sentence(), "repaired 2; snapshot 2 unchanged");
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("wrr"));
    assert!(lab.director().pending().unwrap().is_some());
}

#[test]
fn restore_goes_to_its_parent_when_the_time_is_over() {
    let lab = Lab::with_pending();
    lab.sim.edit(|live| live.rules.services.clear());
    lab.pass(300);
    let report = lab.director().restore(false, &plain()).unwrap();
    assert_eq!(report.notes.len(), 1);
    assert_eq!(lab.messages(), ROLLED_BACK);
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
}

#[test]
fn restore_goes_to_its_parent_in_another_boot_however_much_time_remains() {
    let lab = Lab::with_pending();
    lab.reboot();
    let report = lab.director().restore(true, &plain()).unwrap();
    assert_eq!(
        report.notes,
        [
            "snapshot 2 was not confirmed before the machine restarted: rolled back to snapshot 1, as snapshot 3"
        ]
    );
    assert_eq!(report.sentence(), "repaired 2; snapshot 3 unchanged");
    assert_eq!(lab.messages(), ROLLED_BACK);
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    assert_eq!(lab.director().pending().unwrap(), None);
}

#[test]
fn the_first_snapshot_rolls_back_to_nothing() {
    let lab = Lab::empty();
    lab.declare(WEB, first(), Some(10)).unwrap();
    lab.pass(10);
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.scheduler(WEB), None);
    assert_eq!(
        lab.messages(),
        ["rollback to no rules (not confirmed)", "a change"]
    );
}

#[test]
fn what_was_somebody_elses_is_as_it_was() {
    let lab = Lab::new();
    // Another tool made a second service; the commit takes it over and changes it.
    let stranger = Lab::empty();
    let theirs = json!({ "scheduler": "lc", "forward": "masq", "servers": ["10.0.0.1"] });
    stranger.declare(DNS, theirs, None).unwrap();
    let service = stranger.sim.live().rules.services[&key(DNS)].clone();
    lab.sim.edit(|live| {
        live.rules.services.insert(key(DNS), service.clone());
    });
    let mut session = lab.session();
    let options = json!({ "scheduler": "sh" });
    session
        .set_service(key(DNS), options.as_object().unwrap())
        .unwrap();
    session.commit(&with(Some(10))).unwrap();
    assert_eq!(lab.scheduler(DNS).as_deref(), Some("sh"));
    lab.pass(10);
    let report = lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.sim.live().rules.services[&key(DNS)], service);
    assert_eq!(
        report.all_notes(Note::to_string)[1],
        "1 service not managed by ipvsh"
    );
}

#[test]
fn what_others_changed_meanwhile_stays() {
    let lab = Lab::with_pending();
    lab.sim.edit(|live| {
        live.rules
            .settings
            .set_timeout(ipvsh::model::TimeoutKind::Tcp, Some(77))
    });
    lab.pass(300);
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    assert_eq!(lab.sim.live().rules.settings.timeouts().tcp, Some(77));
}

#[test]
fn nothing_is_sent_where_nobody_can_be_started_to_wait() {
    let lab = Lab::new();
    lab.host.fails.set(true);
    let sent = lab.director().writes();
    let error = lab
        .declare(WEB, json!({ "scheduler": "wrr" }), Some(300))
        .unwrap_err();
    assert_eq!(error.to_string(), "no more processes");
    assert_eq!(lab.director().writes(), sent);
    assert_eq!(lab.messages().len(), 1);
    lab.declare(WEB, json!({ "scheduler": "wrr" }), None)
        .unwrap();
}

#[test]
fn a_commit_that_fails_leaves_nothing_to_confirm() {
    let lab = Lab::new();
    lab.faults.add(
        ipvsh::kernel::fault::Point::Matching(Box::new(|_| true)),
        ipvsh::kernel::fault::Effect::Fail(ipvsh::ipvs::Errno::NOBUFS),
    );
    lab.declare(WEB, json!({ "scheduler": "wrr" }), Some(300))
        .unwrap_err();
    assert_eq!(*lab.host.watched.borrow(), [(2, false)]);
    assert_eq!(lab.director().pending().unwrap(), None);
}

#[test]
fn what_makes_no_snapshot_cannot_be_confirmed() {
    let lab = Lab::new();
    let error = lab.director().restore(false, &with(Some(10))).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    let error = lab
        .director()
        .adopt(&[], false, &with(Some(10)))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
}

#[test]
fn a_repair_that_is_not_confirmed_is_taken_back() {
    let lab = Lab::new();
    // A health checker takes a server out, and a script that declares it puts it in again.
    let weight = |weight: i64| {
        lab.sim.edit(|live| {
            let service = live.rules.services.get_mut(&key(WEB)).unwrap();
            let server = service.servers.values_mut().next().unwrap();
            server.weight = Weight::new(weight).unwrap();
        });
    };
    let now = || {
        let live = lab.sim.live();
        let servers = &live.rules.services[&key(WEB)].servers;
        servers.values().next().unwrap().weight.value()
    };
    lab.declare(
        WEB,
        json!({ "scheduler": "rr", "servers": ["10.0.0.1"] }),
        None,
    )
    .unwrap();
    weight(0);
    let report = lab
        .declare(
            WEB,
            json!({ "scheduler": "rr", "servers": ["10.0.0.1"] }),
            Some(10),
        )
        .unwrap();
    assert_eq!(report.awaiting().unwrap().snapshot, SnapshotId(2));
    assert_eq!(now(), 1);
    lab.pass(10);
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.messages().len(), 3);
    // The head still wants weight 1: the restore repaired it, the rollback had not.
    assert_eq!(now(), 1);

    weight(0);
    lab.declare(
        WEB,
        json!({ "scheduler": "rr", "servers": ["10.0.0.1"] }),
        Some(10),
    )
    .unwrap();
    lab.pass(10);
    lab.declare(DNS, dns(), None).unwrap();
    assert_eq!(now(), 0);
}

#[test]
fn a_repair_that_awaits_confirmation_is_taken_back_by_a_rollback() {
    let lab = Lab::new();
    lab.sim
        .edit(|live| drop(live.rules.services.remove(&key(WEB))));
    lab.declare(WEB, first(), Some(60)).unwrap();
    assert_eq!(lab.scheduler(WEB).as_deref(), Some("rr"));
    let report = lab.director().rollback(None, &plain()).unwrap();
    assert_eq!(report.snapshot().unwrap().id, SnapshotId(3));
    assert_eq!(lab.scheduler(WEB), None);
    assert_eq!(lab.director().pending().unwrap(), None);
}

#[test]
fn a_rehearsal_starts_nobody_and_is_not_refused() {
    let lab = Lab::with_pending();
    let mut session = Session::new(lab.director().dry().unwrap(), plain()).dry();
    session
        .declare_service(key(DNS), dns().as_object().unwrap())
        .unwrap();
    let report = session.commit(&with(Some(5))).unwrap();
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
    assert_eq!(lab.host.watched.borrow().len(), 1);
    // What a script would be refused because of itself, it is refused here.
    session
        .declare_service(key("tcp 192.0.2.1:1"), dns().as_object().unwrap())
        .unwrap();
    assert_eq!(session.commit(&plain()).unwrap_err().kind(), Kind::State);
    session.confirm().unwrap();
    session.commit(&plain()).unwrap();
    assert_eq!(lab.messages().len(), 2);
}

#[test]
fn its_parent_cannot_be_pruned() {
    let lab = Lab::with_pending();
    let mut store = lab.stores.open_to_write().unwrap();
    let error = store.prune(&BTreeSet::from([SnapshotId(1)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "snapshot 1: cannot prune: it is what snapshot 2 rolls back to unless confirmed"
    );
    store.keep().unwrap();
    store.prune(&BTreeSet::from([SnapshotId(1)])).unwrap();
}
