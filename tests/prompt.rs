//! The prompt in a pseudo-terminal, as its user meets it.

#![allow(clippy::unwrap_used)] // a test may give up

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use tempfile::TempDir;

/// How long anything may take, in milliseconds.
const PATIENCE: u64 = 20_000;

fn prompt(dir: &Path) -> PtySession {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command
        .env_clear()
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("HOME", dir)
        .env("TZ", "UTC")
        .current_dir(dir)
        .args(["--sim", "--db"])
        .arg(dir.join("db"));
    let mut session = spawn_command(command, Some(PATIENCE)).unwrap();
    session.exp_string("Ctrl-D leaves").unwrap();
    session.exp_string("ipvsh> ").unwrap();
    session
}

fn lab() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Ends with Ctrl-D; the exit status must be 0.
fn leave(mut session: PtySession) {
    session.send_control('d').unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn lines_are_run_and_their_values_shown() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("40 + 2").unwrap();
    session.exp_string("\n42").unwrap();
    // The second is typed while the first runs.
    session.send_line("let x = 7;").unwrap();
    session.send_line("x * 6").unwrap();
    session.exp_string("\n42").unwrap();
    leave(session);
}

#[test]
fn staged_changes_show_in_the_prompt_until_they_are_committed() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session
        .send_line("tcp(\"192.0.2.10:80\").server(\"10.0.0.11\")")
        .unwrap();
    session.exp_string("ipvsh*1> ").unwrap();
    session.send_line("plan").unwrap();
    session.exp_string("+ tcp 192.0.2.10:80").unwrap();
    session
        .exp_string("2 changes planned, nothing done")
        .unwrap();
    session.exp_string("ipvsh*1> ").unwrap();
    session.send_line("commit(\"by hand\")").unwrap();
    session
        .exp_string("snapshot 1 (the first), 2 changes, verified")
        .unwrap();
    session.exp_string("ipvsh> ").unwrap();
    session.send_line("history").unwrap();
    session.exp_string("by hand").unwrap();
    leave(session);
}

#[test]
fn a_block_goes_on_over_several_lines() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("for n in 1..4 {").unwrap();
    session.send_line("    print(`line ${n * 11}`);").unwrap();
    session.send_line("}").unwrap();
    for line in ["line 11", "line 22", "line 33"] {
        session.exp_string(line).unwrap();
    }
    leave(session);
}

#[test]
fn an_error_is_shown_and_the_prompt_goes_on() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("tpc(\"192.0.2.10:80\")").unwrap();
    session.exp_string("Error: ").unwrap();
    session.exp_string("ipvsh> ").unwrap();
    session.send_line("1 + 1").unwrap();
    session.exp_string("\n2").unwrap();
    leave(session);
}

#[test]
fn ctrl_c_clears_the_line() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send("throw 1").unwrap();
    session.flush().unwrap();
    session.exp_string("throw 1").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("ipvsh> ").unwrap();
    session.send_line("2 + 3").unwrap();
    session.exp_string("\n5").unwrap();
    leave(session);
}

#[test]
fn ctrl_c_interrupts_what_runs() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("print(\"go\"); loop { }").unwrap();
    session.exp_string("\ngo").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("interrupted by SIGINT").unwrap();
    session.exp_string("ipvsh> ").unwrap();
    session.send_line("3 + 3").unwrap();
    session.exp_string("\n6").unwrap();
    leave(session);
}

#[test]
fn leaving_with_staged_changes_asks_once() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("timeouts(#{ tcp: 600 })").unwrap();
    session.exp_string("ipvsh*1> ").unwrap();
    session.send_line("exit").unwrap();
    session
        .exp_string("1 change staged and not committed: leave without? [y/N]")
        .unwrap();
    session.send_line("n").unwrap();
    session.exp_string("ipvsh*1> ").unwrap();
    session.send_control('d').unwrap();
    session.exp_string("[y/N]").unwrap();
    session.send_control('d').unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn exit_ends_with_its_status() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("exit(3)").unwrap();
    session.exp_eof().unwrap();
    let status = session.process().wait().unwrap();
    assert!(format!("{status:?}").contains(", 3)"), "{status:?}");
}

