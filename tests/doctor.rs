//! The rules of the doctor: what each finds, what it finds nothing in, and what it cannot tell.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test

#[path = "doctor/host.rs"]
mod host;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Utc};
use ipvsh::doctor::{ConnectionTable, Diagnosis, Observed, RULES, examine, selected};
use ipvsh::model::{Family, ForeignMark, Ruleset, json};
use ipvsh::notes::{Host, Interface, Manager, NextKernel, NoHost, Route};
use ipvsh::plan::HeldServers;
use serde_json::{Value, json};

/// A host on which all is well, but for what a case sets.
#[derive(Default)]
struct Fake {
    settings: BTreeMap<&'static str, &'static str>,
    interfaces: Vec<Interface>,
    managers: Vec<Manager>,
    disabled: bool,
    ftp_ports: Vec<u16>,
    preferred: Vec<Ipv6Addr>,
    schedulers: BTreeSet<String>,
}

impl Fake {
    fn with(mut self, path: &'static str, value: &'static str) -> Fake {
        self.settings.insert(path, value);
        self
    }

    fn interface(mut self, name: &str, networks: &[&str]) -> Fake {
        self.interfaces.push(Interface {
            name: name.to_owned(),
            is_up: true,
            has_carrier: true,
            is_loopback: false,
            networks: networks.iter().map(|one| one.parse().unwrap()).collect(),
        });
        self
    }
}

impl Host for Fake {
    fn route(&self, _: IpAddr) -> Option<Route> {
        Some(Route::Local)
    }

    fn forwards(&self, _: Family, _: Option<&str>) -> Option<bool> {
        Some(true)
    }

    fn marks(&self, _: Family) -> Option<Vec<ForeignMark>> {
        Some(Vec::new())
    }

    fn managers(&self) -> Vec<Manager> {
        self.managers.clone()
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        Some(self.interfaces.clone())
    }

    fn ipvs_setting(&self, name: &str) -> Option<String> {
        self.kernel_setting(&format!("net/ipv4/vs/{name}"))
    }

    fn kernel_setting(&self, path: &str) -> Option<String> {
        Some((*self.settings.get(path).unwrap_or(&"0")).to_owned())
    }

    fn ftp_ports(&self) -> Option<Vec<u16>> {
        Some(self.ftp_ports.clone())
    }

    fn is_preferred(&self, addr: Ipv6Addr) -> Option<bool> {
        Some(self.preferred.contains(&addr))
    }

    fn schedulers(&self) -> Option<BTreeSet<String>> {
        Some(self.schedulers.clone())
    }

    fn schedulers_of_next_kernel(&self) -> Option<NextKernel> {
        Some(NextKernel {
            release: "6.1.0-28-amd64".to_owned(),
            schedulers: self.schedulers.clone(),
        })
    }

    fn enables(&self, _: &str) -> Option<bool> {
        Some(!self.disabled)
    }
}

