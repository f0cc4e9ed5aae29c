//! The history at the command line: who, when, why; moments, tags, revert; several at once.

use std::process::{Child, Stdio};

use insta::assert_snapshot;

use super::lab::Lab;

/// 1: web; 2: a third server; 3: a timeout.
fn three() -> Lab {
    let lab = Lab::with_web();
    let third = r#"find("192.0.2.10:80").server("10.0.0.13:80")"#;
    lab.ok(&["-m", "a third one", "-e", third]);
    lab.ok(&["-e", "timeouts(#{ udp: 60 })"]);
    lab
}

#[test]
fn revert() {
    let lab = three();
    let before = lab.state();
    assert_snapshot!(lab.run(&["revert", "2", "--plan"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.13:80  masq weight 1
    1 change planned, nothing done
    -- status 0
    ");
    assert_eq!(lab.state(), before);
    assert_snapshot!(lab.run(&["revert", "2"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.13:80  masq weight 1
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert_snapshot!(lab.run(&["revert", "2"]), @r"
    nothing to change
    -- stderr
    note: nothing of what snapshot 2 changed is left in the head
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "revert(4)"]), @r"
    tcp 192.0.2.10:80
      + server 10.0.0.13:80  masq weight 1
    snapshot 5 (4 before), 1 change, verified. Undo: ipvsh --sim rollback 4
    -- status 0
    ");
    lab.ok(&[
        "-e",
        r#"find("192.0.2.10:80").find("10.0.0.13").set(#{ weight: 9 })"#,
    ]);
    assert_snapshot!(lab.run(&["revert", "2"]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.10:80: real server 10.0.0.13:80: cannot revert snapshot 2: it was changed again by snapshot 6 "tcp 192.0.2.10:80: server 10.0.0.13:80 weight 1 -> 9" by AUTHOR
    Hint: revert the later one first (ipvsh --sim revert 6), or set it by hand
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["revert", "9"]), @r"
    -- stderr
    Error: snapshot 9: there is no such snapshot
    Hint: the snapshots are 1 to 6 (ipvsh --sim history)
    -- status 1
    ");
    assert_snapshot!(lab.run(&["revert"]), @r"
    -- stderr
    Error: the following required arguments were not provided: <SNAPSHOT>
    Hint: usage: ipvsh --sim revert <SNAPSHOT>
    -- status 2
    ");
    assert_snapshot!(lab.run(&["-e", "timeouts(#{ tcp: 9 }); revert(3)"]), @r"
    -- stderr
    Error: cannot revert: 1 change staged and not committed
      --> -e:1:24
    1 | timeouts(#{ tcp: 9 }); revert(3)
      |                        ^
    Hint: plan() shows them, commit() keeps them, discard() drops them
    -- status 1
    ");
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot  time                 author  changes  message
    6  TIME  AUTHOR  ~1  tcp 192.0.2.10:80: server 10.0.0.13:80 weight 1 -> 9
    5  TIME  AUTHOR  +1  revert of 4: revert of 2: a third one
    4  TIME  AUTHOR  -1  revert of 2: a third one
    3  TIME  AUTHOR  ~1  timeouts: udp 300 -> 60
    2  TIME  AUTHOR  +1  a third one
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
}

#[test]
fn a_rollback_over_several_says_so() {
    let lab = three();
    assert_snapshot!(lab.run(&["rollback", "1"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.13:80  masq weight 1
    timeouts
      ~ udp 60 -> 300
    snapshot 4 (3 before), 2 changes, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: this also undoes snapshots 2 and 3; to undo only one: ipvsh --sim revert N
    -- status 0
    ");
}

#[test]
fn who_and_why() {
    let lab = Lab::new();
    let script = lab.script("site.rhai", "timeouts(#{ udp: 60 })");
    lab.ok(&["run", &script, "-m", "a\x1b[31mb\tc"]);
    assert_snapshot!(lab.run(&["history", "-p"]), @r"
    snapshot 1  TIME  AUTHOR  a�[31mb c
      command ipvsh --sim run LAB/site.rhai -m 'a�[31mb c'
      script LAB/site.rhai  sha256 cc036eb5654b28b209973b1c9e2b3335f659c007b8a1c3923b66473221c2a016
      on HOST, took TIME
      timeouts
        ~ udp not managed -> 60
    -- status 0
    ");
    let said = lab.ok(&["history", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let script = &said[0]["script"];
    assert_eq!(
        script["path"].as_str().unwrap(),
        lab.path("site.rhai").to_str().unwrap()
    );
    assert_eq!(
        script["sha256"],
        "cc036eb5654b28b209973b1c9e2b3335f659c007b8a1c3923b66473221c2a016"
    );
    assert!(said[0]["host"].is_string() && said[0]["duration"].is_number());
}

#[test]
fn moments_and_since() {
    let lab = three();
    assert_snapshot!(lab.run(&["diff", "@0s", "1"]), @r#"
    tcp 192.0.2.10:80
      - server 10.0.0.13:80  masq weight 1
    timeouts
      ~ udp 60 -> not managed
    -- stderr
    note: @0s: the head was snapshot 3 of TIME, "timeouts: udp 300 -> 60" by AUTHOR
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["rollback", "@1990-01-01"]), @r"
    -- stderr
    Error: snapshot @1990-01-01: there was none yet at TIME
    Hint: the first that is there is snapshot 1 of TIME
    -- status 1
    ");
    assert_snapshot!(lab.run(&["plan", "@9999-01-01"]), @r"
    -- stderr
    Error: snapshot @9999-01-01: TIME is yet to come
    Hint: the snapshot that is the head now is called head
    -- status 1
    ");
    assert_snapshot!(lab.run(&["plan", "@noon"]), @r#"
    -- stderr
    Error: "noon" is not a time
    Hint: a time is 22:00, 2026-11-19, 2026-11-19T22:00 (local; with Z or +01:00 elsewhere), or how long ago: 90s, 30m, 2h, 3d, 1w
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["history", "--since", "1h", "-n", "1"]), @r"
    snapshot  time                 author  changes  message
    3  TIME  AUTHOR  ~1  timeouts: udp 300 -> 60
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "--since", "9999-01-01"]), @r"
    no snapshots since then
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "--since", "soon"]), @r#"
    -- stderr
    Error: "soon" is not a time
    Hint: a time is 22:00, 2026-11-19, 2026-11-19T22:00 (local; with Z or +01:00 elsewhere), or how long ago: 90s, 30m, 2h, 3d, 1w
    -- status 2
    "#);
}

#[test]
fn tags_come_and_go() {
    let lab = three();
    lab.ok(&["tag", "head~1", "before"]);
    assert_snapshot!(lab.run(&["plan", "before"]), @r"
    timeouts
      ~ udp 60 -> 300
    1 change would bring the kernel to snapshot 2: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["diff", "before", "head"]), @r"
    timeouts
      ~ udp not managed -> 60
    -- status 0
    ");
    assert!(lab.ok(&["export", "before"]).contains("10.0.0.13"));
    assert_snapshot!(lab.run(&["revert", "before", "--plan"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.13:80  masq weight 1
    1 change planned, nothing done
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"rollback("before").snapshot"#]), @r"
    timeouts
      ~ udp 60 -> 300
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    4
    -- status 0
    ");
    assert_snapshot!(lab.run(&["tag", "--delete", "before"]), @r"
    snapshot 2 is no longer tagged before
    -- status 0
    ");
    assert_snapshot!(lab.run(&["tag", "--delete", "before"]), @r"
    -- stderr
    Error: snapshot before: there is no such tag
    Hint: `ipvsh --sim history` lists numbers and tags
    -- status 1
    ");
    assert_snapshot!(lab.run(&["tag", "1"]), @r"
    -- stderr
    Error: the following required arguments were not provided: <NAME>
    Hint: usage: ipvsh --sim tag <SNAPSHOT> <NAME>
    -- status 2
    ");
}

#[test]
fn what_to_do_stands_in_the_help() {
    let lab = Lab::new();
    let remedies = "\
  the kernel lost its rules  ipvsh restore
  the last change was bad    ipvsh rollback
  one older change was bad   ipvsh revert N
  not committed yet          discard() at the prompt";
    for help in ["-h", "--help"] {
        assert!(lab.ok(&[help]).contains(remedies), "{help}");
    }
    let manual = lab.ok(&["man"]).replace('\\', "");
    assert!(
        manual.contains("one older change was bad   ipvsh revert N"),
        "{manual}"
    );
    let calls = "one older change was bad   revert(N)";
    assert!(lab.ok(&["-e", "help()"]).contains(calls));
}

fn start(lab: &Lab, args: &[&str]) -> Child {
    let mut command = lab.command(args);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn twenty_commits_at_once_are_all_recorded() {
    let lab = Lab::with_web();
    let adding: Vec<Child> = (1..=20)
        .map(|n| {
            let code = format!(r#"find("192.0.2.10:80").server("10.0.1.{n}:80")"#);
            start(&lab, &["-e", &code])
        })
        .collect();
    for child in adding {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    let history: serde_json::Value = serde_json::from_str(&lab.ok(&["history", "--json"])).unwrap();
    let ids: Vec<u64> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=21).rev().collect::<Vec<u64>>());
    let rules: serde_json::Value = serde_json::from_str(&lab.ok(&["export"])).unwrap();
    let servers = rules["services"][0]["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 22);
}

#[test]
fn a_commit_that_meets_another_says_whose() {
    let lab = Lab::with_web();
    // It stages its change, and commits when somebody else has.
    let waiting = r#"find("192.0.2.10:80").set(#{ scheduler: "sh" });
        print("staged");
        while history().len() < 3 { sleep(0.05); }"#;
    let mut first = start(&lab, &["-e", waiting]);
    let mut line = String::new();
    let mut out = std::io::BufReader::new(first.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "staged\n");
    let other = r#"find("192.0.2.10:80").set(#{ scheduler: "wrr" })"#;
    lab.ok(&["-m", "weights count now", "-e", other]);
    lab.ok(&["-e", "timeouts(#{ udp: 60 })"]);
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("virtual service tcp 192.0.2.10:80: scheduler was also changed by snapshot 2 \"weights count now\" by "),
        "{said}"
    );
}
