//! A prune and a repair that are cut anywhere.

use std::cell::Cell;

use super::*;

/// Rulesets by snapshot, as the history shows them.
fn all_rulesets(stores: &SledStores) -> Vec<(SnapshotId, Ruleset)> {
    let store = stores.open().unwrap();
    let ids = store.snapshots().unwrap().into_iter().map(|one| one.id);
    ids.map(|id| (id, store.ruleset(id).unwrap())).collect()
}

/// Does something at every point once with a write that fails there, and once with a death, until
/// no point is met any more; gives how often it was.
fn with_every_fault(
    prepare: &dyn Fn() -> tempfile::TempDir,
    act: &dyn Fn(SledStores) -> Result<()>,
    check: &dyn Fn(&SledStores, bool),
) -> usize {
    struct Died;
    for number in 1.. {
        for dies in [false, true] {
            let dir = prepare();
            let left = std::rc::Rc::new(Cell::new(number));
            let counter = std::rc::Rc::clone(&left);
            let faults: Faults = std::rc::Rc::new(move |_| {
                counter.set(counter.get() - 1);
                match (counter.get(), dies) {
                    (0, true) => std::panic::resume_unwind(Box::new(Died)),
                    (0, false) => Err(std::io::ErrorKind::StorageFull.into()),
                    _ => Ok(()),
                }
            });
            let stores = disk(dir.path()).with_faults(faults);
            let act = std::panic::AssertUnwindSafe(|| act(stores));
            let done = matches!(std::panic::catch_unwind(act), Ok(Ok(())));
            assert_eq!(done, left.get() > 0, "a failed write was not told");
            check(&disk(dir.path()), done);
            if left.get() > 0 {
                return number as usize - 1;
            }
        }
    }
    0
}

#[test]
fn a_prune_that_is_cut_anywhere_was_done_or_was_not() {
    let old: Vec<u64> = vec![5, 4, 3, 2, 1];
    let met = with_every_fault(
        &|| many(5),
        &|stores| {
            let mut store = stores.open_to_write()?;
            store.prune(&[1, 3].map(SnapshotId).into()).map(drop)
        },
        &|stores, done| {
            let all = all_rulesets(stores);
            let ids: Vec<u64> = all.iter().map(|(id, _)| id.0).collect();
            assert!(ids == [5, 4, 2] || (!done && ids == old), "{ids:?}");
            for (id, found) in all {
                assert_eq!(found, rules(id.0 as u32, 2));
            }
            assert_eq!(stores.mirror().unwrap().0, SnapshotId(5));
            let checkup = stores.check().unwrap();
            assert_eq!((checkup.problems, checkup.kept), (vec![], vec![]));
            let mut store = stores.open_to_write().unwrap();
            let next = store.record(&draft("m"), &rules(6, 2)).unwrap();
            assert_eq!(
                (next.id, store.tagged("good").unwrap()),
                (SnapshotId(6), Some(SnapshotId(2)))
            );
        },
    );
    assert!(met >= 9, "{met}");
}

#[test]
fn a_repair_that_is_cut_anywhere_was_done_or_was_not() {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let met = with_every_fault(
        &|| {
            let dir = many(5);
            let path = dir.path().join("db/sled/db");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[..4096].fill(0);
            std::fs::write(path, bytes).unwrap();
            dir
        },
        &|stores| stores.repair(time).map(drop),
        &|stores, done| {
            // The rules can be had whatever happens to the repair.
            assert_eq!(stores.mirror().unwrap(), (SnapshotId(5), rules(5, 2)));
            let damaged = !stores.check().unwrap().is_whole();
            assert!(!(done && damaged));
            if damaged {
                assert!(stores.repair(time).unwrap().losses.snapshots.is_empty());
            }
            let checkup = stores.check().unwrap();
            assert_eq!(checkup.problems, [""; 0]);
            assert_eq!(checkup.kept, ["damaged-2027-01-15T08-00-00"]);
            assert_eq!(all_rulesets(stores).len(), 5);
        },
    );
    assert!(met >= 8, "{met}");
}
