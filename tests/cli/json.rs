//! What programs read: errors, names and both sides of a change as JSON.

use insta::assert_snapshot;
use serde_json::Value;

use super::lab::Lab;

#[test]
fn an_error_is_an_object_on_one_line_of_standard_error() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["weight", "10.0.0.21", "7", "--json"]), @r#"
    -- stderr
    {"error":{"kind":"not_found","object":"real server 10.0.0.21","message":"no service has this real server","hint":"did you mean \"10.0.0.11\"?","status":1}}
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["--json", "wieght"]), @r#"
    -- stderr
    {"error":{"kind":"usage","object":null,"message":"unrecognized verb 'wieght'","hint":"did you mean \"weight\"?\nusage: ipvsh [OPTIONS] [VERB]","status":2}}
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["show", "--json", "--state", "OPEN", "connections"]), @r#"
    -- stderr
    {"error":{"kind":"invalid","object":"--state","message":"unknown state \"OPEN\"","hint":"states are NONE, ASSURED, ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, SYNACK, UDP, INIT1, INIT, COOKIE_SENT, COOKIE_REPLIED, COOKIE_WAIT, COOKIE, COOKIE_ECHOED, SHUTDOWN_SENT, SHUTDOWN_RECEIVED, SHUTDOWN_ACK_SENT, REJECTED, CLOSED","status":1}}
    -- status 1
    "#);
    let script = lab.script("a.rhai", "let x = 1;\ntcp(\"192.0.2.300:80\");\n");
    assert_snapshot!(lab.run(&["run", "--json", &script]), @r#"
    -- stderr
    {"error":{"kind":"invalid","object":"virtual service tcp 192.0.2.300:80","message":"\"192.0.2.300\" is not an IP address","hint":"each of the four numbers of an IPv4 address is 0 to 255","status":1,"file":"LAB/a.rhai","line":2,"column":1}}
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["--json", "-e", "throw \"no\""]), @r#"
    -- stderr
    {"error":{"kind":"script","object":null,"message":"no","hint":null,"status":1,"file":"-e","line":1,"column":1}}
    -- status 1
    "#);
    for args in [
        &["weight", "10.0.0.21", "7", "--json"][..],
        &["--json", "wieght"],
        &["--json", "rollback", "9"],
        &["--json", "import", "/nonexistent"],
    ] {
        let said = lab.said(args);
        let last = said.err.lines().last().unwrap();
        let error: Value = serde_json::from_str(last).unwrap();
        assert_eq!(error["error"]["status"], said.status, "{args:?}");
        assert_eq!(said.out, "", "{args:?}");
    }
}

/// The commands of a program that reads results: what a result holds is not said beside it.
#[test]
fn notes_are_told_once() {
    let lab = Lab::with_web();
    let empty = r#"tcp("192.0.2.11:80")"#;
    for args in [
        &["--json", "-e", empty, "--plan"][..],
        &["--json", "-e", empty],
        &["--json", "plan"],
        &["--json", "diff", "1"],
        &["--json", "restore"],
        &["--json", "prune", "--keep", "1"],
    ] {
        let said = lab.said(args);
        let result: Value = serde_json::from_str(&said.out).unwrap();
        assert!(result["notes"].is_array(), "{args:?}");
        assert_eq!(said.err, "", "{args:?}");
    }
    let plan = lab.said(&["--json", "plan"]);
    assert!(plan.out.contains("no real servers"), "{}", plan.out);
}

#[test]
fn a_script_that_gives_up_is_told_as_json() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["--json", "-e", "exit(3)"]), @r#"
    {
      "outcome": "exited",
      "status": 3,
      "snapshot": null,
      "changes": [],
      "notes": []
    }
    -- status 3
    "#);
    let script = lab.script("a.rhai", "timeouts(#{ tcp: 600 }); exit(4)");
    assert_snapshot!(lab.run(&["--json", "run", &script]), @r#"
    {
      "outcome": "exited",
      "status": 4,
      "snapshot": null,
      "changes": [],
      "notes": [
        "1 change staged and not committed"
      ]
    }
    -- status 4
    "#);
    // What it committed before is a result of its own, and `exit(0)` commits.
    let script = lab.script("b.rhai", "timeouts(#{ tcp: 600 }); commit(); exit(5)");
    let said = lab.said(&["--json", "run", &script]);
    let results = serde_json::Deserializer::from_str(&said.out).into_iter::<Value>();
    let outcomes = results.map(|result| result.unwrap()["outcome"].clone());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["recorded", "exited"]);
    let script = lab.script("c.rhai", "timeouts(#{ tcp: 700 }); exit(0)");
    let said = lab.ok(&["--json", "run", &script]);
    assert!(said.contains("\"outcome\": \"recorded\""), "{said}");
}

