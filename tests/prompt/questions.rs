//! What a terminal is asked before something is lost.

use std::process::Command;

use super::lab::{Terminal, lab, prompt, run_on_terminal};

#[test]
fn leaving_with_staged_changes_asks_once() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("timeouts(#{ tcp: 600 })");
    session.shows("sim*1> ");
    session.line("exit");
    session.shows("1 change staged. Leave without committing? [y/N]");
    session.line("n");
    session.shows("sim*1> ");
    session.control('d');
    session.shows("[y/N]");
    session.control('d');
    session.ends();
}

#[test]
fn a_bare_rollback_asks() {
    let dir = lab();
    let run = |args: &[&str]| run_on_terminal(dir.path(), args);
    for seconds in ["600", "700"] {
        let code = format!("timeouts(#{{ tcp: {seconds} }})");
        run(&["-e", &code]).ends();
    }
    let mut session = run(&["rollback"]);
    session.shows("~ tcp 700 -> 600");
    session.shows("Roll back to snapshot 1");
    session.shows("[y/N] ");
    session.line("n");
    session.shows("nothing changed");
    session.ends();
    let mut session = run(&["rollback"]);
    session.shows("[y/N] ");
    session.line("y");
    session.shows("snapshot 3 (2 before), 1 change, verified");
    session.ends();
    let mut session = run(&["rollback", "2"]);
    session.shows("snapshot 4");
    session.ends();
}

#[test]
fn a_terminal_is_asked_before_a_large_removal() {
    let dir = lab();
    let run = |args: &[&str]| run_on_terminal(dir.path(), args);
    run(&["-e", "for n in 1..=10 { tcp(`192.0.2.${n}:80`) }"]).ends();
    let mut session = run(&["-e", "clear()"]);
    session.shows("this would remove 10 of 10 virtual services. Go on? [y/N] ");
    session.line("");
    session.shows("Error: refused");
    session.ends();
    let mut session = run(&["-e", "clear()"]);
    session.shows("[y/N] ");
    session.control('c');
    session.shows("Error: refused");
    session.ends();
    let mut session = run(&["-e", "clear()"]);
    session.shows("[y/N] ");
    session.line("yes");
    session.shows("snapshot 2 (1 before)");
    session.ends();
    run(&["rollback", "1"]).ends();
    // -y answers other questions.
    let mut session = run(&["-y", "-e", "clear()"]);
    session.shows("[y/N] ");
    session.line("");
    session.shows("Error: refused");
    session.ends();
    let mut session = run(&["--allow-removals", "-e", "clear()"]);
    session.shows("snapshot 4 (3 before)");
    session.ends();
}

#[test]
fn the_prompt_asks_before_a_large_removal() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("for n in 1..=10 { tcp(`192.0.2.${n}:80`) } commit(\"all\")");
    session.shows("snapshot 1");
    session.shows("sim> ");
    session.line("clear()");
    session.shows("Error: clear(): nothing was removed");
    session.shows("Hint: `remove_all()` stages the removal of everything");
    session.shows("Hint: `clear` clears the screen");
    session.shows("sim> ");
    session.line("remove_all()");
    session.shows("sim*10> ");
    session.line("commit");
    session.shows("this would remove 10 of 10 virtual services. Go on? [y/N] ");
    session.line("n");
    session.shows("Error: refused");
    session.shows("sim*10> ");
    session.line("commit(\"none\")");
    session.shows("[y/N] ");
    session.line("y");
    session.shows("snapshot 2 (1 before)");
    session.shows("sim> ");
    session.line("history()[0].message");
    session.shows("\nnone");
    session.leave();
}

#[test]
fn an_edit_asks_before_it_commits() {
    let dir = lab();
    run_on_terminal(dir.path(), &["-e", "timeouts(#{ tcp: 600 })"]).ends();
    let edit = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
        command
            .env("NO_COLOR", "1")
            .env("TMPDIR", dir.path())
            .env_remove("VISUAL")
            .env("EDITOR", "sed -i s/600/700/")
            .args(["--sim", "--db"])
            .arg(dir.path().join("db"))
            .arg("edit");
        Terminal::of(command)
    };
    for answer in ["n", "", "q"] {
        let mut session = edit();
        session.shows("~ tcp 600 -> 700");
        session.shows("Commit this? [y/N] ");
        session.line(answer);
        session.shows("nothing changed");
        session.shows("your text is kept; to go on: ipvsh");
        session.shows("edit --again");
        session.ends();
    }
    // Ctrl-C is a no, and nothing else.
    let mut session = edit();
    session.shows("Commit this? [y/N] ");
    session.control('c');
    session.shows("nothing changed");
    session.shows("edit --again");
    session.ends();
    let status = session.status();
    assert!(status.contains(", 1)"), "{status}");
    let mut session = edit();
    session.shows("~ tcp 600 -> 700");
    session.shows("Commit this? [y/N] ");
    session.line("y");
    let before = session.shows("snapshot 2 (1 before), 1 change, verified");
    assert!(
        !before.contains("600 -> 700"),
        "the plan is shown once: {before}"
    );
    session.ends();
}
