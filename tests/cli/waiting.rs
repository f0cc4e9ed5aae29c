//! A command that waits for another process says so.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::lab::Lab;

#[test]
fn a_wait_for_another_process_is_not_mute() {
    let lab = Lab::with_web();
    let lock = File::open(lab.database().join("LOCK")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let mut command = lab.command(&["history"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    drop(lock);
    let said = waiting.wait_with_output().unwrap();
    let err = String::from_utf8(said.stderr).unwrap();
    let begin = format!("waiting for process {} (", std::process::id());
    assert!(
        err.starts_with(&begin) && err.contains(", since 20"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "once: {err}");
    assert!(said.status.success());
    assert_eq!(
        lab.said(&["history"]).err,
        "",
        "nothing where there is no wait"
    );
}
