//! What was taken into the record as the kernel held it: undoing that record is letting go, not
//! removing from the kernel what ipvsh never put there.

use std::collections::BTreeSet;

use super::history::both_sides;
use super::transaction::Recording;
use crate::error::{Error, Result};
use crate::model::{EntryKey, Ruleset, Snapshot, SnapshotId, count};
use crate::plan::{Plan, Step};
use crate::store::Store;

/// Says whether everything that a change adds to the record was in the kernel already.
pub(super) fn only_adopts(plan: &Plan, head: &Ruleset, rules: &Ruleset) -> bool {
    let adds = |step: &Step| matches!(step, Step::AddService { .. } | Step::AddServer { .. });
    if plan.steps.iter().any(adds) {
        return false;
    }
    rules.services.iter().any(|(key, service)| {
        let before = head.services.get(key);
        before.is_none_or(|before| {
            let mut servers = service.servers.keys();
            servers.any(|server| !before.servers.contains_key(server))
        })
    })
}

/// Refuses a rollback or a revert that would remove from the kernel what a snapshot that it undoes
/// had found there.
///
/// # Errors
/// `guarded`, with the choice; as the store fails.
pub(super) fn refuse_removals(
    store: &dyn Store,
    head: Option<&Snapshot>,
    recording: &Recording,
    plan: &Plan,
) -> Result<()> {
    let removed: BTreeSet<EntryKey> = plan.steps.iter().filter_map(removes).collect();
    if removed.is_empty() {
        return Ok(());
    }
    let undone = match (recording.rollback_of, recording.revert_of) {
        (Some(to), _) => adoptions_since(store, head, to)?,
        (None, Some(bad)) => vec![store.snapshot(bad)?],
        (None, None) => Vec::new(),
    };
    for snapshot in undone.iter().filter(|snapshot| snapshot.adopted) {
        let Some((before, after)) = both_sides(store, snapshot)? else {
            continue;
        };
        let taken = |entry: &&EntryKey| before.get(entry).is_none() && after.get(entry).is_some();
        let taken: Vec<&EntryKey> = removed.iter().filter(taken).collect();
        if let Some(first) = taken.first() {
            return Err(refusal(snapshot.id, first, taken.len()));
        }
    }
    Ok(())
}

fn removes(step: &Step) -> Option<EntryKey> {
    match step {
        Step::RemoveService { key, .. } => Some(EntryKey::Service(*key)),
        Step::RemoveServer { service, key, .. } => Some(EntryKey::Server(*service, *key)),
        _ => None,
    }
}

/// The snapshots that adopted something, from the head back to another one.
fn adoptions_since(
    store: &dyn Store,
    head: Option<&Snapshot>,
    to: SnapshotId,
) -> Result<Vec<Snapshot>> {
    let far = head.map_or(0, |head| head.id.0.saturating_sub(to.0));
    let mut undone = store.newest(usize::try_from(far).unwrap_or(usize::MAX))?;
    undone.retain(|snapshot| snapshot.id > to && snapshot.adopted);
    Ok(undone)
}

fn refusal(adoption: SnapshotId, first: &EntryKey, number: usize) -> Error {
    let what = match number {
        1 => first.to_string(),
        _ => format!(
            "{first} and {} more",
            count(number.saturating_sub(1), "object")
        ),
    };
    Error::guarded(format!(
        "this would remove {what} from the kernel, where snapshot {adoption} had found it: \
         ipvsh did not put it there"
    ))
    .hint(format!(
        "to let go of it and leave the kernel as it is: ipvsh forget {adoption}"
    ))
    .hint("to remove it all the same: --allow-removals")
}
