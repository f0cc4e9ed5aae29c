//! What clients notice while servers die and return.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{DIFFERS, Daemon, PATIENCE, is_settled, kill_listener, serve_again, weight};
use crate::confirm::within;
use crate::director::Director;
use crate::host::sysctl;

const VIP: &str = "192.168.60.200:80";
const ONE: &str = "192.168.182.210:80";

/// A service of two servers, with further options.
fn two(options: &str) -> String {
    format!(
        r#"tcp("{VIP}", #{{ scheduler: "rr", forward: "masq", {options}
            check: #{{ type: "tcp", interval: 0.3, retry_interval: 0.3, timeout: 1, rise: 2, fall: 2 }},
            servers: ["192.168.182.210", "192.168.182.220"] }})"#
    )
}

/// A request: when it began, and who answered.
type Asked = (Instant, Result<String, ErrorKind>);

fn request() -> Result<String, ErrorKind> {
    let patience = Duration::from_secs(20);
    let ask = || {
        let vip: SocketAddr = VIP.parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&vip, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error: std::io::Error| error.kind())?;
    let word = answer.lines().last().unwrap_or_default();
    Ok(word.to_owned())
}

/// Clients that ask without a pause.
struct Load {
    end: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Asked>>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(director: &Director, clients: usize) -> Load {
        let (end, asked): (Arc<AtomicBool>, Arc<Mutex<Vec<Asked>>>) = Default::default();
        let client = |_| {
            let (end, asked) = (Arc::clone(&end), Arc::clone(&asked));
            // A thread that is started in a namespace stays there.
            director.within("client", move || {
                std::thread::spawn(move || {
                    while !end.load(Ordering::SeqCst) {
                        let began = Instant::now();
                        let answer = request();
                        asked.lock().unwrap().push((began, answer));
                    }
                })
            })
        };
        let clients = (0..clients).map(client).collect();
        Load {
            end,
            asked,
            clients,
        }
    }

    /// The answers to what was asked after a moment.
    fn since(&self, moment: Instant) -> Vec<Result<String, ErrorKind>> {
        let asked = self.asked.lock().unwrap();
        let later = asked.iter().filter(|(began, _)| *began >= moment);
        later.map(|(_, answer)| answer.clone()).collect()
    }

    /// Waits until a server has answered so often what was asked after a moment.
    #[track_caller]
    fn await_answers(&self, moment: Instant, word: &str, count: usize) {
        within(PATIENCE, word, || {
            let answers = self.since(moment).into_iter();
            answers.filter(|one| one.as_deref() == Ok(word)).count() >= count
        });
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

fn failed(answers: &[Result<String, ErrorKind>]) -> Vec<ErrorKind> {
    let failures = answers.iter().filter_map(|one| one.as_ref().err());
    failures.copied().collect()
}

#[test]
fn requests_fail_only_until_the_dead_server_is_out() {
    let director = Director::with_topology("nat");
    director.script(&two("")).ended(0);
    let daemon = Daemon::start(&director, &[]);
    let begin = Instant::now();
    let load = Load::start(&director, 2);
    load.await_answers(begin, "RS1", 3);
    load.await_answers(begin, "RS2", 3);
    assert_eq!(failed(&load.since(begin)), []);

    let killed = Instant::now();
    kill_listener(&director, "rs1", 80);
    director.await_weight(ONE, "0");
    let out = Instant::now();
    load.await_answers(out, "RS2", 20);
    assert_eq!(failed(&load.since(out)), []);
    let lost = failed(&load.since(killed));
    eprintln!(
        "{} of {} requests failed in the {:.1} s until the server was out",
        lost.len(),
        load.since(killed).len() - load.since(out).len(),
        (out - killed).as_secs_f64()
    );
    // One may have been answered in the moment of the death.
    let is_of_death = |kind: &ErrorKind| {
        use ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset};
        matches!(kind, ConnectionRefused | ConnectionReset | BrokenPipe)
    };
    assert!(lost.iter().all(is_of_death), "{lost:?}");
    // Half of the requests go to the dead server as long as it is in.
    assert!(!lost.is_empty());
    is_settled(&director, 1);
    let status = director.ipvsh(&["status"]).ended(0).out;
    assert!(!status.contains("drift:"), "{status}");

    serve_again(&director, "rs1", 80);
    director.await_weight(ONE, "1");
    load.await_answers(Instant::now(), "RS1", 5);
    assert_eq!(failed(&load.since(out)), []);
    is_settled(&director, 1);
    daemon.stop();
    is_settled(&director, 1);
}

/// What one client is answered, in a row.
fn sticky(director: &Director) -> Vec<Result<String, ErrorKind>> {
    director.within("client", || (0..5).map(|_| request()).collect())
}

#[test]
fn a_sticky_client_of_a_dead_server_is_answered_by_another() {
    const EXPIRE: &str = "net.ipv4.vs.expire_quiescent_template";
    let director = Director::with_topology("nat");
    director.script(&two("persistent: 300,")).ended(0);
    assert_eq!(sysctl(&director, EXPIRE), "1");
    let daemon = Daemon::start(&director, &[]);
    let first = sticky(&director);
    let (role, other, server) = match first[0].as_deref() {
        Ok("RS1") => ("rs1", "RS2", "192.168.182.210:80"),
        Ok("RS2") => ("rs2", "RS1", "192.168.182.220:80"),
        _ => panic!("{first:?}"),
    };
    assert_eq!(first, vec![first[0].clone(); 5]);
    let die = || {
        kill_listener(&director, role, 80);
        director.await_weight(server, "0");
    };
    // What the setting that the check brings is good for: without it the client keeps its server.
    let set = format!("{EXPIRE}=0");
    director.exec("sysctl", &["-qw", &set]).ended(0);
    director.ipvsh(&["plan", "--exit-code"]).ended(DIFFERS);
    die();
    let refused = vec![Err(ErrorKind::ConnectionRefused); 5];
    assert_eq!(sticky(&director), refused);
    // A commit restores what was declared, and the server stays out.
    director.ipvsh(&["restore"]).ended(0);
    assert_eq!(sysctl(&director, EXPIRE), "1");
    assert_eq!(weight(&director, server).as_deref(), Some("0"));
    assert_eq!(sticky(&director), vec![Ok(other.to_owned()); 5]);
    daemon.stop();
    // The last one that needs the setting takes it away.
    director
        .ipvsh(&["-e", "remove_all()", "--allow-removals"])
        .ended(0);
    assert_eq!(sysctl(&director, EXPIRE), "0");
}
