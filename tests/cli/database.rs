//! Looking after the database: `fsck` and `prune`.

use insta::assert_snapshot;
use serde_json::Value;

use super::lab::{Lab, WEB};

/// A lab with five snapshots: two of the service, then three of a weight.
fn lab() -> Lab {
    let lab = Lab::with_web();
    for weight in [2, 3, 4, 5] {
        let code =
            format!(r#"find("192.0.2.10:80").find("10.0.0.11:80").set(#{{ weight: {weight} }})"#);
        lab.ok(&["-e", &code]);
    }
    lab.ok(&["tag", "2", "good"]);
    lab
}

#[test]
fn a_prune_removes_what_is_old_and_nothing_that_is_needed() {
    let lab = lab();
    assert_snapshot!(lab.run(&["prune", "--keep", "2", "--plan"]), @r"
    kept whatever its age: 2 (tag good)
    snapshots 1, 3 would be removed (2); 3 left
    -- status 0
    ");
    assert_snapshot!(lab.run(&["prune", "--older-than", "1h"]), @r"
    nothing to remove
    -- status 0
    ");
    let said = lab.said(&["prune", "--keep", "2"]);
    assert_eq!(said.status, 0, "{}", said.err);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0], "kept whatever its age: 2 (tag good)");
    assert_eq!(lines[1], "snapshots 1, 3 removed (2); 3 left");
    assert!(lines[2].starts_with("the database took "), "{}", said.out);

    let left: Value = serde_json::from_str(&lab.said(&["history", "--json"]).out).unwrap();
    let ids: Vec<_> = left
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [5, 4, 2]);
    let noted = left[0]["events"][0]["message"].as_str().unwrap();
    assert!(
        noted.starts_with("snapshots 1, 3 were pruned by "),
        "{noted}"
    );
    let told = lab.ok(&["history", "-p"]);
    assert!(told.contains("weight 4 -> 5"), "{told}");
    assert_snapshot!(lab.run(&["rollback", "3"]), @r"
    -- stderr
    Error: snapshot 3: it was pruned
    Hint: the snapshots are 2 to 5 (ipvsh --sim history)
    -- status 1
    ");
    lab.ok(&["rollback", "good"]);
    assert!(
        lab.run(&["fsck"])
            .contains("records   4 snapshots, head 6, 1 tag, 1 event")
    );
}

#[test]
fn a_prune_must_be_told_what_stays() {
    let lab = Lab::with_web();
    for args in [
        &["prune"][..],
        &["prune", "--keep", "0"],
        &["prune", "--older-than", "5"],
    ] {
        assert_eq!(lab.said(args).status, 2, "{args:?}");
    }
}

#[test]
fn a_check_of_a_whole_database_says_so_and_changes_nothing() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["fsck"]), @r"
    -- stderr
    Error: database LAB/db: there is no database yet
    Hint: the first commit makes it; name another: --db DIR (IPVSH_DB)
    -- status 1
    ");
    lab.ok(&["-e", WEB]);
    std::fs::write(lab.database().join("letter"), "x").unwrap();
    let said = lab.said(&["fsck"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].contains(", made by ipvsh "), "{}", said.out);
    assert_eq!(
        &lines[1..],
        [
            "records   1 snapshot, head 1, 0 tags, 0 events, 1 piece of rulesets, 1 write",
            "mirror    snapshot 1",
            "note      letter is not ipvsh's",
            "whole     every file and every checksum is as it should be",
        ],
    );
}

#[test]
fn a_damaged_database_is_repaired_and_the_damage_kept() {
    let lab = lab();
    lab.damage();
    let refused = lab.said(&["-e", WEB]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.err.contains("ipvsh --sim fsck --repair"),
        "{}",
        refused.err
    );
    // Boot needs the mirror only; where that is not sure of itself, it says so.
    let said = lab.said(&["restore"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    let lock = lab.database().join("LOCK");
    let witness = std::fs::read(&lock).unwrap();
    std::fs::write(&lock, "").unwrap();
    let said = lab.said(&["restore"]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(
        said.err.contains("restored from its mirror, snapshot 5"),
        "{}",
        said.err
    );
    std::fs::write(&lock, witness).unwrap();

    let found = lab.said(&["fsck"]);
    assert_eq!(found.status, 1);
    assert!(
        found
            .out
            .contains("damage    sled finds its files corrupted"),
        "{}",
        found.out
    );
    assert!(
        found.err.contains("it is damaged: 1 problem"),
        "{}",
        found.err
    );
    let unasked = lab.said(&["fsck", "--repair"]);
    assert_eq!(unasked.status, 1);
    assert!(
        unasked.err.contains("nobody can be asked: add -y"),
        "{}",
        unasked.err
    );

    let repaired = lab.said(&["fsck", "--repair", "-y"]);
    assert_eq!(repaired.status, 0, "{}", repaired.err);
    let lines: Vec<&str> = repaired.out.lines().rev().take(3).collect();
    assert!(
        lines[0].starts_with("the damaged files are kept in "),
        "{}",
        repaired.out
    );
    assert_eq!(lines[1], "nothing was lost");
    assert_eq!(
        lines[2],
        "repaired: 5 snapshots, snapshot 5 is the head, verified"
    );
    assert_eq!(lab.said(&["fsck"]).status, 0);
    let told = lab.said(&["history"]).out;
    assert!(
        told.contains("the database was damaged and was rebuilt"),
        "{told}"
    );
    lab.ok(&["rollback", "good"]);
    let report = lab.said(&["fsck", "--json"]);
    let report: Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(
        (&report["whole"], &report["mirror"]),
        (&true.into(), &6.into())
    );
    assert_eq!(report["kept"].as_array().unwrap().len(), 1);
}

#[test]
fn a_database_without_its_marker_is_known_by_its_mirror() {
    let lab = Lab::with_web();
    std::fs::remove_file(lab.database().join("FORMAT")).unwrap();
    let refused = lab.said(&["history"]);
    assert!(
        refused.err.contains("ipvsh --sim fsck knows"),
        "{}",
        refused.err
    );
    lab.ok(&["fsck", "--repair", "-y"]);
    lab.ok(&["rollback", "1"]);
    // That of another version is no damage, and is left alone.
    let marker = "ipvsh 2 sled-1.0 sim\nmade by ipvsh 3.1.4\n";
    std::fs::write(lab.database().join("FORMAT"), marker).unwrap();
    for args in [&["history"][..], &["fsck"], &["fsck", "--repair", "-y"]] {
        let said = lab.said(args);
        assert_eq!(said.status, 1);
        assert!(
            said.err
                .contains("format 2 on sled-1.0, made by ipvsh 3.1.4"),
            "{}",
            said.err
        );
    }
}
