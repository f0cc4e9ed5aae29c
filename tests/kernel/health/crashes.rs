//! A daemon that dies at any moment, beside commits and operators.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ipvsh::health::{Report, Standing};

use super::{Daemon, PATIENCE, SERVERS, Web, is_settled, throughout, weight};
use crate::confirm::within;
use crate::differential::generate::Rng;
use crate::director::Director;

const VIP: &str = "192.168.60.200:80";
/// At least.
const KILLS: usize = 10;
const COMMITS: usize = 3;
const SEED: u64 = 20_261_130;

fn address(number: usize) -> String {
    format!("{}:8080", SERVERS[number])
}

fn web(director: &Director, number: usize) -> Web {
    let role = format!("rs{}", number + 1);
    Web::start(director, &role, &address(number), &role)
}

fn service(servers: usize) -> String {
    let servers: Vec<String> = (0..servers)
        .map(|n| format!("\"{}\"", address(n)))
        .collect();
    format!(
        r#"tcp("{VIP}", #{{ scheduler: "wrr", forward: "masq", servers: [{}], check: #{{ type: "tcp",
            interval: 0.2, retry_interval: 0.2, timeout: 2, rise: 1, fall: 1 }} }})"#,
        servers.join(", ")
    )
}

fn standings(report: &Report) -> Vec<Standing> {
    report.servers.iter().map(|server| server.state).collect()
}

fn weights(director: &Director, servers: usize) -> Vec<String> {
    let all = (0..servers).map(|number| weight(director, &address(number)).unwrap_or_default());
    all.collect()
}

/// The server dies and returns at random moments, until the end.
fn flap(director: &Director, number: usize, end: &AtomicBool) {
    let mut random = Rng::new(SEED + 1 + number as u64);
    while !end.load(Ordering::SeqCst) {
        let server = web(director, number);
        std::thread::sleep(Duration::from_millis(200 + random.below(800) as u64));
        drop(server);
        std::thread::sleep(Duration::from_millis(200 + random.below(800) as u64));
    }
}

/// Commits one weight after the other, until the end; returns the last of each server.
fn commit(director: &Director, end: &AtomicBool, done: &AtomicUsize) -> [usize; 3] {
    let (mut count, mut last) = (0, [1; 3]);
    while !end.load(Ordering::SeqCst) {
        let (number, weight) = (count % 3, 2 + count);
        let server = address(number);
        let set = format!(r#"find("{VIP}").find("{server}").set(#{{ weight: {weight} }})"#);
        director.ipvsh(&["-e", &set]).ended(0);
        last[number] = weight;
        count = done.fetch_add(1, Ordering::SeqCst) + 1;
    }
    last
}

#[test]
fn a_daemon_that_is_killed_beside_commits_loses_nothing() {
    let director = Director::with_servers("nat", 3);
    let _three = web(&director, 2);
    director.script(&service(3)).ended(0);
    let (end, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (kills, last) = std::thread::scope(|scope| {
        let committed = scope.spawn(|| commit(&director, &end, &done));
        scope.spawn(|| flap(&director, 0, &end));
        scope.spawn(|| flap(&director, 1, &end));
        let mut random = Rng::new(SEED);
        let mut kills = 0;
        while kills < KILLS || done.load(Ordering::SeqCst) < COMMITS {
            kills += 1;
            let daemon = Daemon::launch(&director, &["--guard", "0"]);
            std::thread::sleep(Duration::from_millis(random.below(2500) as u64));
            daemon.kill();
        }
        end.store(true, Ordering::SeqCst);
        (kills, committed.join().unwrap())
    });
    let commits = done.load(Ordering::SeqCst);
    eprintln!("seed {SEED}: {kills} kills beside {commits} commits");
    let _two = web(&director, 1);
    let daemon = Daemon::start(&director, &["--guard", "0"]);
    let wanted = [Standing::Down, Standing::Up, Standing::Up];
    within(PATIENCE, "one is down", || {
        standings(&daemon.report()) == wanted
    });
    let should = ["0".to_owned(), last[1].to_string(), last[2].to_string()];
    within(PATIENCE, "the table follows", || {
        weights(&director, 3) == should
    });
    is_settled(&director, 1 + commits);

    // The next daemon knows who was down, and puts nobody in meanwhile.
    daemon.kill();
    let said = || director_said(&director);
    let before = said().len();
    let daemon = Daemon::launch(&director, &["--guard", "0"]);
    let mut is_ready = false;
    while !is_ready {
        is_ready = daemon
            .itself()
            .is_some_and(|itself| itself["ready"] == true);
        assert_eq!(weights(&director, 3), should);
    }
    daemon.stop();
    let new = said().split_off(before);
    assert!(
        !new.contains("down ->") && !new.contains("-> down"),
        "{new}"
    );
    is_settled(&director, 1 + commits);
}

fn director_said(director: &Director) -> String {
    let log = director.database().with_file_name("daemon.log");
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn what_an_operator_sets_by_hand_is_never_undone() {
    let director = Director::with_topology("nat");
    let _one = web(&director, 0);
    let mut two = Some(web(&director, 1));
    director.script(&service(2)).ended(0);
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    let by_hand = |weight: u32| {
        let line = format!("-e -t {VIP} -r {} -m -w {weight}", address(1));
        director.ipvsadm(&line);
    };
    let stands = |standing: Standing| {
        within(PATIENCE, "standing", || {
            daemon.report().servers[1].state == standing
        });
    };
    by_hand(0);
    throughout("the operator's weight", 1.5, || {
        weights(&director, 2) == ["1", "0"]
    });
    // The operator restarts the program behind it.
    two.take();
    stands(Standing::Down);
    two = Some(web(&director, 1));
    stands(Standing::Up);
    throughout("the operator's weight", 1.0, || {
        weights(&director, 2) == ["1", "0"]
    });
    daemon.kill();
    let daemon = Daemon::start(&director, &[]);
    throughout("the operator's weight", 1.0, || {
        weights(&director, 2) == ["1", "0"]
    });
    // Going down is written whatever the weight is.
    by_hand(5);
    two.take();
    within(PATIENCE, "down", || weights(&director, 2) == ["1", "0"]);
    // Coming up is not, where the weight was changed by hand meanwhile.
    by_hand(7);
    two = Some(web(&director, 1));
    within(PATIENCE, "left alone", || {
        daemon.said().contains("changed by hand")
    });
    assert_eq!(weights(&director, 2), ["1", "7"]);
    drop(two);
    daemon.stop();
}