/// The statuses are ipvsadm's, with and without JSON.
#[test]
fn what_the_drop_in_says_of_a_failure_is_an_error_as_json() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["--json", "ipvsadm", "-A", "-t", "192.0.2.10:80"]), @r#"
    -- stderr
    {"error":{"kind":"refused","object":"ipvsadm","message":"Service already exists","hint":null,"status":255}}
    -- status 255
    "#);
    for words in [
        &["-A", "-t", "192.0.2.10:80"][..],
        &["-Q"],
        &["-A", "-t", "x:y"],
    ] {
        let plain = lab.said(&[&["ipvsadm"], words].concat());
        let json = lab.said(&[&["--json", "ipvsadm"], words].concat());
        let error: Value = serde_json::from_str(&json.err).unwrap();
        assert_eq!(json.status, plain.status, "{words:?}");
        assert_eq!(error["error"]["status"], plain.status, "{words:?}");
        assert_eq!(error["error"]["message"], plain.err.trim_end(), "{words:?}");
    }
    let listed = lab.said(&["--json", "ipvsadm", "-Ln"]);
    assert_eq!((listed.status, listed.err.as_str()), (0, ""));
    assert!(listed.out.contains("192.0.2.10:80"), "{}", listed.out);
}

/// Two steps.
const TWO: &str =
    r#"let web = find("192.0.2.10:80"); for s in web.servers() { s.set(#{ weight: 9 }) }"#;

#[test]
fn a_change_that_was_undone_is_told_as_json() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run_faulty("fail-step=2:ENOBUFS", &["-e", TWO, "--json"]), @r#"
    -- stderr
    {"error":{"kind":"undone","object":"real server 10.0.0.12:80 of tcp 192.0.2.10:80","message":"cannot change: the kernel refuses it (ENOBUFS)","hint":"nothing changed: every step before it was undone","status":4}}
    -- status 4
    "#);
}

#[test]
fn names_can_be_given_to_other_commands() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"fwmark(7).server("10.0.0.14"); tcp("[2001:db8::10]:443").server("[2001:db8::11]:443")"#,
    ]);
    for view in ["services", "stats", "rates", "thresholds", "persistent"] {
        let rows: Value = serde_json::from_str(&lab.ok(&["show", view, "--json"])).unwrap();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 3, "{view}");
        for row in rows {
            let service = row["name"].as_str().unwrap();
            assert_eq!(row.as_object().unwrap().keys().next().unwrap(), "name");
            lab.ok(&["show", service]);
            lab.ok(&["history", service]);
            for server in row["servers"].as_array().unwrap() {
                let server = server["name"].as_str().unwrap();
                lab.ok(&["where", server]);
                lab.ok(&["weight", server, "3", service]);
                lab.ok(&["drain", service, server]);
                lab.ok(&["enable", server]);
            }
        }
    }
    // What show says can be imported: the name repeats the identity.
    let shown = lab.script(
        "shown.json",
        &format!("{{\"services\": {}}}", lab.ok(&["show", "--json"])),
    );
    assert_snapshot!(lab.run(&["import", &shown]), @r"
    nothing to change
    -- status 0
    ");
}

