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

/// From how many snapshots on that stand a sentence is for all of them.
const SEVERAL: usize = 3;

/// What became of snapshots, each with its place and its fate: a sentence each, but one for a row
/// of them that stand.
pub fn sentences(told: &[(SnapshotId, String, Fate)]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut rest = told;
    while let Some(((id, at, fate), others)) = rest.split_first() {
        let row = rest
            .iter()
            .zip(id.0..)
            .take_while(|((id, _, fate), next)| *fate == Fate::Stands && id.0 == *next)
            .count();
        if row >= SEVERAL {
            let last = id.0.saturating_add(row as u64 - 1);
            sentences.push(format!("snapshots {id} to {last} are in the history"));
            rest = rest.get(row..).unwrap_or_default();
        } else {
            sentences.push(fate.sentence(*id, at));
            rest = others;
        }
    }
    sentences
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_snapshots_that_stand_is_told_at_once() {
        let told = |fates: &[(u64, Fate)]| {
            let at = " (line 2)".to_owned();
            let told: Vec<(SnapshotId, String, Fate)> = fates
                .iter()
                .map(|(id, fate)| (SnapshotId(*id), at.clone(), *fate))
                .collect();
            sentences(&told)
        };
        let stand = Fate::Stands;
        assert_eq!(
            told(&[
                (5, stand),
                (6, stand),
                (7, stand),
                (8, Fate::Undone(SnapshotId(9)))
            ]),
            [
                "snapshots 5 to 7 are in the history",
                "snapshot 8 (line 2) was undone by snapshot 9"
            ]
        );
        assert_eq!(
            told(&[(5, stand), (6, stand), (8, stand)]),
            [
                "snapshot 5 (line 2) stands",
                "snapshot 6 (line 2) stands",
                "snapshot 8 (line 2) stands"
            ]
        );
    }
}
