//! `ipvsh show` of what the kernel counts, and its options.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use super::lab::Lab;

/// A service with a tunnel and thresholds beside that of [`Lab::with_web`], and one of a mark.
fn lab() -> Lab {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"udp("[2001:db8::10]:53", #{ persistent: 60, servers: [
            #{ address: "10.0.0.21:53", forward: "tunnel", upper: 100, lower: 50,
               tunnel: #{ type: "gue", port: 6080, checksum: "full" } }] });
        fwmark(666, #{ scheduler: "sh" });"#,
    ]);
    lab
}

#[test]
fn every_view_of_services() {
    let lab = lab();
    assert_snapshot!(lab.run(&["show", "stats"]), @r"
    service                connections  in_packets  out_packets  in_bytes  out_bytes
    tcp 192.0.2.10:80                0           0            0         0          0
      10.0.0.11:80                   0           0            0         0          0
      10.0.0.12:80                   0           0            0         0          0
    udp [2001:db8::10]:53            0           0            0         0          0
      10.0.0.21:53                   0           0            0         0          0
    fwmark 666                       0           0            0         0          0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "rates", "fwmark", "666"]), @r"
    service     cps  in_pps  out_pps  in_bps  out_bps
    fwmark 666    0       0        0       0        0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "thresholds"]), @r"
    service                upper  lower  active  inactive
    tcp 192.0.2.10:80                         0         0
      10.0.0.11:80             0      0       0         0
      10.0.0.12:80             0      0       0         0
    udp [2001:db8::10]:53                     0         0
      10.0.0.21:53           100     50       0         0
    fwmark 666                                0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "persistent"]), @r"
    service                persistent  weight  persistent_connections  active  inactive
    tcp 192.0.2.10:80               0                               0       0         0
      10.0.0.11:80                          1                       0       0         0
      10.0.0.12:80                          3                       0       0         0
    udp [2001:db8::10]:53          60                               0       0         0
      10.0.0.21:53                          1                       0       0         0
    fwmark 666                      0                               0       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "tunnels"]), @r"
    service                type  port  checksum  weight  active  inactive
    udp [2001:db8::10]:53
      10.0.0.21:53         gue   6080  full           1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "tunnels", "192.0.2.10:80"]), @r"
    no tunnels
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "info"]), @r"
    info
    version                1.2.1
    connection table size  4096
    schedulers loaded      rr, sh, wlc
    engines loaded         none
    total connections      0
    total in_packets       0
    total out_packets      0
    total in_bytes         0
    total out_bytes        0
    cps                    0
    in_pps                 0
    out_pps                0
    in_bps                 0
    out_bps                0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "connections"]), @r"
    no connections
    -- status 0
    ");
}

