//! `ipvsh drain`, on the simulator, where there are no connections.

use insta::assert_snapshot;

use super::confirm::{pending, settled};
use super::lab::Lab;

#[test]
fn a_drain_and_what_follows() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    drained: real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections after 0 s
    -- status 0
    ");
    assert_snapshot!(lab.run(&["drain", "tcp", "192.0.2.10:80", "10.0.0.12:80"]), @r"
    drained: real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections after 0 s
    -- status 0
    ");
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--then", "restore"]), @r"
    drained: real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections after 0 s
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 0 -> 3
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--then", "remove", "-q", "-m", "gone"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot  time                 author  changes  message
    5  TIME  AUTHOR  -1  gone
    4  TIME  AUTHOR  ~1  gone
    3  TIME  AUTHOR  ~1  drained: restore the weight of real server 10.0.0.12:80 of tcp 192.0.2.10:80
    2  TIME  AUTHOR  ~1  drain real server 10.0.0.12:80 of tcp 192.0.2.10:80
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
}

#[test]
fn the_undo_of_a_drain_that_removes_brings_back_the_server_as_it_was() {
    let lab = Lab::with_web();
    let before = lab.ok(&["show", "--json"]);
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--then", "remove"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    drained: real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections after 0 s
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 0
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "1"]), @r"
    tcp 192.0.2.10:80
      + server 10.0.0.12:80  masq weight 3
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: this also undoes snapshots 2 and 3; to undo only one: ipvsh --sim revert N
    -- status 0
    ");
    assert_eq!(lab.ok(&["show", "--json"]), before);
}

#[test]
fn a_drain_is_planned_or_told_as_json() {
    let lab = Lab::with_web();
    let before = lab.state();
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--plan", "--then", "remove"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    1 change planned, nothing done
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 0
    1 change planned, nothing done
    -- stderr
    note: would wait up to 600 seconds until real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections
    -- status 0
    ");
    assert_eq!(lab.state(), before);
    assert_snapshot!(lab.run(&["--json", "drain", "192.0.2.10:80", "10.0.0.12"]), @r#"
    {
      "service": "tcp 192.0.2.10:80",
      "server": "10.0.0.12:80",
      "drained": true,
      "seconds": 0,
      "weight_before": 3,
      "active": 0,
      "inactive": 0,
      "persistent_connections": 0,
      "changes": [
        {
          "outcome": "recorded",
          "snapshot": {
            "id": 2,
            "message": "drain real server 10.0.0.12:80 of tcp 192.0.2.10:80",
            ...
          },
          "changes": [
            {
              "action": "change",
              "object": "tcp 192.0.2.10:80",
              "part": "server 10.0.0.12:80",
              "detail": "weight 3 -> 0",
              "from": {
                "weight": 3
              },
              "to": {
                "weight": 0
              }
            }
          ],
          "notes": [],
          "warnings": []
        }
      ]
    }
    -- status 0
    "#);
}

#[test]
fn a_drain_that_cannot_be() {
    let lab = Lab::with_web();
    let before = lab.state();
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80"]), @r"
    -- stderr
    Error: real server 192.0.2.10:80: no service has this real server
    Hint: it is the address of a virtual service: tcp 192.0.2.10:80 (ipvsh --sim show tcp 192.0.2.10:80)
    -- status 1
    ");
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.13"]), @r"
    -- stderr
    Error: real server 10.0.0.13 of tcp 192.0.2.10:80: there is no such real server
    Hint: it has 10.0.0.11:80, 10.0.0.12:80
    -- status 1
    ");
    assert_snapshot!(lab.run(&["drain", "192.0.2.11:80", "10.0.0.12"]), @r#"
    -- stderr
    Error: virtual service 192.0.2.11:80: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--timeout", "700000"]), @r"
    -- stderr
    Error: invalid value '700000' for '--timeout <SECONDS>': 700000 is not in 0..=604800
    Hint: what drain takes: ipvsh --sim drain --help
    -- status 2
    ");
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--then", "delete"]), @r"
    -- stderr
    Error: invalid value 'delete' for '--then <THEN>' [possible values: keep, remove, restore]
    Hint: what drain takes: ipvsh --sim drain --help
    -- status 2
    ");
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "--confirm", "60"]), @r"
    -- stderr
    Error: cannot drain with a time to confirm: its commits stand while it waits, however long that takes: there is nothing to confirm
    Hint: leave --confirm out
    -- status 1
    ");
    assert_eq!(lab.state(), before);
}

#[test]
fn a_drain_that_commits_is_refused_while_a_commit_awaits_confirmation() {
    let lab = pending("300");
    let before = settled(&lab.state());
    let drain = ["drain", "192.0.2.10:80", "10.0.0.12"];
    let refused = settled(&lab.run(&["-e", "timeouts(#{ tcp: 600 })"]));
    assert!(refused.contains("awaits confirmation"), "{refused}");
    assert_eq!(settled(&lab.run(&drain)), refused, "like any commit");
    let shift = r#"shift("192.0.2.10:80", "10.0.0.11", "10.0.0.12", #{ steps: [100] })"#;
    assert_snapshot!(settled(&lab.run(&["-e", shift])), @r#"
    -- stderr
    Error: tcp 192.0.2.10:80: cannot commit: snapshot 2 awaits confirmation, for another 300 s
      --> -e:1:1
    1 | shift("192.0.2.10:80", "10.0.0.11", "10.0.0.12", #{ steps: [100] })
      | ^
    Hint: to keep it: ipvsh --sim confirm
    Hint: to take it back: ipvsh --sim rollback (to 1)
    Hint: or wait: it rolls back to 1 by itself in 300 s
    -- status 1
    "#);
    assert_eq!(settled(&lab.state()), before);

    // At weight 0 already: it waits, but what is to follow could not be committed.
    lab.ok(&["rollback"]);
    let quiesce = r#"find("192.0.2.10:80").find("10.0.0.12").set(#{ weight: 0 })"#;
    lab.ok(&["-e", quiesce, "--confirm", "300"]);
    assert_snapshot!(settled(&lab.run(&drain)), @r"
    drained: real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections after 0 s
    -- stderr
    note: snapshot 4 awaits confirmation: it rolls back to 3 in 300 s unless: ipvsh --sim confirm
    -- status 0
    ");
    let before = settled(&lab.state());
    let remove = ["drain", "192.0.2.10:80", "10.0.0.12", "--then", "remove"];
    assert_snapshot!(settled(&lab.run(&remove)), @r"
    -- stderr
    Error: real server 10.0.0.12:80 of tcp 192.0.2.10:80: cannot commit: snapshot 4 awaits confirmation, for another 300 s
    Hint: to keep it: ipvsh --sim confirm
    Hint: to take it back: ipvsh --sim rollback (to 3)
    Hint: or wait: it rolls back to 3 by itself in 300 s
    -- status 1
    ");
    assert_snapshot!(settled(&lab.run(&[&remove[..], &["--plan"]].concat())), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 0
    1 change planned, nothing done
    -- stderr
    note: snapshot 4 awaits confirmation: it rolls back to 3 in 300 s unless: ipvsh --sim confirm
    note: would wait up to 600 seconds until real server 10.0.0.12:80 of tcp 192.0.2.10:80 has no active connections
    note: snapshot 4 awaits confirmation: it rolls back to 3 in 300 s unless: ipvsh --sim confirm
    -- status 0
    ");
    assert_eq!(settled(&lab.state()), before);
}
