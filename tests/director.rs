//! The director's promises, on the simulator: whose rules are these, all or nothing, two writers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::ops::ControlFlow;
use std::rc::Rc;

use ipvsh::director::{ChangeOptions, Director, Outcome, Query, Session};
use ipvsh::error::{Kind, Result};
use ipvsh::kernel::{self, Kernel, Part, Place, Sim};
use ipvsh::model::{Connection, Info, Live, ServiceKey, SnapshotName, Traffic, Weight};
use ipvsh::notes::Note;
use ipvsh::plan::{self, Step};
use ipvsh::store::Stores;
use serde_json::json;

#[path = "common/host.rs"]
mod host;

use host::{Host, WEB, declare, key, server, two_servers};

#[test]
fn every_change_ends_in_the_same_shape() {
    let host = Host::new();
    let report = host.declare(WEB, two_servers()).unwrap();
    assert_eq!(
        report.sentence(),
        "snapshot 1 (the first), 3 changes, verified. Undo: ipvsh revert 1"
    );
    let report = host.declare(WEB, json!({ "scheduler": "wrr" })).unwrap();
    assert_eq!(
        report.sentence(),
        "snapshot 2 (1 before), 1 change, verified. Undo: ipvsh rollback 1"
    );
    let report = host.declare(WEB, json!({ "scheduler": "wrr" })).unwrap();
    assert_eq!(report.sentence(), "nothing to change");
}

#[test]
fn staged_changes_are_counted_as_a_plan_counts_them() {
    let host = Host::with_strangers_rules();
    let planned = |session: &mut Session| {
        let candidate = session.candidate().unwrap().clone();
        let director = session.director();
        let report = director.plan(&candidate, &ChangeOptions::default());
        report.unwrap().plan.changes.len()
    };
    let mut session = host.session();
    declare(&mut session, "tcp 192.0.2.11:80", two_servers());
    assert_eq!((session.staged(), planned(&mut session)), (3, 3));
    session.discard();
    // What somebody else made is taken over as it stands, and one weight changed.
    let weight = json!({ "weight": 5 });
    let server = server(WEB, "10.0.0.1");
    session.find_service(WEB).unwrap();
    session
        .set_server(key(WEB), server, weight.as_object().unwrap())
        .unwrap();
    assert_eq!((session.staged(), planned(&mut session)), (1, 1));
    session.commit(&ChangeOptions::default()).unwrap();
    let newest = session.director().history().unwrap().remove(0);
    assert_eq!(newest.changes, 1);
    assert_eq!(session.staged(), 0);
}

#[test]
fn resets_are_named() {
    let host = Host::new();
    host.declare(WEB, json!({ "scheduler": "rr", "persistent": 60 }))
        .unwrap();
    let report = host.declare(WEB, json!({ "scheduler": "rr" })).unwrap();
    let change = &report.plan.changes[0];
    assert_eq!(change.part, Some(plan::Part::Option("persistent")));
    assert_eq!(change.detail.to_string(), "60 -> off (not named: default)");
}

#[test]
fn a_commit_touches_only_what_was_named() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.sim.edit(|live| {
        // A health checker quiesces one server, an operator adds another.
        let service = live.rules.services.get_mut(&key(WEB)).unwrap();
        let second = service.servers.get_mut(&server(WEB, "10.0.0.2")).unwrap();
        second.weight = Weight::ZERO;
        let copy = *second;
        service.servers.insert(server(WEB, "10.0.0.9"), copy);
    });
    let mut session = host.session();
    let weight = json!({ "weight": 5 });
    session
        .set_server(
            key(WEB),
            server(WEB, "10.0.0.1"),
            weight.as_object().unwrap(),
        )
        .unwrap();
    let report = session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(report.plan.changes.len(), 1);
    assert_eq!(
        report.all_notes(Note::to_string),
        [
            "1 difference from the head left alone (ipvsh plan)",
            "1 real server not managed by ipvsh"
        ]
    );
    let live = host.live();
    let servers = &live.rules.services[&key(WEB)].servers;
    assert_eq!(servers[&server(WEB, "10.0.0.2")].weight, Weight::ZERO);
    assert_eq!(servers.len(), 3);
}

#[test]
fn what_was_named_is_repaired_without_a_snapshot() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.sim.edit(|live| {
        live.rules
            .services
            .get_mut(&key(WEB))
            .unwrap()
            .servers
            .clear();
    });
    let report = host.declare(WEB, two_servers()).unwrap();
    assert_eq!(report.sentence(), "repaired 2; snapshot 1 unchanged");
}

