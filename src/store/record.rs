//! The records that are kept under names: the manifest, snapshots, tags, events.
//!
//! Each is JSON behind the checksum of its name and itself ([`super::address::seal`]).
//!
//! | name | record |
//! |---|---|
//! | `h` | the manifest: what must be there |
//! | `H` | the manifest that the last commit replaced, for taking it back |
//! | `s` + number (u64, big endian) | a snapshot and where its ruleset is |
//! | `t` | all tags |
//! | `e` + number (u64, big endian) | an event |
//! | `n` + address | a node; its address is its checksum |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::content::Content;
use super::found_values::FoundContent;
use super::lock::Witness;
use super::{Confirm, Draft};
use crate::error::{Error, Result};
use crate::model::{Snapshot, SnapshotId};

/// The name of the manifest.
pub(super) const MANIFEST: &[u8] = b"h";
/// The name of the manifest before the last commit.
pub(super) const MANIFEST_BEFORE: &[u8] = b"H";
/// The name of the tags.
pub(super) const TAGS: &[u8] = b"t";
/// What the names of events begin with.
pub(super) const EVENTS: &[u8] = b"e";
/// What the names of snapshots begin with.
pub(super) const SNAPSHOTS: &[u8] = b"s";
/// What the names of nodes begin with.
pub(super) const NODES: &[u8] = b"n";

/// The name of a snapshot's record.
pub(super) fn snapshot_name(id: SnapshotId) -> Vec<u8> {
    [SNAPSHOTS, &id.0.to_be_bytes()].concat()
}

/// The name of an event.
pub(super) fn event_name(number: u64) -> Vec<u8> {
    [EVENTS, &number.to_be_bytes()].concat()
}

/// The name of a node.
pub(super) fn node_name(address: Address) -> Vec<u8> {
    [NODES, address.bytes()].concat()
}

/// The tags, each with its snapshot.
pub(super) type Tags = BTreeMap<String, SnapshotId>;

/// Says what the database must hold, so that what was lost is missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The newest snapshot.
    pub(super) head: Option<SnapshotId>,
    /// The number of the next one.
    pub(super) next: u64,
    /// Numbers that were pruned, as ranges from first to last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pruned: Vec<(u64, u64)>,
    /// Numbers of snapshots that were lost with damage, as ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<(u64, u64)>,
    /// The numbers of the events that there are: the first, and the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<(u64, u64)>,
    /// The digest of the tags' record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Address>,
    /// The head awaits confirmation; its record says until when.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) pending: bool,
    /// How many times the database was written.
    pub(super) writes: u64,
}

impl Default for Manifest {
    fn default() -> Self {
        Manifest {
            head: None,
            next: 1,
            pruned: Vec::new(),
            lost: Vec::new(),
            events: None,
            tags: None,
            pending: false,
            writes: 0,
        }
    }
}

impl Manifest {
    /// Says whether a snapshot must be there.
    pub(super) fn holds(&self, id: SnapshotId) -> bool {
        (1..self.next).contains(&id.0) && !contains(&self.pruned, id) && !contains(&self.lost, id)
    }

    /// Notes that a snapshot was pruned.
    pub(super) fn prune(&mut self, id: SnapshotId) {
        add(&mut self.pruned, id);
    }

    /// Notes that a snapshot was lost.
    pub(super) fn lose(&mut self, id: SnapshotId) {
        add(&mut self.lost, id);
    }

    /// The numbers of the events that must be there.
    pub(super) fn event_numbers(&self) -> std::ops::Range<u64> {
        self.events.map_or(0..0, |(first, next)| first..next)
    }

    /// What the lock's file is to say of it.
    pub(super) fn witness(&self) -> Witness {
        Witness {
            writes: self.writes,
            head: self.head.map_or(0, |head| head.0),
        }
    }

