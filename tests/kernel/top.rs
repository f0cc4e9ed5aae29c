//! `ipvsh top` on a kernel with real packets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipvsh::kernel::{Kernel, Linux};
use ipvsh::model::load::load;
use ipvsh::model::{ServerKey, ServiceKey};
use rexpect::session::spawn_command;

use crate::netns::{in_namespace, ip};

/// How long anything may take, in milliseconds.
const PATIENCE: u64 = 60_000;

const RULES: &str = r#"
    tcp("10.99.0.1:80", #{ scheduler: "rr", forward: "masq", servers: ["127.0.0.1:8080"] });
    udp("10.99.0.1:53", #{ scheduler: "rr", forward: "masq", servers: ["127.0.0.1:5353"] });
    udp("[fd99::1]:53", #{ scheduler: "rr", forward: "masq", servers: ["[::1]:5353"] });
    fwmark(7);
    fwmark6(7, #{ forward: "masq", servers: ["[::1]:7"] });
"#;

fn ipvsh(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command.args(args).env("TERM", "xterm").env("NO_COLOR", "1");
    command
}

/// A connection that stays open; both its ends.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
    let mut client = TcpStream::connect("10.99.0.1:80").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    (client, server)
}

/// Sends datagrams until it is told to stop.
fn keep_sending(stop: &AtomicBool) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    while !stop.load(Ordering::Relaxed) {
        // Nobody is there; what counts is that the packet went by.
        let _ = socket.send_to(&[7; 100], "10.99.0.1:53");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes somebody send, while something else is done.
fn while_sending(act: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| keep_sending(&stop));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        stop.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn build() {
    ip("address add 10.99.0.1/32 dev lo");
    ip("-6 address add fd99::1/128 dev lo nodad");
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("db");
    let made = ipvsh(&["--db", db.to_str().unwrap(), "-e", RULES]).output();
    let made = made.unwrap();
    let why = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{why}");
}

fn key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

#[test]
fn the_load_is_what_netlink_says_of_connections_and_rates() {
    in_namespace(|| {
        build();
        let open = connection();
        while_sending(|| {
            let mut kernel = Linux::new();
            let dns = key("udp 10.99.0.1:53");
            // The kernel sums up what its processors counted every two seconds (ip_vs_est.c).
            let rate = (0..300).find_map(|_| {
                std::thread::sleep(Duration::from_millis(100));
                let load = kernel.load().unwrap();
                Some(load.get(&dns)?.usage.rates.in_pps).filter(|rate| *rate > 0)
            });
            assert!(rate.is_some(), "{:?}", kernel.load());
            // What moves meanwhile is not compared: the same before and after it is.
            let steady = (0..300).find_map(|_| {
                let before = kernel.load().unwrap();
                let dear = load(&kernel.observe().unwrap(), &kernel.traffic(None).unwrap());
                (before == kernel.load().unwrap()).then_some((before, dear))
            });
            let (cheap, dear) = steady.unwrap();
            assert_eq!(cheap, dear);
            let web = key("tcp 10.99.0.1:80");
            let server = ServerKey::parse("127.0.0.1:8080", &web).unwrap();
            assert_eq!(cheap[&web].servers[&server].active, 1);
            let six = &cheap[&key("fwmark6 7")];
            assert_eq!(
                (six.servers.len(), cheap[&key("fwmark 7")].servers.len()),
                (1, 0)
            );
        });
        drop(open);
    });
}

#[test]
fn rates_appear_on_the_screen() {
    in_namespace(|| {
        build();
        while_sending(|| {
            let command = ipvsh(&["top", "--interval", "0.2", "udp 10.99.0.1:53"]);
            let mut session = spawn_command(command, Some(PATIENCE)).unwrap();
            session.exp_string("127.0.0.1:5353").unwrap();
            // The fifth line is the service's, the sixth its server's; no number is zero at last.
            for line in [5, 6] {
                let number = format!(r"\x1b\[{line};\d+H[1-9]");
                session.exp_regex(&number).unwrap();
            }
            session.send("q").unwrap();
            session.flush().unwrap();
            session.exp_eof().unwrap();
        });
    });
}
