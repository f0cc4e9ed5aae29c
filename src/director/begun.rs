//! The history as a change found it, a change that was planned, and what changes of every kind say.

use super::transaction::Recording;
use crate::error::{Error, Kind};
use crate::model::{EntryKey, Extent, FoundValues, Live, MarkKey, Ruleset, Snapshot};
use crate::plan::Plan;
use crate::store::Store;

/// The history as a change found it, open until the change is recorded.
pub(super) struct Begun {
    pub store: Box<dyn Store>,
    /// What opening it had to say.
    pub notes: Vec<String>,
    pub head: Option<Snapshot>,
    pub head_rules: Ruleset,
    /// The values found of the head's entries.
    pub found: FoundValues,
}

impl Begun {
    /// The same, knowing a part of the head alone.
    pub fn within(self, part: &Extent) -> Begun {
        Begun {
            head_rules: part.within(&self.head_rules),
            found: self.found.within(part),
            ..self
        }
    }
}

/// A change that was planned: what every use case hands to [`super::Director::finish`].
pub(super) struct Change<'a> {
    /// The history as the change found it.
    pub begun: Begun,
    /// The state that the plan was made from.
    pub live: &'a Live,
    /// Returns true for an entry whose removal the change names.
    pub is_named: &'a dyn Fn(&EntryKey) -> bool,
    pub plan: Plan,
    /// What is to be recorded when the kernel has followed.
    pub recording: Recording<'a>,
}

impl<'a> Change<'a> {
    /// A change that names no removal: whatever it removes follows from something else.
    pub fn naming_nothing(
        begun: Begun,
        live: &'a Live,
        plan: Plan,
        recording: Recording<'a>,
    ) -> Change<'a> {
        Change {
            begun,
            live,
            is_named: &|_| false,
            plan,
            recording,
        }
    }
}

/// The refusal to set rules of a mark that this host has nothing to set with.
pub(super) fn unavailable(key: &MarkKey, why: &str) -> Error {
    Error::new(Kind::Unsupported, format!("not available: {why}"))
        .object(format!("rules of {key}"))
        .attempt("cannot set")
        .hint("services without marks can be managed as ever")
}
