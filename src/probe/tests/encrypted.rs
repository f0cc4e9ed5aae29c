//! Checks of type https against servers with certificates of every kind.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, IsCa, KeyPair};
use serde_json::json;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certificates::{Authority, NOW, params, serving};
use super::{drip, in_time, run, said, serve, silent};

/// A server that reads a request over TLS, does this, and closes.
fn over_tls(
    config: Arc<ServerConfig>,
    each: impl Fn(&mut StreamOwned<ServerConnection, TcpStream>) + Clone + Send + 'static,
) -> SocketAddr {
    serve(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = StreamOwned::new(connection, stream);
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && tls.read(&mut byte).is_ok_and(|count| count > 0) {
            request.extend(byte);
        }
        if request.ends_with(b"\r\n\r\n") {
            each(&mut tls);
        }
    })
}

/// A server that answers `ok` over TLS.
fn well(config: Arc<ServerConfig>) -> SocketAddr {
    over_tls(config, |tls| {
        let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        tls.conn.send_close_notify();
        let _ = tls.flush();
    })
}

#[test]
fn a_valid_certificate_passes_by_its_name_or_its_address() {
    let authority = Authority::new("ours");
    let ca = authority.file();
    let of_name = well(authority.certify(&["www.example.org"], NOW));
    for options in [
        json!({"type": "https", "host": "www.example.org", "ca": ca, "body": "^ok$"}),
        json!({"type": "https", "host": "www.example.org:8443", "ca": ca}),
        json!({"type": "https", "host": "other.example.org", "sni": "www.example.org", "ca": ca}),
    ] {
        assert_eq!(said(&run(options, of_name)), "passed [200]");
    }
    let of_address = well(authority.certify(&["127.0.0.1"], NOW));
    let options = json!({"type": "https", "ca": ca});
    assert_eq!(said(&run(options, of_address)), "passed [200]");
}

#[test]
fn a_certificate_that_is_not_valid_fails_and_says_why() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let check = |to| {
        let options = json!({"type": "https", "host": "www.example.org", "ca": authority.file()});
        said(&run(options, to))
    };
    for (names, years, from, why) in [
        (
            ["www.example.com"],
            NOW,
            &authority,
            "the certificate is not for www.example.org",
        ),
        (
            ["www.example.org"],
            (2001, 2002),
            &authority,
            "the certificate has expired",
        ),
        (
            ["www.example.org"],
            (2080, 2090),
            &authority,
            "the certificate is not valid yet",
        ),
        (
            ["www.example.org"],
            NOW,
            &stranger,
            "the certificate is signed by no known authority",
        ),
    ] {
        let to = well(from.certify(&names, years));
        assert_eq!(check(to), format!("failed: {why} []"));
        // Whoever asks for no verification takes all of them.
        let any = json!({"type": "https", "host": "www.example.org", "verify": false});
        assert_eq!(said(&run(any, to)), "passed [200]", "{why}");
    }
    // By address, and without the name of a host.
    let to = well(authority.certify(&["www.example.org"], NOW));
    let by_address = run(json!({"type": "https", "ca": authority.file()}), to);
    assert_eq!(
        said(&by_address),
        "failed: the certificate is not for 127.0.0.1 []"
    );
    // The authorities of this host signed none of these.
    let finding = said(&run(
        json!({"type": "https", "host": "www.example.org"}),
        to,
    ));
    assert!(
        ["failed: the certificate is signed by no known authority []", "no result: this host knows no authorities: install ca-certificates, or name a file by ca []"]
            .contains(&finding.as_str()),
        "{finding}"
    );
}

