//! What a use case did, for those who tell it to the user.

use super::awaiting::{Awaiting, Left};
use crate::error::Error;
use crate::model::{Grace, Snapshot, SnapshotId, count};
use crate::notes::Note;
use crate::plan::Plan;

/// How a change is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// By letting go: a rollback would change the kernel, and the change did not.
    Forget,
    /// By a rollback to the snapshot before it; of the first snapshot, by a revert.
    Rollback,
    /// By a revert: a rollback looks at everything, and would also bring back what differed from the
    /// head elsewhere when the change was made.
    Revert,
}

/// What undoes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undoing {
    /// By which verb.
    pub how: Undo,
    /// It removes so much that this has to be allowed.
    pub allow_removals: bool,
    /// The snapshot before the first of several changes that belong together, where this is not
    /// the first of them: the rollback undoes all of them.
    pub to: Option<SnapshotId>,
}

impl Undoing {
    /// The command that undoes a snapshot.
    pub fn command(&self, snapshot: &Snapshot) -> String {
        let verb = match (self.how, self.to.or(snapshot.parent)) {
            (Undo::Forget, _) => return format!("ipvsh forget {}", snapshot.id),
            (Undo::Rollback, Some(parent)) => format!("ipvsh rollback {parent}"),
            (Undo::Rollback, None) | (Undo::Revert, _) => format!("ipvsh revert {}", snapshot.id),
        };
        match self.allow_removals {
            true => format!("{verb} --allow-removals"),
            false => verb,
        }
    }
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Only planned, as asked.
    Planned,
    /// There was nothing to change and nothing to record.
    Unchanged,
    /// The kernel was brought back to the head; no snapshot was made.
    Repaired {
        /// The head, as before.
        head: SnapshotId,
    },
    /// A snapshot was recorded and is the new head.
    Recorded {
        /// The snapshot.
        snapshot: Box<Snapshot>,
        /// What undoes it.
        undoing: Undoing,
        /// It rolls back by itself unless confirmed in this time.
        grace: Option<Grace>,
    },
    /// Some parts could not be done (`restore --best-effort`).
    Partly {
        /// The head, as before.
        head: SnapshotId,
        /// What could not be done, and why.
        failures: Vec<Error>,
    },
}

/// What a use case did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The plan that was carried out, or that would be.
    pub plan: Plan,
    /// How it ended.
    pub outcome: Outcome,
    /// What else the user should know, a sentence each.
    pub notes: Vec<String>,
    /// What may be regretted, each with its fix.
    pub warnings: Vec<Note>,
}

impl Report {
    /// The report where there was nothing to do.
    pub fn unchanged() -> Report {
        Report {
            plan: Plan::default(),
            outcome: Outcome::Unchanged,
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The snapshot that was made, if one was.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match &self.outcome {
            Outcome::Recorded { snapshot, .. } => Some(snapshot),
            _ => None,
        }
    }

    /// Makes the undo that is offered cover an earlier change as well, where both belong together
    /// and no other commit came between them.
    pub(super) fn undo_with(&mut self, earlier: &Report) {
        let (
            Outcome::Recorded {
                snapshot, undoing, ..
            },
            Outcome::Recorded {
                snapshot: first,
                undoing: of_first,
                ..
            },
        ) = (&mut self.outcome, &earlier.outcome)
        else {
            return;
        };
        let is_next = snapshot.parent == Some(first.id);
        if is_next && undoing.how != Undo::Forget && of_first.how != Undo::Forget {
            undoing.how = Undo::Rollback;
            undoing.to = of_first.to.or(first.parent);
            undoing.allow_removals |= of_first.allow_removals;
        }
    }

    /// What the new snapshot awaits, where it is to be confirmed.
    pub fn awaiting(&self) -> Option<Awaiting> {
        match &self.outcome {
            Outcome::Recorded {
                snapshot,
                grace: Some(grace),
                ..
            } => Some(Awaiting {
                snapshot: snapshot.id,
                rolls_back_to: snapshot.parent,
                left: Left::Seconds(u64::from(grace.seconds())),
            }),
            _ => None,
        }
    }

    /// The sentence that ends every change.
    pub fn sentence(&self) -> String {
        let changes = self.plan.changes.len();
        match &self.outcome {
            Outcome::Planned if changes == 0 => "nothing to change".to_owned(),
            Outcome::Planned => format!("{} planned, nothing done", count(changes, "change")),
            Outcome::Unchanged => "nothing to change".to_owned(),
            Outcome::Repaired { head } => format!("repaired {changes}; snapshot {head} unchanged"),
            Outcome::Partly { head, failures } => format!(
                "repaired {changes}; snapshot {head} unchanged; {} could not be done",
                count(failures.len(), "object")
            ),
            Outcome::Recorded {
                snapshot,
                undoing,
                grace,
            } => {
                let before = match snapshot.parent {
                    Some(parent) => format!("({parent} before)"),
                    None => "(the first)".to_owned(),
                };
                let undo = undoing.command(snapshot);
                let done = match changes {
                    0 => "no change to the kernel".to_owned(),
                    _ if self.plan.steps.is_empty() => {
                        format!(
                            "{} recorded, the kernel untouched",
                            count(changes, "change")
                        )
                    }
                    _ => format!("{}, verified", count(changes, "change")),
                };
                if let Some(grace) = grace {
                    let rolls_back = format!("Rolls back in {grace} unless: ipvsh confirm");
                    return format!("snapshot {} {before}, {done}. {rolls_back}", snapshot.id);
                }
                format!("snapshot {} {before}, {done}. Undo: {undo}", snapshot.id)
            }
        }
    }

    /// Returns the notes and the warnings, with the notes that every plan has; `told` puts a warning
    /// into words.
    pub fn all_notes(&self, told: impl Fn(&Note) -> String) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.extend(self.warnings.iter().map(told));
        if !self.plan.left_alone.is_empty() {
            notes.push(format!(
                "{} from the head left alone (ipvsh plan)",
                count(self.plan.left_alone.len(), "difference")
            ));
        }
        notes.extend(self.plan.kept_words());
        if let Some(words) = self.plan.foreign.words() {
            notes.push(format!("{words} not managed by ipvsh"));
        }
        for (key, why) in &self.plan.unavailable {
            notes.push(format!("{key}: marks are not available: {why}"));
        }
        notes
    }
}
