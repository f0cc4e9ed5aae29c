//! The scripts that operators want to be able to write, as they wrote them (tests/scripts).

use std::path::Path;

use crate::lab::{Lab, render, run_on};
use ipvsh::script::Source;

fn script(name: &str) -> Source {
    Source::file(Path::new(&format!("tests/scripts/{name}.rhai"))).unwrap()
}

/// Runs a script twice: the second run must find nothing to change and send nothing.
#[track_caller]
fn twice(lab: &Lab, name: &str, args: &[&str]) {
    let first = lab.run_source(&script(name), args);
    if let Err(error) = &first.ended {
        panic!("{}", render(error));
    }
    assert!(first.commit.unwrap().unwrap().starts_with("snapshot"));
    assert!(first.writes > 0);
    let second = lab.run_source(&script(name), args);
    assert_eq!(second.commit.unwrap().unwrap(), "nothing to change");
    assert_eq!(second.writes, first.writes, "a second run sends nothing");
}

#[test]
fn nat() {
    let lab = Lab::new();
    twice(&lab, "nat", &[]);
    let servers = &lab.json()["services"][0]["servers"];
    assert_eq!(servers[0]["address"], "192.168.182.210");
    assert_eq!(servers[1]["forward"], "masq");
}

#[test]
fn one_pool_for_two_ports() {
    let lab = Lab::new();
    twice(&lab, "pool", &[]);
    let live = lab.json();
    assert_eq!(live["marks"][0]["ports"], serde_json::json!([80, 443]));
    assert_eq!(live["services"][0]["servers"][0]["port"], 0);
}

#[test]
fn tuned() {
    let lab = Lab::new();
    twice(&lab, "tuned", &[]);
    let live = lab.json();
    assert_eq!(live["timeouts"]["tcp_fin"], 5);
    assert_eq!(live["services"][0]["persistent"], 600);
    assert_eq!(live["services"][0]["servers"][1]["weight"], 10);
}

#[test]
fn another_scheduler_keeps_the_rest() {
    let lab = Lab::new();
    lab.run("udp(\"192.0.2.10:80\", #{ persistent: 60, netmask: 24, engine: \"sip\" })")
        .printed();
    twice(&lab, "scheduler", &[]);
    let service = &lab.json()["services"][0];
    assert_eq!(service["scheduler"], "sh");
    assert_eq!(service["flags"], serde_json::json!(["sh-port"]));
    assert_eq!(service["persistent"], 60);
    assert_eq!(service["netmask"], "255.255.255.0");
    assert_eq!(service["engine"], "sip");
}

#[test]
fn dual_stack() {
    let lab = Lab::new();
    twice(&lab, "dual_stack", &[]);
    let live = lab.json();
    assert_eq!(live["services"][0]["netmask"], "255.255.255.0");
    assert_eq!(live["services"][1]["netmask"], 64);
}

#[test]
fn director_pair() {
    let lab = Lab::new();
    twice(&lab, "pair", &[]);
    assert_eq!(lab.json()["daemons"].as_array().unwrap().len(), 2);
}

#[test]
fn maintenance_of_a_machine() {
    let lab = Lab::new();
    lab.run(
        "for port in [80, 443] { tcp(`192.0.2.10:${port}`, #{ servers: [\"10.0.0.11\", \"10.0.0.12\"] }); }",
    )
    .printed();
    for snapshots in [2, 2] {
        let run = lab.run_source(&script("maintenance"), &["10.0.0.11"]);
        assert!(run.ended.is_ok(), "{:?}", run.ended);
        let live = lab.json();
        for service in live["services"].as_array().unwrap() {
            assert_eq!(service["servers"][0]["weight"], 0);
            assert_eq!(service["servers"][1]["weight"], 1);
        }
        let made = lab.run("print(history().len())").printed();
        assert_eq!(made, format!("{snapshots}\n"));
    }
}

/// Nobody answers here, and nobody wants to wait: `tests/kernel` runs them for real.
#[test]
fn adding_a_server_and_blue_green() {
    let lab = Lab::new();
    lab.run(
        "for port in [80, 443] { tcp(`192.0.2.10:${port}`, #{ scheduler: \"wrr\", servers: [\"10.0.1.11\"] }); }",
    )
    .printed();
    let added = run_on(lab.session().dry(), &script("add_server"), &["10.0.1.12"]);
    assert!(added.ended.is_ok(), "{:?}", added.ended);
    assert!(
        added.reports[0].contains("Rolls back in 300 s unless"),
        "{:?}",
        added.reports
    );
    lab.run("confirm()").value();
    let moved = run_on(lab.session().dry(), &script("blue_green"), &[]);
    assert!(moved.ended.is_ok(), "{:?}", moved.ended);
    assert_eq!(moved.reports.len(), 4);
    let live = lab.json();
    let weights = |service: usize| -> Vec<i64> {
        let servers = live["services"][service]["servers"].as_array().unwrap();
        servers
            .iter()
            .map(|s| s["weight"].as_i64().unwrap())
            .collect()
    };
    assert_eq!((weights(0), weights(1)), (vec![1, 1], vec![0, 100, 100]));
}

#[test]
fn an_inventory_and_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let services: Vec<serde_json::Value> = (0..2000)
        .map(|n| {
            serde_json::json!({
                "vip": format!("192.0.{}.{}:80", n / 250, n % 250 + 1),
                "scheduler": "wrr",
                "forward": "masq",
                "servers": ["10.0.0.1:80", { "address": "10.0.0.2:80", "weight": 3 }],
            })
        })
        .collect();
    let full = file(
        "full.json",
        &serde_json::json!({ "services": services }).to_string(),
    );
    let empty = file("empty.json", "{ \"services\": [] }");
    let lab = Lab::new();
    twice(&lab, "inventory", &[&full]);
    assert_eq!(lab.json()["services"].as_array().unwrap().len(), 2000);

    let error = lab.run_source(&script("inventory"), &[&empty]).error();
    assert!(
        error.starts_with("guarded: refused: this would remove 2000 of 2000"),
        "{error}"
    );
    assert_eq!(lab.json()["services"].as_array().unwrap().len(), 2000);
}
