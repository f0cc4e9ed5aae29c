//! A history in memory, for dry runs and tests.
//!
//! It can stand over another one: then it begins with that one's snapshots, reads their rulesets
//! from there when they are asked for, and never writes to it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::record::{self, Tags};
use super::{Draft, Intent, Journal, Mirrored, Pending, Reached, Store, Stores, Turn, Unconfirmed};
use crate::error::{Error, Kind, Result};
use crate::model::{Event, Extent, FoundValues, Ruleset, Snapshot, SnapshotId};

struct Entry {
    snapshot: Snapshot,
    /// `None`: in the history below.
    rules: Option<Rc<Ruleset>>,
    /// The values found of its entries; of a snapshot below, those are there.
    found: FoundValues,
}

#[derive(Default)]
struct Held {
    entries: BTreeMap<SnapshotId, Entry>,
    tags: Tags,
    intent: Option<Intent<'static>>,
    events: Vec<Event>,
    pending: Option<(Pending, Rc<Ruleset>)>,
    below: Option<Rc<dyn Stores>>,
    /// The newest snapshot of the history below.
    began: Option<SnapshotId>,
    open: bool,
}

impl Held {
    fn head(&self) -> Option<SnapshotId> {
        self.entries.keys().next_back().copied()
    }

    fn entry(&self, id: SnapshotId) -> Result<&Entry> {
        self.entries.get(&id).ok_or_else(|| {
            let first = self.entries.keys().next().map(|id| id.0);
            record::no_snapshot(id, record::NO_SUCH, first, self.head().map(|id| id.0))
        })
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        let mut snapshot = self.entry(id)?.snapshot.clone();
        snapshot.tags = record::tags_of(&self.tags, id);
        Ok(snapshot)
    }
}

/// Opens a history in memory; clones share it, and reopening shows what was recorded.
#[derive(Clone, Default)]
pub struct MemoryStores {
    held: Rc<RefCell<Held>>,
}

impl MemoryStores {
    /// An empty history.
    pub fn new() -> MemoryStores {
        MemoryStores::default()
    }

    /// A history that begins with one snapshot, whatever its number; the next one follows it.
    pub fn from_history(head: Snapshot, rules: Ruleset) -> MemoryStores {
        MemoryStores::from_snapshots([(head, rules)])
    }

    /// A history of some snapshots; their tags become its tags.
    pub fn from_snapshots(
        snapshots: impl IntoIterator<Item = (Snapshot, Ruleset)>,
    ) -> MemoryStores {
        let stores = MemoryStores::new();
        for (snapshot, rules) in snapshots {
            stores.insert(snapshot, Some(Rc::new(rules)));
        }
        stores
    }

    /// A history that begins where another one is, and leaves that one as it is.
    ///
    /// # Errors
    /// As [`Stores::open`] of the other.
    pub fn over(below: Rc<dyn Stores>) -> Result<MemoryStores> {
        let stores = MemoryStores::new();
        let store = below.open()?;
        for snapshot in store.snapshots()? {
            stores.insert(snapshot, None);
        }
        if let Some(pending) = store.pending()? {
            stores.held.borrow_mut().pending = Some((pending, Rc::new(store.back()?)));
        }
        drop(store);
        let began = stores.held.borrow().head();
        stores.held.borrow_mut().below = Some(below);
        stores.held.borrow_mut().began = began;
        Ok(stores)
    }

    fn insert(&self, snapshot: Snapshot, rules: Option<Rc<Ruleset>>) {
        let mut held = self.held.borrow_mut();
        for tag in &snapshot.tags {
            held.tags.insert(tag.clone(), snapshot.id);
        }
        let entry = Entry {
            snapshot: snapshot.clone(),
            rules,
            found: FoundValues::default(),
        };
        held.entries.insert(snapshot.id, entry);
    }

    fn open_as(&self, to_write: bool) -> Result<Box<dyn Store>> {
        // As strict as sled's lock: code that opens it twice would wait for itself.
        if std::mem::replace(&mut self.held.borrow_mut().open, true) {
            return Err(Error::new(Kind::Busy, "it is open already").of_database(self.location()));
        }
        Ok(Box::new(MemoryStore {
            held: Rc::clone(&self.held),
            to_write,
        }))
    }
}

