//! What looks as if all servers had died, and is something else.

use super::{Daemon, PATIENCE, SERVERS, Web, is_settled, throughout, weight};
use crate::confirm::within;
use crate::director::Director;

/// A service of three servers at port 8080.
fn three(check: &str) -> String {
    timed(check, "retry_interval: 0.2, fall: 3")
}

/// The same with these times.
fn timed(check: &str, times: &str) -> String {
    let servers = SERVERS.map(|server| format!("\"{server}:8080\""));
    format!(
        r#"tcp("192.168.60.200:80", #{{ scheduler: "rr", forward: "masq", servers: [{}],
            check: #{{ {check}, interval: 0.5, timeout: 2, rise: 1, {times} }} }})"#,
        servers.join(", ")
    )
}

fn webs(director: &Director) -> Vec<Web> {
    let roles = director.servers().into_iter().zip(SERVERS);
    let web = |(role, address): (String, &str)| {
        Web::start(director, &role, &format!("{address}:8080"), &role)
    };
    roles.map(web).collect()
}

/// The weights of all servers.
fn weights(director: &Director) -> Vec<String> {
    let all = SERVERS.map(|server| weight(director, server).unwrap_or_default());
    all.into()
}

#[test]
fn a_director_without_its_link_takes_nobody_out() {
    let director = Director::with_servers("nat", 3);
    let _webs = webs(&director);
    director.script(&three(r#"type: "http""#)).ended(0);
    // Without the guard: a check that this host could not send is no failure at all.
    let daemon = Daemon::start(&director, &["--guard", "0"]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    let link = |state: &str| {
        let words = ["link", "set", "eth1", state];
        director.exec("ip", &words).ended(0);
    };
    link("down");
    daemon.await_checks("no results", |check| check.no_results >= 5);
    assert_eq!(weights(&director), ["1", "1", "1"]);
    is_settled(&director, 1);
    link("up");
    daemon.await_checks("all pass again", |check| check.consecutive_passes >= 2);
    assert_eq!(weights(&director), ["1", "1", "1"]);
    for server in daemon.report().servers {
        assert_eq!(server.reason, None, "nothing ever happened");
    }
    daemon.stop();
}

#[test]
fn all_servers_that_fail_at_once_stay_in_while_the_guard_is_on() {
    let director = Director::with_servers("nat", 3);
    let servers = webs(&director);
    // A server that refuses could fall before the last of the others was asked: here all is emulated.
    let slowly = "retry_interval: 0.3, fall: 10";
    director.script(&timed(r#"type: "tcp""#, slowly)).ended(0);
    let daemon = Daemon::start(&director, &["--guard", "600"]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    Web::stop(servers);
    within(PATIENCE, "guard", || {
        daemon.report().guard.is_some_and(|guard| guard.held == 3)
    });
    daemon.await_checks("all fail", |check| check.consecutive_failures >= 12);
    assert_eq!(weights(&director), ["1", "1", "1"]);
    is_settled(&director, 1);
    // The operator knows better.
    daemon.unfreeze();
    within(PATIENCE, "fallen", || weights(&director) == ["0", "0", "0"]);
    is_settled(&director, 1);
    let servers = webs(&director);
    within(PATIENCE, "back", || weights(&director) == ["1", "1", "1"]);
    daemon.stop();

    // Once more with the guard off.
    let daemon = Daemon::start(&director, &["--guard", "0"]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    Web::stop(servers);
    within(PATIENCE, "fallen", || weights(&director) == ["0", "0", "0"]);
    assert_eq!(daemon.report().guard, None);
    daemon.stop();
}

#[test]
fn a_wrong_path_takes_nobody_out_until_it_has_passed_once() {
    let director = Director::with_servers("nat", 3);
    let servers = webs(&director);
    for server in &servers {
        server.answer_with(404);
    }
    director
        .script(&three(r#"type: "http", path: "/helth""#))
        .ended(0);
    let daemon = Daemon::start(&director, &["--guard", "0"]);
    let is_unproven =
        |check: &ipvsh::health::CheckHealth| check.consecutive_failures >= 5 && check.unproven;
    daemon.await_checks("all fail, unproven", is_unproven);
    assert_eq!(weights(&director), ["1", "1", "1"]);
    throughout("all stay", 1.0, || weights(&director) == ["1", "1", "1"]);
    is_settled(&director, 1);
    // One pass proves it: the others fall.
    servers[0].answer_with(200);
    within(PATIENCE, "the others fall", || {
        weights(&director) == ["1", "0", "0"]
    });
    is_settled(&director, 1);
    // Once it was ready it is: neither the end of the daemon nor a new service sends traffic away.
    director.ipvsh(&["ready"]).ended(0);
    daemon.stop();
    director
        .script(r#"tcp("192.0.2.99:80", #{ servers: ["10.9.9.9"], check: "tcp" })"#)
        .ended(0);
    director.ipvsh(&["ready"]).ended(0);
}
