//! What happens to a commit that nobody confirmed: its own changes are taken back in the kernel, each
//! object by itself, and the history learns of it.

use super::awaiting::{Awaiting, TimerState, parent_rules};
use super::transaction::kept_sentence;
use super::undo::take_back;
use super::{Director, found_of};
use crate::error::{Error, Kind, Result};
use crate::health::Overlay;
use crate::model::{Extent, Live, Ruleset, SnapshotId, count};
use crate::plan::{Change, Deltas, HeldServers, TakenBack, between, described, tally};
use crate::signals;
use crate::store::{Draft, Pending, Store, Turn};

/// A commit that was not confirmed: what it changed, and what the record returns to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// When its time is over.
    pub pending: Pending,
    /// What it changed in the kernel.
    pub(super) deltas: Deltas,
}

impl Unconfirmed {
    /// The head of a history, where it awaits confirmation.
    pub(super) fn of(store: &dyn Store, overlay: &Overlay) -> Result<Option<Unconfirmed>> {
        let Some(pending) = store.pending()? else {
            return Ok(None);
        };
        let head = store.rules_of_head()?;
        let deltas = Deltas::between(&store.back()?, &head, overlay);
        Ok(Some(Unconfirmed { pending, deltas }))
    }

    /// A kernel without what it changed.
    pub(super) fn taken_back(&self, live: &Live) -> TakenBack {
        self.deltas.taken_back(live)
    }

    /// The same as a mirror has it.
    pub(super) fn of_mirror(
        pending: Pending,
        back: &Ruleset,
        rules: &Ruleset,
        overlay: &Overlay,
    ) -> Unconfirmed {
        let deltas = Deltas::between(back, rules, overlay);
        Unconfirmed { pending, deltas }
    }
}

/// What became of the changes of a commit that was not confirmed.
#[derive(Default)]
pub(super) struct Reverted {
    /// The changes that it took.
    pub changes: Vec<Change>,
    /// What could not be taken back, and what somebody else changed since, a sentence each.
    pub left: Vec<String>,
}

impl Reverted {
    /// All of it in words, for behind a sentence.
    pub fn words(&self) -> String {
        let changes = count(self.changes.len(), "change");
        match self.left.is_empty() {
            true => changes,
            false => format!("{changes}; {}", self.left.join("; ")),
        }
    }
}

impl Director {
    /// Rolls the head back, which was not confirmed; says so in a sentence. The kernel comes first:
    /// a history that cannot be written keeps nothing from being rolled back.
    pub(super) fn expire(
        &mut self,
        mut store: Box<dyn Store>,
        awaiting: &Awaiting,
    ) -> Result<String> {
        let (id, to) = (awaiting.snapshot, awaiting.place());
        let reverted = match (
            awaiting.left.end(),
            Unconfirmed::of(&*store, &self.overlay())?,
        ) {
            (None, Some(unconfirmed)) => self.take_unconfirmed_back(&unconfirmed)?,
            // Nothing of it is in a kernel any more.
            _ => Reverted::default(),
        };
        let recorded = self.record_rollback(&mut *store, awaiting, &reverted);
        if let Ok(id) = recorded {
            self.made_head(id);
        }
        let snapshot = recorded.map_err(|error| {
            error.hint(format!(
                "snapshot {id} was not confirmed in time: the kernel is rolled back to {to} ({}), \
                 and the next command that writes records it",
                reverted.words()
            ))
        })?;
        Ok(match awaiting.left.end() {
            Some(end) => format!(
                "snapshot {id} was not confirmed {end}: rolled back to {to}, as snapshot {snapshot}"
            ),
            None => format!(
                "snapshot {id} was not confirmed in time: rolled back to {to}, as snapshot {snapshot}, {}",
                reverted.words()
            ),
        })
    }

    /// Records that the head, which was not confirmed, gave way to the one before it.
    fn record_rollback(
        &self,
        store: &mut dyn Store,
        awaiting: &Awaiting,
        reverted: &Reverted,
    ) -> Result<SnapshotId> {
        let (id, parent) = (awaiting.snapshot, awaiting.rolls_back_to);
        let head_rules = store.rules_of_head()?;
        let rules = parent_rules(store, parent)?;
        let found = found_of(store, Some(id), &Extent::Whole)?;
        let found_then = found_of(store, parent, &Extent::Whole)?;
        let draft = Draft {
            time: self.now(),
            author: self.author.clone(),
            message: format!("rollback to {} (not confirmed)", awaiting.target()),
            rollback_of: parent,
            tally: tally(&described(
                &reverted.changes,
                &HeldServers::new(),
                &head_rules,
                &rules,
            )),
            origin: self.origin.clone(),
            ..Draft::default()
        };
        let turn = Turn {
            from: &head_rules,
            to: &rules,
            found: (&found, &found_then),
            unless: None,
        };
        let snapshot = store.record_turn(&draft, &turn)?;
        if !reverted.left.is_empty() {
            let message = format!(
                "the rollback of snapshot {id} left: {}",
                reverted.left.join("; ")
            );
            // It is done: what fails from here on is no reason to say that it was not.
            let _ = self.note(store, &message);
        }
        Ok(snapshot.id)
    }

