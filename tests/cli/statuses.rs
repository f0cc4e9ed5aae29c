//! The table of exit statuses, as `--help` has it, one by one.

use insta::assert_snapshot;

use super::lab::{Lab, WEB};

#[test]
fn the_table_is_documented() {
    let help = Lab::new().ok(&["--help"]);
    let table = help.split("Exit status:\n").nth(1).unwrap_or_default();
    let statuses: Vec<&str> = table
        .lines()
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(statuses, ["0", "1", "2", "3", "4", "5", "6", "10", "255"]);
}

#[test]
fn done_refused_and_not_understood() {
    let lab = Lab::new();
    assert_eq!(lab.said(&["-e", WEB]).status, 0);
    assert_eq!(lab.said(&["-e", "throw 1"]).status, 1);
    assert_eq!(lab.said(&["run", "missing"]).status, 1);
    assert_eq!(lab.said(&["nonsense"]).status, 2);
}

#[test]
fn a_kernel_that_may_not_be_read_is_3() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run_faulty("fail-observe=1:EPERM", &["-e", "timeouts(#{ tcp: 600 })"]), @"");
    assert_snapshot!(lab.run_faulty("fail-observe=1:EPERM", &["show"]), @"");
    assert_snapshot!(lab.run_faulty("fail-observe=1:EPERM", &["status"]), @"");
}

const CHANGE: &str = r#"find("192.0.2.10:80").server("10.0.0.13"); timeouts(#{ tcp: 600 })"#;

#[test]
fn undone_is_4() {
    let lab = Lab::with_web();
    let before = lab.state();
    assert_snapshot!(lab.run_faulty("fail-step=2:ENOBUFS", &["-e", CHANGE]), @"");
    assert_eq!(lab.state(), before);
}

#[test]
fn undone_badly_is_5() {
    let lab = Lab::with_web();
    let fault = "fail-step=2:ENOBUFS,fail-undo=1:ENOMEM";
    assert_snapshot!(lab.run_faulty(fault, &["-e", CHANGE]), @"");
    assert_snapshot!(lab.run(&["history"]), @"");
}

#[test]
fn a_commit_that_was_killed_is_reported_and_recovered() {
    let lab = Lab::with_web();
    let said = lab.run_faulty("kill-after-step=1", &["-m", "cut off", "-e", CHANGE]);
    assert_eq!(said, "-- status -1\n");
    assert_snapshot!(lab.run(&["status"]), @"");
    assert_snapshot!(lab.run(&["plan"]), @"");
    assert_snapshot!(lab.run(&["restore"]), @"");
    assert_snapshot!(lab.run(&["plan"]), @"");
}

#[test]
fn differences_are_10_where_asked() {
    let lab = Lab::with_web();
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })"]);
    for (args, status) in [
        (["plan", "--exit-code", "head"], 0),
        (["plan", "--exit-code", "1"], 10),
        (["diff", "--exit-code", "head"], 0),
        (["diff", "--exit-code", "1"], 10),
    ] {
        assert_eq!(lab.said(&args).status, status, "{args:?}");
    }
    assert_eq!(lab.said(&["diff", "1"]).status, 0);
    assert_eq!(lab.said(&["status", "--exit-code"]).status, 0);
}
