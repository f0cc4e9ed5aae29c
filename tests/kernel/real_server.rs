//! Real servers as ipvsh sets them up: by the script that `ipvsh real-server` prints, by `serve_vip`,
//! and by the init script of tutorials, with a director of ours and real packets.

use std::collections::BTreeMap;

use crate::director::{Director, Said};

const VIP: &str = "192.168.182.100";
const URL: &str = "http://192.168.182.100/";

#[track_caller]
fn answers_five_and_five(director: &Director, url: &str, what: &str) {
    let answers = director.hits(10, &[url]);
    let mut counts = BTreeMap::new();
    for answer in &answers {
        *counts.entry(answer.as_str()).or_insert(0) += 1;
    }
    let both = BTreeMap::from([("RS1", 5), ("RS2", 5)]);
    assert_eq!(counts, both, "{what}: {answers:?}");
}

/// Shows all that a script may change: addresses, links, routes, settings, ports. A device that was up
/// once keeps its queue, which is no setting. busybox starts no other programs, which takes long here.
/// The modules come first: one that another test loads makes devices in every namespace.
const STATE: &str = "modprobe -a ipip ip_gre fou; ip fou show; busybox sh -c \"ip -o address | sed 's/ *valid_lft.*//'; \
    ip -o link | sed 's/ qdisc [a-z]*//'; ip route; ip -6 route; cd /proc/sys/net/ipv4/conf; \
    grep . */arp_ignore */arp_announce */rp_filter\"";

fn lines(said: Said) -> Vec<String> {
    let said = said.ended(0).out;
    said.lines().map(str::to_owned).collect()
}

#[track_caller]
fn is_as_before(before: &[String], after: &[String], what: &str) {
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "{what}: {gone:#?} {new:#?}"
    );
}

#[track_caller]
fn print_script(director: &Director, words: &str, file: &str) {
    let line = format!("ipvsh real-server {words} >{file}");
    director.typed("lvs", &line).ended(0);
}

/// Starts the printed script on all servers, on one twice, asks, stops it; the servers are as they were then.
/// The shell of busybox takes its own ip.
#[track_caller]
fn serves_by_the_script(director: &Director, words: &str, shells: [&str; 2], url: &str) {
    print_script(director, words, "lvs-rs");
    let servers: Vec<(String, &str)> = director.servers().into_iter().zip(shells).collect();
    let run = |(role, shell): &(String, &str), actions: &str| {
        let line = format!("for a in {actions}; do {shell} ./lvs-rs $a || echo $?; done");
        director.typed(role, &line).ended(0).out
    };
    let state = |(role, _): &(String, &str)| lines(director.typed(role, STATE));
    let before: Vec<_> = servers.iter().map(state).collect();
    for (server, actions) in servers
        .iter()
        .zip(["status start start status", "start status"])
    {
        // The values found stay those that the first start found.
        let said = run(server, actions);
        let (stopped, running) = said.split_at(said.find("running: ").unwrap());
        let has_status_3 = stopped.starts_with("stopped") && stopped.ends_with("\n3\n");
        assert!(stopped.is_empty() || has_status_3, "{words}: {said}");
        assert_eq!(running.lines().count(), 1, "{words}: {said}");
    }
    answers_five_and_five(director, url, words);
    for (server, before) in servers.iter().zip(before) {
        assert_eq!(run(server, "stop"), "", "{words}");
        is_as_before(&before, &state(server), words);
    }
}

/// Hosts with their addresses, and a director.
fn one_network() -> Director {
    Director::with_bare_topology("dr")
}

