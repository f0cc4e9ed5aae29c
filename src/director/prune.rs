//! Removing old snapshots, when somebody asks for it and never otherwise.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::Director;
use crate::error::{Error, Result};
use crate::model::{Snapshot, SnapshotId, snapshot::ranges};
use crate::signals;
use crate::store::Pending;

/// Which snapshots are to stay; where both are given, one of them is enough to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// The newest so many.
    pub keep: Option<usize>,
    /// Those that are not older than this.
    pub older_than: Option<TimeDelta>,
}

/// What a prune removed, or would remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// What went, in the order of numbers.
    pub removed: Vec<SnapshotId>,
    /// What stayed although it is old, each with the reason.
    pub protected: Vec<(SnapshotId, String)>,
    /// How many snapshots there are now.
    pub left: usize,
    /// What the database takes on disk, before and after; `None` where nothing was removed.
    pub bytes: Option<(u64, u64)>,
    /// What else the user should know, a sentence each.
    pub notes: Vec<String>,
}

impl Retention {
    fn is_old(&self, place: usize, age: TimeDelta) -> bool {
        self.keep.is_none_or(|keep| place >= keep) && self.older_than.is_none_or(|old| age > old)
    }
}

/// Why a snapshot stays whatever its age, if it does.
fn protection(head: &Snapshot, pending: Option<&Pending>, snapshot: &Snapshot) -> Option<String> {
    if snapshot.id == head.id {
        return Some("the head".to_owned());
    }
    if let Some(pending) = pending
        && pending.parent == Some(snapshot.id)
    {
        let id = pending.id;
        return Some(format!("snapshot {id}, unconfirmed, rolls back to it"));
    }
    let tag = snapshot.tags.first()?;
    Some(format!("tag {tag}"))
}

impl Director {
    /// Removes old snapshots and gives their room back. The head and what has a tag stay.
    ///
    /// # Errors
    /// `invalid` where nothing says which; as the store fails, with nothing removed.
    pub fn prune(&mut self, which: &Retention, plan_only: bool) -> Result<Pruned> {
        if *which == Retention::default() {
            return Err(Error::invalid("nothing says which snapshots are to stay")
                .attempt("cannot prune")
                .hint("name how many (--keep 100) or an age (--older-than 30d)"));
        }
        let _hold = signals::hold();
        let (mut store, notes) = match plan_only {
            true => (self.stores.open()?, Vec::new()),
            false => self.open_to_write()?,
        };
        let now = self.now();
        let (snapshots, pending) = (store.snapshots()?, store.pending()?);
        let mut pruned = Pruned {
            removed: Vec::new(),
            protected: Vec::new(),
            left: snapshots.len(),
            bytes: None,
            notes,
        };
        for (place, snapshot) in snapshots.iter().enumerate().rev() {
            if !which.is_old(place, now.signed_duration_since(snapshot.time)) {
                continue;
            }
            match snapshots
                .first()
                .and_then(|head| protection(head, pending.as_ref(), snapshot))
            {
                Some(reason) => pruned.protected.push((snapshot.id, reason)),
                None => pruned.removed.push(snapshot.id),
            }
        }
        pruned.left = snapshots.len().saturating_sub(pruned.removed.len());
        if !plan_only && !pruned.removed.is_empty() {
            let ids: BTreeSet<SnapshotId> = pruned.removed.iter().copied().collect();
            pruned.bytes = Some(store.prune(&ids)?);
            let by = &self.author;
            let (noun, were) = match ids.len() {
                1 => ("snapshot", "was"),
                _ => ("snapshots", "were"),
            };
            let message = format!("{noun} {} {were} pruned by {by}", ranges(ids));
            // It is done: what fails from here on is no reason to say that it was not.
            if let Err(error) = self.note(&mut *store, &message) {
                let note = format!("this could not be noted in the history: {error}");
                pruned.notes.push(note);
            }
        }
        Ok(pruned)
    }
}