    /// Takes back in the kernel what an unconfirmed commit changed, each object by itself: drift
    /// elsewhere neither blocks it nor is repaired, and what somebody else changed since stays.
    ///
    /// # Errors
    /// `state` in another network namespace; as the kernel cannot be read.
    pub(super) fn take_unconfirmed_back(&mut self, unconfirmed: &Unconfirmed) -> Result<Reverted> {
        self.check_namespace(&unconfirmed.pending)?;
        let deltas = &unconfirmed.deltas;
        if deltas.is_empty() {
            return Ok(Reverted::default());
        }
        let returned = take_back(&mut *self.kernel, deltas)?;
        let failures = match returned.left.is_empty() {
            true => &[][..],
            false => &returned.failures,
        };
        Ok(Reverted {
            changes: between(&returned.before.rules, &returned.now.rules),
            left: failures
                .iter()
                .map(Error::to_string)
                .chain(returned.kept.iter().map(kept_sentence))
                .collect(),
        })
    }

    /// Looks after a snapshot, for the process that waits for it: undoes a commit that was cut off,
    /// rolls back one whose time is over; notes what it did. `known` is what that process knows of
    /// the commit: with it the kernel is rolled back also where the history is damaged, gone, or on
    /// a full disk.
    ///
    /// # Errors
    /// As the history fails to open, and as a rollback fails: it is to be called again.
    pub fn check_confirm_timer(
        &mut self,
        id: SnapshotId,
        known: &mut Option<Unconfirmed>,
        notes: &mut Vec<String>,
    ) -> Result<TimerState> {
        let _hold = signals::hold();
        let error = match self.timer_by_history(id, known, notes) {
            Ok(Some(state)) => return Ok(state),
            Ok(None) => None,
            // Another command has the history open, and may be changing the kernel: it ends soon.
            Err(error) if matches!(error.kind(), Kind::Busy | Kind::Interrupted) => {
                return Err(error);
            }
            Err(error) => Some(error),
        };
        let Some(unconfirmed) = known.clone() else {
            return match error {
                Some(error) => self.timer_by_mirror(id, error, known),
                None => Ok(TimerState::Over),
            };
        };
        let deadline = unconfirmed.pending.confirm.deadline;
        if deadline > self.confirm_timer.now() {
            notes.extend(error.map(|error| format!("snapshot {id}: {error}")));
            return Ok(TimerState::Until(deadline));
        }
        let reverted = self.take_unconfirmed_back(&unconfirmed)?;
        let done = format!(
            "snapshot {id} was not confirmed in time: the kernel was rolled back, {}",
            reverted.words()
        );
        match error {
            // The next command that writes records it, when the damage is repaired.
            Some(error) if error.kind() == Kind::Damaged => {
                notes.push(format!("{done}; the history cannot be written: {error}"));
                Ok(TimerState::Over)
            }
            // It is to be recorded as soon as there is room.
            Some(error) => Err(error.hint(done)),
            None => {
                notes.push(format!("{done}; the history does not hold it any more"));
                Ok(TimerState::Over)
            }
        }
    }

    /// What the history says; none where it does not hold a commit that is known.
    fn timer_by_history(
        &mut self,
        id: SnapshotId,
        known: &mut Option<Unconfirmed>,
        notes: &mut Vec<String>,
    ) -> Result<Option<TimerState>> {
        let store = self.stores.open()?;
        let found =
            Unconfirmed::of(&*store, &self.overlay())?.filter(|found| found.pending.id == id);
        let is_settled = store.intent()?.is_none();
        let is_lost = known.is_some() && store.snapshot(id).is_err();
        drop(store);
        match found {
            Some(found) => *known = Some(found),
            None if is_lost => return Ok(None),
            // Nothing is made where the database is gone.
            None if is_settled => return Ok(Some(TimerState::Over)),
            None => {}
        }
        let store = self.open_settled(notes)?;
        Ok(Some(match store.pending()? {
            Some(pending) if pending.id == id => TimerState::Until(pending.confirm.deadline),
            _ => TimerState::Over,
        }))
    }

    /// Where the database is damaged and nothing is known yet: the mirror knows it too.
    fn timer_by_mirror(
        &mut self,
        id: SnapshotId,
        error: Error,
        known: &mut Option<Unconfirmed>,
    ) -> Result<TimerState> {
        if error.kind() != Kind::Damaged {
            return Err(error);
        }
        let mirrored = self.stores.mirrored().map_err(|_| error)?;
        let Some(unconfirmed) = mirrored.unconfirmed.filter(|found| found.pending.id == id) else {
            return Ok(TimerState::Over);
        };
        let deadline = unconfirmed.pending.confirm.deadline;
        let (pending, back) = (unconfirmed.pending, unconfirmed.back);
        *known = Some(Unconfirmed::of_mirror(
            pending,
            &back,
            &mirrored.rules,
            &self.overlay(),
        ));
        Ok(TimerState::Until(deadline))
    }
}