#[test]
fn every_view_as_json() {
    let lab = lab();
    assert_snapshot!(lab.run(&["show", "stats", "192.0.2.10:80", "--json"]), @r#"
    [
      {
        "name": "tcp 192.0.2.10:80",
        "protocol": "tcp",
        "address": "192.0.2.10",
        "port": 80,
        "connections": 0,
        "in_packets": 0,
        "out_packets": 0,
        "in_bytes": 0,
        "out_bytes": 0,
        "servers": [
          {
            "name": "10.0.0.11:80",
            "address": "10.0.0.11",
            "port": 80,
            "connections": 0,
            "in_packets": 0,
            "out_packets": 0,
            "in_bytes": 0,
            "out_bytes": 0
          },
          {
            "name": "10.0.0.12:80",
            "address": "10.0.0.12",
            "port": 80,
            "connections": 0,
            "in_packets": 0,
            "out_packets": 0,
            "in_bytes": 0,
            "out_bytes": 0
          }
        ]
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "rates", "fwmark", "666", "--json"]), @r#"
    [
      {
        "name": "fwmark 666",
        "mark": 666,
        "family": "ipv4",
        "cps": 0,
        "in_pps": 0,
        "out_pps": 0,
        "in_bps": 0,
        "out_bps": 0,
        "servers": []
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "thresholds", "[2001:db8::10]:53", "--json"]), @r#"
    [
      {
        "name": "udp [2001:db8::10]:53",
        "protocol": "udp",
        "address": "2001:db8::10",
        "port": 53,
        "active": 0,
        "inactive": 0,
        "servers": [
          {
            "name": "10.0.0.21:53",
            "address": "10.0.0.21",
            "port": 53,
            "upper": 100,
            "lower": 50,
            "active": 0,
            "inactive": 0
          }
        ]
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "persistent", "[2001:db8::10]:53", "--json"]), @r#"
    [
      {
        "name": "udp [2001:db8::10]:53",
        "protocol": "udp",
        "address": "2001:db8::10",
        "port": 53,
        "persistent": 60,
        "netmask": 128,
        "engine": null,
        "persistent_connections": 0,
        "active": 0,
        "inactive": 0,
        "servers": [
          {
            "name": "10.0.0.21:53",
            "address": "10.0.0.21",
            "port": 53,
            "weight": 1,
            "persistent_connections": 0,
            "active": 0,
            "inactive": 0
          }
        ]
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "tunnels", "--json"]), @r#"
    [
      {
        "name": "udp [2001:db8::10]:53",
        "protocol": "udp",
        "address": "2001:db8::10",
        "port": 53,
        "servers": [
          {
            "name": "10.0.0.21:53",
            "address": "10.0.0.21",
            "port": 53,
            "tunnel": {
              "type": "gue",
              "port": 6080,
              "checksum": "full"
            },
            "weight": 1,
            "active": 0,
            "inactive": 0
          }
        ]
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "info", "--json"]), @r#"
    {
      "version": "1.2.1",
      "connection_table_size": 4096,
      "schedulers": [
        "rr",
        "sh",
        "wlc"
      ],
      "engines": [],
      "stats": {
        "connections": 0,
        "in_packets": 0,
        "out_packets": 0,
        "in_bytes": 0,
        "out_bytes": 0
      },
      "rates": {
        "cps": 0,
        "in_pps": 0,
        "out_pps": 0,
        "in_bps": 0,
        "out_bps": 0
      },
      "settings": {}
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "connections", "--json"]), @r"
    []
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "daemons", "backup", "--json"]), @r"
    []
    -- status 0
    ");
}

#[test]
fn services_are_sorted_and_counted_off() {
    let lab = lab();
    assert_snapshot!(lab.run(&["show", "--sort", "-weight", "--limit", "1"]), @r"
    service            method  weight  active  inactive
    tcp 192.0.2.10:80  rr                   0         0
      10.0.0.12:80     masq         3       0         0
      10.0.0.11:80     masq         1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "stats", "--sort=-service", "--limit", "2"]), @r"
    service                connections  in_packets  out_packets  in_bytes  out_bytes
    fwmark 666                       0           0            0         0          0
    udp [2001:db8::10]:53            0           0            0         0          0
      10.0.0.21:53                   0           0            0         0          0
    -- status 0
    ");
}

#[test]
fn slips_are_answered() {
    let lab = lab();
    assert_snapshot!(lab.run(&["show", "sats"]), @r#"
    -- stderr
    Error: there is no view 'sats'
    Hint: did you mean "stats"?
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["show", "stats", "tcp", "192.0.2.10:8"]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.10:8: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "stats", "--sort", "in_bites"]), @r#"
    -- stderr
    Error: stats has no column 'in_bites'
    Hint: did you mean "in_bytes"?
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["show", "timeouts", "--sort", "tcp"]), @r"
    -- stderr
    Error: timeouts cannot be sorted
    Hint: without --sort: ipvsh --sim show timeouts
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "info", "tcp"]), @r"
    -- stderr
    Error: unexpected argument 'tcp'
    Hint: show info takes no object
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "rates", "--state", "ESTABLISHED"]), @r"
    -- stderr
    Error: --state is for connections
    Hint: this is show rates
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "connections", "--state", "establishd"]), @r#"
    -- stderr
    Error: --state: unknown state "establishd"
    Hint: did you mean "ESTABLISHED"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "connections", "--client", "somebody"]), @r#"
    -- stderr
    Error: --client: "somebody" is not an IP address
    Hint: host names are not looked up: write the address itself
    Hint: a filter is an address, a port or a network
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "connections", "tcp", "192.0.2.10:8"]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.10:8: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "daemons", "bakup"]), @r#"
    -- stderr
    Error: unknown daemon role "bakup"
    Hint: a sync daemon is "master" or "backup"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "stats", "--watch", "0"]), @r"
    -- stderr
    Error: --watch: '0' is no time to wait
    Hint: it takes seconds, 0.1 to 86400
    -- status 2
    ");
}

