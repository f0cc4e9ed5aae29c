//! Letting go: what is recorded as ours and is to be somebody else's again.

use chrono::{DateTime, Utc};

use super::begun::{Begun, Change};
use super::confirm::nothing_to_confirm;
use super::history::{both_sides, parent_is_pruned};
use super::names::resolve;
use super::object::Object;
use super::options::ChangeOptions;
use super::report::Report;
use super::transaction::Recording;
use super::{Director, found_of, head_of};
use crate::error::{Error, Result};
use crate::model::{EntryKey, Extent, Live, Ruleset, SnapshotId, SnapshotName, count};
use crate::plan::{Plan, between, foreign};
use crate::signals;
use crate::store::Store;

impl Director {
    /// Takes objects out of the record, or what a snapshot recorded; the kernel is not touched.
    /// What it holds of them is somebody else's from then on, as before an adoption.
    ///
    /// # Errors
    /// `not_found` where an object is not in the head; `invalid` for a malformed name.
    pub fn forget(&mut self, names: &[String], options: &ChangeOptions) -> Result<Report> {
        let _hold = signals::hold();
        if options.confirm.is_some() {
            return Err(nothing_to_confirm("forget", "it does not touch the kernel"));
        }
        let now = self.now();
        let (store, mut notes) = self.begin(options)?;
        let (head, head_rules) = head_of(&*store)?;
        let live = self.observe(&[&head_rules])?;
        let mut rules = head_rules.clone();
        let mut revert_of = None;
        for name in names {
            match snapshot_name(name) {
                Some(snapshot) => {
                    let (id, kept) = unrecord(&*store, &snapshot, now, &mut rules)?;
                    revert_of = Some(id);
                    notes.extend(kept);
                }
                None => drop_object(&mut rules, name)?,
            }
        }
        let plan = untouched(&head_rules, &rules, &live);
        let head_id = head.as_ref().map(|head| head.id);
        let found = found_of(&*store, head_id, &Extent::Whole)?;
        let message = format!("forget {}", names.join(", "));
        let recording = Recording {
            message: options.message.clone().unwrap_or(message),
            rollback_of: None,
            revert_of: revert_of.filter(|_| names.len() == 1),
            rules: &rules,
            ends_wait: false,
            forgets: true,
        };
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let change = Change::naming_nothing(begun, &live, plan, recording);
        self.finish(change, options)
    }
}

/// The plan of what changes the record alone.
pub(super) fn untouched(head: &Ruleset, rules: &Ruleset, live: &Live) -> Plan {
    Plan {
        changes: between(head, rules),
        foreign: foreign(rules, &live.rules, rules),
        target: live.clone(),
        ..Plan::default()
    }
}

/// A number, `head` or `head~2`: no object is called so. A tag could be mistaken for one.
fn snapshot_name(name: &str) -> Option<SnapshotName> {
    SnapshotName::parse(name)
        .ok()
        .filter(|name| !matches!(name, SnapshotName::Tag(_)))
}

/// Puts back what a snapshot recorded: its entries are as the snapshot before it had them. What
/// was changed since stays, with a note.
fn unrecord(
    store: &dyn Store,
    name: &SnapshotName,
    now: DateTime<Utc>,
    rules: &mut Ruleset,
) -> Result<(SnapshotId, Option<String>)> {
    let snapshot = resolve(store, name, now).map_err(|e| e.attempt("cannot forget"))?;
    let Some((before, after)) = both_sides(store, &snapshot)? else {
        return Err(parent_is_pruned(&snapshot).attempt("cannot forget"));
    };
    let standing = rules.clone();
    let (theirs, since): (Vec<EntryKey>, Vec<EntryKey>) = before
        .differences(&after)
        .into_iter()
        .partition(|entry| standing.get(entry) == after.get(entry));
    for entry in theirs {
        rules.put(&entry, before.get(&entry));
    }
    rules.arrange_marks(&before);
    let kept = (!since.is_empty()).then(|| {
        format!(
            "{} of snapshot {} changed since: the record keeps what it has of them",
            count(since.len(), "entry").replace("entrys", "entries"),
            snapshot.id
        )
    });
    Ok((snapshot.id, kept))
}

fn drop_object(rules: &mut Ruleset, name: &str) -> Result<()> {
    let object = Object::parse(name)?;
    let mut entries = rules.entries();
    if let Object::Service(service) = &object {
        service.resolve(rules.services.keys()).map_err(|e| {
            e.attempt("cannot forget")
                .maybe_hint(object.server_hint(&entries))
        })?;
    }
    entries.retain(|entry| object.fits(entry));
    if let (true, Some(EntryKey::Setting(key))) = (object.is_of_the_record(), entries.first()) {
        let ends = format!("to end it: ipvsh enable {}", key.name());
        return Err(
            Error::invalid("no kernel has it: there is nothing to leave behind")
                .object(name)
                .attempt("cannot forget")
                .hint(ends),
        );
    }
    if entries.is_empty() {
        return Err(Error::not_found("nothing of that name is in the head")
            .object(name)
            .attempt("cannot forget"));
    }
    for entry in entries {
        rules.put(&entry, None);
    }
    Ok(())
}
