//! A prompt, or another program, in a pseudo-terminal.

use std::path::Path;
use std::process::Command;

use rexpect::ReadUntil;
use rexpect::session::{PtySession, spawn_command};
use tempfile::TempDir;

/// How long anything may take, in milliseconds.
const PATIENCE: u64 = 20_000;

/// A directory for a database, and for what the user has.
pub fn lab() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A prompt that is ready.
pub fn prompt(dir: &Path) -> Terminal {
    let mut session = start(dir, &[("IPVSH_PAGER", "")]);
    session.shows("Ctrl-D leaves");
    session.shows("sim> ");
    session
}

/// Starts a prompt; what it says first is not read yet.
pub fn start(dir: &Path, environment: &[(&str, &str)]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command
        .env_clear()
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("HOME", dir)
        .env("TZ", "UTC")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .current_dir(dir)
        .args(["--sim", "--db"])
        .arg(dir.join("db"));
    Terminal::of(command)
}

/// Runs the program on a terminal.
pub fn run_on_terminal(dir: &Path, args: &[&str]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command
        .env("NO_COLOR", "1")
        .args(["--sim", "--db"])
        .arg(dir.join("db"))
        .args(args);
    Terminal::of(command)
}

/// A terminal with a program in it. What does not come in time is a failure.
pub struct Terminal {
    session: PtySession,
    /// Whether a line was typed whose answer is not read to the next prompt yet. The terminal is in its ordinary mode
    /// while a line runs: a key that is pressed then, such as Ctrl-D, means something else and gets lost.
    answering: bool,
}

impl Terminal {
    /// Starts a program in a terminal.
    pub fn of(command: Command) -> Terminal {
        Terminal {
            session: spawn_command(command, Some(PATIENCE)).unwrap(),
            answering: false,
        }
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) {
        self.session.send_line(text).unwrap();
        self.answering = true;
    }

    /// Types without a newline.
    pub fn types(&mut self, text: &str) {
        self.session.send(text).unwrap();
        self.answering |= text.ends_with('\r');
        self.session.flush().unwrap();
    }

    /// Sends bytes as they are.
    pub fn sends(&mut self, bytes: &[u8]) {
        use std::io::Write;
        let mut terminal = self.session.process().get_file_handle().unwrap();
        terminal.write_all(bytes).unwrap();
    }

    /// Presses a key with Ctrl.
    pub fn control(&mut self, key: char) {
        self.session.send_control(key).unwrap();
    }

    /// Waits until a text is shown; gives what came before it.
    pub fn shows(&mut self, text: &str) -> String {
        let before = self.session.exp_string(text).unwrap();
        self.answering &= !text.ends_with("> ");
        before
    }

    /// Types a line; gives what is said of it up to the next prompt. Every question is answered with no.
    pub fn says(&mut self, text: &str) -> String {
        self.line(text);
        let mut said = String::new();
        loop {
            let ends = ["\x1b[?2004h", "[y/N] "].map(|end| ReadUntil::String(end.to_owned()));
            let (before, end) = self.session.exp_any(ends.into()).unwrap();
            said.push_str(&before);
            if end.contains("2004h") {
                self.shows("> ");
                return said;
            }
            self.session.send_line("n").unwrap();
        }
    }

    /// Waits until something is shown that a regular expression matches.
    pub fn matches(&mut self, pattern: &str) {
        self.session.exp_regex(pattern).unwrap();
    }

    /// Drops what is typed, with Ctrl-C; the next prompt is there when this returns. What was typed
    /// ahead of it is dropped too, as everywhere.
    pub fn interrupt(&mut self) {
        self.control('c');
        self.awaits_prompt();
    }

    /// Waits until a new prompt is there.
    fn awaits_prompt(&mut self) {
        // Bracketed paste is turned on where a prompt begins, not where one is drawn again.
        self.shows("\x1b[?2004h");
        self.shows("> ");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let terminal = self.session.process().get_file_handle().unwrap();
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(terminal, size).unwrap();
    }

    /// Waits until the program has ended; gives what it said before.
    pub fn ends(&mut self) -> String {
        self.session.exp_eof().unwrap()
    }

    /// The status that the program ended with, in words.
    pub fn status(&self) -> String {
        format!("{:?}", self.session.process().wait().unwrap())
    }

    /// Ends with Ctrl-D, at the next prompt; the status must be 0.
    pub fn leave(mut self) {
        if self.answering {
            self.awaits_prompt();
        }
        self.control('d');
        self.ends();
        let status = self.status();
        assert!(status.contains(", 0)"), "{status}");
    }
}
