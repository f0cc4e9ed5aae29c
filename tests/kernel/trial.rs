//! `ipvsh try` with real packets: at a client, at a director, with a server that is dead.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::director::{Director, file};

const URL: &str = "http://192.168.60.200/";

fn balanced(topology: &str, example: &str) -> Director {
    let director = Director::bare_with_topology(topology);
    let path = file(&format!("examples/{example}.rhai"));
    let path = path.to_str().unwrap();
    director.typed("lvs", &format!("ipvsh run {path}")).ended(0);
    director
}

/// The kernel sums counters up every two seconds: what came just before would count too.
fn let_the_kernel_sum_up() {
    std::thread::sleep(Duration::from_millis(2300));
}

#[test]
fn a_client_counts_who_answers_and_a_director_what_each_server_did() {
    let director = balanced("nat", "nat");
    let said = director
        .typed("client", &format!("ipvsh try {URL}"))
        .ended(0);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", said.out);
    for (line, answer) in [(lines[1], "  200 RS1"), (lines[2], "  200 RS2")] {
        assert!(
            line.starts_with("    5  ") && line.ends_with(answer),
            "{}",
            said.out
        );
    }
    assert!(
        lines[3].starts_with("10 of 10 answered, median "),
        "{}",
        said.out
    );
    assert!(!director.database_of("client").exists());

    // What the client did is none of it.
    let_the_kernel_sum_up();
    let said = director
        .typed("lvs", &format!("ipvsh try {URL} --json"))
        .ended(0);
    let seen: Value = serde_json::from_str(&said.out).unwrap();
    let texts: Vec<_> = seen["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["answer"])
        .collect();
    assert_eq!(texts, ["200 RS1", "200 RS2"]);
    assert_eq!(seen["services"][0]["service"], "tcp 192.168.60.200:80");
    let servers = seen["services"][0]["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 2, "{seen}");
    for server in servers {
        assert_eq!(server["forward"], "masq");
        assert_eq!(server["connections"], 5, "{seen}");
        assert!(server["in_packets"].as_u64() > Some(15), "{seen}");
        assert!(server["out_packets"].as_u64() > Some(10), "{seen}");
        assert_eq!(server["finding"], Value::Null);
    }

    // An address of no service has no counters.
    let server = ["try", "http://192.168.182.210/", "-n", "2"];
    let said = director.ipvsh(&server).ended(0);
    assert_eq!(
        (said.out.lines().count(), said.err.as_str()),
        (3, ""),
        "{}",
        said.out
    );

    // A user without rights is told why there are none, where there would be some.
    let without_rights = |args: &[&str]| {
        director.within("lvs", || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
            let output = command.args(args).uid(65534).gid(65534).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stderr).unwrap()
        })
    };
    let why =
        "note: counters of the servers: cannot use IPVS: not permitted: it needs CAP_NET_ADMIN\n";
    assert_eq!(without_rights(&["try", URL, "-n", "2"]), why);
    assert_eq!(without_rights(&server), "");
}

#[test]
fn a_dead_server_is_named() {
    let director = balanced("nat", "nat");
    // It gets the packets of its clients, and knows no way back to them.
    director.typed("rs2", "ip route delete default").ended(0);
    let line = format!("ipvsh try {URL} -n 4 --timeout 0.5");
    let said = director.typed("client", &line).ended(1);
    assert!(said.out.contains("2 of 4 answered, "), "{}", said.out);
    assert!(
        said.out.contains("  no connection in 0.5 s\n"),
        "{}",
        said.out
    );
    let_the_kernel_sum_up();
    let said = director.typed("lvs", &line).ended(1);
    let finding = "\n192.168.182.220:80 got 2 connections and sent nothing back\n";
    assert!(said.out.contains(finding), "{}", said.out);
    assert!(
        said.out.contains("\ntcp 192.168.60.200:80 "),
        "{}",
        said.out
    );
    assert!(!said.out.contains("192.168.182.210:80 got"), "{}", said.out);
}

#[test]
fn answers_of_direct_routing_are_not_seen() {
    let director = balanced("dr", "dr");
    let url = "http://192.168.182.100/";
    let said = director.typed("client", &format!("ipvsh try {url}"));
    assert!(said.ended(0).out.contains("10 of 10 answered"));
    let said = director.typed("lvs", &format!("ipvsh try {url} -n 2 --timeout 0.5"));
    let said = said.ended(1);
    for part in [
        "0 of 2 answered\n",
        " not seen\n",
        "note: answers by direct routing or a tunnel do not pass the director",
        "note: 192.168.182.100 is an address of this host, and of its servers too",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}