#[test]
fn a_service_that_is_gone_comes_back_whole() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.sim.edit(|live| live.rules.services.clear());
    let mut session = host.session();
    session
        .set_service(key(WEB), json!({ "scheduler": "sh" }).as_object().unwrap())
        .unwrap();
    session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(host.live().rules.services[&key(WEB)].servers.len(), 2);
}

#[test]
fn foreign_services_are_refused_taken_over_or_left() {
    let host = Host::with_strangers_rules();

    let error = host.declare(WEB, json!({ "scheduler": "sh" })).unwrap_err();
    assert_eq!(error.kind(), Kind::Foreign);
    assert_eq!(
        error.to_string(),
        "virtual service tcp 192.0.2.10:80: cannot change: somebody else made it, and it differs: \
         the kernel has rr"
    );
    assert_eq!(
        error.hints()[0],
        "take it over first: ipvsh adopt \"tcp 192.0.2.10:80\""
    );
    assert!(host.stores.open().unwrap().head().unwrap().is_none());

    // A shorter list of servers would drop some of somebody else's.
    let fewer = json!({ "scheduler": "rr", "forward": "masq", "servers": ["10.0.0.1"] });
    assert_eq!(host.declare(WEB, fewer).unwrap_err().kind(), Kind::Foreign);

    // Without options it is taken over as it stands; then it may be changed.
    let mut session = host.session();
    session.find_or_create_service(key(WEB)).unwrap();
    let report = session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(report.plan.steps, []);
    let rules = session.director().head_rules().unwrap();
    assert_eq!(rules.services[&key(WEB)].servers.len(), 2);
    host.declare(WEB, json!({ "scheduler": "sh" })).unwrap();
}

#[test]
fn adopt_takes_over_what_differs() {
    let host = Host::with_strangers_rules();
    let mut session = host.session();
    declare(&mut session, WEB, json!({ "scheduler": "sh" }));
    let options = ChangeOptions {
        adopt: true,
        ..ChangeOptions::default()
    };
    session.commit(&options).unwrap();
    assert_eq!(
        host.live().rules.services[&key(WEB)]
            .options
            .scheduler
            .name(),
        "sh"
    );
}

#[test]
fn removing_our_service_brings_strangers_servers_back_on_undo() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.sim.edit(|live| {
        let service = live.rules.services.get_mut(&key(WEB)).unwrap();
        let copy = service.servers[&server(WEB, "10.0.0.1")];
        service.servers.insert(server(WEB, "10.0.0.9"), copy);
    });
    let before = host.live();
    let mut session = host.session();
    session.remove_service(key(WEB)).unwrap();
    let plan = session.plan().unwrap().plan;
    let removed: Vec<String> = plan
        .changes
        .iter()
        .map(|c| format!("{:?} {}", c.part, c.detail))
        .collect();
    assert_eq!(removed.len(), 4, "{removed:?}");
    assert!(
        removed[3].ends_with("(not managed by ipvsh)"),
        "{removed:?}"
    );

    // A later step fails: everything is as before, the stranger's server too.
    let other = key("tcp 192.0.2.77:80");
    let options = json!({ "scheduler": "twos" });
    session
        .declare_service(other, options.as_object().unwrap())
        .unwrap();
    let error = session.commit(&ChangeOptions::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Undone);
    assert_eq!(host.live(), before);
}

#[test]
fn two_writers_merge_or_conflict() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    let set = |session: &mut Session, address: &str, weight: i64| {
        let options = json!({ "weight": weight });
        session
            .set_server(key(WEB), server(WEB, address), options.as_object().unwrap())
            .unwrap();
    };
    let (mut first, mut second, mut third) = (host.session(), host.session(), host.session());
    set(&mut first, "10.0.0.1", 5);
    set(&mut second, "10.0.0.2", 6);
    set(&mut third, "10.0.0.1", 7);
    first
        .commit(&ChangeOptions {
            message: Some("five".to_owned()),
            ..Default::default()
        })
        .unwrap();
    second.commit(&ChangeOptions::default()).unwrap();
    let live = host.live();
    let servers = &live.rules.services[&key(WEB)].servers;
    assert_eq!(servers[&server(WEB, "10.0.0.1")].weight.value(), 5);
    assert_eq!(servers[&server(WEB, "10.0.0.2")].weight.value(), 6);

    let error = third.commit(&ChangeOptions::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(
        error.to_string().contains("weight was also changed by"),
        "{error}"
    );
    assert_eq!(host.live(), live);
}