/// Declares the service on the director, for a forwarding method.
#[track_caller]
fn direct(director: &Director, options: &str) {
    let script = format!(
        r#"vip("{VIP}", #{{ interface: "eth0" }});
        tcp("{VIP}:80", #{{ scheduler: "rr", servers: [
            #{{ address: "192.168.182.210", {options} }},
            #{{ address: "192.168.182.220", {options} }} ] }});"#
    );
    let line = format!("ipvsh -e '{script}'");
    director.typed("lvs", &line).ended(0);
}

const BUSYBOX: [&str; 2] = ["busybox sh"; 2];
const BASH: [&str; 2] = ["sh"; 2];

const METHODS: [&str; 4] = [
    r#"forward: "direct""#,
    r#"forward: "tunnel""#,
    r#"forward: "tunnel", tunnel: #{ type: "gue", port: 6080 }"#,
    r#"forward: "tunnel", tunnel: #{ type: "gre" }"#,
];

#[test]
fn the_printed_script_serves_and_leaves_as_it_came() {
    let director = one_network();
    for options in METHODS {
        direct(&director, options);
        // The ip of busybox has no fou.
        let shells = if options.contains("gue") {
            BASH
        } else {
            BUSYBOX
        };
        // The method comes from the service.
        serves_by_the_script(&director, &format!("tcp {VIP}:80"), shells, URL);
    }
}

#[test]
fn serve_vip_serves_and_is_taken_back() {
    let director = one_network();
    // The recipes do the same for the others.
    for options in &METHODS[2..] {
        direct(&director, options);
        let servers = director.servers();
        let state = |role: &String| lines(director.typed(role, STATE));
        let before: Vec<_> = servers.iter().map(state).collect();
        for role in &servers {
            let line = format!("ipvsh -e 'serve_vip(\"{VIP}\", #{{ {options} }})'");
            director.typed(role, &line).ended(0);
        }
        answers_five_and_five(&director, URL, options);
        for (role, before) in servers.iter().zip(before) {
            director.typed(role, "ipvsh revert head").ended(0);
            is_as_before(&before, &state(role), options);
        }
    }
}

/// A host alone, with the scripts of two VIPs; what it says to a line, in a busybox shell.
struct Server {
    host: Director,
    scripts: tempfile::TempDir,
}

impl Server {
    fn new() -> Server {
        let server = Server {
            host: Director::alone(),
            scripts: tempfile::tempdir().unwrap(),
        };
        for (name, words) in [
            ("first", [VIP, "--forward", "direct"]),
            ("second", ["192.168.182.101", "--tunnel", "ipip"]),
        ] {
            let script = server.host.ipvsh(&[&["real-server"], &words[..]].concat());
            std::fs::write(server.scripts.path().join(name), script.ended(0).out).unwrap();
        }
        server
    }

    fn says(&self, line: &str) -> Said {
        let line = format!("cd {}; {line}", self.scripts.path().display());
        self.host.exec("busybox", &["sh", "-c", &line])
    }

    fn state(&self) -> Vec<String> {
        lines(self.host.exec("sh", &["-c", STATE]))
    }
}

#[test]
fn two_vips_of_one_server_share_settings() {
    let server = Server::new();
    let before = server.state();
    let ignore = "sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.lo.arp_announce";
    for (one, other) in [("first", "second"), ("second", "first")] {
        let line = format!(
            "sh ./{one} start && sh ./{other} start && sh ./{one} stop && sh ./{other} status && {ignore}"
        );
        let said = server.says(&line).ended(0).out;
        assert!(said.ends_with("\n1\n2\n"), "{other}: {said}");
        server.says(&format!("sh ./{other} stop")).ended(0);
        is_as_before(&before, &server.state(), one);
    }
}

#[test]
fn a_host_that_answers_for_the_vip_is_left_alone() {
    let server = Server::new();
    let add = format!("modprobe ipip; ip address add {VIP}/32 dev tunl0");
    server.says(&add).ended(0);
    let before = server.state();
    let said = server.says("sh ./first start").ended(1).err;
    assert!(said.contains("is on tunl0"), "{said}");
    is_as_before(&before, &server.state(), "start");
}

/// Half of a stop would leave a VIP for which the server answers.
#[test]
fn a_script_that_cannot_run_ip_or_write_its_notes_changes_nothing() {
    let server = Server::new();
    let before = server.state();
    let full = "mount -t tmpfs -o size=64k none /run; mkdir /run/lvs-real-server; \
                touch /run/lvs-real-server/lock; cat /dev/zero >/run/fill; \
                sh ./first start; status=$?; umount /run; exit $status";
    let said = server.says(full).ended(1).err;
    assert!(said.contains("cannot write /run/lvs-real-server"), "{said}");
    is_as_before(&before, &server.state(), "start on a full disk");
    server.says("sh ./first start").ended(0);
    let serving = server.state();
    // busybox has an ip of its own.
    let without = "mkdir -p bin; for c in sh grep sed readlink mkdir flock cat mv rm; do \
                   ln -sf /usr/bin/busybox bin/$c; done; PATH=$PWD/bin; /usr/bin/bash ./first stop";
    let said = server.says(without).ended(1).err;
    assert!(said.contains("cannot run ip"), "{said}");
    is_as_before(&serving, &server.state(), "stop without ip");
    server.says("sh ./first stop").ended(0);
    is_as_before(&before, &server.state(), "stop");
}

#[test]
fn masqueraded_servers_get_their_way_back() {
    let director = Director::with_bare_topology("nat");
    let script = r#"sysctl("net.ipv4.ip_forward", 1); sysctl("net.ipv6.conf.all.forwarding", 1);
        tcp("192.168.60.200:80", #{ scheduler: "rr", forward: "masq",
            servers: ["192.168.182.210", "192.168.182.220"] });
        tcp("[2001:db8:60::200]:80", #{ scheduler: "rr", forward: "masq",
            servers: ["2001:db8:182::210", "2001:db8:182::220"] });"#;
    director
        .typed("lvs", &format!("ipvsh -e '{script}'"))
        .ended(0);
    let other = "ip route add default via 192.168.182.1";
    director.typed("rs2", other).ended(0);
    let words = "tcp 192.168.60.200:80 --gateway 192.168.182.200";
    serves_by_the_script(&director, words, BUSYBOX, "http://192.168.60.200/");
    let words = "tcp '[2001:db8:60::200]:80' --gateway 2001:db8:182::200";
    serves_by_the_script(&director, words, BUSYBOX, "http://[2001:db8:60::200]/");
}

