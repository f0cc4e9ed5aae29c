//! One commit as the mirror has it: the snapshot, what it set and removed, and how far it came.

use serde::{Deserialize, Serialize};

use super::super::content::Content;
use super::super::found_values::FoundContent;
use super::super::record::Record;
use super::super::{Confirm, Turn};
use super::broken;
use crate::error::Result;
use crate::model::{EntryKey, EntryValue, FoundValues, MarkRule, Ruleset, Snapshot};

/// A snapshot and where its ruleset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Head {
    /// The snapshot, without tags.
    pub(in crate::store) snapshot: Snapshot,
    /// Its content.
    pub(in crate::store) content: Content,
    /// The values found of its entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) found: Option<FoundContent>,
    /// How it was to be confirmed, for one that had to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) confirm: Option<Confirm>,
}

impl Head {
    /// What a record leads to.
    pub(in crate::store) fn of(record: &Record) -> Head {
        Head {
            snapshot: record.snapshot.clone(),
            content: record.content,
            found: record.found.clone(),
            confirm: record.confirm.clone(),
        }
    }
}

/// What a commit leads to, and where its line stands.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Placed {
    #[serde(flatten)]
    pub(super) head: Head,
    /// How many bytes of the log are before its line. A line that is there twice, or in another
    /// place, does not stand where it says; those of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
}

impl Placed {
    /// Checks that the line stands where it was written.
    ///
    /// # Errors
    /// `damaged`.
    pub(super) fn check(&self, at: u64) -> Result<()> {
        match self.at {
            Some(written) if written != at => Err(broken(
                "a line of its log does not stand where it was written",
            )),
            _ => Ok(()),
        }
    }
}

/// One commit: what it leads to and how.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Commit {
    #[serde(flatten)]
    pub(super) place: Placed,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set: Vec<(EntryKey, EntryValue)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unset: Vec<EntryKey>,
    /// All marks, where setting them one by one would not give their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marks: Option<Vec<MarkRule>>,
    /// What the kernel is to hold again beside the old rules, where it is not confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    back: Vec<(EntryKey, EntryValue)>,
    /// Entries of the old rules that the kernel is not to hold again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    back_without: Vec<EntryKey>,
    /// Values found that the new snapshot has and the old one had otherwise, or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    found_set: Vec<(EntryKey, EntryValue)>,
    /// Values found that only the old one had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    found_unset: Vec<EntryKey>,
}

impl Commit {
    pub(super) fn of(turn: &Turn, head: Head, at: u64) -> Commit {
        let (old, new) = (turn.from, turn.to);
        let mut commit = Commit {
            place: Placed { head, at: Some(at) },
            set: Vec::new(),
            unset: Vec::new(),
            marks: None,
            back: Vec::new(),
            back_without: Vec::new(),
            found_set: Vec::new(),
            found_unset: Vec::new(),
        };
        if let Some((_, back)) = turn.unless {
            for key in old.differences(back) {
                match back.get(&key) {
                    Some(value) => commit.back.push((key, value)),
                    None => commit.back_without.push(key),
                }
            }
        }
        let (before, after) = turn.found;
        if before != after {
            for key in before.entries().union(&after.entries()) {
                match after.get(key) {
                    Some(value) if before.get(key).as_ref() != Some(&value) => {
                        commit.found_set.push((*key, value));
                    }
                    Some(_) => {}
                    None => commit.found_unset.push(*key),
                }
            }
        }
        for key in old.differences(new) {
            match (new.get(&key), key) {
                (Some(value), _) => commit.set.push((key, value)),
                // Goes with its service.
                (None, EntryKey::Server(service, _)) if !new.services.contains_key(&service) => {}
                (None, _) => commit.unset.push(key),
            }
        }
        if old.marks != new.marks {
            let mut trial = Ruleset {
                marks: old.marks.clone(),
                ..Ruleset::default()
            };
            let is_mark = |key: &EntryKey| matches!(key, EntryKey::Marks(_));
            let unset = commit.unset.iter().filter(|key| is_mark(key));
            unset.for_each(|key| trial.put(key, None));
            let set = commit.set.iter().filter(|(key, _)| is_mark(key));
            set.for_each(|(key, value)| trial.put(key, Some(value.clone())));
            if trial.marks != new.marks {
                commit.set.retain(|(key, _)| !is_mark(key));
                commit.unset.retain(|key| !is_mark(key));
                commit.marks = Some(new.marks.clone());
            }
        }
        commit
    }

    /// What the kernel is to hold again, where these are the rules before it.
    pub(super) fn back(&self, before: &Ruleset) -> Ruleset {
        let mut back = before.clone();
        for key in &self.back_without {
            back.put(key, None);
        }
        for (key, value) in &self.back {
            back.put(key, Some(value.clone()));
        }
        back
    }

    /// Makes the values found before it those that go with it.
    pub(super) fn apply_found(&self, found: &mut FoundValues) {
        for key in &self.found_unset {
            found.remove(key);
        }
        for (key, value) in &self.found_set {
            found.put(key, value.clone());
        }
    }

    pub(super) fn apply(self, rules: &mut Ruleset) -> Head {
        for key in &self.unset {
            rules.put(key, None);
        }
        for (key, value) in self.set {
            rules.put(&key, Some(value));
        }
        if let Some(marks) = self.marks {
            rules.marks = marks;
        }
        self.place.head
    }
}

/// What is known of a commit's line besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum State {
    /// `?`
    UnderWay,
    /// `+`
    Done,
    /// `=`
    Kept,
    /// `-`
    Void,
}

impl State {
    pub(super) fn byte(self) -> u8 {
        match self {
            State::UnderWay => b'?',
            State::Done => b'+',
            State::Kept => b'=',
            State::Void => b'-',
        }
    }

    pub(super) fn of(byte: u8) -> Option<State> {
        [State::UnderWay, State::Done, State::Kept, State::Void]
            .into_iter()
            .find(|state| state.byte() == byte)
    }

    /// The database has it.
    pub(in crate::store) fn is_done(self) -> bool {
        matches!(self, State::Done | State::Kept)
    }
}
