//! The everyday verbs: `weight`, `disable`, `enable`, `shift`, `drain SERVER`, `where`.

use insta::assert_snapshot;

use super::lab::Lab;

/// Beside the service of [`Lab::with_web`] another on two ports of the same servers, and a mark's.
fn lab() -> Lab {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"tcp("192.0.2.10:443", #{ scheduler: "wrr", forward: "masq", servers: [
            "10.0.0.11:443", #{ address: "10.0.0.12:443", weight: 5 }] });
        udp("192.0.2.53:53", #{ forward: "masq", servers: ["10.0.0.12:53", "10.0.0.13:53"] });
        fwmark(7, #{ marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80] }],
            servers: ["10.0.0.14"] });"#,
    ]);
    lab
}

#[test]
fn a_weight_in_every_service_that_has_the_server_or_in_one() {
    let lab = lab();
    let before = lab.ok(&["show", "--json"]);
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "7"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 7
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 7
    snapshot 3 (2 before), 3 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "7"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["weight", "10.0.0.12:443", "0", "-m", "slow"]), @r"
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 7 -> 0
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "1", "tcp", "192.0.2.10:80", "--plan"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 7 -> 1
    1 change planned, nothing done
    -- status 0
    ");
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "1", "tcp 192.0.2.10:80", "--confirm", "60"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 7 -> 1
    snapshot 5 (4 before), 1 change, verified. Rolls back in 60 s unless: ipvsh --sim confirm
    -- status 0
    ");
    lab.ok(&["confirm"]);
    assert_snapshot!(lab.run(&["history", "-n", "3"]), @r"
    snapshot  time                 author  changes  message
    5  TIME  AUTHOR  ~1  tcp 192.0.2.10:80: server 10.0.0.12:80 weight 7 -> 1
    4  TIME  AUTHOR  ~1  slow
    3  TIME  AUTHOR  ~3  real server 10.0.0.12 of 3 services: weight 7
    -- status 0
    ");
    lab.ok(&["rollback", "2"]);
    assert_eq!(lab.ok(&["show", "--json"]), before);
}

