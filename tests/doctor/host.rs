//! Rules about this host: its role, its helpers, what its neighbours learn.

use super::*;

#[test]
fn a_director_that_is_told_to_be_a_backup_only() {
    let held = HeldServers::new();
    let daemon = |role: &str| json!({ "role": role, "interface": "eth0" });
    let both = rules(json!({ "daemons": [daemon("master"), daemon("backup")] }));
    let all = observed(&both, &held);
    let on = Fake::default().with("net/ipv4/vs/backup_only", "1");
    found_until(
        "sync-role",
        &[
            "net.ipv4.vs.backup_only: it is 1",
            r#"sysctl("net.ipv4.vs.backup_only", 0)"#,
        ],
        (&all, &on),
        (&all, &Fake::default()),
    );
    for role in ["master", "backup"] {
        let one = rules(json!({ "daemons": [daemon(role)] }));
        assert_eq!(
            found("sync-role", &observed(&one, &held), &on),
            Vec::<String>::new()
        );
    }
}

#[test]
fn ftp_without_its_helper() {
    let held = HeldServers::new();
    let ftp = web(
        json!({ "port": 21 }),
        json!({ "forward": "masq", "port": 21 }),
    );
    let all = observed(&ftp, &held);
    let with = |ports: &[u16]| Fake {
        ftp_ports: ports.to_vec(),
        ..Fake::default()
    };
    found_until(
        "ftp",
        &[
            "tcp 10.0.0.100:21: FTP is masqueraded",
            "modprobe ip_vs_ftp",
        ],
        (&all, &with(&[2121])),
        (&all, &with(&[21])),
    );
    // The server answers a client of direct routing by itself; other ports are no FTP.
    for rules in [
        web(json!({ "port": 21 }), json!({ "port": 21 })),
        web(json!({}), json!({ "forward": "masq" })),
    ] {
        assert_eq!(
            found("ftp", &observed(&rules, &held), &with(&[])),
            Vec::<String>::new()
        );
    }
    assert_eq!(look("ftp", &all, &NoHost).not_looked.len(), 1);
}

#[test]
fn an_ipv6_vip_as_a_source() {
    let held = HeldServers::new();
    let web = web(
        json!({ "address": "2001:db8::100" }),
        json!({ "address": "2001:db8::11" }),
    );
    let all = observed(&web, &held);
    let host = |networks: &[&str], preferred: &[&str]| Fake {
        preferred: preferred.iter().map(|one| one.parse().unwrap()).collect(),
        ..Fake::default().interface("eth0", networks)
    };
    let both = ["2001:db8::1/64", "2001:db8::100/128", "fe80::1/64"];
    found_until(
        "vip-source",
        &[
            "VIP 2001:db8::100: it is a preferred address of eth0",
            "ip address change 2001:db8::100/128 dev eth0 preferred_lft 0",
        ],
        (&all, &host(&both, &["2001:db8::100", "2001:db8::1"])),
        (&all, &host(&both, &["2001:db8::1"])),
    );
    // The only address is no choice.
    let alone = host(&["2001:db8::100/128", "fe80::1/64"], &["2001:db8::100"]);
    assert_eq!(found("vip-source", &all, &alone), Vec::<String>::new());
    assert_eq!(look("vip-source", &all, &NoHost).not_looked.len(), 1);
}

#[test]
fn a_real_server_that_answers_arp() {
    let (none, held) = (Ruleset::default(), HeldServers::new());
    let all = observed(&none, &held);
    let host = |lo: &[&str]| {
        let mut host = Fake::default()
            .interface("lo", lo)
            .interface("eth0", &["192.0.2.11/24"]);
        host.interfaces[0].is_loopback = true;
        host
    };
    let own = ["127.0.0.1/8", "192.0.2.10/32"];
    let ignored = "net/ipv4/conf/all/arp_ignore";
    let announced = "net/ipv4/conf/eth0/arp_announce";
    found_until(
        "server",
        &[
            "VIP 192.0.2.10: ",
            "at eth0 arp_ignore is 0 and arp_announce is 0",
            r#"sysctl("net.ipv4.conf.all.arp_ignore", 1); sysctl("net.ipv4.conf.all.arp_announce", 2)"#,
        ],
        (&all, &host(&own)),
        (&all, &host(&own).with(ignored, "1").with(announced, "2")),
    );
    let told = found(
        "server",
        &all,
        &host(&own).with(ignored, "1").with(announced, "1"),
    );
    assert!(told[0].contains("at eth0 arp_announce is 1: "), "{told:?}");
    // An address that a router announces, an address of a service, and one of a mark's perhaps.
    let routed = ["127.0.0.1/8", "198.51.100.1/32"];
    assert_eq!(found("server", &all, &host(&routed)), Vec::<String>::new());
    for rules in [
        web(json!({ "address": "192.0.2.10" }), json!({})),
        rules(json!({ "services": [{ "mark": 7, "family": "ipv4" }] })),
    ] {
        let told = found("server", &observed(&rules, &held), &host(&own));
        assert_eq!(told, Vec::<String>::new());
    }
}
