//! Rulesets as text: round trips, what each format cannot hold, and errors with their line.

#![allow(clippy::unwrap_used, clippy::panic)] // a test: helpers fail loudly

use ipvsh::error::Error;
use ipvsh::format::{self, Format, write};
use ipvsh::model::{
    Family, Fwmark, MarkRule, Netmask, PortRange, Protocol, Ruleset, ServiceKey, VirtualService,
    json,
};
use ipvsh::script::{self, Source};
use proptest::prelude::*;

fn read(format: Option<Format>, name: &str, text: &str) -> Result<Ruleset, Error> {
    format::read(format, name, text).map(|reading| reading.rules)
}

#[path = "common/arbitrary.rs"]
mod arbitrary;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_holds_everything(rules in arbitrary::ruleset()) {
        let (text, notes) = write(Format::Json, &rules);
        prop_assert!(notes.is_empty());
        prop_assert_eq!(text.lines().last(), Some("}"));
        prop_assert_eq!(read(None, "x", &text).unwrap(), rules);
    }

    #[test]
    fn ipvsadm_holds_what_it_does_not_note(mut rules in arbitrary::ruleset()) {
        rules.marks.clear();
        let (text, notes) = write(Format::Ipvsadm, &rules);
        prop_assume!(!text.is_empty());
        let again = read(Some(Format::Ipvsadm), "x", &text).unwrap();
        prop_assert_eq!(again == rules, notes.is_empty(), "{}\n{:?}", text, notes);
    }

    #[test]
    fn a_script_recreates_what_it_does_not_note(rules in arbitrary::ruleset()) {
        let rules = arbitrary::peaceful(rules);
        let (text, notes) = write(Format::Rhai, &rules);
        let mut again = run(&text);
        // One chain per family: what stands between the families has no order.
        again.marks.sort_by_key(|rule| rule.family);
        prop_assert_eq!(again == rules, notes.is_empty(), "{}\n{:?}", text, notes);
    }

    #[test]
    fn the_normal_form_of_marks_is_final(rules in prop::collection::vec(
        arbitrary::mark_rule(Family::Ipv4), 0..6,
    )) {
        let once = MarkRule::normalise(rules);
        prop_assert_eq!(MarkRule::normalise(once.clone()), once);
    }
}

#[test]
fn json_holds_what_a_script_may_not_say() {
    let mut rules = Ruleset::default();
    for (name, netmask) in [
        ("tcp 192.0.2.1:80", 0xff00_ff00),
        ("tcp [2001:db8::1]:80", 200),
    ] {
        let key = ServiceKey::parse(name).unwrap();
        let mut service = VirtualService::new(key.family());
        service.options.netmask = Netmask(netmask);
        service.options.persistent = Some(2_678_401);
        rules.services.insert(key, service);
    }
    let (text, _) = write(Format::Json, &rules);
    assert_eq!(read(Some(Format::Json), "x", &text).unwrap(), rules);
}

#[test]
fn joined_rules_are_joined_further() {
    let rule = |ports: &[u16], from: &[u16]| MarkRule {
        protocol: Some(Protocol::TCP),
        ports: ports
            .iter()
            .map(|p| PortRange::new(*p, *p).unwrap())
            .collect(),
        from_ports: from
            .iter()
            .map(|p| PortRange::new(*p, *p).unwrap())
            .collect(),
        ..MarkRule::new(Fwmark::new(1).unwrap(), Family::Ipv4)
    };
    // The first two differ in their source ports only; joined, they differ from the third in
    // their ports only. Read back from the chain they must be what was written there.
    let once = MarkRule::normalise([rule(&[80], &[1]), rule(&[80], &[3]), rule(&[443], &[1, 3])]);
    assert_eq!(once, MarkRule::normalise(once.clone()));
    assert_eq!(once, [rule(&[80, 443], &[1, 3])]);
}

/// Runs a script for what it declares.
fn run(script: &str) -> Ruleset {
    let source = Source::inline(script);
    script::ruleset(&source).unwrap_or_else(|error| panic!("{error}\n{script}"))
}

fn import(text: &str) -> Result<Ruleset, Error> {
    read(Some(Format::Ipvsadm), "rules", text)
}

