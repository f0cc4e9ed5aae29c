//! `ipvsh daemon` as a process, against listeners on the loopback and a simulated kernel.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may give up

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipvsh::error::Kind;
use ipvsh::runtime::{Answer, EventReader, Heartbeat, Request, RuntimeDir, TargetName, ask};
use ipvsh::store::{DatabaseKind, SledStores, Stores};
use serde_json::{Value, json};

/// How long anything is waited for; a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A real server on the loopback, which can be stopped and started.
struct Server {
    port: u16,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Server {
    fn start() -> Server {
        let mut server = Server {
            port: 0,
            running: None,
        };
        server.up();
        server
    }

    fn up(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let is_ending = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&is_ending);
        let thread = std::thread::spawn(move || {
            while !ending.load(Ordering::SeqCst) {
                match listener.accept() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    accepted => drop(accepted),
                }
            }
        });
        self.running = Some((is_ending, thread));
    }

    fn down(&mut self) {
        if let Some((is_ending, thread)) = self.running.take() {
            is_ending.store(true, Ordering::SeqCst);
            thread.join().unwrap();
        }
    }

    fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}

/// A simulated kernel, its database, and a runtime directory.
struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Lab {
        Lab {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("db")
    }

    fn runtime(&self) -> RuntimeDir {
        RuntimeDir::below(&self.dir.path().join("run"), &self.database())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
        command
            .args(["--sim", "--db"])
            .arg(self.database())
            .args(words)
            .env("IPVSH_RUNTIME_DIR", self.dir.path().join("run"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Declares a service with these servers.
    fn declare(&self, servers: &[&Server]) {
        let servers: Vec<String> = servers
            .iter()
            .map(|server| format!("\"{}\"", server.name()))
            .collect();
        let script = format!(
            "tcp(\"192.0.2.10:80\", #{{ forward: \"masq\", servers: [{}], check: #{{ type: \"tcp\", \
             interval: 0.2, retry_interval: 0.1, timeout: 5, rise: 1, fall: 2 }} }})",
            servers.join(", ")
        );
        let output = self.run(&["-e", &script]);
        assert!(output.status.success(), "{output:?}");
    }

    fn start(&self, options: &[&str], fault: &str) -> Daemon {
        let out = self.dir.path().join("out");
        let mut command = self.command(&[&["daemon"], options].concat());
        let child = command
            .env("IPVSH_FAULT", fault)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(self.dir.path().join("err")).unwrap())
            .spawn()
            .unwrap();
        Daemon { child, out }
    }

    /// Starts a daemon, and waits until every check has run once.
    fn daemon(&self, options: &[&str]) -> Daemon {
        let daemon = self.start(options, "");
        until("the daemon is ready", || {
            self.describe("ready") == json!(true)
        });
        daemon
    }

    /// What the daemon says of itself.
    fn describe(&self, key: &str) -> Value {
        match ask(&self.runtime(), &Request::State) {
            Ok(Answer::Data(itself)) => itself[key].clone(),
            _ => Value::Null,
        }
    }

    /// The weight of a server in the kernel; none where the kernel has it not.
    fn weight(&self, server: &Server) -> Option<u64> {
        let output = self.run(&["--json", "show"]);
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        let servers = shown[0]["servers"].as_array()?;
        let server = servers.iter().find(|one| one["name"] == server.name())?;
        server["weight"].as_u64()
    }

    /// The transitions so far: server, from, to.
    fn transitions(&self) -> Vec<(String, String, String)> {
        let mut reader = EventReader::new(&self.runtime(), None);
        let mut all = Vec::new();
        while let Some(line) = reader.read().unwrap() {
            if line.event["kind"] == "transition" {
                let text = |key: &str| line.event[key].as_str().unwrap().to_owned();
                all.push((text("object"), text("from"), text("to")));
            }
        }
        all
    }
}

struct Daemon {
    child: Child,
    out: PathBuf,
}

impl Daemon {
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// What it told so far.
    fn told(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_is_taken_out_and_comes_back() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let mut daemon = lab.daemon(&[]);
    assert!(Heartbeat::is_fresh(&lab.runtime()));
    assert_eq!(Heartbeat::pid(&lab.runtime()), Some(daemon.child.id()));
    assert_eq!((lab.weight(&one), lab.weight(&two)), (Some(1), Some(1)));

    one.down();
    until("it is taken out", || lab.weight(&one) == Some(0));
    assert_eq!(lab.weight(&two), Some(1));
    // A commit leaves it out, and so does a restore.
    assert!(lab.run(&["restore"]).status.success());
    assert_eq!(lab.weight(&one), Some(0));

    one.up();
    until("it comes back", || lab.weight(&one) == Some(1));
    let object = format!(
        "virtual service tcp 192.0.2.10:80: real server {}",
        one.name()
    );
    let transition = |from: &str, to: &str| (object.clone(), from.to_owned(), to.to_owned());
    let expected = [transition("up", "down"), transition("down", "up")];
    until("both are told", || lab.transitions() == expected);
    assert!(
        daemon
            .told()
            .contains(&format!("{object}: up -> down: tcp: "))
    );

    // A signal ends it, and changes nothing.
    one.down();
    until("it is taken out", || lab.weight(&one) == Some(0));
    daemon.signal("-TERM");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    assert_eq!((lab.weight(&one), lab.weight(&two)), (Some(0), Some(1)));
    assert!(daemon.told().ends_with("daemon: a signal ended it\n"));
    assert!(!Heartbeat::is_fresh(&lab.runtime()));
    let error = ask(&lab.runtime(), &Request::Poke).unwrap_err();
    assert_eq!(error.to_string(), "no daemon runs for this database");
}

#[test]
fn a_daemon_that_was_killed_leaves_its_state_to_the_next_one() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let daemon = lab.daemon(&[]);
    one.down();
    until("it is taken out", || lab.weight(&one) == Some(0));
    drop(daemon);
    // Whatever is done meanwhile, the server stays out.
    assert!(lab.run(&["restore"]).status.success());
    assert_eq!(lab.weight(&one), Some(0));
    let _daemon = lab.daemon(&[]);
    assert_eq!(lab.weight(&one), Some(0));
    one.up();
    until("it comes back", || lab.weight(&one) == Some(1));
    assert_eq!(lab.transitions().len(), 2, "{:?}", lab.transitions());
}

#[test]
fn a_death_between_the_state_and_the_kernel_is_made_good() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let mut daemon = lab.start(&[], "kill-before-step=1");
    until("it is ready", || lab.describe("ready") == json!(true));
    one.down();
    daemon.child.wait().unwrap();
    let state = fs::read_to_string(lab.runtime().path().join("state")).unwrap();
    assert_eq!(state.matches("\"done\":true").count(), 1, "{state}");
    let _daemon = lab.daemon(&[]);
    until("the kernel is written", || {
        let state = fs::read_to_string(lab.runtime().path().join("state")).unwrap();
        state.matches("\"done\":true").count() == 2
    });
    assert_eq!(lab.weight(&one), Some(0));
}

#[test]
fn a_kernel_that_refuses_is_tried_again() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let daemon = lab.start(&[], "fail-step=1:ENOMEM");
    until("it is ready", || lab.describe("ready") == json!(true));
    one.down();
    until("the transition is told", || lab.transitions().len() == 1);
    assert_eq!(lab.weight(&one), Some(0));
    let told = daemon.told();
    let failures = told.lines().filter(|line| line.contains("ENOMEM"));
    assert_eq!(failures.count(), 1, "{told}");
    assert_eq!(lab.describe("failure"), Value::Null);
}