fn rules(value: Value) -> Ruleset {
    json::parse_ruleset(value).unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn observed<'a>(rules: &'a Ruleset, held: &'a HeldServers) -> Observed<'a> {
    Observed {
        live: rules,
        head: rules,
        held,
        now: time("2026-12-01T10:00:00Z"),
        checked: 0,
        has_daemon: true,
        awaiting: None,
        connection_table: Some(ConnectionTable {
            connections: 0,
            buckets: 4096,
        }),
    }
}

fn look(id: &str, observed: &Observed, host: &dyn Host) -> Diagnosis {
    examine(observed, host, &selected(&[id.to_owned()], false).unwrap())
}

/// The findings of a rule, as `OBJECT: WHAT. FIX`.
#[track_caller]
fn found(id: &str, observed: &Observed, host: &dyn Host) -> Vec<String> {
    let diagnosis = look(id, observed, host);
    assert!(diagnosis.not_looked.is_empty(), "{diagnosis:?}");
    let findings = diagnosis.findings.iter();
    let told = findings.map(|one| format!("{}: {}. {}", one.object, one.what, one.fix.at_prompt()));
    told.collect()
}

/// The one finding of a rule has these words; the same host mended has none.
#[track_caller]
fn found_until(id: &str, words: &[&str], broken: (&Observed, &Fake), mended: (&Observed, &Fake)) {
    let told = found(id, broken.0, broken.1);
    assert_eq!(told.len(), 1, "{told:?}");
    for word in words {
        assert!(told[0].contains(word), "{word}: {}", told[0]);
    }
    assert_eq!(found(id, mended.0, mended.1), Vec::<String>::new());
}

fn web(service: Value, server: Value) -> Ruleset {
    let mut whole = json!({ "protocol": "tcp", "address": "10.0.0.100", "port": 80 });
    let mut one = json!({ "address": "10.0.0.11", "port": 80 });
    let add = |to: &mut Value, more: Value| {
        to.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
    };
    add(&mut one, server);
    add(&mut whole, json!({ "servers": [one] }));
    add(&mut whole, service);
    rules(json!({ "services": [whole] }))
}

#[test]
fn a_host_that_sends_redirects_within_one_network() {
    let (web, held) = (
        web(json!({}), json!({ "forward": "masq" })),
        HeldServers::new(),
    );
    let all = observed(&web, &held);
    let host = || Fake::default().interface("eth0", &["10.0.0.1/24"]);
    let redirects = "net/ipv4/conf/eth0/send_redirects";
    found_until(
        "redirects",
        &[
            "tcp 10.0.0.100:80: ",
            "10.0.0.0/24",
            r#"sysctl("net.ipv4.conf.all.send_redirects", 0); sysctl("net.ipv4.conf.eth0.send_redirects", 0)"#,
        ],
        (
            &all,
            &host()
                .with(redirects, "1")
                .with("net/ipv4/conf/all/send_redirects", "1"),
        ),
        (&all, &host()),
    );
    // The other network is behind another interface; direct routing sends no answers through here.
    let two = Fake::default()
        .interface("eth0", &["10.0.0.100/32", "192.0.2.1/24"])
        .interface("eth1", &["10.0.0.1/28"])
        .with(redirects, "1");
    assert_eq!(found("redirects", &all, &two), Vec::<String>::new());
    let direct = self::web(json!({}), json!({}));
    let direct = observed(&direct, &held);
    let told = found("redirects", &direct, &host().with(redirects, "1"));
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn a_tunnel_behind_a_strict_filter() {
    let (none, held) = (Ruleset::default(), HeldServers::new());
    let all = observed(&none, &held);
    let host = || {
        let host = Fake::default()
            .interface("tunl0", &[])
            .interface("eth0", &[]);
        host.with("net/ipv4/conf/eth0/rp_filter", "1")
    };
    let strict = |path| host().with(path, "1");
    let fix = r#"sysctl("net.ipv4.conf.tunl0.rp_filter", 2)"#;
    for path in [
        "net/ipv4/conf/all/rp_filter",
        "net/ipv4/conf/tunl0/rp_filter",
    ] {
        found_until(
            "rp-filter",
            &["interface tunl0: ", fix],
            (&all, &strict(path)),
            (
                &all,
                &strict(path).with("net/ipv4/conf/tunl0/rp_filter", "2"),
            ),
        );
    }
    assert_eq!(found("rp-filter", &all, &host()), Vec::<String>::new());
}

#[test]
fn persistence_that_goes_on_at_a_quiesced_server() {
    let held = HeldServers::new();
    let off = Fake::default();
    let on = Fake::default().with("net/ipv4/vs/expire_quiescent_template", "1");
    let quiesced = web(json!({ "persistent": 300 }), json!({ "weight": 0 }));
    let all = observed(&quiesced, &held);
    let words = ["tcp 10.0.0.100:80: ", "10.0.0.11:80 has weight 0"];
    found_until("persist-quiesce", &words, (&all, &off), (&all, &on));
    let checked = web(json!({ "persistent": 300, "check": "tcp" }), json!({}));
    let all = observed(&checked, &held);
    let words = ["fails its checks", "expire_quiescent_template\", 1)"];
    found_until("persist-quiesce", &words, (&all, &off), (&all, &on));
    for rules in [
        web(json!({ "persistent": 300 }), json!({})),
        web(json!({}), json!({ "weight": 0 })),
        web(
            json!({ "persistent": 300, "check": "tcp", "on_fail": "remove" }),
            json!({}),
        ),
    ] {
        let told = found("persist-quiesce", &observed(&rules, &held), &off);
        assert_eq!(told, Vec::<String>::new());
    }
}

#[test]
fn servers_that_are_removed_without_a_word_to_their_clients() {
    let held = HeldServers::new();
    let removed = web(json!({ "check": "tcp", "on_fail": "remove" }), json!({}));
    let all = observed(&removed, &held);
    found_until(
        "nodest",
        &["net.ipv4.vs.expire_nodest_conn: it is 0"],
        (&all, &Fake::default()),
        (
            &all,
            &Fake::default().with("net/ipv4/vs/expire_nodest_conn", "1"),
        ),
    );
    let quiesced = web(json!({ "check": "tcp" }), json!({}));
    let told = found("nodest", &observed(&quiesced, &held), &Fake::default());
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn checks_that_nobody_runs() {
    let (web, held) = (
        web(json!({ "check": "tcp" }), json!({})),
        HeldServers::new(),
    );
    let well = Observed {
        checked: 1,
        ..observed(&web, &held)
    };
    let broken = Observed {
        has_daemon: false,
        ..well
    };
    let host = Fake::default();
    let words = ["1 checked server", "ipvsh daemon"];
    found_until("checks", &words, (&broken, &host), (&well, &host));
}

#[test]
fn another_program_with_the_same_table() {
    let (web, held) = (web(json!({}), json!({})), HeldServers::new());
    let all = observed(&web, &held);
    let two = Fake {
        managers: vec![Manager {
            name: "keepalived",
            pid: 7,
        }],
        ..Fake::default()
    };
    let words = [
        "keepalived (process 7): manages IPVS here too",
        "systemctl status",
    ];
    found_until("managers", &words, (&all, &two), (&all, &Fake::default()));
    // Where ipvsh manages nothing, the other program is the only owner.
    let none = Ruleset::default();
    let none = observed(&none, &held);
    assert_eq!(found("managers", &none, &two), Vec::<String>::new());
}

/// A host whose kernels have the default scheduler.
fn booted() -> Fake {
    Fake {
        schedulers: BTreeSet::from(["wlc".to_owned()]),
        ..Fake::default()
    }
}

#[test]
fn a_scheduler_that_the_kernel_lacks() {
    let (web, held, none) = (
        web(json!({}), json!({})),
        HeldServers::new(),
        Ruleset::default(),
    );
    let lost = Observed {
        live: &none,
        ..observed(&web, &held)
    };
    let words = ["tcp 10.0.0.100:80: its scheduler is wlc", "ip_vs_wlc"];
    found_until(
        "scheduler",
        &words,
        (&lost, &Fake::default()),
        (&lost, &booted()),
    );
    // What the kernel uses, it has, whatever the lists say.
    let all = observed(&web, &held);
    assert_eq!(
        found("scheduler", &all, &Fake::default()),
        Vec::<String>::new()
    );
}

#[test]
fn what_the_next_boot_does_not_bring_back() {
    let (web, held) = (web(json!({}), json!({})), HeldServers::new());
    let well = observed(&web, &held);
    let disabled = Fake {
        disabled: true,
        ..booted()
    };
    let words = ["ipvsh-restore.service: is not enabled", "systemctl enable"];
    found_until("next-boot", &words, (&well, &disabled), (&well, &booted()));
    let words = ["kernel 6.1.0-28-amd64: has no module ip_vs_wlc"];
    found_until(
        "next-boot",
        &words,
        (&well, &Fake::default()),
        (&well, &booted()),
    );
    let waits = Observed {
        awaiting: Some(ipvsh::model::SnapshotId(7)),
        ..well
    };
    let words = ["snapshot 7: awaits confirmation", "ipvsh confirm"];
    found_until("next-boot", &words, (&waits, &booted()), (&well, &booted()));
    let checked = Observed { checked: 1, ..well };
    assert_eq!(found("next-boot", &checked, &disabled).len(), 2);
    let none = Ruleset::default();
    let none = observed(&none, &held);
    assert_eq!(found("next-boot", &none, &disabled), Vec::<String>::new());
}

#[test]
fn maintenance_that_nobody_ended() {
    let since = |since: &str, expires: Value| {
        let mut one =
            json!({ "name": "10.0.0.11", "mode": "drain", "since": since, "by": "alice" });
        if !expires.is_null() {
            one["expires"] = expires;
        }
        rules(json!({ "maintenance": [one] }))
    };
    let held = HeldServers::new();
    let old = since("2026-11-20T10:00:00Z", Value::Null);
    let young = since("2026-11-25T10:00:00Z", Value::Null);
    let planned = since("2026-11-20T10:00:00Z", json!("2026-12-20T10:00:00Z"));
    let host = Fake::default();
    for mended in [&young, &planned] {
        found_until(
            "forgotten",
            &["maintenance 10.0.0.11: drain, for 11 days by alice. ipvsh enable 10.0.0.11"],
            (&observed(&old, &held), &host),
            (&observed(mended, &held), &host),
        );
    }
}

#[test]
fn a_reused_port_that_reaches_a_quiesced_server() {
    let held = HeldServers::new();
    let quiesced = web(json!({}), json!({ "weight": 0 }));
    let all = observed(&quiesced, &held);
    let mended = Fake::default().with("net/ipv4/vs/conn_reuse_mode", "1");
    let words = [
        "10.0.0.11:80: weight 0",
        r#"sysctl("net.ipv4.vs.conn_reuse_mode", 1)"#,
    ];
    found_until(
        "conn-reuse",
        &words,
        (&all, &Fake::default()),
        (&all, &mended),
    );
    let web = web(json!({}), json!({}));
    let told = found("conn-reuse", &observed(&web, &held), &Fake::default());
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn connection_tracking_that_is_nearly_full() {
    let (web, held) = (web(json!({}), json!({})), HeldServers::new());
    let all = observed(&web, &held);
    let with = |used| {
        let host = Fake::default().with("net/netfilter/nf_conntrack_max", "1000");
        host.with("net/netfilter/nf_conntrack_count", used)
    };
    let words = [
        "800 of 1000",
        r#"sysctl("net.netfilter.nf_conntrack_max", 2000)"#,
    ];
    found_until(
        "conntrack",
        &words,
        (&all, &with("800")),
        (&all, &with("799")),
    );
}

#[test]
fn a_connection_table_with_too_few_buckets() {
    let (web, held) = (web(json!({}), json!({})), HeldServers::new());
    let with = |connections| Observed {
        connection_table: Some(ConnectionTable {
            connections,
            buckets: 4096,
        }),
        ..observed(&web, &held)
    };
    let host = Fake::default();
    let words = ["20000 connections in 4096 buckets", "conn_tab_bits=15 "];
    found_until(
        "buckets",
        &words,
        (&with(20_000), &host),
        (&with(16_384), &host),
    );
    // A table of the greatest size is as good as it gets.
    let full = Observed {
        connection_table: Some(ConnectionTable {
            connections: 9_000_000,
            buckets: 1 << 20,
        }),
        ..observed(&web, &held)
    };
    assert_eq!(found("buckets", &full, &host), Vec::<String>::new());
    let unknown = Observed {
        connection_table: None,
        ..observed(&web, &held)
    };
    assert_eq!(look("buckets", &unknown, &host).not_looked.len(), 1);
}

#[test]
fn what_a_host_does_not_answer_is_said_and_is_no_finding() {
    let held = HeldServers::new();
    let web = web(
        json!({ "persistent": 300, "check": "tcp", "on_fail": "remove" }),
        json!({ "forward": "masq", "weight": 0 }),
    );
    let all = observed(&web, &held);
    for id in [
        "forwarding",
        "vip-missing",
        "nat-return",
        "redirects",
        "rp-filter",
        "persist-quiesce",
        "nodest",
        "conn-reuse",
        "conntrack",
        "next-boot",
    ] {
        let diagnosis = look(id, &all, &NoHost);
        assert!(diagnosis.findings.is_empty(), "{diagnosis:?}");
        assert_eq!(diagnosis.not_looked.len(), 1, "{id}");
        let why = &diagnosis.not_looked[0].why;
        assert!(why.contains("no host to ask"), "{id}: {why}");
    }
    // Without anything to ask for, every rule has looked.
    let none = Ruleset::default();
    let diagnosis = examine(&observed(&none, &held), &Fake::default(), RULES);
    assert_eq!(diagnosis.looked.len(), RULES.len());
    assert!(diagnosis.findings.is_empty(), "{diagnosis:?}");
}

#[test]
fn a_repair_has_the_safe_fixes_and_names_the_others() {
    let held = HeldServers::new();
    let web = web(
        json!({ "persistent": 300 }),
        json!({ "forward": "masq", "weight": 0 }),
    );
    let all = observed(&web, &held);
    let host = booted()
        .with("net/ipv4/vs/conn_reuse_mode", "1")
        .interface("eth0", &["10.0.0.1/24"])
        .with("net/ipv4/conf/eth0/send_redirects", "1");
    let diagnosis = examine(&all, &host, RULES);
    let ids: Vec<&str> = diagnosis.findings.iter().map(|one| one.rule.id).collect();
    let expected = ["no-servers", "nat-return", "redirects", "persist-quiesce"];
    assert_eq!(ids, expected);
    let repair = diagnosis.repair(false);
    assert_eq!(repair.message(), "doctor: redirects, persist-quiesce");
    assert_eq!(
        repair.code,
        "sysctl(\"net.ipv4.conf.eth0.send_redirects\", 0);\n\
         sysctl(\"net.ipv4.vs.expire_quiescent_template\", 1)"
    );
    let left: Vec<&str> = repair.left.iter().map(|one| one.rule.id).collect();
    assert_eq!(left, ["no-servers", "nat-return"]);
    // A named rule is fixed where its fix is a script.
    let no_servers = look("no-servers", &all, &host);
    assert!(no_servers.repair(true).code.contains("weight: 1"));
    let nat_return = look("nat-return", &all, &host);
    assert!(nat_return.repair(true).code.contains("snat: true"));
}
