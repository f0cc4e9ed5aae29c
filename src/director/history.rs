//! Listing snapshots, what each changed, which touched an object; tags.

use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::names::{FIRST_LOOK, newest_since, resolve, told};
use super::object::Object;
use super::weigh::ServerOf;
use super::{Awaiting, Director};
use crate::error::{Error, Kind, Result};
use crate::model::{Event, Moment, Ruleset, Snapshot, SnapshotId, SnapshotName, Weight};
use crate::plan::{Change, between};
use crate::store::Store;

/// Which snapshots are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Those that changed this: `tcp 192.0.2.10:80`, `server 10.0.0.11`, `mark 666`, `timeouts`. A
    /// bare address means the services and the real servers that have it.
    pub object: Option<String>,
    /// Those since then.
    pub since: Option<Moment>,
    /// The newest so many of them.
    pub count: Option<usize>,
}

/// A snapshot whose tags were changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The snapshot, with its tags as they are now.
    pub snapshot: Snapshot,
    /// What opening the history had to say: what it recovered first.
    pub notes: Vec<String>,
}

/// What a history shows, as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The snapshots that fit, newest first.
    pub snapshots: Vec<Snapshot>,
    /// The head, while it awaits confirmation.
    pub awaiting: Option<Awaiting>,
    /// What each of them changed against the one before it, where that was asked for; `None` where
    /// that one was pruned, so that nothing can tell.
    pub changes: Option<Vec<Option<Vec<Change>>>>,
    /// What recoveries, repairs and prunes did, oldest first; only where neither an object nor a
    /// time was asked for.
    pub events: Vec<Event>,
}

impl Director {
    /// All that a history shows, in one look.
    ///
    /// # Errors
    /// As [`Director::find_history`].
    pub fn listing(&self, query: &Query, with_changes: bool) -> Result<Listing> {
        let finding = Finding::of(query, self.now())?;
        let store = self.stores.open()?;
        let snapshots = finding.run(&*store)?;
        let changes = |snapshot| {
            let sides = both_sides(&*store, snapshot)?;
            Ok(sides.map(|(before, after)| between(&before, &after)))
        };
        Ok(Listing {
            awaiting: self.awaiting(&*store)?,
            changes: match with_changes {
                true => Some(snapshots.iter().map(changes).collect::<Result<_>>()?),
                false => None,
            },
            events: match query.object.is_none() && query.since.is_none() {
                true => store.events()?,
                false => Vec::new(),
            },
            snapshots,
        })
    }

    /// All snapshots, newest first.
    ///
    /// # Errors
    /// As the store fails.
    pub fn history(&self) -> Result<Vec<Snapshot>> {
        self.find_history(&Query::default())
    }

    /// The snapshots that fit, newest first. Rulesets are read only where an object is asked
    /// for, and of those only what differs.
    ///
    /// # Errors
    /// `invalid` for a malformed object or time, as the store fails.
    pub fn find_history(&self, query: &Query) -> Result<Vec<Snapshot>> {
        let finding = Finding::of(query, self.now())?;
        finding.run(&*self.stores.open()?)
    }

    /// The last weight above 0 that each of some servers has in the history, the head's first. The
    /// history is read once, back to where all are found.
    ///
    /// # Errors
    /// As the store fails.
    pub(super) fn last_weights(&self, servers: &[ServerOf]) -> Result<Vec<Option<Weight>>> {
        let mut found: Vec<Option<Weight>> = vec![None; servers.len()];
        if servers.is_empty() {
            return Ok(found);
        }
        let store = self.stores.open()?;
        let mut at = store.head()?;
        while let Some(snapshot) = at {
            for (weight, (service, server)) in found.iter_mut().zip(servers) {
                if weight.is_none() {
                    let held = store.service(snapshot.id, service)?;
                    let then = held.and_then(|held| Some(held.servers.get(server)?.weight));
                    *weight = then.filter(|weight| *weight != Weight::ZERO);
                }
            }
            if found.iter().all(Option::is_some) {
                break;
            }
            at = match snapshot.parent.map(|parent| store.snapshot(parent)) {
                None => None,
                Some(Ok(parent)) => Some(parent),
                // Pruned: what was before is not known.
                Some(Err(error)) if error.kind() == Kind::NotFound => None,
                Some(Err(error)) => return Err(error),
            };
        }
        Ok(found)
    }

