//! Lists against what the real ipvsadm printed for the same table: `scripts/fixtures/lists.sh`
//! made `tests/fixtures/ipvsadm/lists.txt`.

use super::host::Names;
use super::kind::{Command, Given, Kind};
use super::line::Line;
use super::listing::{self, Format};
use super::refusal::Refusal;
use super::{connections, daemons, rules};
use crate::ipvs::{Connection, Daemon, DaemonState, Destination, Info, Name, Service, Timeouts};

const LISTS: &str = include_str!("../../tests/fixtures/ipvsadm/lists.txt");

fn section(name: &str) -> String {
    let start = format!("== {name}\n");
    let text = LISTS
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {name}"))
        .1;
    let end = text.find("\n== ").map_or(text.len(), |end| end + 1);
    text[..end].to_owned()
}

fn parse(line: &str) -> Result<Line, Refusal> {
    Line::parse(line.split_whitespace().map(str::to_owned).collect())
}

/// The records that the lines ask for, in their order.
fn table() -> Vec<(Service, Vec<Destination>)> {
    let mut table: Vec<(Service, Vec<Destination>)> = Vec::new();
    for text in section("rules").lines() {
        let line = parse(text).unwrap();
        match line.command {
            Command::AddService => table.push((line.service.unwrap(), Vec::new())),
            _ => table.last_mut().unwrap().1.push(line.server.unwrap()),
        }
    }
    table
}

fn list(kinds: &[Kind]) -> String {
    let mut given = Given::default();
    for kind in kinds {
        given.note(*kind);
    }
    let format = Format::of(&given);
    let info = Info {
        version: 0x01_02_01,
        connection_table_size: 4096,
    };
    let mut names = Names::new(true);
    let mut text = listing::head(&info) + listing::title(format.view).as_str();
    for (service, servers) in table() {
        text.push_str(&listing::entry(&service, &servers, format, &mut names));
    }
    text
}

#[test]
fn every_view_is_printed_as_the_original_does() {
    for (line, kinds) in [
        ("-Ln", &[][..]),
        ("-Ln --stats", &[Kind::Stats]),
        ("-Ln --rate", &[Kind::Rate]),
        ("-Ln --stats --exact", &[Kind::Stats, Kind::Exact]),
        ("-Ln --thresholds", &[Kind::Thresholds]),
        ("-Ln --persistent-conn", &[Kind::PersistentConn]),
        ("-Ln --tun-info", &[Kind::TunnelInfo]),
    ] {
        assert_eq!(list(kinds), section(&format!("ipvsadm {line}")), "{line}");
    }
}

#[test]
fn rules_are_printed_as_the_original_does() {
    let mut names = Names::new(true);
    let text: String = table()
        .iter()
        .map(|(service, servers)| rules::entry(service, servers, &mut names))
        .collect();
    assert_eq!(text, section("ipvsadm -Sn"));
}

#[test]
fn connections_are_printed_as_the_original_does() {
    for (line, with_engine) in [("-Lnc", false), ("-Lnc --persistent-conn", true)] {
        let mut names = Names::new(true);
        let mut text = connections::title(with_engine);
        for row in section("/proc/net/ip_vs_conn").lines().skip(1) {
            let row = Connection::parse(row).unwrap();
            text.push_str(&connections::entry(&row, with_engine, &mut names));
        }
        assert_eq!(text, section(&format!("ipvsadm {line}")));
    }
}

#[test]
fn daemons_and_timeouts_are_printed_as_the_original_does() {
    let seconds = Timeouts {
        tcp: 900,
        tcp_fin: 120,
        udp: 300,
    };
    assert_eq!(daemons::timeouts(&seconds), section("ipvsadm -L --timeout"));
    let interface = Name::new("mc0").unwrap();
    let master = Daemon {
        max_length: Some(1472),
        group: Some("224.0.0.81".parse().unwrap()),
        port: Some(8848),
        ttl: Some(1),
        ..Daemon::new(DaemonState::Master, interface.clone(), 7)
    };
    let backup = Daemon {
        // The kernel's least.
        max_length: Some(1024),
        group: Some("ff02::5".parse().unwrap()),
        port: Some(99),
        ttl: Some(3),
        ..Daemon::new(DaemonState::Backup, interface, 0)
    };
    assert_eq!(
        daemons::daemons(&[master, backup]),
        section("ipvsadm -L --daemon")
    );
}

