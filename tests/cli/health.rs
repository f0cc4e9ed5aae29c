//! What is said of checks where no daemon runs, and timelines, on the simulator.

use insta::assert_snapshot;

use super::lab::Lab;

#[test]
fn without_a_check_there_is_nothing_to_tell() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["health"]), @r"
    no server is checked
    -- stderr
    note: no daemon runs for this database: this is the state as the daemon left it
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
    service            server        state  since                check  last answer
    tcp 192.0.2.10:80  10.0.0.11:80  up     TIME
    tcp 192.0.2.10:80  10.0.0.12:80  up     TIME
    -- stderr
    note: no daemon runs for this database: this is the state as the daemon left it
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
          "since": "TIME.402378123Z",
          "reason": null,
          "latency": null,
          "held": false,
          "checks": []
        }
      ]
    }
    -- stderr
    note: no daemon runs for this database: this is the state as the daemon left it
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
