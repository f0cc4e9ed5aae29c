//! Another program at work on the same table, seen on the kernel: the real ipvsadm between our look
//! and our step, before a recovery, while a confirmation is awaited.

use std::time::Duration;

use crate::confirm::within;
use crate::director::Director;

const OURS: &str = r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.1"] })"#;

/// Makes a service of another tool, with a server at weight 7.
fn others_make(director: &Director) {
    director.ipvsadm("-A -t 192.0.2.10:80 -s rr");
    director.ipvsadm("-a -t 192.0.2.10:80 -r 10.9.9.9:80 -m -w 7");
}

const THEIRS: &str = "-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 10.9.9.9:80 -m -w 7\n";

#[test]
fn a_service_that_somebody_makes_before_our_step_stays() {
    let director = Director::alone();
    // Stops before its first step, until the other tool has made the service.
    let commit = director.start_with_fault("stop-before-step=1", &["-e", OURS]);
    Director::wait_until_stopped(&commit);
    others_make(&director);
    assert_eq!(Director::resume(commit), Some(4));
    assert_eq!(director.ipvsadm("-Sn"), THEIRS);
    assert_eq!(director.history().len(), 0);
}

#[test]
fn nor_does_a_restore_or_a_recovery_take_it_away() {
    let director = Director::alone();
    director.ipvsh(&["-e", OURS]).ended(0);
    director.ipvsadm("-C");
    let restore = director.start_with_fault("stop-before-step=1", &["restore"]);
    Director::wait_until_stopped(&restore);
    others_make(&director);
    assert_eq!(Director::resume(restore), Some(4));
    assert_eq!(director.ipvsadm("-Sn"), THEIRS);

    // Killed in the middle of a commit; then another tool makes what that had made.
    director.ipvsadm("-C");
    let killed = director.ipvsh_with_fault(
        "kill-before-step=1",
        &["-e", r#"tcp("192.0.2.77:80", #{ servers: ["10.0.0.1"] })"#],
    );
    assert_eq!(killed.status, -1);
    director.ipvsadm("-A -t 192.0.2.77:80 -s sh");
    director.ipvsadm("-a -t 192.0.2.77:80 -r 10.9.9.9:80 -m -w 7");
    let tag = director.ipvsh(&["tag", "1", "x"]).ended(0);
    assert!(
        tag.err.contains("did not finish: it was undone"),
        "{}",
        tag.err
    );
    assert!(
        tag.err
            .contains("virtual service tcp 192.0.2.77:80 stays as the kernel has it"),
        "{}",
        tag.err
    );
    assert_eq!(
        director.ipvsadm("-Sn"),
        "-A -t 192.0.2.77:80 -s sh\n-a -t 192.0.2.77:80 -r 10.9.9.9:80 -m -w 7\n"
    );
}

#[test]
fn the_undo_that_is_printed_brings_back_what_was_there() {
    let director = Director::alone();
    director.ipvsadm("-A -t 192.0.2.50:443 -s wlc");
    director.ipvsadm("-a -t 192.0.2.50:443 -r 10.5.5.1:443 -m -w 3");
    director.ipvsadm("-a -t 192.0.2.50:443 -r 10.5.5.2:443 -m -w 0");
    let before = director.ipvsadm("-Sn");
    let add = r#"find("192.0.2.50:443").server("10.5.5.6", #{ forward: "masq" })"#;
    let said = director.ipvsh(&["-e", add]).ended(0);
    assert!(director.ipvsadm("-Sn").contains("10.5.5.6"));
    let undo = said.out.split("Undo: ipvsh ").nth(1).unwrap().trim();
    assert_eq!(undo, "revert 1");
    director
        .ipvsh(&undo.split(' ').collect::<Vec<_>>())
        .ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);

    // A removal of theirs, too.
    let said = director
        .ipvsh(&["-m", "gone", "-e", r#"remove("tcp 192.0.2.50:443")"#])
        .ended(0);
    assert_eq!(director.ipvsadm("-Sn"), "");
    assert_eq!(director.history()[0]["message"], "gone");
    let undo = said.out.split("Undo: ipvsh ").nth(1).unwrap().trim();
    director
        .ipvsh(&undo.split(' ').collect::<Vec<_>>())
        .ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);
}

#[test]
fn timeouts_return_to_what_was_there() {
    let director = Director::alone();
    director.ipvsadm("--set 3600 120 300");
    director.ipvsh(&["-e", "timeouts(#{ tcp: 600 })"]).ended(0);
    director.ipvsh(&["-e", "clear()"]).ended(0);
    assert!(
        director.ipvsadm("-L --timeout").contains("3600 120 300"),
        "{}",
        director.ipvsadm("-L --timeout")
    );
}

/// A sync daemon of the head whose interface is gone, a checker's weight 0 and a service that an
/// operator removed: none of it is in the way of a deadline, and none is put back.
#[test]
fn a_deadline_takes_back_its_own_commit_and_nothing_else() {
    let director = Director::alone();
    director
        .exec("ip", &["link", "add", "sync0", "type", "dummy"])
        .ended(0);
    director
        .exec("ip", &["link", "set", "sync0", "up"])
        .ended(0);
    let head = r#"
        tcp("192.0.2.1:80", #{ forward: "masq", servers: ["10.0.0.1", "10.0.0.2"] });
        tcp("192.0.2.2:80", #{ forward: "masq", servers: ["10.0.0.1"] });
        sync_daemon("master", #{ interface: "sync0", id: 5 });
    "#;
    director.ipvsh(&["-e", head]).ended(0);
    director.ipvsadm("--stop-daemon master");
    director.exec("ip", &["link", "del", "sync0"]).ended(0);
    let more = r#"find("192.0.2.1:80").server("10.0.0.3", #{ forward: "masq" })"#;
    director.ipvsh(&["--confirm", "3", "-e", more]).ended(0);
    director.ipvsadm("-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0");
    director.ipvsadm("-D -t 192.0.2.2:80");
    within(60, "rolled back", || director.history().len() == 3);
    assert_eq!(
        director.ipvsadm("-Sn"),
        "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n-a -t 192.0.2.1:80 \
         -r 10.0.0.2:80 -m -w 0\n"
    );
    assert_eq!(
        director.history()[0]["message"],
        "rollback to 1 (not confirmed)"
    );
    // Commands go on as ever.
    director.ipvsh(&["-e", "timeouts(#{ udp: 200 })"]).ended(0);
}

#[test]
fn a_database_that_is_moved_away_does_not_keep_a_commit() {
    let director = Director::alone();
    director.ipvsh(&["-e", OURS]).ended(0);
    let before = director.ipvsadm("-Sn");
    let change = r#"find("192.0.2.10:80").set(#{ scheduler: "sh" })"#;
    director.ipvsh(&["--confirm", "4", "-e", change]).ended(0);
    std::thread::sleep(Duration::from_secs(2));
    let away = director.database().with_extension("away");
    std::fs::rename(director.database(), &away).unwrap();
    within(60, "rolled back", || director.ipvsadm("-Sn") == before);
    assert!(!director.database().exists());
    std::fs::rename(&away, director.database()).unwrap();
    let said = director.ipvsh(&["restore"]).ended(0);
    assert!(
        said.err.contains("snapshot 2 was not confirmed in time"),
        "{}",
        said.err
    );
    assert_eq!(director.ipvsadm("-Sn"), before);
}

#[test]
fn a_container_that_is_started_anew_is_not_held_up() {
    let first = Director::alone();
    first.ipvsh(&["-e", OURS]).ended(0);
    let killed = first.ipvsh_with_fault(
        "kill-after-step=1",
        &["-e", r#"tcp("192.0.2.77:80", #{ servers: ["10.0.0.1"] })"#],
    );
    assert_eq!(killed.status, -1);
    let second = Director::alone();
    let db = second.database();
    copy(&first.database(), &db);
    // While the first namespace is there, it is to be visited.
    let said = second.ipvsh(&["restore"]).ended(1);
    assert!(
        said.err.contains("in another network namespace"),
        "{}",
        said.err
    );
    drop(first);
    let said = second.ipvsh(&["restore"]).ended(0);
    assert!(
        said.err
            .contains("was cut off by the end of its network namespace"),
        "{}",
        said.err
    );
    assert!(second.ipvsadm("-Sn").contains("192.0.2.10:80"));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status();
    assert!(status.unwrap().success());
}
