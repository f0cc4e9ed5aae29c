//! Every list format with real connections and counters.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use super::{Namespace, Program, words};

fn sh(line: &str) {
    let output = Command::new("bash").args(["-ec", line]).output().unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {why}");
}

const ADDRESSES: &str = "
    ip address add 10.99.0.1/32 dev lo
    ip address add 10.99.0.2/32 dev lo
    ip -6 address add fd99::1/128 dev lo nodad
    ip -6 address add fd00:200::1/64 dev mc0 nodad
    iptables -t mangle -A OUTPUT -p udp -d 10.99.0.2 --dport 777 -j MARK --set-mark 7
";

const RULES: &str = "-A -t 10.99.0.1:80 -s rr
-a -t 10.99.0.1:80 -r 127.0.0.1:8080 -m -x 100 -y 50
-A -t 10.99.0.1:81 -s wlc -p 60 -M 255.255.255.0
-a -t 10.99.0.1:81 -r 127.0.0.1:8080 -m
-A -u 10.99.0.1:53 -s rr
-a -u 10.99.0.1:53 -r 10.200.0.77:53 -m -w 3
-a -u 10.99.0.1:53 -r 10.200.0.78 -i --tun-type gue --tun-port 6080 --tun-csum
-a -u 10.99.0.1:53 -r 10.200.0.79 -g
-A -u 10.99.0.1:54 -s rr -o
-a -u 10.99.0.1:54 -r 10.200.0.77:54 -m
-A -u 10.99.0.1:5060 -s rr -p 90 --pe sip
-a -u 10.99.0.1:5060 -r 10.200.0.77 -g
-A -u [fd99::1]:53 -s rr -p 30 -M 64
-a -u [fd99::1]:53 -r [fd00:200::77]:5353 -m
-a -u [fd99::1]:53 -r 10.200.0.78 -i --tun-type gre
-A --sctp-service 10.99.0.1:2905 -s sh -b sh-port
-a --sctp-service 10.99.0.1:2905 -r 10.200.0.77:2905 -m
-A -f 7 -s mh -b mh-port -p 45
-a -f 7 -r 10.200.0.77 -i
-A -f 7 -6
";

/// An INIT in a packet of our own making: SCTP sockets would need a module.
const SCTP_INIT: &str = r#"perl -e '
    socket(S, 2, 3, 132) or die $!;
    my $init = pack("nnNN", 40000, 2905, 0, 0) . pack("CCn", 1, 0, 20) . pack("NNnnN", 1, 65536, 1, 1, 1);
    send(S, $init, 0, pack("SnC4x8", 2, 0, 10, 99, 0, 1)) or die $!;'"#;

fn datagrams(to: &str, payload: &[u8], count: usize) {
    let from = if to.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(from).unwrap();
    for _ in 0..count {
        // Nobody is there; what counts is that the packet went by.
        let _ = socket.send_to(payload, to);
    }
}

fn echo(to: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    stream
}

/// Both list the same. What changes by itself meanwhile (rates, states) is looked at again.
fn alike(line: &str) -> String {
    let line = words(line);
    let list = |program: Program| settled(&program.run(&line, ""));
    for _ in 0..20 {
        let before = list(Program::Theirs("ipvsadm"));
        let ours = list(Program::Named("ipvsadm"));
        if before == list(Program::Theirs("ipvsadm")) {
            assert_eq!(ours, before, "{line:?}");
            return ours;
        }
    }
    panic!("{line:?} never came to rest");
}

/// Output without the seconds that connections still have.
fn settled(said: &super::Said) -> String {
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    let shape = |line: &str| match line.as_bytes() {
        [a, b, c, b' ', m, n, b':', s, t, ..]
            if [m, n, s, t].iter().all(|d| d.is_ascii_digit()) =>
        {
            let start = String::from_utf8_lossy(&[*a, *b, *c]).into_owned();
            format!("{start} mm:ss{}", &line[9..])
        }
        _ => line.to_owned(),
    };
    said.out.lines().map(shape).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_list_with_connections_in_it() {
    let namespace = Namespace::new(true);
    namespace.within(|| {
        sh(ADDRESSES);
        let restored = Program::Named("ipvsadm").run(&words("-R"), RULES);
        assert_eq!((restored.status, restored.err.as_str()), (Some(0), ""));

        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let server = std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let mut open = Vec::new();
                for stream in listener.incoming().take(3) {
                    let mut stream = stream.unwrap();
                    let mut word = [0; 5];
                    stream.read_exact(&mut word).unwrap();
                    stream.write_all(&word).unwrap();
                    open.push(stream);
                }
                open
            });
            let first = echo("10.99.0.1:80");
            let clients = [echo("10.99.0.1:80"), echo("10.99.0.1:81")];
            drop(first);
            (server.join().unwrap(), clients)
        });
        for _ in 0..3 {
            datagrams("10.99.0.1:53", &[7; 700], 4);
        }
        datagrams("10.99.0.1:54", b"one packet", 2);
        datagrams("10.99.0.2:777", b"marked", 3);
        datagrams("[fd99::1]:53", b"six", 3);
        let invite = b"INVITE sip:a@b SIP/2.0\r\nCall-ID: 4711-abc@example.net\r\n\r\n";
        datagrams("10.99.0.1:5060", invite, 1);
        sh(SCTP_INIT);

        let connections = alike("-L -c -n");
        for needle in ["TCP", "UDP", "SCTP", "ESTABLISHED", "[fd99::1]:53"] {
            assert!(
                connections.contains(needle),
                "no {needle} in\n{connections}"
            );
        }
        let engines = alike("-L -c -n --persistent-conn");
        assert!(engines.contains("4711-abc@example.net"), "{engines}");
        let stats = alike("-L -n --stats --exact");
        assert!(
            stats.contains(" 2100") || stats.contains(" 2912"),
            "{stats}"
        );
        for view in [
            "",
            "--stats",
            "--rate",
            "--rate --exact",
            "--thresholds",
            "--persistent-conn",
            "--tun-info",
        ] {
            for names in ["-n", ""] {
                alike(&format!("-L {names} {view}"));
            }
            alike(&format!("-L -n {view} --nosort"));
            for service in [
                "-t 10.99.0.1:80",
                "-u [fd99::1]:53",
                "-f 7",
                "-f 7 -6",
                "--sctp-service 10.99.0.1:2905",
            ] {
                alike(&format!("-L -n {view} {service}"));
            }
        }
        for line in [
            "-L -c",
            "-L -c --persistent-conn",
            "-S",
            "-S -n",
            "-l --stats --rate",
            "-L -n --thresholds --tun-info",
        ] {
            alike(line);
        }
        drop(server);
        let zeroed = Program::Named("ipvsadm").run(&words("-Z -u 10.99.0.1:53"), "");
        assert_eq!(zeroed.status, Some(0));
        alike("-L -n --stats -u 10.99.0.1:53");
    });
}