#[test]
fn lines_of_every_spelling_are_read() {
    let rules = import(
        "#!/bin/sh\n\
         # a comment\n\
         ipvsadm -C\n\
         /sbin/ipvsadm -A -t 192.0.2.1:80 -s wrr -p   # sticky\n\
         sudo ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -w 3 \\\n\
            -x 10 -y 5\n\
         -a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m\n\
         -a -t 192.0.2.1:80 -r 10.0.0.3:8080 -g -w 0\n\
         --add-service --fwmark-service=-1 -6 --scheduler=sh -b sh-port,sh-fallback\n\
         -a -f 4294967295 -6 -r 2001:db8::1 -i --tun-type gue --tun-port 6080 --tun-csum\n\
         -A -u [2001:db8::10]:53 -s rr -o -M 64\n\
         --set 30 0 60\n\
         --start-daemon master --syncid 62\n",
    )
    .unwrap();
    assert_eq!(
        write(Format::Ipvsadm, &rules).0,
        "-A -t 192.0.2.1:80 -s wrr -p 360\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3 -x 10 -y 5\n\
         -a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 1\n\
         -a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 0\n\
         -A -u [2001:db8::10]:53 -s rr -M 64 -o\n\
         -A -f 4294967295 -6 -s sh -b sh-fallback,sh-port\n\
         -a -f 4294967295 -6 -r [2001:db8::1]:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum\n\
         --set 30 0 60\n\
         --start-daemon master --mcast-interface eth0 --syncid 62\n"
    );
}

#[test]
fn lines_are_carried_out_in_order() {
    let rules = import(
        "-A -t 192.0.2.9:80\n\
         --set 30 5 60\n\
         -C\n\
         -A -t 192.0.2.1:80 -s rr -p 60\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1 -x 5\n\
         -a -t 192.0.2.1:80 -r 10.0.0.2\n\
         -E -t 192.0.2.1:80 -s sh\n\
         -e -t 192.0.2.1:80 -r 10.0.0.1 -w 4\n\
         -d -t 192.0.2.1:80 -r 10.0.0.2\n\
         -A -f 1\n\
         -D -f 1\n\
         -Z\n\
         --start-daemon backup\n\
         --stop-daemon backup\n",
    )
    .unwrap();
    assert_eq!(
        write(Format::Ipvsadm, &rules).0,
        "-A -t 192.0.2.1:80 -s sh\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 4\n\
         --set 30 5 60\n"
    );
}

#[test]
fn rules_that_set_marks_are_read() {
    let shell = import(
        "iptables -t mangle -A PREROUTING -d 192.0.2.20 -p tcp -m multiport --dports 80,443 \
         -j MARK --set-mark 666\n\
         ip6tables -t mangle -A PREROUTING -i eth0 -p udp --dport 8000:8100 -j MARK --set-mark 7\n\
         iptables -w -t mangle -I PREROUTING -s 198.51.100.0/255.255.255.0 -j MARK \
         --set-xmark 0x1/0xff\n",
    )
    .unwrap();
    let summaries = |rules: &Ruleset| -> Vec<String> {
        let all = rules.marks.iter();
        all.map(|rule| format!("{}: {}", rule.key(), rule.summary()))
            .collect()
    };
    assert_eq!(
        summaries(&shell),
        [
            "mark 1: all from 198.51.100.0/24 mask 0xff",
            "mark 666: tcp to 192.0.2.20 ports 80,443",
            "mark 7 (ipv6): udp ports 8000-8100 interface eth0",
        ]
    );
    let save = import(
        "# Generated by iptables-save v1.8.9 on Thu Jan  1 00:00:00 1970\n\
         *mangle\n\
         :PREROUTING ACCEPT [0:0]\n\
         :IPVSH - [0:0]\n\
         -A PREROUTING -j IPVSH\n\
         -A PREROUTING -m conntrack --ctstate NEW -j ACCEPT\n\
         -A IPVSH -d 192.0.2.20/32 -p tcp -m multiport --dports 80,443 -m comment \
         --comment \"the shop; it's big\" -j MARK --set-xmark 0x29a/0xffffffff\n\
         COMMIT\n\
         *nat\n\
         -A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 443\n\
         -A POSTROUTING -j MARK --set-xmark 0x1/0xffffffff\n\
         COMMIT\n",
    )
    .unwrap();
    assert_eq!(
        summaries(&save),
        ["mark 666: tcp to 192.0.2.20 ports 80,443"]
    );
}

