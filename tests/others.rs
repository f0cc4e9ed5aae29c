//! What other programs do to the same table meanwhile: between our look and our step, and before a
//! recovery. Theirs stays theirs, and a return brings back what the kernel held.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/shared.rs"]
mod shared;

use std::rc::Rc;

use ipvsh::director::{ChangeOptions, Retention, Session};
use ipvsh::error::Kind;
use ipvsh::ipvs::Errno;
use ipvsh::kernel::Faults;
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::model::{EntryValue, RealServer, Ruleset, ServerKey, SnapshotId, SnapshotName, Weight};
use ipvsh::plan::Step;
use ipvsh::store;
use serde_json::json;
use shared::*;

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
        "snapshot 2 was not confirmed before its network namespace was gone: rolled back to snapshot 1, \
         as snapshot 3"
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
    lab.sim.edit(|live| {
        live.rules
            .settings
            .set_timeout(ipvsh::model::TimeoutKind::Tcp, Some(3600))
    });
    let set = |seconds: i64| {
        lab.commit(&plain(), |session| {
            let timeouts = ipvsh::model::Timeouts {
                tcp: Some(u32::try_from(seconds).unwrap()),
                ..Default::default()
            };
            session.settings()?.set_settings(&(&timeouts).into());
            Ok(())
        })
        .unwrap();
    };
    set(600);
    set(700);
    lab.director().revert(&id(1), &plain()).unwrap_err();
    lab.director().rollback(Some(&id(1)), &plain()).unwrap();
    assert_eq!(lab.rules().settings.timeouts().tcp, Some(600));
    lab.director().revert(&id(3), &plain()).unwrap();
    assert_eq!(lab.rules().settings.timeouts().tcp, Some(700));
    // No longer wanted.
    let mut session = Session::new(lab.director(), plain());
    session.candidate().unwrap().clear();
    session.commit(&plain()).unwrap();
    assert_eq!(lab.rules().settings.timeouts().tcp, Some(3600));
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
