//! The host around the table, on a real kernel: addresses with their announcement, kernel settings,
//! tunnel devices; what clients and neighbours notice of them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::confirm::within;
use crate::director::Director;

const VIP: &str = "192.168.60.201";
const VIP6: &str = "2001:db8:60::201";

/// All that a masquerading director is: its service, its VIP, forwarding.
const SERVING: &str = r#"
    tcp("192.168.60.201:80", #{ scheduler: "rr", forward: "masq",
        servers: ["192.168.182.210", "192.168.182.220"] });
    vip("192.168.60.201", #{ interface: "eth0" });
    sysctl("net.ipv4.ip_forward", 1);
"#;

/// A client, a director and two servers; nothing is set by hand but addresses and the servers' way
/// back.
fn masquerading() -> Director {
    let director = Director::with_bare_topology("nat");
    for server in director.servers() {
        let back = "ip route add default via 192.168.182.200; \
                    ip -6 route add default via 2001:db8:182::200";
        director.typed(&server, back).ended(0);
    }
    director
}

#[track_caller]
fn balanced(director: &Director, url: &str) {
    let answers = director.hits(4, &[url]);
    let mut counts = BTreeMap::new();
    for answer in &answers {
        *counts.entry(answer.as_str()).or_insert(0) += 1;
    }
    let both = BTreeMap::from([("RS1", 2), ("RS2", 2)]);
    assert_eq!(counts, both, "{answers:?}");
}

/// The value of a kernel setting in the director's namespace.
#[track_caller]
pub fn sysctl(director: &Director, name: &str) -> String {
    let said = director.exec("sysctl", &["-n", name]).ended(0);
    said.out.trim().to_owned()
}

/// What ip(8) shows of an address, or nothing.
#[track_caller]
pub fn address(director: &Director, address: &str) -> String {
    let said = director.exec("ip", &["-o", "address", "show", "to", address]);
    said.ended(0).out
}

/// Two ends of a link, `v0` and `v1`, in a namespace of its own.
pub fn with_link() -> Director {
    let director = Director::alone();
    let line = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; \
                echo 0 >/proc/sys/net/ipv6/conf/v0/accept_dad";
    director.exec("sh", &["-ec", line]).ended(0);
    director
}

#[test]
fn a_script_alone_makes_a_director_that_answers() {
    let director = masquerading();
    let said = director.script(SERVING).ended(0);
    assert!(said.out.contains("vip 192.168.60.201"), "{}", said.out);
    balanced(&director, "http://192.168.60.201/");
    director.ipvsh(&["plan", "--exit-code"]).ended(0);

    let refused = director.ipvsh(&["-e", r#"remove(vip("192.168.60.201"))"#]);
    let refused = refused.ended(1);
    assert!(
        refused.err.contains("where tcp 192.168.60.201:80"),
        "{}",
        refused.err
    );
    let clear = "remove_all(); for v in vips() { remove(v); } for s in sysctls() { remove(s); }";
    director.ipvsh(&["-e", clear, "--allow-removals"]).ended(0);
    assert_eq!(address(&director, VIP), "");
    assert_eq!(sysctl(&director, "net.ipv4.ip_forward"), "0");
    assert_eq!(director.ipvsadm("-Sn"), "");
    director.ipvsh(&["rollback", "1"]).ended(0);
    balanced(&director, "http://192.168.60.201/");
}

#[test]
fn an_ipv6_vip_answers_at_once_and_is_no_source() {
    let director = masquerading();
    director
        .script(
            r#"
            tcp("[2001:db8:60::201]:80", #{ scheduler: "rr", forward: "masq",
                servers: ["[2001:db8:182::210]:80", "[2001:db8:182::220]:80"] });
            vip("2001:db8:60::201", #{ interface: "eth0" });
            sysctl("net.ipv6.conf.all.forwarding", 1);
            "#,
        )
        .ended(0);
    let shown = address(&director, VIP6);
    for part in ["/128", "deprecated", "nodad", "preferred_lft 0sec"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("tentative"), "{shown}");
    balanced(&director, "http://[2001:db8:60::201]/");
    let route = ["-6", "route", "get", "2001:db8:60::100"];
    let route = director.exec("ip", &route).ended(0).out;
    assert!(route.contains("src 2001:db8:60::200"), "{route}");
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
}

/// What the client believes to be the Ethernet address of a VIP.
fn neighbour(director: &Director, vip: &str) -> String {
    let shown = director.typed("client", &format!("ip neighbour show {vip} dev eth0"));
    let words = shown.ended(0).out;
    let mut words = words.split_whitespace();
    words.find(|word| *word == "lladdr");
    words.next().unwrap_or_default().to_owned()
}

#[test]
fn neighbours_are_told_of_a_vip_unless_that_is_not_wanted() {
    const STALE: &str = "02:00:00:00:00:99";
    let director = masquerading();
    let link = director.exec("cat", &["/sys/class/net/eth0/address"]);
    let own = link.ended(0).out.trim().to_owned();
    let forget = || {
        for vip in [VIP, VIP6] {
            let line = format!("ip neighbour replace {vip} lladdr {STALE} dev eth0 nud stale");
            director.typed("client", &line).ended(0);
        }
    };
    forget();
    let quiet = r#"for a in ["192.168.60.201", "2001:db8:60::201"] {
        vip(a, #{ interface: "eth0", announce: false }); }"#;
    director.script(quiet).ended(0);
    std::thread::sleep(Duration::from_secs(2));
    for vip in [VIP, VIP6] {
        assert_eq!(neighbour(&director, vip), STALE, "{vip}");
    }
    director
        .ipvsh(&["-e", "for v in vips() { remove(v); }"])
        .ended(0);
    forget();
    director
        .script(&quiet.replace(", announce: false", ""))
        .ended(0);
    for vip in [VIP, VIP6] {
        within(10, vip, || neighbour(&director, vip) == own);
    }
}

/// Why a client cannot connect; `None` where it can.
fn connect(director: &Director) -> Option<ErrorKind> {
    let to: SocketAddr = format!("{VIP}:80").parse().unwrap();
    director.within("client", || {
        let connected = TcpStream::connect_timeout(&to, Duration::from_millis(400));
        connected.err().map(|error| error.kind())
    })
}

/// Runs a change again and again, stopped before each of its steps in turn, and asks meanwhile.
#[track_caller]
fn nobody_is_refused(director: &Director, change: &[&str], back: &[&str]) {
    for step in 1.. {
        assert!(step < 20);
        let fault = format!("stop-before-step={step}");
        let mut child = director.start_with_fault(&fault, change);
        let pid = rustix::process::Pid::from_child(&child);
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            if stat.rsplit(") ").next().unwrap().starts_with('T') {
                break;
            }
            if let Some(status) = child.try_wait().unwrap() {
                // No such step: this was all of it.
                assert!(status.success() && step > 3, "step {step}: {status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let refused = connect(director);
        assert_ne!(refused, Some(ErrorKind::ConnectionRefused), "step {step}");
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
        assert!(child.wait().unwrap().success());
        director.ipvsh(back).ended(0);
    }
}

#[test]
fn no_request_meets_a_vip_without_its_service() {
    let director = masquerading();
    director.ipvsh(&["-e", "timeouts(#{ tcp: 901 })"]).ended(0);
    director.script(SERVING).ended(0);
    assert_eq!(connect(&director), None);
    let (allowed, back) = (["rollback", "1", "--allow-removals"], ["rollback", "2"]);
    nobody_is_refused(&director, &allowed, &back);
    director.ipvsh(&allowed).ended(0);
    assert!(connect(&director).is_some());
    nobody_is_refused(&director, &back, &allowed);
}

#[test]
fn a_real_server_of_a_tunnel_is_set_up_and_taken_down_by_scripts() {
    const ARP: &str = "sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.lo.arp_ignore \
                       net.ipv4.conf.all.arp_announce net.ipv4.conf.lo.arp_announce";
    let director = Director::with_bare_topology("tunnel");
    let values = |role: &str| director.typed(role, ARP).ended(0).out.replace('\n', " ");
    for role in director.servers() {
        let line = r#"ipvsh -e 'serve_vip("192.168.182.100", #{ forward: "tunnel" })'"#;
        director.typed(&role, line).ended(0);
        assert_eq!(values(&role), "1 1 2 2 ");
        let filter = "sysctl -n net.ipv4.conf.tunl0.rp_filter";
        assert_eq!(director.typed(&role, filter).ended(0).out, "0\n");
        let drift = director.typed(&role, "ipvsh plan --exit-code");
        drift.ended(0);
    }
    director
        .script(
            r#"tcp("192.168.182.100:80", #{ scheduler: "rr", forward: "tunnel",
                servers: ["192.168.182.210", "192.168.182.220"] });
            vip("192.168.182.100", #{ interface: "eth0" });"#,
        )
        .ended(0);
    balanced(&director, "http://192.168.182.100/");

    let down =
        r#"ipvsh -e 'for v in vips() { remove(v); } for t in tunnel_devices() { remove(t); }'"#;
    let said = director.typed("rs1", down).ended(0).out;
    assert_eq!(values("rs1"), "0 0 0 0 ", "{said}");
    let link = director.typed("rs1", "ip -br link show tunl0").ended(0).out;
    assert!(!link.contains(",UP"), "{link}");
    let back = director.typed("rs1", "ipvsh rollback 1").ended(0).out;
    assert_eq!(values("rs1"), "1 1 2 2 ", "{back}");
    balanced(&director, "http://192.168.182.100/");
}

#[test]
fn the_other_addresses_of_a_network_stay() {
    let director = with_link();
    director
        .ipvsh(&["-e", r#"vip("10.9.0.1/24", #{ interface: "v0" })"#])
        .ended(0);
    let others = "ip address add 10.9.0.2/24 dev v0; ip address add 10.9.0.3/24 label v0:x dev v0";
    director.exec("sh", &["-ec", others]).ended(0);
    director
        .ipvsh(&["-e", r#"remove(vip("10.9.0.1"))"#])
        .ended(0);
    assert_eq!(address(&director, "10.9.0.1"), "");
    for (other, part) in [("10.9.0.2", "/24"), ("10.9.0.3", "v0:x")] {
        let shown = address(&director, other);
        assert!(shown.contains(part), "{other}: {shown}");
    }
    // One of them is the first of its network now.
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert!(address(&director, "10.9.0.1").contains("secondary"));
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
}

#[test]
fn a_setting_returns_to_what_it_was() {
    let director = with_link();
    let forward = "net.ipv4.ip_forward";
    let set = |value: &str| {
        let setting = format!("{forward}={value}");
        director.exec("sysctl", &["-qw", &setting]).ended(0);
    };
    for was in ["0", "1"] {
        set(was);
        director
            .ipvsh(&["-e", r#"sysctl("net.ipv4.ip_forward", 1)"#])
            .ended(0);
        assert_eq!(sysctl(&director, forward), "1");
        director
            .ipvsh(&["-e", r#"remove(sysctl("net.ipv4.ip_forward"))"#])
            .ended(0);
        assert_eq!(sysctl(&director, forward), was);
    }
}

#[test]
fn forwarding_of_one_interface_outlives_that_of_all() {
    let director = with_link();
    let (all, one) = ("net.ipv4.ip_forward", "net.ipv4.conf.v0.forwarding");
    let both = |director: &Director| (sysctl(director, all), sysctl(director, one));
    let is = |all: &str, one: &str| (all.to_owned(), one.to_owned());
    director
        .script(r#"sysctl("net.ipv4.ip_forward", 1); sysctl("net.ipv4.conf.v0.forwarding", 0)"#)
        .ended(0);
    assert_eq!(both(&director), is("1", "0"));
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
    // Only the one that rewrites the other is set.
    director
        .ipvsh(&["-e", r#"sysctl("net.ipv4.conf.v0.forwarding", 1)"#])
        .ended(0);
    director
        .ipvsh(&["-e", r#"sysctl("net.ipv4.ip_forward", 0)"#])
        .ended(0);
    assert_eq!(both(&director), is("0", "1"));
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(both(&director), is("1", "0"));
    let clear = "for s in sysctls() { remove(s); }";
    director.ipvsh(&["-e", clear]).ended(0);
    assert_eq!(both(&director), is("0", "0"));
}

#[test]
fn what_is_there_is_adopted_by_name_undone_and_forgotten() {
    let director = with_link();
    let make = "ip address add 10.9.0.1/24 dev v0; sysctl -qw net.ipv4.ip_forward=1";
    director.exec("sh", &["-ec", make]).ended(0);
    // A bare adopt takes nothing of the host.
    let nothing = director.ipvsh(&["adopt"]).ended(0);
    assert_eq!(nothing.out, "nothing to change\n");
    for name in ["vip 10.9.0.1", "sysctl net.ipv4.ip_forward"] {
        let said = director.ipvsh(&["adopt", name]).ended(0);
        assert!(said.out.contains(name), "{}", said.out);
    }
    let saved = director.ipvsh(&["export", "--format", "rhai"]).ended(0).out;
    assert!(saved.contains("10.9.0.1/24"), "{saved}");
    director
        .ipvsh(&["-e", r#"remove(vip("10.9.0.1"))"#])
        .ended(0);
    assert_eq!(address(&director, "10.9.0.1"), "");
    director.ipvsh(&["revert", "3"]).ended(0);
    assert!(address(&director, "10.9.0.1").contains("/24"));
    director.ipvsh(&["forget", "vip 10.9.0.1"]).ended(0);
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert!(address(&director, "10.9.0.1").contains("/24"));
    assert_eq!(sysctl(&director, "net.ipv4.ip_forward"), "1");
}

#[test]
fn an_unconfirmed_vip_is_taken_back() {
    let director = with_link();
    director.ipvsh(&["-e", "timeouts(#{ tcp: 901 })"]).ended(0);
    let script = r#"vip("10.9.0.1", #{ interface: "v0" }); sysctl("net.ipv4.ip_forward", 1)"#;
    director.ipvsh(&["-e", script, "--confirm", "3"]).ended(0);
    assert_ne!(address(&director, "10.9.0.1"), "");
    within(60, "taken back", || {
        address(&director, "10.9.0.1").is_empty()
    });
    within(60, "as it was", || {
        sysctl(&director, "net.ipv4.ip_forward") == "0"
    });
}