#[test]
fn errors_name_the_line() {
    for (line, cause, hint) in [
        (
            "-A -t www.example.org:80",
            "not an IP address",
            "ipvsadm -Sn",
        ),
        (
            "-A -t 192.0.2.1:nosuch",
            "no tcp port \"nosuch\"",
            "ipvsadm -Sn",
        ),
        ("-A -t 192.0.2.1:0", "needs persistence", "-p 300"),
        ("-A -t 192.0.2.1:80 -o", "one-packet", ""),
        ("-A -t 192.0.2.1:80 -p 2678401", "out of range", "31 days"),
        (
            "-A -t 192.0.2.1:80 -p 5 -M 24",
            "not a netmask",
            "255.255.255.0",
        ),
        (
            "-A -t 192.0.2.1:80 -s s/h",
            "not the name of a scheduler",
            "",
        ),
        (
            "-A -t 192.0.2.1:80 -w 1",
            "--weight does not go with --add-service",
            "",
        ),
        ("-A -t 192.0.2.1:80 -u 192.0.2.1:80", "one service", "-f"),
        ("-A", "one service", "-t"),
        (
            "-A -t 192.0.2.1:80 --shceduler rr",
            "not an option",
            "--scheduler",
        ),
        ("-A -f 0", "out of range", "4294967295"),
        ("-A -t 192.0.2.7:80", "added twice", ""),
        (
            "-a -t 192.0.2.1:80 -r 10.0.0.1",
            "no line before this one adds it",
            "",
        ),
        ("-a -t 192.0.2.7:80", "real server is missing", "-r"),
        (
            "-a -t 192.0.2.7:80 -r 10.0.0.1 -m -i",
            "more than one forwarding",
            "",
        ),
        (
            "-a -t 192.0.2.7:80 -r 10.0.0.1 -w -1",
            "out of range",
            "quiesced",
        ),
        (
            "-a -t 192.0.2.7:80 -r 10.0.0.1 -x 1 -y 2",
            "above upper",
            "",
        ),
        (
            "-a -t 192.0.2.7:80 -r 10.0.0.1 -g --tun-type gre",
            "are for -i",
            "",
        ),
        (
            "-a -t 192.0.2.7:80 -r 10.0.0.1 -i --tun-type gue",
            "needs a port",
            "",
        ),
        (
            "-a -t 192.0.2.7:80 -r 224.0.0.1",
            "not the address of a host",
            "",
        ),
        ("-a -t 192.0.2.7:80 -r 2001:db8::1", "cannot serve", ""),
        ("--set 1 2", "three numbers", ""),
        ("--start-daemon boss", "unknown daemon role", "backup"),
        ("--start-daemon backup --syncid 256", "out of range", "255"),
        ("-t 192.0.2.1:80 -A", "command comes first", ""),
        ("-n -L", "not an option", ""),
        ("ipvsadm -A -t $VIP:80", "for a shell", "ipvsadm -Sn"),
        ("for vip in 1 2; do", "behind \"for\"", "ipvsadm -Sn"),
        (
            "ip netns exec web ipvsadm -A -t 192.0.2.1:80",
            "what \"ip\" does",
            "ipvsadm -Sn",
        ),
        (
            "iptables -t mangle -A WEB -j MARK --set-mark 1",
            "a rule in WEB may mark packets for IPVS",
            "take the line",
        ),
        ("-A PREROUTING ! -i lo -j MARK --set-mark 1", "excludes", ""),
        (
            "-A PREROUTING -m set --match-set x dst -j MARK --set-mark 1",
            "-m set",
            "",
        ),
        (
            "-A PREROUTING -i eth0:1 -j MARK --set-mark 1",
            "not the name of an interface",
            "",
        ),
        (
            "-A PREROUTING -p icmp -j MARK --set-mark 1",
            "unknown protocol",
            "",
        ),
        (
            "-A PREROUTING -p 47 --dport 1 -j MARK --set-mark 1",
            "ports need",
            "",
        ),
        ("-A PREROUTING -j MARK --or-mark 1", "cannot be held", ""),
        ("-A PREROUTING -j MARK", "mark is missing", ""),
        ("-A 'x", "closing ' is missing", ""),
    ] {
        let text = format!("-A -t 192.0.2.7:80\n\n{line}\n");
        let error = import(&text).unwrap_err();
        let place = error.place().unwrap_or_else(|| panic!("{line}: no place"));
        assert_eq!((place.file.as_str(), place.line), ("rules", 3), "{line}");
        assert_eq!(place.source, line);
        assert!(error.to_string().contains(cause), "{line}: {error}");
        let hints = error.hints().join("\n");
        assert!(hints.contains(hint), "{line}: {hints}");
    }
}

