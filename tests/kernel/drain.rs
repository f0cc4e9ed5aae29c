//! `drain` with real connections, held by the client's network namespace.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::director::{Director, Said, file};

const VIP: &str = "192.168.60.200:9000";
const ONE: &str = "192.168.182.210:9000";
const TWO: &str = "192.168.182.220:9000";

/// A pool of two servers behind masquerading, `rr`. They take connections and keep them: the
/// topology's web servers would close them after a minute, which is soon where all is emulated.
struct Pool {
    director: Director,
    _servers: [TcpListener; 2],
}

impl std::ops::Deref for Pool {
    type Target = Director;

    fn deref(&self) -> &Director {
        &self.director
    }
}

fn pool() -> Pool {
    let director = Director::with_topology("nat");
    let listen = |role, address: &'static str| {
        director.within(role, move || TcpListener::bind(address).unwrap())
    };
    let servers = [listen("rs1", ONE), listen("rs2", TWO)];
    let code = format!(
        "tcp(\"{VIP}\", #{{ scheduler: \"rr\", forward: \"masq\", servers: [\"{ONE}\", \"{TWO}\"] }})"
    );
    director.ipvsh(&["-e", &code]).ended(0);
    Pool {
        director,
        _servers: servers,
    }
}

/// Connections of the client that say nothing and stay.
fn connect(director: &Director, count: usize) -> Vec<TcpStream> {
    let vip: SocketAddr = VIP.parse().unwrap();
    let connect = || TcpStream::connect_timeout(&vip, Duration::from_secs(3)).unwrap();
    director.within("client", || (0..count).map(|_| connect()).collect())
}

#[test]
fn a_drain_waits_until_the_connections_are_closed() {
    let director = pool();
    let held = connect(&director, 4);
    assert_eq!(director.row(ONE).unwrap(), ["Masq", "1", "2", "0"]);
    let mut child = director.start(&[
        "drain",
        VIP,
        "192.168.182.210",
        "--timeout",
        "120",
        "--then",
        "remove",
    ]);
    director.await_weight(ONE, "0");
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    // Those that are there go on, new ones go elsewhere.
    assert_eq!(director.row(ONE).unwrap(), ["Masq", "0", "2", "0"]);
    let more = connect(&director, 3);
    assert_eq!(director.row(TWO).unwrap(), ["Masq", "1", "5", "0"]);
    drop(more);
    // The first snapshot of a drain stands while it waits, and nothing holds the database.
    assert_eq!(
        director.history()[0]["message"],
        "drain real server 192.168.182.210:9000 of tcp 192.168.60.200:9000"
    );
    drop(held);
    let said = Said::at_last(child).ended(0);
    assert!(
        said.out.contains(
            "drained: real server 192.168.182.210:9000 of tcp 192.168.60.200:9000 has no active \
             connections after"
        ),
        "{}",
        said.out
    );
    assert!(
        said.err
            .contains("note: removing it cuts what is left: 2 inactive"),
        "{}",
        said.err
    );
    assert_eq!(director.row(ONE), None);
    assert_eq!(director.history().len(), 3);
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
}

/// Runs the command of a hint as it stands there.
#[track_caller]
fn paste(director: &Director, said: &Said, hint: &str) {
    let line = said.err.lines().find(|line| line.contains(hint)).unwrap();
    let command = line.split_once("ipvsh ").unwrap().1;
    let command = format!("{} {command}", env!("CARGO_BIN_EXE_ipvsh"));
    director.exec("sh", &["-c", &command]).ended(0);
}

#[test]
fn out_of_time_or_interrupted_the_server_stays_at_weight_0() {
    let director = pool();
    let held = connect(&director, 4);
    for (signal, name) in [("-INT", "SIGINT"), ("-TERM", "SIGTERM")] {
        let child = director.start(&["drain", VIP, ONE, "--then", "remove"]);
        director.await_weight(ONE, "0");
        // It is on its way from the commit to the first look, or waits.
        std::thread::sleep(Duration::from_millis(1500));
        director
            .exec("kill", &[signal, &child.id().to_string()])
            .ended(0);
        let said = Said::at_last(child).ended(1);
        let wants = format!("not drained: interrupted by {name}: 2 active connections left");
        assert!(said.err.contains(&wants), "{}", said.err);
        assert_eq!(director.row(ONE).unwrap(), ["Masq", "0", "2", "0"]);
        paste(&director, &said, "to restore its weight");
        assert_eq!(director.row(ONE).unwrap(), ["Masq", "1", "2", "0"]);
    }
    assert_eq!(director.history().len(), 5);

    let said = director
        .ipvsh(&["drain", VIP, ONE, "--timeout", "1", "--then", "remove"])
        .ended(1);
    assert!(
        said.err
            .contains("not drained: after 1 s 2 active connections left"),
        "{}",
        said.err
    );
    assert_eq!(director.row(ONE).unwrap(), ["Masq", "0", "2", "0"]);
    assert_eq!(director.history().len(), 6);
    paste(&director, &said, "to remove it");
    assert_eq!(director.row(ONE), None);
    drop(held);
}

