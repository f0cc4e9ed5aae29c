//! udp and ping.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{in_time, run, said};

/// A socket that answers each datagram with the bytes, or not.
fn answering(at: &str, bytes: Option<&'static [u8]>) -> SocketAddr {
    let socket = UdpSocket::bind(at).unwrap();
    let to = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            assert_eq!(&buffer[..count], b"\x01ask");
            if let Some(bytes) = bytes {
                let _ = socket.send_to(bytes, peer);
            }
        }
    });
    to
}

#[test]
fn a_reply_passes_if_it_matches() {
    let to = answering("127.0.0.1:0", Some(b"\x00\x8fok"));
    for (reply, verdict) in [
        (json!("hex:00 8X"), "passed"),
        (json!("hex:00 9X"), "failed: the reply does not match"),
        (json!("ok$"), "passed"),
        (json!("no"), "failed: the reply does not match"),
        (json!(null), "passed"),
    ] {
        let finding = run(
            json!({"type": "udp", "payload": "\u{1}ask", "reply": reply}),
            to,
        );
        assert!(said(&finding).starts_with(verdict), "{reply}: {finding:?}");
        assert!(finding.answer.ends_with("ok"), "{finding:?}");
    }
    let to = answering("[::1]:0", Some(b""));
    let finding = run(json!({"type": "udp", "payload": "hex:0161736b"}), to);
    assert_eq!(said(&finding), "passed [an empty reply]");
}

#[test]
fn silence_fails_unless_no_reply_is_needed() {
    let to = answering("127.0.0.1:0", None);
    let finding = run(json!({"type": "udp", "payload": "\u{1}ask"}), to);
    assert_eq!(said(&finding), "failed: no answer in 0.5 s []");
    in_time(&finding);
    let finding = run(
        json!({"type": "udp", "payload": "\u{1}ask", "reply": null}),
        to,
    );
    assert_eq!(said(&finding), "passed [no error]");
    in_time(&finding);
}

#[test]
fn an_icmp_error_fails_at_once() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let to = UdpSocket::bind(at).unwrap().local_addr().unwrap();
        for options in [
            json!({"type": "udp", "payload": "x"}),
            json!({"type": "udp", "payload": "x", "reply": null}),
        ] {
            let finding = run(options, to);
            assert_eq!(said(&finding), "failed: connection refused []");
            assert!(finding.took < Duration::from_millis(300), "{finding:?}");
        }
    }
}

#[test]
fn datagrams_of_others_are_no_reply() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    thread::spawn(move || {
        let (_, peer) = socket.recv_from(&mut [0; 100]).unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        other.send_to(b"forged", peer).unwrap();
        thread::sleep(Duration::from_secs(5));
    });
    let finding = run(json!({"type": "udp", "payload": "x"}), to);
    assert_eq!(said(&finding), "failed: no answer in 0.5 s []");
}

#[test]
fn an_echo_is_answered_over_both_families() {
    for to in ["127.0.0.1:0", "[::1]:0"] {
        let finding = run(json!({"type": "ping"}), to.parse().unwrap());
        assert_eq!(said(&finding), "passed [echo reply]", "{to}");
        let finding = run(
            json!({"type": "ping", "mark": 7, "interface": "lo"}),
            to.parse().unwrap(),
        );
        assert_eq!(said(&finding), "passed [echo reply]", "{to}");
    }
}