#[test]
fn scripts_see_the_same() {
    let lab = lab();
    for view in [
        "stats",
        "rates",
        "thresholds",
        "persistent",
        "tunnels",
        "info",
    ] {
        let call = format!("{view}()");
        assert_eq!(lab.ok(&["-e", &call]), lab.ok(&["show", view]), "{view}");
        // A script's maps are sorted by their keys.
        let json = |args: &[&str]| -> serde_json::Value {
            serde_json::from_str(&lab.ok(&[args, &["--json"]].concat())).unwrap()
        };
        assert_eq!(json(&["-e", &call]), json(&["show", view]), "{view}");
    }
    assert_snapshot!(lab.run(&["-e", r#"stats(find("192.0.2.10:80"))"#]), @r"
    service            connections  in_packets  out_packets  in_bytes  out_bytes
    tcp 192.0.2.10:80            0           0            0         0          0
      10.0.0.11:80               0           0            0         0          0
      10.0.0.12:80               0           0            0         0          0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"stats(find("192.0.2.10:80").find("10.0.0.11"))"#]), @r"
    name         value
    address      10.0.0.11
    connections  0
    in_bytes     0
    in_packets   0
    out_bytes    0
    out_packets  0
    port         80
    service      tcp 192.0.2.10:80
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "connections()"]), @r"
    []
    -- status 0
    ");
}

#[test]
fn what_is_staged_is_not_live_and_that_is_said() {
    let lab = lab();
    let code = r#"tcp("192.0.2.99:80"); stats("192.0.2.10:80")"#;
    assert_snapshot!(lab.run(&["-e", code, "--plan"]), @r#"
service            connections  in_packets  out_packets  in_bytes  out_bytes
tcp 192.0.2.10:80            0           0            0         0          0
  10.0.0.11:80               0           0            0         0          0
  10.0.0.12:80               0           0            0         0          0
+ tcp 192.0.2.99:80  wlc
1 change planned, nothing done
-- stderr
note: live: 1 staged change is not shown (plan() shows it)
note: tcp 192.0.2.99:80: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find("tcp 192.0.2.99:80").server("ADDRESS")'
-- status 0
"#);
    let code = r#"let web = tcp("192.0.2.99:80"); stats(web)"#;
    assert_snapshot!(lab.run(&["-e", code]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.99:80: the kernel does not have it
      --> -e:1:33
    1 | let web = tcp("192.0.2.99:80"); stats(web)
      |                                 ^
    Hint: what is staged counts nothing: commit() first
    -- status 1
    "#);
}

#[test]
fn a_view_is_shown_again_until_ctrl_c() {
    let lab = lab();
    for (json, lines) in [(false, 13), (true, 3)] {
        let mut command = lab.command(&["show", "stats", "fwmark 666", "--watch", "0.1"]);
        if json {
            command.arg("--json");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let seen: Vec<String> = out.lines().take(lines).map(Result::unwrap).collect();
        if json {
            for line in &seen {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(value[0]["mark"], 666);
            }
        } else {
            // A time, the titles, the service; a blank line, and so on.
            for (number, line) in seen.iter().enumerate() {
                match number % 4 {
                    0 => assert_eq!(line.len(), "2026-11-21 16:10:17".len(), "{seen:?}"),
                    1 => assert!(line.starts_with("service  "), "{seen:?}"),
                    2 => assert!(line.starts_with("fwmark 666  "), "{seen:?}"),
                    _ => assert_eq!(line, "", "{seen:?}"),
                }
            }
        }
        // The pipe is closed by now; a second run is ended by Ctrl-C.
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let mut child = lab
        .command(&["show", "stats", "--watch", "60"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn top_needs_a_terminal_and_says_what_does_not() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["top"]), @r"
    -- stderr
    Error: cannot show top: there is no terminal
    Hint: instead: ipvsh --sim show rates --watch 1
    -- status 1
    ");
    assert_snapshot!(lab.run(&["-e", "top()"]), @r"
    -- stderr
    Error: cannot show top: there is no terminal
      --> -e:1:1
    1 | top()
      | ^
    Hint: instead: ipvsh --sim show rates --watch 1
    -- status 1
    ");
    assert_snapshot!(lab.run(&["--json", "top"]), @r#"
    -- stderr
    {"error":{"kind":"usage","object":null,"message":"top has no JSON form","hint":"instead: ipvsh --sim show rates --json --watch 1","status":2}}
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["top", "--sort", "in_bits"]), @r#"
    -- stderr
    Error: top has no column 'in_bits'
    Hint: did you mean "in_bps"?
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["top", "--interval", "0"]), @r"
    -- stderr
    Error: --interval: '0' is no time to wait
    Hint: it takes seconds, 0.1 to 86400
    -- status 2
    ");
    assert_snapshot!(lab.run(&["run", "--plan", &lab.script("look.rhai", "top(\"192.0.2.10\");")]), @r"
    -- stderr
    note: would show top of tcp 192.0.2.10:80
    -- status 0
    ");
}

#[test]
fn an_address_that_no_service_has_is_that_of_a_server() {
    let lab = lab();
    lab.ok(&[
        "-e",
        r#"tcp("192.0.2.11:80", #{ servers: ["10.0.0.12:80", "10.0.0.13:80"] })"#,
    ]);
    assert_snapshot!(lab.run(&["show", "10.0.0.12"]), @r"
    service            method  weight  active  inactive
    tcp 192.0.2.10:80  rr                   0         0
      10.0.0.12:80     masq         3       0         0
    tcp 192.0.2.11:80  wlc                  0         0
      10.0.0.12:80     direct       1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "stats", "server", "10.0.0.13"]), @r"
    service            connections  in_packets  out_packets  in_bytes  out_bytes
    tcp 192.0.2.11:80            0           0            0         0          0
      10.0.0.13:80               0           0            0         0          0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "10.0.0.12/31", "--json", "-n", "1"]), @r#"
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
    assert_snapshot!(lab.run(&["show", "192.0.2.11/32"]), @r"
    service            method  weight  active  inactive
    tcp 192.0.2.11:80  wlc                  0         0
      10.0.0.12:80     direct       1       0         0
      10.0.0.13:80     direct       1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "tunnels", "10.0.0.0/24"]), @r"
    service                type  port  checksum  weight  active  inactive
    udp [2001:db8::10]:53
      10.0.0.21:53         gue   6080  full           1       0         0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "connections", "10.0.0.12"]), @r"
    no connections
    -- status 0
    ");
}

#[test]
fn what_is_nothing_to_show_is_answered_in_words() {
    let lab = lab();
    for (args, status) in [
        (&["show", "10.0.0.19"][..], 1),
        (&["show", "10.0.0.99:8080"], 1),
        (&["show", "10.9.0.0/24"], 1),
        (&["show", "10.0.0.0/33"], 1),
        (&["show", "server", "10.0.0.99"], 1),
        (&["show", "666"], 1),
        (&["show", "mark", "666"], 2),
        (&["show", "web"], 2),
        (&["show", "head"], 2),
    ] {
        let said = lab.said(args);
        assert_eq!(said.status, status, "{args:?}: {}", said.err);
    }
    assert_snapshot!(lab.run(&["show", "10.0.0.19"]), @r#"
    -- stderr
    Error: virtual service 10.0.0.19: there is no such virtual service
    Hint: did you mean "10.0.0.11"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "10.9.0.0/24"]), @r"
    -- stderr
    Error: network 10.9.0.0/24: no virtual service and no real server is in it
    Hint: ipvsh --sim show lists virtual services and real servers
    -- status 1
    ");
    assert_snapshot!(lab.run(&["show", "666"]), @r#"
    -- stderr
    Error: "666" is no address
    Hint: a mark's service is named fwmark 666, a port is behind its address: 192.0.2.10:80
    Hint: show is about what is live; snapshot 666: ipvsh --sim export 666
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "mark", "666"]), @r"
    -- stderr
    Error: the rules of a mark are another view: marks 666
    Hint: ipvsh --sim show marks 666; its virtual service: ipvsh --sim show fwmark 666
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "head"]), @r"
    -- stderr
    Error: there is no view 'head'
    Hint: views are services, marks, timeouts, connections, stats, rates, thresholds, persistent, tunnels, daemons, vips, sysctls, tunnel-devices, info
    -- status 2
    ");
}

