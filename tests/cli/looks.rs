//! Verbs that only look.

use insta::assert_snapshot;

use super::lab::Lab;

#[test]
fn nothing_yet() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["status"]), @r"
    head      no snapshots yet
    kernel    simulated, 0 virtual services, 0 real servers
    database  LAB/db (not there yet)

    ipvsh --sim run SCRIPT    make the first snapshot
    -- status 0
    ");
    assert_snapshot!(lab.run(&["plan"]), @r"
    there are no snapshots yet: nothing is ours
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history"]), @r"
    no snapshots yet
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show"]), @r"
    no virtual services
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "marks"]), @r"
    no mark rules
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "timeouts"]), @r"
    timeout  seconds
    tcp          900  the kernel's default
    tcp_fin      120  the kernel's default
    udp          300  the kernel's default
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "daemons"]), @r"
    no sync daemons
    -- status 0
    ");
    assert!(!lab.database().exists(), "looking made a database");
}

#[test]
fn status_of_a_head() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["status"]), @r"
    head      snapshot 1  +tcp 192.0.2.10:80 with 2 servers
              by AUTHOR, TIME (AGE)
    kernel    simulated, 1 virtual service, 2 real servers
    ours      1 virtual service, 2 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["status", "--json"]), @r#"
    {
      "head": {
        "id": 1,
        "message": "+tcp 192.0.2.10:80 with 2 servers",
        ...
      },
      "pending": null,
      "unfinished": null,
      "drift": [],
      "notes": [],
      "warnings": [],
      "findings": 0,
      "foreign": {
        "services": 0,
        "servers": 0,
        "marks": 0,
        "daemons": 0
      },
      "health": {
        "checked": 0,
        "down": [],
        "waiting": [],
        "maintenance": [],
        "failure": null,
        "guard": null,
        "unproven": 0,
        "unreadable": null,
        "daemon": false
      },
      "kept_weights": 0,
      "ours": {
        "services": 1,
        "servers": 2
      },
      "kernel": {
        "kind": "sim",
        "error": null,
        "services": 1,
        "servers": 2,
        "marks": {
          "ipv4": {
            "available": true,
            "why": null
          },
          "ipv6": {
            "available": true,
            "why": null
          }
        }
      },
      "database": {
        "path": "LAB/db",
        "bytes": SIZE,
        "error": null
      },
      "boot_restore": null,
      "suggestion": null
    }
    -- status 0
    "#);
}

#[test]
fn show_services() {
    let lab = Lab::with_web();
    lab.ok(&["-e", r#"udp("[2001:db8::10]:53", #{ persistent: 60 }).server("[2001:db8::1]:53", #{ weight: 5, upper: 10, lower: 2 })"#]);
    assert_snapshot!(lab.run(&["show"]), @r"
    service                method  weight  active  inactive
    tcp 192.0.2.10:80      rr                   0         0
      10.0.0.11:80         masq         1       0         0
      10.0.0.12:80         masq         3       0         0
    udp [2001:db8::10]:53  wlc                  0         0  persistent 60
      [2001:db8::1]:53     direct       5       0         0  upper 10 lower 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "services", "192.0.2.10"]), @r"
    service            method  weight  active  inactive
    tcp 192.0.2.10:80  rr                   0         0
      10.0.0.11:80     masq         1       0         0
      10.0.0.12:80     masq         3       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "tcp", "192.0.2.10:80", "--json"]), @r#"
    [
      {
        "name": "tcp 192.0.2.10:80",
        "protocol": "tcp",
        "address": "192.0.2.10",
        "port": 80,
        "scheduler": "rr",
        "flags": [],
        "persistent": 0,
        "netmask": "255.255.255.255",
        "engine": null,
        "one_packet": false,
        "active": 0,
        "inactive": 0,
        "servers": [
          {
            "name": "10.0.0.11:80",
            "address": "10.0.0.11",
            "port": 80,
            "weight": 1,
            "forward": "masq",
            "upper": 0,
            "lower": 0,
            "active": 0,
            "inactive": 0,
            "persistent_connections": 0
          },
          {
            "name": "10.0.0.12:80",
            "address": "10.0.0.12",
            "port": 80,
            "weight": 3,
            "forward": "masq",
            "upper": 0,
            "lower": 0,
            "active": 0,
            "inactive": 0,
            "persistent_connections": 0
          }
        ]
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "tcp", "192.0.2.10:8"]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.10:8: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
}

