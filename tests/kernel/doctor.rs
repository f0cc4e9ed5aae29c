//! The rules of the doctor on a kernel: each finds what was broken, and nothing once it is mended.

use serde_json::Value;

use crate::director::Director;

/// What a rule finds once something was broken, and what mends it.
struct Case {
    rule: &'static str,
    /// A script; empty where another case, or the host's settings, break it.
    broken: &'static str,
    words: &'static str,
    /// A script; empty where the fix of the rule mends it.
    mended: &'static str,
}

/// What is broken in the settings of the host.
const HOST: &str = "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.send_redirects=1 \
                    net.ipv4.conf.eth0.send_redirects=1 net.ipv4.conf.all.rp_filter=1; \
                    modprobe ipip; ip link set tunl0 up; \
                    ipvsadm -Ln >/dev/null; sysctl -qw net.ipv4.vs.conn_reuse_mode=0";

/// The host as systemd enables the units of ipvsh, in a mount namespace.
const ENABLED: &str = "mkdir -p /etc/systemd/system; mount -t tmpfs units /etc/systemd/system; \
                       mkdir /etc/systemd/system/multi-user.target.wants; \
                       for unit in restore daemon; do \
                       ln -s x /etc/systemd/system/multi-user.target.wants/ipvsh-$unit.service; done";

