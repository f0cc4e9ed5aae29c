//! Commits that must be confirmed: what is said of them. On the simulator nobody waits; the next
//! command that writes does the rollback.

use std::time::Duration;

use insta::assert_snapshot;

use super::lab::Lab;

const SECOND: &str = r#"find("192.0.2.10:80").set(#{ scheduler: "sh" })"#;

/// A lab whose head awaits confirmation.
pub fn pending(seconds: &str) -> Lab {
    let lab = Lab::with_web();
    lab.ok(&["-e", SECOND, "--confirm", seconds]);
    lab
}

/// With 300 in the place of what is left of 300 seconds by now.
pub fn settled(text: &str) -> String {
    let mut text = text.to_owned();
    for seconds in 200..300 {
        for (before, after) in [(" ", " s"), ("\": ", ",")] {
            let at = |number: u32| format!("{before}{number}{after}");
            text = text.replace(&at(seconds), &at(300));
        }
    }
    text
}

#[test]
fn the_time_that_is_left_is_told_wherever_one_looks() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["-e", SECOND, "--confirm", "300"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler rr -> sh
    snapshot 2 (1 before), 1 change, verified. Rolls back in 300 s unless: ipvsh --sim confirm
    -- status 0
    ");
    assert_snapshot!(settled(&lab.run(&["status"])), @r"
    head      snapshot 2  tcp 192.0.2.10:80: scheduler rr -> sh
              by AUTHOR, TIME (AGE)
    pending   awaits confirmation: rolls back to 1 in 300 s
    kernel    simulated, 1 virtual service, 2 real servers
    ours      1 virtual service, 2 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)

    ipvsh --sim confirm    keep the head; ipvsh --sim rollback takes it back
    -- status 0
    ");
    let history = settled(&lab.run(&["history"]));
    assert!(
        history.contains("\n2 (unconfirmed: 300 s)  TIME  "),
        "{history}"
    );
    assert_snapshot!(settled(&lab.run(&["plan"])), @r"
    the kernel is as snapshot 2 has it
    -- stderr
    note: snapshot 2 awaits confirmation: it rolls back to 1 in 300 s unless: ipvsh --sim confirm
    -- status 0
    ");
    let shown = settled(&lab.run(&["show"]));
    assert!(
        shown.contains("note: snapshot 2 awaits confirmation: it rolls back to 1 in 300 s"),
        "{shown}"
    );
    let json = r#""pending": {
    "snapshot": 2,
    "seconds_left": 300,
    "rolls_back_to": 1
  }"#;
    let status = settled(&lab.run(&["status", "--json"]));
    assert!(status.contains(json), "{status}");
    let history = settled(&lab.ok(&["history", "--json"]));
    assert!(history.contains(r#""seconds_left": 300,"#), "{history}");
    assert_eq!(history.matches("pending").count(), 1, "{history}");
}

#[test]
fn another_commit_is_refused_and_a_plan_is_not() {
    let lab = pending("300");
    let before = settled(&lab.state());
    assert_snapshot!(settled(&lab.run(&["-e", "timeouts(#{ tcp: 600 })"])), @r"
    -- stderr
    Error: cannot commit: snapshot 2 awaits confirmation, for another 300 s
    Hint: to keep it: ipvsh --sim confirm
    Hint: to take it back: ipvsh --sim rollback (to 1)
    Hint: or wait: it rolls back to 1 by itself in 300 s
    -- status 1
    ");
    assert_snapshot!(settled(&lab.run(&["--plan", "-e", "timeouts(#{ tcp: 600 })"])), @r"
    timeouts
      ~ tcp 900 -> 600
    1 change planned, nothing done
    -- stderr
    note: snapshot 2 awaits confirmation: it rolls back to 1 in 300 s unless: ipvsh --sim confirm
    -- status 0
    ");
    assert_eq!(settled(&lab.state()), before);
}

#[test]
fn it_is_confirmed_or_taken_back() {
    let lab = pending("300");
    let said = settled(&lab.run(&["confirm"]));
    assert_eq!(
        said,
        "snapshot 2 confirmed, 300 s before it would have rolled back\n-- status 0\n"
    );
    assert_snapshot!(lab.run(&["confirm"]), @r#"
    -- stderr
    Error: cannot confirm: nothing awaits confirmation
    Hint: the head is snapshot 2, "tcp 192.0.2.10:80: scheduler rr -> sh"
    -- status 1
    "#);
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })", "--confirm", "300"]);
    assert_snapshot!(lab.run(&["rollback"]), @r"
    timeouts
      ~ tcp 600 -> 900
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
}

#[test]
fn the_next_that_writes_rolls_back_what_was_not_confirmed() {
    let lab = pending("1");
    std::thread::sleep(Duration::from_millis(1100));
    let status = lab.run(&["status"]);
    assert!(
        status.contains("pending   was not confirmed: is to be rolled back to 1\n"),
        "{status}"
    );
    // The same field: what is rolled back is not in the way.
    let other = SECOND.replace("sh", "lc");
    assert_snapshot!(lab.run(&["-e", &other, "--confirm", "1"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler rr -> lc
    snapshot 4 (3 before), 1 change, verified. Rolls back in 1 s unless: ipvsh --sim confirm
    -- stderr
    note: snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 1 change
    -- status 0
    ");
    std::thread::sleep(Duration::from_millis(1100));
    assert_snapshot!(lab.run(&["confirm"]), @r"
    -- stderr
    Error: snapshot 4: cannot confirm: it comes too late
    Hint: snapshot 4 was not confirmed in time: rolled back to snapshot 3, as snapshot 5, 1 change
    -- status 1
    ");
    assert!(
        lab.ok(&["history"])
            .contains("rollback to 3 (not confirmed)")
    );
}

#[test]
fn the_time_is_a_number_of_seconds() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["-e", SECOND, "--confirm", "5m"]), @r#"
    -- stderr
    Error: the time to confirm is a whole number of seconds from 1 to 86400, not "5m"
    Hint: five minutes: --confirm 300; in a script: commit("message", #{ confirm: 300 })
    -- status 2
    "#);
    let script = format!("{SECOND}; commit(\"x\", #{{ confirm: 0 }})");
    let said = lab.run(&["-e", &script]);
    assert!(said.contains("from 1 to 86400, not 0"), "{said}");
    assert_snapshot!(lab.run(&["adopt", "--confirm", "60"]), @r"
    -- stderr
    Error: cannot adopt with a time to confirm: what it takes stays in the kernel: there is nothing to confirm
    Hint: leave --confirm out
    -- status 1
    ");
    assert_snapshot!(lab.run(&["restore", "--confirm", "60"]), @r"
    -- stderr
    Error: cannot restore with a time to confirm: it makes no snapshot: there is nothing to confirm
    Hint: leave --confirm out
    -- status 1
    ");
}

#[test]
fn a_script_confirms_what_it_looked_at() {
    let lab = Lab::with_web();
    let code = format!("{SECOND}; commit(\"try\", #{{ confirm: 60 }}); print(confirm());");
    assert_snapshot!(lab.run(&["-e", &code]), @r"
    tcp 192.0.2.10:80
      ~ scheduler rr -> sh
    snapshot 2 (1 before), 1 change, verified. Rolls back in 60 s unless: ipvsh --sim confirm
    2
    -- status 0
    ");
}

#[test]
fn the_process_that_waits_is_nobodys_verb() {
    let lab = Lab::new();
    for (args, verb) in [
        (&["--help"][..], "\n  VERB "),
        (&["__complete", "--", ""], "VERB\t"),
        (&["man"], "ipvsh VERB"),
    ] {
        let text = lab.ok(args);
        assert!(text.contains(&verb.replace("VERB", "confirm")), "{text}");
        assert!(!text.contains(&verb.replace("VERB", "watch")), "{text}");
    }
}

/// A lab whose head was not confirmed in time.
fn overdue() -> Lab {
    let lab = pending("1");
    std::thread::sleep(Duration::from_millis(1100));
    lab
}

#[test]
fn a_plan_leads_to_where_restore_leads() {
    let lab = overdue();
    assert_snapshot!(lab.run(&["plan"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler sh -> rr
    1 change would bring the kernel to snapshot 1: ipvsh --sim restore
    -- stderr
    note: snapshot 2 was not confirmed in time: the next command that writes rolls it back to 1 (ipvsh --sim restore)
    -- status 0
    ");
    let plan: serde_json::Value = serde_json::from_str(&lab.ok(&["plan", "--json"])).unwrap();
    assert_eq!(
        plan["pending"],
        serde_json::json!({ "snapshot": 2, "seconds_left": 0, "rolls_back_to": 1 })
    );
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1);
    lab.ok(&["restore"]);
    let plan: serde_json::Value = serde_json::from_str(&lab.ok(&["plan", "--json"])).unwrap();
    assert!(plan["pending"].is_null(), "{plan}");

    let lab = Lab::new();
    lab.ok(&["-e", super::lab::WEB, "--confirm", "1"]);
    std::thread::sleep(Duration::from_millis(1100));
    assert_snapshot!(lab.run(&["plan"]), @r"
    - tcp 192.0.2.10:80  rr
      - server 10.0.0.11:80  masq weight 1
      - server 10.0.0.12:80  masq weight 3
    3 changes would take back the head, which was the first: ipvsh --sim restore
    -- stderr
    note: snapshot 1 was not confirmed in time: the next command that writes rolls it back to no rules (ipvsh --sim restore)
    -- status 0
    ");
}

#[test]
fn a_damaged_database_is_restored_to_what_was_before_the_head() {
    let lab = overdue();
    lab.damage();
    assert_snapshot!(lab.run(&["restore"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler sh -> rr
    repaired 1; snapshot 1 unchanged
    -- stderr
    note: the database is damaged: sled finds its files corrupted
    note: restored from its mirror, snapshot 1; to save the history: ipvsh --sim fsck --repair
    note: snapshot 2 was not confirmed in time: restored 1
    -- status 0
    ");
    let lab = pending("300");
    lab.damage();
    assert_snapshot!(settled(&lab.run(&["restore"])), @r"
    nothing to change
    -- stderr
    note: the database is damaged: sled finds its files corrupted
    note: restored from its mirror, snapshot 2; to save the history: ipvsh --sim fsck --repair
    note: snapshot 2 awaits confirmation: it rolls back to 1 in 300 s unless: ipvsh --sim confirm
    -- status 0
    ");
}

#[test]
fn a_repair_keeps_what_awaits_confirmation() {
    let lab = pending("300");
    lab.damage();
    lab.ok(&["fsck", "--repair", "-y"]);
    let status = settled(&lab.ok(&["status"]));
    assert!(
        status.contains("pending   awaits confirmation: rolls back to 1 in 300 s\n"),
        "{status}"
    );
    lab.ok(&["confirm"]);

    let lab = overdue();
    std::fs::remove_dir_all(lab.database().join("sled")).unwrap();
    lab.ok(&["fsck", "--repair", "-y"]);
    assert_snapshot!(lab.run(&["-e", "timeouts(#{ tcp: 600 })"]), @r"
    timeouts
      ~ tcp 900 -> 600
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 1 change
    -- status 0
    ");
    assert!(lab.ok(&["show"]).contains(" rr "));
}
