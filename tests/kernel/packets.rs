//! The examples with real packets: who answers the client.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::director::{Director, file};

fn counts(answers: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.as_str()).or_default() += 1;
    }
    counts
}

fn run_example(director: &Director, name: &str) {
    let path = file(&format!("examples/{name}.rhai"));
    director.ipvsh(&["run", path.to_str().unwrap()]).ended(0);
}

#[track_caller]
fn balances(topology: &str, example: &str, url: &str) {
    let director = Director::bare_with_topology(topology);
    run_example(&director, example);
    balances_requests(&director, url);
}

#[track_caller]
fn balances_requests(director: &Director, url: &str) {
    let answers = director.hits(10, &[url]);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 5), ("RS2", 5)]),
        "{answers:?}"
    );
}

#[test]
fn nat_answers_five_and_five() {
    balances("nat", "nat", "http://192.168.60.200/");
}

#[test]
fn direct_routing_answers_five_and_five() {
    balances("dr", "dr", "http://192.168.182.100/");
}

#[test]
fn direct_routing_behind_a_router_answers_past_the_director() {
    let director = Director::bare_with_topology("routed");
    run_example(&director, "dr_routed");
    balances_requests(&director, "http://192.168.182.100/");
    // Requests pass the director, answers do not. The kernel sums counters up every two seconds.
    let start = Instant::now();
    let counters = loop {
        let counters = director.ipvsh(&["show", "stats", "--json"]).ended(0).out;
        let counters: serde_json::Value = serde_json::from_str(&counters).unwrap();
        if counters[0]["connections"] == 10 || start.elapsed() > Duration::from_secs(30) {
            break counters;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(counters[0]["connections"], 10, "{counters}");
    assert_eq!(counters[0]["out_packets"], 0, "{counters}");
    // The router knows the VIP at the director.
    let mac = director.typed("lvs", "cat /sys/class/net/eth0/address").out;
    let known = "ip neighbour show 192.168.182.100 dev eth1";
    let known = director.typed("router", known).out;
    assert!(known.contains(mac.trim()), "{known} {mac}");
}

#[test]
fn tunnel_answers_five_and_five() {
    balances("tunnel", "tunnel", "http://192.168.182.100/");
}

/// Ten requests to addresses in turn are answered by the two servers in turn.
#[track_caller]
fn alternates(director: &Director, urls: &[&str]) {
    let answers = director.hits(10, urls);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 5), ("RS2", 5)]),
        "{answers:?}"
    );
    for pair in answers.windows(2) {
        assert_ne!(
            pair[0], pair[1],
            "two requests in a row went to one server: {answers:?}"
        );
    }
}

#[test]
fn one_pool_alternates_between_ports_and_servers() {
    let director = Director::bare_with_topology("dr");
    run_example(&director, "one_pool");
    let urls = ["http://192.168.182.100:80/", "http://192.168.182.100:443/"];
    alternates(&director, &urls);

    // The same two ports as two services: each has its own round robin, so they do not alternate.
    director.ipvsh(&["-e", "clear()"]).ended(0);
    director
        .script(
            r#"for port in [80, 443] {
                tcp(`192.168.182.100:${port}`, #{ scheduler: "rr",
                    servers: ["192.168.182.210", "192.168.182.220"] });
            }"#,
        )
        .ended(0);
    let answers = director.hits(10, &urls);
    assert!(
        answers.windows(2).any(|pair| pair[0] == pair[1]),
        "{answers:?}"
    );
}

#[test]
fn a_database_pool_evens_out() {
    let director = Director::bare_with_topology("database");
    run_example(&director, "database_pool");
    let answers = director.hits(30, &["http://7.7.7.18:3306/"]);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 10), ("RS2", 10), ("RS3", 10)])
    );
}

const TWO_PORTS: [&str; 2] = ["http://192.168.60.200:80/", "http://192.168.60.200:443/"];

const IN_THE_RANGE: &str = "http://192.168.60.200:8042/";

/// Says whether a request arrived at port 80 of a server; those of the topology answer there too.
fn has_arrived_at_80(director: &Director) -> bool {
    let connections = director.ipvsh(&["show", "connections"]).ended(0).out;
    assert!(connections.contains("192.168.60.200:80 "), "{connections}");
    let mut words = connections.split_whitespace();
    words.any(|word| word.starts_with("192.168.182.") && word.ends_with(":80"))
}

#[test]
fn many_ports_have_one_front() {
    let director = Director::bare_with_topology("nat");
    run_example(&director, "port_merge");
    let all = [TWO_PORTS[0], IN_THE_RANGE, TWO_PORTS[1], IN_THE_RANGE];
    alternates(&director, &all);
    assert!(!has_arrived_at_80(&director));

    // What a note says of it: with persistence the client's port stays.
    let stick = r#"find("fwmark 443").set(#{ persistent: 300 })"#;
    let said = director.ipvsh(&["-e", stick]).ended(0).err;
    assert!(said.contains("not at 443; to keep "), "{said}");
    director.hits(2, &TWO_PORTS);
    assert!(has_arrived_at_80(&director));
    assert_eq!(director.hits(1, &[IN_THE_RANGE]), ["-"]);
    // What it says helps: one client is answered by one server at all ports.
    let line = "iptables -t nat -A PREROUTING -d 192.168.60.200 -p tcp -m multiport \
                --dports 80,8000:8100 -j REDIRECT --to-port 443; \
                sysctl -qw net.ipv4.vs.conntrack=1";
    director.exec("sh", &["-ec", line]).ended(0);
    let answers = director.hits(4, &all);
    let counts = counts(&answers);
    assert_eq!(counts.len(), 1, "{answers:?}");
    assert!(!counts.contains_key("-"), "{answers:?}");
}

