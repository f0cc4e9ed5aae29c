//! Addresses, kernel settings and tunnel devices of the host, on the simulator.

use insta::assert_snapshot;

use super::lab::Lab;

/// Beside the service of [`Lab::with_web`] its VIP and forwarding.
fn lab() -> Lab {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"vip("192.0.2.10", #{ interface: "eth0" }); sysctl("net.ipv4.ip_forward", 1)"#,
    ]);
    lab
}

#[test]
fn what_the_host_needs_is_planned_committed_shown_and_taken_back() {
    let lab = Lab::with_web();
    let code = r#"vip("192.0.2.10", #{ interface: "eth0", withdraw: "down" }); sysctl("net.ipv4.ip_forward", true);"#;
    assert_snapshot!(lab.run(&["--plan", "-e", code]), @r"
    ~ sysctl net.ipv4.ip_forward  0 -> 1
    + vip 192.0.2.10  /32 on eth0, withdraw down
    2 changes planned, nothing done
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", code]), @r"
    ~ sysctl net.ipv4.ip_forward  0 -> 1
    + vip 192.0.2.10  /32 on eth0, withdraw down
    snapshot 2 (1 before), 2 changes, verified. Undo: ipvsh --sim rollback 1 --allow-removals
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", code]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "vips"]), @r"
    vip         value
    192.0.2.10  /32 on eth0, withdraw down
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "sysctls"]), @r"
    sysctl               value
    net.ipv4.ip_forward  1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "vips", "--json"]), @r#"
    [
      {
        "address": "192.0.2.10",
        "prefix": 32,
        "interface": "eth0",
        "label": null,
        "arp": "answer",
        "announce": true,
        "withdraw": "down"
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["export", "--format", "rhai"]), @r#"
    // A ruleset of ipvsh. Running it declares what is written here and leaves the rest
    // alone: ipvsh run THIS-FILE

    sysctl("net.ipv4.ip_forward", 1);

    tcp("192.0.2.10:80", #{
        scheduler: "rr",
        forward: "masq",
        servers: [
            "10.0.0.11",
            #{ address: "10.0.0.12", weight: 3 },
        ],
    });

    vip("192.0.2.10", #{ interface: "eth0", withdraw: "down" });
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["export", "--format", "ipvsadm"]), @r"
    -A -t 192.0.2.10:80 -s rr
    -a -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 1
    -a -t 192.0.2.10:80 -r 10.0.0.12:80 -m -w 3
    -- stderr
    note: sysctl net.ipv4.ip_forward, vip 192.0.2.10 are left out: ipvsadm sets nothing of the host (--format json and rhai have it)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "-y"]), @r#"
    -- stderr
    Error: refused: this would remove vip 192.0.2.10 from this host, where tcp 192.0.2.10:80 still listens
    Hint: look at it with --plan; if it is meant: --allow-removals
    Hint: in a script: commit("message", #{ allow_removals: true })
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "vips"]), @r"
    vip         value
    192.0.2.10  /32 on eth0, withdraw down
    -- status 0
    ");
}

#[test]
fn what_is_recorded_alone_is_told_beside_what_the_kernel_needed() {
    let lab = lab();
    let code = r#"vip("192.0.2.10").set(#{ withdraw: "down" });
        sysctl("net.ipv4.vs.conntrack", 0); sysctl("net.ipv4.vs.nat_icmp_send", 1);"#;
    assert_snapshot!(lab.run(&["-e", code]), @r"
    ~ sysctl net.ipv4.vs.nat_icmp_send  0 -> 1
    + sysctl net.ipv4.vs.conntrack  0
    vip 192.0.2.10
      ~ withdraw never -> down
    snapshot 3 (2 before), 3 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "-n", "1"]), @r"
    snapshot  time                 author  changes  message
    3  TIME  AUTHOR  +1 ~2  +1 sysctl, ~1 option, ~1 sysctl
    -- status 0
    ");
}

