//! Commits that must be confirmed: what the head awaits, confirming it, rolling it back.
//!
//! The history holds the truth: such a head carries the boot in which it was made, and a deadline
//! in CLOCK_BOOTTIME. Whoever opens the history to write after that rolls it back first: the next
//! command, `restore` at boot, or the process that a commit starts to wait for it
//! ([`Director::check_confirm_timer`]). None of them is needed for another to do it.

use super::awaiting::{Awaiting, Left, parent_rules};
use super::begun::{Begun, Change};
use super::confirm_timer::ArmedTimer;
use super::expire::Unconfirmed;
use super::options::ChangeOptions;
use super::report::Report;
use super::transaction::{Recording, kept_sentence};
use super::{Director, found_of, head_of};
use crate::error::{Error, Kind, Result};
use crate::kernel::Place;
use crate::model::{Extent, Grace, Ruleset, Snapshot, SnapshotId};
use crate::plan::Plan;
use crate::signals;
use crate::store::{Confirm, Pending, Store, Stores};

/// The record of taking a head back that awaits confirmation.
fn taking_back<'a>(awaiting: &Awaiting, message: String, rules: &'a Ruleset) -> Recording<'a> {
    Recording {
        message,
        rollback_of: awaiting.rolls_back_to,
        revert_of: None,
        rules,
        ends_wait: true,
        forgets: false,
    }
}

/// What was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The snapshot, which stands now.
    pub snapshot: Snapshot,
    /// The seconds that were left.
    pub seconds_left: u64,
    /// What opening the history had to say: what it recovered first.
    pub notes: Vec<String>,
}

impl Confirmed {
    /// The sentence that tells it.
    pub fn sentence(&self) -> String {
        format!(
            "snapshot {} confirmed, {} s before it would have rolled back",
            self.snapshot.id, self.seconds_left
        )
    }
}

impl Director {
    /// Lets the head stand, which awaited confirmation; from any network namespace.
    ///
    /// # Errors
    /// `state` where nothing awaits confirmation, and where it comes too late: what was to be
    /// confirmed is rolled back then.
    pub fn confirm(&mut self) -> Result<Confirmed> {
        self.refuse_in_declaration("confirm")?;
        let _hold = signals::hold();
        // A rollback that was cut off is undone first: what is confirmed has to be in the kernel.
        let (mut store, mut notes) = self.open_to_write()?;
        let head = store.head()?;
        let (Some(awaiting), Some(snapshot)) = (self.awaiting(&*store)?, head.clone()) else {
            return Err(nothing_awaits(head.as_ref()));
        };
        let Left::Seconds(seconds_left) = awaiting.left else {
            drop(store);
            self.open_settled(&mut notes)?;
            let error = Error::new(Kind::State, "it comes too late").attempt("cannot confirm");
            let error = error.object(format!("snapshot {}", awaiting.snapshot));
            return Err(notes.into_iter().fold(error, Error::hint));
        };
        if let Err(error) = store.keep() {
            drop(store);
            self.look_again(error, |store| {
                let head = store.head()?.map(|head| head.id);
                Ok(head == Some(snapshot.id) && store.pending()?.is_none())
            })?;
        }
        Ok(Confirmed {
            snapshot,
            seconds_left,
            notes,
        })
    }

    /// What the head awaits, for a prompt: at once, without the lock; it may be a moment old.
    pub fn glance(&self) -> Option<Awaiting> {
        self.awaiting_of(&self.stores.notice()?).ok()
    }

    /// What the head awaits, where it awaits confirmation.
    ///
    /// # Errors
    /// As the store fails.
    pub fn pending(&self) -> Result<Option<Awaiting>> {
        self.awaiting(&*self.stores.open()?)
    }

    /// What the head awaits.
    pub(super) fn awaiting(&self, store: &dyn Store) -> Result<Option<Awaiting>> {
        let Some(pending) = store.pending()? else {
            return Ok(None);
        };
        self.awaiting_of(&pending).map(Some)
    }

    /// The same of what the history or its mirror says.
    pub(super) fn awaiting_of(&self, pending: &Pending) -> Result<Awaiting> {
        let here = Place {
            boot: self.confirm_timer.boot()?,
            namespace: self.kernel.place()?.namespace,
        };
        Ok(Awaiting::of(pending, &here, &*self.confirm_timer))
    }

    /// Opens the history to write, when what others left is settled: an unfinished commit is
    /// undone, a head whose time is over is rolled back; both are noted.
    pub(super) fn open_settled(&mut self, notes: &mut Vec<String>) -> Result<Box<dyn Store>> {
        loop {
            let (store, more) = self
                .open_to_write()
                .map_err(|error| notes.iter().fold(error, Error::hint))?;
            notes.extend(more);
            match self.awaiting(&*store)? {
                None => return Ok(store),
                Some(awaiting) if awaiting.seconds_left() > 0 => return Ok(store),
                Some(awaiting) => notes.push(self.expire(store, &awaiting)?),
            }
        }
    }