#[test]
fn what_ipvsadm_cannot_hold_is_said() {
    let rules = json::parse_ruleset(serde_json::json!({
        "services": [
            {"protocol": "tcp", "address": "192.0.2.1", "port": 80, "scheduler": "rr",
             "flags": ["flag-1", "0x40"], "servers": [
                {"address": "10.0.0.1", "forward": "bypass"},
                {"address": "10.0.0.2", "port": 8080, "forward": "direct"},
                {"address": "10.0.0.3", "upper": 4294967295_u32},
                {"address": "10.0.0.4", "forward": "tunnel", "tunnel": {"type": "type-9"}},
                {"address": "10.0.0.5", "forward": "tunnel", "tunnel": {"type": "ipip", "port": 5}},
             ]},
            {"protocol": "protocol-99", "address": "192.0.2.1", "port": 80},
            {"protocol": "tcp", "address": "192.0.2.1", "port": 0},
            {"protocol": "tcp", "address": "192.0.2.1", "port": 81, "one_packet": true},
        ],
        "marks": [{"mark": 666, "protocol": "tcp", "ports": [80]}],
        "sysctls": [{"name": "net.ipv4.ip_forward", "value": 1}],
        "vips": [{"address": "192.0.2.1", "interface": "eth0"}],
        "tunnel_devices": [{"name": "tunl0", "type": "ipip"}],
    }))
    .unwrap();
    let (text, notes) = write(Format::Ipvsadm, &rules);
    assert_eq!(
        text,
        "-A -t 192.0.2.1:80 -s rr -b flag-1\n\
         -a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1 -x 2147483647 -y 0\n\
         -a -t 192.0.2.1:80 -r 10.0.0.5:80 -i -w 1\n"
    );
    insta::assert_snapshot!(notes.join("\n"), @"
    tcp 192.0.2.1:0 is left out: ipvsadm refuses port 0 without persistence
    tcp 192.0.2.1:80: flags 0x40 are left out: ipvsadm has no names for them
    server 10.0.0.1:80 of tcp 192.0.2.1:80 is left out: ipvsadm knows no forwarding method bypass
    server 10.0.0.2:8080 of tcp 192.0.2.1:80 is left out: ipvsadm would make its port 80, for direct
    server 10.0.0.3:80 of tcp 192.0.2.1:80: thresholds are cut to 2147483647, ipvsadm's greatest
    server 10.0.0.4:80 of tcp 192.0.2.1:80 is left out: ipvsadm knows no tunnel type-9
    server 10.0.0.5:80 of tcp 192.0.2.1:80: tunnel ipip:5 is cut: ipvsadm refuses the combination
    tcp 192.0.2.1:81 is left out: ipvsadm refuses one-packet scheduling for tcp
    protocol-99 192.0.2.1:80 is left out: ipvsadm knows no protocol-99
    tunnel-device tunl0, sysctl net.ipv4.ip_forward, vip 192.0.2.1 are left out: ipvsadm sets nothing of the host (--format json and rhai have it)
    the rules of mark 666 are left out: ipvsadm knows none (iptables-save does)
    ");
}

#[test]
fn a_script_reads_as_people_write() {
    let rules = json::parse_ruleset(serde_json::json!({
        "services": [
            {"protocol": "tcp", "address": "192.0.2.10", "port": 443, "scheduler": "wrr",
             "persistent": 300, "netmask": "255.255.255.0", "servers": [
                {"address": "10.0.0.11", "port": 443, "forward": "masq"},
                {"address": "10.0.0.12", "port": 8443, "weight": 3, "forward": "masq"},
             ]},
            {"protocol": "udp", "address": "2001:db8::10", "port": 53, "one_packet": true},
            {"protocol": "protocol-99", "address": "192.0.2.10", "port": 80},
            {"mark": 666, "family": "ipv4", "scheduler": "rr", "servers": [
                {"address": "10.0.0.21", "port": 0},
                {"address": "10.0.0.22", "port": 0, "forward": "tunnel",
                 "tunnel": {"type": "gue", "port": 6080}},
             ]},
        ],
        "marks": [
            {"mark": 666, "protocol": "tcp", "to": "192.0.2.20", "ports": [80, "8000-8100"]},
            {"mark": 7, "family": "ipv6", "interface": "eth0", "mask": "0xff"},
        ],
        "timeouts": {"tcp": 900, "udp": 60},
        "daemons": [{"role": "master", "interface": "eth0", "id": 62}],
    }))
    .unwrap();
    let (text, notes) = write(Format::Rhai, &rules);
    insta::assert_snapshot!(text, @r##"
    // A ruleset of ipvsh. Running it declares what is written here and leaves the rest
    // alone: ipvsh run THIS-FILE

    timeouts(#{ tcp: 900, udp: 60 });

    tcp("192.0.2.10:443", #{
        scheduler: "wrr",
        persistent: 300,
        netmask: "255.255.255.0",
        forward: "masq",
        servers: [
            "10.0.0.11",
            #{ address: "10.0.0.12:8443", weight: 3 },
        ],
    });

    udp("[2001:db8::10]:53", #{ one_packet: true });

    // left out: protocol-99 192.0.2.10:80: a script has no word for protocol-99

    fwmark(666, #{
        scheduler: "rr",
        marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80, "8000-8100"] }],
        servers: [
            #{ address: "10.0.0.21", forward: "direct" },
            #{ address: "10.0.0.22", forward: "tunnel", tunnel: #{ type: "gue", port: 6080 } },
        ],
    });

    mark(7, [#{ interface: "eth0", mask: "0xff", family: "ipv6" }]);

    sync_daemon("master", #{ interface: "eth0", id: 62 });
    "##);
    assert_eq!(
        notes,
        ["protocol-99 192.0.2.10:80 is left out: a script has no word for protocol-99"]
    );
}
