//! A web server over TLS, whose certificate can be changed while it runs.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::certificates::{Authority, NOW};
use crate::director::Director;

/// The name that its certificates have.
pub const NAME: &str = "www.example.org";

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
        let config = Arc::new(Mutex::new(authority.certify(&[NAME], NOW)));
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