#[test]
fn removing_more_than_half_of_ten_needs_to_be_said() {
    let host = Host::new();
    let mut session = host.session();
    for port in 1..=10 {
        declare(&mut session, &format!("tcp 192.0.2.1:{port}"), json!({}));
    }
    session.commit(&ChangeOptions::default()).unwrap();
    session.candidate().unwrap().clear();
    let error = session.commit(&ChangeOptions::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    assert_eq!(host.live().rules.services.len(), 10);
    let options = ChangeOptions {
        allow_removals: true,
        ..ChangeOptions::default()
    };
    session.commit(&options).unwrap();
    assert_eq!(host.live().rules.services.len(), 0);
}

#[test]
fn rollback_is_a_new_snapshot_and_a_bare_one_goes_no_further() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    let first = host.live();
    host.declare(WEB, json!({ "scheduler": "sh" })).unwrap();
    let mut director = host.director("bob");
    let report = director.rollback(None, &ChangeOptions::default()).unwrap();
    assert_eq!(report.snapshot().unwrap().message, "rollback to 1");
    assert_eq!(host.live(), first);
    assert_eq!(director.history().unwrap().len(), 3);
    let error = director
        .rollback(None, &ChangeOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::State);
    assert_eq!(
        error.hints()[0],
        "to take that rollback back: ipvsh rollback 2"
    );
    let name = SnapshotName::parse("head~1").unwrap();
    director
        .rollback(Some(&name), &ChangeOptions::default())
        .unwrap();
    assert_eq!(
        host.live().rules.services[&key(WEB)]
            .options
            .scheduler
            .name(),
        "sh"
    );
}

#[test]
fn a_timeout_no_longer_wanted_returns_to_the_kernels_default() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    let mut session = host.session();
    let timeouts = ipvsh::model::Timeouts {
        tcp: Some(30),
        ..Default::default()
    };
    session
        .candidate()
        .unwrap()
        .set_settings(&(&timeouts).into());
    session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(host.live().rules.settings.timeouts().tcp, Some(30));
    let name = SnapshotName::parse("1").unwrap();
    host.director("bob")
        .rollback(Some(&name), &ChangeOptions::default())
        .unwrap();
    assert_eq!(host.live().rules.settings.timeouts().tcp, Some(900));
}

#[test]
fn restore_leaves_strangers_alone_and_exact_does_not() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    let ours = host.live();
    host.sim.edit(|live| {
        let service = live.rules.services.remove(&key(WEB)).unwrap();
        live.rules
            .services
            .insert(key("udp 192.0.2.99:53"), service);
    });
    let mut director = host.director("bob");
    let report = director.restore(false, &ChangeOptions::default()).unwrap();
    assert_eq!(
        report.outcome,
        Outcome::Repaired {
            head: ipvsh::model::SnapshotId(1)
        }
    );
    assert_eq!(host.live().rules.services.len(), 2);
    let exact = ChangeOptions {
        exact: true,
        ..ChangeOptions::default()
    };
    director.restore(false, &exact).unwrap();
    assert_eq!(host.live().rules, ours.rules);
    let writes = director.writes();
    director.restore(false, &exact).unwrap();
    assert_eq!(director.writes(), writes);
}

#[test]
fn best_effort_does_all_that_can_be_done() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.declare(
        "tcp 192.0.2.11:80",
        json!({ "scheduler": "ovf", "servers": ["10.0.0.3"] }),
    )
    .unwrap();
    host.sim.edit(|live| live.rules.services.clear());
    host.sim.edit_machine(|machine| {
        machine.names.schedulers.remove("ovf");
    });
    let mut director = host.director("bob");
    let error = director
        .restore(false, &ChangeOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Undone);
    assert!(host.live().rules.services.is_empty());
    let report = director.restore(true, &ChangeOptions::default()).unwrap();
    let Outcome::Partly { failures, .. } = &report.outcome else {
        panic!("{report:?}")
    };
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].to_string().contains("tcp 192.0.2.11:80"),
        "{}",
        failures[0]
    );
    assert_eq!(host.live().rules.services.len(), 1);
}

/// A kernel that dies after some steps: the rest are never done, and nobody undoes anything.
struct Dying {
    sim: Sim,
    steps: usize,
}