#[test]
fn lists_are_limited_by_one_word() {
    let lab = lab();
    for args in [
        &["history", "-n", "1"][..],
        &["history", "--limit", "1"],
        &["history", "--count", "1"],
    ] {
        assert_eq!(lab.ok(args), lab.ok(&["history", "-n", "1"]), "{args:?}");
    }
    let one = lab.ok(&["show", "-n", "1"]);
    assert_eq!(one, lab.ok(&["show", "--limit", "1"]));
    assert_eq!(one.lines().count(), 4, "{one}");
}

#[test]
fn connections_are_counted() {
    let lab = lab();
    assert_snapshot!(lab.run(&["show", "connections", "--count-by", "client/24"]), @r"
    no connections
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "connections", "--count-by", "client/24", "--top", "20", "--json"]), @r#"
    {
      "count_by": "client/24",
      "total": 0,
      "counts": [],
      "more": {
        "values": 0,
        "connections": 0
      },
      "not_told_apart": 0
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["show", "connections", "--count-by", "clinet"]), @r#"
    -- stderr
    Error: --count-by: connections are not counted by "clinet"
    Hint: did you mean "client"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "stats", "--count-by", "client"]), @r"
    -- stderr
    Error: --count-by is for connections
    Hint: this is show stats
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "connections", "--count-by", "client", "--sort", "client"]), @r"
    -- stderr
    Error: --sort is for lists, not for --count-by
    Hint: the most frequent come first
    -- status 2
    ");
}

