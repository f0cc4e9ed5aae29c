//! Finding a snapshot by what a user typed: number, `head~2`, tag, or moment.

use chrono::{DateTime, Local, Utc};

use super::guard;
use crate::error::{Error, Kind, Result};
use crate::model::moment::local;
use crate::model::{Moment, Ruleset, Snapshot, SnapshotId, SnapshotName};
use crate::store::Store;

/// How many records a search reads at first; each further step reads eight times as many.
pub(super) const FIRST_LOOK: usize = 16;

/// Finds a snapshot by name; `now` is what moments are relative to.
pub(super) fn resolve(
    store: &dyn Store,
    name: &SnapshotName,
    now: DateTime<Utc>,
) -> Result<Snapshot> {
    match name {
        SnapshotName::Id(id) => store.snapshot(*id),
        SnapshotName::Tag(tag) => match store.tagged(tag)? {
            Some(id) => store.snapshot(id),
            None => Err(Error::not_found("there is no such tag")
                .object(format!("snapshot {tag}"))
                .maybe_hint(word_for(tag))
                .hint("`ipvsh history` lists numbers and tags")),
        },
        SnapshotName::Head(back) => {
            let mut at = store.head()?.ok_or_else(no_snapshots)?;
            for _ in 0..*back {
                let parent = at.parent.ok_or_else(|| {
                    Error::not_found("history does not go back that far")
                        .object(format!("snapshot {name}"))
                        .hint("`ipvsh history` lists what there is")
                })?;
                at = store.snapshot(parent)?;
            }
            Ok(at)
        }
        SnapshotName::At(moment) => {
            head_at(store, moment, now).map_err(|error| error.object(format!("snapshot {name}")))
        }
    }
}

/// How a word that people type for a snapshot is written.
fn word_for(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "yesterday" => Some("a time is written 22:00, 2026-11-29 or @24h (ago)"),
        "today" | "now" => Some("a time is written 22:00 or @2h (ago); the newest is head"),
        "latest" | "last" | "current" | "newest" => Some("the newest is called head"),
        "previous" | "prev" => Some("the one before the head is called head~1"),
        _ => None,
    }
}

/// Which snapshot a moment led to, for the user; other names say it themselves.
pub(super) fn told(name: &SnapshotName, found: &Snapshot) -> Option<String> {
    let SnapshotName::At(_) = name else {
        return None;
    };
    Some(format!(
        "{name}: the head was snapshot {} of {}, \"{}\" by {}",
        found.id,
        local(found.time),
        found.message,
        found.author
    ))
}

/// The newest records, until one is older than a moment: those that are not, and what was read.
pub(super) fn newest_since(store: &dyn Store, since: DateTime<Utc>) -> Result<Vec<Snapshot>> {
    let mut count = FIRST_LOOK;
    loop {
        let newest = store.newest(count)?;
        let reached = newest.last().is_none_or(|oldest| oldest.time < since);
        if reached || newest.len() < count {
            return Ok(newest);
        }
        count = count.saturating_mul(8);
    }
}

/// The snapshot that was the head at a moment.
fn head_at(store: &dyn Store, moment: &Moment, now: DateTime<Utc>) -> Result<Snapshot> {
    let at = moment.at(&now.with_timezone(&Local))?;
    if at > now {
        return Err(Error::invalid(format!("{} is yet to come", local(at)))
            .hint("the snapshot that is the head now is called head"));
    }
    // What is as old as the moment itself counts; only an older one ends the search.
    let newest = newest_since(store, at)?;
    let Some(place) = newest.iter().position(|snapshot| snapshot.time <= at) else {
        return Err(match newest.last() {
            None => no_snapshots(),
            Some(first) => {
                Error::not_found(format!("there was none yet at {}", local(at))).hint(format!(
                    "the first that is there is snapshot {} of {}",
                    first.id,
                    local(first.time)
                ))
            }
        });
    };
    let newer = place.checked_sub(1).and_then(|place| newest.get(place));
    match (newest.get(place), newer) {
        (Some(found), Some(newer)) if newer.parent != Some(found.id) => Err(Error::not_found(
            "what was the head then may have been pruned",
        )
        .hint(format!(
            "those nearest to it are snapshot {} of {} and snapshot {} of {}",
            found.id,
            local(found.time),
            newer.id,
            local(newer.time)
        ))),
        (Some(found), _) => Ok(found.clone()),
        (None, _) => Err(no_snapshots()),
    }
}

pub(super) fn no_snapshots() -> Error {
    Error::not_found("there are no snapshots yet")
        .hint("a commit makes the first: ipvsh run SCRIPT, or ipvsh adopt")
}

/// The snapshot before the head, where that is what a bare `rollback` means.
pub(super) fn before_head(store: &dyn Store) -> Result<Snapshot> {
    let head = store.head()?.ok_or_else(no_snapshots)?;
    if let Some(target) = head.rollback_of {
        let other = head.parent.unwrap_or(head.id);
        let allow = allowing(store, head.id, head.parent)?;
        return Err(Error::new(
            Kind::State,
            format!(
                "the head, snapshot {}, is itself a rollback (to {target})",
                head.id
            ),
        )
        .attempt("cannot roll back")
        .hint(format!(
            "to take that rollback back: ipvsh rollback {other}{allow}"
        ))
        .hint(format!(
            "to go further back: ipvsh rollback N (ipvsh history), N before {target}"
        )));
    }
    match head.parent {
        Some(parent) => store.snapshot(parent),
        None => {
            let allow = allowing(store, head.id, None)?;
            let error = Error::not_found("the head is the first snapshot: there is none before it");
            Err(error
                .attempt("cannot roll back")
                .hint(format!("to undo it: ipvsh revert {}{allow}", head.id)))
        }
    }
}

/// The option without which a return from one snapshot to another is refused, where it removes much.
fn allowing(store: &dyn Store, from: SnapshotId, to: Option<SnapshotId>) -> Result<&'static str> {
    let (from, to) = match to {
        Some(to) => store.differing(from, to)?,
        None => (store.ruleset(from)?, Ruleset::default()),
    };
    let all = store
        .head()?
        .map_or(Ok(0), |head| store.count_services(head.id))?;
    let gone = from.services.keys();
    let gone = gone.filter(|key| !to.services.contains_key(key)).count();
    Ok(match guard::is_much(gone, all) {
        true => " --allow-removals",
        false => "",
    })
}
