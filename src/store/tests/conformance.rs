//! What a history does, in memory as on disk.

use super::*;

fn conformance(stores: &dyn Stores) {
    let store = stores.open().unwrap();
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.snapshots().unwrap(), []);
    assert_eq!(store.intent().unwrap(), None);
    let error = store.snapshot(SnapshotId(1)).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::NotFound, "snapshot 1: there is no such snapshot")
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::NotFound);

    let (first, mut second) = (rules(20, 3), rules(20, 3));
    reweigh(&mut second, 7, 0);
    let mut store = stores.open_to_write().unwrap();
    store.set_intent(&intent(0, 1000)).unwrap();
    drop(store);
    let mut store = stores.open_to_write().unwrap();
    assert_eq!(store.intent().unwrap(), Some(intent(0, 1000)));
    store.set_intent(&intent(0, 3)).unwrap();
    assert_eq!(store.intent().unwrap(), Some(intent(0, 3)));
    let one = store.record(&draft("one"), &first).unwrap();
    assert_eq!(
        (one.id, one.parent, one.message.as_str()),
        (SnapshotId(1), None, "one")
    );
    assert_eq!(store.intent().unwrap(), None);
    let two = store.record(&draft("two"), &second).unwrap();
    assert_eq!((two.id, two.parent), (SnapshotId(2), Some(SnapshotId(1))));
    drop(store);

    let mut store = stores.open_to_write().unwrap();
    assert_eq!(store.intent().unwrap(), None);
    assert_eq!(store.head().unwrap(), Some(two.clone()));
    assert_eq!(store.snapshots().unwrap(), [two.clone(), one.clone()]);
    assert_eq!(store.newest(1).unwrap()[0], two);
    assert_eq!(store.ruleset(one.id).unwrap(), first);
    assert_eq!(store.ruleset(two.id).unwrap(), second);
    let key = first.services.keys().nth(7).unwrap();
    assert_eq!(
        store.service(two.id, key).unwrap().as_ref(),
        second.services.get(key)
    );
    assert_eq!(
        store
            .service(two.id, &ServiceKey::parse("fwmark 1").unwrap())
            .unwrap(),
        None
    );
    let (a, b) = store.differing(one.id, two.id).unwrap();
    assert_eq!(a.differences(&b), first.differences(&second));
    let hint = "the snapshots are 1 to 2 (ipvsh history)";
    assert_eq!(store.ruleset(SnapshotId(3)).unwrap_err().hints(), [hint]);

    store.set_tag("good", one.id).unwrap();
    store.set_tag("before", one.id).unwrap();
    store.set_tag("good", two.id).unwrap();
    assert_eq!(
        store.set_tag("x", SnapshotId(9)).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(store.tagged("good").unwrap(), Some(two.id));
    assert_eq!(store.tagged("none").unwrap(), None);
    assert_eq!(store.head().unwrap().unwrap().tags, ["good"]);
    assert_eq!(store.snapshots().unwrap()[1].tags, ["before"]);
    assert!(store.remove_tag("before").unwrap());
    assert!(!store.remove_tag("before").unwrap());
    store.set_intent(&intent(2, 2)).unwrap();
    store.clear_intent().unwrap();
    store.clear_intent().unwrap();
    for kept in [one.id, two.id] {
        store.set_tag("kept", one.id).unwrap();
        assert_eq!(store.prune(&[kept].into()).unwrap_err().kind(), Kind::State);
    }
    assert_eq!(
        store.prune(&[SnapshotId(9)].into()).unwrap_err().kind(),
        Kind::NotFound
    );
    assert!(store.remove_tag("kept").unwrap());
    assert_eq!(stores.open().err().map(|e| e.kind()), Some(Kind::Busy));
    drop(store);

    let mut store = stores.open().unwrap();
    assert_eq!(store.intent().unwrap(), None);
    assert_eq!(store.snapshot(one.id).unwrap().tags, [""; 0]);
    assert_eq!(store.repairs(), [""; 0]);
    assert_eq!(
        store.record(&draft("three"), &first).unwrap_err().kind(),
        Kind::Bug
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (two.id, second.clone()));

    let mut store = stores.open_to_write().unwrap();
    for round in 3..7 {
        store.record(&draft("m"), &rules(round, 3)).unwrap();
    }
    store.set_tag("kept", SnapshotId(2)).unwrap();
    let old = [1, 3, 4].map(SnapshotId);
    store.prune(&old.into()).unwrap();
    drop(store);
    let mut store = stores.open_to_write().unwrap();
    let left: Vec<u64> = store.snapshots().unwrap().iter().map(|s| s.id.0).collect();
    assert_eq!(left, [6, 5, 2]);
    assert_eq!(store.newest(3).unwrap().len(), 3);
    assert_eq!(store.ruleset(SnapshotId(2)).unwrap(), second);
    assert_eq!(store.ruleset(SnapshotId(5)).unwrap(), rules(5, 3));
    let error = store.ruleset(SnapshotId(3)).unwrap_err();
    assert_eq!(error.hints(), ["the snapshots are 2 to 6 (ipvsh history)"]);
    assert_eq!(
        store.prune(&[SnapshotId(3)].into()).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(store.record(&draft("m"), &first).unwrap().id, SnapshotId(7));
}

#[test]
fn memory_conforms() {
    conformance(&MemoryStores::new());
}

#[test]
fn sled_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance(&disk(dir.path()));
    assert_eq!(disk(dir.path()).check().unwrap().problems, [""; 0]);
}

#[test]
fn a_dry_run_begins_at_the_head_and_leaves_it() {
    let dir = tempfile::tempdir().unwrap();
    let real = disk(dir.path());
    let mut store = real.open_to_write().unwrap();
    store.record(&draft("one"), &rules(2, 1)).unwrap();
    store.record(&draft("two"), &rules(3, 1)).unwrap();
    store.set_tag("good", SnapshotId(1)).unwrap();
    drop(store);
    let dry = MemoryStores::over(std::rc::Rc::new(real.clone())).unwrap();
    let mut store = dry.open_to_write().unwrap();
    assert_eq!(store.tagged("good").unwrap(), Some(SnapshotId(1)));
    assert_eq!(store.ruleset(SnapshotId(1)).unwrap(), rules(2, 1));
    assert_eq!(
        store.record(&draft("three"), &rules(4, 1)).unwrap().id,
        SnapshotId(3)
    );
    assert_eq!(
        real.open().unwrap().head().unwrap().unwrap().id,
        SnapshotId(2)
    );

    let head = real.open().unwrap().head().unwrap().unwrap();
    let dry = MemoryStores::from_history(head, rules(3, 1));
    let next = dry
        .open_to_write()
        .unwrap()
        .record(&draft("three"), &rules(4, 1))
        .unwrap();
    assert_eq!((next.id, next.parent), (SnapshotId(3), Some(SnapshotId(2))));
}

#[test]
fn events_are_kept_in_order_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let event = |number: usize| Event {
        time: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        head: None,
        message: format!("event {number}"),
    };
    let mut store = stores.open_to_write().unwrap();
    for number in 0..110 {
        store.note(&event(number)).unwrap();
    }
    drop(store);
    let events = stores.open().unwrap().events().unwrap();
    assert_eq!(events, (10..110).map(event).collect::<Vec<_>>());
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
}
