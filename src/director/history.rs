//! Snapshots: finding, listing, comparing, tagging.

use super::{Director, head_of};
use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, Ruleset, ServiceName, Snapshot, SnapshotId, SnapshotName};
use crate::plan::{Change, Foreign, between, foreign};
use crate::store::Store;

/// What differs between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The first, in words: `snapshot 3`.
    pub from: String,
    /// The second: `snapshot 4`, `live`.
    pub to: String,
    /// The changes from the first to the second.
    pub changes: Vec<Change>,
    /// What is foreign, where the second is live.
    pub foreign: Foreign,
    /// What else the user should know.
    pub notes: Vec<String>,
}

/// Finds a snapshot by name.
pub(super) fn resolve(store: &dyn Store, name: &SnapshotName) -> Result<Snapshot> {
    match name {
        SnapshotName::Id(id) => store.snapshot(*id),
        SnapshotName::Tag(tag) => match store.tagged(tag)? {
            Some(id) => store.snapshot(id),
            None => Err(Error::not_found("there is no such tag")
                .object(format!("snapshot {tag}"))
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
        return Err(Error::new(
            Kind::State,
            format!(
                "the head, snapshot {}, is itself a rollback (to {target})",
                head.id
            ),
        )
        .attempt("cannot roll back")
        .hint(format!(
            "to take that rollback back: ipvsh rollback {other}"
        ))
        .hint(format!(
            "to go further back: ipvsh rollback N (ipvsh history), N before {target}"
        )));
    }
    match head.parent {
        Some(parent) => store.snapshot(parent),
        None => Err(
            Error::not_found("the head is the first snapshot: there is none before it")
                .attempt("cannot roll back")
                .hint("to remove everything that is ours: ipvsh -e 'clear()'"),
        ),
    }
}

impl Director {
    /// All snapshots, newest first.
    ///
    /// # Errors
    /// As the store fails.
    pub fn history(&self) -> Result<Vec<Snapshot>> {
        self.stores.open()?.snapshots()
    }

    /// The snapshots that changed an object (`tcp 192.0.2.10:80`, `timeouts`, `mark 666`),
    /// newest first.
    ///
    /// # Errors
    /// `invalid` for a malformed name, as the store fails.
    pub fn history_of(&self, object: &str) -> Result<Vec<Snapshot>> {
        let object = Object::parse(object)?;
        let store = self.stores.open()?;
        let mut touching = Vec::new();
        for snapshot in store.snapshots()? {
            let (before, after) = both_sides(&*store, &snapshot)?;
            if before
                .differences(&after)
                .iter()
                .any(|entry| object.fits(entry))
            {
                touching.push(snapshot);
            }
        }
        Ok(touching)
    }

    /// What a snapshot changed against the one before it.
    ///
    /// # Errors
    /// As the store fails.
    pub fn changes_of(&self, id: SnapshotId) -> Result<Vec<Change>> {
        let store = self.stores.open()?;
        let (before, after) = both_sides(&*store, &store.snapshot(id)?)?;
        Ok(between(&before, &after))
    }

    /// The same of many, with the store opened once.
    ///
    /// # Errors
    /// As the store fails.
    pub fn changes_of_each(&self, snapshots: &[Snapshot]) -> Result<Vec<Vec<Change>>> {
        let store = self.stores.open()?;
        let changes = |snapshot| {
            let (before, after) = both_sides(&*store, snapshot)?;
            Ok(between(&before, &after))
        };
        snapshots.iter().map(changes).collect()
    }

    /// Finds a snapshot by name.
    ///
    /// # Errors
    /// `not_found`.
    pub fn snapshot(&self, name: &SnapshotName) -> Result<Snapshot> {
        resolve(&*self.stores.open()?, name)
    }

    /// The snapshot that a bare `rollback` goes to.
    ///
    /// # Errors
    /// `state` where the head is itself a rollback; `not_found` where there is none before it.
    pub fn before_head(&self) -> Result<Snapshot> {
        before_head(&*self.stores.open()?)
    }

    /// A snapshot's ruleset; without a name, the head's.
    ///
    /// # Errors
    /// `not_found`.
    pub fn ruleset(&self, name: Option<&SnapshotName>) -> Result<Ruleset> {
        let store = self.stores.open()?;
        match name {
            Some(name) => store.ruleset(resolve(&*store, name)?.id),
            None => Ok(head_of(&*store)?.1),
        }
    }

    /// Compares: the head with live, a snapshot with live, or two snapshots.
    ///
    /// # Errors
    /// `not_found`; as the kernel refuses, where live is asked for.
    pub fn diff(
        &mut self,
        a: Option<&SnapshotName>,
        b: Option<&SnapshotName>,
    ) -> Result<Difference> {
        let store = self.stores.open()?;
        let notes = self.unfinished(&*store)?.into_iter().collect();
        let first = resolve(&*store, a.unwrap_or(&SnapshotName::Head(0)))?;
        let from = store.ruleset(first.id)?;
        if let Some(b) = b {
            let second = resolve(&*store, b)?;
            let to = store.ruleset(second.id)?;
            return Ok(Difference {
                from: format!("snapshot {}", first.id),
                to: format!("snapshot {}", second.id),
                changes: between(&from, &to),
                foreign: Foreign::default(),
                notes,
            });
        }
        let (_, head) = head_of(&*store)?;
        drop(store);
        let live = self.kernel.observe()?;
        let known = ours(&live.rules, &from, &head);
        Ok(Difference {
            from: format!("snapshot {}", first.id),
            to: "live".to_owned(),
            changes: between(&from, &known),
            foreign: foreign(&head, &live.rules, &from),
            notes,
        })
    }

    /// Gives a snapshot a tag.
    ///
    /// # Errors
    /// `not_found`; `invalid` for text that cannot be a tag.
    pub fn tag(&mut self, name: &SnapshotName, tag: &str) -> Result<Snapshot> {
        let tag = crate::model::snapshot::check_tag(tag)?;
        let mut store = self.stores.open_to_write()?;
        let snapshot = resolve(&*store, name)?;
        store.set_tag(&tag, snapshot.id)?;
        store.snapshot(snapshot.id)
    }
}

/// Live rules without what is foreign: what neither of two rulesets knows.
fn ours(live: &Ruleset, one: &Ruleset, other: &Ruleset) -> Ruleset {
    let mut rules = Ruleset::default();
    let known = |entry: &EntryKey| one.get(entry).is_some() || other.get(entry).is_some();
    for entry in live.entries().into_iter().filter(known) {
        // A timeout that only the head manages is at the kernel's choice for the other.
        if let (EntryKey::Timeout(_), None) = (&entry, one.get(&entry)) {
            continue;
        }
        let value = match (one.get(&entry), live.get(&entry)) {
            (Some(wanted), Some(live)) if wanted.satisfied_by(&live) => Some(wanted),
            (_, live) => live,
        };
        rules.put(&entry, value);
    }
    rules
}

pub(super) fn both_sides(store: &dyn Store, snapshot: &Snapshot) -> Result<(Ruleset, Ruleset)> {
    let before = match snapshot.parent {
        Some(parent) => match store.ruleset(parent) {
            Ok(rules) => rules,
            // Pruned: what it changed cannot be told from what was there.
            Err(error) if error.kind() == Kind::NotFound => Ruleset::default(),
            Err(error) => return Err(error),
        },
        None => Ruleset::default(),
    };
    Ok((before, store.ruleset(snapshot.id)?))
}

/// What a user names as an object: a service, `mark N`, `timeouts`, `daemons`.
pub(super) enum Object {
    Service(ServiceName),
    Mark(crate::model::Fwmark),
    Timeouts,
    Daemons,
}

impl Object {
    pub(super) fn parse(text: &str) -> Result<Object> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["timeouts" | "timeout"] => Ok(Object::Timeouts),
            ["daemons" | "daemon"] => Ok(Object::Daemons),
            ["mark", number] => crate::model::Fwmark::parse(number).map(Object::Mark),
            _ => ServiceName::parse(text).map(Object::Service),
        }
    }

    pub(super) fn fits(&self, entry: &EntryKey) -> bool {
        match (self, entry) {
            (Object::Service(name), EntryKey::Service(key) | EntryKey::Server(key, _)) => {
                name.fits(key)
            }
            (Object::Service(name), EntryKey::Marks(key)) => name.fits(&key.service()),
            (Object::Mark(mark), EntryKey::Marks(key)) => *mark == key.mark,
            (Object::Timeouts, EntryKey::Timeout(_)) | (Object::Daemons, EntryKey::Daemon(_)) => {
                true
            }
            _ => false,
        }
    }
}
