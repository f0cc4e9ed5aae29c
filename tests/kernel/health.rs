//! The daemon on a real kernel, with real servers that die and return.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipvsh::health::{Report, ServerHealth};
use ipvsh::runtime::{Answer, Request, RuntimeDir, ask};
use serde_json::Value;

use crate::confirm::within;
use crate::director::Director;

mod checks;
mod crashes;
mod keepalived;
mod secure_web;
mod suspicion;
mod traffic;
mod unwritten;

/// Generous: all is emulated, and other tests run meanwhile.
const PATIENCE: u64 = 120;

/// The status of a comparison that finds differences.
const DIFFERS: i32 = 10;

/// The addresses of the real servers of the topology `nat`.
const SERVERS: [&str; 3] = ["192.168.182.210", "192.168.182.220", "192.168.182.230"];

/// A daemon of a director. What it says is printed where the test fails.
pub struct Daemon<'a> {
    director: &'a Director,
    child: Child,
}

impl<'a> Daemon<'a> {
    /// Starts one, and waits until all its checks have run.
    #[track_caller]
    pub fn start(director: &'a Director, options: &[&str]) -> Daemon<'a> {
        let daemon = Daemon::launch(director, options);
        within(PATIENCE, "ready", || daemon.is_ready());
        daemon
    }

    /// Starts one.
    pub fn launch(director: &'a Director, options: &[&str]) -> Daemon<'a> {
        let log = director.database().with_file_name("daemon.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let args = [&["daemon"], options].concat();
        let mut command = director.command(&args);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Daemon {
            director,
            child: command.spawn().unwrap(),
        }
    }

    fn dir(&self) -> RuntimeDir {
        RuntimeDir::of(&self.director.database())
    }

    fn data(&self, request: &Request) -> Option<Value> {
        match ask(&self.dir(), request) {
            Ok(Answer::Data(data)) => Some(data),
            _ => None,
        }
    }

    fn is_ready(&self) -> bool {
        self.itself().is_some_and(|itself| itself["ready"] == true)
    }

    /// What the daemon says of itself.
    pub fn itself(&self) -> Option<Value> {
        self.data(&Request::State)
    }

    /// What it knows of all checks.
    #[track_caller]
    pub fn report(&self) -> Report {
        let data = self.data(&Request::Report).expect("a report");
        serde_json::from_value(data).unwrap()
    }

    /// What it knows of the checks of one address, over all services.
    #[track_caller]
    pub fn servers(&self, address: &str) -> Vec<ServerHealth> {
        let servers = self.report().servers.into_iter();
        let is_it = |server: &ServerHealth| server.server.addr.to_string() == address;
        servers.filter(is_it).collect()
    }

    /// Waits until this holds for every check of every server.
    #[track_caller]
    pub fn await_checks(&self, what: &str, holds: impl Fn(&ipvsh::health::CheckHealth) -> bool) {
        within(PATIENCE, what, || {
            let servers = self.report().servers;
            let mut checks = servers.iter().flat_map(|server| &server.checks);
            checks.all(&holds)
        });
    }

    /// Ends the guard.
    #[track_caller]
    pub fn unfreeze(&self) {
        ask(&self.dir(), &Request::Unfreeze).unwrap();
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as systemd does.
    #[track_caller]
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// What it said until now, and those before it.
    pub fn said(&self) -> String {
        let log = self.director.database().with_file_name("daemon.log");
        std::fs::read_to_string(log).unwrap()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}", self.said());
            if let Some(report) = self.data(&Request::Report) {
                eprintln!("its checks: {report:#}");
            }
            eprintln!("{}", self.director.ipvsadm("-Ln"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A web server of the test's own, in the namespace of a real server: it ends at once, and answers
/// with the status that it is told.
pub struct Web {
    end: Arc<AtomicBool>,
    status: Arc<AtomicU16>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    /// Listens at an address of a role, and answers with a word.
    pub fn start(director: &Director, role: &str, address: &str, word: &str) -> Web {
        let listener = director.within(role, || TcpListener::bind(address).unwrap());
        listener.set_nonblocking(true).unwrap();
        let end: Arc<AtomicBool> = Arc::default();
        let status = Arc::new(AtomicU16::new(200));
        let told = (Arc::clone(&end), Arc::clone(&status));
        let word = word.to_owned();
        let serve = move || {
            while !told.0.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => answer(stream, told.1.load(Ordering::SeqCst), &word),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    Err(error) => panic!("accept: {error}"),
                }
            }
        };
        Web {
            end,
            status,
            thread: Some(std::thread::spawn(serve)),
        }
    }

    /// Has it answer with another status.
    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Tells servers to end, all at once, and waits until nobody listens.
    pub fn stop(servers: impl IntoIterator<Item = Web>) {
        let servers: Vec<Web> = servers.into_iter().collect();
        for server in &servers {
            server.end.store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, status: u16, word: &str) {
    stream.set_nonblocking(false).unwrap();
    let patience = Some(Duration::from_secs(1));
    stream.set_read_timeout(patience).unwrap();
    let mut request = [0; 1024];
    // A check of type tcp connects and leaves.
    if matches!(stream.read(&mut request), Ok(1..)) {
        let length = word.len();
        let head = format!("HTTP/1.0 {status} X\r\nContent-Length: {length}\r\n\r\n{word}");
        let _ = stream.write_all(head.as_bytes());
    }
}

/// A server of datagrams, which sends back what it gets.
pub struct Mirror {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Listens at an address of a role.
    pub fn start(director: &Director, role: &str, address: &str) -> Mirror {
        let socket = director.within(role, || UdpSocket::bind(address).unwrap());
        let patience = Some(Duration::from_millis(20));
        socket.set_read_timeout(patience).unwrap();
        let end: Arc<AtomicBool> = Arc::default();
        let told = Arc::clone(&end);
        let serve = move || {
            let mut bytes = [0; 512];
            while !told.load(Ordering::SeqCst) {
                if let Ok((count, from)) = socket.recv_from(&mut bytes) {
                    let _ = socket.send_to(&bytes[..count], from);
                }
            }
        };
        Mirror {
            end,
            thread: Some(std::thread::spawn(serve)),
        }
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The weight that the kernel has for a server; none where the server is out.
#[track_caller]
pub fn weight(director: &Director, server: &str) -> Option<String> {
    director.row(server).map(|row| row[1].clone())
}

/// Kills the processes of a role that listen at a port.
#[track_caller]
pub fn kill_listener(director: &Director, role: &str, port: u16) {
    let line = format!(
        "kill -9 $(ss -Hltnp 'sport = :{port}' | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u)"
    );
    director.typed(role, &line).ended(0);
}

/// Starts the topology's web server of a role again.
#[track_caller]
pub fn serve_again(director: &Director, role: &str, port: u16) {
    let directory = format!("/run/www/{}", director.namespace_of(role));
    let line = format!("busybox httpd -p {port} -h {directory} >/dev/null 2>&1");
    director.typed(role, &line).ended(0);
}

/// Nothing is to be changed, and nothing was recorded but this many snapshots.
#[track_caller]
pub fn is_settled(director: &Director, snapshots: usize) {
    let plan = director.ipvsh(&["plan", "--exit-code"]).ended(0);
    assert!(!plan.out.contains("drift"), "{}", plan.out);
    assert_eq!(director.history().len(), snapshots);
}

/// Watches that something holds for a while.
#[track_caller]
pub fn throughout(what: &str, seconds: f64, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        assert!(holds(), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
