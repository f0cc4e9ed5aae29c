//! A director of one test: a network namespace, a database, and the commands to look at both.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub out: String,
    pub err: String,
    pub status: i32,
}

impl Said {
    fn of(output: Output) -> Said {
        Said {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap_or(-1),
        }
    }

    /// What a command says that was left to itself, when it has ended.
    pub fn at_last(child: Child) -> Said {
        Said::of(child.wait_with_output().unwrap())
    }

    /// The same, where it must have ended with this status.
    #[track_caller]
    pub fn ended(self, status: i32) -> Said {
        assert_eq!(
            self.status, status,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }
}

/// A namespace with `lo` up and a database of its own.
pub struct Director {
    pub namespace: String,
    home: tempfile::TempDir,
    prefix: Option<String>,
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

fn fresh(kind: &str) -> String {
    format!(
        "{kind}{}-{}",
        std::process::id() % 10_000,
        NEXT.fetch_add(1, Ordering::SeqCst)
    )
}

fn run(program: &str, args: &[&str]) -> Said {
    let output = Command::new(program).args(args).output();
    Said::of(output.unwrap_or_else(|e| panic!("{program}: {e}")))
}

fn topology(args: &[&str]) -> Said {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/vm/topology");
    run(script.to_str().unwrap(), args)
}

fn in_namespace<T: Send>(name: &str, act: impl FnOnce() -> T + Send) -> T {
    let file = std::fs::File::open(format!("/run/netns/{name}")).unwrap();
    let body = || {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), network).unwrap();
        act()
    };
    std::thread::scope(|scope| scope.spawn(body).join().unwrap())
}

