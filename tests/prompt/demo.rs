//! `ipvsh demo`: a prompt on a simulated director, for a user who has nothing yet.

use std::path::Path;
use std::process::Command;

use super::lab::{Terminal, lab};

/// The program with a home and a place for temporary files that can be looked at.
fn demo(dir: &Path) -> Command {
    let (home, temporary) = (dir.join("home"), dir.join("tmp"));
    for dir in [&home, &temporary] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
    command
        .env_clear()
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("IPVSH_PAGER", "")
        .env("HOME", home)
        .env("TMPDIR", temporary)
        .env("TZ", "UTC")
        .arg("demo");
    command
}

/// A demonstration at its first prompt; what it said before that.
fn started(dir: &Path) -> (Terminal, String) {
    let mut session = Terminal::of(demo(dir));
    let said = session.shows("demo> ");
    (session, said)
}

/// What was made in the user's home and among the temporary files.
fn left(dir: &Path) -> Vec<String> {
    let files = ["home", "tmp"].map(|place| std::fs::read_dir(dir.join(place)).unwrap());
    let names = files.into_iter().flatten();
    names
        .map(|file| file.unwrap().path().display().to_string())
        .collect()
}

/// The number in a column of the line that begins with a word.
fn number(table: &str, line: &str, column: usize) -> u64 {
    let found = table.lines().find(|shown| shown.trim().starts_with(line));
    let word = found.and_then(|found| found.split_whitespace().nth(column));
    word.and_then(|word| word.parse().ok()).unwrap()
}

#[test]
fn what_it_says_to_type_works_and_nothing_stays() {
    let dir = lab();
    let (mut session, said) = started(dir.path());
    for line in ["top", "status", "restore", "history", "rollback"] {
        let is_there = said.lines().any(|shown| shown.trim().starts_with(line));
        assert!(is_there, "{line}: {said}");
    }
    assert!(said.lines().count() <= 12, "{said}");

    session.line("show connections --state SYN_RECV --limit 5");
    let shown = session.shows("demo> ");
    let waiting: Vec<&str> = shown.lines().filter(|l| l.contains("SYN_RECV  ")).collect();
    assert_eq!(waiting.len(), 5, "{shown}");
    assert!(
        waiting.iter().all(|line| line.contains("10.0.0.13:80")),
        "{shown}"
    );

    session.line("status");
    let shown = session.shows("demo> ");
    assert!(
        shown.contains("~ server 10.0.0.22:53  weight 1 -> 0"),
        "{shown}"
    );
    session.line("restore");
    session.shows("repaired 1; snapshot 2 unchanged");
    session.line("status");
    session.shows("drift     none");

    session.line("history");
    session.shows("10.0.0.13 joins the web servers");
    session.line("rollback");
    session.shows("- server 10.0.0.13:80");
    session.shows("[y/N] ");
    session.line("y");
    session.shows("snapshot 3 (2 before), 1 change, verified");
    session.shows("demo> ");
    session.line("show connections --state SYN_RECV");
    session.shows("no connections");
    session.line("demo");
    session.shows("demo is a prompt of its own");
    session.leave();
    assert_eq!(left(dir.path()), Vec::<String>::new());
}

#[test]
fn its_numbers_move() {
    let dir = lab();
    let (mut session, _) = started(dir.path());
    session.line("stats");
    let first = session.shows("demo> ");
    session.line("sleep(2)");
    session.shows("demo> ");
    session.line("stats");
    let second = session.shows("demo> ");
    for line in ["tcp 192.0.2.10:80", "10.0.0.11:80"] {
        let column = line.split(' ').count();
        let (before, after) = (number(&first, line, column), number(&second, line, column));
        assert!(before > 0 && after > before, "{first}\n{second}");
    }
    session.line("top");
    session.shows("sim: 2 services, 5 servers");
    session.types("q");
    session.shows("demo> ");
    session.leave();
}

#[test]
fn a_lost_terminal_leaves_nothing_either() {
    let dir = lab();
    let (session, _) = started(dir.path());
    assert_eq!(left(dir.path()).len(), 1);
    drop(session);
    let gone = || left(dir.path()).is_empty();
    for _ in 0..100 {
        if gone() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{:?}", left(dir.path()));
}

#[test]
fn without_a_terminal_it_shows_what_the_lines_do() {
    let dir = lab();
    let shown = demo(dir.path()).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let errors = String::from_utf8(shown.stderr).unwrap();
    assert!(shown.status.success(), "{text}{errors}");
    for line in [
        "demo> show rates",
        "demo> status",
        "            ~ server 10.0.0.22:53  weight 1 -> 0",
        "repaired 1; snapshot 2 unchanged",
        "demo> rollback",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}: {text}");
    }
    assert!(!errors.contains("Error"), "{errors}");
    let told =
        "note: there is no terminal to type at: these lines were run instead, and nothing stays";
    assert!(errors.ends_with(&format!("{told}\n")), "{errors}");
    assert_eq!(left(dir.path()), Vec::<String>::new());
}

#[test]
fn a_database_of_the_users_is_refused() {
    let dir = lab();
    let refused = demo(dir.path()).args(["--db", "x"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(
        errors,
        "Error: demo has a database of its own\nHint: without --db: ipvsh demo\n"
    );
    assert_eq!(left(dir.path()), Vec::<String>::new());
}

#[test]
fn another_shells_ipvsadm_is_drift_at_the_prompt() {
    let dir = lab();
    let ipvsh = |words: &str| {
        let run = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
            .args(["--sim", "--db"])
            .arg(dir.path().join("db"))
            .args(words.split(' '))
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    ipvsh("-e tcp(\"192.0.2.10:80\",#{servers:[\"10.0.0.11\"]})");
    let mut session = super::lab::prompt(dir.path());
    ipvsh("ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.11 -w 7");
    session.line("status");
    session.shows("~ server 10.0.0.11:80  weight 1 -> 7");
    session.shows("sim> ");
    session.line("restore");
    session.shows("repaired 1");
    session.shows("sim> ");
    let listed = ipvsh("ipvsadm -Ln");
    assert!(listed.contains("Route   1      "), "{listed}");
    session.leave();
}
