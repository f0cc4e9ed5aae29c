//! http.

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{answer, closed, drip, in_time, read_request, run, said, serve, silent};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

#[test]
fn the_request_is_what_the_check_says() {
    let (sender, requests) = mpsc::channel();
    let to = serve(move |mut stream| {
        sender.send(read_request(&mut stream)).unwrap();
        let _ = stream.write_all(OK);
    });
    let finding = run(json!({"type": "http"}), to);
    assert_eq!(said(&finding), "passed [200]");
    let request = requests.recv().unwrap();
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {to}\r\n")), "{request}");
    let finding = run(
        json!({
            "type": "http", "path": "/h?full=1", "method": "POST", "host": "www.example.org",
            "headers": {"X-Check": "1", "User-Agent": "probe"}, "body": "(?m)^ok$",
        }),
        to,
    );
    assert_eq!(said(&finding), "passed [200]");
    let request = requests.recv().unwrap().to_lowercase();
    assert!(
        request.starts_with("post /h?full=1 http/1.1\r\n"),
        "{request}"
    );
    for header in [
        "host: www.example.org",
        "x-check: 1",
        "user-agent: probe",
        "connection: close",
    ] {
        assert_eq!(
            request.matches(&format!("{header}\r\n")).count(),
            1,
            "{request}"
        );
    }
    assert_eq!(request.matches("user-agent").count(), 1, "{request}");
}

#[test]
fn status_and_body_decide() {
    let busy = answer(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        said(&run(json!({"type": "http"}), busy)),
        "failed: 503 [503]"
    );
    let options = json!({"type": "http", "status": [200, "500-503"]});
    assert_eq!(said(&run(options, busy)), "passed [503]");
    let moved = answer(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        said(&run(json!({"type": "http"}), moved)),
        "failed: 302 [302]"
    );
    let finding = run(json!({"type": "http", "body": "healthy"}), answer(OK));
    assert_eq!(said(&finding), "failed: the body does not match [200, ok]");
    let head = run(json!({"type": "http", "method": "HEAD"}), answer(OK));
    assert_eq!(said(&head), "passed [200]");
}

#[test]
fn a_body_is_read_however_it_ends() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n2\r\nk\n\r\n0\r\n\r\n"
            .as_slice(),
        b"HTTP/1.0 200 OK\r\n\r\nok\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n",
    ] {
        let finding = run(json!({"type": "http", "body": "^ok\n$"}), answer(bytes));
        assert_eq!(said(&finding), "passed [200]");
    }
}

#[test]
fn what_is_no_answer_fails() {
    for (bytes, reason) in [
        (b"".as_slice(), "closed before the answer was complete []"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Le",
            "closed before the answer was complete []",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
            "closed before the answer was complete [200]",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
            "closed before the answer was complete [200]",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nok",
            "the answer is not HTTP: Invalid chunk size line: missing size digit [200]",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "the answer is not HTTP: invalid HTTP version parsed []",
        ),
        (
            b"\0\x01\x02\x03\xff\xfe garbage\r\n\r\n",
            "the answer is not HTTP: invalid HTTP version parsed []",
        ),
        (
            b"HTTP/1.1 20x OK\r\n\r\n",
            "the answer is not HTTP: invalid HTTP status-code parsed []",
        ),
    ] {
        let finding = run(json!({"type": "http"}), answer(bytes));
        assert_eq!(
            said(&finding),
            format!("failed: {reason}"),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(
        said(&run(json!({"type": "http"}), closed())),
        "failed: connection refused []"
    );
}

#[test]
fn the_timeout_is_for_all_of_it() {
    let finding = run(json!({"type": "http"}), silent());
    assert_eq!(said(&finding), "failed: no answer in 0.5 s []");
    in_time(&finding);
    // A byte at a time, in the head and in the body.
    let head = serve(|mut stream| {
        read_request(&mut stream);
        drip(
            &mut stream,
            b"HTTP/1.1 200 OK\r\nX: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\nX: 5\r\n",
        );
    });
    let finding = run(json!({"type": "http"}), head);
    assert_eq!(said(&finding), "failed: no answer in 0.5 s []");
    in_time(&finding);
    let body = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        drip(&mut stream, b"x");
    });
    let finding = run(json!({"type": "http"}), body);
    assert_eq!(
        said(&finding),
        "failed: the answer was not complete in 0.5 s [200]"
    );
    in_time(&finding);
    let keeps_open = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(OK);
        thread::sleep(Duration::from_secs(30));
    });
    let finding = run(json!({"type": "http"}), keeps_open);
    assert_eq!(said(&finding), "passed [200]");
}

#[test]
fn a_gigabyte_is_judged_by_its_beginning() {
    let to = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nbegin");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let options = json!({"type": "http", "body": "^begin", "timeout": 10});
    let finding = run(options, to);
    assert_eq!(said(&finding), "passed [200]");
    assert!(finding.took < Duration::from_secs(3), "{finding:?}");
    let finding = run(json!({"type": "http", "body": "end$", "timeout": 10}), to);
    assert!(said(&finding).starts_with("failed: the body does not match [200, beginxxx"));
}

#[test]
fn a_flood_of_headers_is_bounded() {
    for line in [b"X: y\r\n".as_slice(), &[b'x'; 4096]] {
        let to = serve(move |mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while stream.write_all(line).is_ok() {}
        });
        let finding = run(json!({"type": "http", "timeout": 10}), to);
        assert!(
            said(&finding).starts_with("failed: the answer is not HTTP: "),
            "{finding:?}"
        );
        assert!(finding.took < Duration::from_secs(3), "{finding:?}");
    }
}
