//! What Tab offers, at the prompt and in the shells.

use std::path::Path;
use std::process::Command;

use super::lab::{Terminal, lab, prompt};

#[test]
fn words_and_functions_complete() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("timeo\t");
    session.shows("timeouts");
    session.line("()");
    session.shows("udp");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn a_list_of_what_could_come_is_shown() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("let w = tcp(\"192.0.2.10:80\"); w.server(\"10.0.0.11\"); ()");
    session.shows("sim*2> ");
    session.types("tcp(\"192.0.2.11:80\", #{ scheduler: \"w\t\t");
    session.matches("wlc\"? +wrr");
    session.interrupt();
    session.types("find(\"1\t)\r");
    session.shows("find(\"192.0.2.10:80\"");
    session.shows("weight");
    session.types("w.find(\"\t).wei\t\r");
    session.shows("w.find(\"10.0.0.11:80\").weight");
    session.shows("\n1");
    session.shows("sim*2> ");
    session.control('d');
    session.shows("[y/N]");
    session.leave();
}

#[test]
fn options_are_listed_with_what_they_take() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("tcp(\"192.0.2.11:80\", #{ \t\t");
    session.shows("persistent: seconds, default 0");
    session.shows("scheduler: text, default \"wlc\"");
    session.interrupt();
    session.leave();
}

#[test]
fn what_was_committed_and_tagged_completes() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session
        .line("tcp(\"192.0.2.10:80\"); commit(\"x\"); tag(1, \"before-upgrade\"); let gate = 8;");
    session.shows("snapshot 1");
    session.shows("sim> ");
    session.types("diff(\"bef\t)\r");
    session.shows("diff(\"before-upgrade\"");
    session.shows("no differences");
    session.shows("sim> ");
    session.types("gat\t * 5\r");
    session.shows("\n40");
    session.shows("sim> ");
    std::fs::write(dir.path().join("rules.json"), "{}").unwrap();
    session.types("read(\"ru\t).len()\r");
    session.shows("\n2");
    session.leave();
}

/// A database with a tag, and the completions of a shell in a file.
fn for_shell(dir: &Path, shell: &str) -> String {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
        let out = command
            .args(["--sim", "--db"])
            .arg(dir.join("db"))
            .args(args)
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        out.stdout
    };
    run(&["-e", "tcp(\"192.0.2.10:80\")"]);
    run(&["tag", "1", "before-upgrade"]);
    let file = dir.join(shell);
    std::fs::write(&file, run(&["completions", shell])).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A shell that finds the program; nothing where this host has no such shell.
fn shell(dir: &Path, name: &str) -> Option<Command> {
    let there = Command::new(name).args(["-c", "true"]).output().is_ok();
    let program = Path::new(env!("CARGO_BIN_EXE_ipvsh")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command
        .env("PATH", format!("{}:{path}", program.display()))
        .env("IPVSH_DB", dir.join("db"))
        .env("HOME", dir)
        .env("TERM", "xterm")
        .current_dir(dir);
    there.then_some(command)
}

#[test]
fn fish_completes() {
    let dir = lab();
    let Some(_) = shell(dir.path(), "fish") else {
        return eprintln!("not tested: there is no fish");
    };
    let file = for_shell(dir.path(), "fish");
    for (line, answer) in [
        ("ipvsh rollb", "rollback"),
        ("ipvsh --sim rollback be", "before-upgrade"),
        ("ipvsh --sim show 192", "192.0.2.10:80"),
        ("ipvsh run fi", "fish"),
    ] {
        let ask = format!("source {file}; complete -C '{line}'");
        let mut fish = shell(dir.path(), "fish").unwrap();
        let out = fish.args(["--no-config", "-c", &ask]).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.starts_with(answer), "{line}: {text}");
    }
}

#[test]
fn zsh_completes() {
    let dir = lab();
    let Some(mut zsh) = shell(dir.path(), "zsh") else {
        return eprintln!("not tested: there is no zsh");
    };
    let file = for_shell(dir.path(), "zsh");
    zsh.args(["-f", "-i"]);
    let mut session = Terminal::of(zsh);
    session.line(&format!(
        "autoload -U compinit; compinit -u -d dump; source {file}; echo re''ady"
    ));
    session.shows("ready");
    for (line, answer) in [
        ("ipvsh rollb\t", "ipvsh rollback"),
        ("ipvsh --sim rollback be\t", "before-upgrade"),
        ("ipvsh --sim show 192\t", "192.0.2.10:80"),
        ("ipvsh run zs\t", "zsh"),
    ] {
        session.types(line);
        session.shows(answer);
        session.control('u');
    }
    session.line("exit");
    session.ends();
}
