//! One run of iptables or ip6tables: which binary, which words, what it answered.
//!
//! The `iptables` crate's `execute()` runs it, and is guarded here: the binary is found at fixed
//! places (we run as root, PATH is the caller's), words that the crate would split or unquote
//! are refused, the wait for the xtables lock and for the child has a limit, and the exit status
//! is looked at.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::child::{Child, Outcome};
use super::nft;
use crate::error::{Error, Kind, Result};
use crate::model::{Family, ForeignMark, shell_word};

/// Where distributions install it, in the order of preference.
const IPTABLES: [&str; 5] = [
    "/usr/sbin/iptables",
    "/sbin/iptables",
    "/usr/bin/iptables",
    "/usr/local/sbin/iptables",
    "/run/current-system/sw/bin/iptables",
];

/// The same for IPv6.
const IP6TABLES: [&str; 5] = [
    "/usr/sbin/ip6tables",
    "/sbin/ip6tables",
    "/usr/bin/ip6tables",
    "/usr/local/sbin/ip6tables",
    "/run/current-system/sw/bin/ip6tables",
];

/// How long iptables waits for the xtables lock, in seconds. Only the legacy back end has one.
const LOCK_WAIT: &str = "10";

/// How long a run may take altogether; a child that takes longer is killed, so that it writes
/// nothing after its caller has given up on it.
const CHILD_WAIT: Duration = Duration::from_secs(30);

/// What iptables keeps its rules in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackEnd {
    /// nf_tables.
    Nft,
    /// x_tables.
    Legacy,
}

/// The binary of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    path: &'static str,
    family: Family,
    /// Its back end.
    pub back_end: BackEnd,
}

/// A run that may not have ended.
#[derive(Debug)]
pub struct Running {
    tool: Tool,
    table: &'static str,
    child: Child,
}

impl Running {
    /// Waits for its answer, whatever that is.
    ///
    /// # Errors
    /// `system` where it cannot be run, `busy` where it does not come back: it was killed then.
    pub fn answer(self) -> Result<Answer> {
        self.answer_within(CHILD_WAIT)
    }

    fn answer_within(self, limit: Duration) -> Result<Answer> {
        let Tool { path, family, .. } = self.tool;
        let name = family.iptables();
        let late = |then: &str| {
            let seconds = limit.as_secs();
            Error::new(
                Kind::Busy,
                format!("no answer in {seconds} seconds; {then}"),
            )
            .attempt(format!("cannot run {path}"))
        };
        match self.child.wait(limit) {
            Outcome::Ended(Ok(output)) => Ok(Answer::new(family, self.table, &output)),
            Outcome::Ended(Err(error)) => Err(Error::system(format!("cannot run {path}"), &error)),
            Outcome::Killed => Err(late("it was killed").hint(format!(
                "look what else runs that it may wait for: ps -C {name}"
            ))),
            Outcome::Unkillable => Err(late("it could not be killed, and may still write")
                .hint(format!("look what it waits for: ps -C {name}"))),
        }
    }
}

impl Tool {
    /// Finds the binary and what it keeps its rules in; `pinned` is the only place then.
    ///
    /// # Errors
    /// `unsupported` where it is not installed.
    pub fn find(family: Family, pinned: Option<&'static str>) -> Result<Tool> {
        let places = match family {
            Family::Ipv4 => IPTABLES,
            Family::Ipv6 => IP6TABLES,
        };
        let is_there = |path: &&&str| Path::new(path).is_file();
        let path = match pinned {
            Some(path) => Some(path).filter(|path| Path::new(path).is_file()),
            None => places.iter().find(is_there).copied(),
        };
        let path = path.ok_or_else(|| {
            Error::new(
                Kind::Unsupported,
                format!("{} is not installed", family.iptables()),
            )
            .hint("install the package iptables")
        })?;
        let mut tool = Tool {
            path,
            family,
            back_end: BackEnd::Legacy,
        };
        tool.back_end = match back_end_by_name(path) {
            Some(back_end) => back_end,
            // Releases before 1.8 know one back end and do not name it.
            None if tool
                .run("mangle", &["--version"])?
                .stdout
                .contains("nf_tables") =>
            {
                BackEnd::Nft
            }
            None => BackEnd::Legacy,
        };
        Ok(tool)
    }