/// As `openssl req -x509` makes it: the server's own certificate, marked as an authority's.
#[test]
fn a_certificate_that_a_server_signed_for_itself_is_taken_by_its_file() {
    let key = KeyPair::generate().unwrap();
    let certify = |name: &str, years: (i32, i32)| {
        let mut params = params(&[name], years);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.self_signed(&key).unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.pem");
    let stranger = Authority::new("theirs");
    for (number, (name, years, is_named, said_is)) in [
        ("www.example.org", NOW, true, "passed [200]"),
        (
            "www.example.com",
            NOW,
            true,
            "failed: the certificate is not for www.example.org []",
        ),
        (
            "www.example.org",
            (2001, 2002),
            true,
            "failed: the certificate has expired []",
        ),
        (
            "www.example.org",
            NOW,
            false,
            "failed: the certificate is that of an authority: name its file by ca, or give the \
             server a certificate of its own []",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let certificate = certify(name, years);
        let ca = file.with_extension(number.to_string());
        std::fs::write(&ca, certificate.pem()).unwrap();
        let to = well(serving(certificate.der().clone(), &key));
        let ca = match is_named {
            true => ca.display().to_string(),
            false => stranger.file(),
        };
        let options = json!({"type": "https", "host": "www.example.org", "ca": ca});
        assert_eq!(said(&run(options, to)), said_is);
    }
}

#[test]
fn the_answer_is_judged_as_without_tls() {
    let authority = Authority::new("ours");
    let config = || authority.certify(&["127.0.0.1"], NOW);
    let check = |more: serde_json::Value, to| {
        let mut options = json!({"type": "https", "ca": authority.file()});
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        run(options, to)
    };
    let to = well(config());
    let finding = check(json!({"status": 301}), to);
    assert_eq!(said(&finding), "failed: 200 [200]");
    let finding = check(json!({"body": "other"}), to);
    assert_eq!(said(&finding), "failed: the body does not match [200, ok]");
    // Cut in the middle, with and without the end of TLS.
    for is_closed in [true, false] {
        let to = over_tls(config(), move |tls| {
            let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
            if is_closed {
                tls.conn.send_close_notify();
            }
            let _ = tls.flush();
        });
        let finding = check(json!({}), to);
        assert_eq!(
            said(&finding),
            "failed: closed before the answer was complete [200]"
        );
    }
    // A body without a length ends with the connection, however that ends.
    let to = over_tls(config(), |tls| {
        let _ = tls.write_all(b"HTTP/1.0 200 OK\r\n\r\nall of it");
        let _ = tls.flush();
    });
    assert_eq!(
        said(&check(json!({"body": "all of it$"}), to)),
        "passed [200]"
    );
    let to = over_tls(config(), |tls| {
        let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n");
        for _ in 0..40 {
            let _ = tls.write_all(b"x").and_then(|()| tls.flush());
            thread::sleep(Duration::from_millis(50));
        }
    });
    let finding = check(json!({}), to);
    assert_eq!(
        said(&finding),
        "failed: the answer was not complete in 0.5 s [200]"
    );
    in_time(&finding);
}

#[test]
fn what_speaks_no_tls_fails() {
    let check = |to| run(json!({"type": "https", "verify": false}), to);
    let plain = serve(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    assert_eq!(said(&check(plain)), "failed: the answer is not TLS []");
    let closing = serve(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
    });
    assert_eq!(
        said(&check(closing)),
        "failed: closed during the TLS handshake []"
    );
    for to in [
        silent(),
        serve(|mut stream| drip(&mut stream, &[0x16, 3, 3, 2])),
    ] {
        let finding = check(to);
        assert!(said(&finding).starts_with("failed: "), "{finding:?}");
        in_time(&finding);
    }
}

#[test]
fn a_file_of_authorities_is_read_again_where_it_changed() {
    let (old, new) = (Authority::new("ours"), Authority::new("theirs"));
    let to = well(new.certify(&["127.0.0.1"], NOW));
    let check = || said(&run(json!({"type": "https", "ca": old.file()}), to));
    assert_eq!(
        check(),
        "failed: the certificate is signed by no known authority []"
    );
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    let replace = |bytes: &[u8]| {
        std::fs::write(old.file(), bytes).unwrap();
        let file = std::fs::File::options()
            .write(true)
            .open(old.file())
            .unwrap();
        file.set_modified(later).unwrap();
    };
    replace(&std::fs::read(new.file()).unwrap());
    assert_eq!(check(), "passed [200]");
    // What cannot be read says nothing about the server.
    std::fs::remove_file(old.file()).unwrap();
    let finding = check();
    assert!(finding.starts_with("no result: "), "{finding}");
    // A pipe is not waited for.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        old.file(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let finding = check();
    assert!(finding.contains("is no regular file"), "{finding}");
    std::fs::remove_file(old.file()).unwrap();
    std::fs::write(old.file(), "no certificate").unwrap();
    let finding = check();
    assert!(finding.contains("holds no certificate"), "{finding}");
}
