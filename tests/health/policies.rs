//! Policies: what is refused, what a commit says of checks, and how the record keeps them.

use ipvsh::director::{ChangeOptions, Session};
use ipvsh::error::Kind;
use ipvsh::health::Verdict;
use ipvsh::model::ServerKey;
use ipvsh::plan::lines;
use serde_json::{Value, json};

use crate::clinic::*;
use crate::shared::*;

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