const CASES: [Case; 22] = [
    Case {
        rule: "forwarding",
        broken: r#"tcp("192.0.2.1:80", #{ forward: "masq", servers: ["10.0.0.11"] });"#,
        words: "this host does not forward ipv4",
        mended: "",
    },
    Case {
        rule: "vip-missing",
        broken: r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11"] });"#,
        words: "VIP 192.0.2.10: no address of this host",
        mended: "",
    },
    Case {
        rule: "no-servers",
        broken: r#"tcp("192.0.2.1:81");"#,
        words: "no real servers",
        mended: r#"find("192.0.2.1:81").server("10.0.0.11");"#,
    },
    Case {
        rule: "on-link",
        broken: r#"tcp("192.0.2.1:82", #{ servers: ["10.9.0.1"] });"#,
        words: "it is behind the router 10.0.0.254",
        mended: r#"find("192.0.2.1:82").find("10.9.0.1").set(#{ forward: "tunnel" });"#,
    },
    Case {
        rule: "snat",
        broken: r#"tcp("192.0.2.1:95", #{ snat: true, servers: ["10.0.0.11"] });"#,
        words: "snat changes nothing",
        mended: "",
    },
    Case {
        rule: "loopback-masq",
        broken: r#"tcp("192.0.2.1:83", #{ forward: "masq", servers: ["127.0.0.1"] });"#,
        words: "masquerading to a loopback address",
        mended: "",
    },
    Case {
        rule: "loopback-vip",
        broken: r#"tcp("127.0.0.1:84", #{ servers: ["10.0.0.11"] });"#,
        words: "127.0.0.1 is a loopback address",
        mended: r#"remove("127.0.0.1:84");"#,
    },
    Case {
        rule: "redirects",
        broken: r#"tcp("10.0.0.100:85", #{ forward: "masq", servers: ["10.0.0.11"] });"#,
        words: "VIP 10.0.0.100 and real server 10.0.0.11 are both in 10.0.0.0/24",
        mended: "",
    },
    Case {
        rule: "nat-return",
        broken: "",
        words: "a client in 10.0.0.0/24 drops the answers",
        mended: r#"sysctl("net.ipv4.vs.conntrack", 1);"#,
    },
    Case {
        rule: "rp-filter",
        broken: "",
        words: "interface tunl0: rp_filter is 1",
        mended: "",
    },
    Case {
        rule: "mark-orphan",
        broken: r#"fwmark(86).server("10.0.0.11");"#,
        words: "no rule of iptables gives packets mark 86",
        mended: r#"mark(86, #{ protocol: "tcp", to: "192.0.2.1", ports: [86] });"#,
    },
    Case {
        rule: "mark-overlap",
        broken: r#"fwmark(87).server("10.0.0.11"); fwmark(93).server("10.0.0.11");
                   let rule = #{ protocol: "tcp", to: "192.0.2.1", ports: [87] };
                   mark(87, rule); mark(93, rule);"#,
        words: "the last rule decides",
        mended: r#"mark(93, #{ protocol: "tcp", to: "192.0.2.1", ports: [93] });"#,
    },
    Case {
        rule: "mark-port",
        broken: r#"find("fwmark 87").server("10.0.0.12:8080");"#,
        words: "at the port that the client asked, not at 8080",
        mended: r#"remove(find("fwmark 87").find("10.0.0.12:8080"));"#,
    },
    Case {
        rule: "hashed-away",
        broken: r#"tcp("192.0.2.1:88", #{ scheduler: "sh",
                       servers: ["10.0.0.11", #{ address: "10.0.0.12", weight: 0 }] });"#,
        words: "still maps clients to it",
        mended: "",
    },
    Case {
        rule: "vip-silent",
        broken: r#"vip("10.0.0.101", #{ interface: "eth0", arp: "silent" });"#,
        words: "VIP 10.0.0.101: silent, but on eth0",
        mended: "",
    },
    Case {
        rule: "mixed",
        broken: r#"tcp("192.0.2.1:89", #{ forward: "tunnel",
                       servers: ["10.0.0.11", #{ address: "10.0.0.12", forward: "direct" }] });"#,
        words: "forward differently",
        mended: r#"find("192.0.2.1:89").find("10.0.0.12").set(#{ forward: "tunnel" });"#,
    },
    Case {
        rule: "sync-link",
        broken: r#"sync_daemon("master", #{ interface: "lo" });"#,
        words: "its interface lo reaches this host only",
        mended: "remove(sync_daemons()[0]);",
    },
    Case {
        rule: "persist-quiesce",
        broken: r#"tcp("192.0.2.1:90", #{ persistent: 300,
                       servers: ["10.0.0.11", #{ address: "10.0.0.12", weight: 0 }] });"#,
        words: "10.0.0.12:90 has weight 0",
        mended: "",
    },
    Case {
        rule: "conn-reuse",
        broken: "",
        words: "and net.ipv4.vs.conn_reuse_mode is 0",
        mended: "",
    },
    Case {
        rule: "nodest",
        broken: r#"tcp("192.0.2.1:91", #{ check: "tcp", on_fail: "remove", servers: ["10.0.0.11"] });"#,
        words: "expire_nodest_conn: it is 0",
        mended: "",
    },
    Case {
        rule: "checks",
        broken: "",
        words: "nothing watches over 1 checked server",
        mended: r#"find("192.0.2.1:91").set(#{ check: () });"#,
    },
    Case {
        rule: "flags",
        broken: r#"tcp("192.0.2.1:92", #{ scheduler: "rr", flags: ["sh-port"],
                       servers: ["10.0.0.11"] });"#,
        words: "ignores",
        mended: "",
    },
];

/// A director with a network, a router in it, and one VIP.
fn director() -> Director {
    let director = Director::alone();
    let setup = "ip link add eth0 type dummy; ip link set eth0 up; \
                 ip address add 10.0.0.1/24 dev eth0; ip address add 10.0.0.100/32 dev eth0; \
                 ip route add 10.9.0.0/16 via 10.0.0.254; ip address add 192.0.2.1/32 dev lo";
    director.paste(setup).ended(0);
    director
}

/// Lines of a shell in a mount namespace and a directory of their own.
fn apart(setup: &str, line: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_ipvsh");
    let line = line.replace("ipvsh ", &format!("{binary} "));
    format!("cd $(mktemp -d) && exec unshare -m sh -c '{setup}; {line}'")
}

/// The findings, as `RULE OBJECT: WHAT`; every rule must have looked.
#[track_caller]
fn findings(director: &Director, status: i32) -> Vec<String> {
    let said = director.paste(&apart(ENABLED, "ipvsh doctor --json --exit-code"));
    let said = said.ended(status);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["not_looked"], Value::Array(Vec::new()));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |one: &Value| {
        let [rule, object, what] = ["rule", "object", "what"].map(|key| text(&one[key]));
        format!("{rule} {object}: {what}")
    };
    told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(one)
        .collect()
}

