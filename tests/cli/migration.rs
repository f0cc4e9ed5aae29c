//! `ipvsh import` of the files that ipvsadm's own start scripts read.

use insta::assert_snapshot;

use super::lab::Lab;

const DEBIAN_DEFAULT: &str = include_str!("../fixtures/migration/debian-default");
const DEBIAN_RULES: &str = include_str!("../fixtures/migration/debian-rules");
const DEBIAN_SAVED: &str = include_str!("../fixtures/migration/debian-saved");
const REDHAT_CONFIG: &str = include_str!("../fixtures/migration/redhat-config");
const REDHAT_SAVED: &str = include_str!("../fixtures/migration/redhat-saved");

/// Debian's settings with some of them changed, as an operator does.
fn debian(changes: &[(&str, &str)]) -> String {
    let mut text = DEBIAN_DEFAULT.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

#[test]
fn debians_pair_is_one_commit() {
    let lab = Lab::new();
    let rules = lab.script("ipvsadm.rules", DEBIAN_SAVED);
    let settings = debian(&[
        ("AUTO=\"false\"", "AUTO=\"true\""),
        ("DAEMON=\"none\"", "DAEMON=\"both\""),
        ("IFACE=\"eth0\"", "IFACE=\"bond0\""),
        ("# SYNCID=\"0\"", "SYNCID=\"7\""),
    ]);
    let settings = lab.script("default", &settings);
    assert_snapshot!(lab.run(&["import", &rules, &settings]), @r"
    + tcp 192.0.2.10:80  wrr persistent 300
      + server 10.0.0.11:8080  masq weight 3
      + server 10.0.0.12:8080  masq weight 1
    + tcp [2001:db8::10]:443  sh flags sh-port
      + server [2001:db8:1::11]:443  tunnel weight 1
    + udp 192.0.2.10:53  rr one_packet
      + server 10.0.0.13:53  direct weight 1
    + fwmark 666  wlc
      + server 10.0.0.21:0  direct weight 1
    + sync daemon master  interface bond0 id 7
    + sync daemon backup  interface bond0 id 7
    snapshot 1 (the first), 11 changes, verified. Undo: ipvsh --sim revert 1 --allow-removals
    -- stderr
    note: LAB/default:4: AUTO=true has no meaning here: boot restores the head after systemctl enable ipvsh-restore.service
    -- status 0
    ");
    assert_snapshot!(lab.run(&["import", "-q", &settings, &rules]), @r"-- status 0");
    assert_snapshot!(lab.run(&["history", "-q"]), @r"
    snapshot  time                 author  changes  message
    1  TIME  AUTHOR  +11  import LAB/ipvsadm.rules, LAB/default
    -- status 0
    ");
    assert_snapshot!(lab.run(&["show", "daemons"]), @r"
    daemon  options
    master  interface bond0 id 7 maxlen 1472 group 224.0.0.81 port 8848 ttl 1
    backup  interface bond0 id 7 maxlen 1472 group 224.0.0.81 port 8848 ttl 1
    -- status 0
    ");
}

#[test]
fn what_the_package_installs_holds_nothing() {
    let lab = Lab::with_web();
    let before = lab.state();
    let rules = lab.script("ipvsadm.rules", DEBIAN_RULES);
    let settings = lab.script("default", DEBIAN_DEFAULT);
    assert_snapshot!(lab.run(&["import", &rules, &settings]), @r"
    nothing to change
    -- stderr
    note: LAB/ipvsadm.rules: it holds comments, and no rules
    note: LAB/default:4: AUTO=false has no meaning here: boot restores the head after systemctl enable ipvsh-restore.service
    note: LAB/default:7: DAEMON=none: no sync daemon is started
    -- status 0
    ");
    assert_snapshot!(lab.run(&["import", &settings, "--replace"]), @r"
    -- stderr
    note: LAB/default:4: AUTO=false has no meaning here: boot restores the head after systemctl enable ipvsh-restore.service
    note: LAB/default:7: DAEMON=none: no sync daemon is started
    Error: LAB/default: cannot import: it holds no rules, and in the place of ours that would remove them all
    Hint: merge it: without --replace
    Hint: or name a file of rules beside it
    -- status 1
    ");
    assert_eq!(lab.state(), before);
}

#[test]
fn red_hats_settings_have_no_meaning_and_that_is_said() {
    let lab = Lab::new();
    let rules = lab.script("ipvsadm", REDHAT_SAVED);
    let settings = lab.script("ipvsadm-config", REDHAT_CONFIG);
    assert_snapshot!(lab.run(&["import", &rules, &settings]), @r"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  direct weight 1
      + server 10.0.0.12:80  direct weight 1
    snapshot 1 (the first), 3 changes, verified. Undo: ipvsh --sim revert 1
    -- stderr
    note: LAB/ipvsadm-config:2: IPVS_MODULES_UNLOAD=yes has no meaning here: nothing unloads modules
    note: LAB/ipvsadm-config:5: IPVS_SAVE_ON_STOP=no has no meaning here: every commit is saved when it is made, and nothing else is
    note: LAB/ipvsadm-config:8: IPVS_SAVE_ON_RESTART=no has no meaning here: every commit is saved when it is made, and nothing else is
    note: LAB/ipvsadm-config:11: IPVS_STATUS_NUMERIC=yes has no meaning here: everything is shown in numbers
    -- status 0
    ");
}

#[test]
fn wrong_settings_are_refused_with_their_lines() {
    let lab = Lab::with_web();
    let before = lab.state();
    for (changes, name) in [
        (vec![("DAEMON=\"none\"", "DAEMON=\"mastre\"")], "role"),
        (
            vec![
                ("DAEMON=\"none\"", "DAEMON=\"master\""),
                ("\"eth0\"", "$(ip route get 192.0.2.1)"),
                ("# SYNCID=\"0\"", "SYNCID=\"256\""),
            ],
            "values",
        ),
    ] {
        let file = lab.script(name, &debian(&changes));
        let said = lab.run(&["import", &file]);
        match name {
            "role" => assert_snapshot!(said, @r#"
            -- stderr
            Error: ipvsadm's script knows no DAEMON "mastre"
              --> LAB/role:7
            7 | DAEMON="mastre"
            Hint: did you mean "master"?
            -- status 1
            "#),
            _ => assert_snapshot!(said, @r#"
            -- stderr
            Error: "$" is for a shell, and this is none
              --> LAB/values:10:7
            10 | IFACE=$(ip route get 192.0.2.1) 
               |       ^
            Hint: write the value itself
            Error: sync daemon master: id 256 is out of range
              --> LAB/values:14
            14 | SYNCID="256"
            Hint: id is 0 to 255
            -- status 1
            "#),
        }
    }
    // A script that is sourced is a script, and not run.
    let file = lab.script("sourced", &format!("{DEBIAN_DEFAULT}. /etc/default/lvs\n"));
    assert_snapshot!(lab.run(&["import", &file]), @r#"
    -- stderr
    Error: "." is no setting
      --> LAB/sourced:16
    16 | . /etc/default/lvs
    Hint: a setting is like DAEMON="master"
    -- status 1
    "#);
    assert_eq!(lab.state(), before);
}

#[test]
fn files_that_differ_are_not_one_commit() {
    let lab = Lab::new();
    let one = lab.script("one", REDHAT_SAVED);
    let two = lab.script("two", &REDHAT_SAVED.replace("-w 1", "-w 2"));
    assert_snapshot!(lab.run(&["import", &one, &two]), @r"
    -- stderr
    Error: virtual service tcp 192.0.2.10:80: real server 10.0.0.11:80: cannot import: LAB/one and LAB/two differ about it
    Hint: import one after the other: the later one decides
    -- status 1
    ");
    assert_snapshot!(lab.run(&["import", &one, "missing"]), @r"
    -- stderr
    Error: file missing: cannot read: No such file or directory (os error 2)
    -- status 1
    ");
    assert!(lab.run(&["import"]).ends_with("-- status 2\n"));
    assert!(!lab.database().exists());
}