    /// Runs it on a table and waits for its answer, whatever that is.
    ///
    /// # Errors
    /// `invalid` for a word that may not be one, `unsupported` or `system` where it cannot be
    /// run, `busy` where it does not come back.
    pub fn run<S: AsRef<str>>(&self, table: &'static str, words: &[S]) -> Result<Answer> {
        self.start(table, words)?.answer()
    }

    /// Runs it on a table, and does not wait.
    ///
    /// # Errors
    /// As [`Tool::run`], but for what its answer tells.
    pub fn start<S: AsRef<str>>(&self, table: &'static str, words: &[S]) -> Result<Running> {
        for word in words {
            self::word(word.as_ref())?;
        }
        let line: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let line = format!("-w {LOCK_WAIT} {}", line.join(" "));
        let path = self.path;
        self.spawn(table, move || {
            // The crate's own constructor takes the binary from PATH; its --wait has no limit.
            let guarded = iptables::IPTables {
                cmd: path,
                has_check: true,
                has_wait: false,
                is_numeric: false,
            };
            guarded
                .execute(table, &line)
                .map_err(|e| match e.downcast::<std::io::Error>() {
                    Ok(error) => *error,
                    Err(other) => std::io::Error::other(other.to_string()),
                })
        })
    }

    /// Runs it past the crate: for rules of others whose words have quotes or spaces, which the
    /// crate would take apart. Each word reaches iptables as it is; no shell is involved.
    ///
    /// # Errors
    /// As [`Tool::run`].
    pub fn run_verbatim<S: AsRef<str>>(&self, table: &'static str, words: &[S]) -> Result<Answer> {
        self.start_verbatim(table, words)?.answer()
    }

    fn start_verbatim<S: AsRef<str>>(&self, table: &'static str, words: &[S]) -> Result<Running> {
        let mut command = Command::new(self.path);
        command.args(["-t", table, "-w", LOCK_WAIT]);
        command.args(words.iter().map(AsRef::as_ref));
        self.spawn(table, move || command.output())
    }

    fn spawn(
        &self,
        table: &'static str,
        run: impl FnOnce() -> std::io::Result<Output> + Send + 'static,
    ) -> Result<Running> {
        let child = Child::start(run)
            .map_err(|e| Error::system(format!("cannot run {}", self.path), &e))?;
        Ok(Running {
            tool: *self,
            table,
            child,
        })
    }

