//! A head that awaits confirmation: what is stored with it, and the head on disk's own part.
//!
//! The record of such a snapshot says until when it may stand, and where the ruleset is that the
//! kernel returns to otherwise; the manifest says that it still waits. Whether its time is over is
//! not decided here: the store knows no clock.

use serde::{Deserialize, Serialize};

use super::cannot_prune;
use super::content;
use super::history::History;
use super::mirror::State;
use super::notice;
use super::record::Manifest;
use crate::error::{Error, Kind, Result};
use crate::kernel::Place;
use crate::model::{Ruleset, SnapshotId};

/// How a commit is to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Where it was made: in another boot nothing of it is left.
    pub place: Place,
    /// When its time is over: CLOCK_BOOTTIME, in milliseconds.
    pub deadline: u64,
    /// How many seconds it was given.
    pub seconds: u32,
}

/// The head, while it awaits confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its number.
    pub id: SnapshotId,
    /// The snapshot that it rolls back to; `None` where it is the first: to nothing.
    pub parent: Option<SnapshotId>,
    /// How it is to be confirmed.
    pub confirm: Confirm,
}

impl Pending {
    /// Refuses to prune what the head may have to roll back to.
    pub(super) fn check_prune(&self, id: SnapshotId) -> Result<()> {
        match self.parent == Some(id) {
            true => Err(cannot_prune(
                id,
                &format!(
                    "is what snapshot {} rolls back to unless confirmed",
                    self.id
                ),
            )
            .hint("ipvsh confirm keeps that one; ipvsh rollback takes it back")),
            false => Ok(()),
        }
    }
}

/// What the mirror holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The head.
    pub id: SnapshotId,
    /// Its ruleset.
    pub rules: Ruleset,
    /// What stood before it, where it awaits confirmation.
    pub unconfirmed: Option<Unconfirmed>,
}

/// What an unconfirmed head replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The head's confirmation, and its parent.
    pub pending: Pending,
    /// The parent's ruleset; empty without one.
    pub rules: Ruleset,
    /// What the kernel is to hold again, in the boot in which it was changed.
    pub back: Ruleset,
}

/// Nothing awaits confirmation.
pub(super) fn none() -> Error {
    Error::new(Kind::State, "nothing awaits confirmation")
}

impl History {
    /// The head, while it awaits confirmation.
    pub(super) fn pending_head(&self) -> Option<Pending> {
        let head = self.head.as_ref().filter(|_| self.manifest.pending)?;
        Some(Pending {
            id: head.snapshot.id,
            parent: head.snapshot.parent,
            confirm: head.confirm.clone()?,
        })
    }

    /// What the kernel is to hold again without the head.
    pub(super) fn rules_of_return(&self) -> Result<Ruleset> {
        let pending = self.pending_head().ok_or_else(none)?;
        if let Some(back) = self.record_of(pending.id)?.back {
            return content::read(&&self.table, back);
        }
        match pending.parent {
            Some(parent) => content::read(&&self.table, self.record_of(parent)?.content),
            None => Ok(Ruleset::default()),
        }
    }

    /// Says whether a snapshot awaits confirmation.
    pub(super) fn awaits(&self, id: SnapshotId) -> bool {
        self.manifest.pending && self.manifest.head == Some(id)
    }

    /// Lets the head stand: in the database first, whose word counts.
    pub(super) fn confirm_head(&mut self) -> Result<()> {
        self.check_writable()?;
        if !self.manifest.pending {
            return Ok(());
        }
        let manifest = Manifest {
            pending: false,
            ..self.manifest.clone()
        };
        self.fault("keep")?;
        self.apply(Vec::new(), manifest)?;
        self.post_notice();
        self.fault("kept")?;
        match &mut self.mirror {
            Some(mirror) => mirror.mark(State::Kept, true),
            None => Ok(()),
        }
    }

