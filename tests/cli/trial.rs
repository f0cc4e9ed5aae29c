//! `ipvsh try` against servers of this host that answer, refuse, hang, babble and drip.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::Value;

use super::lab::{Lab, Said};

/// A server that does something with each connection; `number` counts them from 0.
fn server(serve: impl Fn(TcpStream, usize) + Send + Sync + Copy + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { continue };
            std::thread::spawn(move || serve(stream, number));
        }
    });
    addr
}

/// The head of the request that comes.
fn request(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Answers the request that comes with a page, as long as the client listens.
fn answer(mut stream: TcpStream, status: &str, body: &[u8]) {
    request(&mut stream);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// Two web servers that are connected to in turn.
fn two_servers() -> SocketAddr {
    server(|stream, number| {
        let body = format!("\n  RS{}  \nmore\n", number % 2 + 1);
        answer(stream, "200 OK", body.as_bytes());
    })
}

/// Runs `ipvsh try` without a simulator.
fn tried(args: &[&str]) -> Said {
    let lab = Lab::new();
    let words: Vec<&str> = std::iter::once("try").chain(args.iter().copied()).collect();
    let said = lab.said_plain(&words);
    assert!(!lab.database().exists(), "it made a database");
    said
}

fn json(args: &[&str]) -> Value {
    let words: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&tried(&words).out).unwrap()
}

/// Times and ports differ from run to run.
fn without_numbers(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        let kept: Vec<&str> = line.split_whitespace().collect();
        let mut line = String::new();
        for (at, word) in kept.iter().enumerate() {
            let is_time = kept.get(at + 1).is_some_and(|unit| unit.starts_with("ms"));
            line += if is_time { "T" } else { word };
            line += " ";
        }
        words.push(line.trim_end().to_owned());
    }
    words.join("\n")
}

