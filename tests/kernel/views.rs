//! What `ipvsh show` says agrees with Debian's ipvsadm, with real packets, in the same kernel.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use serde_json::Value;

use crate::differential::{Namespace, Program, words};

const RULES: &str = "-A -t 10.99.0.1:80 -s rr -p 60
-a -t 10.99.0.1:80 -r 127.0.0.1:8080 -m -x 100 -y 50
-A -u 10.99.0.1:53 -s rr
-a -u 10.99.0.1:53 -r 10.200.0.77:53 -m
-a -u 10.99.0.1:53 -r 10.200.0.78 -i --tun-type gue --tun-port 6080 --tun-csum
-A -u [fd99::1]:53 -s rr -p 30 -M 64
-a -u [fd99::1]:53 -r [fd00:200::77]:5353 -m
-A -f 7 -s rr -p 45
-a -f 7 -r 10.200.0.77:777 -m
";

fn sh(line: &str) {
    let output = std::process::Command::new("bash")
        .args(["-ec", line])
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {why}");
}

fn show(line: &str) -> Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .env("IPVSH_DB", "/root/no-such-ipvsh")
        .args(["--json", "show"])
        .args(words(line))
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{line}: {why}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ipvsadm(line: &str) -> String {
    let said = Program::Theirs("ipvsadm").run(&words(line), "");
    assert_eq!(said.status, Some(0), "{line}: {}", said.err);
    said.out
}

fn datagrams(to: &str, count: usize) {
    let from = if to.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(from).unwrap();
    for _ in 0..count {
        // Nobody is there; what counts is that the packet went by.
        let _ = socket.send_to(&[7; 100], to);
    }
}

/// Connections of both families, by address and by mark; the open one is given back.
fn traffic() -> (TcpStream, TcpStream) {
    sh("ip address add 10.99.0.1/32 dev lo
        ip address add 10.99.0.2/32 dev lo
        ip -6 address add fd99::1/128 dev lo nodad
        ip -6 address add fd00:200::1/64 dev mc0 nodad
        iptables -t mangle -A OUTPUT -p udp -d 10.99.0.2 --dport 777 -j MARK --set-mark 7");
    let restored = Program::Theirs("ipvsadm").run(&words("-R"), RULES);
    assert_eq!(restored.status, Some(0), "{}", restored.err);
    let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
    let mut client = TcpStream::connect("10.99.0.1:80").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    datagrams("10.99.0.1:53", 4);
    datagrams("[fd99::1]:53", 3);
    datagrams("10.99.0.2:777", 2);
    (client, server)
}

/// The five numbers of each line of a list of ipvsadm, by the second word of the line.
fn numbers(list: &str) -> Vec<[u64; 5]> {
    let line = |line: &str| -> Option<[u64; 5]> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let last = words.get(words.len().checked_sub(5)?..)?;
        let numbers: Result<Vec<u64>, _> = last.iter().map(|word| word.parse()).collect();
        numbers.ok()?.try_into().ok()
    };
    let mut all: Vec<[u64; 5]> = list.lines().filter_map(line).collect();
    all.sort();
    all
}

/// The same of a view.
fn counted(view: &Value, keys: [&str; 5]) -> Vec<[u64; 5]> {
    let of = |one: &Value| keys.map(|key| one[key].as_u64().unwrap());
    let services = view.as_array().unwrap();
    let mut all: Vec<[u64; 5]> = services
        .iter()
        .flat_map(|service| {
            let servers = service["servers"].as_array().unwrap();
            [of(service)].into_iter().chain(servers.iter().map(of))
        })
        .collect();
    all.sort();
    all
}

const STATS: [&str; 5] = [
    "connections",
    "in_packets",
    "out_packets",
    "in_bytes",
    "out_bytes",
];
const RATES: [&str; 5] = ["cps", "in_pps", "out_pps", "in_bps", "out_bps"];

/// Rates move by themselves: the same before and after is what they were meanwhile.
fn steady<T: PartialEq>(theirs: impl Fn() -> T, ours: impl Fn() -> T) -> (T, T) {
    loop {
        let (before, ours) = (theirs(), ours());
        if before == theirs() {
            return (before, ours);
        }
    }
}

/// A connection as both tell of it: protocol and the rest, without the seconds.
fn their_connections() -> Vec<String> {
    let list = ipvsadm("-L -n -c");
    let mut all: Vec<String> = list
        .lines()
        .skip(2)
        .map(|line| {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            words.remove(1);
            words.join(" ")
        })
        .collect();
    all.sort();
    all
}