    /// Makes the notice say what the manifest does; where it cannot, who waits opens the history.
    pub(super) fn post_notice(&self) {
        notice::write(&self.dir, self.pending_head().as_ref());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::rc::Rc;

    use super::*;
    use crate::store::tests::{disk, draft, reweigh, rules};
    use crate::store::{MemoryStores, SledStores, Stores};

    fn confirm() -> Confirm {
        Confirm {
            place: Place {
                boot: "b".to_owned(),
                namespace: "net:[1]".to_owned(),
            },
            deadline: 12_345,
            seconds: 300,
        }
    }

    fn pending() -> Pending {
        Pending {
            id: SnapshotId(2),
            parent: Some(SnapshotId(1)),
            confirm: confirm(),
        }
    }

    /// The rules of snapshot 1, those of 2, which awaits confirmation, and those to return to.
    fn versions() -> (Ruleset, Ruleset, Ruleset) {
        let first = rules(20, 3);
        let (mut second, mut back) = (first.clone(), rules(21, 2));
        back.services.extend(first.services.clone());
        reweigh(&mut second, 7, 0);
        (first, second, back)
    }

    fn record(stores: &dyn Stores) {
        let (first, second, back) = versions();
        let mut store = stores.open_to_write().unwrap();
        store.record(&draft("one"), &first).unwrap();
        let made = store
            .record_unconfirmed(&draft("two"), &second, &confirm(), &back)
            .unwrap();
        assert_eq!(made.id, SnapshotId(2));
    }

    fn check_pending(stores: &dyn Stores) {
        let (first, second, back) = versions();
        let store = stores.open_to_write().unwrap();
        assert_eq!(store.pending().unwrap(), Some(pending()));
        assert_eq!(store.back().unwrap(), back);
        drop(store);
        assert_eq!(stores.notice(), Some(pending()));
        let mirrored = stores.mirrored().unwrap();
        assert_eq!((mirrored.id, mirrored.rules), (SnapshotId(2), second));
        let unconfirmed = mirrored.unconfirmed.unwrap();
        assert_eq!(unconfirmed.pending, pending());
        assert_eq!((unconfirmed.rules, unconfirmed.back), (first, back));
    }

    fn check_kept(stores: &dyn Stores) {
        let store = stores.open_to_write().unwrap();
        assert_eq!(
            store.head().unwrap().map(|head| head.id),
            Some(SnapshotId(2))
        );
        assert_eq!(store.pending().unwrap(), None);
        assert_eq!(store.back().unwrap_err().kind(), Kind::State);
        drop(store);
        assert_eq!(stores.notice(), None);
        let mirrored = stores.mirrored().unwrap();
        assert_eq!(mirrored.id, SnapshotId(2));
        assert_eq!(mirrored.unconfirmed, None);
    }

    fn conformance(stores: &dyn Stores) {
        assert_eq!(stores.notice(), None);
        record(stores);
        check_pending(stores);
        let mut store = stores.open_to_write().unwrap();
        let error = store.prune(&BTreeSet::from([SnapshotId(1)])).unwrap_err();
        assert_eq!(error.kind(), Kind::State);
        store.keep().unwrap();
        drop(store);
        check_kept(stores);
        // Another one, which a rollback ends.
        let (first, _, back) = versions();
        let mut store = stores.open_to_write().unwrap();
        store
            .record_unconfirmed(&draft("three"), &first, &confirm(), &back)
            .unwrap();
        store.record(&draft("four"), &back).unwrap();
        assert_eq!(store.pending().unwrap(), None);
        drop(store);
        assert_eq!(stores.notice(), None);
        assert_eq!(stores.mirrored().unwrap().unconfirmed, None);
    }

    #[test]
    fn a_confirmation_is_awaited_alike_in_memory_and_on_disk() {
        conformance(&MemoryStores::new());
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        conformance(&stores);
        assert_eq!(stores.check().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn the_first_one_returns_to_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        let mut store = stores.open_to_write().unwrap();
        let nothing = Ruleset::default();
        store
            .record_unconfirmed(&draft("one"), &rules(3, 1), &confirm(), &nothing)
            .unwrap();
        assert_eq!(store.back().unwrap(), nothing);
        drop(store);
        for _ in 0..2 {
            let unconfirmed = stores.mirrored().unwrap().unconfirmed.unwrap();
            assert_eq!(unconfirmed.pending.parent, None);
            assert_eq!(
                (unconfirmed.rules, unconfirmed.back),
                (nothing.clone(), nothing.clone())
            );
            // And again where it is written anew.
            std::fs::remove_file(stores.dir.join("mirror.log")).unwrap();
            stores.open_to_write().unwrap();
        }
    }

    #[test]
    fn pruning_leaves_what_the_head_returns_to() {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        let mut store = stores.open_to_write().unwrap();
        store.record(&draft("zero"), &rules(3, 1)).unwrap();
        let (first, second, back) = versions();
        store.record(&draft("one"), &first).unwrap();
        store
            .record_unconfirmed(&draft("two"), &second, &confirm(), &back)
            .unwrap();
        store.prune(&BTreeSet::from([SnapshotId(1)])).unwrap();
        assert_eq!(store.back().unwrap(), back);
        drop(store);
        assert_eq!(stores.check().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn a_mirror_that_is_lost_is_written_anew_with_the_parent_apart() {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        record(&stores);
        for name in ["mirror.base", "mirror.log", "PENDING"] {
            let _ = std::fs::remove_file(stores.dir.join(name));
        }
        assert!(stores.mirrored().is_err());
        check_pending(&stores);
    }

    #[test]
    fn a_repair_keeps_it_and_what_it_returns_to() {
        let time = chrono::DateTime::UNIX_EPOCH;
        for name in ["sled", "mirror.log"] {
            let dir = tempfile::tempdir().unwrap();
            let stores = disk(dir.path());
            record(&stores);
            let path = stores.dir.join(name);
            match name {
                "sled" => std::fs::remove_dir_all(path).unwrap(),
                _ => std::fs::remove_file(path).unwrap(),
            }
            let repaired = stores.repair(time).unwrap();
            assert_eq!(repaired.losses.snapshots, [], "{name}");
            check_pending(&stores);
        }
    }

    fn failing_at(stores: &SledStores, point: &'static str) -> SledStores {
        stores
            .clone()
            .with_faults(Rc::new(move |at| match at == point {
                true => Err(std::io::Error::other("injected")),
                false => Ok(()),
            }))
    }

    #[test]
    fn a_confirmation_that_fails_is_none_and_one_that_is_cut_off_is_completed() {
        for (point, kept) in [("keep", false), ("kept", true)] {
            let dir = tempfile::tempdir().unwrap();
            let stores = disk(dir.path());
            record(&stores);
            let mut store = failing_at(&stores, point).open_to_write().unwrap();
            store.keep().unwrap_err();
            drop(store);
            match kept {
                true => check_kept(&stores),
                false => check_pending(&stores),
            }
        }
    }

    #[test]
    fn a_rollback_that_is_not_recorded_leaves_it_pending() {
        for point in ["mirror", "database", "recorded"] {
            let dir = tempfile::tempdir().unwrap();
            let stores = disk(dir.path());
            record(&stores);
            let mut store = failing_at(&stores, point).open_to_write().unwrap();
            store.record(&draft("back"), &versions().0).unwrap_err();
            drop(store);
            check_pending(&stores);
        }
    }

    #[test]
    fn a_confirmation_that_the_database_lost_is_missed() {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        record(&stores);
        let before = dir.path().join("before");
        crate::store::tests::copy(&stores.dir.join("sled"), &before);
        stores.open_to_write().unwrap().keep().unwrap();
        std::fs::remove_dir_all(stores.dir.join("sled")).unwrap();
        std::fs::rename(&before, stores.dir.join("sled")).unwrap();
        std::fs::remove_file(stores.dir.join("LOCK")).unwrap();
        let error = stores.open_to_write().err().unwrap();
        assert_eq!(error.kind(), Kind::Damaged, "{error}");
        assert_eq!(stores.mirrored().unwrap().unconfirmed, None);
    }
}
