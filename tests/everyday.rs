//! Weights of a server in every service that has it, where other programs change the same table:
//! services that nobody manages, weights that somebody set, changes between our look and our step.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/shared.rs"]
mod shared;

use std::time::Duration;

use ipvsh::director::{
    Attend, ChangeOptions, Disable, DrainOptions, News, Outcome, Report, Session, ShiftOptions,
};
use ipvsh::error::{Error, Kind, Result};
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::model::{ServerKey, SnapshotName, Weight};
use serde_json::json;
use shared::*;

const OTHER: &str = "tcp 192.0.2.11:80";
const ONE: &str = "10.0.0.1:80";
const TWO: &str = "10.0.0.2:80";

/// Two services of ours, each with the servers .1 at weight 3 and .2 at weight 1.
fn lab() -> Lab {
    let lab = Lab::new();
    for name in [WEB, OTHER] {
        let servers = json!([{ "address": "10.0.0.1", "weight": 3 }, "10.0.0.2"]);
        lab.declare(name, json!({ "scheduler": "wrr", "servers": servers }))
            .unwrap();
    }
    lab
}

fn session(lab: &Lab) -> Session {
    Session::new(lab.director(), plain())
}

fn weigh(lab: &Lab, address: &str, weight: i64, change: &ChangeOptions) -> Result<Report> {
    let mut session = session(lab);
    let servers = session.find_servers(address, None)?;
    session.weigh_servers((address, &servers), Weight::new(weight).unwrap(), change)
}

fn adopting() -> ChangeOptions {
    ChangeOptions {
        adopt: true,
        ..plain()
    }
}

#[test]
fn a_server_of_a_service_that_nobody_manages_is_refused_or_adopted() {
    let lab = lab();
    lab.others_make(MAIL, &[("10.0.0.1", 5), ("10.0.0.9", 1)]);
    let (before, messages) = (lab.rules(), lab.messages());
    let refused = [
        weigh(&lab, "10.0.0.1", 0, &plain()).unwrap_err(),
        session(&lab)
            .disable("10.0.0.1", &Disable::default(), &plain())
            .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), Kind::Foreign);
        let wants = format!("virtual service {MAIL}: real server 10.0.0.1:443");
        assert_eq!(error.object_name(), Some(wants.as_str()));
        assert_eq!(
            error.hints(),
            [
                "take it over first: ipvsh adopt \"tcp 192.0.2.50:443\"",
                "or let this change take it over: --adopt",
                "or change it in one service only: ipvsh weight 10.0.0.1:80 N tcp 192.0.2.10:80"
            ]
        );
    }
    assert_eq!((lab.rules(), lab.messages()), (before.clone(), messages));

    // What has the weight already is left alone, and stays nobody's.
    let report = weigh(&lab, "10.0.0.1", 5, &plain()).unwrap();
    assert_eq!(report.plan.changes.len(), 2);
    let head = lab.director().head_rules().unwrap();
    assert!(!head.services.contains_key(&key(MAIL)));
    lab.director().rollback(Some(&id(2)), &plain()).unwrap();

    // In a service of ours alone it is changed.
    let mut one = session(&lab);
    let servers = one.find_servers("10.0.0.1", Some(WEB)).unwrap();
    one.weigh_servers(("10.0.0.1", &servers), Weight::new(9).unwrap(), &plain())
        .unwrap();
    assert_eq!(lab.weight(WEB, ONE), Some(9));
    assert_eq!(lab.weight(MAIL, "10.0.0.1"), Some(5));
    lab.director().rollback(Some(&id(2)), &plain()).unwrap();

    let report = weigh(&lab, "10.0.0.1", 0, &adopting()).unwrap();
    assert_eq!(report.plan.changes.len(), 3);
    for name in [WEB, OTHER, MAIL] {
        assert_eq!(lab.weight(name, "10.0.0.1"), Some(0), "{name}");
    }
    assert_eq!(lab.weight(MAIL, "10.0.0.9"), Some(1));
    // Its undo brings back what the kernel held, theirs too.
    let undone = lab.director().rollback(None, &plain()).unwrap();
    assert!(undone.snapshot().is_some());
    assert_eq!(lab.rules(), before);
}

#[test]
fn what_another_program_removes_before_our_step_undoes_all_of_it() {
    let lab = lab();
    let sim = lab.sim.clone();
    let remove = move || {
        sim.edit(|live| live.rules.put(&server_entry(OTHER, "10.0.0.1"), None));
    };
    lab.faults
        .add(Point::Step(7), Effect::Before(Box::new(remove)));
    let steps_so_far = lab.messages().len();
    // The first six steps made the two services; the seventh is the first of this change.
    let result = weigh(&lab, "10.0.0.1", 0, &plain());
    let standing = (lab.weight(WEB, ONE), lab.weight(OTHER, ONE));
    match result {
        Err(error) => {
            assert_eq!(error.kind(), Kind::Undone, "{error}");
            assert_eq!(standing, (Some(3), None), "theirs stays theirs");
            assert_eq!(lab.messages().len(), steps_so_far);
        }
        Ok(report) => panic!("it was to fail: {}", report.sentence()),
    }
}

#[test]
fn weights_that_others_set_meanwhile_are_repaired_by_name_alone() {
    let lab = lab();
    // Another program put the server to weight 0 in one service: that is no snapshot of ours.
    lab.others_weigh(OTHER, ONE, 0);
    lab.others_weigh(OTHER, TWO, 7);
    let report = session(&lab).enable("10.0.0.1", &plain()).unwrap();
    assert!(matches!(report.outcome, Outcome::Repaired { .. }));
    assert_eq!(lab.weight(OTHER, ONE), Some(3));
    assert_eq!(lab.weight(OTHER, TWO), Some(7), "nobody named it");
    assert_eq!(lab.messages().len(), 2);
}

