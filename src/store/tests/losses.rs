//! Writes that fail, files that lost something, and the mirror that has it.

use std::cell::Cell;

use super::*;

#[test]
fn a_failed_write_leaves_the_old_state() {
    for point in ["intent", "mirror", "database", "recorded"] {
        let dir = tempfile::tempdir().unwrap();
        let armed = std::rc::Rc::new(Cell::new(false));
        let arm = std::rc::Rc::clone(&armed);
        let faults: Faults = std::rc::Rc::new(move |at| {
            if arm.get() && at == point {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            Ok(())
        });
        let stores = disk(dir.path()).with_faults(faults);
        let mut store = stores.open_to_write().unwrap();
        let one = store.record(&draft("one"), &rules(3, 3)).unwrap();
        armed.set(true);
        let error = store
            .set_intent(&intent(1, 2))
            .and_then(|()| store.record(&draft("two"), &rules(4, 3)).map(drop))
            .unwrap_err();
        armed.set(false);
        assert_eq!(error.kind(), Kind::System, "{error}");
        drop(store);
        assert_eq!(stores.mirror().unwrap(), (one.id, rules(3, 3)), "{point}");

        let store = stores.open().unwrap();
        assert_eq!(store.head().unwrap(), Some(one.clone()), "{point}");
        assert_eq!(store.ruleset(one.id).unwrap(), rules(3, 3));
        // The intent stays until somebody has looked after it.
        assert_eq!(
            store.intent().unwrap().is_some(),
            point != "intent",
            "{point}"
        );
        drop(store);
        let mut store = stores.open_to_write().unwrap();
        let two = store.record(&draft("two"), &rules(5, 3)).unwrap();
        assert_eq!(two.id, SnapshotId(2));
        drop(store);
        assert_eq!(stores.check().unwrap().problems, [""; 0], "{point}");
    }
}

#[test]
fn an_intent_ends_with_its_commit_whether_it_is_removed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_to_write().unwrap();
    store.record(&draft("one"), &rules(1, 1)).unwrap();
    store.set_intent(&intent(1, 3)).unwrap();
    let path = stores.dir.join("INTENT");
    let left = std::fs::read(&path).unwrap();
    assert!(stores.settled().is_err(), "somebody holds the lock");
    drop(store);
    assert!(stores.settled().unwrap().is_none());
    let mut store = stores.open_to_write().unwrap();
    store.record(&draft("two"), &rules(2, 1)).unwrap();
    drop(store);
    assert!(!path.exists());
    let settled = stores.settled().unwrap().unwrap();
    assert_eq!(
        (settled.head, &*settled.rules),
        (SnapshotId(2), &rules(2, 1))
    );
    drop(settled);

    // As a death right behind the record leaves it.
    std::fs::write(&path, left).unwrap();
    assert!(stores.settled().unwrap().is_none());
    assert_eq!(stores.open().unwrap().intent().unwrap(), None);
    assert!(path.exists());
    assert_eq!(stores.open_to_write().unwrap().intent().unwrap(), None);
    assert!(!path.exists());
    assert!(stores.settled().unwrap().is_some());
}

#[test]
fn a_first_line_that_was_cut_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    drop(stores.open_to_write().unwrap());
    let log = stores.dir.join("mirror.log");
    let mut text = std::fs::read(&log).unwrap();
    text.extend(b"? 9000 00000000000000000000000000000000 {");
    text.extend(vec![b'x'; 4000]);
    std::fs::write(&log, text).unwrap();
    let mut store = stores.open_to_write().unwrap();
    store.record(&draft("one"), &rules(1, 1)).unwrap();
    drop(store);
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
    assert_eq!(stores.mirror().unwrap().1, rules(1, 1));
}