/// A file of the repository.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Director {
    /// A director alone: nothing but `lo`.
    pub fn alone() -> Director {
        let namespace = fresh("t");
        run("ip", &["netns", "add", &namespace]).ended(0);
        run("ip", &["-n", &namespace, "link", "set", "lo", "up"]).ended(0);
        Director {
            namespace,
            home: tempfile::tempdir().unwrap(),
            prefix: None,
        }
    }

    /// A director between a client and real servers: `nat`, `dr` or `tunnel`.
    pub fn with_topology(kind: &str) -> Director {
        Director::between(kind, &[])
    }

    /// The same, with so many real servers.
    pub fn with_servers(kind: &str, count: usize) -> Director {
        Director::between(kind, &["--servers", &count.to_string()])
    }

    fn between(kind: &str, options: &[&str]) -> Director {
        let prefix = fresh("p");
        let mut words = vec!["up", kind, &prefix];
        words.extend(options);
        topology(&words).ended(0);
        Director {
            namespace: format!("{prefix}lvs"),
            home: tempfile::tempdir().unwrap(),
            prefix: Some(prefix),
        }
    }

    /// The same, where the director has nothing but its own addresses: what it needs is in the
    /// script that it runs.
    pub fn bare_with_topology(kind: &str) -> Director {
        Director::between(kind, &["--bare-director"])
    }

    /// The same, where director and real servers have nothing but their addresses.
    pub fn with_bare_topology(kind: &str) -> Director {
        Director::between(kind, &["--bare"])
    }

    /// The roles of the topology that are real servers.
    pub fn servers(&self) -> Vec<String> {
        let is_there = |role: &String| {
            let prefix = self.prefix.as_deref().expect("a director with a topology");
            Path::new(&format!("/run/netns/{prefix}{role}")).exists()
        };
        let roles = (1..=3).map(|number| format!("rs{number}"));
        roles.filter(is_there).collect()
    }

    /// The namespace of a role of the topology.
    pub fn namespace_of(&self, role: &str) -> String {
        let prefix = self.prefix.as_deref().expect("a director with a topology");
        format!("{prefix}{role}")
    }

    /// Puts a file where [`Director::typed`] types.
    pub fn put(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    /// The database that [`Director::typed`] uses at a role of the topology.
    pub fn database_of(&self, role: &str) -> PathBuf {
        self.home.path().join(format!("db-{role}"))
    }

    /// Types a line in a shell of a role of the topology; both outputs in the order in which they
    /// come. Each role has a database of its own, and finds the examples where it is.
    pub fn typed(&self, role: &str, line: &str) -> Said {
        let prefix = self.prefix.as_deref().expect("a director with a topology");
        let examples = self.home.path().join("examples");
        if !examples.exists() {
            std::os::unix::fs::symlink(file("examples"), examples).unwrap();
        }
        let output = Command::new("ip")
            .args(["netns", "exec", &format!("{prefix}{role}")])
            .args(["bash", "-c", &format!("exec 2>&1\n{line}")])
            .env("IPVSH_DB", self.database_of(role))
            .env("TZ", "UTC")
            .current_dir(self.home.path())
            .output();
        Said::of(output.unwrap())
    }

    /// What the client is answered: one line per request, the URLs in turn.
    pub fn hits(&self, count: usize, urls: &[&str]) -> Vec<String> {
        let prefix = self.prefix.as_deref().expect("a director with a topology");
        let count = count.to_string();
        let mut args = vec!["hits", prefix, &count];
        args.extend(urls);
        topology(&args)
            .ended(0)
            .out
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Runs a program in the director's namespace.
    pub fn exec(&self, program: &str, args: &[&str]) -> Said {
        self.exec_with(&[], program, args)
    }

    fn exec_with(&self, env: &[(&str, &str)], program: &str, args: &[&str]) -> Said {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.namespace, program])
            .args(args)
            .env("IPVSH_DB", self.database())
            .env("SUDO_USER", "alice")
            .envs(env.iter().copied())
            .output();
        Said::of(output.unwrap())
    }

    pub fn database(&self) -> PathBuf {
        self.home.path().join("db")
    }

    /// Does something on a thread in the namespace of a role of the topology: `client`, `rs1`.
    pub fn within<T: Send>(&self, role: &str, act: impl FnOnce() -> T + Send) -> T {
        let prefix = self.prefix.as_deref().expect("a director with a topology");
        in_namespace(&format!("{prefix}{role}"), act)
    }

    /// Does something on a thread in the director's own namespace.
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        in_namespace(&self.namespace, act)
    }

    /// Takes a role's network away: it answers nobody any more.
    pub fn break_server(&self, role: &str) {
        let prefix = self.prefix.as_deref().expect("a director with a topology");
        let namespace = format!("{prefix}{role}");
        run("ip", &["-n", &namespace, "link", "set", "eth0", "down"]).ended(0);
    }

    /// Starts ipvsh, and leaves it to itself.
    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// ipvsh with these arguments in the director's namespace, with pipes for both outputs.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command
            .args([
                "netns",
                "exec",
                &self.namespace,
                env!("CARGO_BIN_EXE_ipvsh"),
            ])
            .args(args)
            .env("IPVSH_DB", self.database())
            .env("SUDO_USER", "alice")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts ipvsh with a fault injected, and leaves it to itself.
    pub fn start_with_fault(&self, fault: &str, args: &[&str]) -> Child {
        self.command(args)
            .env("IPVSH_FAULT", fault)
            .spawn()
            .unwrap()
    }

    /// Waits until a process that was started here has stopped itself.
    #[track_caller]
    pub fn wait_until_stopped(child: &Child) {
        let end = Instant::now() + Duration::from_secs(60);
        let is_stopped = || {
            let path = format!("/proc/{}/stat", child.id());
            let stat = std::fs::read_to_string(path).unwrap_or_default();
            stat.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('T'))
        };
        while !is_stopped() {
            assert!(Instant::now() < end, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets a process go on that has stopped itself; gives its exit status.
    pub fn resume(mut child: Child) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
        child.wait().unwrap().code()
    }

    /// Runs ipvsh.
    pub fn ipvsh(&self, args: &[&str]) -> Said {
        self.exec(env!("CARGO_BIN_EXE_ipvsh"), args)
    }

    /// Runs a line in the director's shell, as an operator pastes it.
    pub fn paste(&self, line: &str) -> Said {
        let binary = env!("CARGO_BIN_EXE_ipvsh");
        let line = format!("ipvsh() {{ {binary} \"$@\"; }}\n{line}");
        self.exec("sh", &["-c", &line])
    }

    /// Runs ipvsh with a fault injected (`IPVSH_FAULT`, debug builds only).
    pub fn ipvsh_with_fault(&self, fault: &str, args: &[&str]) -> Said {
        self.exec_with(&[("IPVSH_FAULT", fault)], env!("CARGO_BIN_EXE_ipvsh"), args)
    }

    /// Runs a script from a file of its own.
    pub fn script(&self, text: &str) -> Said {
        let path = self.home.path().join("script.rhai");
        std::fs::write(&path, text).unwrap();
        self.ipvsh(&["run", path.to_str().unwrap()])
    }

    /// Runs the real ipvsadm. Its lists, even short ones, are torn, with a service twice or not at
    /// all, where another test's namespace changes its table in the same moment: one that comes twice
    /// in a row is believed, and the last where connections keep them from being the same.
    #[track_caller]
    pub fn ipvsadm(&self, line: &str) -> String {
        let args: Vec<&str> = line.split_whitespace().collect();
        let mut said = self.exec("ipvsadm", &args).ended(0).out;
        if matches!(args.first(), Some(&("-S" | "-Sn" | "-L" | "-Ln"))) {
            for _ in 0..5 {
                let again = self.exec("ipvsadm", &args).ended(0).out;
                if std::mem::replace(&mut said, again) == said {
                    break;
                }
            }
        }
        said
    }

    /// A server's line in ipvsadm's table: forwarding, weight, active, inactive.
    #[track_caller]
    pub fn row(&self, server: &str) -> Option<Vec<String>> {
        let table = self.ipvsadm("-Ln");
        let line = table.lines().find(|line| line.contains(server))?;
        Some(line.split_whitespace().skip(2).map(str::to_owned).collect())
    }

    /// Waits until a server has this weight.
    #[track_caller]
    pub fn await_weight(&self, server: &str, weight: &str) {
        let start = Instant::now();
        while self.row(server).is_none_or(|row| row[1] != weight) {
            let waited = start.elapsed();
            assert!(waited < Duration::from_secs(120), "no weight {weight}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Runs the real iptables.
    #[track_caller]
    pub fn iptables(&self, line: &str) -> String {
        let args: Vec<&str> = line.split_whitespace().collect();
        self.exec("iptables", &args).ended(0).out
    }

    /// All that a commit may change, as the real tools see it.
    #[track_caller]
    pub fn state(&self) -> String {
        format!(
            "{}{}{}",
            self.ipvsadm("-Sn"),
            self.ipvsadm("-Ln --timeout"),
            self.iptables("-t mangle -S")
        )
    }

    /// The history as the user sees it in JSON, times and events left out.
    pub fn history(&self) -> Vec<serde_json::Value> {
        let said = self.ipvsh(&["--json", "history"]).ended(0);
        let mut all: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
        for one in &mut all {
            let map = one.as_object_mut().unwrap();
            map.remove("time");
            map.remove("events");
        }
        all
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        match &self.prefix {
            Some(prefix) => topology(&["down", prefix]),
            None => run("ip", &["netns", "del", &self.namespace]),
        };
    }
}
