//! Verbs of the command line, typed at the prompt; hints, pasted where they are printed.

use std::process::Command;

use super::lab::{lab, prompt};

#[test]
fn verbs_work_as_on_the_command_line() {
    let dir = lab();
    std::fs::write(
        dir.path().join("x.rhai"),
        "timeouts(#{ udp: parse_int(ARGS[0]) });",
    )
    .unwrap();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\").server(\"10.0.0.11\"); commit(\"first\")");
    session.shows("Undo: revert 1");
    session.shows("sim> ");
    session.line("timeouts(#{ tcp: 600 }); commit(\"second\")");
    session.shows("Undo: rollback 1");
    session.shows("sim> ");
    for (line, shown) in [
        (
            "rollback 1 -m 'one \"step\" back'",
            "snapshot 3 (2 before), 1 change, verified. Undo: rollback 2",
        ),
        ("ipvsh rollback 2", "snapshot 4"),
        ("revert 4;", "snapshot 5"),
        ("history -p", "one \"step\" back"),
        ("history -p", "typed rollback 1 -m 'one \"step\" back'"),
        ("show stats", "192.0.2.10:80"),
        ("show services --json", "\"port\": 80"),
        ("run x.rhai 120", "snapshot 6"),
        (
            "sudo ipvsh plan --exact",
            "the kernel is as snapshot 6 has it",
        ),
        ("ipvsh plan", "the kernel is as snapshot 6 has it"),
        ("diff 1 2", "~ tcp not managed -> 600"),
        ("export --format rhai", "tcp(\"192.0.2.10:80\""),
        ("tag 2 good # the second", "snapshot 2 is tagged good"),
        ("rollback good --plan", "nothing done"),
        ("rollback --help", "Make an old snapshot the new head"),
        ("-e", "Error: "),
        ("ipvsh -e 'print(6 * 7)'", "\n42"),
        ("ipvsh", "this is its prompt already"),
        ("ipvsh ipvsadm -A -t 192.0.2.1:80", "in ipvsh's words"),
    ] {
        session.line(line);
        session.shows(shown);
        session.shows("sim> ");
    }
    session.interrupt();
    session.line("services");
    session.shows("192.0.2.10:80");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn verbs_that_are_pasted_together_run_one_by_one() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("timeouts(#{ tcp: 600 }); commit(); timeouts(#{ tcp: 700 }); commit()");
    session.shows("snapshot 2");
    session.shows("sim> ");
    session.types("\x1b[200~rollback 1\nstatus\nipvsh revert 3\n\x1b[201~\r");
    session.shows("snapshot 3");
    session.shows("head");
    session.shows("snapshot 4");
    session.shows("sim> ");
    // The first that fails is the last.
    session.types("\x1b[200~rollback 99\nrollback 1\x1b[201~\r");
    session.shows("Error: ");
    let said = session.shows("sim> ");
    assert!(!said.contains("snapshot 5"), "{said}");
    session.leave();
}

#[test]
fn errors_of_verbs_are_said_and_the_prompt_goes_on() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for (line, shown) in [
        ("rollback 99", "Error: "),
        ("rollback --qlan", "did you mean \"--plan\"?"),
        ("rollback --qlan", "usage: rollback"),
        ("history | less", "Error: |: the prompt has no pipes"),
        ("export > file", "Error: >: the prompt has no redirections"),
        ("rollback 1 -m 'x", "a quote is not closed"),
        ("ipvsh frobnicate", "unrecognized verb 'frobnicate'"),
        ("ipvsh watch 1", "unrecognized verb 'watch'"),
        ("status --db elsewhere", "this prompt works on "),
        ("ipvsh --sim", "this is its prompt already"),
        ("run nowhere.rhai", "nowhere.rhai"),
    ] {
        session.line(line);
        session.shows(shown);
        session.shows("sim> ");
    }
    session.leave();
}