#[test]
fn lines_are_kept_for_the_next_time() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send_line("print(\"kept\")").unwrap();
    session.exp_string("\nkept").unwrap();
    session.exp_string("ipvsh> ").unwrap();
    leave(session);
    let file = dir.path().join(".local/state/ipvsh-shell/history");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let mut session = prompt(dir.path());
    session.send("\x1b[A").unwrap();
    session.flush().unwrap();
    session.exp_string("print(\"kept\")").unwrap();
    session.send_line("").unwrap();
    session.exp_string("\nkept").unwrap();
    leave(session);
}

#[test]
fn words_and_functions_complete() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.send("timeo\t").unwrap();
    session.flush().unwrap();
    session.exp_string("timeouts").unwrap();
    session.send_line("()").unwrap();
    session.exp_string("ipvsh> ").unwrap();
    leave(session);
}

#[test]
fn an_open_prompt_does_not_hold_the_database() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session
        .send_line("timeouts(#{ tcp: 600 }); commit(\"mine\")")
        .unwrap();
    session.exp_string("snapshot 1").unwrap();
    let other = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .args(["--sim", "-e", "timeouts(#{ udp: 60 })", "--db"])
        .arg(dir.path().join("db"))
        .output()
        .unwrap();
    assert!(other.status.success(), "{other:?}");
    session.exp_string("ipvsh> ").unwrap();
    session.send_line("history").unwrap();
    session.exp_regex("(?m)^2 ").unwrap();
    leave(session);
}

fn run_on_terminal(dir: &Path, args: &[&str]) -> PtySession {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command
        .env("NO_COLOR", "1")
        .args(["--sim", "--db"])
        .arg(dir.join("db"))
        .args(args);
    spawn_command(command, Some(PATIENCE)).unwrap()
}

#[test]
fn a_bare_rollback_asks() {
    let dir = lab();
    let run = |args: &[&str]| run_on_terminal(dir.path(), args);
    for seconds in ["600", "700"] {
        let code = format!("timeouts(#{{ tcp: {seconds} }})");
        run(&["-e", &code]).exp_eof().unwrap();
    }
    let mut session = run(&["rollback"]);
    session.exp_string("~ tcp 700 -> 600").unwrap();
    session.exp_string("Roll back to snapshot 1").unwrap();
    session.exp_string("[y/N] ").unwrap();
    session.send_line("n").unwrap();
    session.exp_string("nothing changed").unwrap();
    session.exp_eof().unwrap();
    let mut session = run(&["rollback"]);
    session.exp_string("[y/N] ").unwrap();
    session.send_line("y").unwrap();
    session
        .exp_string("snapshot 3 (2 before), 1 change, verified")
        .unwrap();
    session.exp_eof().unwrap();
    let mut session = run(&["rollback", "2"]);
    session.exp_string("snapshot 4").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn a_terminal_is_asked_before_a_large_removal() {
    let dir = lab();
    let run = |args: &[&str]| run_on_terminal(dir.path(), args);
    run(&["-e", "for n in 1..=10 { tcp(`192.0.2.${n}:80`) }"])
        .exp_eof()
        .unwrap();
    let mut session = run(&["-e", "clear()"]);
    session
        .exp_string("this would remove 10 of 10 virtual services. Go on? [y/N] ")
        .unwrap();
    session.send_line("").unwrap();
    session.exp_string("Error: refused").unwrap();
    session.exp_eof().unwrap();
    let mut session = run(&["-e", "clear()"]);
    session.exp_string("[y/N] ").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("Error: refused").unwrap();
    session.exp_eof().unwrap();
    let mut session = run(&["-e", "clear()"]);
    session.exp_string("[y/N] ").unwrap();
    session.send_line("yes").unwrap();
    session.exp_string("snapshot 2 (1 before)").unwrap();
    session.exp_eof().unwrap();
    run(&["rollback", "1"]).exp_eof().unwrap();
    let mut session = run(&["-y", "-e", "clear()"]);
    session.exp_string("snapshot 4 (3 before)").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn the_prompt_counts_what_is_left_to_confirm() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session
        .send_line("tcp(\"192.0.2.10:80\"); commit(\"x\", #{ confirm: 600 });")
        .unwrap();
    session.exp_string("unless: ipvsh confirm").unwrap();
    session
        .exp_regex(r"ipvsh \(confirm: (600|5[0-9]{2}) s\)> ")
        .unwrap();
    session.send_line("confirm").unwrap();
    session.exp_string("snapshot 1 is confirmed").unwrap();
    session.exp_string("ipvsh> ").unwrap();
    leave(session);
}
