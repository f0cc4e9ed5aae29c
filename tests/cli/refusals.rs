//! Bad input of all kinds: the documented status, and nothing changed.

use insta::assert_snapshot;

use super::lab::Lab;

#[test]
fn the_command_line() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["statsu"]), @"");
    assert_snapshot!(lab.run(&["foo.rhai"]), @"");
    assert_snapshot!(lab.run(&["run"]), @"");
    assert_snapshot!(lab.run(&["run", "--plna", "x"]), @"");
    assert_snapshot!(lab.run(&["--color", "alwys", "status"]), @"");
    assert_snapshot!(lab.run(&["show", "sevices"]), @"");
    assert_snapshot!(lab.run(&["show", "timeouts", "tcp"]), @"");
    assert_snapshot!(lab.run(&["history", "tcp", "192.0.2.1:80", "extra"]), @"");
    assert_snapshot!(lab.run(&["rollback", "0"]), @"");
    assert_snapshot!(lab.run(&["rollback", "head~x"]), @"");
    assert_snapshot!(lab.run(&["--plan", "status"]), @"");
    assert_snapshot!(lab.run(&["-e", "1", "status"]), @"");
    assert_snapshot!(lab.run(&["-q", "-v", "status"]), @"");
    assert_snapshot!(lab.run(&["--db", "", "status"]), @"");
}

#[test]
fn names_that_mean_nothing() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["show", "tpc", "192.0.2.10:80"]), @"");
    assert_snapshot!(lab.run(&["show", "marks", "0"]), @"");
    assert_snapshot!(lab.run(&["history", "no such"]), @"");
    assert_snapshot!(lab.run(&["adopt", "tcp", "192.0.2.99:80"]), @"");
    assert_snapshot!(lab.run(&["rollback", "99"]), @"");
    assert_snapshot!(lab.run(&["plan", "nowhere"]), @"");
    assert_snapshot!(lab.run(&["diff", "head~9"]), @"");
    assert_snapshot!(lab.run(&["run", "missing.rhai"]), @"");
}

#[test]
fn scripts_that_fail_change_nothing() {
    let lab = Lab::with_web();
    let before = lab.state();
    for (code, wants) in [
        ("throw \"stop\"", "stop"),
        ("let x = ;", "-->"),
        ("tcp(\"192.0.2.300:80\")", "192.0.2.300"),
        ("tcp(\"192.0.2.1:80000\")", "80000"),
        ("tcp(\"192.0.2.1\")", "a port is missing"),
        ("tcp(\"example.org:80\")", "example.org"),
        (
            "tcp(\"192.0.2.1:80\", #{ shceduler: \"rr\" })",
            "did you mean \"scheduler\"?",
        ),
        ("tcp(\"192.0.2.1:80\", #{ scheduler: \"rrr\" })", "rrr"),
        ("find(\"192.0.2.10:81\")", "did you mean"),
        ("find(\"192.0.2.10:80\").weight = 1", ".set("),
        (
            "find(\"192.0.2.10:80\").find(\"10.0.0.11\").set(#{ weight: -1 })",
            "out of range",
        ),
        ("tcp(\"192.0.2.1:0\")", "persistent"),
        ("timeouts(#{ tcp: 0 })", "out of range"),
        ("rollback(99)", "99"),
        ("nonsense()", "nonsense"),
        ("timeouts(#{ tcp: 1 }); throw 1", "1"),
        ("let a = []; loop { a.push(a) }", ""),
    ] {
        let said = lab.said(&["-e", code]);
        assert_eq!(said.status, 1, "{code}: {}{}", said.out, said.err);
        assert!(said.err.starts_with("Error: "), "{code}: {}", said.err);
        assert!(said.err.contains(wants), "{code}: {}", said.err);
        assert!(!said.err.contains("Some("), "{code}: {}", said.err);
        assert_eq!(lab.state(), before, "{code}");
    }
}

#[test]
fn an_error_points_at_its_place() {
    let lab = Lab::with_web();
    let script = lab.script(
        "bad.rhai",
        "// weights\n\nlet web = find(\"192.0.2.10:80\");\nweb.find(\"10.0.0.99\").set(#{ weight: 2 });\n",
    );
    assert_snapshot!(lab.run(&["run", &script]), @"");
}

#[test]
fn databases_of_another_kind() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run_plain(&["history"]), @"");
}
