//! What the prompt shows of the state, and what it starts with.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::lab::{Terminal, lab, prompt, start};

#[test]
fn staged_changes_show_in_the_prompt_until_they_are_committed() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\").server(\"10.0.0.11\")");
    session.shows("sim*2> ");
    session.line("plan");
    session.shows("+ tcp 192.0.2.10:80");
    session.shows("2 changes planned, nothing done");
    session.shows("sim*2> ");
    session.line("commit(\"by hand\")");
    session.shows("snapshot 1 (the first), 2 changes, verified");
    session.shows("sim> ");
    session.line("history");
    session.matches(r" \+2 +by hand");
    session.leave();
}

/// Runs the program beside a prompt, on the same database.
fn beside(dir: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .args(["--sim", "--db"])
        .arg(dir.join("db"))
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_snapshot_holds_what_was_typed_for_it() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for line in [
        "let w = tcp(\"192.0.2.9:80\"); ()",
        "discard",
        "let w = tcp(\"192.0.2.10:80\"); ()",
        "w.server(\"10.0.0.11\"); ()",
        "print(6 * 7)",
        "w.server(\"10.0.0.11\", #{ weight: }",
    ] {
        session.line(line);
        session.shows("> ");
    }
    session.line("commit");
    session.shows("snapshot 1");
    session.shows("sim> ");
    let typed = |listed: &str| -> Vec<Option<String>> {
        let listed: serde_json::Value = serde_json::from_str(listed).unwrap();
        let all = listed.as_array().unwrap();
        let typed = all.iter().map(|one| one["typed"].as_str());
        typed.map(|lines| lines.map(str::to_owned)).collect()
    };
    let staged = "let w = tcp(\"192.0.2.10:80\"); ()\nw.server(\"10.0.0.11\"); ()".to_owned();
    assert_eq!(
        typed(&beside(dir.path(), &["history", "--json"])),
        [Some(staged)]
    );
    let shown = beside(dir.path(), &["history", "-p"]);
    let wanted =
        "  typed let w = tcp(\"192.0.2.10:80\"); ()\n        w.server(\"10.0.0.11\"); ()\n";
    assert!(shown.contains(wanted), "{shown}");

    // A question's answer is no line, and what was committed is not recorded again.
    session.line("remove_all(); commit(\"all gone\", #{ allow_removals: true })");
    session.shows("snapshot 2");
    session.shows("sim> ");
    beside(dir.path(), &["-e", "timeouts(#{ udp: 60 })"]);
    let all = typed(&beside(dir.path(), &["history", "--json"]));
    let cleared = "remove_all(); commit(\"all gone\", #{ allow_removals: true })".to_owned();
    assert_eq!(all[..2], [None, Some(cleared)]);
    session.leave();
}

#[test]
fn a_simulated_kernel_follows_what_another_process_commits() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\"); commit(\"mine\")");
    session.shows("snapshot 1");
    session.shows("sim> ");
    beside(
        dir.path(),
        &["-m", "theirs", "-e", "tcp(\"192.0.2.11:80\")"],
    );
    session.line("plan");
    session.shows("note: the simulated kernel follows snapshot 2 \"theirs\" by ");
    session.shows("the kernel is as snapshot 2 has it");
    session.shows("sim> ");
    session.line("services");
    session.shows("192.0.2.11:80");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn an_open_prompt_does_not_hold_the_database() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("timeouts(#{ tcp: 600 }); commit(\"mine\")");
    session.shows("snapshot 1");
    let other = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .args(["--sim", "-e", "timeouts(#{ udp: 60 })", "--db"])
        .arg(dir.path().join("db"))
        .output()
        .unwrap();
    assert!(other.status.success(), "{other:?}");
    session.shows("sim> ");
    session.line("history");
    session.matches("(?m)^2 ");
    session.leave();
}

#[test]
fn the_prompt_counts_what_is_left_to_confirm() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\"); commit(\"x\", #{ confirm: 600 });");
    session.shows("unless: confirm");
    session.matches(r"sim \(confirm: (600|5[0-9]{2}) s\)> ");
    session.line("confirm");
    session.shows("snapshot 1 confirmed, ");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn own_functions_come_from_the_startup_file() {
    let dir = lab();
    let config = dir.path().join(".config/ipvsh");
    std::fs::create_dir_all(&config).unwrap();
    let file = config.join("init.rhai");
    std::fs::write(&file, "fn double(n) { n * 2 }").unwrap();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&config, 0o700);
    mode(&file, 0o600);
    let mut session = prompt(dir.path());
    session.line("double(21)");
    session.shows("\n42");
    session.leave();
    mode(&file, 0o666);
    let mut session = start(dir.path(), &[]);
    session.shows("can be written by others");
    session.shows("sim> ");
    session.line("double(21)");
    session.shows("there is no function double");
    session.leave();
}

#[test]
fn a_commit_that_the_prompt_cannot_report_is_status_7() {
    let dir = lab();
    // Another terminal, which ends with its program.
    let mut screen = Command::new("script")
        .args(["-qec", "tty; sleep 600", "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(screen.stdout.take().unwrap());
    let mut terminal = String::new();
    shown.read_line(&mut terminal).unwrap();
    let terminal = terminal.trim();
    let mut shell = Command::new("sh");
    let ipvsh = env!("CARGO_BIN_EXE_ipvsh");
    let line = format!("{ipvsh} --sim --db db >{terminal} 2>said; echo ended=$?");
    shell
        .args(["-c", &line])
        .env("TERM", "xterm")
        .env("HOME", dir.path())
        .current_dir(dir.path());
    let mut shell = Terminal::of(shell);
    shell.line("print(1); timeouts(#{ tcp: 600 }); sleep(2); commit();");
    let mut line = String::new();
    while line.trim() != "1" {
        line.clear();
        assert!(shown.read_line(&mut line).unwrap() > 0);
    }
    // Writing to a terminal that is gone is EIO.
    screen.kill().unwrap();
    screen.wait().unwrap();
    shell.shows("ended=7");
    let said = std::fs::read_to_string(dir.path().join("said")).unwrap();
    let end = "Error: cannot write to standard output: Input/output error (os error 5)\n\
               Hint: snapshot 1 stands\n";
    assert!(said.ends_with(end), "{said}");
}
