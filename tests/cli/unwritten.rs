//! Standard output that takes nothing: what was done is said on standard error, and is status 7.

use insta::assert_snapshot;

use super::lab::Lab;

const MORE: &str = r#"find("192.0.2.10:80").server("10.0.0.13")"#;

#[test]
fn a_commit_whose_report_is_not_written_is_status_7() {
    let lab = Lab::with_web();
    let script = lab.script("more.rhai", MORE);
    let done = |said: String, id: u64| {
        let end = format!(
            "Error: cannot write to standard output: No space left on device (os error 28)\n\
             Hint: snapshot {id} stands\n\
             -- status 7\n"
        );
        assert!(said.ends_with(&end), "{said}");
        assert!(lab.ok(&["status"]).contains(&format!("snapshot {id}")));
    };
    done(lab.run_full(&["run", &script]), 2);
    done(lab.run_full(&["rollback", "1"]), 3);
    done(lab.run_full(&["revert", "3"]), 4);
    done(lab.run_full(&["forget", "4"]), 5);
    done(lab.run_full(&["-m", "why", "-e", &format!("{MORE};")]), 6);
    let file = lab.script("web.json", &lab.ok(&["export", "1"]));
    lab.ok(&["-e", "clear()", "--allow-removals"]);
    done(lab.run_full(&["import", &file]), 8);
    let said = lab.run_full(&["--json", "rollback", "6"]);
    let end = "\"hint\":\"snapshot 9 stands\",\"status\":7}}\n-- status 7\n";
    assert!(said.ends_with(end), "{said}");
    done(
        lab.run_full(&["drain", "tcp 192.0.2.10:80", "10.0.0.11", "--timeout", "0"]),
        10,
    );
}