#[test]
fn values_and_combinations_are_refused_in_the_words_of_the_original() {
    // Each as ipvsadm 1.31 said it.
    for (line, words) in [
        (
            "-A",
            "You need to supply the 'service-address' option for the 'add-service' command",
        ),
        (
            "-A -t 1.1.1.1:80 -n",
            "Illegal 'numeric' option with the 'add-service' command",
        ),
        (
            "-A -t 1.1.1.1:80 -t 1.1.1.1:80",
            "multiple 'service-address' options specified",
        ),
        (
            "-A -t 1.1.1.1:80 -s rr -s rr",
            "multiple 'scheduler' options specified",
        ),
        ("-A -t 1.1.1.1:80 -D", "invalid option `-D'"),
        ("-A -t 1.1.1.1:80 x", "unexpected argument x"),
        (
            "-A -t 1.1.1.1",
            "Zero port specified for non-persistent service",
        ),
        (
            "-A -t 1.1.1.1:80 -o",
            "One-Packet Scheduling is only for UDP virtual services",
        ),
        (
            "-A -t 1.1.1.1:80 -p 2678401",
            "invalid timeout value `2678401' specified",
        ),
        ("-A -t [::1]:80 -M 129", "illegal ipv6 netmask specified"),
        ("-A -6 -f 1", "-6 used before -f\n"),
        (
            "-A -f 4294967296",
            "invalid fwmark value `4294967296' specified",
        ),
        (
            "-a -t 1.1.1.1:80 -r 80",
            "illegal real server address[:port] specified",
        ),
        (
            "-a -t 1.1.1.1:80 -r 1.1.1.2 -w 2147483648",
            "illegal weight specified",
        ),
        (
            "-a -t 1.1.1.1:80 -r ::1",
            "Different address family is allowed only for tunneling servers",
        ),
        (
            "-a -t 1.1.1.1:80 -r 1.1.1.2 --tun-csum",
            "Tunnel options conflict with forward method",
        ),
        (
            "-a -t 1.1.1.1:80 -r 1.1.1.2 -i --tun-type gue",
            "You need to supply the 'tun-port' option for the 'gue' tunnel type",
        ),
        (
            "-a -t 1.1.1.1:80 -r 1.1.1.2 -i --tun-csum",
            "Illegal 'tun-csum' option with the 'ipip' tunnel type",
        ),
        (
            "-a -t 1.1.1.1:80 -r 1.1.1.2 -i --tun-type gre --tun-csum --tun-nocsum",
            "The option 'tun-csum' conflicts with the 'tun-nocsum' option in the 'gre' tunnel type",
        ),
        (
            "-L --timeout --daemon",
            "The option 'daemon' conflicts with the 'timeout' option in the 'list' command",
        ),
        ("-L -c --rate", "options conflicts in the list command"),
        ("--set 1 2", "--set option requires 3 timeout values"),
        (
            "--start-daemon x",
            "illegal start-daemon parameter specified",
        ),
        ("--stop-daemon x", "illegal start_daemon specified"),
        (
            "--start-daemon master --mcast-group 10.0.0.1",
            "invalid IPv4 mcast-group `10.0.0.1'",
        ),
        (
            "--start-daemon master --mcast-ttl 0",
            "illegal mcast-ttl specified",
        ),
    ] {
        assert_eq!(parse(line).unwrap_err(), Refusal::fail(words), "{line}");
    }
    assert_eq!(parse("-nL").unwrap_err(), Refusal::NoCommand);
    assert_eq!(
        parse("-A -t").unwrap_err(),
        Refusal::Line("-t: missing argument".into())
    );
}

#[test]
fn ports_follow_the_service_where_packets_are_not_rewritten() {
    for (line, port) in [
        ("-a -t 1.1.1.1:80 -r 1.1.1.2 -m", 80),
        ("-a -t 1.1.1.1:80 -r 1.1.1.2:99 -m", 99),
        ("-a -t 1.1.1.1:80 -r 1.1.1.2:99", 80),
        ("-a -r 1.1.1.2 -t 1.1.1.1:80 -m", 0),
        ("-d -t 1.1.1.1:80 -r 1.1.1.2:99", 99),
        ("-a -f 7 -r 1.1.1.2:99 -g", 99),
    ] {
        assert_eq!(parse(line).unwrap().server.unwrap().id.port, port, "{line}");
    }
}