#[test]
fn verbs_that_commit_are_refused_while_something_is_staged() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("timeouts(#{ tcp: 600 }); commit()");
    session.shows("snapshot 1");
    session.shows("sim> ");
    session.line("timeouts(#{ tcp: 700 })");
    session.shows("sim*1> ");
    session.line("rollback 1");
    session.shows("Error: cannot rollback: 1 change staged and not committed");
    session.shows("Hint: plan() shows them, commit() keeps them, discard() drops them");
    session.shows("sim*1> ");
    for (line, shown) in [
        ("rollback 1 --plan", "nothing to change"),
        ("history -p", "tcp"),
        ("show timeouts", "600"),
    ] {
        session.line(line);
        session.shows(shown);
        session.shows("sim*1> ");
    }
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn the_simulated_kernel_of_a_prompt_is_that_of_its_verbs() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\"); commit(\"x\"); forget(\"tcp 192.0.2.10:80\")");
    session.shows("snapshot 2");
    session.shows("sim> ");
    // Only the kernel holds it now: another process would start without it.
    session.line("show services");
    session.shows("192.0.2.10:80");
    session.shows("sim> ");
    session.line("adopt 192.0.2.10:80");
    session.shows("snapshot 3");
    let said = session.shows("sim> ");
    assert!(!said.contains("another process"), "{said}");
    session.line("plan");
    let said = session.shows("sim> ");
    assert!(!said.contains("another process"), "{said}");
    session.leave();
}

#[test]
fn a_verb_asks_and_ctrl_c_ends_it() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("timeouts(#{ tcp: 600 }); commit(); timeouts(#{ tcp: 700 }); commit()");
    session.shows("snapshot 2");
    session.shows("sim> ");
    session.line("rollback");
    session.shows("Roll back to snapshot 1");
    session.shows("[y/N] ");
    session.control('c');
    session.shows("nothing changed");
    session.shows("sim> ");
    session.line("rollback");
    session.shows("[y/N] ");
    session.line("y");
    session.shows("snapshot 3");
    session.shows("sim> ");
    std::fs::write(dir.path().join("x.rhai"), "print(\"go\"); sleep(600);").unwrap();
    session.line("run x.rhai");
    session.shows("\ngo");
    session.control('c');
    session.shows("interrupted by SIGINT");
    session.shows("sim> ");
    session.line("show timeouts --watch 1");
    // What it prints, not the echo of the line.
    session.shows("seconds");
    session.control('c');
    session.shows("sim> ");
    session.line("6 * 7");
    session.shows("\n42");
    session.leave();
}

#[test]
fn words_of_verbs_complete() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\"); commit(\"x\"); tag(1, \"before-upgrade\");");
    session.shows("snapshot 1");
    session.shows("sim> ");
    for (typed, completed) in [
        ("rev\t", "revert"),
        ("rollback --allow\t", "rollback --allow-removals"),
        ("diff bef\t", "diff before-upgrade"),
        ("ipvsh rollb\t", "ipvsh rollback"),
        ("show thr\t", "show thresholds"),
        ("show 192\t", "show 192.0.2.10:80"),
    ] {
        session.types(typed);
        session.shows(completed);
        session.interrupt();
    }
    session.leave();
}

/// The commands in hints that a prompt prints, with what their answer holds. A host's prompt prints
/// the same ones.
#[test]
fn hints_can_be_pasted_where_they_are_printed() {
    let dir = lab();
    let mut session = prompt(dir.path());
    let mut pasted = Vec::new();
    for line in [
        "tcp(\"192.0.2.10:80\"); commit(\"one\")",
        "timeouts(#{ tcp: 600 }); commit(\"two\")",
        "rollback 1",
        "ipvsh rollback",
        "forget 192.0.2.10:80",
        "status",
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" }); commit(\"mine\")",
        "discard",
        "timeouts(#{ tcp: 800 }); commit(\"x\", #{ confirm: 600 })",
        "status",
        "rollback",
        "confirm",
        "diff 77",
        "rollback 77",
        "revert 1",
        "check 192.0.2.10:80",
    ] {
        let said = session.says(line);
        assert!(!said.contains("ipvsh --"), "{line}: {said}");
        let hints = said.lines().filter(|line| {
            ["Undo: ", "Hint: ", "note: ", "unless: "]
                .iter()
                .any(|word| line.contains(word))
        });
        pasted.extend(hints.flat_map(commands));
    }
    pasted.sort();
    pasted.dedup();
    assert!(pasted.len() > 3, "{pasted:?}");
    for command in &pasted {
        let said = session.says(command);
        for trouble in [
            "is missing",
            "unrecognized",
            "unexpected argument",
            "usage:",
            "not found",
        ] {
            assert!(!said.contains(trouble), "{command}: {said}");
        }
    }
    session.leave();
}