    /// The error for a snapshot that is not there, saying why, or which there are.
    pub(super) fn no_snapshot(&self, id: SnapshotId) -> Error {
        let why = if contains(&self.pruned, id) {
            "it was pruned"
        } else if contains(&self.lost, id) {
            "it was lost with the damage that ipvsh fsck --repair repaired"
        } else {
            NO_SUCH
        };
        let (first, last) = ends(self);
        no_snapshot(id, why, first, last)
    }
}

fn contains(ranges: &[(u64, u64)], id: SnapshotId) -> bool {
    let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&id.0);
    ranges.iter().any(within)
}

/// Adds a number to ranges, joining those that meet.
fn add(ranges: &mut Vec<(u64, u64)>, id: SnapshotId) {
    ranges.push((id.0, id.0));
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges.drain(..) {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    *ranges = joined;
}

/// A snapshot's record: what the user knows of it, and where its ruleset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// What the user knows of it, without tags.
    #[serde(flatten)]
    pub(super) snapshot: Snapshot,
    /// Where its ruleset is.
    pub(super) content: Content,
    /// Where the values found of its entries are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<FoundContent>,
    /// How it was to be confirmed, for one that had to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) confirm: Option<Confirm>,
    /// What the kernel was to hold again without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) back: Option<Content>,
}

/// Makes a snapshot from a draft.
pub(super) fn snapshot_of(draft: &Draft, id: SnapshotId, parent: Option<SnapshotId>) -> Snapshot {
    Snapshot {
        id,
        time: draft.time,
        author: draft.author.clone(),
        message: draft.message.clone(),
        parent,
        rollback_of: draft.rollback_of,
        revert_of: draft.revert_of,
        adopted: draft.adopted,
        changes: draft.tally.all(),
        tally: Some(draft.tally),
        origin: draft.origin.clone(),
        took: Some(draft.took),
        tags: Vec::new(),
    }
}

/// The tags of one snapshot, sorted.
pub(super) fn tags_of(tags: &Tags, id: SnapshotId) -> Vec<String> {
    let its = tags.iter().filter(|(_, tagged)| **tagged == id);
    its.map(|(tag, _)| tag.clone()).collect()
}

/// Why a number has no snapshot that never had one.
pub(super) const NO_SUCH: &str = "there is no such snapshot";

/// The error for a snapshot that is not there, saying which there are.
pub(super) fn no_snapshot(
    id: SnapshotId,
    why: &str,
    first: Option<u64>,
    last: Option<u64>,
) -> Error {
    let error = Error::not_found(why).object(format!("snapshot {id}"));
    match (first, last) {
        (Some(first), Some(last)) if first == last => {
            error.hint(format!("the only snapshot is {first}"))
        }
        (Some(first), Some(last)) => error.hint(format!(
            "the snapshots are {first} to {last} (ipvsh history)"
        )),
        _ => error.hint("there are no snapshots yet; the first commit makes snapshot 1"),
    }
}

/// The numbers of the first and the last snapshot that must be there.
pub(super) fn ends(manifest: &Manifest) -> (Option<u64>, Option<u64>) {
    let first = (1..manifest.next).find(|id| manifest.holds(SnapshotId(*id)));
    (first, manifest.head.map(|head| head.0))
}

/// Checks that a result of the store fits what was asked for.
pub(super) fn check_id(record: Record, id: SnapshotId) -> Result<Record> {
    if record.snapshot.id == id {
        Ok(record)
    } else {
        Err(super::address::damaged(format!(
            "the record of snapshot {id} is that of {}",
            record.snapshot.id
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruned_numbers_join() {
        let mut manifest = Manifest {
            next: 11,
            ..Manifest::default()
        };
        for id in [3, 1, 2, 7] {
            manifest.prune(SnapshotId(id));
        }
        assert_eq!(manifest.pruned, [(1, 3), (7, 7)]);
        assert!(manifest.holds(SnapshotId(4)) && !manifest.holds(SnapshotId(7)));
        assert!(!manifest.holds(SnapshotId(0)) && !manifest.holds(SnapshotId(11)));
        assert_eq!(ends(&manifest).0, Some(4));
    }
}
