//! Verbs that change something: the shape of what they say.

use insta::assert_snapshot;

use super::lab::{Lab, WEB};

#[test]
fn a_change_ends_in_its_shape() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["-e", WEB]), @r"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
    snapshot 1 (the first), 3 changes, verified. Undo: ipvsh --sim revert 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", WEB]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"find("192.0.2.10:80").server("10.0.0.13:80")"#]), @r"
    tcp 192.0.2.10:80
      + server 10.0.0.13:80  masq weight 1
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"tcp("192.0.2.10:80", #{ persistent: 60 })"#]), @r"
    tcp 192.0.2.10:80
      ~ scheduler rr -> wlc (not named: default)
      ~ persistent off -> 60
    snapshot 3 (2 before), 2 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"remove(find("192.0.2.10:80").find("10.0.0.13"))"#, "--json"]), @r#"
    {
      "outcome": "recorded",
      "snapshot": {
        "id": 4,
        "message": "-1 server in tcp 192.0.2.10:80",
        ...
      },
      "changes": [
        {
          "action": "remove",
          "object": "tcp 192.0.2.10:80",
          "part": "server 10.0.0.13:80",
          "detail": "masq weight 1",
          "from": {
            "weight": 1,
            "forward": "masq",
            "upper": 0,
            "lower": 0
          },
          "to": null
        }
      ],
      "notes": [],
      "warnings": []
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["-q", "-e", r#"remove(find("192.0.2.10:80"))"#]), @r"
    - tcp 192.0.2.10:80  wlc persistent 60
      - server 10.0.0.11:80  masq weight 1
      - server 10.0.0.12:80  masq weight 3
    -- status 0
    ");
}

#[test]
fn a_plan_does_nothing() {
    let lab = Lab::with_web();
    let before = lab.state();
    assert_snapshot!(lab.run(&["--plan", "-e", r#"find("192.0.2.10:80").find("10.0.0.11").set(#{ weight: 0 })"#]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.11:80  weight 1 -> 0
    1 change planned, nothing done
    -- status 0
    ");
    assert_snapshot!(lab.run(&["--plan", "--json", "-e", "clear()"]), @r#"
    {
      "outcome": "planned",
      "snapshot": null,
      "changes": [
        {
          "action": "remove",
          "object": "tcp 192.0.2.10:80",
          "part": null,
          "detail": "rr",
          "from": {
            "scheduler": "rr",
            "flags": [],
            "persistent": 0,
            "netmask": "255.255.255.255",
            "engine": null,
            "one_packet": false
          },
          "to": null
        },
        {
          "action": "remove",
          "object": "tcp 192.0.2.10:80",
          "part": "server 10.0.0.11:80",
          "detail": "masq weight 1",
          "from": {
            "weight": 1,
            "forward": "masq",
            "upper": 0,
            "lower": 0
          },
          "to": null
        },
        {
          "action": "remove",
          "object": "tcp 192.0.2.10:80",
          "part": "server 10.0.0.12:80",
          "detail": "masq weight 3",
          "from": {
            "weight": 3,
            "forward": "masq",
            "upper": 0,
            "lower": 0
          },
          "to": null
        }
      ],
      "notes": [],
      "warnings": []
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["--plan", "-e", WEB]), @r"
    nothing to change
    -- status 0
    ");
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
    assert_snapshot!(lab.run(&["run", "--plan", &script]), @r"
    timeouts
      ~ tcp 900 -> 600
    1 change planned, nothing done
    timeouts
      ~ tcp 600 -> 700
    1 change planned, nothing done
    staged, the head is 3
    tcp 192.0.2.10:80
      + server 10.0.0.14:80  masq weight 1
    1 change planned, nothing done
    -- status 0
    ");
    assert_eq!(lab.state(), before);
    assert_snapshot!(lab.run(&["run", &script]), @r"
    timeouts
      ~ tcp 900 -> 600
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    timeouts
      ~ tcp 600 -> 700
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    staged, the head is 3
    tcp 192.0.2.10:80
      + server 10.0.0.14:80  masq weight 1
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
}

#[test]
fn rollback() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["rollback"]), @r"
    -- stderr
    Error: cannot roll back: the head is the first snapshot: there is none before it
    Hint: to undo it: ipvsh --sim revert 1
    -- status 1
    ");
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })"]);
    lab.ok(&["-e", "clear()"]);
    assert_snapshot!(lab.run(&["rollback", "--plan"]), @r#"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
    timeouts
      ~ tcp 900 -> 600
    4 changes planned, nothing done
    -- stderr
    note: the one before the head is snapshot 2, "timeouts: tcp 900 -> 600" by AUTHOR
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["rollback"]), @r#"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
    timeouts
      ~ tcp 900 -> 600
    snapshot 4 (3 before), 4 changes, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: the one before the head is snapshot 2, "timeouts: tcp 900 -> 600" by AUTHOR
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["rollback"]), @r"
    -- stderr
    Error: cannot roll back: the head, snapshot 4, is itself a rollback (to 2)
    Hint: to take that rollback back: ipvsh --sim rollback 3
    Hint: to go further back: ipvsh --sim rollback N (ipvsh --sim history), N before 2
    -- status 1
    ");
    assert_snapshot!(lab.run(&["rollback", "1", "-m", "back to the start"]), @r"
    timeouts
      ~ tcp 600 -> 900
    snapshot 5 (4 before), 1 change, verified. Undo: ipvsh --sim rollback 4
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "1"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot  time                 author  changes  message
    5  TIME  AUTHOR  ~1  back to the start
    4  TIME  AUTHOR  +3 ~1  rollback to 2
    3  TIME  AUTHOR  ~1 -3  ~1 timeout, -1 service
    2  TIME  AUTHOR  ~1  timeouts: tcp 900 -> 600
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
}

#[test]
fn restore_and_adopt_where_all_is_well() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["restore"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["restore", "--best-effort", "--json"]), @r#"
    {
      "outcome": "unchanged",
      "snapshot": null,
      "changes": [],
      "notes": [],
      "warnings": []
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["adopt"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["adopt", "tcp", "192.0.2.10:80"]), @r"
    nothing to change
    -- status 0
    ");
}

#[test]
fn forgetting_leaves_the_kernel_alone() {
    let lab = Lab::with_web();
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })"]);
    assert_snapshot!(lab.run(&["forget", "timeouts", "--plan"]), @r"
    timeouts
      ~ tcp 600 -> not managed
    1 change planned, nothing done
    -- status 0
    ");
    assert_snapshot!(lab.run(&["forget", "tcp", "192.0.2.99:80"]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.99:80: cannot forget: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["forget", "9"]), @r"
    -- stderr
    Error: snapshot 9: cannot forget: there is no such snapshot
    Hint: the snapshots are 1 to 2 (ipvsh --sim history)
    -- status 1
    ");
    assert_eq!(lab.said(&["forget"]).status, 2);
    // What snapshot 2 recorded, and an object.
    let said = lab.said(&["forget", "2", "tcp", "192.0.2.10:80"]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(
        said.out
            .ends_with("4 changes recorded, the kernel untouched. Undo: ipvsh --sim rollback 2\n"),
        "{}",
        said.out
    );
}

#[test]
fn what_is_regretted_is_noted_unless_it_is_to_be_quiet() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["-e", "tcp(\"192.0.2.10:80\")"]), @r#"
    + tcp 192.0.2.10:80  wlc
    snapshot 1 (the first), 1 change, verified. Undo: ipvsh --sim revert 1
    -- stderr
    note: tcp 192.0.2.10:80: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find("tcp 192.0.2.10:80").server("ADDRESS")'
    -- status 0
    "#);
    assert_eq!(lab.said(&["-q", "-e", "tcp(\"192.0.2.11:80\")"]).err, "");
}

#[test]
fn tags_name_snapshots() {
    let lab = Lab::with_web();
    lab.ok(&["-e", "timeouts(#{ tcp: 600 })"]);
    assert_snapshot!(lab.run(&["tag", "head~1", "v1.0"]), @r"
    snapshot 1 is tagged v1.0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["tag", "1", "7"]), @r#"
    -- stderr
    Error: "7" cannot be a tag
    Hint: a tag is a letter, then letters, digits, ".", "_" or "-"; it may not be "head"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["tag", "9", "nine"]), @r"
    -- stderr
    Error: snapshot 9: there is no such snapshot
    Hint: the snapshots are 1 to 2 (ipvsh --sim history)
    -- status 1
    ");
    assert_snapshot!(lab.run(&["rollback", "v1.0"]), @r"
    timeouts
      ~ tcp 600 -> 900
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "v1.1"]), @r"
    -- stderr
    Error: snapshot v1.1: there is no such tag
    Hint: `ipvsh --sim history` lists numbers and tags
    -- status 1
    ");
    let tagged = lab.ok(&["tag", "1", "x", "--json"]);
    let tagged: serde_json::Value = serde_json::from_str(&tagged).unwrap();
    assert_eq!(tagged["id"], 1);
    assert_eq!(tagged["tags"], serde_json::json!(["v1.0", "x"]));
}

