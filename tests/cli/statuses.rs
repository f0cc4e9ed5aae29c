//! The table of exit statuses, as `--help` has it, one by one.

use insta::assert_snapshot;

use super::lab::{Lab, WEB};

#[test]
fn the_table_is_documented() {
    let help = Lab::new().ok(&["--help"]);
    let table = help.split("Exit status:\n").nth(1).unwrap_or_default();
    let statuses: Vec<&str> = table
        .lines()
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        statuses,
        ["0", "1", "2", "3", "4", "5", "6", "7", "10", "255"]
    );
}

#[test]
fn done_refused_and_not_understood() {
    let lab = Lab::new();
    assert_eq!(lab.said(&["-e", WEB]).status, 0);
    assert_eq!(lab.said(&["-e", "throw 1"]).status, 1);
    assert_eq!(lab.said(&["run", "missing"]).status, 1);
    assert_eq!(lab.said(&["nonsense"]).status, 2);
}

#[test]
fn a_kernel_that_may_not_be_read_is_3() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run_faulty("fail-observe=1:EPERM", &["-e", "timeouts(#{ tcp: 600 })"]), @r"
    -- stderr
    Error: cannot read the IPVS table: not permitted (EPERM)
      --> -e:1:1
    1 | timeouts(#{ tcp: 600 })
      | ^
    Hint: IPVS needs CAP_NET_ADMIN in the initial user namespace: run it as root (sudo)
    -- status 3
    ");
    assert_snapshot!(lab.run_faulty("fail-observe=1:EPERM", &["show"]), @r"
    -- stderr
    Error: cannot read the IPVS table: not permitted (EPERM)
    Hint: IPVS needs CAP_NET_ADMIN in the initial user namespace: run it as root (sudo)
    -- status 3
    ");
    assert_snapshot!(lab.run_faulty("fail-observe=1:EPERM", &["status"]), @r"
    head      snapshot 1  +tcp 192.0.2.10:80 with 2 servers
              by AUTHOR, TIME (AGE)
    kernel    cannot be read: cannot read the IPVS table: not permitted (EPERM)
              IPVS needs CAP_NET_ADMIN in the initial user namespace: run it as root (sudo)
    database  LAB/db (SIZE)
    -- status 0
    ");
}

const CHANGE: &str = r#"find("192.0.2.10:80").server("10.0.0.13"); timeouts(#{ tcp: 600 })"#;

#[test]
fn a_scheduler_that_the_kernel_lacks_is_4() {
    let lab = Lab::with_web();
    let before = lab.state();
    let code = r#"tcp("192.0.2.1:80", #{ scheduler: "twos" })"#;
    assert_snapshot!(lab.run(&["-e", code]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.1:80: cannot add: unknown scheduler "twos" (ENOENT)
    Hint: this kernel has no module ip_vs_twos; it has: dh, fo, lblc, lblcr, lc, mh, nq, ovf, rr, sed, sh, wlc, wrr
    Hint: nothing changed: every step before it was undone
    -- status 4
    "#);
    assert_eq!(lab.state(), before);
}

#[test]
fn a_scheduler_that_nobody_has_is_1() {
    let lab = Lab::with_web();
    let before = lab.state();
    let code = r#"tcp("192.0.2.1:80"); tcp("192.0.2.1:81", #{ scheduler: "rrr" })"#;
    assert_snapshot!(lab.run(&["-e", code]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.1:81: unknown scheduler "rrr"
      --> -e:1:56
    1 | tcp("192.0.2.1:80"); tcp("192.0.2.1:81", #{ scheduler: "rrr" })
      |                                                        ^
    Hint: did you mean "rr"?
    -- status 1
    "#);
    assert_eq!(lab.state(), before);
}

#[test]
fn undone_is_4() {
    let lab = Lab::with_web();
    let before = lab.state();
    assert_snapshot!(lab.run_faulty("fail-step=2:ENOBUFS", &["-e", CHANGE]), @r"
    -- stderr
    Error: connection timeouts: cannot set: the kernel refuses it (ENOBUFS)
    Hint: nothing changed: every step before it was undone
    -- status 4
    ");
    assert_eq!(lab.state(), before);
}

#[test]
fn undone_badly_is_5() {
    let lab = Lab::with_web();
    let fault = "fail-step=2:ENOBUFS,fail-undo=1:ENOMEM,fail-undo=2:ENOMEM";
    assert_snapshot!(lab.run_faulty(fault, &["-e", CHANGE]), @r"
    -- stderr
    Error: connection timeouts: cannot set: the kernel refuses it (ENOBUFS)
    Hint: undoing failed too: cannot remove: the kernel is out of memory (ENOMEM)
    Hint: the next command that writes tries again; by hand:
      ipvsadm -d -t 192.0.2.10:80 -r 10.0.0.13:80
    -- status 5
    ");
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot  time                 author  changes  message
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
}

#[test]
fn a_commit_that_was_killed_is_reported_and_recovered() {
    let lab = Lab::with_web();
    let said = lab.run_faulty("kill-after-step=1", &["-m", "cut off", "-e", CHANGE]);
    assert_eq!(said, "-- status -1\n");
    assert_snapshot!(lab.run(&["status"]), @r#"
    head      snapshot 1  +tcp 192.0.2.10:80 with 2 servers
              by AUTHOR, TIME (AGE)
    warning   the commit "cut off" by AUTHOR at TIME did not finish: the next command that writes undoes it (ipvsh --sim restore)
    kernel    simulated, 1 virtual service, 2 real servers
    ours      1 virtual service, 2 real servers
    drift     none: the kernel is as the head has it
    database  LAB/db (SIZE)

    ipvsh --sim restore    undo the unfinished commit
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["plan"]), @r#"
    the kernel is as snapshot 1 has it
    -- stderr
    note: the commit "cut off" by AUTHOR at TIME did not finish: the next command that writes undoes it (ipvsh --sim restore)
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["restore"]), @r#"
    nothing to change
    -- stderr
    note: the commit "cut off" by AUTHOR at TIME was cut off by a reboot: nothing of it is left
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["plan"]), @r"
    the kernel is as snapshot 1 has it
    -- status 0
    ");
}

#[test]
fn differences_are_10_where_asked() {
    let lab = Lab::with_web();
    lab.ok(&["-e", "find(\"192.0.2.10:80\").server(\"10.0.0.13\")"]);
    for (args, status) in [
        (["plan", "--exit-code", "head"], 0),
        (["plan", "--exit-code", "1"], 10),
        (["diff", "--exit-code", "head"], 0),
        (["diff", "--exit-code", "1"], 10),
    ] {
        assert_eq!(lab.said(&args).status, status, "{args:?}");
    }
    assert_eq!(lab.said(&["diff", "1"]).status, 0);
    assert_eq!(lab.said(&["status", "--exit-code"]).status, 0);
}
