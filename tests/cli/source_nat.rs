//! Full NAT: the option `snat` of a service, on the simulator.

use insta::assert_snapshot;

use super::lab::Lab;

const SNAT: &str = r#"find("tcp 192.0.2.10:80").set(#{ snat: true })"#;

#[test]
fn source_nat_is_planned_committed_shown_and_taken_back() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["--plan", "-e", SNAT]), @r"
    ~ sysctl net.ipv4.vs.conntrack  0 -> 1
    + source NAT of tcp 192.0.2.10:80  to the address of the interface
    tcp 192.0.2.10:80
      ~ snat false -> true
    3 changes planned, nothing done
    -- stderr
    note: tcp 192.0.2.10:80: real servers see an address of this host in the place of each client's address, also in their logs and limits. Fix: ipvsh --sim show connections
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", SNAT]), @r"
    ~ sysctl net.ipv4.vs.conntrack  0 -> 1
    + source NAT of tcp 192.0.2.10:80  to the address of the interface
    tcp 192.0.2.10:80
      ~ snat false -> true
    snapshot 2 (1 before), 3 changes, verified. Undo: ipvsh --sim rollback 1
    -- stderr
    note: tcp 192.0.2.10:80: real servers see an address of this host in the place of each client's address, also in their logs and limits. Fix: ipvsh --sim show connections
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", SNAT]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"find("tcp 192.0.2.10:80").set(#{ snat: "10.0.0.1" })"#]), @r"
    source NAT of tcp 192.0.2.10:80
      ~ snat true -> 10.0.0.1
    tcp 192.0.2.10:80
      ~ snat true -> 10.0.0.1
    snapshot 3 (2 before), 2 changes, verified. Undo: ipvsh --sim rollback 2
    -- stderr
    note: tcp 192.0.2.10:80: real servers see 10.0.0.1 in the place of each client's address, also in their logs and limits. Fix: ipvsh --sim show connections
    -- status 0
    ");
    assert_snapshot!(lab.run(&["export", "--format", "rhai"]), @r#"
    // A ruleset of ipvsh. Running it declares what is written here and leaves the rest
    // alone: ipvsh run THIS-FILE

    tcp("192.0.2.10:80", #{
        scheduler: "rr",
        snat: "10.0.0.1",
        forward: "masq",
        servers: [
            "10.0.0.11",
            #{ address: "10.0.0.12", weight: 3 },
        ],
    });
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["export", "--format", "json"]), @r#"
    {
      "services": [
        {
          "protocol": "tcp",
          "address": "192.0.2.10",
          "port": 80,
          "scheduler": "rr",
          "flags": [],
          "persistent": 0,
          "netmask": "255.255.255.255",
          "engine": null,
          "one_packet": false,
          "snat": "10.0.0.1",
          "servers": [
            {
              "address": "10.0.0.11",
              "port": 80,
              "weight": 1,
              "forward": "masq",
              "upper": 0,
              "lower": 0
            },
            {
              "address": "10.0.0.12",
              "port": 80,
              "weight": 3,
              "forward": "masq",
              "upper": 0,
              "lower": 0
            }
          ]
        }
      ],
      "marks": [],
      "timeouts": {},
      "daemons": [],
      "tunnel_devices": [],
      "sysctls": [],
      "vips": [],
      "maintenance": []
    }
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["export", "--format", "ipvsadm"]), @r"
    -A -t 192.0.2.10:80 -s rr
    -a -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 1
    -a -t 192.0.2.10:80 -r 10.0.0.12:80 -m -w 3
    -- stderr
    note: snat of tcp 192.0.2.10:80 is left out: ipvsadm sets nothing of the host (--format json and rhai have it)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["status"]), @r"
    head      snapshot 3  ~2 options
              by AUTHOR, TIME (AGE)
    kernel    simulated, 1 virtual service, 2 real servers
    ours      1 virtual service, 2 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["diff", "1"]), @r"
    + sysctl net.ipv4.vs.conntrack  1
    + source NAT of tcp 192.0.2.10:80  to 10.0.0.1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["revert", "2"]), @r"
    -- stderr
    Error: virtual service tcp 192.0.2.10:80: policy: cannot revert snapshot 2: snat was changed again by a later snapshot
    Hint: set it by hand: ipvsh --sim -e CODE
    -- status 1
    ");
    assert_snapshot!(lab.run(&["rollback", "1"]), @r"
    ~ sysctl net.ipv4.vs.conntrack  1 -> 0
    - source NAT of tcp 192.0.2.10:80  to 10.0.0.1
    tcp 192.0.2.10:80
      ~ snat 10.0.0.1 -> false
    snapshot 4 (3 before), 3 changes, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: this also undoes snapshots 2 and 3; to undo only one: ipvsh --sim revert N
    -- status 0
    ");
    assert_snapshot!(lab.run(&["plan"]), @r"
    the kernel is as snapshot 4 has it
    -- status 0
    ");
}

#[test]
fn source_nat_goes_with_its_service() {
    let lab = Lab::with_web();
    lab.ok(&["-e", SNAT]);
    assert_snapshot!(lab.run(&["-e", r#"remove("tcp 192.0.2.10:80")"#]), @r"
    - tcp 192.0.2.10:80  rr
      - server 10.0.0.11:80  masq weight 1
      - server 10.0.0.12:80  masq weight 3
    ~ sysctl net.ipv4.vs.conntrack  1 -> 0
    - source NAT of tcp 192.0.2.10:80  to the address of the interface
    snapshot 3 (2 before), 5 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "-y"]), @r#"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
      + snat true
    ~ sysctl net.ipv4.vs.conntrack  0 -> 1
    + source NAT of tcp 192.0.2.10:80  to the address of the interface
    snapshot 4 (3 before), 6 changes, verified. Undo: ipvsh --sim rollback 3
    -- stderr
    note: the one before the head is snapshot 2, "+1 source NAT, ~1 option, ~1 sysctl" by AUTHOR
    note: tcp 192.0.2.10:80: real servers see an address of this host in the place of each client's address, also in their logs and limits. Fix: ipvsh --sim show connections
    -- status 0
    "#);
}

#[test]
fn source_nat_that_cannot_be_is_refused() {
    let lab = Lab::with_web();
    for snat in [r#""2001:db8::1""#, r#""127.0.0.1""#, "1", r#""ten""#] {
        let line = format!(r#"find("tcp 192.0.2.10:80").set(#{{ snat: {snat} }})"#);
        assert!(lab.run(&["-e", &line]).contains("-- status 1"), "{snat}");
    }
    let one_packet = r#"udp("192.0.2.10:53", #{ one_packet: true, forward: "masq", snat: true, servers: ["10.0.0.11"] })"#;
    assert_snapshot!(lab.run(&["-e", one_packet]), @r"
    -- stderr
    Error: virtual service udp 192.0.2.10:53: snat needs connections, and one-packet scheduling keeps none
    Hint: leave snat or one_packet out
    -- status 1
    ");
    let off = r#"sysctl("net.ipv4.vs.conntrack", 0); "#;
    assert_snapshot!(lab.run(&["-e", &format!("{off}{SNAT}")]), @r"
    -- stderr
    Error: sysctl net.ipv4.vs.conntrack: the value 0 contradicts virtual service tcp 192.0.2.10:80: policy, which needs 1
    Hint: leave it out (virtual service tcp 192.0.2.10:80: policy sets it), or set it to 1
    -- status 1
    ");
    assert_snapshot!(lab.run(&["-e", r#"find("tcp 192.0.2.10:80").set(#{ snat: "2001:db8::1" })"#]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.10:80: 2001:db8::1 is no ipv4 address, and those of the service's clients and servers are
      --> -e:1:40
    1 | find("tcp 192.0.2.10:80").set(#{ snat: "2001:db8::1" })
      |                                        ^
    -- status 1
    "#);
}
