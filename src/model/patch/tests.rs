use super::*;
use crate::model::{DaemonRole, Family, Fwmark, ServiceKey, ServiceOptions, SyncDaemon};
use serde_json::json;

fn options(value: Value) -> Options {
    value.as_object().unwrap().clone()
}

fn service(value: Value) -> Result<ServicePatch> {
    ServicePatch::parse(
        &ServiceKey::parse("tcp 192.0.2.1:80").unwrap(),
        &options(value),
    )
}

#[test]
fn a_service_reads_every_option() {
    let patch = service(json!({
        "scheduler": "SH", "flags": ["sh-port"], "persistent": true, "netmask": 24,
        "engine": "sip", "one_packet": false, "forward": "nat",
        "servers": ["10.0.0.1", { "address": "10.0.0.2:81", "weight": 3 }],
    }))
    .unwrap();
    let mut own = ServiceOptions::defaults(Family::Ipv4);
    patch.apply(&mut own);
    assert_eq!(
        own.summary(Family::Ipv4),
        "sh flags sh-port persistent 300 netmask 255.255.255.0 engine sip"
    );
    let servers = patch.servers.unwrap();
    assert_eq!(servers[0].0.to_string(), "10.0.0.1:80");
    assert_eq!(servers[1].1.weight.unwrap().value(), 3);
}

#[test]
fn mistakes_are_answered() {
    for (value, wants, hint) in [
        (
            json!({"shceduler": "rr"}),
            "unknown option \"shceduler\"",
            "\"scheduler\"?",
        ),
        (
            json!({"lb_algo": "rr"}),
            "unknown option \"lb_algo\"",
            "\"scheduler\"?",
        ),
        (
            json!({"persistent": -1}),
            "persistent -1 is out of range",
            "31 days",
        ),
        (json!({"persistent": 2678401}), "out of range", "31 days"),
        (
            json!({"netmask": "255.0.255.0"}),
            "not a row of ones",
            "255.255.255.0",
        ),
        (json!({"one_packet": 1}), "must be true or false, not 1", ""),
        (
            json!({"marks": []}),
            "marks are for a service of a mark",
            "fwmark",
        ),
        (
            json!({"servers": ["10.0.0.1", "10.0.0.1:80"]}),
            "is listed twice",
            "",
        ),
        (
            json!({"servers": [{"address": "10.0.0.1", "wieght": 1}]}),
            "\"wieght\"",
            "weight",
        ),
        (json!({"servers": "10.0.0.1"}), "must be an array", ""),
    ] {
        let error = service(value.clone()).unwrap_err();
        assert!(error.to_string().contains(wants), "{value}: {error}");
        if wants.contains("persistent") {
            continue;
        }
        let hints = error.hints().join("\n");
        assert!(hints.contains(hint), "{value}: {hints}");
    }
}

#[test]
fn a_daemon_takes_no_zero_for_left_out() {
    let read = |value: Value| SyncDaemon::parse(DaemonRole::Master, &options(value));
    for bad in [
        json!({"interface": "eth0", "maxlen": 0}),
        json!({"interface": "eth0", "maxlen": 65508}),
        json!({"interface": "eth0", "port": 0}),
        json!({"interface": "eth0", "ttl": 0}),
        json!({"interface": "eth0", "ttl": 256}),
    ] {
        let error = read(bad.clone()).unwrap_err();
        assert!(error.to_string().contains("out of range"), "{bad}: {error}");
    }
    assert!(read(json!({"interface": "eth0", "maxlen": 65507, "ttl": 255})).is_ok());
}

#[test]
fn marks_read_every_field() {
    let rules = mark_rules(
        Fwmark::new(1).unwrap(),
        None,
        &json!({
            "protocol": "tcp", "to": "2001:db8::/64", "ports": [80, "8000-8100"],
            "interface": "eth0", "mask": "0xff",
        }),
    )
    .unwrap();
    assert_eq!(
        rules[0].summary(),
        "tcp to 2001:db8::/64 ports 80,8000-8100 interface eth0 mask 0xff"
    );
    assert_eq!(rules[0].family, Family::Ipv6);
    for bad in [
        json!({"ports": [80]}),
        json!({"to": "192.0.2.1", "from": "2001:db8::1"}),
        json!({"interface": "eth0 -j ACCEPT"}),
        json!({"interface": "-j"}),
        json!({"protocol": "tcp\" -j DROP"}),
        json!({"mask": 0}),
        json!({"mask": 2}),
        json!("x"),
    ] {
        assert!(
            mark_rules(Fwmark::new(1).unwrap(), None, &bad).is_err(),
            "{bad}"
        );
    }
}