#[test]
fn a_snapshot_is_named_by_a_time() {
    let lab = lab();
    let later = lab.ok(&["history", "--json", "-n", "1"]);
    let later: serde_json::Value = serde_json::from_str(&later).unwrap();
    let time = later[0]["time"].as_str().unwrap().to_owned();
    let short = time.replace('T', " ").replace('Z', "");
    let (date, of_day) = short.split_once(' ').unwrap();
    let said = lab.said(&["diff", date, of_day]);
    assert!(
        said.out
            .starts_with("no differences between snapshot 2 and live"),
        "{}{}",
        said.out,
        said.err
    );
    let of_day = of_day.to_owned();
    for text in [time, short.clone(), of_day] {
        let said = lab.said(&["diff", &text, "head"]);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        assert!(
            said.out.starts_with("no differences between"),
            "{}",
            said.out
        );
    }
    assert_snapshot!(lab.run(&["diff", "25:00"]), @r#"
    -- stderr
    Error: "25:00" is not a time
    Hint: a time is 22:00, 2026-11-19, 2026-11-19T22:00 (local; with Z or +01:00 elsewhere), or how long ago: 90s, 30m, 2h, 3d, 1w
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["diff", "2026-11-29 1:99"]), @r#"
    -- stderr
    Error: "2026-11-29 1:99" is not a time
    Hint: a time is 22:00, 2026-11-19, 2026-11-19T22:00 (local; with Z or +01:00 elsewhere), or how long ago: 90s, 30m, 2h, 3d, 1w
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["diff", "1999-12-31 23:59"]), @r"
    -- stderr
    Error: snapshot @1999-12-31 23:59: there was none yet at TIME
    Hint: the first that is there is snapshot 1 of TIME
    -- status 1
    ");
}