    /// Prepares the timer for what is about to be committed on a head.
    pub(super) fn arm_confirm_timer(&self, id: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>> {
        match self.rehearsing {
            true => Ok(None),
            false => self.confirm_timer.arm(id),
        }
    }

    /// Takes the head back, which awaits confirmation, before its time is over.
    pub(super) fn withdraw(
        &mut self,
        store: Box<dyn Store>,
        awaiting: &Awaiting,
        options: &ChangeOptions,
        mut notes: Vec<String>,
    ) -> Result<Report> {
        let (head, head_rules) = head_of(&*store)?;
        let rules = parent_rules(&*store, awaiting.rolls_back_to)?;
        let found = found_of(&*store, Some(awaiting.snapshot), &Extent::Whole)?;
        let mut live = self.observe(&[&head_rules, &rules, found.parts().0])?;
        let mut plan = Plan {
            target: live.clone(),
            ..Plan::default()
        };
        if let (None, Some(unconfirmed)) = (
            awaiting.left.end(),
            Unconfirmed::of(&*store, &self.overlay())?,
        ) {
            self.check_namespace(&unconfirmed.pending)?;
            let back = unconfirmed.deltas.taken_back(&live);
            notes.extend(back.kept.iter().map(kept_sentence));
            plan = Plan::to_take_back(&live, back, unconfirmed.deltas.entries());
        }
        live.counts.clear();
        let message = options.message.clone();
        let message = message.unwrap_or_else(|| format!("rollback to {}", awaiting.target()));
        let recording = taking_back(awaiting, message, &rules);
        let options = ChangeOptions {
            // It would happen by itself: that it removes much is no accident.
            allow_removals: true,
            ..options.clone()
        };
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let change = Change::naming_nothing(begun, &live, plan, recording);
        self.finish(change, &options)
    }

    /// Refuses to roll back in another network namespace than that of the commit.
    pub(super) fn check_namespace(&self, pending: &Pending) -> Result<()> {
        let (here, there) = (
            self.kernel.place()?.namespace,
            &pending.confirm.place.namespace,
        );
        if *there == here || self.rehearsing {
            return Ok(());
        }
        Err(Error::new(
            Kind::State,
            format!("it was committed in another network namespace, {there}"),
        )
        .object(format!("snapshot {}", pending.id))
        .attempt("cannot roll back")
        .hint(format!(
            "run any command that writes in {there} (this is {here}), for example `ipvsh restore`"
        )))
    }

    /// Refuses a commit on a head that awaits confirmation; where that was so before a rehearsal
    /// began, it is only noted.
    ///
    /// # Errors
    /// `state`.
    pub(super) fn refuse_pending(&self, store: &dyn Store) -> Result<Option<String>> {
        let Some(awaiting) = self.awaiting(store)? else {
            return Ok(None);
        };
        if self.forgiven == Some(awaiting.snapshot) {
            return Ok(Some(awaiting.sentence()));
        }
        let (to, seconds) = (awaiting.target(), awaiting.seconds_left());
        Err(Error::new(
            Kind::State,
            format!(
                "snapshot {} awaits confirmation, for another {seconds} s",
                awaiting.snapshot
            ),
        )
        .attempt("cannot commit")
        .hint("to keep it: ipvsh confirm")
        .hint(format!("to take it back: ipvsh rollback (to {to})"))
        .hint(format!(
            "or wait: it rolls back to {to} by itself in {seconds} s"
        )))
    }

    /// How a commit is confirmed that is recorded now.
    pub(super) fn confirm_by(&self, grace: Grace) -> Result<Confirm> {
        let time = u64::from(grace.seconds()).saturating_mul(1000);
        Ok(Confirm {
            place: Place {
                boot: self.confirm_timer.boot()?,
                namespace: self.kernel.place()?.namespace,
            },
            deadline: self.confirm_timer.now().saturating_add(time),
            seconds: grace.seconds(),
        })
    }
}

/// Says whether a snapshot awaits confirmation as far as the notice tells: without the lock.
pub fn is_noticed(stores: &dyn Stores, id: SnapshotId) -> bool {
    stores.notice().is_some_and(|pending| pending.id == id)
}

/// Starts a timer; says so where that fails.
pub(super) fn start(timer: Box<dyn ArmedTimer>) -> Option<String> {
    let error = timer.start().err()?;
    Some(format!(
        "nobody waits to roll it back ({error}): the next command that writes does it"
    ))
}

/// Refuses a time to confirm where none can be.
pub(super) fn nothing_to_confirm(what: &str, because: &str) -> Error {
    Error::invalid(format!("{because}: there is nothing to confirm"))
        .attempt(format!("cannot {what} with a time to confirm"))
        .hint("leave --confirm out")
}

fn nothing_awaits(head: Option<&Snapshot>) -> Error {
    let error = Error::new(Kind::State, "nothing awaits confirmation").attempt("cannot confirm");
    match head {
        Some(head) => error.hint(format!(
            "the head is snapshot {}, \"{}\"",
            head.id, head.message
        )),
        None => error.hint("there are no snapshots yet"),
    }
}