    /// Finds a snapshot by name.
    ///
    /// # Errors
    /// `not_found`.
    pub fn snapshot(&self, name: &SnapshotName) -> Result<Snapshot> {
        resolve(&*self.stores.open()?, name, self.now())
    }

    /// The snapshot that a bare `rollback` goes to.
    ///
    /// # Errors
    /// `state` where the head is itself a rollback; `not_found` where there is none before it.
    pub fn before_head(&self) -> Result<Snapshot> {
        super::names::before_head(&*self.stores.open()?)
    }

    /// The head's ruleset; empty where there is no head.
    ///
    /// # Errors
    /// As the store fails.
    pub fn head_rules(&self) -> Result<Ruleset> {
        let rules = self.stores.open()?.rules_of_head()?;
        // The store is closed: nobody shares them any more.
        Ok(Rc::unwrap_or_clone(rules))
    }

    /// A snapshot's ruleset; with a note where the name does not say which snapshot it is.
    ///
    /// # Errors
    /// `not_found`.
    pub fn ruleset(&self, name: &SnapshotName) -> Result<(Ruleset, Option<String>)> {
        let store = self.stores.open()?;
        let found = resolve(&*store, name, self.now())?;
        Ok((store.ruleset(found.id)?, told(name, &found)))
    }

    /// Gives a snapshot a tag.
    ///
    /// # Errors
    /// `not_found`; `invalid` for text that cannot be a tag.
    pub fn tag(&mut self, name: &SnapshotName, tag: &str) -> Result<Tagged> {
        self.refuse_in_declaration("tag")?;
        let tag = crate::model::snapshot::check_tag(tag)?;
        let now = self.now();
        self.change_tags(|director, mut store| {
            let snapshot = resolve(&*store, name, now)?;
            if let Err(error) = store.set_tag(&tag, snapshot.id) {
                drop(store);
                director.look_again(error, |store| Ok(store.tagged(&tag)? == Some(snapshot.id)))?;
                store = director.stores.open()?;
            }
            store.snapshot(snapshot.id)
        })
    }

    /// Takes a tag away; gives the snapshot that had it.
    ///
    /// # Errors
    /// `not_found` where there is no such tag.
    pub fn untag(&mut self, tag: &str) -> Result<Tagged> {
        self.refuse_in_declaration("untag")?;
        let now = self.now();
        self.change_tags(|director, mut store| {
            let snapshot = resolve(&*store, &SnapshotName::Tag(tag.to_owned()), now)?;
            if let Err(error) = store.remove_tag(tag) {
                drop(store);
                director.look_again(error, |store| Ok(store.tagged(tag)?.is_none()))?;
                store = director.stores.open()?;
            }
            store.snapshot(snapshot.id)
        })
    }

    /// Opens the history to write, and says what that recovered, whatever becomes of the tag.
    fn change_tags(
        &mut self,
        change: impl FnOnce(&Director, Box<dyn Store>) -> Result<Snapshot>,
    ) -> Result<Tagged> {
        let (store, notes) = self.open_to_write()?;
        match change(self, store) {
            Ok(snapshot) => Ok(Tagged { snapshot, notes }),
            Err(error) => Err(notes.into_iter().fold(error, Error::hint)),
        }
    }
}

/// A query, understood.
struct Finding {
    object: Option<Object>,
    since: Option<DateTime<Utc>>,
    count: usize,
}

impl Finding {
    fn of(query: &Query, now: DateTime<Utc>) -> Result<Finding> {
        let now = now.with_timezone(&chrono::Local);
        let since = query.since.as_ref().map(|since| since.at(&now));
        Ok(Finding {
            object: query.object.as_deref().map(Object::parse).transpose()?,
            since: since.transpose()?,
            count: query.count.unwrap_or(usize::MAX),
        })
    }

    fn run(&self, store: &dyn Store) -> Result<Vec<Snapshot>> {
        let count = self.count;
        let mut found = match (self.since, &self.object) {
            (Some(since), None) => newest_since(store, since)?,
            (None, None) => store.newest(count)?,
            (Some(since), Some(object)) => {
                touching(store, &newest_since(store, since)?, object, count)?
            }
            (None, Some(object)) => newest_touching(store, object, count)?,
        };
        found.retain(|snapshot| self.since.is_none_or(|since| snapshot.time >= since));
        found.truncate(count);
        Ok(found)
    }
}