#[test]
fn an_ipv6_vip_is_served_directly() {
    let director = one_network();
    for (role, host) in [("client", 10), ("lvs", 230), ("rs1", 210), ("rs2", 220)] {
        let line = format!("ip -6 address add 2001:db8:182::{host}/64 dev eth0 nodad");
        director.typed(role, &line).ended(0);
    }
    let script = r#"vip("2001:db8:182::100", #{ interface: "eth0" });
        tcp("[2001:db8:182::100]:80", #{ scheduler: "rr",
            servers: ["2001:db8:182::210", "2001:db8:182::220"] });"#;
    director
        .typed("lvs", &format!("ipvsh -e '{script}'"))
        .ended(0);
    let url = "http://[2001:db8:182::100]/";
    serves_by_the_script(&director, "2001:db8:182::100", ["busybox sh", "sh"], url);
    for role in director.servers() {
        let line = r#"ipvsh -e 'serve_vip("2001:db8:182::100")'"#;
        director.typed(&role, line).ended(0);
    }
    answers_five_and_five(&director, url, "serve_vip");
}

/// The script that tutorials of LVS with direct routing have operators write on each real server
/// (`realserver.sh`, `lvs_dr_rs`, `/etc/init.d/lvs_dr`), as it is copied from page to page. Left out
/// is the line `. /etc/rc.d/init.d/functions` (nothing of that file is used); the commands are named
/// without `/sbin/`, for busybox has them here.
const TUTORIAL: &str = r#"#!/bin/bash
# description: Config realserver lo and apply noarp
SNS_VIP=192.168.182.100
case "$1" in
start)
       ifconfig lo:0 $SNS_VIP netmask 255.255.255.255 broadcast $SNS_VIP
       route add -host $SNS_VIP dev lo:0
       echo "1" >/proc/sys/net/ipv4/conf/lo/arp_ignore
       echo "2" >/proc/sys/net/ipv4/conf/lo/arp_announce
       echo "1" >/proc/sys/net/ipv4/conf/all/arp_ignore
       echo "2" >/proc/sys/net/ipv4/conf/all/arp_announce
       sysctl -p >/dev/null 2>&1
       echo "RealServer Start OK"
       ;;
stop)
       ifconfig lo:0 down
       route del $SNS_VIP >/dev/null 2>&1
       echo "0" >/proc/sys/net/ipv4/conf/lo/arp_ignore
       echo "0" >/proc/sys/net/ipv4/conf/lo/arp_announce
       echo "0" >/proc/sys/net/ipv4/conf/all/arp_ignore
       echo "0" >/proc/sys/net/ipv4/conf/all/arp_announce
       echo "RealServer Stoped"
       ;;
status)
       islothere=`ifconfig lo:0 | grep $SNS_VIP`
       if [ "$islothere" == "" ]; then
           echo "LVS-DR real server Stopped."
       else
           echo "LVS-DR Running."
       fi
       ;;
*)
       echo "Usage: $0 {start|stop}"
       exit 1
esac
exit 0
"#;

#[test]
fn the_init_script_of_tutorials_serves_our_director() {
    let director = one_network();
    direct(&director, METHODS[0]);
    director.put("realserver.sh", TUTORIAL);
    let run = |role: &str, action: &str| {
        let line = format!("busybox sh ./realserver.sh {action}");
        director.typed(role, &line).ended(0).out
    };
    for role in director.servers() {
        assert_eq!(run(&role, "start"), "RealServer Start OK\n");
        assert_eq!(run(&role, "status"), "LVS-DR Running.\n");
    }
    answers_five_and_five(&director, URL, "realserver.sh");
    // ipvsh's script finds all of that there, and takes none of it away.
    print_script(&director, VIP, "lvs-rs");
    let line = "sh ./lvs-rs status && sh ./lvs-rs start && sh ./lvs-rs stop && sh ./lvs-rs status";
    director.typed("rs1", line).ended(0);
    run("rs1", "stop");
    director.typed("rs1", "sh ./lvs-rs status").ended(3);
}
