//! Verbs that change something: the shape of what they say.

use insta::assert_snapshot;

use super::lab::{Lab, WEB};

#[test]
fn a_change_ends_in_its_shape() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["-e", WEB]), @"");
    assert_snapshot!(lab.run(&["-e", WEB]), @"");
    assert_snapshot!(lab.run(&["-e", r#"find("192.0.2.10:80").server("10.0.0.13:80")"#]), @"");
    assert_snapshot!(lab.run(&["-e", r#"tcp("192.0.2.10:80", #{ persistent: 60 })"#]), @"");
    assert_snapshot!(lab.run(&["-e", r#"remove(find("192.0.2.10:80").find("10.0.0.13"))"#, "--json"]), @"");
    assert_snapshot!(lab.run(&["-q", "-e", r#"remove(find("192.0.2.10:80"))"#]), @"");
}

#[test]
fn a_plan_does_nothing() {
    let lab = Lab::with_web();
    let before = lab.state();
    assert_snapshot!(lab.run(&["--plan", "-e", r#"find("192.0.2.10:80").find("10.0.0.11").set(#{ weight: 0 })"#]), @"");
    assert_snapshot!(lab.run(&["--plan", "--json", "-e", "clear()"]), @"");
    assert_snapshot!(lab.run(&["--plan", "-e", WEB]), @"");
    assert_eq!(lab.state(), before);
}

#[test]
fn the_plan_of_a_script_shows_each_commit() {
    let lab = Lab::with_web();
    let before = lab.state();
    let script = lab.script(
        "two.rhai",
        r#"
        timeouts(#{ tcp: 600 });
        commit("one");
        timeouts(#{ tcp: 700 });
        commit("two");
        find("192.0.2.10:80").server("10.0.0.14");
        print(`staged, the head is ${history()[0].id}`);
        "#,
    );
    assert_snapshot!(lab.run(&["run", "--plan", &script]), @"");
    assert_eq!(lab.state(), before);
    assert_snapshot!(lab.run(&["run", &script]), @"");
}

#[test]
fn rollback() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["rollback"]), @"");
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })"]);
    lab.ok(&["-e", "clear()"]);
    assert_snapshot!(lab.run(&["rollback", "--plan"]), @"");
    assert_snapshot!(lab.run(&["rollback"]), @"");
    assert_snapshot!(lab.run(&["rollback"]), @"");
    assert_snapshot!(lab.run(&["rollback", "1", "-m", "back to the start"]), @"");
    assert_snapshot!(lab.run(&["rollback", "1"]), @"");
    assert_snapshot!(lab.run(&["history"]), @"");
}

#[test]
fn restore_and_adopt_where_all_is_well() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["restore"]), @"");
    assert_snapshot!(lab.run(&["restore", "--best-effort", "--json"]), @"");
    assert_snapshot!(lab.run(&["adopt"]), @"");
    assert_snapshot!(lab.run(&["adopt", "tcp", "192.0.2.10:80"]), @"");
}

#[test]
fn tags_name_snapshots() {
    let lab = Lab::with_web();
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })"]);
    assert_snapshot!(lab.run(&["tag", "head~1", "v1.0"]), @"");
    assert_snapshot!(lab.run(&["tag", "1", "7"]), @"");
    assert_snapshot!(lab.run(&["tag", "9", "nine"]), @"");
    assert_snapshot!(lab.run(&["rollback", "v1.0"]), @"");
    assert_snapshot!(lab.run(&["rollback", "v1.1"]), @"");
    assert_snapshot!(lab.run(&["tag", "1", "x", "--json"]), @"");
}

#[test]
fn export() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["export", "--format", "rhai"]), @"");
    assert_snapshot!(lab.run(&["export", "1", "--format", "ipvsadm"]), @"");
    let json = lab.ok(&["export"]);
    let rules: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rules["services"][0]["servers"][1]["weight"], 3);
    assert_snapshot!(lab.run(&["export", "--format", "xml"]), @"");
}

#[test]
fn large_removals_are_refused_unless_allowed() {
    let lab = Lab::new();
    lab.ok(&["-e", r#"for n in 1..=10 { tcp(`192.0.2.${n}:80`) }"#]);
    let before = lab.state();
    assert_snapshot!(lab.run(&["-e", "clear()"]), @"");
    assert_eq!(lab.said(&["-y", "-e", "clear()"]).status, 1);
    assert_eq!(lab.state(), before);
    assert_eq!(lab.said(&["--allow-removals", "-e", "clear()"]).status, 0);
}
