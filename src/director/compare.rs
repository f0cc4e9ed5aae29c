//! Comparing: the head with live, a snapshot with live, two snapshots.

use super::names::{resolve, told};
use super::{Director, head_of};
use crate::error::Result;
use crate::model::{EntryKey, EntryValue, Ruleset, SnapshotName, with_derived};
use crate::plan::{Change, Foreign, between, foreign};

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

impl Director {
    /// Compares: the head with live, a snapshot with live, or two snapshots.
    ///
    /// # Errors
    /// `not_found`; as the kernel refuses, where live is asked for.
    pub fn diff(
        &mut self,
        a: Option<&SnapshotName>,
        b: Option<&SnapshotName>,
    ) -> Result<Difference> {
        let now = self.now();
        let store = self.stores.open()?;
        let mut notes = self.unsettled(&*store)?;
        let a = a.unwrap_or(&SnapshotName::Head(0));
        let first = resolve(&*store, a, now)?;
        notes.extend(told(a, &first));
        if let Some(b) = b {
            let second = resolve(&*store, b, now)?;
            notes.extend(told(b, &second));
            let (from, to) = store.differing(first.id, second.id)?;
            return Ok(Difference {
                from: format!("snapshot {}", first.id),
                to: format!("snapshot {}", second.id),
                changes: between(&from, &to),
                foreign: Foreign::default(),
                notes,
            });
        }
        let from = store.ruleset(first.id)?;
        let (_, head) = head_of(&*store)?;
        drop(store);
        let live = self.observe(&[&from, &head])?;
        let overlay = self.overlay();
        let overlay = overlay.as_the_kernel_has(&head, &live.rules);
        // Ours is what the head declares, also where a check took it out.
        let (from, head) = (overlay.apply(&from), with_derived(&head));
        let known = ours(&live.rules, &from, &head);
        Ok(Difference {
            from: format!("snapshot {}", first.id),
            to: "live".to_owned(),
            changes: between(&from, &known),
            foreign: foreign(&head, &live.rules, &from),
            notes,
        })
    }
}

/// Live rules without what is foreign: what neither of two rulesets knows.
fn ours(live: &Ruleset, one: &Ruleset, other: &Ruleset) -> Ruleset {
    let mut rules = Ruleset::default();
    let known = |entry: &EntryKey| one.get(entry).is_some() || other.get(entry).is_some();
    for entry in live.entries().into_iter().filter(known) {
        // A setting that only the head manages is at the kernel's default without it: no difference
        // where it is there already.
        if let (EntryKey::Setting(key), None) = (&entry, one.get(&entry))
            && key.is_always_there()
            && live.get(&entry) == key.default_value().map(EntryValue::Setting)
        {
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