#[test]
fn export() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["export", "--format", "rhai"]), @r#"
    // A ruleset of ipvsh. Running it declares what is written here and leaves the rest
    // alone: ipvsh run THIS-FILE

    tcp("192.0.2.10:80", #{
        scheduler: "rr",
        forward: "masq",
        servers: [
            "10.0.0.11",
            #{ address: "10.0.0.12", weight: 3 },
        ],
    });
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["export", "1", "--format", "ipvsadm"]), @r"
    -A -t 192.0.2.10:80 -s rr
    -a -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 1
    -a -t 192.0.2.10:80 -r 10.0.0.12:80 -m -w 3
    -- status 0
    ");
    let json = lab.ok(&["export"]);
    let rules: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rules["services"][0]["servers"][1]["weight"], 3);
    assert_snapshot!(lab.run(&["export", "--format", "xml"]), @r#"
    -- stderr
    Error: unknown format "xml"
    Hint: a format is one of json, rhai, ipvsadm
    -- status 2
    "#);
}

#[test]
fn large_removals_are_refused_unless_allowed() {
    let lab = Lab::new();
    lab.ok(&["-e", r#"for n in 1..=10 { tcp(`192.0.2.${n}:80`) }"#]);
    let before = lab.state();
    assert_snapshot!(lab.run(&["-e", "clear()"]), @r#"
    -- stderr
    Error: refused: this would remove 10 of 10 virtual services
    Hint: look at it with --plan; if it is meant: --allow-removals
    Hint: in a script: commit("message", #{ allow_removals: true })
    -- status 1
    "#);
    assert_eq!(lab.said(&["-y", "-e", "clear()"]).status, 1);
    assert_eq!(lab.state(), before);
    assert_eq!(lab.said(&["--allow-removals", "-e", "clear()"]).status, 0);
}

/// As with a service: the commit tells of a setting, so that it is not shown as well.
#[test]
fn a_setting_is_told_of_once() {
    let lab = Lab::new();
    let declare = r#"sysctl("net.ipv4.vs.conntrack", 1)"#;
    assert_snapshot!(lab.run(&["-e", declare]), @r"
    ~ sysctl net.ipv4.vs.conntrack  0 -> 1
    snapshot 1 (the first), 1 change, verified. Undo: ipvsh --sim revert 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", declare]), @r"
    nothing to change
    -- status 0
    ");
    let planned = r#"vip("192.0.2.10", #{ interface: "eth0" })"#;
    assert_snapshot!(lab.run(&["-e", planned, "--plan"]), @r"
    + vip 192.0.2.10  /32 on eth0
    1 change planned, nothing done
    -- status 0
    ");
}
