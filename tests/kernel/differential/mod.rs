//! Our ipvsadm beside Debian's: the same command lines through both, then the same output, the
//! same status and the same table.
//!
//! The differences that are meant are listed in `src/ipvsadm/mod.rs`; the generator makes none of
//! them. `scripts/differential SEED SESSIONS` runs as many sessions as wanted.
//!
//! A table is a hash table, and its order is another one in each namespace; the original's sort
//! lets it through (`src/ipvsadm/order.rs`). So lists are compared in one namespace, tables of two
//! namespaces as sets of lines.

mod directed;
pub mod generate;
mod random;
mod traffic;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A program under its name, and what comes before its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Debian's, by the name of the program.
    Theirs(&'static str),
    /// Ours, called by the name of the program.
    Named(&'static str),
    /// `ipvsh ipvsadm`.
    Verb,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Program {
    /// Runs it in the calling thread's namespace.
    pub fn run(self, words: &[String], input: &str) -> Said {
        let mut command = match self {
            Self::Theirs(name) => Command::new(name),
            Self::Named(_) | Self::Verb => Command::new(env!("CARGO_BIN_EXE_ipvsh")),
        };
        match self {
            Self::Named(name) => command.arg0(name),
            Self::Verb => command.arg("ipvsadm"),
            Self::Theirs(_) => &mut command,
        };
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that does not read it may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Said {
            status: output.status.code(),
            out: without_help(String::from_utf8_lossy(&output.stdout).into_owned()),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Cuts the help off behind its first word: each has its own, and it is the last that a program
/// prints.
fn without_help(mut out: String) -> String {
    let first = "(compiled with popt and IPVS v1.2.1)\nUsage:";
    if let Some(start) = out.find(first) {
        let help = out.split_off(start + first.len());
        assert!(help.lines().count() > 50, "this is no help: {help}");
        assert!(help.ends_with('\n'), "{help}");
    }
    out
}

/// A network namespace, removed when it is dropped.
pub struct Namespace(String);

static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Namespace {
    /// A new one; `lo` and an interface for daemons are up, or nothing is.
    pub fn new(up: bool) -> Namespace {
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("d{}-{number}", std::process::id());
        ip(&format!("netns add {name}"));
        if up {
            for line in [
                "link set lo up",
                "link add mc0 type veth peer name mc1",
                "address add 10.200.0.1/24 dev mc0",
                "link set mc0 up",
                "link set mc1 up",
            ] {
                ip(&format!("-n {name} {line}"));
            }
        }
        Namespace(name)
    }

    /// Does something in a thread of it.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let done = thread::scope(|scope| {
            scope
                .spawn(|| {
                    self.enter();
                    work()
                })
                .join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Moves the calling thread there.
    pub fn enter(&self) {
        let file = std::fs::File::open(format!("/run/netns/{}", self.0)).unwrap();
        let fd = std::os::fd::AsFd::as_fd(&file);
        move_into_link_name_space(fd, Some(LinkNameSpaceType::Network)).unwrap();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.0));
    }
}

fn ip(line: &str) {
    let output = Command::new("ip")
        .args(line.split_whitespace())
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {line}: {why}");
}

/// Words of a line without quotes.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The whole table of the calling thread's namespace, by their ipvsadm: lines in an order of their
/// own, each server with its service.
pub fn table() -> String {
    let mut before = listed();
    loop {
        let now = listed();
        if now == before {
            return now;
        }
        before = now;
    }
}

/// The table as it is listed once. A list is torn, with lines twice or not at all, where another
/// namespace changes its table in the same moment: two that are the same are believed.
fn listed() -> String {
    let views = "-Sn\n-Ln --thresholds\n-Ln --tun-info\n-L --timeout\n-L --daemon\n";
    let said = Program::Theirs("ipvsadm").run(&words("-R"), views);
    let mut service = String::new();
    let mut lines = Vec::new();
    for line in said.out.lines() {
        if line.starts_with("  -> ") {
            lines.push(format!("{service}\n{line}"));
        } else {
            service = line.to_owned();
            lines.push(service.clone());
        }
    }
    lines.sort();
    lines.join("\n")
}

/// A word as a shell reads it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=:.,/%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
