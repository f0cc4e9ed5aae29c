//! What is said of checks where no daemon runs, and timelines, on the simulator.

use insta::assert_snapshot;
use ipvsh::health::{EventKind, Report};
use ipvsh::runtime::{Answer, Asked, ControlServer, EventLog, Request, RuntimeDir};
use serde_json::json;

use super::lab::Lab;

#[test]
fn without_a_check_there_is_nothing_to_tell() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["health"]), @r"
    no server is checked
    -- status 0
    ");
    assert_snapshot!(lab.run(&["events"]), @r"
    no events yet
    -- status 0
    ");
    assert_snapshot!(lab.run(&["ready"]), @r"
    ready
    -- status 0
    ");
    assert_snapshot!(lab.run(&["unfreeze"]), @r"
    -- stderr
    Error: cannot end the guard: no daemon runs for this database
    Hint: start it: ipvsh --sim daemon
    -- status 1
    ");
    assert_snapshot!(lab.run(&["health", "--now"]), @r"
    -- stderr
    Error: no daemon runs for this database
    Hint: start it: ipvsh --sim daemon
    -- status 1
    ");
}

#[test]
fn without_a_daemon_the_state_is_told_as_it_was_left() {
    let lab = Lab::with_web();
    lab.ok(&["-e", r#"find("192.0.2.10:80").set(#{ check: "tcp" })"#]);
    assert_snapshot!(lab.run(&["health"]), @r"
    service            server        state  since  check  last answer
    tcp 192.0.2.10:80  10.0.0.11:80  up
    tcp 192.0.2.10:80  10.0.0.12:80  up
    -- stderr
    note: no daemon runs for this database, and none has run: all servers count as up
    -- status 0
    ");
    assert_snapshot!(lab.run(&["health", "192.0.2.10:80", "10.0.0.12", "--json"]), @r#"
    {
      "daemon": false,
      "ready": false,
      "guard": null,
      "servers": [
        {
          "service": "tcp 192.0.2.10:80",
          "server": "10.0.0.12:80",
          "state": "up",
          "since": null,
          "reason": null,
          "latency": null,
          "held": false,
          "checks": []
        }
      ]
    }
    -- stderr
    note: no daemon runs for this database, and none has run: all servers count as up
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["health", "server", "10.0.0.99"]), @r"
    -- stderr
    Error: server 10.0.0.99: no checked server of the head has that name
    Hint: ipvsh --sim health lists what is checked
    -- status 1
    ");
    assert_snapshot!(lab.run(&["ready"]), @r"
    not ready: no daemon runs for this database
    -- status 1
    ");
    assert_snapshot!(lab.run(&["ready", "--json"]), @r#"
    {
      "ready": false,
      "since": null,
      "why": "no daemon runs for this database"
    }
    -- status 1
    "#);
}

#[test]
fn a_timeline_has_what_people_did_to_a_server() {
    let lab = Lab::with_web();
    lab.ok(&["weight", "10.0.0.12", "5"]);
    lab.ok(&["weight", "10.0.0.11", "5"]);
    lab.ok(&["disable", "10.0.0.12", "-m", "disk"]);
    lab.ok(&["enable", "10.0.0.12"]);
    assert_snapshot!(lab.run(&["why", "server", "10.0.0.12"]), @r"
    TIME  snapshot 1 by AUTHOR: +tcp 192.0.2.10:80 with 2 servers
      + tcp 192.0.2.10:80  rr
        + server 10.0.0.12:80  masq weight 3
    TIME  snapshot 2 by AUTHOR: tcp 192.0.2.10:80: server 10.0.0.12:80 weight 3 -> 5
      tcp 192.0.2.10:80
        ~ server 10.0.0.12:80  weight 3 -> 5
    TIME  snapshot 4 by AUTHOR: disk
      + maintenance 10.0.0.12  drain: disk
    TIME  snapshot 5 by AUTHOR: enable real server 10.0.0.12
      - maintenance 10.0.0.12  drain: disk
    -- status 0
    ");
    assert_snapshot!(lab.run(&["why", "maintenance", "10.0.0.12"]), @r"
    TIME  snapshot 4 by AUTHOR: disk
      + maintenance 10.0.0.12  drain: disk
    TIME  snapshot 5 by AUTHOR: enable real server 10.0.0.12
      - maintenance 10.0.0.12  drain: disk
    -- status 0
    ");
    assert_snapshot!(lab.run(&["why", "server", "10.0.0.99"]), @r"
    nothing is known to have happened to it
    -- status 0
    ");
    assert_snapshot!(lab.run(&["why"]), @r"
    -- stderr
    Error: the following required arguments were not provided: <OBJECT>...
    Hint: usage: ipvsh --sim why [OPTIONS] OBJECT
    -- status 2
    ");
}

#[test]
fn a_host_is_named_where_its_servers_are_meant() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"let s = find("192.0.2.10:80"); s.set(#{ check: "tcp" }); s.find("10.0.0.12").set(#{ host: "web12" })"#,
    ]);
    assert_snapshot!(lab.run(&["health", "web12"]), @r"
    service            server        state  since  check  last answer
    tcp 192.0.2.10:80  10.0.0.12:80  up
    -- stderr
    note: no daemon runs for this database, and none has run: all servers count as up
    -- status 0
    ");
    assert_snapshot!(lab.run(&["where", "web12"]), @r"
    service            as      server        method  weight  active  inactive
    tcp 192.0.2.10:80  server  10.0.0.12:80  masq         3       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["weight", "web12", "7"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["why", "web12"]), @r"
    TIME  snapshot 1 by AUTHOR: +tcp 192.0.2.10:80 with 2 servers
      + tcp 192.0.2.10:80  rr
        + server 10.0.0.12:80  masq weight 3
    TIME  snapshot 3 by AUTHOR: tcp 192.0.2.10:80: server 10.0.0.12:80 weight 3 -> 7
      tcp 192.0.2.10:80
        ~ server 10.0.0.12:80  weight 3 -> 7
    -- status 0
    ");
    for object in ["s", r#"s.find("10.0.0.12")"#, r#""web12""#] {
        let last = format!(r#"let s = find("192.0.2.10:80"); health({object}).pop().server"#);
        let said = lab.run(&["-e", &last]);
        assert_eq!(said, "10.0.0.12:80\n-- status 0\n", "{object}");
    }
    for verb in ["health", "where", "why"] {
        let said = lab.run(&[verb, "web13"]);
        assert!(
            said.contains("no real server is on a host of that name"),
            "{said}"
        );
        assert!(said.contains("did you mean \"web12\"?"), "{said}");
    }
    assert_snapshot!(lab.run(&["weight", "web13", "7"]), @r#"
    -- stderr
    Error: host web13: no real server is on a host of that name
    Hint: did you mean "web12"?
    -- status 1
    "#);
}

/// A daemon as far as its socket goes: it answers as one that knows two servers.
fn daemon(dir: &RuntimeDir) -> ControlServer {
    dir.make().unwrap();
    let report = json!({
        "ready": true,
        "guard": { "until": "2026-12-01T10:01:00Z", "held": 1 },
        "servers": [
            server("10.0.0.11", "up", false, json!(null)),
            server("10.0.0.12", "up", true, json!(null)),
        ],
    });
    // What is written here is what a daemon sends.
    serde_json::from_value::<Report>(report.clone()).unwrap();
    let runs = json!([{
        "service": service(),
        "server": "10.0.0.12:80",
        "check": "tcp",
        "verdict": "failed",
        "reason": "connection refused",
        "answer": "",
        "latency": 0.0004,
    }]);
    let deliver = move |asked: Asked| {
        let answer = match &asked.request {
            Request::Report => Ok(Answer::Data(report.clone())),
            Request::Now { .. } => Ok(Answer::Data(runs.clone())),
            Request::State => Ok(Answer::Data(json!({ "ready": true }))),
            _ => Ok(Answer::Done),
        };
        asked.answer(answer);
    };
    ControlServer::start(dir, deliver).unwrap()
}

fn service() -> serde_json::Value {
    let key = ipvsh::model::ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
    serde_json::to_value(key).unwrap()
}

fn server(addr: &str, state: &str, held: bool, reason: serde_json::Value) -> serde_json::Value {
    json!({
        "service": service(),
        "server": format!("{addr}:80"),
        "state": state,
        "since": "2026-12-01T10:00:00Z",
        "reason": reason,
        "latency": 0.001,
        "held": held,
        "checks": [{
            "check": "tcp", "passes": 7, "failures": 0, "no_results": 0,
            "consecutive_passes": 7, "consecutive_failures": 0,
            "last_answer": "connected", "latency": 0.001, "weight": null,
            "unproven": false, "next_run": null,
        }],
    })
}

#[test]
fn the_daemon_is_asked_and_its_events_are_told() {
    let lab = Lab::with_web();
    lab.ok(&["-e", r#"find("192.0.2.10:80").set(#{ check: "tcp" })"#]);
    let base = lab.path("run");
    let place = [("IPVSH_RUNTIME_DIR", base.to_str().unwrap())];
    let dir = RuntimeDir::below(&base, &lab.database());
    let _daemon = daemon(&dir);
    let run = |args: &[&str]| lab.run_in(&place, args);
    assert_snapshot!(run(&["health"]), @r"
    guard: 1 server would be down without it, until TIME
    service            server        state                  since                check  last answer
    tcp 192.0.2.10:80  10.0.0.11:80  up  TIME  tcp  connected
    tcp 192.0.2.10:80  10.0.0.12:80  up, held by the guard  TIME  tcp  connected
    -- status 0
    ");
    assert_snapshot!(run(&["health", "server", "10.0.0.11"]), @r"
    guard: 1 server would be down without it, until TIME
    service            server        state  since                check  last answer
    tcp 192.0.2.10:80  10.0.0.11:80  up  TIME  tcp  connected
    -- status 0
    ");
    assert_snapshot!(run(&["health", "--now"]), @r"
    service            server        check  now      ms  answer
    tcp 192.0.2.10:80  10.0.0.12:80  tcp    failed  0.4  connection refused
    -- status 1
    ");
    assert_snapshot!(run(&["ready"]), @r"
    ready
    -- status 0
    ");
    assert_snapshot!(run(&["unfreeze"]), @r"
    the guard ended: servers that still fail are taken out
    -- status 0
    ");
    let mut log = EventLog::new(&dir);
    let name = |server: &str| format!("virtual service tcp 192.0.2.10:80: real server {server}:80");
    for (server, reason) in [("10.0.0.12", "tcp: refused"), ("10.0.0.11", "tcp: timeout")] {
        let time = "2026-12-01T10:00:00Z".parse().unwrap();
        let event = ipvsh::health::Event::new(time, EventKind::Transition, name(server), reason);
        log.append(time, &event).unwrap();
    }
    assert_snapshot!(run(&["events"]), @r"
    TIME  virtual service tcp 192.0.2.10:80: real server 10.0.0.12:80: tcp: refused
    TIME  virtual service tcp 192.0.2.10:80: real server 10.0.0.11:80: tcp: timeout
    -- status 0
    ");
    assert_snapshot!(run(&["events", "--json"]), @r#"
    {"time":"TIME","kind":"transition","object":"virtual service tcp 192.0.2.10:80: real server 10.0.0.12:80","reason":"tcp: refused"}
    {"time":"TIME","kind":"transition","object":"virtual service tcp 192.0.2.10:80: real server 10.0.0.11:80","reason":"tcp: timeout"}
    -- status 0
    "#);
    let read = |options: &str| run(&["-e", &format!("events({options}).map(|e| e.reason)")]);
    assert_snapshot!(read(""), @r#"
    ["tcp: refused", "tcp: timeout"]
    -- status 0
    "#);
    assert_snapshot!(read("#{ limit: 1 }"), @r#"
    ["tcp: timeout"]
    -- status 0
    "#);
    assert_snapshot!(read("#{ object: \"server 10.0.0.12\", since: \"2026-11-01\" }"), @r#"
    ["tcp: refused"]
    -- status 0
    "#);
    for wrong in [
        "#{ limit: 0 }",
        "#{ limit: 10001 }",
        "#{ since: 5 }",
        "#{ objekt: 1 }",
    ] {
        let said = read(wrong);
        assert!(said.contains("-- status 1"), "{said}");
    }
    assert_snapshot!(read("#{ objekt: 1 }"), @r#"
    -- stderr
    Error: unknown option "objekt"
      --> -e:1:11
    1 | events(#{ objekt: 1 }).map(|e| e.reason)
      |           ^
    Hint: did you mean "object"?
    -- status 1
    "#);
    let why = run(&[
        "why",
        "tcp",
        "192.0.2.10:80",
        "10.0.0.12",
        "--since",
        "2026-11-01",
    ]);
    assert!(why.contains("tcp: refused"), "{why}");
    assert!(!why.contains("tcp: timeout"), "{why}");
}