/// All at once: the emulated machine is slow, and no rule is to be misled by what others find.
#[test]
fn what_is_broken_is_found_until_it_is_mended() {
    let director = director();
    director.paste(HOST).ended(0);
    let all = |of: fn(&Case) -> &str| CASES.iter().map(of).collect::<Vec<_>>().join("\n");
    director.script(&all(|case| case.broken)).ended(0);
    let found = findings(&director, 10);
    for Case { rule, words, .. } in &CASES {
        let is_found = |one: &&String| one.starts_with(&format!("{rule} ")) && one.contains(words);
        assert!(found.iter().any(|one| is_found(&one)), "{rule}: {found:#?}");
    }
    let own = CASES.iter().filter(|case| case.mended.is_empty());
    let mut words = vec!["doctor", "--fix", "-y"];
    words.extend(own.map(|case| case.rule));
    director.ipvsh(&words).ended(0);
    let mended = all(|case| case.mended) + "commit(\"mended\", #{ allow_removals: true });";
    director.script(&mended).ended(0);
    assert_eq!(findings(&director, 0), Vec::<String>::new());
}

/// What the rules read of the whole host, which other tests use too: broken in a mount namespace.
#[test]
fn what_a_boot_loses_and_a_full_table_are_found() {
    let director = director();
    let code = r#"tcp("192.0.2.1:80", #{ scheduler: "mh", servers: ["10.0.0.11"] });
                  tcp("192.0.2.1:81", #{ servers: ["10.0.0.11"] })"#;
    director.ipvsh(&["-e", code, "--confirm", "600"]).ended(0);
    director.ipvsadm("-D -t 192.0.2.1:80");
    let broken = "for list in /lib/modules/$(uname -r)/modules.dep /proc/modules; do \
                  copy=$(basename $list); grep -v ip_vs_mh $list >$copy; mount --bind $copy $list; done; \
                  mkdir -p /etc/systemd/system; mount -t tmpfs units /etc/systemd/system; \
                  echo 10 >max; mount --bind max /proc/sys/net/netfilter/nf_conntrack_max; \
                  echo 8 >used; mount --bind used /proc/sys/net/netfilter/nf_conntrack_count";
    let doctor = "ipvsh doctor next-boot scheduler conntrack --exit-code";
    let said = director.paste(&apart(broken, doctor)).ended(10);
    for words in [
        "tcp 192.0.2.1:80: its scheduler is mh, and this kernel has no module ip_vs_mh",
        "8 of 10 connections are tracked",
        "ipvsh-restore.service: is not enabled",
        "snapshot 1: awaits confirmation",
        "has no module ip_vs_mh: after a boot into it tcp 192.0.2.1:80 cannot be restored",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert_eq!(said.out.matches("    fix ").count(), 5, "{}", said.out);
    director.ipvsh(&["confirm"]).ended(0);
    let said = director.paste(&apart(ENABLED, doctor)).ended(0);
    assert_eq!(said.out, "no findings; 3 rules looked\n", "{}", said.err);
}

/// Every safe fix at once: one question, one snapshot, one rollback.
#[test]
fn safe_fixes_are_one_snapshot() {
    let director = director();
    let broken = "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.eth0.send_redirects=1";
    director.paste(broken).ended(0);
    let code = r#"tcp("10.0.0.110:80", #{ forward: "masq", servers: ["10.0.0.11"] })"#;
    director.ipvsh(&["-e", code]).ended(0);
    let status = director.ipvsh(&["status"]).ended(0).out;
    assert!(
        status.contains("doctor    1 finding (ipvsh doctor)"),
        "{status}"
    );
    let said = director.ipvsh(&["doctor", "--fix", "-y"]).ended(0);
    let all = "doctor: forwarding, vip-missing, redirects";
    let history = director.ipvsh(&["history"]).ended(0).out;
    assert!(history.contains(all), "{history}");
    // What is not safe is named, with the command that does it.
    assert!(
        said.err
            .contains("not fixed: tcp 10.0.0.110:80: a client in"),
        "{}",
        said.err
    );
    let to_do = "To do: ipvsh doctor nat-return --fix";
    assert!(said.err.contains(to_do), "{}", said.err);
    let again = director.ipvsh(&["doctor", "--fix", "-y"]).ended(0);
    assert!(
        again.out.starts_with("no finding that --fix ends"),
        "{}",
        again.out
    );
    director
        .ipvsh(&["rollback", "1", "--allow-removals"])
        .ended(0);
    let sysctl = [
        "-n",
        "net.ipv4.ip_forward",
        "net.ipv4.conf.eth0.send_redirects",
    ];
    assert_eq!(director.exec("sysctl", &sysctl).ended(0).out, "0\n1\n");
}