#[test]
fn a_script_drains_a_machine_and_restores_it() {
    let director = pool();
    let held = connect(&director, 2);
    let path = file("examples/maintenance.rhai");
    let mut child = director.start(&["run", path.to_str().unwrap(), "192.168.182.210"]);
    director.await_weight(ONE, "0");
    assert!(child.try_wait().unwrap().is_none());
    drop(held);
    let said = Said::at_last(child).ended(0);
    assert!(said.out.contains("drained: "), "{}", said.out);
    assert_eq!(director.history().len(), 2, "the drain found weight 0");
    director
        .ipvsh(&["run", path.to_str().unwrap(), "192.168.182.210", "back"])
        .ended(0);
    assert_eq!(director.row(ONE).unwrap()[1], "1");
    let drain =
        "drain(find(\"192.168.60.200:9000\").find(\"192.168.182.210\"), #{ then: \"restore\" })";
    director.ipvsh(&["-e", drain]).ended(0);
    assert_eq!(director.row(ONE).unwrap()[1], "1");
    assert_eq!(director.history().len(), 5);
}

#[test]
fn sticky_clients_are_told_of_and_are_there() {
    let director = Director::with_topology("nat");
    let path = file("examples/nat.rhai");
    director.ipvsh(&["run", path.to_str().unwrap()]).ended(0);
    director
        .ipvsh(&[
            "-e",
            "find(\"192.168.60.200:80\").set(#{ persistent: 300 })",
        ])
        .ended(0);
    let answer = director.hits(1, &["http://192.168.60.200/"]).remove(0);
    let server = match answer.as_str() {
        "RS1" => "192.168.182.210:80",
        _ => "192.168.182.220:80",
    };
    let drain = ["drain", "192.168.60.200:80", server, "--timeout", "20"];
    let note = "is persistent (300 s): clients that it keeps with this server go on coming at \
                weight 0, unless net.ipv4.vs.expire_quiescent_template=1";
    let said = director.ipvsh(&drain).ended(0);
    assert!(said.err.contains(note), "{}", said.err);
    assert!(said.out.contains("1 persistent left)"), "{}", said.out);
    // It is true: the client comes back, and a drain that waits for it ends without success.
    assert_eq!(
        director.hits(1, &["http://192.168.60.200/"]),
        std::slice::from_ref(&answer)
    );
    let said = director
        .ipvsh(&[
            "drain",
            "192.168.60.200:80",
            server,
            "--timeout",
            "1",
            "--persistent",
        ])
        .ended(1);
    assert!(said.err.contains("1 persistent connection"), "{}", said.err);

    director
        .exec(
            "sysctl",
            &["-qw", "net.ipv4.vs.expire_quiescent_template=1"],
        )
        .ended(0);
    let said = director.ipvsh(&drain).ended(0);
    assert!(!said.err.contains("is persistent"), "{}", said.err);
    assert_ne!(director.hits(1, &["http://192.168.60.200/"]), [answer]);
}

#[test]
fn of_udp_a_drain_waits_until_the_kernel_has_forgotten() {
    let director = Director::with_topology("nat");
    director
        .script(
            "timeouts(#{ udp: 20 });
             udp(\"192.168.60.200:53\", #{ scheduler: \"rr\", forward: \"masq\", \
                 servers: [\"192.168.182.210\"] });",
        )
        .ended(0);
    director.within("client", || {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.send_to(b"?", "192.168.60.200:53").unwrap();
    });
    let start = Instant::now();
    while director.row("192.168.182.210:53").unwrap()[2..] != ["0", "1"] {
        assert!(start.elapsed() < Duration::from_secs(10), "no connection");
    }
    let drain = [
        "drain",
        "udp",
        "192.168.60.200:53",
        "192.168.182.210",
        "--timeout",
        "60",
    ];
    let said = director.ipvsh(&drain).ended(0);
    assert!(
        said.out
            .contains("has no active or inactive connections after"),
        "{}",
        said.out
    );
    assert_eq!(director.row("192.168.182.210:53").unwrap()[2..], ["0", "0"]);
}