#[test]
fn a_file_in_the_place_of_ours_says_what_goes_where_it_can_hold_it() {
    let lab = lab();
    let lines = lab.ok(&["export", "--format", "ipvsadm"]);
    std::fs::write(lab.path("rules.txt"), &lines).unwrap();
    assert_snapshot!(lab.run(&["import", "--replace", "rules.txt"]), @r"
    nothing to change
    -- status 0
    ");
    std::fs::write(lab.path("rules.json"), r#"{"services": [], "vips": []}"#).unwrap();
    assert_snapshot!(lab.run(&["import", "--replace", "rules.json", "--allow-removals"]), @r"
    - tcp 192.0.2.10:80  rr
      - server 10.0.0.11:80  masq weight 1
      - server 10.0.0.12:80  masq weight 3
    ~ sysctl net.ipv4.ip_forward  1 -> 0
    - vip 192.0.2.10  /32 on eth0
    snapshot 3 (2 before), 5 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
}

#[test]
fn a_whole_kind_of_the_host_is_not_adopted() {
    let lab = lab();
    assert_snapshot!(lab.run(&["adopt", "sysctls"]), @r#"
    -- stderr
    Error: sysctls: cannot adopt: settings of the host are adopted one by one
    Hint: like: ipvsh --sim adopt "sysctl NAME"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["adopt", "sysctl"]), @r"
    -- stderr
    Error: the name of a sysctl is missing
    Hint: like: vip 192.0.2.10, sysctl net.ipv4.ip_forward, tunnel-device tunl0
    -- status 1
    ");
    assert_snapshot!(lab.run(&["forget", "vip"]), @r"
    -- stderr
    Error: the name of a vip is missing
    Hint: like: vip 192.0.2.10, sysctl net.ipv4.ip_forward, tunnel-device tunl0
    -- status 1
    ");
}

#[test]
fn a_vip_without_a_service_is_found() {
    let lab = Lab::new();
    lab.ok(&["-e", r#"vip("192.0.2.77", #{ interface: "eth0" })"#]);
    assert_snapshot!(lab.run(&["where", "192.0.2.77"]), @r"
    -- stderr
    Error: 192.0.2.77: no service has it as VIP or as real server
    Hint: it is a vip on eth0, and no service listens there: ipvsh --sim show vips
    -- status 1
    ");
}

#[test]
fn a_policy_of_a_vip_changes_the_record_alone() {
    let lab = lab();
    assert_snapshot!(lab.run(&["-e", r#"vip("192.0.2.10").set(#{ withdraw: "down" })"#]), @r"
    vip 192.0.2.10
      ~ withdraw never -> down
    snapshot 3 (2 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "-y"]), @r#"
    vip 192.0.2.10
      ~ withdraw down -> never
    snapshot 4 (3 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim rollback 3
    -- stderr
    note: the one before the head is snapshot 2, "+1 vip, ~1 sysctl" by AUTHOR
    -- status 0
    "#);
}

#[test]
fn a_vip_that_a_service_uses_goes_only_where_that_is_meant() {
    let lab = lab();
    let code = r#"remove(vip("192.0.2.10"));"#;
    assert_snapshot!(lab.run(&["-e", code]), @r#"
    -- stderr
    Error: refused: this would remove vip 192.0.2.10 from this host, where tcp 192.0.2.10:80 still listens
    Hint: look at it with --plan; if it is meant: --allow-removals
    Hint: in a script: commit("message", #{ allow_removals: true })
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["--allow-removals", "-e", code]), @r"
    - vip 192.0.2.10  /32 on eth0
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    // Another interface has it then: nothing is taken away.
    lab.ok(&["-e", r#"vip("192.0.2.10", #{ interface: "eth0" })"#]);
    let moved = r#"remove(vip("192.0.2.10")); vip("192.0.2.10", #{ interface: "lo" });"#;
    assert_snapshot!(lab.run(&["-e", moved]), @r"
    - vip 192.0.2.10  /32 on eth0
    + vip 192.0.2.10  /32 on lo
    snapshot 5 (4 before), 2 changes, verified. Undo: ipvsh --sim rollback 4
    -- status 0
    ");
}

#[test]
fn serve_vip_declares_ordinary_entries_once() {
    let lab = Lab::new();
    let code =
        r#"serve_vip("192.0.2.20", #{ forward: "tun", tunnel: #{ type: "gue", port: 6080 } })"#;
    assert_snapshot!(lab.run(&["-e", code]), @r"
    + tunnel-device tunl0  gue port 6080
    ~ sysctl net.ipv4.conf.all.arp_ignore  0 -> 1
    ~ sysctl net.ipv4.conf.lo.arp_ignore  0 -> 1
    ~ sysctl net.ipv4.conf.all.arp_announce  0 -> 2
    ~ sysctl net.ipv4.conf.lo.arp_announce  0 -> 2
    + vip 192.0.2.20  /32 on lo, arp silent
    snapshot 1 (the first), 6 changes, verified. Undo: ipvsh --sim revert 1
    -- status 0
    ");
    let again =
        r#"serve_vip("192.0.2.20", #{ forward: "tunnel" }); print(serve_vip("192.0.2.20").arp)"#;
    assert_snapshot!(lab.run(&["-e", again]), @r"
    silent
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"serve_vip("192.0.2.30", #{ forward: "nat" })"#]), @r#"
    -- stderr
    Error: vip 192.0.2.30: a masqueraded real server has no VIP: nothing is to be declared here
      --> -e:1:28
    1 | serve_vip("192.0.2.30", #{ forward: "nat" })
      |                            ^
    Hint: its answers must go back by the director: make the director's inner address its default gateway, or give the service source NAT
    -- status 1
    "#);
    lab.ok(&["-e", r#"vip("192.0.2.40", #{ interface: "eth0" })"#]);
    assert_snapshot!(lab.run(&["-e", r#"serve_vip("192.0.2.40")"#]), @r#"
    -- stderr
    Error: vip 192.0.2.40: this host answers for it on eth0
      --> -e:1:1
    1 | serve_vip("192.0.2.40")
      | ^
    Hint: a host is the director of a VIP, or a silent real server; before: remove(vip("192.0.2.40", #{ interface: "eth0" }))
    -- status 1
    "#);
}

#[test]
fn what_a_silent_vip_needs_comes_and_goes_with_it() {
    let lab = Lab::new();
    let code =
        r#"vip("192.0.2.20", #{ arp: "silent" }); tunnel_device("tunl0", #{ type: "ipip" });"#;
    assert_snapshot!(lab.run(&["-e", code]), @r"
    + tunnel-device tunl0  ipip
    ~ sysctl net.ipv4.conf.all.arp_ignore  0 -> 1
    ~ sysctl net.ipv4.conf.lo.arp_ignore  0 -> 1
    ~ sysctl net.ipv4.conf.all.arp_announce  0 -> 2
    ~ sysctl net.ipv4.conf.lo.arp_announce  0 -> 2
    + vip 192.0.2.20  /32 on lo, arp silent
    snapshot 1 (the first), 6 changes, verified. Undo: ipvsh --sim revert 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "sysctls"]), @r"
    sysctl                          value
    net.ipv4.conf.all.rp_filter     0
    net.ipv4.conf.tunl0.rp_filter   0
    net.ipv4.conf.all.arp_ignore    1
    net.ipv4.conf.lo.arp_ignore     1
    net.ipv4.conf.all.arp_announce  2
    net.ipv4.conf.lo.arp_announce   2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["export", "--format", "rhai"]), @r#"
    // A ruleset of ipvsh. Running it declares what is written here and leaves the rest
    // alone: ipvsh run THIS-FILE

    tunnel_device("tunl0", #{ type: "ipip" });

    vip("192.0.2.20", #{ arp: "silent" });
    -- status 0
    "#);
    assert_snapshot!(
        lab.run(&["-e", r#"sysctl("net.ipv4.conf.all.arp_ignore", 0)"#]), @r"
        -- stderr
        Error: sysctl net.ipv4.conf.all.arp_ignore: the value 0 contradicts vip 192.0.2.20, which needs 1
        Hint: leave it out (vip 192.0.2.20 sets it), or set it to 1
        -- status 1
        "
    );
    assert_snapshot!(lab.run(&["rollback", "0"]), @r"
    -- stderr
    Error: there is no snapshot 0
    Hint: snapshots are numbered from 1
    -- status 2
    ");
    assert_snapshot!(lab.run(&["-e", r#"remove_all()"#]), @r"
    - tunnel-device tunl0  ipip
    ~ sysctl net.ipv4.conf.all.arp_ignore  1 -> 0
    ~ sysctl net.ipv4.conf.lo.arp_ignore  1 -> 0
    ~ sysctl net.ipv4.conf.all.arp_announce  2 -> 0
    ~ sysctl net.ipv4.conf.lo.arp_announce  2 -> 0
    - vip 192.0.2.20  /32 on lo
    snapshot 2 (1 before), 6 changes, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["status"]), @r"
    head      snapshot 2  ~4 sysctls, -1 tunnel-device, -1 vip
              by AUTHOR, TIME (AGE)
    kernel    simulated, 0 virtual services, 0 real servers
    ours      0 virtual services, 0 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)
    -- status 0
    ");
}

#[test]
fn settings_of_the_host_are_adopted_and_forgotten_by_name_only() {
    let lab = lab();
    assert_snapshot!(lab.run(&["adopt"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["adopt", "sysctl", "net.ipv4.vs.conntrack"]), @r"
    + sysctl net.ipv4.vs.conntrack  0
    snapshot 3 (2 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim forget 3
    -- status 0
    ");
    assert_snapshot!(lab.run(&["forget", "sysctl net.ipv4.vs.conntrack", "vip 192.0.2.10 dev eth0"]), @r"
    - sysctl net.ipv4.vs.conntrack  0
    - vip 192.0.2.10  /32 on eth0
    snapshot 4 (3 before), 2 changes recorded, the kernel untouched. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert_snapshot!(lab.run(&["adopt", "vip", "192.0.2.10", "dev", "eth0"]), @r"
    + vip 192.0.2.10  /32 on eth0
    snapshot 5 (4 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim forget 5
    -- status 0
    ");
    assert_snapshot!(lab.run(&["adopt", "vip 192.0.2.99"]), @r"
    -- stderr
    Error: vip 192.0.2.99: cannot adopt: nothing of that name is live
    -- status 1
    ");
    assert_snapshot!(lab.run(&["restore", "--exact", "--plan"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "vip 192.0.2.10", "-n", "2"]), @r"
    snapshot  time                 author  changes  message
    5  TIME  AUTHOR  +1  adopt vip 192.0.2.10 dev eth0
    4  TIME  AUTHOR  -2  forget sysctl net.ipv4.vs.conntrack, vip 192.0.2.10 dev eth0
    -- status 0
    ");
}

#[test]
fn bad_input_is_named_and_nothing_changes() {
    let lab = lab();
    for code in [
        r#"vip("192.0.2.10/33")"#,
        r#"vip("192.0.2.11", #{ interface: "abcdefghijklmnop" })"#,
        r#"vip("192.0.2.11", #{ dev: "eth0" })"#,
        r#"vip("web.example")"#,
        r#"sysctl("kernel.panic", 1)"#,
        r#"sysctl("ip_forward", 1)"#,
        r#"sysctl("net.ipv4.ip_forward", 2)"#,
        r#"sysctl("net.ipv4.ip_forward", #{})"#,
        r#"tunnel_device("tunl0", #{ type: "gue" })"#,
        r#"vip("192.0.2.10").interface = "lo""#,
        r#"vip("192.0.2.10").set(#{ weight: 1 })"#,
    ] {
        let said = lab.run(&["-e", code]).to_string();
        assert!(said.contains("-- status 1"), "{code}: {said}");
        assert!(
            said.contains("Error: ") && said.contains("Hint: "),
            "{code}: {said}"
        );
    }
    assert_snapshot!(lab.run(&["-e", r#"sysctl("ip_forward", 1)"#]), @r#"
    -- stderr
    Error: "ip_forward" is no kernel setting that ipvsh sets
      --> -e:1:1
    1 | sysctl("ip_forward", 1)
      | ^
    Hint: did you mean "net.ipv4.ip_forward"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"vip("192.0.2.11", #{ dev: "eth0" })"#]), @r#"
    -- stderr
    Error: vip 192.0.2.11: unknown option "dev"
      --> -e:1:22
    1 | vip("192.0.2.11", #{ dev: "eth0" })
      |                      ^
    Hint: a vip has the options interface, label, arp, announce, withdraw
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["status", "--exit-code"]), @r"
    head      snapshot 2  +1 vip, ~1 sysctl
              by AUTHOR, TIME (AGE)
    kernel    simulated, 1 virtual service, 2 real servers
    ours      1 virtual service, 2 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)
    -- status 0
    ");
}

#[test]
fn an_address_that_was_let_go_of_is_removed_where_it_stands() {
    let lab = Lab::new();
    lab.ok(&["-e", r#"vip("192.0.2.30", #{ interface: "eth0" })"#]);
    lab.ok(&["forget", "vip 192.0.2.30"]);
    assert_snapshot!(lab.run(&["-e", r#"remove(vip("192.0.2.30"))"#]), @r"
    - vip 192.0.2.30  /32 on eth0 (not managed by ipvsh)
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "2"]), @r"
    + vip 192.0.2.30  /32 on eth0
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
}

#[test]
fn a_vip_that_a_mark_uses_is_not_undone_by_accident() {
    let lab = Lab::new();
    lab.ok(&["-e", r#"fwmark(7, #{ marks: [#{ protocol: "tcp", to: "192.0.2.31", ports: [80] }], servers: ["10.0.0.1"] })"#]);
    assert_snapshot!(lab.run(&["-e", r#"vip("192.0.2.31", #{ interface: "eth0" })"#]), @r"
    + vip 192.0.2.31  /32 on eth0
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1 --allow-removals
    -- status 0
    ");
    assert_snapshot!(lab.run(&["rollback", "1"]), @r#"
    -- stderr
    Error: refused: this would remove vip 192.0.2.31 from this host, where fwmark 7 still listens
    Hint: look at it with --plan; if it is meant: --allow-removals
    Hint: in a script: commit("message", #{ allow_removals: true })
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["rollback", "1", "--allow-removals"]), @r"
    - vip 192.0.2.31  /32 on eth0
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
}

#[test]
fn an_address_of_two_interfaces_is_named_with_one() {
    let lab = Lab::new();
    lab.ok(&[
        "-e",
        r#"vip("192.0.2.32", #{ interface: "lo" }); vip("192.0.2.32", #{ interface: "eth0" })"#,
    ]);
    assert_snapshot!(lab.run(&["-e", r#"remove(vip("192.0.2.32"))"#]), @r#"
    -- stderr
    Error: vip 192.0.2.32: several interfaces have it
      --> -e:1:8
    1 | remove(vip("192.0.2.32"))
      |        ^
    Hint: the one on eth0: vip("192.0.2.32", #{ interface: "eth0" })
    Hint: the one on lo: vip("192.0.2.32", #{ interface: "lo" })
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"remove(vip("192.0.2.32", #{ interface: "lo" }))"#]), @r"
    - vip 192.0.2.32  /32 on lo
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"vip("192.0.2.32/24")"#]), @r#"
    -- stderr
    Error: vip 192.0.2.32: it has the prefix /32
      --> -e:1:1
    1 | vip("192.0.2.32/24")
      | ^
    Hint: to declare it with this one: vip("192.0.2.32/24", #{})
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"vip("192.0.2.32/24", #{})"#]), @r"
    vip 192.0.2.32
      ~ prefix /32 -> /24
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
}
