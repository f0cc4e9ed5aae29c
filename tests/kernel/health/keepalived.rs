//! The real keepalived as an oracle: the same failures, the same tables.

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{Daemon, PATIENCE, SERVERS, kill_listener, serve_again};
use crate::director::Director;

/// Two services: with the first a server that is down keeps its place at weight 0, with the second it
/// leaves the table.
const PORTS: [(u16, &str, &str); 2] = [(80, "inhibit_on_failure", "quiesce"), (443, "", "remove")];

/// keepalived without VRRP.
struct Keepalived(Child);

impl Keepalived {
    fn start(director: &Director) -> Keepalived {
        let mut text = String::new();
        for (port, inhibit, _) in PORTS {
            let real = SERVERS[..2].iter().map(|server| {
                format!(
                    "real_server {server} {port} {{\nweight 1\n{inhibit}\nTCP_CHECK {{\n\
                     connect_timeout 1\nretry 0\n}}\n}}\n"
                )
            });
            let real: String = real.collect();
            text += &format!(
                "virtual_server 192.168.60.200 {port} {{\ndelay_loop 1\nlb_algo rr\nlb_kind NAT\n\
                 protocol TCP\n{real}}}\n"
            );
        }
        director.put("keepalived.conf", &text);
        let at = |name: &str| director.database().with_file_name(name);
        let log = File::create(at("keepalived.log")).unwrap();
        let mut command = Command::new("ip");
        command
            .args([
                "netns",
                "exec",
                &director.namespace,
                "keepalived",
                "-n",
                "-l",
                "-C",
            ])
            .arg("-f")
            .arg(at("keepalived.conf"))
            .arg("-p")
            .arg(at("keepalived.pid"))
            .arg("-c")
            .arg(at("checkers.pid"))
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Keepalived(command.spawn().unwrap())
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        // It ends its process of the checks, and takes its services away.
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

fn table(director: &Director) -> String {
    let table = director.ipvsadm("-Sn");
    let mut lines: Vec<&str> = table.lines().map(str::trim).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// What happens, in this order.
const STEPS: [&str; 5] = [
    "at the start",
    "the second has died",
    "the first has died too",
    "the first is back",
    "the second is back",
];

fn happen(director: &Director, step: usize) {
    for (port, ..) in PORTS {
        match step {
            1 => kill_listener(director, "rs2", port),
            2 => kill_listener(director, "rs1", port),
            3 => serve_again(director, "rs1", port),
            4 => serve_again(director, "rs2", port),
            _ => {}
        }
    }
}

/// Waits until both services have another table than before, and it stays.
#[track_caller]
fn next_table(director: &Director, before: &str, step: &str) -> String {
    let end = Instant::now() + Duration::from_secs(PATIENCE);
    let (mut last, mut since) = (table(director), Instant::now());
    while last == before || since.elapsed() < Duration::from_secs(2) {
        assert!(Instant::now() < end, "keepalived, {step}: still\n{last}");
        std::thread::sleep(Duration::from_millis(200));
        let now = table(director);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

/// What differs from keepalived, on purpose, and does not show here: keepalived's `retry 0` is our
/// `fall: 1`, and its rise is always 1; a new server of ours that joins a good one waits for its first
/// pass; keepalived takes its services away when it ends, ours stay.
#[test]
fn the_tables_are_those_of_keepalived() {
    let director = Director::with_topology("nat");
    let keepalived = Keepalived::start(&director);
    let mut tables: Vec<String> = Vec::new();
    for (number, step) in STEPS.iter().enumerate() {
        happen(&director, number);
        let before = tables.last().cloned().unwrap_or_default();
        tables.push(next_table(&director, &before, step));
    }
    drop(keepalived);
    assert_eq!(table(&director), "");

    let mut script = String::new();
    for (port, _, on_fail) in PORTS {
        let [one, two, _] = SERVERS;
        script += &format!(
            r#"tcp("192.168.60.200:{port}", #{{ scheduler: "rr", forward: "masq",
                servers: ["{one}", "{two}"], on_fail: "{on_fail}",
                check: #{{ type: "tcp", interval: 1, retry_interval: 1, timeout: 1, rise: 1, fall: 1 }} }});"#
        );
    }
    director.script(&script).ended(0);
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);
    for (number, step) in STEPS.iter().enumerate() {
        happen(&director, number);
        let end = Instant::now() + Duration::from_secs(PATIENCE);
        while table(&director) != tables[number] && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(table(&director), tables[number], "{step}");
    }
    daemon.stop();
}
