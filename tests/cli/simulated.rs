//! The drop-in for ipvsadm on the simulator, and what is changed there by it: drift, foreign rules,
//! a tour of them without a kernel.

use std::os::unix::fs::MetadataExt;

use insta::assert_snapshot;

use super::lab::Lab;

/// A line of ipvsadm on the simulator.
fn ipvsadm(lab: &Lab, line: &str) -> String {
    let words: Vec<&str> = std::iter::once("ipvsadm").chain(line.split(' ')).collect();
    lab.run(&words)
}

#[test]
fn lines_of_ipvsadm_are_listed_by_the_next_process() {
    let lab = Lab::new();
    assert_eq!(ipvsadm(&lab, "-A -t 192.0.2.10:80 -s rr"), "-- status 0\n");
    assert_eq!(
        ipvsadm(&lab, "-a -t 192.0.2.10:80 -r 10.0.0.11 -m -w 3"),
        "-- status 0\n"
    );
    assert_snapshot!(ipvsadm(&lab, "-Ln"), @r"
    IP Virtual Server version 1.2.1 (size=4096)
    Prot LocalAddress:Port Scheduler Flags
      -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
    TCP  192.0.2.10:80 rr
      -> 10.0.0.11:80                 Masq    3      0          0         
    -- status 0
    ");
    assert_snapshot!(ipvsadm(&lab, "-Sn"), @r"
    -A -t 192.0.2.10:80 -s rr
    -a -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 3
    -- status 0
    ");
    assert_snapshot!(ipvsadm(&lab, "-A -t 192.0.2.10:80 -s rr"), @r"
    -- stderr
    Service already exists
    -- status 255
    ");
    assert_snapshot!(ipvsadm(&lab, "-d -t 192.0.2.10:80 -r 10.0.0.12"), @r"
    -- stderr
    No such destination
    -- status 255
    ");
    assert_snapshot!(ipvsadm(&lab, "--atomic -A -t 192.0.2.11:80 -s none-such"), @r"
    -- stderr
    Error: Scheduler or persistence engine not found
    Hint: nothing was changed
    -- status 4
    ");
    let mode = std::fs::metadata(lab.path("db.kernel")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    ipvsadm(&lab, "-C");
    assert!(
        !lab.path("db.kernel").exists(),
        "the kernel is as the head has it"
    );
}

#[test]
fn the_tour_of_drift_and_foreign_rules_needs_no_kernel() {
    let lab = Lab::with_web();
    ipvsadm(&lab, "-A -t 192.0.2.10:443 -s wlc");
    ipvsadm(&lab, "-e -t 192.0.2.10:80 -r 10.0.0.12 -m -w 0");
    let status = lab.run(&["status"]);
    assert!(
        status.contains("~ server 10.0.0.12:80  weight 3 -> 0"),
        "{status}"
    );
    assert!(
        status.contains("foreign   1 service not managed by ipvsh"),
        "{status}"
    );
    assert_snapshot!(lab.run(&["plan"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 0 -> 3
    1 change would bring the kernel to snapshot 1: ipvsh --sim restore
    -- stderr
    note: 1 service not managed by ipvsh
    -- status 0
    ");
    assert_snapshot!(lab.run(&["adopt", "tcp 192.0.2.10:443"]), @r"
    + tcp 192.0.2.10:443  wlc
    snapshot 2 (1 before), 1 change recorded, the kernel untouched. Undo: ipvsh --sim forget 2
    -- status 0
    ");
    ipvsadm(&lab, "-C");
    let repaired = lab.run(&["restore"]);
    assert!(
        repaired.contains("repaired 4; snapshot 2 unchanged"),
        "{repaired}"
    );
    assert!(!lab.path("db.kernel").exists());

    // What ipvsh let go of stays in the kernel, as on a real one.
    lab.ok(&["forget", "tcp 192.0.2.10:443"]);
    let listed = ipvsadm(&lab, "-Ln");
    assert!(listed.contains("TCP  192.0.2.10:443 wlc"), "{listed}");
    assert_snapshot!(ipvsadm(&lab, "--record -D -t 192.0.2.10:443"), @r"
    - tcp 192.0.2.10:443  wlc (not managed by ipvsh)
    snapshot 4 (3 before), 1 change, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert!(!lab.path("db.kernel").exists());
}

#[test]
fn a_damaged_file_of_the_simulated_kernel_is_named_and_not_touched() {
    let lab = Lab::with_web();
    ipvsadm(&lab, "-A -t 192.0.2.10:443 -s wlc");
    let file = lab.path("db.kernel");
    let damaged = std::fs::read_to_string(&file)
        .unwrap()
        .replace("443", "444");
    std::fs::write(&file, &damaged).unwrap();
    for words in [&["show"][..], &["ipvsadm", "-Ln"], &["restore"]] {
        let said = lab.run(words);
        assert!(
            said.contains("db.kernel: cannot be read: its checksum is wrong"),
            "{said}"
        );
        assert!(
            said.contains("Hint: the simulated kernel holds the head alone"),
            "{said}"
        );
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), damaged);
}