#[test]
fn a_change_has_both_sides() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["--json", "--plan", "-e", r#"
        let web = find("192.0.2.10:80");
        web.set(#{ scheduler: "wrr" });
        web.find("10.0.0.12").set(#{ weight: 0, upper: 9 });
        web.server("10.0.0.13");
        remove(web.find("10.0.0.11"));
        timeouts(#{ tcp: 600 });
        sync_daemon("master", #{ interface: "lo" });
        fwmark(7, #{ marks: [#{ protocol: "tcp", ports: [80] }] });
    "#]), @r#"
    {
      "outcome": "planned",
      "snapshot": null,
      "changes": [
        {
          "action": "change",
          "object": "tcp 192.0.2.10:80",
          "part": "scheduler",
          "detail": "rr -> wrr",
          "from": "rr",
          "to": "wrr"
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
          "action": "change",
          "object": "tcp 192.0.2.10:80",
          "part": "server 10.0.0.12:80",
          "detail": "weight 3 -> 0, upper 0 -> 9",
          "from": {
            "weight": 3,
            "upper": 0
          },
          "to": {
            "weight": 0,
            "upper": 9
          }
        },
        {
          "action": "add",
          "object": "tcp 192.0.2.10:80",
          "part": "server 10.0.0.13:80",
          "detail": "masq weight 1",
          "from": null,
          "to": {
            "weight": 1,
            "forward": "masq",
            "upper": 0,
            "lower": 0
          }
        },
        {
          "action": "add",
          "object": "fwmark 7",
          "part": null,
          "detail": "wlc",
          "from": null,
          "to": {
            "scheduler": "wlc",
            "flags": [],
            "persistent": 0,
            "netmask": "255.255.255.255",
            "engine": null,
            "one_packet": false
          }
        },
        {
          "action": "add",
          "object": "fwmark 7",
          "part": "mark",
          "detail": "tcp ports 80",
          "from": null,
          "to": {
            "mark": 7,
            "family": "ipv4",
            "protocol": "tcp",
            "to": null,
            "from": null,
            "ports": [
              80
            ],
            "interface": null
          }
        },
        {
          "action": "change",
          "object": "timeouts",
          "part": "tcp",
          "detail": "900 -> 600",
          "from": 900,
          "to": 600
        },
        {
          "action": "add",
          "object": "sync daemon master",
          "part": null,
          "detail": "interface lo id 0",
          "from": null,
          "to": {
            "role": "master",
            "interface": "lo",
            "id": 0
          }
        }
      ],
      "notes": [
        "fwmark 7: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find(\"fwmark 7\").server(\"ADDRESS\")'"
      ],
      "warnings": [
        {
          "object": "fwmark 7",
          "what": "no real servers, so clients are refused",
          "fix": "ipvsh --sim -e 'find(\"fwmark 7\").server(\"ADDRESS\")'",
          "kind": "script",
          "code": "find(\"fwmark 7\").server(\"ADDRESS\")"
        }
      ]
    }
    -- status 0
    "#);
}

/// The one test of a snapshot's whole record; elsewhere its number and message stand for it.
#[test]
fn a_snapshot_has_every_key() {
    let lab = Lab::with_web();
    let script = lab.script(
        "web.rhai",
        r#"find("192.0.2.10:80").set(#{ scheduler: "wrr" });"#,
    );
    lab.ok(&["run", &script]);
    lab.ok(&["rollback", "1"]);
    lab.ok(&["tag", "1", "v1"]);
    let read = |args: &[&str]| -> Value { serde_json::from_str(&lab.ok(args)).unwrap() };
    let history = read(&["history", "--json"]);
    // "SHAPE" stands for what differs from run to run: text, or a number.
    let settled = |snapshot: &Value| {
        let mut snapshot = snapshot.clone();
        for (key, is_it) in [
            ("time", Value::is_string as fn(&Value) -> bool),
            ("author", Value::is_string),
            ("host", Value::is_string),
            ("command", Value::is_string),
            ("duration", Value::is_f64),
        ] {
            assert!(is_it(&snapshot[key]), "{key}: {}", snapshot[key]);
            snapshot[key] = "SHAPE".into();
        }
        if let Some(script) = snapshot["script"].as_object_mut() {
            assert!(script["path"].as_str().unwrap().ends_with("web.rhai"));
            assert_eq!(script["sha256"].as_str().unwrap().len(), 64);
            assert_eq!(script.len(), 2);
            snapshot["script"] = "SHAPE".into();
        }
        serde_json::to_string_pretty(&snapshot).unwrap()
    };
    assert_snapshot!(settled(&history[0]), @r#"
    {
      "id": 3,
      "time": "SHAPE",
      "author": "SHAPE",
      "message": "rollback to 1",
      "parent": 2,
      "rollback_of": 1,
      "revert_of": null,
      "host": "SHAPE",
      "command": "SHAPE",
      "script": null,
      "typed": null,
      "duration": "SHAPE",
      "changes": 1,
      "added": 0,
      "changed": 1,
      "removed": 0,
      "tags": []
    }
    "#);
    assert_eq!(history[1]["script"]["path"], Value::from(script));
    settled(&history[1]);
    assert_eq!(history[2]["tags"], serde_json::json!(["v1"]));
    assert_eq!(history[2]["parent"], Value::Null);
    // Wherever a snapshot is shown, it has the same keys.
    let keys = |one: &Value| one.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all = keys(&history[0]);
    assert_eq!(keys(&read(&["status", "--json"])["head"]), all);
    assert_eq!(keys(&read(&["tag", "2", "v2", "--json"])), all);
    let change = ["--json", "-e", r#"remove(find("192.0.2.10:80"))"#];
    assert_eq!(keys(&read(&change)["snapshot"]), all);
    // A script sees the keys that a program reads; a map of a script is sorted by them.
    let seen = read(&["-e", "print(json(history()[0].keys()))"]);
    let mut sorted = all;
    sorted.sort();
    assert_eq!(seen, Value::from(sorted));
}
