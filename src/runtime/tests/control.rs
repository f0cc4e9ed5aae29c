//! Callers and the daemon, over the control socket.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::control::ask_within;
use super::super::message::{Answer, LONGEST_REQUEST, Request};
use super::super::server::{Asked, ControlServer};
use super::super::{RuntimeDir, TargetName, ask};
use super::{runtime_dir, target};
use crate::error::{Error, Kind};

/// A daemon that answers as the request says.
fn serve(dir: &RuntimeDir) -> ControlServer {
    ControlServer::start(dir, |asked: Asked| {
        let answer = match &asked.request {
            Request::Poke => Ok(Answer::Done),
            Request::Report => Ok(Answer::Data(json!({ "large": "x".repeat(3 << 20) }))),
            Request::Now { targets } => Ok(Answer::Data(json!(targets))),
            Request::Unfreeze => Err(Error::new(Kind::State, "no guard is on").hint("look")),
            // Dropped without an answer.
            Request::State => return,
        };
        asked.answer(answer);
    })
    .unwrap()
}

#[test]
fn requests_are_answered() {
    let (_lab, dir) = runtime_dir();
    let server = serve(&dir);
    let mode = fs::metadata(dir.control()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(ask(&dir, &Request::Poke).unwrap(), Answer::Done);
    let targets = vec![TargetName::from(target(1))];
    let answer = ask(&dir, &Request::Now { targets }).unwrap();
    let named = json!([{ "service": "tcp 192.0.2.10:80", "server": "10.0.0.1:80" }]);
    assert_eq!(answer, Answer::Data(named));
    let Answer::Data(report) = ask(&dir, &Request::Report).unwrap() else {
        panic!("no data");
    };
    assert_eq!(report["large"].as_str().map(str::len), Some(3 << 20));
    let error = ask(&dir, &Request::Unfreeze).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.hints()),
        ("no guard is on", &["look".to_owned()][..])
    );
    let error = ask(&dir, &Request::State).unwrap_err();
    assert_eq!(error.to_string(), "the daemon is busy or ending");
    drop(server);
    assert!(!dir.control().exists());
}

#[test]
fn a_dead_daemon_is_a_clear_error_and_its_socket_is_taken_over() {
    let (_lab, dir) = runtime_dir();
    let none = ask(&dir, &Request::Poke).unwrap_err();
    assert_eq!(none.to_string(), "no daemon runs for this database");
    assert_eq!(none.hints(), ["start it: ipvsh daemon"]);
    // A daemon that was killed leaves its socket behind.
    drop(UnixListener::bind(dir.control()).unwrap());
    assert_eq!(ask(&dir, &Request::Poke).unwrap_err(), none);
    let _server = serve(&dir);
    assert_eq!(ask(&dir, &Request::Poke).unwrap(), Answer::Done);
}

#[test]
fn a_stopped_daemon_keeps_nobody_waiting() {
    let (_lab, dir) = runtime_dir();
    // It listens and takes no call.
    let _listener = UnixListener::bind(dir.control()).unwrap();
    let began = Instant::now();
    let patience = Duration::from_millis(100);
    let error = ask_within(&dir, &Request::Poke, patience).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_answer_in_drips_does_not_hold_a_caller() {
    let (_lab, dir) = runtime_dir();
    let listener = UnixListener::bind(dir.control()).unwrap();
    let daemon = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let patience = Duration::from_millis(300);
    let began = Instant::now();
    let error = ask_within(&dir, &Request::Poke, patience).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(began.elapsed() < Duration::from_secs(5));
    daemon.join().unwrap();
}

fn raw(dir: &RuntimeDir, line: &[u8]) -> String {
    let mut stream = UnixStream::connect(dir.control()).unwrap();
    // A daemon that hangs up early resets the rest.
    let _ = stream.write_all(line);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn what_is_no_request_is_refused_or_hung_up_on() {
    let (_lab, dir) = runtime_dir();
    let _server = serve(&dir);
    let message = |line: &[u8]| {
        let answer: serde_json::Value = serde_json::from_str(&raw(&dir, line)).unwrap();
        answer["refusal"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        message(b"{\"version\":2,\"request\":{\"verb\":\"dance\"}}\n"),
        "the command speaks version 2 of the control socket, and this program version 1"
    );
    assert_eq!(message(b"hello\n"), "the command sent what is no message");
    let unknown = message(b"{\"version\":1,\"request\":{\"verb\":\"dance\"}}\n");
    assert!(
        unknown.starts_with("the daemon does not know this request: "),
        "{unknown}"
    );
    let mut long = vec![b'x'; LONGEST_REQUEST + 1];
    long.push(b'\n');
    assert_eq!(raw(&dir, &long), "");
    // It goes on.
    assert_eq!(ask(&dir, &Request::Poke).unwrap(), Answer::Done);
}

#[test]
fn a_crowd_of_silent_callers_is_hung_up_on() {
    let (_lab, dir) = runtime_dir();
    let _server = serve(&dir);
    let silent: Vec<UnixStream> = (0..32)
        .map(|_| UnixStream::connect(dir.control()).unwrap())
        .collect();
    let error = ask(&dir, &Request::Poke).unwrap_err();
    assert!(
        matches!(error.kind(), Kind::State | Kind::System),
        "{error}"
    );
    drop(silent);
    let served = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        ask(&dir, &Request::Poke).is_ok()
    });
    assert!(served);
}

#[test]
fn a_database_with_a_long_name_has_a_socket_too() {
    let lab = tempfile::tempdir().unwrap();
    let long = lab.path().join("long/".repeat(40));
    let dir = RuntimeDir::below(&long, &long);
    dir.make().unwrap();
    let _server = serve(&dir);
    assert_eq!(ask(&dir, &Request::Poke).unwrap(), Answer::Done);
}