    /// Whether a table may hold anything.
    ///
    /// To list x_tables' mangle table is to make it: the first `iptables -S` in a network
    /// namespace loads `iptable_mangle` and hooks it into every packet's way. A table that is not
    /// named in /proc was never made, so nobody has rules in it. nft makes nothing by listing, but
    /// a run of it costs more than all that IPVS is asked.
    pub fn may_have_rules(&self, table: &str) -> bool {
        match (self.back_end, self.legacy_tables()) {
            (BackEnd::Nft, _) => !nft::lacks_table(self.family, table),
            (BackEnd::Legacy, Ok(names)) => names.lines().any(|name| name == table),
            (BackEnd::Legacy, Err(error)) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    /// Whether there may be rules that only the other back end's binary would list.
    pub fn others_may_have_rules(&self) -> bool {
        let legacy = self.legacy_tables().unwrap_or_default();
        self.back_end == BackEnd::Nft && !legacy.trim().is_empty()
    }

    /// The tables of x_tables that were ever used in this network namespace, one a line.
    fn legacy_tables(&self) -> std::io::Result<String> {
        // thread-self: /proc/net is the namespace of the process's first thread.
        std::fs::read_to_string(match self.family {
            Family::Ipv4 => "/proc/thread-self/net/ip_tables_names",
            Family::Ipv6 => "/proc/thread-self/net/ip6_tables_names",
        })
    }

    /// The command that somebody can type to do the same.
    pub fn command_line<S: AsRef<str>>(&self, table: &str, words: &[S]) -> String {
        let words: Vec<String> = words.iter().map(|word| shell_word(word.as_ref())).collect();
        format!("{} -t {table} {}", self.path, words.join(" "))
    }
}

/// The command that adds (`-A`) or deletes (`-D`) somebody else's rule, for somebody to type.
pub fn line_of(family: Family, command: &str, foreign: &ForeignMark) -> String {
    let words: Vec<String> = foreign.words.iter().map(|word| shell_word(word)).collect();
    let (table, chain) = (&foreign.table, shell_word(&foreign.chain));
    let words = words.join(" ");
    format!("{} -t {table} {command} {chain} {words}", family.iptables())
}

/// Links of the distributions end at the multi-call binary of one back end; that spares a run.
fn back_end_by_name(path: &str) -> Option<BackEnd> {
    let end = std::fs::canonicalize(path).ok()?;
    match end.file_name()?.to_str()? {
        "xtables-nft-multi" | "iptables-nft" | "ip6tables-nft" => Some(BackEnd::Nft),
        "xtables-legacy-multi" | "iptables-legacy" | "ip6tables-legacy" => Some(BackEnd::Legacy),
        _ => None,
    }
}

/// Checks that a word stays one word, and itself, on its way through the crate.
///
/// The crate splits at spaces and takes quotes off, so that text with either could become
/// options. No word that is made from typed fields has any of it; this is the second lock.
///
/// # Errors
/// `invalid` for an empty word, quotes, spaces, control characters, and whatever is not ASCII.
pub fn word(text: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\'';
    if !text.is_empty() && text.bytes().all(plain) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{text:?} cannot be a word of an iptables rule"
    )))
}

/// What a run answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    family: Family,
    table: &'static str,
    status: Option<i32>,
    signal: Option<i32>,
    /// What it printed.
    pub stdout: String,
    stderr: String,
}

impl Answer {
    fn new(family: Family, table: &'static str, output: &Output) -> Answer {
        Answer {
            family,
            table,
            status: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Makes an error of every exit status but 0.
    ///
    /// # Errors
    /// `not_permitted`, `unsupported`, `busy` or `refused`, with what iptables said.
    pub fn check(self) -> Result<String> {
        if self.status == Some(0) {
            return Ok(self.stdout);
        }
        let said = self.said();
        let has = |part: &str| said.contains(part);
        let lacks = ["missing kernel module", "Couldn't load match"];
        Err(if let Some(signal) = self.signal {
            Error::new(
                Kind::Interrupted,
                format!("iptables was ended by signal {signal}"),
            )
        } else if has("you must be root") || has("Permission denied") {
            Error::new(Kind::NotPermitted, said).hint("run it as root (CAP_NET_ADMIN)")
        } else if has("Another app is currently holding the xtables lock")
            || has("Resource temporarily unavailable")
        {
            Error::new(Kind::Busy, said).hint("another iptables holds the lock: try again")
        } else if has("lock file") {
            // Only the legacy back end has one, in /run.
            Error::new(Kind::Unsupported, said)
                .hint("make /run writable (a unit's ReadWritePaths=), or use iptables-nft")
        } else if has("is incompatible") || has("Parsing nftables rule failed") {
            nft_only(self.family, self.table, &said)
        } else if has("can't initialize") || has("Failed to initialize nft") {
            let table = self.table;
            Error::new(Kind::Unsupported, said).hint(format!(
                "the kernel needs the {table} table: modprobe iptable_{table}, or nf_tables"
            ))
        } else if has("ipvs") && lacks.iter().any(|words| has(words)) {
            Error::new(
                Kind::Unsupported,
                format!("the match \"ipvs\" is missing, of iptables or of the kernel ({said})"),
            )
            .hint("load it: modprobe xt_ipvs; libxt_ipvs.so of the package iptables is its other part")
        } else {
            Error::new(Kind::Refused, said)
        })
    }

    /// What it said, in one line: without its name and version, and without its advertisement.
    fn said(&self) -> String {
        let said: Vec<&str> = self
            .stderr
            .lines()
            .map(|line| match line.split_once(": ") {
                Some((name, rest)) if name.starts_with("ip") => rest.trim(),
                _ => line.trim(),
            })
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '\0']))
            .filter(|line| {
                let noise = [
                    "Try `",
                    "Perhaps iptables",
                    "Perhaps ip6tables",
                    "modprobe: ",
                ];
                !noise.iter().any(|start| line.starts_with(start))
            })
            .collect();
        match (said.is_empty(), self.status) {
            (true, Some(status)) => format!("exit status {status}, without a word"),
            (true, None) => "it ended without an exit status".to_owned(),
            (false, _) => said.join("; "),
        }
    }
}

