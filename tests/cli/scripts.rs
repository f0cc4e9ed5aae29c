//! Scripts: from a file, from standard input, from the command line.

use insta::assert_snapshot;

use super::lab::{Lab, WEB};

#[test]
fn values_of_one_liners() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["-e", "1 + 2"]), @"");
    assert_snapshot!(lab.run(&["-e", "print(1)"]), @"");
    assert_snapshot!(lab.run(&["-e", "\"a text\""]), @"");
    assert_snapshot!(lab.run(&["-e", "\"a text\"", "--json"]), @"");
    assert_snapshot!(lab.run(&["-e", "[1, 2, 3]"]), @"");
    assert_snapshot!(lab.run(&["-e", "#{ a: 1, b: \"two\" }"]), @"");
    assert_snapshot!(lab.run(&["-e", "[#{ a: 1 }, #{ a: 2, b: true }]"]), @"");
    assert_snapshot!(lab.run(&["-e", "services()"]), @"");
    assert_snapshot!(lab.run(&["-e", "find(\"192.0.2.10:80\")"]), @"");
    assert_snapshot!(lab.run(&["-e", "servers()"]), @"");
    assert_snapshot!(lab.run(&["-e", "servers(\"10.0.0.12\")", "--json"]), @"");
    assert_snapshot!(lab.run(&["-e", "find(\"192.0.2.10:80\").scheduler"]), @"");
    assert_snapshot!(lab.run(&["-e", "history()"]), @"");
    assert_snapshot!(lab.run(&["-e", "plan()"]), @"");
    assert_snapshot!(lab.run(&["-e", "diff()"]), @"");
    assert_snapshot!(lab.run(&["-e", "marks()"]), @"");
    assert_snapshot!(lab.run(&["-e", "timeouts()"]), @"");
    assert_snapshot!(lab.run(&["-e", "live()"]), @"");
    assert_snapshot!(lab.run(&["-e", "()"]), @"");
}

#[test]
fn a_script_is_run_and_committed() {
    let lab = Lab::new();
    let script = lab.script(
        "web.rhai",
        &format!("#!/usr/bin/env -S ipvsh run\n// purpose\nprint(`args ${{ARGS}}`);\n{WEB}\n"),
    );
    assert_snapshot!(lab.run(&["run", &script, "a", "-1", "--", "--plan"]), @"");
    assert_snapshot!(lab.run(&["run", &script]), @"");
    assert_snapshot!(lab.run(&["run", &script, "-v"]).replace(|c: char| c.is_ascii_digit(), "N"), @"");
}

#[test]
fn scripts_come_from_standard_input() {
    let lab = Lab::new();
    assert_snapshot!(lab.run_fed(&[], "timeouts(#{ tcp: 600 })"), @"");
    assert_snapshot!(lab.run_fed(&["run", "-"], "timeouts(#{ tcp: 600 })"), @"");
    assert_snapshot!(lab.run_fed(&[], ""), @"");
    assert_snapshot!(lab.run_fed(&[], "if true {"), @"");
}

#[test]
fn exit_decides_what_is_committed() {
    let lab = Lab::new();
    let said = lab.said(&[
        "-e",
        "timeouts(#{ tcp: 600 }); exit(0); timeouts(#{ tcp: 1 })",
    ]);
    assert_eq!(said.status, 0);
    assert!(said.out.contains("snapshot 1 (the first)"), "{}", said.out);
    let before = lab.state();
    assert_snapshot!(lab.run(&["-e", "timeouts(#{ tcp: 700 }); exit(7)"]), @"");
    assert_snapshot!(lab.run(&["-e", "exit(300)"]), @"");
    assert_eq!(lab.state(), before);
}

#[test]
fn check_touches_nothing() {
    let lab = Lab::new();
    let script = lab.script("web.rhai", WEB);
    assert_snapshot!(lab.run(&["check", &script]), @"");
    assert!(!lab.database().exists());
    lab.ok(&["run", &script]);
    assert_snapshot!(lab.run(&["check", &script]), @"");
    let broken = lab.script("broken.rhai", "let x = ;\n");
    assert_snapshot!(lab.run(&["check", &broken]), @"");
    let wrong = lab.script(
        "wrong.rhai",
        "\n  tcp(\"192.0.2.10:80\", #{ shceduler: \"rr\" });\n",
    );
    assert_snapshot!(lab.run(&["check", &wrong]), @"");
}

#[test]
fn check_does_not_need_the_database() {
    let lab = Lab::new();
    std::fs::create_dir(lab.database()).unwrap();
    std::fs::write(lab.database().join("something"), "else").unwrap();
    let script = lab.script("web.rhai", WEB);
    assert_snapshot!(lab.run(&["check", &script]), @"");
    assert_snapshot!(lab.run(&["run", &script]), @"");
    assert_snapshot!(lab.run(&["status"]), @"");
}

#[test]
fn explicit_commits_stand_when_the_script_fails() {
    let lab = Lab::new();
    let script = lab.script(
        "half.rhai",
        "timeouts(#{ tcp: 600 });\ncommit(\"first\");\ntimeouts(#{ tcp: 700 });\nthrow \"no more\";\n",
    );
    assert_snapshot!(lab.run(&["run", &script]), @"");
    assert_snapshot!(lab.run(&["history"]), @"");
}
