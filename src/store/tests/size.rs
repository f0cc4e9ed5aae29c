//! How much is written, read and given back.

use std::time::Instant;

use super::*;

#[test]
fn one_server_of_ten_thousand_stores_at_most_four_kibibytes() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut wanted = rules(1000, 10);
    let mut history = stores.open_history(true).unwrap().unwrap();
    history.record(&draft("load"), &wanted).unwrap();
    let (mut most, mut all) = (0, 0);
    let before = history.table.bytes_on_disk();
    for round in 0..40 {
        reweigh(&mut wanted, round * 23, 7);
        let message = draft("~1 server in tcp 192.0.2.10:80: weight 100 -> 7");
        history.record(&message, &wanted).unwrap();
        let bytes = history.table.written + history.mirror.as_ref().unwrap().written;
        most = most.max(bytes);
        all += bytes;
    }
    let grown = history.table.bytes_on_disk() - before;
    println!(
        "payload of a commit: {} bytes, at most {most}; sled's files grew by {} a commit",
        all / 40,
        grown / 40
    );
    assert!(most <= 4096, "{most}");
}

#[test]
fn one_server_of_a_large_service_stores_one_path() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = disk(dir.path()).open_history(true).unwrap().unwrap();
    let mut wanted = rules(1, 2000);
    history.record(&draft("load"), &wanted).unwrap();
    reweigh(&mut wanted, 0, 7);
    history.record(&draft("one"), &wanted).unwrap();
    let bytes = history.table.written + history.mirror.as_ref().unwrap().written;
    assert!(bytes <= 4096, "{bytes}");
    assert_eq!(
        content::read(&&history.table, history.content(SnapshotId(2))).unwrap(),
        wanted
    );
}

#[test]
fn thousands_of_snapshots_are_listed_without_their_rulesets() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_history(true).unwrap().unwrap();
    store.fill(2000, &rules(50, 4)).unwrap();
    drop(store);
    let began = Instant::now();
    let store = stores.open().unwrap();
    let opened = began.elapsed();
    assert_eq!(store.newest(20).unwrap()[19].id, SnapshotId(1981));
    let few = began.elapsed();
    assert_eq!(store.snapshots().unwrap().len(), 2000);
    let all = began.elapsed();
    println!(
        "open {opened:?}, 20 of 2,000 {:?}, all {:?}",
        few - opened,
        all - few
    );
    assert!(all < Duration::from_secs(5), "{all:?}");
}

#[test]
fn a_prune_gives_room_back() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut wanted = rules(200, 5);
    for round in 0..150 {
        let mut store = stores.open_to_write().unwrap();
        reweigh(&mut wanted, round, 7);
        store.record(&draft("m"), &wanted).unwrap();
    }
    let mut store = stores.open_to_write().unwrap();
    let old = (1..=140).map(SnapshotId).collect();
    let (before, after) = store.prune(&old).unwrap();
    println!("140 of 150 snapshots pruned: {before} bytes before, {after} after");
    assert!(after * 2 < before, "{before} {after}");
    let error = store.ruleset(SnapshotId(140)).unwrap_err();
    assert_eq!(error.to_string(), "snapshot 140: it was pruned");
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(150), wanted));
}