#[test]
fn a_maintenance_that_ends_gives_the_weight_back() {
    let (lab, one, mut two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let daemon = lab.daemon(&[]);
    for server in [&one, &two] {
        let script = format!(
            "maintenance(\"{}\", #{{ mode: \"drain\", expires: \"8s\" }})",
            server.name()
        );
        let output = lab.run(&["-e", &script, "--allow-removals"]);
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!((lab.weight(&one), lab.weight(&two)), (Some(0), Some(0)));
    two.down();
    until("it is over", || {
        daemon.told().matches("its time is over").count() == 2
    });
    until("it is in", || lab.weight(&one) == Some(1));
    assert_eq!(lab.weight(&two), Some(0), "its checks keep it out");
    two.up();
    until("it is in, too", || lab.weight(&two) == Some(1));
}

#[test]
fn the_service_manager_hears_that_the_daemon_is_ready_and_alive() {
    use std::os::unix::net::UnixDatagram;

    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let path = lab.dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut daemon = Daemon {
        child: lab
            .command(&["daemon"])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "3000000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
        out: PathBuf::new(),
    };
    let hear = |wanted: &str| {
        let mut text = [0; 1024];
        until(wanted, || {
            let length = manager.recv(&mut text).unwrap();
            String::from_utf8_lossy(&text[..length]).contains(wanted)
        });
    };
    hear("READY=1");
    hear("STATUS=snapshot 1: all checked servers are up");
    hear("WATCHDOG=1");
    one.down();
    hear("STATUS=snapshot 1: 1 down");
    hear("WATCHDOG=1");
    daemon.signal("-TERM");
    hear("STOPPING=1");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_daemon_is_refused() {
    let (lab, one) = (Lab::new(), Server::start());
    lab.declare(&[&one]);
    let daemon = lab.daemon(&[]);
    let output = lab.run(&["daemon"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = format!("(pid {}", daemon.child.id());
    assert!(
        told.starts_with("Error: daemon: a daemon runs already for this database: ")
            && told.contains(&expected),
        "{told}"
    );
    assert_eq!(lab.describe("pid"), json!(daemon.child.id()));
}

#[test]
fn an_unreadable_state_means_hands_off() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let daemon = lab.daemon(&[]);
    one.down();
    until("it is taken out", || lab.weight(&one) == Some(0));
    drop(daemon);
    let path = lab.runtime().path().join("state");
    let text = fs::read_to_string(&path).unwrap();
    for damaged in [
        text.replacen("127.0.0.1", "127.0.0.2", 1),
        text.replacen("state 1 ", "state 2 ", 1),
    ] {
        fs::write(&path, &damaged).unwrap();
        let output = lab.run(&["daemon"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(&path.display().to_string()), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
    // What the error says to do.
    fs::remove_file(&path).unwrap();
    let _daemon = lab.daemon(&[]);
}

#[test]
fn a_commit_is_enough_to_change_what_is_checked() {
    let (lab, one, mut two) = (Lab::new(), Server::start(), Server::start());
    let _daemon = lab.daemon(&[]);
    assert_eq!(lab.describe("head"), Value::Null);
    lab.declare(&[&one]);
    until("it follows", || lab.describe("head") == json!(1));
    lab.declare(&[&one, &two]);
    assert_eq!(ask(&lab.runtime(), &Request::Poke).unwrap(), Answer::Done);
    until("it follows", || lab.describe("head") == json!(2));
    until("it is ready", || lab.describe("ready") == json!(true));
    until("it is in", || lab.weight(&two) == Some(1));
    two.down();
    until("it is taken out", || lab.weight(&two) == Some(0));
    lab.declare(&[&one]);
    until("it follows", || lab.describe("head") == json!(3));
    assert_eq!(lab.weight(&two), None);
    until("it is forgotten", || {
        let state = fs::read_to_string(lab.runtime().path().join("state")).unwrap();
        state.contains("\"gone\"")
    });
}

#[test]
fn a_commit_under_way_delays_transitions_and_nothing_else() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let _daemon = lab.daemon(&[]);
    let stores = SledStores::new(lab.database(), DatabaseKind::Sim);
    let held = stores.lock_kernel().unwrap();
    one.down();
    let down = || {
        let Ok(Answer::Data(report)) = ask(&lab.runtime(), &Request::Report) else {
            return false;
        };
        let servers = report["servers"].as_array().unwrap().clone();
        servers.iter().any(|server| server["state"] == "down")
    };
    until("the checks say so", down);
    let state = fs::read_to_string(lab.runtime().path().join("state")).unwrap();
    assert!(!state.contains("down"), "{state}");
    assert!(lab.transitions().is_empty());
    drop(held);
    until("it is taken out", || lab.transitions().len() == 1);
    assert_eq!(lab.weight(&one), Some(0));
}

#[test]
fn checks_are_run_on_demand_and_change_nothing() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    let output = lab.run(&[
        "-e",
        &format!(
            "tcp(\"192.0.2.10:80\", #{{ forward: \"masq\", servers: [\"{}\", \"{}\"], \
             check: #{{ type: \"tcp\", interval: 3000 }} }})",
            one.name(),
            two.name()
        ),
    ]);
    assert!(output.status.success(), "{output:?}");
    let _daemon = lab.start(&[], "");
    until("it answers", || lab.describe("head") == json!(1));
    one.down();
    let now = |targets: Vec<TargetName>| match ask(&lab.runtime(), &Request::Now { targets }) {
        Ok(Answer::Data(Value::Array(rows))) => Ok(rows),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let rows = now(Vec::new()).unwrap();
    let verdict = |server: &Server| {
        let row = rows.iter().find(|row| row["server"] == server.name());
        row.map(|row| row["verdict"].clone())
    };
    assert_eq!(verdict(&one), Some(json!("failed")), "{rows:?}");
    assert_eq!(verdict(&two), Some(json!("passed")), "{rows:?}");
    let name = |server: &str| TargetName {
        service: ipvsh::model::ServiceKey::parse("tcp 192.0.2.10:80").unwrap(),
        server: server.to_owned(),
    };
    assert_eq!(now(vec![name(&two.name())]).unwrap().len(), 1);
    let error = now(vec![name("10.0.0.1:80")]).unwrap_err();
    assert_eq!(error.kind(), Kind::State);
    assert!(error.to_string().contains("no such server"), "{error}");
    assert_eq!(lab.weight(&one), Some(1));
    let error = ask(&lab.runtime(), &Request::Unfreeze).unwrap_err();
    assert_eq!(error.to_string(), "the guard is not on");
}

#[test]
fn an_observer_writes_nothing() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    lab.declare(&[&one, &two]);
    let mut observer = lab.start(&["--observe"], "");
    until("it looked", || observer.told().contains("daemon: ipvsh "));
    one.down();
    until("it tells", || observer.told().contains(": up -> down: "));
    until("it compares", || observer.told().contains("weight 1 -> 0"));
    assert_eq!(lab.weight(&one), Some(1));
    assert!(!lab.dir.path().join("run").exists());
    assert!(!lab.database().join("health-state").exists());
    observer.signal("-INT");
    assert_eq!(observer.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_hook_must_be_a_program_that_nobody_else_can_change() {
    let lab = Lab::new();
    for hook in ["hook", "/nowhere/hook"] {
        let output = lab.run(&["daemon", "--hook", hook]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.starts_with(&format!("Error: hook {hook}: ")), "{told}");
        assert!(!lab.runtime().path().join("control").exists());
    }
}

#[test]
fn a_daemon_that_commands_cannot_find_any_more_ends() {
    let (lab, one) = (Lab::new(), Server::start());
    lab.declare(&[&one]);
    for gone in ["runtime directory", "database"] {
        let mut daemon = lab.daemon(&[]);
        match gone {
            "database" => fs::rename(lab.database(), lab.dir.path().join("old")).unwrap(),
            _ => fs::remove_dir_all(lab.runtime().path()).unwrap(),
        }
        until("it ends", || daemon.child.try_wait().unwrap().is_some());
        assert_eq!(daemon.child.wait().unwrap().code(), Some(1), "{gone}");
        let told = fs::read_to_string(lab.dir.path().join("err")).unwrap();
        assert!(told.contains("was removed or replaced"), "{told}");
    }
}

#[test]
fn what_is_no_file_in_the_runtime_directory_keeps_no_command_waiting() {
    let (lab, mut one) = (Lab::new(), Server::start());
    lab.declare(&[&one]);
    let daemon = lab.daemon(&[]);
    one.down();
    until("it is taken out", || lab.weight(&one) == Some(0));
    drop(daemon);
    for name in ["state", "heartbeat"] {
        let path = lab.runtime().path().join(name);
        let _ = fs::remove_file(&path);
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let output = lab.run(&["status"]);
        assert!(output.status.success(), "{output:?}");
    }
    let output = lab.run(&["health"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_machine_in_maintenance_stays_out_when_another_server_falls() {
    let (lab, mut one, two) = (Lab::new(), Server::start(), Server::start());
    let three = Server::start();
    lab.declare(&[&one, &two, &three]);
    let _daemon = lab.daemon(&[]);
    let output = lab.run(&["disable", &two.name()]);
    assert!(output.status.success(), "{output:?}");
    one.down();
    until("it is taken out", || lab.weight(&one) == Some(0));
    assert_eq!(lab.weight(&two), Some(0));
    one.up();
    until("it is back", || lab.weight(&one) == Some(1));
    assert_eq!(lab.weight(&two), Some(0));
    assert_eq!(lab.weight(&three), Some(1));
}
