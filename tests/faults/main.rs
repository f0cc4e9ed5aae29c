//! Deaths, errors, short writes and a full disk at every call that a command makes on the files of
//! its database, one after the other: the history ends in the old state or the new one, what was
//! reported is so, and the next commands go on.
//!
//! At each call the program dies once, and once something else goes wrong there; what, is drawn
//! from `IPVSH_INJECT_SEED`, which is printed. `IPVSH_INJECT_ALL=1` walks all of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may give up

mod shim;
mod walk;

use walk::Case;

const FIRST: &str = r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11", "10.0.0.12"] })"#;
const SECOND: &str = r#"
    tcp("192.0.2.11:80", #{ scheduler: "rr", servers: ["10.0.0.13"] });
    find("192.0.2.10:80").find("10.0.0.11:80").set(#{ weight: 5 });
    timeouts(#{ udp: 99 });"#;
const THIRD: &str = r#"remove(find("192.0.2.10:80"), "10.0.0.12:80")"#;

/// A history of two snapshots.
const TWO: &[&[&str]] = &[&["-e", FIRST], &["-e", SECOND]];

#[test]
fn the_first_commit() {
    Case::new(&[], &["-e", FIRST]).walk();
}

#[test]
fn a_commit() {
    Case::new(TWO, &["-e", THIRD]).walk();
}

#[test]
fn a_commit_whose_log_becomes_a_base() {
    // Lines of the mirror's log worth 64 KiB, but for a little.
    let many = r#"for n in 1..=170 { tcp(`192.0.2.${n}:443`, #{ servers: ["10.0.0.11", "10.0.0.12", "10.0.0.13"] }) }"#;
    let more = r#"for n in 1..=9 { tcp(`192.0.2.${n}:8443`, #{ servers: ["10.0.0.11", "10.0.0.12", "10.0.0.13"] }) }"#;
    let case = Case::new(&[&["-e", many]], &["-e", more]);
    case.meets("rename mirror.base.new").walk();
}

#[test]
fn a_rollback() {
    Case::new(TWO, &["rollback", "1"]).walk();
}

#[test]
fn a_commit_to_be_confirmed() {
    Case::new(TWO, &["--confirm", "3600", "-e", THIRD])
        .meets("rename PENDING.new")
        .walk();
}

#[test]
fn a_confirmation() {
    Case::new(
        &[TWO[0], TWO[1], &["--confirm", "3600", "-e", THIRD]],
        &["confirm"],
    )
    .walk();
}

#[test]
fn a_rollback_of_what_awaits_confirmation() {
    Case::new(
        &[TWO[0], TWO[1], &["--confirm", "3600", "-e", THIRD]],
        &["rollback", "-y"],
    )
    .walk();
}

#[test]
fn a_rollback_of_what_was_not_confirmed_in_time() {
    Case::new(
        &[TWO[0], TWO[1], &["--confirm", "1", "-e", THIRD]],
        &["restore"],
    )
    .late()
    .walk();
}

#[test]
fn a_tag() {
    Case::new(TWO, &["tag", "1", "before"]).walk();
}

#[test]
fn a_prune() {
    Case::new(
        &[TWO[0], TWO[1], &["-e", THIRD]],
        &["prune", "--keep", "1", "-y"],
    )
    .meets("rename building")
    .walk();
}

#[test]
fn a_repair() {
    Case::new(TWO, &["fsck", "--repair", "-y"])
        .without("sled")
        .walk();
}

#[test]
fn a_look() {
    Case::new(TWO, &["status"]).walk();
}