#[test]
fn answers_are_counted_by_what_they_say() {
    let url = format!("http://{}/", two_servers());
    let said = tried(&[&url]);
    assert_eq!(said.err, "");
    assert_eq!(said.status, 0);
    assert_snapshot!(without_numbers(&said.out), @r"
    count median slowest answer
    5 T ms T ms 200 RS1
    5 T ms T ms 200 RS2
    10 of 10 answered, median T ms, slowest T ms
    ");
}

#[test]
fn the_same_as_json() {
    let addr = two_servers();
    let seen = json(&[&addr.to_string(), "-n", "3"]);
    assert_eq!(seen["sent"], 3);
    assert_eq!(seen["answered"], 3);
    assert_eq!(seen["interrupted"], false);
    let first = &seen["answers"][0];
    assert_eq!(first["url"], format!("http://{addr}/"));
    assert_eq!(first["address"], addr.to_string());
    assert_eq!(first["answer"], "200 RS1");
    assert_eq!(first["count"], 2);
    assert_eq!(first["answered"], true);
    let (median, slowest) = (first["median"].as_f64(), first["slowest"].as_f64());
    assert!(
        median > Some(0.0) && median <= slowest && slowest < Some(3.0),
        "{seen}"
    );
    assert_eq!(seen["services"], serde_json::json!([]));
    assert_eq!(seen["notes"], serde_json::json!([]));
}

#[test]
fn the_request_names_host_and_path() {
    let addr = server(|mut stream, _| {
        let head = request(&mut stream);
        let words = head.replace("\r\n", " ");
        let _ = write!(stream, "HTTP/1.0 200 OK\r\n\r\n{words}");
    });
    let url = format!("http://localhost:{}/a?b=c#d", addr.port());
    let seen = json(&[&url, "-n", "1"]);
    let expected = format!(
        "200 GET /a?b=c HTTP/1.1 host: localhost:{} connection: close",
        addr.port()
    );
    let answer = seen["answers"][0]["answer"].as_str().unwrap();
    assert!(answer.starts_with(&expected), "{answer}");
    assert_eq!(answer.chars().count(), "200 ".len() + 60 + 1, "{answer}");
}

#[test]
fn a_refusal_is_named_and_the_status_is_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let http = tried(&[&format!("http://{addr}/"), "-n", "2"]);
    assert_eq!(http.status, 1);
    assert_snapshot!(without_numbers(&http.out), @r"
    count median slowest answer
    2 T ms T ms connection refused (ECONNREFUSED)
    0 of 2 answered
    ");
    let tcp = tried(&[&format!("tcp://{addr}"), "-n", "2"]);
    assert_eq!(tcp.status, 1);
    assert_eq!(without_numbers(&tcp.out), without_numbers(&http.out));
}

#[test]
fn silence_and_dripping_end_in_time() {
    let silent = server(|stream, _| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let dripping = server(|mut stream, _| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        for _ in 0..100 {
            let _ = stream.write_all(b"x");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    for (addr, why) in [
        (silent, "no answer in 0.4 s"),
        (dripping, "the answer was not complete in 0.4 s"),
    ] {
        let began = Instant::now();
        let seen = json(&[&addr.to_string(), "-n", "2", "--timeout", "0.4"]);
        assert!(began.elapsed() < Duration::from_secs(4), "{seen}");
        assert_eq!(seen["answers"][0]["answer"], why);
        assert_eq!(seen["answers"][0]["answered"], false);
        assert_eq!(seen["answered"], 0);
        assert_eq!(seen["median"], Value::Null);
    }
}

#[test]
fn what_is_no_http_is_named() {
    let babbling = server(|mut stream, _| {
        request(&mut stream);
        let _ = stream.write_all(b"\x1b[2J garbage\r\n\r\n");
    });
    let closing = server(|mut stream, _| {
        request(&mut stream);
    });
    let cut = server(|mut stream, _| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nRS1");
    });
    for (addr, why) in [
        (babbling, "the answer is not HTTP: "),
        (closing, "closed before the answer was complete"),
        (cut, "closed before the answer was complete"),
    ] {
        let said = tried(&[&addr.to_string(), "-n", "1"]);
        assert_eq!(said.status, 1);
        assert!(said.out.contains(why), "{}", said.out);
        assert!(!said.out.contains('\x1b'), "{}", said.out);
    }
}

/// Nobody waits for a gigabyte to count who answered.
#[test]
fn a_large_page_is_not_read_to_its_end() {
    let addr = server(|mut stream, _| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nRS1\n");
        let block = [b'x'; 65536];
        for _ in 0..1 << 14 {
            if stream.write_all(&block).is_err() {
                return;
            }
        }
        panic!("all of it was read");
    });
    let seen = json(&[&addr.to_string(), "-n", "2", "--timeout", "30"]);
    assert_eq!(seen["answers"][0]["answer"], "200 RS1");
    assert_eq!(seen["answered"], 2);
}

#[test]
fn escapes_of_a_page_do_not_reach_the_terminal() {
    let addr = server(|stream, _| {
        answer(
            stream,
            "200 OK",
            "\x1b[31mRS1\u{9b}\u{202e}\x07 \u{fc}\n".as_bytes(),
        );
    });
    let said = tried(&[&addr.to_string(), "-n", "1", "--color", "always"]);
    let line = said.out.lines().nth(1).unwrap();
    let shown = "200 \\u{1b}[31mRS1\\u{9b}\\u{202e}\\u{7} \u{fc}";
    assert!(line.ends_with(shown), "{line:?}");
}

#[test]
fn a_redirection_says_where_to_and_is_not_followed() {
    let addr = server(|mut stream, _| {
        request(&mut stream);
        let _ = stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
    });
    let seen = json(&[&addr.to_string()]);
    assert_eq!(seen["answers"][0]["answer"], "302 to /login");
    assert_eq!(seen["answers"][0]["count"], 10);
}

#[test]
fn a_failing_page_is_an_answer() {
    let addr = server(|stream, number| match number {
        2 => answer(stream, "503 Service Unavailable", b"no server left"),
        _ => answer(stream, "200 OK", b"RS1"),
    });
    let said = tried(&[&addr.to_string(), "-n", "4"]);
    assert_eq!(said.status, 0);
    assert_snapshot!(without_numbers(&said.out), @r"
    count median slowest answer
    3 T ms T ms 200 RS1
    1 T ms T ms 503 no server left
    4 of 4 answered, median T ms, slowest T ms
    ");
}

#[test]
fn several_urls_are_asked_in_turn() {
    let (one, other) = (two_servers(), two_servers());
    let urls = [format!("http://{one}/a"), format!("http://{other}/b")];
    let said = tried(&[&urls[0], &urls[1], "-n", "2"]);
    let text = said.out.replace(&one.to_string(), "ONE");
    let text = text.replace(&other.to_string(), "OTHER");
    assert_snapshot!(without_numbers(&text), @r"
    url count median slowest answer
    http://ONE/a 1 T ms T ms 200 RS1
    http://ONE/a 1 T ms T ms 200 RS2
    http://OTHER/b 1 T ms T ms 200 RS1
    http://OTHER/b 1 T ms T ms 200 RS2
    4 of 4 answered, median T ms, slowest T ms
    ");
}

#[test]
fn a_connection_is_an_answer_of_tcp() {
    let greeting = server(|mut stream, _| {
        let _ = stream.write_all(b"220 mail1 ESMTP\x1b[2J\r\n250 x\r\n");
        let _ = stream.read(&mut [0]);
    });
    let quiet = server(|mut stream, _| {
        let _ = stream.read(&mut [0]);
    });
    let closing = server(|stream, _| drop(stream));
    for (addr, text) in [
        (greeting, "connected: 220 mail1 ESMTP\\u{1b}[2J"),
        (quiet, "connected"),
        (closing, "connected, closed at once"),
    ] {
        let seen = json(&["tcp", &addr.to_string(), "-n", "2"]);
        assert_eq!(seen["answers"][0]["url"], format!("tcp://{addr}"));
        assert_eq!(seen["answers"][0]["answer"], text);
        assert_eq!(seen["answered"], 2);
        // The pause for words is not the server's time.
        assert!(seen["slowest"].as_f64() < Some(0.3), "{seen}");
    }
}

#[test]
fn ctrl_c_ends_early_with_what_was_counted() {
    let addr = server(|stream, number| match number {
        0 | 1 => answer(stream, "200 OK", b"RS1"),
        _ => std::thread::sleep(Duration::from_secs(60)),
    });
    let lab = Lab::new();
    let url = addr.to_string();
    let mut command = lab.plain(&["try", &url, "--timeout", "60"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let said = child.wait_with_output().unwrap();
    let out = String::from_utf8(said.stdout).unwrap();
    assert_snapshot!(without_numbers(&out), @r"
    count median slowest answer
    2 T ms T ms 200 RS1
    2 of 2 answered, median T ms, slowest T ms; interrupted, 10 were to be sent
    ");
    assert_eq!(String::from_utf8(said.stderr).unwrap(), "");
    assert_eq!(said.status.code(), Some(0));
}

#[test]
fn a_wrong_command_line_sends_nothing() {
    for (args, cause) in [
        (&[] as &[&str], "required arguments were not provided"),
        (&["https://192.0.2.10/"], "try speaks no TLS"),
        (&["udp", "192.0.2.10:53"], "unknown scheme \"udp\""),
        (&["2001:db8::10"], "did you mean \"[2001:db8::10]\"?"),
        (&["192.0.2.10", "-n", "0"], "0 is not in 1..=1000000"),
        (&["192.0.2.10", "-n", "x"], "invalid"),
        (&["192.0.2.10", "--timeout", "0"], "0.01 to 3600"),
        (&["192.0.2.10", "--timeout", "nan"], "0.01 to 3600"),
        (&["192.0.2.10", "--timeout", "1e9"], "0.01 to 3600"),
        (&["http://192.0.2.10/\x1b[2J"], "not a path of http"),
    ] {
        let said = tried(args);
        assert_eq!(said.status, 2, "{args:?}: {}", said.err);
        assert!(said.err.contains(cause), "{args:?}: {}", said.err);
        assert_eq!(said.out, "");
        assert!(!said.err.contains('\x1b'), "{}", said.err);
    }
}

#[test]
fn a_name_that_nobody_knows_is_said() {
    let said = tried(&["http://no-such-host.invalid/"]);
    assert_eq!(said.status, 1);
    assert!(
        said.err
            .contains("no-such-host.invalid: cannot look the host up: "),
        "{}",
        said.err
    );
}

#[test]
fn a_simulated_kernel_forwards_nothing() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["try", "192.0.2.10"]), @r"
    -- stderr
    Error: cannot send requests: a simulated kernel forwards no packets
    Hint: in a shell, without --sim
    -- status 2
    ");
}
