//! The drop-in for ipvsadm on the simulator, and what is changed there by it: drift, foreign rules,
//! a tour of them without a kernel.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

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

/// What the drop-in lists of one kind, `-A` or `-a`.
fn listed(lab: &Lab, kind: &str) -> usize {
    let saved = ipvsadm(lab, "-Sn");
    saved.lines().filter(|line| line.starts_with(kind)).count()
}

/// Starts all of them, then waits for all; gives how many said that they did it.
fn at_once(lab: &Lab, lines: impl Iterator<Item = Vec<String>>) -> usize {
    let started: Vec<Child> = lines
        .map(|line| {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let mut command = lab.command(&words);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    let ended = started.into_iter().map(|mut child| child.wait().unwrap());
    ended.filter(std::process::ExitStatus::success).count()
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn processes_at_once_lose_nothing_and_one_of_two_equal_ones_is_refused() {
    let lab = Lab::new();
    let add = |number| words(&format!("ipvsadm -A -t 192.0.2.{number}:80 -s rr"));
    assert_eq!(at_once(&lab, (1..=12).map(add)), 12);
    assert_eq!(listed(&lab, "-A"), 12);
    assert!(!lab.database().exists(), "nothing was committed");
    let mode = std::fs::metadata(lab.path("db.kernel.lock"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let same = |_| words("ipvsadm -A -t 192.0.2.99:80 -s rr");
    assert_eq!(at_once(&lab, (1..=6).map(same)), 1);

    // Beside commits, the first of which makes the database.
    let lines = (1..=16).map(|number| match number % 2 {
        0 => words(&format!("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.{number} -m")),
        _ => vec![
            "-e".to_owned(),
            format!(r#"tcp("198.51.100.{number}:80", #{{ servers: ["10.0.1.1:80"] }})"#),
        ],
    });
    assert_eq!(at_once(&lab, lines), 16);
    assert_eq!(listed(&lab, "-A"), 13 + 8);
    assert_eq!(listed(&lab, "-a"), 8 + 8);
    let status = lab.run(&["status"]);
    assert!(status.contains("13 services not managed"), "{status}");
    assert!(status.contains("drift     none"), "{status}");
}

#[test]
fn a_lock_is_waited_for_as_said_until_a_signal_and_readers_wait_for_nothing() {
    let lab = Lab::with_web();
    ipvsadm(&lab, "-A -t 192.0.2.10:443 -s wlc");
    let lock = std::fs::File::open(lab.path("db.kernel.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(listed(&lab, "-A"), 2);
    assert!(lab.run(&["status"]).contains("1 service not managed"));
    for line in [
        words("ipvsadm -D -t 192.0.2.10:443"),
        words("ipvsadm -C"),
        // It commits, and then cannot say what the kernel holds beside that.
        vec!["adopt".to_owned(), "tcp 192.0.2.10:443".to_owned()],
    ] {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let mut command = lab.command(&line);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        while !said.contains("waiting for process") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{line:?}: {said}");
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success(), "{line:?}: {status}");
    }
    drop(lock);
    assert_eq!(listed(&lab, "-A"), 2);
}

#[test]
fn what_is_no_file_of_this_user_alone_is_refused_with_what_to_do() {
    let lab = Lab::with_web();
    let file = lab.path("db.kernel");
    let refused = |why: &str| {
        for words in [&["show"][..], &["ipvsadm", "-C"], &["-e", "services()"]] {
            let said = lab.run(words);
            assert!(
                said.contains(&format!("db.kernel: cannot be read: {why}")),
                "{said}"
            );
            assert!(said.contains("without this file: remove it"), "{said}");
        }
    };
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, 0o600.into()).unwrap();
    refused("it is no regular file");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refused("it is a directory");
    std::fs::remove_dir(&file).unwrap();
    std::os::unix::fs::symlink(lab.path("none"), &file).unwrap();
    refused("it is a symbolic link");
    std::fs::remove_file(&file).unwrap();

    // What cannot be kept is not said to be done; who changes nothing needs no lock.
    std::fs::remove_file(lab.path("db.kernel.lock")).unwrap();
    std::fs::create_dir(lab.path("db.kernel.lock")).unwrap();
    assert!(lab.run(&["show"]).ends_with("-- status 0\n"));
    for words in [
        &["ipvsadm", "-D", "-t", "192.0.2.10:80"][..],
        &["forget", "tcp 192.0.2.10:80"],
    ] {
        let said = lab.run(words);
        assert!(said.contains("db.kernel.lock"), "{said}");
        assert!(!said.ends_with("-- status 0\n"), "{said}");
    }
}
