//! Verbs that only look.

use insta::assert_snapshot;

use super::lab::Lab;

#[test]
fn nothing_yet() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["status"]), @"");
    assert_snapshot!(lab.run(&["plan"]), @"");
    assert_snapshot!(lab.run(&["history"]), @"");
    assert_snapshot!(lab.run(&["show"]), @"");
    assert_snapshot!(lab.run(&["show", "marks"]), @"");
    assert_snapshot!(lab.run(&["show", "timeouts"]), @"");
    assert_snapshot!(lab.run(&["show", "daemons"]), @"");
    assert!(!lab.database().exists(), "looking made a database");
}

#[test]
fn status_of_a_head() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["status"]), @"");
    assert_snapshot!(lab.run(&["status", "--json"]), @"");
}

#[test]
fn show_services() {
    let lab = Lab::with_web();
    lab.ok(&["-e", r#"udp("[2001:db8::10]:53", #{ persistent: 60 }).server("[2001:db8::1]:53", #{ weight: 5, upper: 10, lower: 2 })"#]);
    assert_snapshot!(lab.run(&["show"]), @"");
    assert_snapshot!(lab.run(&["show", "services", "192.0.2.10"]), @"");
    assert_snapshot!(lab.run(&["show", "tcp", "192.0.2.10:80", "--json"]), @"");
    assert_snapshot!(lab.run(&["show", "tcp", "192.0.2.10:8"]), @"");
}

#[test]
fn show_marks_and_timeouts() {
    let lab = Lab::new();
    lab.ok(&[
        "-e",
        r#"fwmark(666, #{ marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80, 443] }] });
        timeouts(#{ tcp: 600 })"#,
    ]);
    assert_snapshot!(lab.run(&["show", "marks"]), @"");
    assert_snapshot!(lab.run(&["show", "marks", "666", "--json"]), @"");
    assert_snapshot!(lab.run(&["show", "marks", "667"]), @"");
    assert_snapshot!(lab.run(&["show", "timeouts"]), @"");
    assert_snapshot!(lab.run(&["show", "timeouts", "--json"]), @"");
}

#[test]
fn plan_and_diff() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"find("192.0.2.10:80").set(#{ scheduler: "wrr" }).server("10.0.0.13:80")"#,
    ]);
    assert_snapshot!(lab.run(&["plan"]), @"");
    assert_snapshot!(lab.run(&["plan", "1"]), @"");
    assert_snapshot!(lab.run(&["plan", "head~1", "--exit-code"]), @"");
    assert_snapshot!(lab.run(&["plan", "1", "--json"]), @"");
    assert_snapshot!(lab.run(&["diff"]), @"");
    assert_snapshot!(lab.run(&["diff", "1", "2", "--exit-code"]), @"");
    assert_snapshot!(lab.run(&["diff", "1"]), @"");
    assert_snapshot!(lab.run(&["diff", "2", "2", "--exit-code", "--json"]), @"");
}

#[test]
fn history() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-m",
        "a third one",
        "-e",
        r#"find("192.0.2.10:80").server("10.0.0.13:80")"#,
    ]);
    lab.ok(&["-e", "timeouts(#{ udp: 60 })"]);
    lab.ok(&["tag", "2", "three"]);
    assert_snapshot!(lab.run(&["history"]), @"");
    assert_snapshot!(lab.run(&["history", "-p"]), @"");
    assert_snapshot!(lab.run(&["history", "tcp", "192.0.2.10:80"]), @"");
    assert_snapshot!(lab.run(&["history", "udp 192.0.2.10:80"]), @"");
    assert_snapshot!(lab.run(&["history", "timeouts", "--json"]), @"");
}

#[test]
fn colours_are_asked_for() {
    let lab = Lab::with_web();
    assert!(!lab.ok(&["plan", "--exact"]).contains('\x1b'));
    let painted = lab.ok(&["--color", "always", "show"]);
    assert!(painted.contains("\x1b["), "{painted:?}");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let lab = Lab::with_web();
    let mut child = lab
        .command(&["man"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