#[test]
fn what_is_put_right_is_left_for_a_writer_to_tell() {
    for (point, told) in [
        ("database", "ended before it was recorded"),
        ("recorded", "was taken out of the history"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        let one = stores
            .open_to_write()
            .unwrap()
            .record(&draft("one"), &rules(3, 3))
            .unwrap();
        let log = stores.dir.join("mirror.log");
        let dies = point == "database";
        let faults: Faults = std::rc::Rc::new(move |at| {
            match (at == point, dies) {
                // As a death would leave it: the line is on its way.
                (true, true) => std::panic::resume_unwind(Box::new(())),
                (true, false) => Err(std::io::ErrorKind::StorageFull.into()),
                (false, _) => Ok(()),
            }
        });
        let failing = stores.clone().with_faults(faults);
        let act = std::panic::AssertUnwindSafe(|| {
            let mut store = failing.open_to_write()?;
            store.record(&draft("two"), &rules(4, 3)).map(drop)
        });
        assert!(!matches!(std::panic::catch_unwind(act), Ok(Ok(()))));
        let before = std::fs::read(&log).unwrap();
        let store = stores.open().unwrap();
        assert_eq!(store.head().unwrap(), Some(one), "{point}");
        assert_eq!(store.snapshots().unwrap().len(), 1, "{point}");
        drop(store);
        assert_eq!(std::fs::read(&log).unwrap(), before, "{point}");
        let repairs = stores.open_to_write().unwrap().repairs();
        assert!(
            repairs.iter().any(|repair| repair.contains(told)),
            "{point}: {repairs:?}"
        );
        assert_eq!(stores.check().unwrap().problems, [""; 0], "{point}");
    }
}

#[test]
fn what_sled_left_unfinished_on_a_full_disk_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_to_write().unwrap();
    let recorded = store.record(&draft("first"), &rules(3, 2)).unwrap();
    drop(store);
    // Seen with ENOSPC at the first write of sled's snapshot (strace -e inject).
    let left = dir.path().join("db/sled/snap.00000000000019E2.generating");
    std::fs::write(&left, "").unwrap();
    assert_eq!(stores.open().unwrap().head().unwrap(), Some(recorded));
    assert!(!left.exists());
}

#[test]
fn a_database_that_lost_commits_is_refused_and_the_mirror_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("one"), &rules(3, 3))
        .unwrap();
    let old = dir.path().join("old");
    copy(&stores.dir.join("sled"), &old);
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("two"), &rules(4, 3))
        .unwrap();
    // Each of the two witnesses is enough: the count of writes, and the mirror.
    for (lost, witness, wanted) in [
        (Some(&old), true, "the last 1 of 2 writes are missing"),
        (
            Some(&old),
            false,
            "snapshot 2 was committed, but the history ends at 1",
        ),
        (None, false, "its directory sled is missing"),
    ] {
        std::fs::remove_dir_all(stores.dir.join("sled")).unwrap();
        if let Some(old) = lost {
            copy(old, &stores.dir.join("sled"));
        }
        if !witness {
            std::fs::write(stores.dir.join("LOCK"), "").unwrap();
        }
        for opened in [stores.open(), stores.open_to_write()] {
            let error = opened.err().unwrap();
            assert_eq!(
                (error.kind(), error.message().as_str()),
                (Kind::Damaged, wanted)
            );
        }
        assert_eq!(stores.mirror().unwrap(), (SnapshotId(2), rules(4, 3)));
    }
}

#[test]
fn a_mirror_that_is_lost_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("one"), &rules(3, 3))
        .unwrap();
    std::fs::remove_file(stores.dir.join("mirror.log")).unwrap();
    assert_eq!(stores.open().unwrap().repairs(), [""; 0]);
    let store = stores.open_to_write().unwrap();
    assert_eq!(
        store.repairs(),
        ["the mirror was written anew from the database"]
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(1), rules(3, 3)));
    assert_eq!(stores.open_to_write().unwrap().repairs(), [""; 0]);
}

#[test]
fn a_long_log_becomes_a_base() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_to_write().unwrap();
    let size = |name| stores.dir.join(name).metadata().map_or(0, |m| m.len());
    let long = "m".repeat(10_000);
    for round in 1..20 {
        store.record(&draft(&long), &rules(round, 1)).unwrap();
        assert!(size("mirror.log") < 90_000);
    }
    assert!(size("mirror.base") > 0 && size("mirror.log") > 0);
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(19), rules(19, 1)));
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
}

#[test]
fn a_mirror_that_lost_its_last_lines_is_no_older_state() {
    let dir = many(3);
    let stores = disk(dir.path());
    let path = stores.dir.join("mirror.log");
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    std::fs::write(&path, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    let error = stores.mirror().unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    assert_eq!(
        error.message(),
        "snapshot 3 was committed, but it ends at 2"
    );
    // The database has it, and the next one to write says so.
    let store = stores.open_to_write().unwrap();
    assert_eq!(
        store.repairs(),
        ["the mirror was written anew from the database"]
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(3), rules(3, 2)));
}

