//! A web server over TLS, whose certificate can be changed while it runs.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::director::Director;

/// An authority of the test's own.
pub struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one, and writes its certificate to a file.
    pub fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let dir = tempfile::tempdir().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority {
            dir,
            issuer: Issuer::new(params, key),
        }
    }

    /// The file with its certificate.
    pub fn file(&self) -> String {
        self.dir.path().join("ca.pem").display().to_string()
    }

    /// What a server needs that is www.example.org from the begin of one year to that of another.
    pub fn certify(&self, from: i32, to: i32) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// A web server over TLS, in the namespace of a real server.
pub struct SecureWeb {
    end: Arc<AtomicBool>,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    thread: Option<JoinHandle<()>>,
}

impl SecureWeb {
    /// Listens at an address of a role, with a certificate that is valid.
    pub fn start(
        director: &Director,
        authority: &Authority,
        role: &str,
        address: &str,
    ) -> SecureWeb {
        let listener = director.within(role, || TcpListener::bind(address).unwrap());
        listener.set_nonblocking(true).unwrap();
        let end: Arc<AtomicBool> = Arc::default();
        let config = Arc::new(Mutex::new(authority.certify(2020, 2090)));
        let told = (Arc::clone(&end), Arc::clone(&config));
        let serve = move || {
            while !told.0.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => answer(stream, Arc::clone(&told.1.lock().unwrap())),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    Err(error) => panic!("accept: {error}"),
                }
            }
        };
        SecureWeb {
            end,
            config,
            thread: Some(std::thread::spawn(serve)),
        }
    }

    /// Has it present another certificate.
    pub fn present(&self, config: Arc<ServerConfig>) {
        *self.config.lock().unwrap() = config;
    }
}

impl Drop for SecureWeb {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) {
    stream.set_nonblocking(false).unwrap();
    let patience = Some(Duration::from_secs(2));
    stream.set_read_timeout(patience).unwrap();
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut request = [0; 1024];
    // A client that does not take the certificate leaves.
    if matches!(tls.read(&mut request), Ok(1..)) {
        let _ = tls.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
        tls.conn.send_close_notify();
        let _ = tls.flush();
    }
}