/// The snapshots that changed an object since a moment, newest first.
pub(super) fn changing(
    store: &dyn Store,
    object: &Object,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<Snapshot>> {
    let mut found = match since {
        Some(since) => touching(store, &newest_since(store, since)?, object, usize::MAX)?,
        None => newest_touching(store, object, usize::MAX)?,
    };
    found.retain(|snapshot| since.is_none_or(|since| snapshot.time >= since));
    Ok(found)
}

/// The newest so many snapshots that changed an object. Where few are asked for, records are read
/// in growing portions, until there are enough of them.
fn newest_touching(store: &dyn Store, object: &Object, count: usize) -> Result<Vec<Snapshot>> {
    let mut portion = match count {
        usize::MAX => usize::MAX,
        _ => FIRST_LOOK,
    };
    loop {
        let mut known = store.newest(portion)?;
        let is_all = known.len() < portion;
        let found = touching(store, &known, object, count)?;
        // Of the oldest one nothing tells yet what was before it.
        let oldest = known.pop().map(|oldest| oldest.id);
        let is_sure = found.last().map(|last| last.id) != oldest;
        if is_all || (found.len() >= count && is_sure) {
            return Ok(found);
        }
        portion = portion.saturating_mul(8);
    }
}

/// Those of the snapshots, newest first, that changed an object against the one listed behind
/// them; no more than so many.
fn touching(
    store: &dyn Store,
    known: &[Snapshot],
    object: &Object,
    count: usize,
) -> Result<Vec<Snapshot>> {
    let mut found = Vec::new();
    for (place, snapshot) in known.iter().enumerate() {
        if found.len() >= count {
            break;
        }
        let before = known.get(place + 1).map(|before| before.id);
        if touches(store, before, snapshot.id, object)? {
            found.push(snapshot.clone());
        }
    }
    Ok(found)
}

/// Says whether an object differs between a snapshot and the one listed before it.
fn touches(
    store: &dyn Store,
    before: Option<SnapshotId>,
    id: SnapshotId,
    object: &Object,
) -> Result<bool> {
    let (before, after) = match before {
        Some(before) => store.differing(before, id)?,
        None => (Ruleset::default(), store.ruleset(id)?),
    };
    let differences = before.differences(&after);
    Ok(differences.iter().any(|entry| object.fits_anywhere(entry)))
}

/// What differs between a snapshot and its parent, from both sides; `None` where the parent was
/// pruned.
pub(super) fn both_sides(
    store: &dyn Store,
    snapshot: &Snapshot,
) -> Result<Option<(Ruleset, Ruleset)>> {
    let Some(parent) = snapshot.parent else {
        return Ok(Some((Ruleset::default(), store.ruleset(snapshot.id)?)));
    };
    match store.snapshot(parent) {
        Ok(_) => store.differing(parent, snapshot.id).map(Some),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest snapshot since another one that an entry was changed by, or one field of it.
///
/// # Errors
/// As the store fails.
pub(super) fn last_to_change(
    store: &dyn Store,
    since: Option<SnapshotId>,
    clash: &crate::candidate::Clash,
) -> Result<Option<Snapshot>> {
    let head = store.head()?.map_or(0, |head| head.id.0);
    let newer = head.saturating_sub(since.map_or(0, |id| id.0));
    let newest = store.newest(
        usize::try_from(newer)
            .unwrap_or(usize::MAX)
            .saturating_add(1),
    )?;
    for (place, snapshot) in newest.iter().enumerate() {
        if since.is_some_and(|since| snapshot.id <= since) {
            break;
        }
        let (before, after) = match newest.get(place + 1) {
            Some(before) => store.differing(before.id, snapshot.id)?,
            None => (Ruleset::default(), store.ruleset(snapshot.id)?),
        };
        if clash.is_between(&before, &after) {
            return Ok(Some(snapshot.clone()));
        }
    }
    Ok(None)
}

/// The error for a change to a snapshot that cannot be told from what was there before it.
pub(super) fn parent_is_pruned(snapshot: &Snapshot) -> Error {
    let before = snapshot
        .parent
        .map_or_else(String::new, |id| format!(", {id},"));
    Error::new(
        Kind::State,
        format!("the snapshot before it{before} was pruned: what it changed cannot be told"),
    )
    .object(format!("snapshot {}", snapshot.id))
    .hint(format!(
        "compare it with one that is there: ipvsh diff A {}",
        snapshot.id
    ))
}
