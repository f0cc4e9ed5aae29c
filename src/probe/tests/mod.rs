//! Checks against real servers and programs of this host. They run as root.

// The kernel suite has servers with certificates too.
#[path = "../../../tests/common/certificates.rs"]
mod certificates;
mod datagrams;
mod encrypted;
mod programs;
mod requests;
mod routes;
mod streams;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::run_now;
use crate::health::{Finding, Target, Verdict};
use crate::model::policy::check::Check;
use crate::model::{Protocol, ServerKey, ServiceKey};

/// A server of a service of its own.
fn target(to: SocketAddr) -> Target {
    Target {
        service: ServiceKey::Address {
            protocol: Protocol::TCP,
            addr: IpAddr::from([198, 51, 100, 1]),
            port: 443,
        },
        server: ServerKey {
            addr: to.ip(),
            port: to.port(),
        },
    }
}

fn check(value: &Value) -> Check {
    Check::parse_all(value).unwrap().remove(0)
}

/// Runs one check; half a second is its time unless it says another.
fn run(mut value: Value, to: SocketAddr) -> Finding {
    if let Some(map) = value.as_object_mut() {
        map.entry("timeout").or_insert(0.5.into());
    }
    run_now(&[(check(&value), target(to))]).unwrap().remove(0)
}

/// The verdict in one text, with the answer.
fn said(finding: &Finding) -> String {
    let (word, reason) = match &finding.verdict {
        Verdict::Passed => ("passed", ""),
        Verdict::Failed(reason) => ("failed: ", reason.as_str()),
        Verdict::NoResult(reason) => ("no result: ", reason.as_str()),
    };
    format!("{word}{reason} [{}]", finding.answer)
}

/// A listener that does this with each connection, each in a thread of its own.
fn serve(each: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    serve_at("127.0.0.1:0", each)
}

fn serve_at(at: &str, each: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(at).unwrap();
    let to = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    to
}

/// An address of this host on which nothing listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A server that accepts and never says anything.
fn silent() -> SocketAddr {
    serve(|_stream| thread::sleep(Duration::from_secs(30)))
}

/// Reads a request, answers with these bytes, and closes.
fn answer(bytes: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(bytes);
    })
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        request.extend(byte);
    }
    String::from_utf8(request).unwrap()
}

/// Writes a byte every 50 ms.
fn drip(stream: &mut TcpStream, bytes: &[u8]) {
    for byte in bytes.iter().cycle().take(400) {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The run was over in time: at its timeout of half a second, and what a busy machine adds.
fn in_time(finding: &Finding) {
    assert!(finding.took < Duration::from_millis(1000), "{finding:?}");
}