#[test]
fn a_weight_that_cannot_be() {
    let lab = lab();
    let before = lab.state();
    assert_snapshot!(lab.run(&["weight", "10.0.0.21", "7"]), @r#"
    -- stderr
    Error: real server 10.0.0.21: no service has this real server
    Hint: did you mean "10.0.0.11"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["weight", "10.0.0.12:8080", "7"]), @r#"
    -- stderr
    Error: real server 10.0.0.12:8080: no service has this real server
    Hint: did you mean "10.0.0.12:80"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["weight", "192.0.2.10", "7"]), @r"
    -- stderr
    Error: real server 192.0.2.10: no service has this real server
    Hint: it is the address of a virtual service: tcp 192.0.2.10:80 (ipvsh --sim show tcp 192.0.2.10:80)
    -- status 1
    ");
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "many"]), @r#"
    -- stderr
    Error: "many" is not a weight
    Hint: a weight is 0 (quiesced) to 2147483647
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "-1"]), @r"
    -- stderr
    Error: weight -1 is out of range
    Hint: a weight is 0 (quiesced) to 2147483647
    -- status 2
    ");
    assert_snapshot!(lab.run(&["weight", "web12", "1"]), @r#"
    -- stderr
    Error: host web12: no real server is on a host of that name
    Hint: names are not looked up: write the address, or say which machine a real server is on by its option `host`
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["weight", "10.0.0.13", "1", "tcp", "192.0.2.10:80"]), @r"
    -- stderr
    Error: real server 10.0.0.13 of tcp 192.0.2.10:80: there is no such real server
    Hint: it has 10.0.0.11:80, 10.0.0.12:80
    -- status 1
    ");
    assert_snapshot!(lab.run(&["weight", "10.0.0.12", "1", "192.0.2.10:80", "192.0.2.10:443"]), @r"
    -- stderr
    Error: weight takes one virtual service: unexpected argument '192.0.2.10:80 192.0.2.10:443'
    Hint: like: ipvsh --sim weight 10.0.0.12 0 tcp 192.0.2.10:80
    -- status 2
    ");
    assert_eq!(lab.state(), before);
    assert_snapshot!(Lab::new().run(&["weight", "10.0.0.12", "7"]), @r"
    -- stderr
    Error: real server 10.0.0.12: no service has this real server
    Hint: no service has a real server
    -- status 1
    ");
}

#[test]
fn a_server_is_disabled_and_enabled_everywhere() {
    let lab = lab();
    let before = lab.ok(&["show", "--json"]);
    assert_snapshot!(lab.run(&["disable", "10.0.0.12", "--plan"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0 (maintenance: until ipvsh enable)
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 0 (maintenance: until ipvsh enable)
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 0 (maintenance: until ipvsh enable)
    + maintenance 10.0.0.12  drain
    4 changes planned, nothing done
    -- stderr
    note: no connections of 10.0.0.12 go on
    -- status 0
    ");
    assert_snapshot!(lab.run(&["disable", "10.0.0.12", "-m", "new disk"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0 (maintenance: until ipvsh enable)
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 0 (maintenance: until ipvsh enable)
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 0 (maintenance: until ipvsh enable)
    + maintenance 10.0.0.12  drain: new disk
    snapshot 3 (2 before), 4 changes, verified. Undo: ipvsh --sim rollback 2
    -- stderr
    note: no connections of 10.0.0.12 go on
    -- status 0
    ");
    assert_snapshot!(lab.run(&["disable", "10.0.0.12"]), @r"
    nothing to change
    -- stderr
    note: no connections of 10.0.0.12 go on
    -- status 0
    ");
    assert_snapshot!(lab.run(&["enable", "10.0.0.12"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 0 -> 3
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 0 -> 5
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 0 -> 1
    - maintenance 10.0.0.12  drain: new disk
    snapshot 4 (3 before), 4 changes, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert_eq!(lab.ok(&["show", "--json"]), before);
    assert_snapshot!(lab.run(&["enable", "10.0.0.12"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot  time                 author  changes  message
    4  TIME  AUTHOR  ~3 -1  enable real server 10.0.0.12
    3  TIME  AUTHOR  +1 ~3  new disk
    2  TIME  AUTHOR  +9  +3 services
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
    // Its servers leave the table, are not lost, and come back.
    assert_snapshot!(lab.run(&["disable", "10.0.0.12", "--now"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 3 (maintenance: until ipvsh enable)
    tcp 192.0.2.10:443
      - server 10.0.0.12:443  masq weight 5 (maintenance: until ipvsh enable)
    udp 192.0.2.53:53
      - server 10.0.0.12:53  masq weight 1 (maintenance: until ipvsh enable)
    + maintenance 10.0.0.12  out
    snapshot 5 (4 before), 4 changes, verified. Undo: ipvsh --sim rollback 4
    -- status 0
    ");
    assert_snapshot!(lab.run(&["disable", "10.0.0.12", "--for", "2999-12-01T10:00Z"]), @r"
    maintenance 10.0.0.12
      ~ expires none -> TIME
    snapshot 6 (5 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim rollback 5
    -- stderr
    note: no connections of 10.0.0.12 go on
    -- status 0
    ");
    assert_snapshot!(lab.run(&["disable", "10.0.0.12", "--for", "2020-01-01"]), @r#"
    -- stderr
    Error: cannot disable: 2020-01-01 is past
    Hint: expires is a time to come: "30m", "2d", "22:00", "2026-12-01", "TIME"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["enable", "10.0.0.12:80"]), @r"
    -- stderr
    Error: real server 10.0.0.12:80: cannot enable: 10.0.0.12:80 is in maintenance as part of 10.0.0.12
    Hint: to end that: ipvsh --sim enable 10.0.0.12
    -- status 1
    ");
    assert_snapshot!(lab.run(&["drain", "10.0.0.12"]), @r"
    -- stderr
    Error: real server 10.0.0.12:80 of tcp 192.0.2.10:80: cannot drain: maintenance took it out of the table
    Hint: to end that: ipvsh --sim enable 10.0.0.12
    -- status 1
    ");
    lab.ok(&["enable", "10.0.0.12"]);
    assert_eq!(lab.ok(&["show", "--json"]), before);
    // A drain of what is in maintenance waits, and leaves its own weight alone.
    lab.ok(&["disable", "10.0.0.12"]);
    assert_snapshot!(lab.run(&["drain", "10.0.0.12"]), @r"
    drained: real server 10.0.0.12 of 3 services has no active or inactive connections after 0 s
    -- status 0
    ");
    lab.ok(&["enable", "10.0.0.12"]);
    assert_eq!(lab.ok(&["show", "--json"]), before);
}

#[test]
fn a_host_is_disabled_with_all_its_servers_and_those_added_later() {
    let lab = lab();
    lab.ok(&[
        "-e",
        r#"for s in servers("10.0.0.12") { s.set(#{ host: "web12" }); }"#,
    ]);
    assert_snapshot!(lab.run(&["disable", "web12", "-m", "memory"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0 (maintenance: until ipvsh enable)
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 0 (maintenance: until ipvsh enable)
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 0 (maintenance: until ipvsh enable)
    + maintenance web12  drain: memory
    snapshot 4 (3 before), 4 changes, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: no connections of web12 go on
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"tcp("192.0.2.60:80", #{ servers: ["10.0.0.11", #{ address: "10.0.0.12", host: "web12" }] })"#]), @r"
    + tcp 192.0.2.60:80  wlc
      + server 10.0.0.11:80  direct weight 1
      + server 10.0.0.12:80  direct weight 0 (maintenance: until ipvsh enable)
      + server 10.0.0.12:80 host web12
    snapshot 5 (4 before), 4 changes, verified. Undo: ipvsh --sim rollback 4
    -- status 0
    ");
    assert_snapshot!(lab.run(&["enable", "10.0.0.12"]), @r"
    -- stderr
    Error: real server 10.0.0.12: cannot enable: 10.0.0.12:80 is in maintenance as part of web12
    Hint: to end that: ipvsh --sim enable web12
    -- status 1
    ");
    assert_snapshot!(lab.run(&["where", "10.0.0.12"]), @r"
    service             as      server         method  weight  active  inactive
    tcp 192.0.2.10:80   server  10.0.0.12:80   masq         0       0         0  maintenance web12: drain: memory
    tcp 192.0.2.10:443  server  10.0.0.12:443  masq         0       0         0  maintenance web12: drain: memory
    tcp 192.0.2.60:80   server  10.0.0.12:80   direct       0       0         0  maintenance web12: drain: memory
    udp 192.0.2.53:53   server  10.0.0.12:53   masq         0       0         0  maintenance web12: drain: memory
    -- status 0
    ");
    assert_snapshot!(lab.run(&["disable", "web13"]), @r#"
    -- stderr
    Error: host web13: no real server is on a host of that name
    Hint: did you mean "web12"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["enable", "web12"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 0 -> 3
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 0 -> 5
    tcp 192.0.2.60:80
      ~ server 10.0.0.12:80  weight 0 -> 1
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 0 -> 1
    - maintenance web12  drain: memory
    snapshot 6 (5 before), 5 changes, verified. Undo: ipvsh --sim rollback 5
    -- status 0
    ");
}

#[test]
fn the_last_server_is_not_disabled_unless_that_is_allowed() {
    let lab = lab();
    lab.ok(&["disable", "10.0.0.12"]);
    let before = lab.state();
    assert_snapshot!(lab.run(&["disable", "10.0.0.11"]), @r"
    -- stderr
    Error: refused: this would leave tcp 192.0.2.10:80 and 1 more service without a real server whose weight is above 0
    Hint: look at it with --plan; if it is meant: --allow-removals
    -- status 1
    ");
    assert_snapshot!(lab.run(&["disable", "10.0.0.11", "-y"]), @r"
    -- stderr
    Error: refused: this would leave tcp 192.0.2.10:80 and 1 more service without a real server whose weight is above 0
    Hint: look at it with --plan; if it is meant: --allow-removals
    -- status 1
    ");
    assert_snapshot!(lab.run(&["disable", "10.0.0.14", "--plan"]), @r"
    -- stderr
    Error: refused: this would leave fwmark 7 without a real server whose weight is above 0
    Hint: look at it with --plan; if it is meant: --allow-removals
    -- status 1
    ");
    assert_eq!(lab.state(), before);
    assert_snapshot!(lab.run(&["disable", "10.0.0.11", "--allow-removals"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.11:80  weight 1 -> 0 (maintenance: until ipvsh enable)
    tcp 192.0.2.10:443
      ~ server 10.0.0.11:443  weight 1 -> 0 (maintenance: until ipvsh enable)
    + maintenance 10.0.0.11  drain
    snapshot 4 (3 before), 3 changes, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: no connections of 10.0.0.11 go on
    -- status 0
    ");
    // The everyday change itself is no removal.
    assert_snapshot!(lab.run(&["weight", "10.0.0.14", "0"]), @r#"
    fwmark 7
      ~ server 10.0.0.14:0  weight 1 -> 0
    snapshot 5 (4 before), 1 change, verified. Undo: ipvsh --sim rollback 4
    -- stderr
    note: fwmark 7: all real servers have weight 0, so new clients are refused. Fix: ipvsh --sim -e 'find("fwmark 7").find("10.0.0.14:0").set(#{ weight: 1 })'
    -- status 0
    "#);
}

#[test]
fn what_never_had_a_weight_is_not_enabled() {
    let lab = lab();
    lab.ok(&[
        "-e",
        r#"find("192.0.2.53:53").server("10.0.0.19:53", #{ weight: 0 })"#,
    ]);
    assert_snapshot!(lab.run(&["enable", "10.0.0.19"]), @r"
    -- stderr
    Error: real server 10.0.0.19: cannot enable: nothing in the history says which weight it had
    Hint: say it: ipvsh --sim weight 10.0.0.19:53 N udp 192.0.2.53:53, N above 0
    -- status 1
    ");
    lab.ok(&["weight", "10.0.0.19:53", "2"]);
    lab.ok(&[
        "-e",
        r#"find("192.0.2.10:80").server("10.0.0.19:80", #{ weight: 0 })"#,
    ]);
    lab.ok(&["disable", "10.0.0.19"]);
    assert_snapshot!(lab.run(&["enable", "10.0.0.19"]), @r"
    udp 192.0.2.53:53
      ~ server 10.0.0.19:53  weight 0 -> 2
    - maintenance 10.0.0.19  drain
    snapshot 7 (6 before), 2 changes, verified. Undo: ipvsh --sim rollback 6
    -- stderr
    note: 10.0.0.19:80 stays at weight 0 in tcp 192.0.2.10:80: that is its own weight there
    -- status 0
    ");
    assert_snapshot!(lab.run(&["enable", "10.0.0.99"]), @r#"
    -- stderr
    Error: real server 10.0.0.99: no service has this real server
    Hint: did you mean "10.0.0.19"?
    -- status 1
    "#);
}

#[test]
fn a_drain_everywhere_is_one_commit_and_one_wait() {
    let lab = lab();
    let before = lab.ok(&["show", "--json"]);
    assert_snapshot!(lab.run(&["drain", "10.0.0.12", "--plan", "--then", "remove"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 0
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 0
    3 changes planned, nothing done
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 0
    tcp 192.0.2.10:443
      - server 10.0.0.12:443  masq weight 0
    udp 192.0.2.53:53
      - server 10.0.0.12:53  masq weight 0
    3 changes planned, nothing done
    -- stderr
    note: would wait up to 600 seconds until real server 10.0.0.12 of 3 services has no active or inactive connections
    -- status 0
    ");
    assert_snapshot!(lab.run(&["drain", "10.0.0.12"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 0
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 0
    snapshot 3 (2 before), 3 changes, verified. Undo: ipvsh --sim rollback 2
    drained: real server 10.0.0.12 of 3 services has no active or inactive connections after 0 s
    -- status 0
    ");
    assert_snapshot!(lab.run(&["drain", "10.0.0.12", "--then", "restore"]), @r"
    drained: real server 10.0.0.12 of 3 services has no active or inactive connections after 0 s
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 0 -> 3
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 0 -> 5
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 0 -> 1
    snapshot 4 (3 before), 3 changes, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert_eq!(lab.ok(&["show", "--json"]), before);
    assert_snapshot!(lab.run(&["drain", "10.0.0.12", "--then", "remove"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 0
    tcp 192.0.2.10:443
      ~ server 10.0.0.12:443  weight 5 -> 0
    udp 192.0.2.53:53
      ~ server 10.0.0.12:53  weight 1 -> 0
    snapshot 5 (4 before), 3 changes, verified. Undo: ipvsh --sim rollback 4
    drained: real server 10.0.0.12 of 3 services has no active or inactive connections after 0 s
    tcp 192.0.2.10:80
      - server 10.0.0.12:80  masq weight 0
    tcp 192.0.2.10:443
      - server 10.0.0.12:443  masq weight 0
    udp 192.0.2.53:53
      - server 10.0.0.12:53  masq weight 0
    snapshot 6 (5 before), 3 changes, verified. Undo: ipvsh --sim rollback 4
    -- status 0
    ");
    lab.ok(&["rollback", "4"]);
    assert_eq!(lab.ok(&["show", "--json"]), before);
    assert_snapshot!(lab.run(&["drain", "10.0.0.12", "--json", "-q"]), @r#"
    {
      "servers": [
        {
          "service": "tcp 192.0.2.10:80",
          "server": "10.0.0.12:80",
          "weight_before": 3
        },
        {
          "service": "tcp 192.0.2.10:443",
          "server": "10.0.0.12:443",
          "weight_before": 5
        },
        {
          "service": "udp 192.0.2.53:53",
          "server": "10.0.0.12:53",
          "weight_before": 1
        }
      ],
      "drained": true,
      "seconds": 0,
      "active": 0,
      "inactive": 0,
      "persistent_connections": 0,
      "changes": [
        {
          "outcome": "recorded",
          "snapshot": {
            "id": 8,
            "message": "drain real server 10.0.0.12 of 3 services",
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
            },
            {
              "action": "change",
              "object": "tcp 192.0.2.10:443",
              "part": "server 10.0.0.12:443",
              "detail": "weight 5 -> 0",
              "from": {
                "weight": 5
              },
              "to": {
                "weight": 0
              }
            },
            {
              "action": "change",
              "object": "udp 192.0.2.53:53",
              "part": "server 10.0.0.12:53",
              "detail": "weight 1 -> 0",
              "from": {
                "weight": 1
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
    // In one service only, the words are those of one.
    assert_snapshot!(lab.run(&["drain", "10.0.0.13"]), @r#"
    udp 192.0.2.53:53
      ~ server 10.0.0.13:53  weight 1 -> 0
    snapshot 9 (8 before), 1 change, verified. Undo: ipvsh --sim rollback 8
    drained: real server 10.0.0.13:53 of udp 192.0.2.53:53 has no active or inactive connections after 0 s
    -- stderr
    note: udp 192.0.2.53:53: all real servers have weight 0, so new clients are refused. Fix: ipvsh --sim -e 'find("udp 192.0.2.53:53").find("10.0.0.12:53").set(#{ weight: 1 })'
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["drain", "10.0.0.12", "--confirm", "60"]), @r"
    -- stderr
    Error: cannot drain with a time to confirm: its commits stand while it waits, however long that takes: there is nothing to confirm
    Hint: leave --confirm out
    -- status 1
    ");
    assert_snapshot!(lab.run(&["drain", "10.0.0.99"]), @r#"
    -- stderr
    Error: real server 10.0.0.99: no service has this real server
    Hint: did you mean "10.0.0.11"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["drain", "192.0.2.10:80", "10.0.0.12", "10.0.0.13"]), @r"
    -- stderr
    Error: cannot drain: it wants a virtual service and one server
    Hint: like: ipvsh --sim drain tcp 192.0.2.10:80 10.0.0.12:80
    Hint: or, in every service that has it: ipvsh --sim drain 10.0.0.12:80
    -- status 2
    ");
}

#[test]
fn a_shift_in_steps() {
    let lab = lab();
    let shift = |rest: &[&str]| {
        let service = ["shift", "tcp", "192.0.2.10:443"];
        let sides = ["--from", "10.0.0.11", "--to", "10.0.0.12"];
        lab.run(&[&service[..], &sides, rest].concat())
    };
    assert_snapshot!(shift(&["--plan"]), @r"
    tcp 192.0.2.10:443
      ~ server 10.0.0.11:443  weight 1 -> 0
      ~ server 10.0.0.12:443  weight 5 -> 6
    2 changes planned, nothing done
    -- stderr
    note: steps 10, 50 skipped: the servers to move to have 83 % of the weight already; the first step is 100
    -- status 0
    ");
    assert_snapshot!(shift(&["--steps", "90,100", "--pause", "0", "-m", "canary"]), @r"
    tcp 192.0.2.10:443
      ~ server 10.0.0.11:443  weight 1 -> 3
      ~ server 10.0.0.12:443  weight 5 -> 27
    snapshot 3 (2 before), 2 changes, verified. Undo: ipvsh --sim rollback 2
    tcp 192.0.2.10:443
      ~ server 10.0.0.11:443  weight 3 -> 0
      ~ server 10.0.0.12:443  weight 27 -> 6
    snapshot 4 (3 before), 2 changes, verified. Undo: ipvsh --sim rollback 2
    shifted tcp 192.0.2.10:443
    -- status 0
    ");
    assert_snapshot!(shift(&["--steps", "90,100", "--pause", "0"]), @r"
    nothing to shift: tcp 192.0.2.10:443 has that share, or more
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "-n", "2"]), @r"
    snapshot  time                 author  changes  message
    4  TIME  AUTHOR  ~2  canary: shift tcp 192.0.2.10:443 to 100 %
    3  TIME  AUTHOR  ~2  canary: shift tcp 192.0.2.10:443 to 90 %
    -- status 0
    ");
    lab.ok(&["rollback", "2"]);
    assert_snapshot!(shift(&["--steps", "100", "--json"]), @r#"
    {
      "service": "tcp 192.0.2.10:443",
      "shifted": true,
      "changes": [
        {
          "outcome": "recorded",
          "snapshot": {
            "id": 6,
            "message": "shift tcp 192.0.2.10:443 to 100 %",
            ...
          },
          "changes": [
            {
              "action": "change",
              "object": "tcp 192.0.2.10:443",
              "part": "server 10.0.0.11:443",
              "detail": "weight 1 -> 0",
              "from": {
                "weight": 1
              },
              "to": {
                "weight": 0
              }
            },
            {
              "action": "change",
              "object": "tcp 192.0.2.10:443",
              "part": "server 10.0.0.12:443",
              "detail": "weight 5 -> 6",
              "from": {
                "weight": 5
              },
              "to": {
                "weight": 6
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
fn a_shift_that_cannot_be() {
    let lab = lab();
    let before = lab.state();
    let shift = |rest: &[&str]| lab.run(&[&["shift", "192.0.2.10:80"], rest].concat());
    let sides = ["--from", "10.0.0.12", "--to", "10.0.0.11"];
    let with = |rest: &[&str]| shift(&[&sides[..], rest].concat());
    assert_snapshot!(with(&[]), @r#"
    -- stderr
    Error: tcp 192.0.2.10:80: cannot shift: its scheduler, rr, does not divide by weight
    Hint: wrr, wlc, sed, nq, sh and mh do: find(...).set(#{ scheduler: "wrr" })
    Hint: or move at once: steps: [100] (--steps 100)
    -- status 1
    "#);
    assert_snapshot!(with(&["--steps", "50,10"]), @r"
    -- stderr
    Error: --steps: steps must rise, each from 1 to 100 percent
    Hint: like steps: [10, 50, 100] (--steps 10,50,100)
    -- status 2
    ");
    assert_snapshot!(with(&["--steps", "0"]), @r"
    -- stderr
    Error: --steps: steps must rise, each from 1 to 100 percent
    Hint: like steps: [10, 50, 100] (--steps 10,50,100)
    -- status 2
    ");
    assert_snapshot!(with(&["--pause", "-1"]), @r"
    -- stderr
    Error: --pause: pause -1 is out of range
    Hint: pause is 0 to 86400 seconds
    -- status 2
    ");
    assert_snapshot!(with(&["--confirm", "60"]), @r"
    -- stderr
    Error: cannot shift with a time to confirm: its commits stand while it waits between them: there is nothing to confirm
    Hint: leave --confirm out
    -- status 1
    ");
    assert_snapshot!(shift(&["--from", "10.0.0.11,10.0.0.12", "--to", "10.0.0.12"]), @r"
    -- stderr
    Error: tcp 192.0.2.10:80: cannot shift: 10.0.0.12:80 is on both sides
    -- status 1
    ");
    assert_snapshot!(shift(&["--from", "10.0.0.11", "--to", "10.0.0.15", "--steps", "100"]), @r"
    -- stderr
    Error: real server 10.0.0.15 of tcp 192.0.2.10:80: there is no such real server
    Hint: it has 10.0.0.11:80, 10.0.0.12:80
    -- status 1
    ");
    assert_snapshot!(shift(&["--from", "10.0.0.11"]), @r"
    -- stderr
    Error: the following required arguments were not provided: --to <SERVER>
    Hint: usage: ipvsh --sim shift [OPTIONS] --from SERVER --to SERVER SERVICE
    -- status 2
    ");
    assert_eq!(lab.state(), before);
}

#[test]
fn where_an_address_is_used() {
    let lab = lab();
    assert_snapshot!(lab.run(&["where", "10.0.0.12"]), @r"
    service             as      server         method  weight  active  inactive
    tcp 192.0.2.10:80   server  10.0.0.12:80   masq         3       0         0
    tcp 192.0.2.10:443  server  10.0.0.12:443  masq         5       0         0
    udp 192.0.2.53:53   server  10.0.0.12:53   masq         1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["where", "192.0.2.10"]), @r"
    service             as   server  method  weight  active  inactive
    tcp 192.0.2.10:80   vip                               0         0
    tcp 192.0.2.10:443  vip                               0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["where", "192.0.2.10:443"]), @r"
    service             as   server  method  weight  active  inactive
    tcp 192.0.2.10:443  vip                               0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["where", "192.0.2.20"]), @r"
    service   as    server  method  weight  active  inactive
    fwmark 7  mark                               0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["where", "10.0.0.12/31"]), @r"
    service             as      server         method  weight  active  inactive
    tcp 192.0.2.10:80   server  10.0.0.12:80   masq         3       0         0
    tcp 192.0.2.10:443  server  10.0.0.12:443  masq         5       0         0
    udp 192.0.2.53:53   server  10.0.0.12:53   masq         1       0         0
    udp 192.0.2.53:53   server  10.0.0.13:53   masq         1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["where", "10.0.0.13", "--json"]), @r#"
    [
      {
        "service": "udp 192.0.2.53:53",
        "as": "server",
        "server": "10.0.0.13:53",
        "forward": "masq",
        "weight": 1,
        "active": 0,
        "inactive": 0,
        "maintenance": null,
        "managed": true,
        "live": true
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["where", "10.0.0.31"]), @r#"
    -- stderr
    Error: 10.0.0.31: no service has it as VIP or as real server
    Hint: did you mean "10.0.0.11"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["where", "203.0.113.200"]), @r"
    -- stderr
    Error: 203.0.113.200: no service has it as VIP or as real server
    Hint: ipvsh --sim show lists services and their real servers
    -- status 1
    ");
    assert_snapshot!(lab.run(&["where", "web"]), @r#"
    -- stderr
    Error: host web: no real server is on a host of that name
    Hint: names are not looked up: write the address, or say which machine a real server is on by its option `host`
    -- status 1
    "#);
}
