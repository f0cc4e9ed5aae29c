//! Files of the daemon that cannot be written, or not be read.

use std::net::TcpListener;

use ipvsh::runtime::RuntimeDir;

use super::{Daemon, PATIENCE, is_settled, weight};
use crate::confirm::within;
use crate::director::Director;
use crate::faults::Disk;

/// So many that their state needs more room than one page of memory.
const COUNT: u16 = 60;

fn ports() -> impl Iterator<Item = u16> {
    9001..9001 + COUNT
}

/// Servers on the director itself: a director alone suffices.
fn listeners(director: &Director) -> Vec<TcpListener> {
    director.inside(|| {
        let listen = |port| TcpListener::bind(("127.0.0.1", port)).unwrap();
        ports().map(listen).collect()
    })
}

fn service() -> String {
    let servers: Vec<String> = ports()
        .map(|port| format!("\"127.0.0.1:{port}\""))
        .collect();
    format!(
        r#"tcp("192.0.2.10:80", #{{ scheduler: "wrr", forward: "masq", servers: [{}], check: #{{ type: "tcp",
            interval: 1, retry_interval: 0.5, timeout: 2, rise: 1, fall: 2 }} }})"#,
        servers.join(", ")
    )
}

/// How many servers have this weight.
fn count(director: &Director, weight: &str) -> usize {
    let table = director.ipvsadm("-Ln");
    let rows = table.lines().filter(|line| line.contains("127.0.0.1:"));
    rows.filter(|row| row.split_whitespace().nth(3) == Some(weight))
        .count()
}

const ALL: usize = COUNT as usize;
/// A commit that touches the service and none of its servers.
const SCHEDULE: &str = r#"find("192.0.2.10:80").set(#{ scheduler: "rr" })"#;
const SET: &str = r#"find("192.0.2.10:80").find("127.0.0.1:9001").set(#{ weight: 7 })"#;

#[test]
fn a_full_disk_of_the_state_delays_and_loses_nothing() {
    let director = Director::alone();
    let dir = RuntimeDir::of(&director.database());
    let state = Disk::new(dir.path().to_owned());
    let events = Disk::new(dir.events().to_owned());
    let up = listeners(&director);
    director.script(&service()).ended(0);
    events.fill(0);
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    state.fill(0);
    drop(up);
    let failure = || daemon.itself().map(|itself| itself["failure"].clone());
    within(PATIENCE, "told", || {
        failure().is_some_and(|failure| failure.to_string().contains("No space left"))
    });
    daemon.await_checks("all fail", |check| check.consecutive_failures >= 4);
    // What could not be written down is not written to the kernel. For a few there was room: the last
    // page of the file was not full.
    let out = count(&director, "0");
    assert!(out < ALL / 2, "{out}");
    // Commits go on.
    director.ipvsh(&["-e", SCHEDULE]).ended(0);
    assert!(director.ipvsadm("-Ln").contains("192.0.2.10:80 rr"));
    assert_eq!(count(&director, "0"), out);
    let said = daemon.said();
    assert!(said.contains(&dir.path().display().to_string()), "{said}");
    assert!(said.contains("events are lost"), "{said}");
    // There is room again: nobody has to do anything.
    state.empty();
    events.empty();
    within(PATIENCE, "all are out", || count(&director, "0") == ALL);
    within(PATIENCE, "told no more", || {
        failure().is_some_and(|failure| failure.is_null())
    });
    let _up = listeners(&director);
    within(PATIENCE, "all are back", || count(&director, "1") == ALL);
    is_settled(&director, 2);
    daemon.stop();
}

#[test]
fn a_full_disk_of_the_database_stops_no_transition() {
    let director = Director::alone();
    let disk = Disk::new(director.database());
    let up = listeners(&director);
    director.script(&service()).ended(0);
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    disk.fill(0);
    drop(up);
    within(PATIENCE, "all are out", || count(&director, "0") == ALL);
    let refused = director.ipvsh(&["-e", SET]);
    assert_ne!(refused.status, 0, "{}", refused.err);
    assert!(refused.err.contains("No space left"), "{}", refused.err);
    let _up = listeners(&director);
    within(PATIENCE, "all are back", || count(&director, "1") == ALL);
    disk.empty();
    director.ipvsh(&["-e", SET]).ended(0);
    assert_eq!(count(&director, "7"), 1);
    is_settled(&director, 2);
    daemon.stop();
}

#[test]
fn an_unreadable_state_means_hands_off() {
    let director = Director::alone();
    let mut up = listeners(&director);
    director.script(&service()).ended(0);
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    let last = format!("127.0.0.1:{}", 9000 + COUNT);
    drop(up.pop());
    director.await_weight(&last, "0");
    daemon.kill();
    let state = RuntimeDir::of(&director.database()).path().join("state");
    std::fs::write(&state, "damaged\n").unwrap();

    // A daemon does not start, and says what to do.
    let refused = director.ipvsh(&["daemon"]).ended(1);
    let shown = state.display().to_string();
    let hint = format!("rm {shown}");
    assert!(refused.err.contains(&hint), "{}", refused.err);
    // A commit leaves the checked servers as the kernel has them.
    director.ipvsh(&["-e", SCHEDULE]).ended(0);
    assert!(director.ipvsadm("-Ln").contains("192.0.2.10:80 rr"));
    assert_eq!(weight(&director, &last).as_deref(), Some("0"));
    let status = director.ipvsh(&["status"]);
    let said = format!("{}{}", status.out, status.err);
    assert!(said.contains("state of the checks"), "{said}");

    std::fs::remove_file(&state).unwrap();
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("fails or passes", |check| {
        check.consecutive_passes > 0 || check.consecutive_failures >= 2
    });
    within(PATIENCE, "down again", || {
        count(&director, "0") == 1 && count(&director, "1") == ALL - 1
    });
    is_settled(&director, 2);
    daemon.stop();
}