impl Stores for MemoryStores {
    fn open(&self) -> Result<Box<dyn Store>> {
        self.open_as(false)
    }

    fn open_to_write(&self) -> Result<Box<dyn Store>> {
        self.open_as(true)
    }

    fn mirrored(&self) -> Result<Mirrored> {
        let (head, pending) = {
            let held = self.held.borrow();
            (held.head(), held.pending.clone())
        };
        let id = head.ok_or_else(|| super::no_mirror(&self.location()))?;
        let rules = |id| rules_of(&self.held, id).map(|rules| (*rules).clone());
        let unconfirmed = match pending {
            Some((pending, back)) => Some(Unconfirmed {
                rules: pending.parent.map(rules).transpose()?.unwrap_or_default(),
                pending,
                back: (*back).clone(),
            }),
            None => None,
        };
        Ok(Mirrored {
            id,
            rules: rules(id)?,
            unconfirmed,
        })
    }

    fn notice(&self) -> Option<Pending> {
        let held = self.held.borrow();
        held.pending.as_ref().map(|(pending, _)| pending.clone())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

fn rules_of(held: &RefCell<Held>, id: SnapshotId) -> Result<Rc<Ruleset>> {
    let below = {
        let held = held.borrow();
        if let Some(rules) = &held.entry(id)?.rules {
            return Ok(Rc::clone(rules));
        }
        held.below.clone()
    };
    let below = below.ok_or_else(|| Error::new(Kind::Bug, "a ruleset is nowhere"))?;
    let rules = Rc::new(below.open()?.ruleset(id)?);
    if let Some(entry) = held.borrow_mut().entries.get_mut(&id) {
        entry.rules = Some(Rc::clone(&rules));
    }
    Ok(rules)
}

/// A ruleset in which a part became another.
fn turned(rules: &Ruleset, from: &Ruleset, to: &Ruleset) -> Ruleset {
    let mut services = rules.services.clone();
    services.retain(|key, _| !from.services.contains_key(key));
    services.extend(to.services.clone());
    Ruleset {
        services,
        ..to.clone()
    }
}

/// An open history in memory.
struct MemoryStore {
    held: Rc<RefCell<Held>>,
    to_write: bool,
}

impl MemoryStore {
    fn check_writable(&self) -> Result<()> {
        if self.to_write {
            return Ok(());
        }
        Err(Error::new(Kind::Bug, "the history was opened to read").attempt("cannot write"))
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.held.borrow_mut().open = false;
    }
}

impl Journal for MemoryStore {
    fn set_intent(&mut self, intent: &Intent) -> Result<()> {
        self.check_writable()?;
        self.held.borrow_mut().intent = Some(Intent {
            steps: intent.steps.clone().into_owned().into(),
            reached: Reached::nothing(),
            ..intent.clone()
        });
        Ok(())
    }

    fn note_reached(&mut self, reached: &Reached) -> Result<()> {
        self.check_writable()?;
        if let Some(intent) = &mut self.held.borrow_mut().intent {
            intent.reached = reached.clone();
        }
        Ok(())
    }

    fn clear_intent(&mut self) -> Result<()> {
        self.check_writable()?;
        self.held.borrow_mut().intent = None;
        Ok(())
    }
}

impl Store for MemoryStore {
    fn head(&self) -> Result<Option<Snapshot>> {
        let held = self.held.borrow();
        held.head().map(|id| held.snapshot(id)).transpose()
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        self.held.borrow().snapshot(id)
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let held = self.held.borrow();
        held.entries
            .keys()
            .rev()
            .map(|id| held.snapshot(*id))
            .collect()
    }

    fn ruleset(&self, id: SnapshotId) -> Result<Ruleset> {
        rules_of(&self.held, id).map(|rules| (*rules).clone())
    }

    fn rules_of_head(&self) -> Result<Rc<Ruleset>> {
        let head = self.held.borrow().head();
        head.map_or_else(|| Ok(Rc::default()), |id| rules_of(&self.held, id))
    }

    fn record_turn(&mut self, draft: &Draft, turn: &Turn) -> Result<Snapshot> {
        self.check_writable()?;
        let old = self.rules_of_head()?;
        let rules = turned(&old, turn.from, turn.to);
        let back = turn.unless.map(|(_, back)| turned(&old, turn.from, back));
        let (before, after) = turn.found;
        let head = self.held.borrow().head();
        let found = match head {
            Some(head) => self.found(head, &Extent::Whole)?.turned(before, after),
            None => after.clone(),
        };
        let mut held = self.held.borrow_mut();
        let parent = held.head();
        let id = SnapshotId(parent.map_or(0, |id| id.0).saturating_add(1));
        let snapshot = record::snapshot_of(draft, id, parent);
        let entry = Entry {
            snapshot: snapshot.clone(),
            rules: Some(Rc::new(rules)),
            found,
        };
        held.entries.insert(id, entry);
        held.intent = None;
        let confirm = turn.unless.map(|(confirm, _)| confirm.clone());
        held.pending = confirm.zip(back).map(|(confirm, back)| {
            let pending = Pending {
                id,
                parent,
                confirm,
            };
            (pending, Rc::new(back))
        });
        Ok(snapshot)
    }

    fn found(&self, id: SnapshotId, extent: &Extent) -> Result<FoundValues> {
        let below = {
            let held = self.held.borrow();
            let entry = held.entry(id)?;
            match (&held.below, held.began.is_some_and(|began| id <= began)) {
                (Some(below), true) => Rc::clone(below),
                _ => return Ok(entry.found.within(extent)),
            }
        };
        below.open()?.found(id, extent)
    }

    fn next(&self) -> SnapshotId {
        let head = self.held.borrow().head();
        SnapshotId(head.map_or(0, |id| id.0).saturating_add(1))
    }

    fn pending(&self) -> Result<Option<Pending>> {
        let held = self.held.borrow();
        Ok(held.pending.as_ref().map(|(pending, _)| pending.clone()))
    }

    fn back(&self) -> Result<Ruleset> {
        let held = self.held.borrow();
        let (_, back) = held.pending.as_ref().ok_or_else(super::pending::none)?;
        Ok((**back).clone())
    }

    fn keep(&mut self) -> Result<()> {
        self.check_writable()?;
        self.held.borrow_mut().pending = None;
        Ok(())
    }

    fn intent(&self) -> Result<Option<Intent<'static>>> {
        Ok(self.held.borrow().intent.clone())
    }

    fn tagged(&self, tag: &str) -> Result<Option<SnapshotId>> {
        Ok(self.held.borrow().tags.get(tag).copied())
    }

    fn set_tag(&mut self, tag: &str, id: SnapshotId) -> Result<()> {
        self.check_writable()?;
        let mut held = self.held.borrow_mut();
        held.entry(id)?;
        held.tags.insert(tag.to_owned(), id);
        Ok(())
    }

    fn prune(&mut self, ids: &BTreeSet<SnapshotId>) -> Result<(u64, u64)> {
        self.check_writable()?;
        let mut held = self.held.borrow_mut();
        for id in ids {
            held.entry(*id)?;
            if held.head() == Some(*id) {
                return Err(super::cannot_prune(*id, "is the head"));
            }
            if let Some(tag) = record::tags_of(&held.tags, *id).first() {
                return Err(super::cannot_prune(*id, &format!("has the tag {tag}")));
            }
            if let Some((pending, _)) = &held.pending {
                pending.check_prune(*id)?;
            }
        }
        held.entries.retain(|id, _| !ids.contains(id));
        Ok((0, 0))
    }

    fn note(&mut self, event: &Event) -> Result<()> {
        self.check_writable()?;
        self.held.borrow_mut().events.push(event.clone());
        Ok(())
    }

    fn events(&self) -> Result<Vec<Event>> {
        Ok(self.held.borrow().events.clone())
    }

    fn remove_tag(&mut self, tag: &str) -> Result<bool> {
        self.check_writable()?;
        Ok(self.held.borrow_mut().tags.remove(tag).is_some())
    }
}

/// A view of a database that does not exist.
pub(super) fn nothing() -> Box<dyn Store> {
    Box::new(MemoryStore {
        held: Rc::default(),
        to_write: false,
    })
}
