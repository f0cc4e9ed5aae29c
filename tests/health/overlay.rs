//! What the kernel holds of servers that checks or maintenance hold, whatever command runs.

use ipvsh::director::{ChangeOptions, Disable, Import, Session};
use ipvsh::health::Knowledge;
use ipvsh::model::ServerKey;
use ipvsh::plan::lines;
use serde_json::json;

use crate::clinic::*;
use crate::shared::*;

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
