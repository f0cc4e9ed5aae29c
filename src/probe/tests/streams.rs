//! tcp, and what concerns all sockets.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{check, closed, drip, in_time, run, said, serve, serve_at, silent, target};
use crate::health::Verdict;
use crate::probe::run_now;

#[test]
fn a_connection_passes_over_both_families() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let finding = run(json!({"type": "tcp"}), serve_at(at, drop));
        assert_eq!(said(&finding), "passed [connected]");
    }
}

#[test]
fn a_refusal_fails_at_once() {
    let finding = run(json!({"type": "tcp"}), closed());
    assert_eq!(said(&finding), "failed: connection refused []");
    assert!(finding.took < Duration::from_millis(200));
}

#[test]
fn address_and_port_of_the_check_go_before_the_servers() {
    let real = serve_at("[::1]:0", drop);
    let options = json!({"type": "tcp", "address": "::1", "port": real.port()});
    assert_eq!(said(&run(options, closed())), "passed [connected]");
    let finding = run(json!({"type": "tcp"}), "127.0.0.1:0".parse().unwrap());
    let text = "no result: neither the check nor the server has a port []";
    assert_eq!(said(&finding), text);
}

#[test]
fn a_source_and_an_interface_are_used() {
    let to = serve(|mut stream| {
        let peer = stream.peer_addr().unwrap().ip();
        let _ = write!(stream, "from {peer}");
    });
    let options = json!({"type": "tcp", "expect": "^from 127\\.0\\.0\\.9$", "source": "127.0.0.9"});
    assert_eq!(said(&run(options, to)), "passed [from 127.0.0.9]");
    let options = json!({"type": "tcp", "interface": "lo", "mark": 7});
    assert_eq!(said(&run(options, to)), "passed [connected]");
}

#[test]
fn what_this_host_lacks_says_nothing_about_the_server() {
    let to = closed();
    for (options, reason) in [
        (
            json!({"type": "tcp", "interface": "nosuch0"}),
            "interface nosuch0: no such device",
        ),
        (
            json!({"type": "tcp", "source": "192.0.2.77"}),
            "source 192.0.2.77: cannot assign requested address",
        ),
        (
            json!({"type": "udp", "payload": "x", "source": "192.0.2.77"}),
            "source 192.0.2.77: cannot assign requested address",
        ),
        (
            json!({"type": "ping", "interface": "nosuch0"}),
            "interface nosuch0: no such device",
        ),
    ] {
        let finding = run(options.clone(), to);
        assert_eq!(
            said(&finding),
            format!("no result: {reason} []"),
            "{options}"
        );
    }
}

#[test]
fn an_answer_is_compared_as_it_comes() {
    let to = serve(|mut stream| {
        let _ = stream.write_all(b"220 mail ESMTP\r\n");
        thread::sleep(Duration::from_secs(30));
    });
    let finding = run(json!({"type": "tcp", "expect": "^220 "}), to);
    assert_eq!(said(&finding), "passed [220 mail ESMTP]");
    let finding = run(json!({"type": "tcp", "expect": "^250 "}), to);
    let text = "failed: the answer was not complete in 0.5 s [220 mail ESMTP]";
    assert_eq!(said(&finding), text);
    in_time(&finding);
}

#[test]
fn what_is_sent_arrives() {
    let to = serve(|mut stream| {
        let mut sent = [0; 4];
        stream.read_exact(&mut sent).unwrap();
        let _ = stream.write_all(if &sent == b"PING" {
            b"+PONG\r\n"
        } else {
            b"-ERR\r\n?"
        });
    });
    let finding = run(json!({"type": "tcp", "send": "PING", "expect": "PONG"}), to);
    assert_eq!(said(&finding), "passed [+PONG]");
    let finding = run(
        json!({"type": "tcp", "send": "hex:00010203", "expect": "PONG"}),
        to,
    );
    assert_eq!(said(&finding), "failed: the answer does not match [-ERR]");
}

#[test]
fn a_server_that_hangs_closes_or_drips_fails() {
    let options = json!({"type": "tcp", "expect": "ready"});
    let finding = run(options.clone(), silent());
    assert_eq!(said(&finding), "failed: no answer in 0.5 s []");
    in_time(&finding);
    let finding = run(options.clone(), serve(drop));
    assert_eq!(said(&finding), "failed: closed without an answer []");
    let finding = run(options.clone(), serve(|mut stream| drip(&mut stream, b"x")));
    assert!(said(&finding).starts_with("failed: the answer was not complete in 0.5 s [xxx"));
    in_time(&finding);
    let finding = run(
        options,
        serve(|mut stream| while stream.write_all(&[b'x'; 8192]).is_ok() {}),
    );
    assert!(said(&finding).starts_with("failed: the answer does not match [xxx"));
}

#[test]
fn many_run_at_once_and_keep_their_order() {
    let (open, silent) = (serve(drop), silent());
    let hanging = check(&json!({"type": "tcp", "expect": "x", "timeout": 0.5}));
    let passing = check(&json!("tcp"));
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push((hanging.clone(), target(silent)));
        runs.push((passing.clone(), target(open)));
    }
    let begun = Instant::now();
    let findings = run_now(&runs).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3));
    for pair in findings.chunks(2) {
        assert!(matches!(pair[0].verdict, Verdict::Failed(_)), "{pair:?}");
        assert_eq!(pair[1].verdict, Verdict::Passed, "{pair:?}");
    }
}

#[test]
fn a_host_that_is_late_says_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let silent: SocketAddr = silent();
    let finding = runtime.block_on(async {
        let check = check(&json!({"type": "tcp", "expect": "x", "timeout": 0.1}));
        let run = tokio::spawn(async move { crate::probe::run(&check, &target(silent)).await });
        tokio::task::yield_now().await;
        // What a busy or suspended machine does.
        thread::sleep(Duration::from_millis(900));
        run.await.unwrap()
    });
    assert!(
        said(&finding).starts_with("no result: this host was 0."),
        "{finding:?}"
    );
}
