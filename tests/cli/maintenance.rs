//! Maintenance of real servers and hosts: an entry of the record, on the simulator.

use insta::assert_snapshot;

use super::lab::Lab;

const CODE: &str =
    r#"maintenance("10.0.0.12", #{ expires: "2999-12-01T10:00:00Z", why: "disk" });"#;

/// The same of an address that no service has.
const ELSEWHERE: &str =
    r#"maintenance("10.0.0.77", #{ expires: "2999-12-01T10:00:00Z", why: "disk" });"#;

#[test]
fn maintenance_of_what_no_service_has_sends_nothing_and_is_rolled_back() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["--plan", "-e", ELSEWHERE]), @r"
    + maintenance 10.0.0.77  drain until TIME: disk
    1 change planned, nothing done
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", ELSEWHERE]), @r"
    + maintenance 10.0.0.77  drain until TIME: disk
    snapshot 2 (1 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", ELSEWHERE]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["plan"]), @r"
    the kernel is as snapshot 2 has it
    -- status 0
    ");
    assert_snapshot!(lab.run(&["diff"]), @r"
    no differences between snapshot 2 and live
    -- status 0
    ");
    assert_snapshot!(lab.run(&["diff", "1", "2"]), @r"
    + maintenance 10.0.0.77  drain until TIME: disk
    -- status 0
    ");
    assert_snapshot!(lab.run(&["status"]), @r"
    upkeep    10.0.0.77 drain until TIME: disk, since TIME, by AUTHOR
    head      snapshot 2  +maintenance 10.0.0.77
              by AUTHOR, TIME (AGE)
    kernel    simulated, 1 virtual service, 2 real servers
    ours      1 virtual service, 2 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["restore"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", r#"maintenance("10.0.0.77").set(#{ mode: "out", why: () })"#]), @r"
    maintenance 10.0.0.77
      ~ mode drain -> out
      ~ why disk -> none
    snapshot 3 (2 before), 2 changes recorded, the kernel untouched. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "-p"]), @r#"
    snapshot 3  TIME  AUTHOR  ~2 options in maintenance 10.0.0.77
      command ipvsh --sim -e 'maintenance("10.0.0.77").set(#{ mode: "out", why: () })'
      on HOST, took TIME
      maintenance 10.0.0.77
        ~ mode drain -> out
        ~ why disk -> none

    snapshot 2  TIME  AUTHOR  +maintenance 10.0.0.77
      command ipvsh --sim -e 'maintenance("10.0.0.77", #{ expires: "TIME", why: "disk" });'
      on HOST, took TIME
      + maintenance 10.0.0.77  drain until TIME: disk

    snapshot 1  TIME  AUTHOR  +tcp 192.0.2.10:80 with 2 servers
      command ipvsh --sim -e 'tcp("192.0.2.10:80", #{ scheduler: "rr", forward: "masq", servers: [     "10.0.0.11:80", #{ address: "10.0.0.12:80", weight: 3 }] })'
      on HOST, took TIME
      + tcp 192.0.2.10:80  rr
        + server 10.0.0.11:80  masq weight 1
        + server 10.0.0.12:80  masq weight 3
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["history", "maintenance", "10.0.0.77"]), @r"
    snapshot  time                 author  changes  message
    3  TIME  AUTHOR  ~2  ~2 options in maintenance 10.0.0.77
    2  TIME  AUTHOR  +1  +maintenance 10.0.0.77
    -- status 0
    ");
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

    maintenance("10.0.0.77", #{ mode: "out", expires: "TIME" });
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["export", "--format", "ipvsadm"]), @r"
    -A -t 192.0.2.10:80 -s rr
    -a -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 1
    -a -t 192.0.2.10:80 -r 10.0.0.12:80 -m -w 3
    -- stderr
    note: maintenance 10.0.0.77 is left out: ipvsadm has nothing like it (--format json and rhai have it)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["adopt", "maintenance 10.0.0.77"]), @r"
    -- stderr
    Error: maintenance 10.0.0.77: cannot adopt: no kernel has maintenance: it is in the record alone
    -- status 1
    ");
    assert_snapshot!(lab.run(&["adopt", "maintenance"]), @r"
    -- stderr
    Error: maintenance: cannot adopt: no kernel has maintenance: it is in the record alone
    -- status 1
    ");
    assert_snapshot!(lab.run(&["adopt"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["forget", "maintenance 10.0.0.77"]), @r"
    -- stderr
    Error: maintenance 10.0.0.77: cannot forget: no kernel has it: there is nothing to leave behind
    Hint: to end it: ipvsh --sim enable 10.0.0.77
    -- status 1
    ");
    assert_snapshot!(lab.run(&["rollback", "1"]), @r"
    - maintenance 10.0.0.77  out until TIME
    snapshot 4 (3 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim rollback 3
    -- stderr
    note: this also undoes snapshots 2 and 3; to undo only one: ipvsh --sim revert N
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "print(maintenance().len())"]), @r"
    0
    -- status 0
    ");
}

#[test]
fn no_declaration_and_no_other_commit_resets_it() {
    let lab = Lab::with_web();
    lab.ok(&["-e", CODE]);
    lab.ok(&["-e", r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.12"] })"#]);
    assert_snapshot!(lab.run(&["-e", "for m in maintenance() { print(`${m.name} ${m.mode} ${m.expires} ${m.why} ${m.by}`) }"]), @r"
    10.0.0.12 drain TIME disk root
    -- status 0
    ");
    let text = lab.said(&["export", "--format", "json"]).out;
    assert!(text.contains(r#""maintenance": ["#), "{text}");
    assert_snapshot!(lab.run(&["-e", r#"clear(); maintenance("10.0.0.12", #{ mode: "up" })"#]), @r#"
    -- stderr
    Error: maintenance 10.0.0.12: mode "up" needs an end
      --> -e:1:10
    1 | clear(); maintenance("10.0.0.12", #{ mode: "up" })
      |          ^
    Hint: it overrules the checks: say until when, like expires: "2h"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"maintenance("10.0.0.999", #{})"#]), @r#"
    -- stderr
    Error: "10.0.0.999" is not an IP address
      --> -e:1:13
    1 | maintenance("10.0.0.999", #{})
      |             ^
    Hint: each of the four numbers of an IPv4 address is 0 to 255
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"maintenance("web12")"#]), @r#"
    -- stderr
    Error: maintenance web12: it is not in maintenance
      --> -e:1:1
    1 | maintenance("web12")
      | ^
    Hint: to record it: maintenance("web12", #{ mode: "drain" })
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"maintenance("web12", #{ expires: "2020-01-01" })"#]), @r#"
    -- stderr
    Error: maintenance web12: 2020-01-01 is past
      --> -e:1:25
    1 | maintenance("web12", #{ expires: "2020-01-01" })
      |                         ^
    Hint: expires is a time to come: "30m", "2d", "22:00", "2026-12-01", "TIME"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"remove(maintenance("10.0.0.12"))"#]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 0 -> 1
    - maintenance 10.0.0.12  drain until TIME: disk
    snapshot 4 (3 before), 2 changes, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
}

/// What maintenance holds is neither drift nor lost to an adoption.
#[test]
fn what_maintenance_holds_is_left_alone_by_every_other_command() {
    for mode in ["drain", "out"] {
        let lab = Lab::with_web();
        lab.ok(&[
            "-e",
            &format!(r#"maintenance("10.0.0.12", #{{ mode: "{mode}" }})"#),
        ]);
        let before = lab.state();
        for args in [
            &["adopt"][..],
            &["adopt", "tcp 192.0.2.10:80"],
            &["adopt", "server 10.0.0.12"],
            &["restore"],
            &["plan"],
            &["diff"],
            &["-e", r#"find("192.0.2.10:80").set(#{ scheduler: "rr" })"#],
        ] {
            let said = lab.run(args);
            assert!(!said.contains("weight 3"), "{mode} {args:?}: {said}");
            assert_eq!(lab.state(), before, "{mode} {args:?}: {said}");
        }
        lab.ok(&["enable", "10.0.0.12"]);
        let shown = lab.ok(&["show"]);
        assert!(
            shown.contains("10.0.0.12:80     masq         3"),
            "{mode}: {shown}"
        );
    }
}
