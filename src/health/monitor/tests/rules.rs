//! Commits, restarts, and new servers.

use super::super::super::state::{Deviation, Situation};
use super::*;

fn counters(lab: &Lab) -> Vec<(u64, u64)> {
    let report = lab.monitor.report(lab.now());
    let checks = report.servers.iter().flat_map(|server| &server.checks);
    checks.map(|check| (check.passes, check.failures)).collect()
}

#[test]
fn two_services_share_a_check_that_is_the_same() {
    let check = Check {
        route: Route {
            port: Some(8080),
            ..Route::default()
        },
        ..tcp()
    };
    let servers: &[&str] = &["10.0.0.2:80", "10.0.0.3:80"];
    let others: &[&str] = &["10.0.0.2:8080", "10.0.0.3:81"];
    let rules = rules(&[(WEB, servers, &[check]), (WEB2, others, &[tcp()])]);
    let mut lab = Lab::new(&rules);
    assert_eq!(lab.monitor.probes.len(), 3);
    lab.run(secs(20));
    let all = counters(&lab);
    assert_eq!(all[0], all[2]);
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down", "10.0.0.2 up -> down"]);
    // One of the two goes; the other keeps the runs, their counters and its standing.
    let before = counters(&lab);
    let mut fewer = rules.clone();
    fewer.services.remove(&ServiceKey::parse(WEB).unwrap());
    lab.set(&fewer);
    assert_eq!(counters(&lab), [before[2], before[3]]);
    assert_eq!(lab.monitor.probes.len(), 2);
    assert_eq!(lab.standing(WEB2, "10.0.0.2:8080"), Standing::Down);
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 down -> up"]);
}

#[test]
fn a_ping_has_no_port_and_a_program_knows_its_service() {
    let servers: &[&str] = &["10.0.0.2:80"];
    let others: &[&str] = &["10.0.0.2:81"];
    let program = Check::of(CheckKind::Exec(Exec {
        command: vec!["/bin/check".to_owned(), "{vip}".to_owned()],
        user: Exec::USER.to_owned(),
        env: BTreeMap::new(),
    }));
    for (check, probes) in [(Check::of(CheckKind::Ping), 1), (tcp(), 2), (program, 2)] {
        let checks = std::slice::from_ref(&check);
        let rules = rules(&[(WEB, servers, checks), (WEB2, others, checks)]);
        assert_eq!(Lab::new(&rules).monitor.probes.len(), probes, "{check:?}");
    }
}

