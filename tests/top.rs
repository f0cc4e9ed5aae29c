//! `ipvsh top` in a pseudo-terminal: keys, a window that is resized, the terminal afterwards.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may give up

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

/// How long anything may take, in milliseconds.
const PATIENCE: u64 = 30_000;

/// What switches to the full screen, and back.
const TAKEN: &str = "\x1b[?1049h";
const GIVEN_BACK: &str = "\x1b[?1049l";

const SITE: &str = r#"
    tcp("192.0.2.10:80", #{ scheduler: "wrr", servers: ["10.0.0.11", "10.0.0.12"] });
    udp("192.0.2.53:53", #{ scheduler: "rr", servers: ["10.0.0.53"] });
"#;

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command
        .env_clear()
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("HOME", dir)
        .env("TZ", "UTC")
        .current_dir(dir)
        .args(["--sim", "--db"])
        .arg(dir.join("db"))
        .args(args);
    command
}

fn lab() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = command(dir.path(), &["-e", SITE]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    dir
}

/// A terminal of that size with a shell in it, so that it is there when the program ended.
fn shell(dir: &Path, width: u16, height: u16) -> PtySession {
    let mut command = Command::new("sh");
    let ipvsh = format!(
        "{} --sim --db {}",
        env!("CARGO_BIN_EXE_ipvsh"),
        dir.join("db").display()
    );
    command
        .env_clear()
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("PS1", "shell> ")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("IPVSH", ipvsh)
        .current_dir(dir)
        .arg("-i");
    let mut session = spawn_command(command, Some(PATIENCE)).unwrap();
    resize(&session, width, height);
    session.exp_string("shell> ").unwrap();
    session
}

fn resize(session: &PtySession, width: u16, height: u16) {
    let size = Winsize {
        ws_col: width,
        ws_row: height,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = session.process().get_file_handle().unwrap();
    tcsetwinsize(&terminal, size).unwrap();
}

fn press(session: &mut PtySession, keys: &str) {
    session.send(keys).unwrap();
    session.flush().unwrap();
}

/// Presses keys, lets everything be drawn anew, and reads as far as a word.
fn screen(session: &mut PtySession, keys: &str, end: &str) -> String {
    press(session, keys);
    session.send_control('l').unwrap();
    session.exp_string("\x1b[2J").unwrap();
    session.exp_string(end).unwrap()
}

fn start(session: &mut PtySession, line: &str) {
    session.send_line(line).unwrap();
    session.exp_string(TAKEN).unwrap();
    session.exp_string("total").unwrap();
}

fn ends(session: &mut PtySession, status: &str) {
    session.exp_string(GIVEN_BACK).unwrap();
    session.exp_string("shell> ").unwrap();
    session.send_line("echo status=$?; stty -a").unwrap();
    session.exp_string(&format!("status={status}")).unwrap();
    // Lines and signals are the terminal's again, not the program's.
    for modes in [r"[ \n]icrnl ", r"[ \n]opost ", r"[ \n]isig icanon "] {
        session.exp_regex(modes).unwrap();
    }
    leave(session);
}

/// Ends the shell.
fn leave(session: &mut PtySession) {
    session.exp_string("shell> ").unwrap();
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn it_sorts_filters_unfolds_and_gives_the_terminal_back() {
    let dir = lab();
    let mut session = shell(dir.path(), 100, 24);
    start(&mut session, "$IPVSH top");
    let all = screen(&mut session, "<r", "freeze");
    let place = |name| all.find(name).unwrap();
    assert!(place("192.0.2.53:53") < place("192.0.2.10:80"), "{all}");
    let one = screen(&mut session, "/53\r", "filter:");
    assert!(
        one.contains("192.0.2.53:53") && !one.contains("192.0.2.10:80"),
        "{one}"
    );
    let unfolded = screen(&mut session, "\x1b[C", "filter:");
    assert!(unfolded.contains("10.0.0.53:53"), "{unfolded}");
    let help = screen(&mut session, "?", "thousands");
    assert!(help.contains("reverse"), "{help}");
    let question = screen(&mut session, "xz", "[y/N]");
    assert!(question.contains("counters"), "{question}");
    let answer = screen(&mut session, "y", "are");
    assert!(!answer.contains("filter"), "{answer}");
    screen(&mut session, " ", "frozen");
    press(&mut session, "q");
    ends(&mut session, "0");
}

#[test]
fn it_follows_the_size_of_the_window() {
    let dir = lab();
    let mut session = shell(dir.path(), 40, 10);
    start(&mut session, "$IPVSH top");
    session.exp_string("quit").unwrap();
    resize(&session, 120, 30);
    session.exp_string("scheduler").unwrap();
    session.exp_string("counters").unwrap();
    session.send_control('c').unwrap();
    ends(&mut session, "0");
}

#[test]
fn it_stops_for_the_shell_and_goes_on() {
    let dir = lab();
    let mut session = shell(dir.path(), 80, 24);
    start(&mut session, "$IPVSH top");
    session.send_control('z').unwrap();
    session.exp_string(GIVEN_BACK).unwrap();
    session.exp_string("shell> ").unwrap();
    start(&mut session, "fg");
    press(&mut session, "q");
    ends(&mut session, "0");
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_given_back() {
    let dir = lab();
    for (signal, status) in [("TERM", "1"), ("INT", "0"), ("HUP", "1")] {
        let mut session = shell(dir.path(), 80, 24);
        let line = format!("sh -c '(sleep 1; kill -{signal} $$) & exec $IPVSH top'");
        start(&mut session, &line);
        ends(&mut session, status);
    }
}

#[test]
fn the_prompt_and_scripts_open_it_and_go_on() {
    let dir = lab();
    let mut session = shell(dir.path(), 80, 24);
    start(&mut session, "$IPVSH -e 'top(\"192.0.2.10:80\"); 40 + 2'");
    session.exp_string("10.0.0.12:80").unwrap();
    press(&mut session, "q");
    session.exp_string(GIVEN_BACK).unwrap();
    session.exp_string("42").unwrap();
    session.exp_string("shell> ").unwrap();
    session.send_line("$IPVSH").unwrap();
    session.exp_string("sim> ").unwrap();
    start(&mut session, "top()");
    press(&mut session, "q");
    session.exp_string("sim> ").unwrap();
    session.send_line("6 * 7").unwrap();
    session.exp_string("42").unwrap();
    session.send_control('d').unwrap();
    leave(&mut session);
}

/// The children of a process.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|one| one.parse().ok())
        .collect()
}

#[test]
fn it_ends_when_its_terminal_is_gone() {
    let dir = lab();
    let shown = dir.path().join("shown");
    let line = format!(
        "exec {} --sim --db {} top",
        env!("CARGO_BIN_EXE_ipvsh"),
        dir.path().join("db").display()
    );
    // A terminal whose other side can be killed; a signal of it must not be what ends the program.
    let mut terminal = Command::new("script")
        .args(["-qfec", &format!("trap '' HUP; {line}")])
        .arg(&shown)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let is_shown = || std::fs::read_to_string(&shown).is_ok_and(|text| text.contains(TAKEN));
    until(is_shown);
    let program = children(terminal.id()).pop().unwrap();
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let process = format!("/proc/{program}");
    until(|| !Path::new(&process).exists());
}

fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..PATIENCE / 50 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("in vain");
}

/// crossterm's default source of events forgets a key that comes together with a new size: both
/// come while it draws.
#[test]
fn a_key_is_not_lost_where_the_window_changes_in_the_same_moment() {
    let dir = lab();
    let mut session = shell(dir.path(), 300, 100);
    start(&mut session, "$IPVSH top");
    // Frozen: nothing is drawn but for keys and sizes.
    press(&mut session, " ");
    for _ in 0..20 {
        resize(&session, 1000, 300);
        session.exp_string("\x1b[2J").unwrap();
        resize(&session, 300, 100);
        press(&mut session, "h");
        session.exp_string("Ctrl-Z").unwrap();
        press(&mut session, "h");
    }
    press(&mut session, "q");
    ends(&mut session, "0");
}

#[test]
fn no_size_of_a_terminal_is_a_bug() {
    let dir = lab();
    let mut session = shell(dir.path(), 65535, 65535);
    for (width, height) in [
        (65535, 65535),
        (65535, 1),
        (1, 65535),
        (1, 1),
        (0, 0),
        (65535, 0),
        (2, 2),
    ] {
        resize(&session, width, height);
        session.send_line("$IPVSH top; echo ended=$?").unwrap();
        session.exp_string(TAKEN).unwrap();
        // The window grows and shrinks while it is shown.
        resize(&session, 65535, 65535);
        session.send("h").unwrap();
        session.flush().unwrap();
        resize(&session, width, height);
        session.send("hq").unwrap();
        session.flush().unwrap();
        session.exp_string(GIVEN_BACK).unwrap();
        session.exp_string("ended=0").unwrap();
        session.exp_string("shell> ").unwrap();
        for line in ["show", "status"] {
            let line = format!("IPVSH_PAGER= $IPVSH {line}; echo ended=$?");
            session.send_line(&line).unwrap();
            session.exp_string("ended=0").unwrap();
            session.exp_string("shell> ").unwrap();
        }
    }
}
