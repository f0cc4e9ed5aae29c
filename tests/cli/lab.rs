//! A database, a directory for scripts, and the program run on them.

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// Where one test happens.
pub struct Lab {
    dir: TempDir,
}

/// What a run of the program said.
pub struct Said {
    pub out: String,
    pub err: String,
    pub status: i32,
}

impl Said {
    fn of(command: Command, stdin: &str) -> Said {
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(stdin)
            .output()
            .unwrap();
        Said {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap_or(-1),
        }
    }
}

impl Lab {
    pub fn new() -> Lab {
        Lab {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A lab whose head has one service with two servers.
    pub fn with_web() -> Lab {
        let lab = Lab::new();
        lab.ok(&["-e", WEB]);
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("db")
    }

    /// Writes a script; gives its path.
    pub fn script(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The program on the simulator.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.plain(&["--sim"]);
        command.args(args);
        command
    }

    /// The program, with nothing of this environment but PATH.
    pub fn plain(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("ipvsh").unwrap();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TZ", "UTC")
            .env("HOME", self.dir.path())
            .env("IPVSH_DB", self.database())
            .current_dir(self.dir.path())
            .args(args);
        command
    }

    pub fn said(&self, args: &[&str]) -> Said {
        self.feed(args, "")
    }

    /// Runs with something on standard input.
    pub fn feed(&self, args: &[&str], stdin: &str) -> Said {
        Said::of(self.command(args), stdin)
    }

    /// Runs with a fault in the kernel (see `ipvsh::kernel::Faults`; debug builds only).
    pub fn run_faulty(&self, fault: &str, args: &[&str]) -> String {
        let mut command = self.command(args);
        command.env("IPVSH_FAULT", fault);
        self.tell(&Said::of(command, ""))
    }

    /// Runs with something more in the environment.
    pub fn run_in(&self, environment: &[(&str, &str)], args: &[&str]) -> String {
        let mut command = self.command(args);
        command.envs(environment.iter().copied());
        self.tell(&Said::of(command, ""))
    }

    /// Runs with standard output on a device that is full.
    pub fn run_full(&self, args: &[&str]) -> String {
        self.fill(self.command(args))
    }

    /// The same without the simulator.
    pub fn run_plain_full(&self, args: &[&str]) -> String {
        self.fill(self.plain(args))
    }

    fn fill(&self, mut command: Command) -> String {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = command
            .stdin(std::process::Stdio::null())
            .stdout(full.unwrap())
            .output()
            .unwrap();
        self.tell(&Said {
            out: String::new(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap_or(-1),
        })
    }

    /// Runs without the simulator; for what fails before the kernel is looked at.
    pub fn run_plain(&self, args: &[&str]) -> String {
        self.tell(&self.said_plain(args))
    }

    /// The same as it was said.
    pub fn said_plain(&self, args: &[&str]) -> Said {
        Said::of(self.plain(args), "")
    }

    /// Runs; everything that was said, for a snapshot.
    pub fn run(&self, args: &[&str]) -> String {
        self.tell(&self.said(args))
    }

    /// The same with something on standard input.
    pub fn run_fed(&self, args: &[&str], stdin: &str) -> String {
        self.tell(&self.feed(args, stdin))
    }

    /// Runs what must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        let said = self.said(args);
        assert_eq!(said.status, 0, "{args:?}: {}{}", said.out, said.err);
        said.out
    }

    /// Overwrites the beginning of sled's file.
    pub fn damage(&self) {
        let path = self.database().join("sled/db");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.get_mut(..4096).unwrap().fill(0);
        std::fs::write(path, bytes).unwrap();
    }

    /// The history and the head's rules: what a refused command must not change.
    pub fn state(&self) -> String {
        self.ok(&["history", "--json"]) + self.ok(&["show", "--json"]).as_str()
    }

    fn tell(&self, said: &Said) -> String {
        let mut text = self.settled(&said.out);
        if !said.err.is_empty() {
            text += "-- stderr\n";
            text += &self.settled(&said.err);
        }
        text + format!("-- status {}\n", said.status).as_str()
    }

    /// Without what differs from run to run: the directory, times, ages, the author, sizes.
    fn settled(&self, text: &str) -> String {
        let author = author();
        let text = text.replace(path_text(self.dir.path()), "LAB");
        let lines = text.lines().map(|line| settled_line(line, &author) + "\n");
        shortened(lines.collect())
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The author that the program signs with here.
fn author() -> String {
    let id = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

fn settled_line(line: &str, author: &str) -> String {
    let line = times(line);
    let is_listed = line.contains("TIME  ");
    let line = line
        .replace(&format!("\"{author}\""), "\"AUTHOR\"")
        .replace(&format!("by {author}"), "by AUTHOR");
    if is_listed {
        // The author's column is as wide as the author.
        let parts = line.split("  ").map(str::trim).filter(|p| !p.is_empty());
        let parts: Vec<&str> = parts
            .map(|part| if part == author { "AUTHOR" } else { part })
            .collect();
        return parts.join("  ");
    }
    let cut = |at: usize, end: &str| format!("{}{end}", &line[..at]);
    match line.rfind('(') {
        _ if line.starts_with("  on ") && line.ends_with(" ms") => {
            "  on HOST, took TIME".to_owned()
        }
        Some(at) if line.ends_with("ago)") => cut(at, "(AGE)"),
        Some(at) if line.ends_with("iB)") => cut(at, "(SIZE)"),
        _ if line.starts_with("    \"bytes\": ") => "    \"bytes\": SIZE,".to_owned(),
        _ => line,
    }
}

/// Leaves of the record of a snapshot, in JSON, its number and its message. What else it has, one
/// test says: `json::a_snapshot_has_every_key`.
fn shortened(text: String) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut short = String::new();
    let mut record = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let follows = lines.peek().map_or("", |next| next.trim_start());
        if line.trim_start().starts_with("\"id\": ") && follows.starts_with("\"time\": ") {
            record = Some(indent(line));
        } else if let Some(depth) = record {
            if indent(line) < depth {
                short += &format!("{:depth$}...\n", "");
                record = None;
            } else if !line.trim_start().starts_with("\"message\": ") {
                continue;
            }
        }
        short += &format!("{line}\n");
    }
    short
}

/// Puts TIME in the place of `2026-11-21 14:07:00` and of RFC 3339 forms.
fn times(line: &str) -> String {
    let shape = "dddd-dd-dd dd:dd:dd";
    let fits = |text: &str| {
        text.len() >= shape.len()
            && text.bytes().zip(shape.bytes()).all(|(c, want)| match want {
                b'd' => c.is_ascii_digit(),
                b' ' => c == b' ' || c == b'T',
                _ => c == want,
            })
    };
    let mut text = line.to_owned();
    while let Some(at) = (0..text.len()).find(|at| text.get(*at..).is_some_and(fits)) {
        let mut end = at + shape.len();
        if text[end..].starts_with('Z') {
            end += 1;
        }
        text.replace_range(at..end, "TIME");
    }
    text
}

/// A service with two servers.
pub const WEB: &str = r#"tcp("192.0.2.10:80", #{ scheduler: "rr", forward: "masq", servers: [
    "10.0.0.11:80", #{ address: "10.0.0.12:80", weight: 3 }] })"#;