fn our_connections(filter: &str) -> Vec<String> {
    let all = show(&format!("connections {filter}"));
    let mut all: Vec<String> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            let service = text("service");
            let (protocol, end) = match service.split_once(' ').unwrap() {
                // Theirs shows the mark as an address.
                ("fwmark", mark) => ("IP".to_owned(), format!("0.0.0.{mark}:0")),
                (protocol, end) => (protocol.to_uppercase(), end.to_owned()),
            };
            let (state, client, server) = (text("state"), text("client"), text("server"));
            format!("{protocol} {state} {client} {end} {server}")
        })
        .collect();
    all.sort();
    all
}

#[test]
fn views_agree_with_ipvsadm() {
    let namespace = Namespace::new(true);
    namespace.within(|| {
        let open = traffic();
        // The kernel sums up what its processors counted every two seconds (ip_vs_est.c).
        let summed = || counted(&show("stats"), STATS).iter().any(|n| n[1] == 4);
        for _ in 0..100 {
            if summed() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let (theirs, ours) = steady(
            || numbers(&ipvsadm("-L -n --stats --exact")),
            || counted(&show("stats"), STATS),
        );
        assert_eq!(ours, theirs);
        assert!(ours.iter().any(|numbers| numbers[1] == 4), "{ours:?}");
        let (theirs, ours) = steady(
            || numbers(&ipvsadm("-L -n --rate --exact")),
            || counted(&show("rates"), RATES),
        );
        assert_eq!(ours, theirs);

        let stats = show("stats fwmark 7");
        assert_eq!(stats[0]["in_packets"], 2, "{stats}");
        assert_eq!(stats[0]["in_bytes"], 2 * 128, "{stats}");
        let stats = show("stats [fd99::1]:53");
        assert_eq!(stats[0]["servers"][0]["in_packets"], 3, "{stats}");

        let (theirs, ours) = steady(their_connections, || our_connections(""));
        assert_eq!(ours, theirs);
        for (filter, count) in [
            ("tcp 10.99.0.1:80", 2),
            ("udp 10.99.0.1:53", 1),
            ("udp [fd99::1]:53", 2),
            ("fwmark 7", 2),
            ("tcp 10.99.0.1:80 --state ESTABLISHED", 1),
            // Not its template, which has no port.
            ("--server 10.200.0.77:777", 1),
            ("--client fd99::/64", 2),
            ("--limit 3", 3),
        ] {
            let found = our_connections(filter);
            assert_eq!(found.len(), count, "{filter}: {found:?}\n{theirs:?}");
        }
        let sorted = show("connections --sort -expires");
        let expires: Vec<u64> = sorted
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["expires"].as_u64().unwrap())
            .collect();
        assert!(expires.is_sorted_by(|a, b| a >= b), "{expires:?}");

        let web = &show("thresholds tcp 10.99.0.1:80")[0]["servers"][0];
        assert_eq!(
            (&web["upper"], &web["lower"], &web["active"]),
            (&Value::from(100), &Value::from(50), &Value::from(1))
        );
        let persistent = &show("persistent fwmark 7")[0];
        assert_eq!(persistent["persistent_connections"], 1, "{persistent}");
        let tunnels = show("tunnels");
        assert_eq!(tunnels.as_array().unwrap().len(), 1, "{tunnels}");
        assert_eq!(tunnels[0]["servers"][0]["tunnel"]["port"], 6080);

        let info = show("info");
        let version = info["version"].as_str().unwrap();
        let size = info["connection_table_size"].to_string();
        let title = ipvsadm("-L -n");
        let title = title.lines().next().unwrap();
        assert!(title.contains(version) && title.contains(&size), "{title}");
        assert_eq!(info["settings"]["conntrack"], 0, "{info}");
        let total = &info["stats"];
        assert_eq!(total["connections"], 4, "{info}");
        assert!(
            info["schedulers"]
                .as_array()
                .unwrap()
                .contains(&"rr".into())
        );

        let zeroed = std::process::Command::new(env!("CARGO_BIN_EXE_ipvsh"))
            .env("IPVSH_DB", "/root/no-such-ipvsh")
            .args(["-e", "zero(\"fwmark 7\"); stats(\"fwmark 7\").in_packets"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&zeroed.stdout);
        assert_eq!(said, "0\n", "{}", String::from_utf8_lossy(&zeroed.stderr));
        let table = ipvsadm("-L -n --stats --exact -f 7");
        assert_eq!(numbers(&table), [[0; 5], [0; 5]], "{table}");
        drop(open);
    });
}