#[test]
fn a_next_that_says_nothing_blocks_neither_boot_nor_repair() {
    let dir = many(3);
    let stores = disk(dir.path());
    let next = stores.dir.join("next");
    std::fs::create_dir(&next).unwrap();
    std::fs::write(next.join("PLACE"), "old\n").unwrap();
    assert_eq!(stores.mirror().unwrap().0, SnapshotId(3));
    assert!(stores.settled().unwrap().is_some());
    let checkup = stores.check().unwrap();
    assert_eq!(checkup.problems, [""; 0]);
    assert_eq!(checkup.kept, ["damaged-next"]);

    // What a death and a damage leave together: the database went, and nothing says where to.
    std::fs::create_dir(&next).unwrap();
    std::fs::rename(stores.dir.join("sled"), next.join("sled")).unwrap();
    std::fs::write(next.join("PLACE"), "\u{1}").unwrap();
    assert_eq!(stores.mirror().unwrap().0, SnapshotId(3));
    let time = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let repaired = stores.repair(time).unwrap();
    assert!(repaired.now.is_whole());
    assert_eq!(stores.open().unwrap().head().unwrap().unwrap().id.0, 3);
    assert!(stores.dir.join("damaged-next-2/sled/db").is_file());
}

/// A mirror's log with its lines in another order; the first is the header's.
fn reorder(stores: &SledStores, order: &[usize], without_places: bool) {
    let path = stores.dir.join("mirror.log");
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<String> = log.lines().map(str::to_owned).collect();
    let ordered: String = order.iter().map(|at| format!("{}\n", lines[*at])).collect();
    let ordered = match without_places {
        false => ordered,
        true => ordered.lines().map(|line| placeless(line) + "\n").collect(),
    };
    std::fs::write(&path, ordered).unwrap();
}

/// A line as older versions wrote it: it does not say where it stands.
fn placeless(line: &str) -> String {
    let Some((state, rest)) = line.split_once(' ') else {
        return line.to_owned();
    };
    let json = rest.splitn(3, ' ').nth(2).unwrap_or_default();
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(json) else {
        return line.to_owned();
    };
    assert!(value.as_object_mut().unwrap().remove("at").is_some());
    let json = value.to_string();
    let sum = super::super::address::Address::of(&[json.as_bytes()]);
    format!("{state} {} {sum} {json}", json.len())
}

#[test]
fn lines_of_a_mirror_that_are_not_where_they_were_written_are_noticed() {
    for (order, old) in [
        (&[0, 1, 2, 3, 3][..], false),
        (&[0, 1, 2, 3, 3], true),
        (&[0, 1, 2, 2, 3], false),
        (&[0, 1, 1, 2, 3], false),
        (&[0, 1, 3, 2], false),
        (&[0, 2, 3], false),
        (&[0, 1, 3], false),
    ] {
        let dir = many(3);
        let stores = disk(dir.path());
        reorder(&stores, order, old);
        let error = stores.mirror().unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged, "{order:?}");
        assert!(stores.settled().unwrap().is_none(), "{order:?}");
        // Who reads does so from the database; the next to write makes it anew, and says so.
        assert_eq!(stores.open().unwrap().head().unwrap().unwrap().id.0, 3);
        let mut store = stores.open_to_write().unwrap();
        assert_eq!(
            store.repairs(),
            ["the mirror was written anew from the database"],
            "{order:?}"
        );
        store.record(&draft("m"), &rules(7, 1)).unwrap();
        drop(store);
        assert_eq!(stores.mirror().unwrap(), (SnapshotId(4), rules(7, 1)));
        assert_eq!(stores.check().unwrap().problems, [""; 0], "{order:?}");
    }
}

#[test]
fn lines_without_a_place_are_read_and_what_is_found_in_the_middle_is_put_right() {
    let dir = many(3);
    let stores = disk(dir.path());
    reorder(&stores, &[0, 1, 2, 3], true);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(3), rules(3, 2)));
    reorder(&stores, &[0, 2, 1, 3], false);
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::Damaged);
    let mut store = stores.open_to_write().unwrap();
    // The end fits; who records reads the rest.
    assert_eq!(store.repairs(), [""; 0]);
    store.record(&draft("m"), &rules(7, 1)).unwrap();
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(4), rules(7, 1)));
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
}