#[test]
fn the_same_rules_again_change_nothing() {
    let rules = web(20, &[tcp()]);
    let run = |is_set: bool| {
        let mut lab = Lab::new(&rules);
        lab.let_do(&["10.0.0.3"], Does::Refuse);
        for _ in 0..30 {
            lab.run(ms(700));
            if is_set {
                lab.set(&rules);
            }
        }
        (lab.jobs, lab.log)
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn the_result_of_a_probe_that_is_gone_is_ignored() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.let_do(&["10.0.0.2", "10.0.0.3"], Does::Hang);
    lab.run(ms(3_100));
    assert_eq!(lab.running.len(), 2);
    lab.set(&Ruleset::default());
    assert_eq!(lab.monitor.next_due(), None);
    lab.run(secs(10));
    // The same rules again are new probes; what still runs is not theirs.
    lab.set(&web(2, &[tcp()]));
    let two = lab.monitor.next_due().unwrap();
    assert!(two >= lab.time);
    assert_eq!(counters(&lab), [(0, 0), (0, 0)]);
}

#[test]
fn a_changed_check_is_unproven_and_leaves_servers_where_they_are() {
    let mut lab = Lab::new(&web(3, &[tcp()]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    let mut check = tcp();
    check.route.port = Some(81);
    lab.let_do(&["10.0.0.2", "10.0.0.3", "10.0.0.4"], Does::Refuse);
    lab.set(&web(3, &[check]));
    lab.run(secs(600));
    assert_eq!(lab.news(), [""; 0]);
    assert_eq!(lab.standing(WEB, "10.0.0.2"), Standing::Down);
    assert_eq!(lab.standing(WEB, "10.0.0.3"), Standing::Up);
}

#[test]
fn a_new_start_is_no_new_check() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    let before = counters(&lab);
    let check = Check {
        start: Start::Wait,
        ..tcp()
    };
    lab.set(&web(2, &[check]));
    assert_eq!(counters(&lab), before);
    assert!(!lab.monitor.report(lab.now()).servers[0].checks[0].unproven);
    assert_eq!(lab.news(), [""; 0]);
}

#[test]
fn a_new_server_waits_for_its_first_pass() {
    let start = |start| Check { start, ..tcp() };
    for (check, waits) in [
        (start(Start::Auto), true),
        (start(Start::Wait), true),
        (start(Start::Up), false),
    ] {
        let mut lab = Lab::new(&web(1, std::slice::from_ref(&check)));
        lab.run(secs(10));
        lab.let_do(&["10.0.0.3"], Does::Refuse);
        lab.set(&web(2, std::slice::from_ref(&check)));
        let expected = if waits {
            vec!["10.0.0.3 up -> waiting"]
        } else {
            vec![]
        };
        assert_eq!(lab.news(), expected, "{check:?}");
        lab.run(secs(10));
        let expected = if waits { "waiting" } else { "up" };
        assert_eq!(lab.news(), [format!("10.0.0.3 {expected} -> down")]);
        lab.set(&web(3, std::slice::from_ref(&check)));
        lab.run(ms(3_010));
        let expected: &[&str] = match waits {
            true => &["10.0.0.4 up -> waiting", "10.0.0.4 waiting -> up"],
            false => &[],
        };
        assert_eq!(lab.news(), expected);
    }
}

#[test]
fn servers_of_a_new_service_go_in_at_once_unless_told_to_wait() {
    let mut lab = Lab::new(&Ruleset::default());
    lab.set(&web(3, &[tcp()]));
    assert_eq!(lab.news(), [""; 0]);
    let check = Check {
        start: Start::Wait,
        ..tcp()
    };
    let servers: &[&str] = &["10.0.0.2", "10.0.0.3"];
    let two = rules(&[(WEB, servers, &[tcp()]), (WEB2, servers, &[check])]);
    lab.set(&two);
    assert_eq!(
        lab.news(),
        ["10.0.0.2 up -> waiting", "10.0.0.3 up -> waiting"]
    );
    // The runs are those of the other service; each pass counts for both.
    lab.run(ms(3_010));
    assert_eq!(lab.news().len(), 2);
    assert_eq!(lab.down(), 0);
}

#[test]
fn a_server_that_was_there_before_its_checks_does_not_wait() {
    let mut lab = Lab::new(&web(3, &[]));
    assert_eq!(lab.monitor.next_due(), None);
    assert!(lab.monitor.is_ready());
    lab.set(&web(3, &[tcp()]));
    lab.run(secs(20));
    assert_eq!(lab.news(), [""; 0]);
    assert!(lab.monitor.is_ready());
}

#[test]
fn a_server_waits_for_nothing_where_no_other_is_up() {
    let mut lab = Lab::new(&web(1, &[tcp()]));
    lab.run(secs(10));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    lab.set(&web(2, &[tcp()]));
    assert_eq!(lab.news(), [""; 0]);
}

#[test]
fn a_server_that_is_checked_no_more_goes_up() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(10));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    lab.is_writable = false;
    lab.set(&web(2, &[]));
    assert_eq!(lab.down(), 0);
    assert_eq!(lab.monitor.written_state().servers.len(), 1);
    lab.is_writable = true;
    lab.decide();
    assert_eq!(lab.news(), ["10.0.0.2 down -> up"]);
    assert_eq!(lab.monitor.written_state(), State::default());
    lab.decide();
    assert_eq!(lab.news(), [""; 0]);
    // Of a server that is gone there is nothing to write.
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(10));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    lab.news();
    lab.set(&Ruleset::default());
    assert_eq!(lab.news(), [""; 0]);
}