#[test]
fn verbs_say_evenly_what_is_staged() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.says("tcp(\"192.0.2.10:80\").server(\"10.0.0.1\"); commit(\"one\")");
    for line in ["plan", "ipvsh plan"] {
        let said = session.says(line);
        assert!(
            said.contains("the kernel is as snapshot 1 has it"),
            "{said}"
        );
    }
    session.says("timeouts(#{ tcp: 600 }); ()");
    let planned = session.says("plan");
    assert!(planned.contains("1 change planned"), "{planned}");
    assert!(planned.contains("`plan head`"), "{planned}");
    let verb = session.says("ipvsh plan");
    let behind = |said: &str| said.split_once('\n').unwrap().1.to_owned();
    assert_eq!(behind(&verb), behind(&planned));
    let said = session.says("plan head");
    assert!(
        said.contains("the kernel is as snapshot 1 has it"),
        "{said}"
    );
    for line in [
        "show",
        "show stats",
        "diff",
        "diff head",
        "history",
        "where 10.0.0.1",
        "export",
        "status --json",
        "plan head",
    ] {
        let said = session.says(line);
        assert!(
            said.contains("1 change staged, not part of this"),
            "{line}: {said}"
        );
    }
    let said = session.says("status");
    assert!(said.contains("1 change staged: "), "{said}");
    session.says("discard");
    assert!(!session.says("show").contains("staged"));
    session.leave();
}

#[test]
fn a_prune_that_was_asked_about_is_told_once() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for seconds in [100, 200, 300] {
        session.says(&format!("timeouts(#{{ tcp: {seconds} }}); commit(\"x\")"));
    }
    session.line("prune --keep 1");
    let before = session.shows("Remove them for good? [y/N] ");
    assert!(
        before.contains("snapshots 1 to 2 would be removed (2); 1 left"),
        "{before}"
    );
    session.line("y");
    let said = session.shows("sim> ");
    assert!(said.contains("2 snapshots removed"), "{said}");
    assert!(!said.contains("1 left"), "{said}");
    session.leave();
}

#[test]
fn a_fix_is_told_as_it_is_typed_at_the_prompt() {
    let dir = lab();
    let mut session = prompt(dir.path());
    let said = session.says("tcp(\"192.0.2.10:80\"); commit(\"one\")");
    let fix = "Fix: find(\"tcp 192.0.2.10:80\").server(\"ADDRESS\")";
    assert!(said.contains(fix), "{said}");
    // A script has it in its own form too.
    let said = session.says("tcp(\"192.0.2.11:80\"); print(plan().notes[0]); discard()");
    assert!(said.contains(&fix.replace(".10", ".11")), "{said}");
    session.leave();
}

/// The commands in a line of hints: from a verb to the end of its words.
fn commands(line: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .args(["__complete", ""])
        .output()
        .unwrap();
    let verbs = String::from_utf8(output.stdout).unwrap();
    let verbs: Vec<&str> = verbs
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    let behind = ["Undo: ", "unless: ", ": ", "(", "`"];
    let mut found = Vec::new();
    for sign in behind {
        for (at, _) in line.match_indices(sign) {
            let text = &line[at + sign.len()..];
            let end = text
                .find([')', '(', '`', ',', ';', '\r', '?'])
                .unwrap_or(text.len());
            let text = text[..end].trim().trim_end_matches('.');
            let bare = text.strip_prefix("ipvsh ").unwrap_or(text);
            if bare
                .split(' ')
                .next()
                .is_some_and(|word| verbs.contains(&word))
                // `N` stands for a number of the reader's choice.
                && !text.ends_with(" N")
            {
                found.push(text.to_owned());
            }
        }
    }
    found
}
