//! What became of snapshots that this process recorded: asked when something failed after them.

use super::history::both_sides;
use super::{Awaiting, Director};
use crate::error::Result;
use crate::model::{Snapshot, SnapshotId};
use crate::store::Store;

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The head still has something that it changed.
    Stands,
    /// The head has nothing that it changed, since this snapshot.
    Undone(SnapshotId),
    /// It is the head, and awaits confirmation.
    Awaits(Awaiting),
    /// The history could not be read.
    Unknown,
}

impl Fate {
    /// A sentence; `at` stands behind the number, like ` (line 2)`.
    pub fn sentence(&self, id: SnapshotId, at: &str) -> String {
        match self {
            Fate::Stands => format!("snapshot {id}{at} stands"),
            Fate::Undone(by) => format!("snapshot {id}{at} was undone by snapshot {by}"),
            Fate::Awaits(awaiting) => {
                let (named, sentence) = (format!("snapshot {id}"), awaiting.sentence());
                sentence.replacen(&named, &format!("{named}{at}"), 1)
            }
            Fate::Unknown => format!(
                "snapshot {id}{at} was recorded; whether it stands could not be read: ipvsh status"
            ),
        }
    }
}

impl Director {
    /// What became of snapshots, in their order. What cannot be read is [`Fate::Unknown`]: this is
    /// asked beside a failure, which it must not hide.
    pub fn fates(&self, ids: &[SnapshotId]) -> Vec<Fate> {
        if ids.is_empty() {
            return Vec::new();
        }
        let store = self.stores.open().ok();
        let fate = |id: &SnapshotId| {
            let store = store.as_deref()?;
            self.fate(store, *id).ok()
        };
        ids.iter()
            .map(|id| fate(id).unwrap_or(Fate::Unknown))
            .collect()
    }

    fn fate(&self, store: &dyn Store, id: SnapshotId) -> Result<Fate> {
        if let Some(awaiting) = self.awaiting(store)?.filter(|one| one.snapshot == id) {
            return Ok(Fate::Awaits(awaiting));
        }
        let undone = undone_by(store, &store.snapshot(id)?)?;
        Ok(undone.map_or(Fate::Stands, Fate::Undone))
    }
}

/// The snapshot since which nothing is left of what another one changed. Rollbacks and reverts are
/// told by what they hold: one to no rules names no snapshot.
fn undone_by(store: &dyn Store, snapshot: &Snapshot) -> Result<Option<SnapshotId>> {
    let Some((before, after)) = both_sides(store, snapshot)? else {
        return Ok(None);
    };
    let changed = before.differences(&after);
    if changed.is_empty() {
        return Ok(None);
    }
    let head = store.head()?.map_or(0, |head| head.id.0);
    let newer = usize::try_from(head.saturating_sub(snapshot.id.0)).unwrap_or(usize::MAX);
    let mut undone = None;
    for later in store.newest(newer)? {
        if later.id <= snapshot.id {
            break;
        }
        let (before, later_rules) = match snapshot.parent {
            Some(parent) => store.differing(parent, later.id)?,
            None => (Default::default(), store.ruleset(later.id)?),
        };
        if !before.differences(&later_rules).is_disjoint(&changed) {
            break;
        }
        undone = Some(later.id);
    }
    Ok(undone)
}