#[test]
fn the_last_server_is_judged_by_what_the_kernel_has() {
    let lab = lab();
    lab.others_weigh(OTHER, TWO, 0);
    let before = lab.rules();
    let error = session(&lab)
        .disable("10.0.0.1", &Disable::default(), &plain())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    assert_eq!(
        error.to_string(),
        format!("refused: this would leave {OTHER} without a real server whose weight is above 0")
    );
    assert_eq!(lab.rules(), before);
    session(&lab)
        .disable("10.0.0.1", &Disable::default(), &allowing_removals())
        .unwrap();
    assert_eq!(lab.weight(OTHER, ONE), Some(0));
}

#[test]
fn a_disabled_server_comes_back_with_the_weight_of_each_service() {
    let lab = lab();
    weigh(&lab, TWO, 8, &plain()).unwrap();
    lab.declare(OTHER, json!({ "scheduler": "wrr", "servers": [ONE, TWO] }))
        .unwrap();
    let before = lab.rules();
    session(&lab)
        .disable(TWO, &Disable::default(), &plain())
        .unwrap();
    // Another commit meanwhile takes nothing from it.
    weigh(&lab, ONE, 2, &plain()).unwrap();
    session(&lab).enable("10.0.0.2", &plain()).unwrap();
    assert_eq!(lab.weight(WEB, TWO), Some(8));
    assert_eq!(lab.weight(OTHER, TWO), Some(1));
    let back = SnapshotName::parse("head~3").unwrap();
    lab.director().rollback(Some(&back), &plain()).unwrap();
    assert_eq!(lab.rules(), before);
}

/// Time that passes at once; others act at the first wait.
struct Meanwhile<F: FnMut()> {
    now: Duration,
    act: F,
    told: Vec<String>,
}

impl<F: FnMut()> Attend for Meanwhile<F> {
    fn clock(&self) -> Duration {
        self.now
    }

    fn sleep(&mut self, duration: Duration) -> Result<(), Error> {
        self.now += duration;
        (self.act)();
        Ok(())
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

#[test]
fn a_drain_everywhere_ends_where_others_interfere_in_one_service() {
    let lab = lab();
    lab.sim.edit(|live| {
        let busy = ipvsh::model::Counts {
            active: 2,
            ..Default::default()
        };
        let server = ServerKey::parse(ONE, &key(WEB)).unwrap();
        live.counts.insert(key(WEB), [(server, busy)].into());
    });
    let mut attend = Meanwhile {
        now: Duration::ZERO,
        act: || lab.others_weigh(OTHER, ONE, 4),
        told: Vec::new(),
    };
    let mut session = session(&lab);
    let servers = session.find_servers(ONE, None).unwrap();
    let options = DrainOptions::default();
    let error = session
        .drain_everywhere((ONE, &servers), &options, &plain(), &mut attend)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(
        error.to_string(),
        format!(
            "real server {ONE} of {OTHER}: not drained: somebody else gave it weight 4 meanwhile"
        )
    );
    assert_eq!(lab.weight(WEB, ONE), Some(0));

    // It waits for all of them, and says what is left where time is over.
    lab.others_weigh(OTHER, ONE, 0);
    attend.now = Duration::ZERO;
    let mut idle = Meanwhile {
        now: Duration::ZERO,
        act: || (),
        told: Vec::new(),
    };
    let options = DrainOptions {
        timeout: Duration::from_secs(5),
        ..options
    };
    let error = session
        .drain_everywhere((ONE, &servers), &options, &plain(), &mut idle)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "real server {ONE} of 2 services: not drained: after 5 s 2 active connections left"
        )
    );
    assert_eq!(
        error.hints(),
        [
            "it stays at weight 0; to wait on, drain it again",
            "to restore its weights: ipvsh enable 10.0.0.1:80"
        ]
    );
}

#[test]
fn a_shift_takes_over_what_others_made_where_it_may() {
    let lab = Lab::new();
    lab.others_make(WEB, &[("10.0.0.1", 4), ("10.0.0.2", 0), ("10.0.0.3", 1)]);
    lab.sim.edit(|live| {
        let service = live.rules.services.get_mut(&key(WEB)).unwrap();
        service.options.scheduler = ipvsh::model::Scheduler::parse("wrr").unwrap();
    });
    let before = lab.rules();
    let mut attend = Meanwhile {
        now: Duration::ZERO,
        act: || (),
        told: Vec::new(),
    };
    let sides = [ONE, TWO].map(|server| ServerKey::parse(server, &key(WEB)).unwrap());
    let options = ShiftOptions {
        steps: vec![50, 100],
        pause: Duration::ZERO,
    };
    let mut shift = |change: &ChangeOptions| {
        let mut session = session(&lab);
        let (from, to) = (&sides[..1], &sides[1..]);
        session.shift(key(WEB), (from, to), &options, change, &mut attend)
    };
    let error = shift(&plain()).unwrap_err();
    assert_eq!(error.kind(), Kind::Foreign);
    assert_eq!(lab.rules(), before);
    shift(&adopting()).unwrap();
    assert_eq!(lab.weight(WEB, ONE), Some(0));
    assert_eq!(lab.weight(WEB, TWO), Some(4));
    assert_eq!(lab.weight(WEB, "10.0.0.3"), Some(1));
}