#[test]
fn show_marks_and_timeouts() {
    let lab = Lab::new();
    lab.ok(&[
        "-e",
        r#"fwmark(666, #{ marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80, 443] }] });
        timeouts(#{ tcp: 600 })"#,
    ]);
    assert_snapshot!(lab.run(&["show", "marks"]), @r"
    mark  family  rule
     666  ipv4    tcp to 192.0.2.20 ports 80,443
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "marks", "666", "--json"]), @r#"
    [
      {
        "mark": 666,
        "family": "ipv4",
        "protocol": "tcp",
        "to": "192.0.2.20",
        "from": null,
        "ports": [
          80,
          443
        ],
        "interface": null
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "marks", "667"]), @r"
    no mark rules
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "timeouts"]), @r"
    timeout  seconds
    tcp          600  set by ipvsh
    tcp_fin      120  the kernel's default
    udp          300  the kernel's default
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "timeouts", "--json"]), @r#"
    {
      "tcp": 600,
      "tcp_fin": 120,
      "udp": 300
    }
    -- status 0
    "#);
}

#[test]
fn plan_and_diff() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"find("192.0.2.10:80").set(#{ scheduler: "wrr" }).server("10.0.0.13:80")"#,
    ]);
    assert_snapshot!(lab.run(&["plan"]), @r"
    the kernel is as snapshot 2 has it
    -- status 0
    ");
    assert_snapshot!(lab.run(&["plan", "1"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler wrr -> rr
      - server 10.0.0.13:80  masq weight 1
    2 changes would bring the kernel to snapshot 1: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["plan", "head~1", "--exit-code"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler wrr -> rr
      - server 10.0.0.13:80  masq weight 1
    2 changes would bring the kernel to snapshot 1: ipvsh --sim rollback 1
    -- status 10
    ");
    assert_snapshot!(lab.run(&["plan", "1", "--json"]), @r#"
    {
      "pending": null,
      "changes": [
        {
          "action": "change",
          "object": "tcp 192.0.2.10:80",
          "part": "scheduler",
          "detail": "wrr -> rr",
          "from": "wrr",
          "to": "rr"
        },
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
      "foreign": {
        "services": 0,
        "servers": 0,
        "marks": 0,
        "daemons": 0
      },
      "kept_weights": 0,
      "notes": [],
      "warnings": []
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["diff"]), @r"
    no differences between snapshot 2 and live
    -- status 0
    ");
    assert_snapshot!(lab.run(&["diff", "1", "2", "--exit-code"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler rr -> wrr
      + server 10.0.0.13:80  masq weight 1
    -- status 10
    ");
    assert_snapshot!(lab.run(&["diff", "1"]), @r"
    tcp 192.0.2.10:80
      ~ scheduler rr -> wrr
      + server 10.0.0.13:80  masq weight 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["diff", "2", "2", "--exit-code", "--json"]), @r#"
    {
      "from": "snapshot 2",
      "to": "snapshot 2",
      "changes": [],
      "foreign": {
        "services": 0,
        "servers": 0,
        "marks": 0,
        "daemons": 0
      },
      "notes": []
    }
    -- status 0
    "#);
}

#[test]
fn history() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-m",
        "a third one",
        "-e",
        r#"find("192.0.2.10:80").server("10.0.0.13:80")"#,
    ]);
    lab.ok(&["-e", "timeouts(#{ udp: 60 })"]);
    lab.ok(&["tag", "2", "three"]);
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot   time                 author  changes  message
    3  TIME  AUTHOR  ~1  timeouts: udp 300 -> 60
    2 (three)  TIME  AUTHOR  +1  a third one
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "-p"]), @r#"
    snapshot 3  TIME  AUTHOR  timeouts: udp 300 -> 60
      command ipvsh --sim -e 'timeouts(#{ udp: 60 })'
      on HOST, took TIME
      timeouts
        ~ udp not managed -> 60

    snapshot 2 (three)  TIME  AUTHOR  a third one
      command ipvsh --sim -m 'a third one' -e 'find("192.0.2.10:80").server("10.0.0.13:80")'
      on HOST, took TIME
      tcp 192.0.2.10:80
        + server 10.0.0.13:80  masq weight 1

    snapshot 1  TIME  AUTHOR  +tcp 192.0.2.10:80 with 2 servers
      command ipvsh --sim -e 'tcp("192.0.2.10:80", #{ scheduler: "rr", forward: "masq", servers: [     "10.0.0.11:80", #{ address: "10.0.0.12:80", weight: 3 }] })'
      on HOST, took TIME
      + tcp 192.0.2.10:80  rr
        + server 10.0.0.11:80  masq weight 1
        + server 10.0.0.12:80  masq weight 3
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["history", "tcp", "192.0.2.10:80"]), @r"
    snapshot   time                 author  changes  message
    2 (three)  TIME  AUTHOR  +1  a third one
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
    assert_eq!(
        lab.ok(&["history", "10.0.0.11"]),
        lab.ok(&["history", "server", "10.0.0.11"]),
        "an address alone may be a real server's"
    );
    assert_snapshot!(lab.run(&["forget", "10.0.0.11"]), @r#"
    -- stderr
    Error: virtual service 10.0.0.11: cannot forget: there is no such virtual service
    Hint: a real server has that address; a real server is named "server 10.0.0.11"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["forget", "server", "10.0.0.11", "--plan"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.11:80  masq weight 1
    1 change planned, nothing done
    -- stderr
    note: 1 real server not managed by ipvsh
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "udp 192.0.2.10:80"]), @r"
    no snapshot changed it
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "timeouts", "--json"]), @r#"
    [
      {
        "id": 3,
        "message": "timeouts: udp 300 -> 60",
        ...
      }
    ]
    -- status 0
    "#);
}

#[test]
fn colours_are_asked_for() {
    let lab = Lab::with_web();
    assert!(!lab.ok(&["plan", "--exact"]).contains('\x1b'));
    let painted = lab.ok(&["--color", "always", "show"]);
    assert!(painted.contains("\x1b["), "{painted:?}");
}

#[test]
fn the_version_names_the_commit() {
    let lab = Lab::new();
    let said = lab.ok(&["--version"]);
    let version = env!("CARGO_PKG_VERSION");
    let commit = said.trim_end().strip_prefix(&format!("ipvsh {version}"));
    // Without git there is none; the day is there where git could be asked.
    let shape = |c: char| if c.is_ascii_hexdigit() { 'x' } else { c };
    let commit: String = commit.unwrap().chars().map(shape).collect();
    assert!(
        ["", " (xxxxxxx)", " (xxxxxxx xxxx-xx-xx)"].contains(&commit.as_str()),
        "{said}"
    );
    assert_eq!(lab.ok(&["-V"]), format!("ipvsh {version}\n"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let lab = Lab::with_web();
    let mut child = lab
        .command(&["man"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Drift is told from the head to the kernel, and what does not work is a finding.
#[test]
fn status_tells_what_the_kernel_lost_and_what_does_not_work() {
    let lab = Lab::new();
    lab.ok(&[
        "-e",
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\", forward: \"masq\", \
         servers: [#{ address: \"10.0.0.11\", weight: 0 }] })",
    ]);
    let said = lab.said(&["status", "--exit-code"]);
    assert!(
        said.out.contains(
            "drift     none: the kernel is as the head has it\nnote      tcp 192.0.2.10:80: "
        ),
        "{}",
        said.out
    );
    assert!(
        said.out
            .ends_with("ipvsh --sim plan    look at all that does not work, with its fixes\n"),
        "{}",
        said.out
    );
    assert_eq!(said.status, 10);
}