#[test]
fn a_daemon_that_begins_anew_takes_the_state() {
    let since = utc("2020-01-01T00:00:00Z");
    let deviation = |situation| Deviation {
        situation,
        since,
        reason: "tcp: refused".to_owned(),
        taken_out_by_hand: false,
    };
    let mut state = State::default();
    let (down, waiting) = (target(WEB, "10.0.0.2"), target(WEB, "10.0.0.3"));
    state.servers.insert(down, deviation(Situation::Down));
    state.servers.insert(waiting, deviation(Situation::Waiting));
    // A server that is in no rules.
    let gone = target(WEB, "10.0.9.9");
    state.servers.insert(gone, deviation(Situation::Down));
    let mut lab = Lab::with(MonitorOptions::default(), &web(3, &[tcp()]), &state);
    lab.let_do(&["10.0.0.2"], Does::NoRoute);
    lab.let_do(&["10.0.0.3"], Does::NoRoute);
    lab.decide();
    lab.run(secs(60));
    assert_eq!(lab.news(), [""; 0]);
    state.servers.remove(&gone);
    assert_eq!(*lab.monitor.state(), state);
    let report = lab.monitor.report(lab.now());
    assert_eq!(report.servers[0].since, since);
    assert_eq!(report.servers[0].reason.as_deref(), Some("tcp: refused"));
    lab.let_do(&["10.0.0.2", "10.0.0.3"], Does::Answer);
    lab.run(secs(10));
    let mut news = lab.news();
    news.sort();
    assert_eq!(news, ["10.0.0.2 down -> up", "10.0.0.3 waiting -> up"]);
    assert_eq!(lab.down(), 0);
}

#[test]
fn it_is_ready_once_every_check_has_finished() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.let_do(&["10.0.0.2"], Does::NoRoute);
    lab.let_do(&["10.0.0.3"], Does::Hang);
    assert!(!Monitor::new(MonitorOptions::default()).is_ready());
    assert!(!lab.monitor.is_ready());
    lab.run(secs(6));
    assert!(lab.monitor.is_ready());
    assert!(lab.monitor.report(lab.now()).ready);
}

#[test]
fn a_server_has_checks_of_its_own_or_none() {
    let mut rules = web(3, &[tcp()]);
    let service = rules
        .services
        .get_mut(&ServiceKey::parse(WEB).unwrap())
        .unwrap();
    let mut own = tcp();
    own.kind = CheckKind::Ping;
    for (server, checks) in [("10.0.0.2", vec![own]), ("10.0.0.3", vec![])] {
        let policy = crate::model::ServerPolicy {
            checks: Some(checks),
            host: None,
        };
        let server = target(WEB, server).server;
        service.server_policies.insert(server, policy);
    }
    let mut lab = Lab::new(&rules);
    lab.run(secs(6));
    let report = lab.monitor.report(lab.now());
    let servers: Vec<_> = report
        .servers
        .iter()
        .map(|it| it.server.to_string())
        .collect();
    assert_eq!(servers, ["10.0.0.2:80", "10.0.0.4:80"]);
    let checks = lab.monitor.servers.values().map(|it| &it.checks[0].check);
    let kinds: Vec<_> = checks.map(|check| check.kind.name()).collect();
    assert_eq!(kinds, ["ping", "tcp"]);
}

#[test]
fn a_report_is_json_with_the_names_of_the_scripts() {
    let mut lab = Lab::new(&web(1, &[tcp()]));
    lab.run(secs(6));
    let json = serde_json::to_value(lab.monitor.report(lab.now())).unwrap();
    let server = &json["servers"][0];
    assert_eq!(server["service"], WEB);
    assert_eq!(server["server"], "10.0.0.2:80");
    assert_eq!(server["state"], "up");
    assert_eq!(server["latency"], 0.01);
    assert_eq!(server["checks"][0]["unproven"], false);
    assert_eq!(server["checks"][0]["last_answer"], "passed");
    let again: super::super::report::Report = serde_json::from_value(json).unwrap();
    assert_eq!(again, lab.monitor.report(lab.now()));
}