impl Kernel for Dying {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        match self.steps {
            usize::MAX => Err(ipvsh::error::Error::new(Kind::System, "dead")),
            _ => self.sim.observe_part(part),
        }
    }

    fn host_settings(&mut self) -> Result<ipvsh::model::Settings> {
        self.sim.host_settings()
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<kernel::Outcome> {
        let done = &steps[..self.steps.min(steps.len())];
        self.sim.apply(done);
        self.steps = usize::MAX;
        let dead = || kernel::Outcome::Unknown(ipvsh::error::Error::new(Kind::System, "dead"));
        steps.iter().map(|_| dead()).collect()
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        self.sim.zero(service)
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        self.sim.traffic(service)
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        self.sim.connections(visit)
    }

    fn info(&mut self) -> Result<Info> {
        self.sim.info()
    }

    fn place(&self) -> Result<Place> {
        self.sim.place()
    }

    fn writes(&self) -> u64 {
        self.sim.writes()
    }
}

#[test]
fn an_unfinished_commit_is_reported_by_readers_and_undone_by_the_next_writer() {
    for steps in 0..5 {
        let host = Host::new();
        host.declare(WEB, two_servers()).unwrap();
        let before = host.live();
        let kernel = Box::new(Dying {
            sim: host.sim.clone(),
            steps,
        });
        let stores = Rc::clone(&host.stores) as Rc<dyn Stores>;
        let mut session = Session::new(
            Director::new(kernel, stores, "carol".to_owned()),
            Default::default(),
        );
        declare(
            &mut session,
            WEB,
            json!({ "scheduler": "sh", "servers": ["10.0.0.1", "10.0.0.3"] }),
        );
        declare(
            &mut session,
            "udp 192.0.2.1:53",
            json!({ "servers": ["10.0.0.4"] }),
        );
        let error = session.commit(&ChangeOptions::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::UndoFailed);
        assert!(!error.leftovers().is_empty());

        let mut director = host.director("bob");
        let told = director
            .status(&ChangeOptions::default())
            .unwrap()
            .unfinished
            .unwrap();
        assert!(told.contains("by carol"), "{told}");
        let report = director.restore(false, &ChangeOptions::default()).unwrap();
        assert!(
            report.notes[0].contains("it was undone"),
            "{:?}",
            report.notes
        );
        assert_eq!(host.live(), before, "after {steps} steps");
        assert!(
            director
                .status(&ChangeOptions::default())
                .unwrap()
                .unfinished
                .is_none()
        );
        assert_eq!(director.history().unwrap().len(), 1);
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    let before = host.live();
    let dry = host.director("alice").dry().unwrap();
    let mut session = Session::new(dry, ChangeOptions::default()).dry();
    declare(&mut session, WEB, json!({ "scheduler": "sh" }));
    let report = session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(report.snapshot().unwrap().id.0, 2);
    assert_eq!(host.live(), before);
    assert_eq!(host.director("bob").history().unwrap().len(), 1);
}

#[test]
fn the_history_of_an_object_is_found_however_long_ago() {
    let host = Host::new();
    let other = "udp 192.0.2.53:53";
    for number in 1..=150 {
        let name = if [1, 70].contains(&number) {
            WEB
        } else {
            other
        };
        host.declare(name, json!({ "persistent": number })).unwrap();
    }
    let director = host.director("bob");
    let found = |object: &str, count: Option<usize>| -> Vec<u64> {
        let query = Query {
            object: Some(object.to_owned()),
            count,
            ..Query::default()
        };
        let found = director.find_history(&query).unwrap();
        found.iter().map(|snapshot| snapshot.id.0).collect()
    };
    for count in [Some(2), Some(3), None] {
        assert_eq!(found(WEB, count), [70, 1], "{count:?}");
    }
    assert_eq!(found(WEB, Some(1)), [70]);
    assert_eq!(found(other, Some(2)), [150, 149]);
    // The oldest of those that are read first is no change of it.
    assert_eq!(found(other, Some(81)).last(), Some(&69));
    assert_eq!(found(other, None).len(), 148);
}

#[test]
fn status_says_what_the_kernel_lost_and_changed() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.sim.edit(|live| {
        let service = live.rules.services.get_mut(&key(WEB)).unwrap();
        service.servers.remove(&server(WEB, "10.0.0.1"));
        let second = service.servers.get_mut(&server(WEB, "10.0.0.2")).unwrap();
        second.weight = Weight::ZERO;
    });
    let status = host
        .director("bob")
        .status(&ChangeOptions::default())
        .unwrap();
    let changed: Vec<String> = status
        .changed
        .iter()
        .map(|change| format!("{} {}", change.action.sign(), change.detail))
        .collect();
    assert_eq!(changed, ["- masq weight 1", "~ weight 1 -> 0"]);
    assert_eq!(status.warnings.len(), 1, "{:?}", status.warnings);
    assert!(status.has_findings());
}