/// A table of nftables that has what only nft can read: iptables reads none of it then, and so our
/// rules cannot be read back either.
fn nft_only(family: Family, table: &str, said: &str) -> Error {
    let word = match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    };
    // One text, for a lack is kept without hints ([`crate::model::MarkSupport`]).
    Error::new(
        Kind::Unsupported,
        format!(
            "the table {word} {table} of nftables has a rule or chain that {} cannot read, and so it \
             reads no rule of it ({said}): find it with nft -a list table {word} {table}, move it to a \
             table of another name, and take it out with nft delete rule {word} {table} CHAIN handle \
             NUMBER",
            family.iptables()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: i32, stderr: &str) -> Error {
        Answer {
            family: Family::Ipv4,
            table: "mangle",
            status: Some(status),
            signal: None,
            stdout: String::new(),
            stderr: stderr.to_owned(),
        }
        .check()
        .unwrap_err()
    }

    #[test]
    fn words_that_could_become_options_are_refused() {
        for text in [
            "",
            "eth0 -j ACCEPT",
            "eth0\t-j",
            "a\"b",
            "'a'",
            "a\nb",
            "caf\u{e9}",
            "\u{a0}",
            "a\0b",
        ] {
            assert!(word(text).is_err(), "{text:?}");
        }
        for text in ["-j", "0x29a/0xffffffff", "2001:db8::/64", "eth+", "a!b"] {
            assert!(word(text).is_ok(), "{text:?}");
        }
    }

    /// What 1.8.9 said to `-t mangle -S` (and to `-X`, `-I IPVSH 99`, `-p 256`): the lock held by
    /// flock(2), no /lib/modules, an unprivileged user, a chain of type filter made by nft, /run
    /// read-only.
    #[test]
    fn failures_are_told_apart() {
        for (status, stderr, kind, said) in [
            (
                4,
                "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 1s.\n",
                Kind::Busy,
                "Can't lock /run/xtables.lock: Resource temporarily unavailable; Another app is currently holding the xtables lock. Stopped waiting after 1s.",
            ),
            (
                3,
                "modprobe: FATAL: Module ip_tables not found in directory /lib/modules/6.1.0-56-cloud-amd64\niptables v1.8.9 (legacy): can't initialize iptables table `mangle': Table does not exist (do you need to insmod?)\nPerhaps iptables or your kernel needs to be upgraded.\n",
                Kind::Unsupported,
                "can't initialize iptables table `mangle': Table does not exist (do you need to insmod?)",
            ),
            (
                4,
                "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n",
                Kind::NotPermitted,
                "Could not fetch rule set generation id: Permission denied (you must be root)",
            ),
            (
                4,
                "iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain IPVSH\n",
                Kind::Refused,
                "CHAIN_DEL failed (Device or resource busy): chain IPVSH",
            ),
            (
                1,
                "iptables: Index of insertion too big.\n",
                Kind::Refused,
                "Index of insertion too big.",
            ),
            (
                2,
                "iptables v1.8.9 (legacy): unknown protocol \"256\" specified\nTry `iptables -h' or 'iptables --help' for more information.\n",
                Kind::Refused,
                "unknown protocol \"256\" specified",
            ),
            (
                1,
                "iptables: Failed to initialize nft: Protocol not supported\n",
                Kind::Unsupported,
                "Failed to initialize nft: Protocol not supported",
            ),
            (
                1,
                "iptables v1.8.9 (nf_tables): table `mangle' is incompatible, use 'nft' tool.\n\n",
                Kind::Unsupported,
                "the table ip mangle of nftables has a rule or chain that iptables cannot read, and so it reads no rule of it (table `mangle' is incompatible, use 'nft' tool.): find it with nft -a list table ip mangle, move it to a table of another name, and take it out with nft delete rule ip mangle CHAIN handle NUMBER",
            ),
            (
                4,
                "Warning: Extension ipvs revision 0 not supported, missing kernel module?\niptables v1.8.9 (nf_tables):  RULE_APPEND failed (No such file or directory): rule in chain IPVSH\n",
                Kind::Unsupported,
                "the match \"ipvs\" is missing, of iptables or of the kernel (Warning: Extension ipvs revision 0 not supported, missing kernel module?; RULE_APPEND failed (No such file or directory): rule in chain IPVSH)",
            ),
            (
                2,
                "iptables v1.8.9 (legacy): Couldn't load match `ipvs':No such file or directory\n\nTry `iptables -h' or 'iptables --help' for more information.\n",
                Kind::Unsupported,
                "the match \"ipvs\" is missing, of iptables or of the kernel (Couldn't load match `ipvs':No such file or directory)",
            ),
            (
                4,
                "Fatal: can't open lock file /run/xtables.lock: Read-only file system\n",
                Kind::Unsupported,
                "Fatal: can't open lock file /run/xtables.lock: Read-only file system",
            ),
            (1, "", Kind::Refused, "exit status 1, without a word"),
        ] {
            let error = failed(status, stderr);
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, said));
        }
    }

    #[test]
    fn a_missing_binary_has_a_reason() {
        let error = Tool::find(Family::Ipv6, Some("/nonexistent/ip6tables")).unwrap_err();
        assert_eq!(error.to_string(), "ip6tables is not installed");
        assert_eq!(error.kind(), Kind::Unsupported);
    }

    /// A stand-in for iptables, run as the crate runs it and past the crate.
    #[test]
    fn iptables_that_outlives_its_time_is_killed_before_the_error() {
        let dir = tempfile::tempdir().unwrap();
        let (path, written) = (dir.path().join("iptables"), dir.path().join("written"));
        let script = format!(
            "#!/bin/sh\ntrap '' TERM HUP INT\nsleep 4\necho \"$@\" > {}\n",
            written.display()
        );
        // Another process writes it: a test beside this one may fork while this one has it open, and
        // what is open for writing cannot be run (ETXTBSY).
        let make = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let made = Command::new("/bin/sh")
            .args(["-c", make, "sh", &script])
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        let tool = Tool {
            path: path.display().to_string().leak(),
            family: Family::Ipv4,
            back_end: BackEnd::Legacy,
        };
        let words = ["-A", "IPVSH", "-j", "RETURN"];
        for running in [
            tool.start("mangle", &words),
            tool.start_verbatim("mangle", &words),
        ] {
            let error = running
                .unwrap()
                .answer_within(Duration::from_secs(1))
                .unwrap_err();
            assert_eq!(error.kind(), Kind::Busy);
            assert!(
                error
                    .message()
                    .ends_with("no answer in 1 seconds; it was killed")
            );
        }
        std::thread::sleep(Duration::from_secs(4));
        assert!(!written.exists());
    }

    #[test]
    fn command_lines_can_be_typed() {
        let tool = Tool {
            path: "/usr/sbin/iptables",
            family: Family::Ipv4,
            back_end: BackEnd::Nft,
        };
        assert_eq!(
            tool.command_line("mangle", &["-A", "IPVSH", "--comment", "it's"]),
            "/usr/sbin/iptables -t mangle -A IPVSH --comment 'it'\\''s'"
        );
    }
}
