//! The head while it awaits confirmation: what it rolls back to, and how much time is left.

use super::confirm_timer::ConfirmTimer;
use crate::error::Result;
use crate::kernel::Place;
use crate::model::{Grace, Live, Ruleset, SnapshotId, with_derived};
use crate::plan::Plan;
use crate::store::{Pending, Store};

/// How much time a head has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// So many seconds, begun ones counted.
    Seconds(u64),
    /// None: it is to be rolled back.
    Expired,
    /// None: it did not outlive a restart of the machine.
    Rebooted,
    /// None: it did not outlive its network namespace.
    NamespaceGone,
}

impl Left {
    /// What ended it, where nothing of the commit is in any kernel any more.
    pub(super) fn end(self) -> Option<&'static str> {
        match self {
            Left::Seconds(_) | Left::Expired => None,
            Left::Rebooted => Some("before the machine restarted"),
            Left::NamespaceGone => Some("before its network namespace was gone"),
        }
    }
}

/// The head, while it awaits confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaiting {
    /// Its number.
    pub snapshot: SnapshotId,
    /// What it rolls back to; `None`: to no rules.
    pub rolls_back_to: Option<SnapshotId>,
    /// How much time it has left.
    pub left: Left,
}

impl Awaiting {
    pub(super) fn of(pending: &Pending, here: &Place, timer: &dyn ConfirmTimer) -> Awaiting {
        let left = pending.confirm.deadline.saturating_sub(timer.now());
        let its = &pending.confirm.place;
        let is_gone = || its.namespace != here.namespace && !timer.has_namespace(&its.namespace);
        Awaiting {
            snapshot: pending.id,
            rolls_back_to: pending.parent,
            left: match left.div_ceil(1000) {
                _ if its.boot != here.boot => Left::Rebooted,
                _ if is_gone() => Left::NamespaceGone,
                0 => Left::Expired,
                seconds => Left::Seconds(seconds),
            },
        }
    }

    /// The seconds that are left.
    pub fn seconds_left(&self) -> u64 {
        match self.left {
            Left::Seconds(seconds) => seconds,
            Left::Expired | Left::Rebooted | Left::NamespaceGone => 0,
        }
    }

    /// Says whether it has no time left.
    pub fn is_overdue(&self) -> bool {
        !matches!(self.left, Left::Seconds(_))
    }

    /// What it rolls back to, in words.
    pub fn target(&self) -> String {
        target(self.rolls_back_to)
    }

    /// The same with its noun: `snapshot 41`.
    pub(super) fn place(&self) -> String {
        match self.rolls_back_to {
            Some(id) => format!("snapshot {id}"),
            None => self.target(),
        }
    }

    /// The time that is left, in a word or two.
    pub fn time(&self) -> String {
        match self.left {
            Left::Seconds(seconds) => format!("{seconds} s"),
            Left::Expired | Left::Rebooted | Left::NamespaceGone => "too late".to_owned(),
        }
    }

    /// A sentence for those who look.
    pub fn sentence(&self) -> String {
        let (id, to) = (self.snapshot, self.target());
        match self.left {
            Left::Seconds(seconds) => format!(
                "snapshot {id} awaits confirmation: it rolls back to {to} in {seconds} s unless: \
                 ipvsh confirm"
            ),
            Left::Expired => format!(
                "snapshot {id} was not confirmed in time: the next command that writes rolls it \
                 back to {to} (ipvsh restore)"
            ),
            Left::Rebooted | Left::NamespaceGone => format!(
                "snapshot {id} was not confirmed {}: the next command that writes rolls it back to \
                 {to} (ipvsh restore)",
                self.left.end().unwrap_or("in time")
            ),
        }
    }
}

fn target(parent: Option<SnapshotId>) -> String {
    parent.map_or("no rules".to_owned(), |id| id.to_string())
}

/// What is recorded with a commit that must be confirmed.
pub(super) struct Confirmation {
    /// How long it may stand.
    pub grace: Grace,
    /// The new rules, but for what the commit changes in the kernel: that as the kernel holds it.
    pub back: Ruleset,
}

impl Confirmation {
    /// To hold again: what the kernel holds of the entries that the plan changes. Everything else is
    /// not the commit's, and differs from the new rules in nothing.
    pub fn of(
        grace: Grace,
        (head, wanted): (&Ruleset, &Ruleset),
        live: &Live,
        plan: &Plan,
    ) -> Confirmation {
        let mut back = with_derived(wanted).into_owned();
        // Policies and maintenance are those of before: they say what the kernel should hold.
        let of_the_record = head.differences(wanted);
        for entry in of_the_record
            .iter()
            .filter(|entry| entry.is_of_the_record())
        {
            back.put(entry, head.get(entry));
        }
        for entry in live.rules.differences(&plan.target.rules) {
            back.put(&entry, live.rules.get(&entry));
        }
        if back.marks != wanted.marks {
            back.arrange_marks(&live.rules);
        }
        Confirmation { grace, back }
    }
}

/// What a timer does next about its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerState {
    /// Look again when CLOCK_BOOTTIME says so, in milliseconds, or when the notice is gone.
    Until(u64),
    /// Nothing: it awaits no confirmation any more.
    Over,
}

/// The rules of a parent; without one, none.
pub(super) fn parent_rules(store: &dyn Store, parent: Option<SnapshotId>) -> Result<Ruleset> {
    parent.map_or_else(|| Ok(Ruleset::default()), |id| store.ruleset(id))
}