#[test]
fn what_makes_no_snapshot_says_what_it_did() {
    let lab = Lab::with_web();
    lab.ok(&["-e", MORE]);
    assert_snapshot!(lab.run_full(&["tag", "1", "first"]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    Hint: snapshot 1 is tagged first
    -- status 7
    ");
    assert_snapshot!(lab.run_full(&["tag", "--delete", "first"]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    Hint: snapshot 1 is no longer tagged first
    -- status 7
    ");
    let code = "tag(1, \"again\"); save(\"x.json\"); 1";
    assert_snapshot!(lab.run_full(&["-e", code]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    Hint: snapshot 1 is tagged again
    Hint: file x.json was written
    -- status 7
    ");
    assert_snapshot!(lab.run_full(&["prune", "--keep", "1"]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    -- status 1
    ");
    lab.ok(&["tag", "--delete", "again"]);
    assert_snapshot!(lab.run_full(&["prune", "--keep", "1"]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    Hint: snapshots removed: 1
    -- status 7
    ");
    assert_snapshot!(lab.run_full(&["-e", "zero()"]), @"-- status 0
");
    lab.damage();
    let said = lab.run_full(&["fsck", "--repair", "-y"]);
    assert!(
        said.contains("Hint: repaired: 1 snapshot, snapshot 2 is the head, verified\n"),
        "{said}"
    );
    assert!(said.ends_with("-- status 7\n"), "{said}");
    lab.ok(&["fsck"]);
}

#[test]
fn what_awaits_confirmation_is_said_to() {
    let lab = Lab::with_web();
    let said = lab.run_full(&["--confirm", "600", "-e", &format!("{MORE};")]);
    assert!(
        said.contains("Hint: snapshot 2 awaits confirmation: it rolls back to 1 in "),
        "{said}"
    );
    assert!(said.ends_with("-- status 7\n"), "{said}");
    let said = lab.run_full(&["confirm"]);
    assert!(said.contains("Hint: snapshot 2 confirmed, "), "{said}");
    assert!(said.ends_with("-- status 7\n"), "{said}");
}

#[test]
fn what_only_reads_is_status_1() {
    let lab = Lab::with_web();
    for args in [
        &["status"] as &[&str],
        &["show"],
        &["history"],
        &["diff", "--exit-code", "1"],
        &["export"],
        &["fsck"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
        &["help", "run"],
        &["-e", "1"],
        &["--plan", "-e", MORE],
        &["prune", "--plan", "--keep", "1"],
        &["rollback", "--plan", "1"],
    ] {
        assert_eq!(
            lab.run_full(args),
            "-- stderr\n\
             Error: cannot write to standard output: No space left on device (os error 28)\n\
             -- status 1\n",
            "{args:?}"
        );
    }
}

#[test]
fn a_line_that_a_script_cannot_print_is_an_error() {
    let lab = Lab::with_web();
    let script = lab.script("print.rhai", &format!("{MORE};\nprint(\"added\");\n"));
    assert_snapshot!(lab.run_full(&["run", &script]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    Hint: 1 change staged and not committed
    -- status 1
    ");
    let script = lab.script(
        "two.rhai",
        &format!(
            "{MORE};\ncommit();\ntimeouts(#{{ tcp: 600 }});\ntry {{ print(1) }} catch {{ }}\n"
        ),
    );
    assert_snapshot!(lab.run_full(&["run", &script]), @r"
    -- stderr
    Error: cannot write to standard output: No space left on device (os error 28)
    Hint: 1 change staged and not committed
    Hint: snapshot 2 (line 2) stands
    -- status 1
    ");
    let code = "timeouts(#{ tcp: 600 }); 5";
    assert_snapshot!(lab.run_full(&["-e", code]), @r"
    -- stderr
    note: 1 change staged and not committed
    Error: cannot write to standard output: No space left on device (os error 28)
    -- status 1
    ");
    assert!(!lab.ok(&["history"]).contains("timeouts"));
}

#[test]
fn a_snapshot_is_said_to_stand_only_where_it_does() {
    let lab = Lab::with_web();
    let then = |end: &str| {
        let code = format!("{MORE};\ncommit();\n{end};\nthrow \"late\"");
        let said = lab.said(&["-e", &code]).err;
        let hints = said.lines().filter(|line| line.starts_with("Hint:"));
        hints.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(
        then("rollback()"),
        "Hint: snapshot 2 (line 2) was undone by snapshot 3\n\
         Hint: snapshot 3 (line 3) stands\n"
    );
    assert_eq!(
        then("revert(\"head\")"),
        "Hint: snapshot 4 (line 2) was undone by snapshot 5\n\
         Hint: snapshot 5 (line 3) stands\n"
    );
    assert_eq!(
        then("rollback(); rollback(6)"),
        "Hint: snapshot 6 (line 2) stands\n\
         Hint: snapshot 7 (line 3) was undone by snapshot 8\n\
         Hint: snapshot 8 (line 3) stands\n"
    );
    let code = "timeouts(#{ tcp: 600 });\ncommit(#{ confirm: 600 });\nthrow \"late\"";
    let said = lab.said(&["-e", code]).err;
    assert!(
        said.contains("Hint: snapshot 9 (line 2) awaits confirmation: it rolls back to 8 in "),
        "{said}"
    );
    // A rehearsal leaves no snapshot behind.
    lab.ok(&["confirm"]);
    let said = lab.said(&["--plan", "-e", "timeouts(#{ tcp: 700 }); commit(); throw 1"]);
    assert!(!said.err.contains("snapshot 10"), "{}", said.err);
}

#[test]
fn a_script_that_lost_its_reader_says_what_stands() {
    let lab = Lab::with_web();
    let script = lab.script(
        "loop.rhai",
        &format!("{MORE};\ncommit();\nloop {{ print(1); }}\n"),
    );
    let mut command = lab.command(&["run", &script]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("note: snapshot 2 (line 2) stands\n"), "{err}");
    assert_eq!(output.status.code(), Some(1));
    // What is done is done: that nobody reads the report is no failure.
    let mut command = lab.command(&["rollback", "1"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("Error"));
}

#[test]
fn a_full_standard_error_is_no_bug() {
    let lab = Lab::with_web();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = lab.command(&["-e", "debug(1); 2"]);
    let output = command.stderr(full).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"2\n");
}