#[test]
fn two_ports_have_one_front_with_persistence() {
    let director = Director::bare_with_topology("nat");
    let line = "iptables -t nat -A PREROUTING -d 192.168.60.200 -p tcp --dport 80 \
                -j REDIRECT --to-port 443";
    // The lab types the same line.
    let example = std::fs::read_to_string(file("examples/two_ports_sticky.rhai")).unwrap();
    assert!(example.contains(&format!("// Prepare: {line}\n")));
    director.exec("sh", &["-c", line]).ended(0);
    run_example(&director, "two_ports_sticky");
    let answers = director.hits(10, &TWO_PORTS);
    let counts = counts(&answers);
    assert_eq!(counts.len(), 1, "one client, one server: {answers:?}");
    assert!(!counts.contains_key("-"), "{answers:?}");
}

/// What VRRP does when a director dies, by hand.
fn move_vip(director: &Director) {
    let vip = "10.128.190.248/32";
    let delete = format!("ip address delete {vip} dev eth0");
    director.typed("lvs", &delete).ended(0);
    let take = format!("ip address add {vip} dev eth0; arping -c 2 -U -I eth0 10.128.190.248");
    director.typed("lvs2", &take).ended(0);
}

#[test]
fn connections_go_on_when_the_vip_moves() {
    let director = Director::with_topology("pair");
    for role in ["lvs", "lvs2"] {
        let line = "ipvsh run examples/pair.rhai";
        director.typed(role, line).ended(0);
    }
    // A request is begun at the first director.
    let mut stream = director.within("client", || {
        TcpStream::connect("10.128.190.248:80").unwrap()
    });
    for part in ["GET / HT", "TP/1.0\r\n"] {
        stream.write_all(part.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let start = Instant::now();
    let known = "ipvsh show connections --state ESTABLISHED";
    while !director.typed("lvs2", known).out.contains("10.128.190.10:") {
        let waited = start.elapsed();
        assert!(
            waited < Duration::from_secs(60),
            "the other one is not told"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    move_vip(&director);
    // It is ended at the second, which hands it to the same server.
    stream.write_all(b"\r\n").unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\nRS"), "{answer}");
    let answers = director.hits(6, &["http://10.128.190.248/"]);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 2), ("RS2", 2), ("RS3", 2)]),
        "{answers:?}"
    );
}

#[test]
fn a_quiesced_server_gets_nothing_new() {
    let director = Director::with_topology("nat");
    run_example(&director, "nat");
    let quiesce = r#"find("192.168.60.200:80").find("192.168.182.210").set(#{ weight: 0 })"#;
    director.ipvsh(&["-e", quiesce]).ended(0);
    let answers = director.hits(6, &["http://192.168.60.200/"]);
    assert_eq!(counts(&answers), BTreeMap::from([("RS2", 6)]));
    director.ipvsh(&["rollback", "1"]).ended(0);
    let answers = director.hits(6, &["http://192.168.60.200/"]);
    assert_eq!(counts(&answers), BTreeMap::from([("RS1", 3), ("RS2", 3)]));
}

/// The ICMP redirects that the director has sent.
fn redirects(director: &Director) -> u64 {
    let snmp = director.exec("cat", &["/proc/net/snmp"]).ended(0).out;
    let mut icmp = snmp.lines().filter(|line| line.starts_with("Icmp: "));
    let (names, values) = (icmp.next().unwrap(), icmp.next().unwrap());
    let mut pairs = names.split(' ').zip(values.split(' '));
    let (_, sent) = pairs.find(|(name, _)| *name == "OutRedirects").unwrap();
    sent.parse().unwrap()
}

/// Redirects sent while the client asks four times. The kernel sends a host fewer of them in a row
/// (ip_rt_send_redirect), so there is a pause before.
fn redirects_of_four_requests(director: &Director) -> u64 {
    std::thread::sleep(Duration::from_secs(1));
    let before = redirects(director);
    let answers = director.hits(4, &["http://192.168.182.100/"]);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 2), ("RS2", 2)]),
        "{answers:?}"
    );
    redirects(director) - before
}

/// What the recipes say of `send_redirects`.
#[test]
fn only_masquerading_in_one_network_redirects() {
    let director = Director::with_topology("dr");
    director
        .typed("lvs", "sysctl -qw net.ipv4.ip_forward=1")
        .ended(0);
    run_example(&director, "dr");
    assert_eq!(redirects_of_four_requests(&director), 0, "direct routing");

    // As for clients behind a router, answers go to the director; the servers do not follow.
    for server in director.servers() {
        let back = "sysctl -qw net.ipv4.conf.all.accept_redirects=0 \
                    net.ipv4.conf.eth0.accept_redirects=0; \
                    ip route add 192.168.182.10/32 via 192.168.182.230";
        director.typed(&server, back).ended(0);
    }
    let masquerade =
        r#"for s in find("192.168.182.100:80").servers() { s.set(#{ forward: "masq" }); }"#;
    director.ipvsh(&["-e", masquerade]).ended(0);
    let set = |setting: &str| {
        let line = format!("sysctl -qw net.ipv4.conf.{setting}");
        director.typed("lvs", &line).ended(0);
    };
    set("all.send_redirects=0");
    assert_ne!(redirects_of_four_requests(&director), 0, "\"all\" alone");
    set("eth0.send_redirects=0");
    assert_eq!(redirects_of_four_requests(&director), 0, "both");
    set("all.send_redirects=1");
    assert_ne!(redirects_of_four_requests(&director), 0, "eth0 alone");
}
