//! Undoing one snapshot and keeping what came after it.

use super::begun::Begun;
use super::change::{Recorded, named};
use super::history::{both_sides, last_to_change, parent_is_pruned};
use super::names::{resolve, told};
use super::options::ChangeOptions;
use super::report::{Outcome, Report};
use super::{Director, found_of, head_of};
use crate::candidate::{Candidate, Clash};
use crate::error::{Error, Kind, Result};
use crate::model::origin::cut;
use crate::model::{Extent, FoundValues, Snapshot, SnapshotName};
use crate::plan::LINE;
use crate::signals;
use crate::store::Store;

impl Director {
    /// Undoes what one snapshot changed, per entry and field, and keeps what came after. It is a
    /// commit like any: it looks only at what that snapshot touched.
    ///
    /// # Errors
    /// `not_found`; `state` where the snapshot before it was pruned; `conflict`, naming the later
    /// snapshot, where one changed the same thing; as [`Director::commit`].
    pub fn revert(&mut self, name: &SnapshotName, options: &ChangeOptions) -> Result<Report> {
        let _hold = signals::hold();
        let now = self.now();
        let (store, mut notes) = self.begin(options)?;
        let (head, head_rules) = head_of(&*store)?;
        let bad = resolve(&*store, name, now)?;
        notes.extend(told(name, &bad));
        let Some((before, after)) = both_sides(&*store, &bad)? else {
            return Err(parent_is_pruned(&bad).attempt("cannot revert"));
        };
        let undoing = Candidate::between(Some(bad.id), after, before);
        let head_id = head.as_ref().map(|head| head.id);
        let mine = match undoing.rebase(head_id, &head_rules) {
            Ok(mine) => mine,
            Err(clash) => {
                let later = last_to_change(&*store, Some(bad.id), &clash)?;
                return Err(refusal(&bad, &clash, later.as_ref()));
            }
        };
        let found = found_of(&*store, head_id, &Extent::Whole)?;
        let found_then = without_those_of(&*store, &found, &bad)?;
        let recorded = Recorded {
            message: Some(cut(&format!("revert of {}: {}", bad.id, bad.message), LINE)),
            revert_of: Some(bad.id),
            found_then: Some(found_then),
        };
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let mut report = self.carry_over(begun, &mine, recorded, options)?;
        let nothing = mine.is_untouched() && report.plan.is_empty();
        if nothing && matches!(report.outcome, Outcome::Unchanged | Outcome::Planned) {
            report.notes.push(format!(
                "nothing of what snapshot {} changed is left in the head",
                bad.id
            ));
        }
        Ok(report)
    }
}

/// The values found, without those that came with one snapshot, and with those that it gave back.
fn without_those_of(store: &dyn Store, found: &FoundValues, bad: &Snapshot) -> Result<FoundValues> {
    let then = found_of(store, Some(bad.id), &Extent::Whole)?;
    let before = found_of(store, bad.parent, &Extent::Whole)?;
    let mut kept = found.clone();
    for entry in then.entries() {
        if !before.has(&entry) {
            kept.remove(&entry);
        }
    }
    for entry in before.entries() {
        if let (false, Some(value)) = (then.has(&entry), before.get(&entry)) {
            kept.put(&entry, value);
        }
    }
    Ok(kept)
}

fn refusal(bad: &Snapshot, clash: &Clash, later: Option<&Snapshot>) -> Error {
    let by = later.map_or("a later snapshot".to_owned(), named);
    let error = Error::new(
        Kind::Conflict,
        format!("{} was changed again by {by}", clash.what()),
    )
    .object(clash.entry)
    .attempt(format!("cannot revert snapshot {}", bad.id));
    match later {
        Some(later) => error.hint(format!(
            "revert the later one first (ipvsh revert {}), or set it by hand",
            later.id
        )),
        None => error.hint("set it by hand: ipvsh -e CODE"),
    }
}
