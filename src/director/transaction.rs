//! The one routine that changes a kernel: intent, apply, verify, record; or take back.
//!
//! Nothing is recorded that was not verified by reading it again. Where something fails, the steps
//! that the kernel acknowledged or did not answer are taken back (`undo`); a step that it refused or
//! was never sent is nobody's business but theirs who made what stands there. Signals wait until it
//! is done or taken back.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Director;
use super::awaiting::Confirmation;
use super::progress::{Advance, Progress};
use super::undo::{Applied, undo};
use crate::error::{Error, Kind, Result};
use crate::kernel::{Kernel, Outcome, Part};
use crate::model::{EntryKey, Extent, FoundValues, Grace, Live, Ruleset, Snapshot, SnapshotId};
use crate::plan::{Deltas, Plan, Step, described, tally};
use crate::store::{Draft, Intent, Journal, Reached, Store, Turn};

/// How many steps are handed to the kernel at once: some datagrams full, and often enough for
/// somebody who watches.
const PORTION: usize = 1_000;

/// What is to be recorded when the kernel has followed.
pub(super) struct Recording<'a> {
    pub message: String,
    pub rollback_of: Option<SnapshotId>,
    pub revert_of: Option<SnapshotId>,
    pub rules: &'a Ruleset,
    /// It may follow a head that awaits confirmation, and ends that wait.
    pub ends_wait: bool,
    /// Entries that leave the record are somebody else's from then on, as the kernel has them.
    pub forgets: bool,
}

/// What the history held of what a transaction changes.
pub(super) struct Before<'a> {
    pub head: Option<SnapshotId>,
    pub rules: &'a Ruleset,
    pub found: &'a FoundValues,
}

/// What a transaction records beside its draft.
pub(super) struct After<'a> {
    pub recording: Recording<'a>,
    /// The values found of the new head's entries.
    pub found: FoundValues,
    /// How it is to be confirmed, where it is.
    pub confirmation: Option<Confirmation>,
    /// All that it adds to the record was in the kernel already.
    pub adopts: bool,
}

impl After<'_> {
    /// The time in which it is to be confirmed, where it is.
    pub fn grace(&self) -> Option<Grace> {
        self.confirmation.as_ref().map(|it| it.grace)
    }
}

/// A plan that was not carried out.
pub(super) struct Failure {
    pub error: Error,
    /// How far it came.
    reached: Reached,
}

impl Failure {
    /// What the kernel may hold of a plan.
    fn deltas(&self, plan: &Plan) -> Deltas {
        Deltas::of_steps(self.reached.of(&plan.steps))
    }
}

impl Director {
    /// Carries a plan out and records what it leads to; all or nothing.
    pub(super) fn transact(
        &mut self,
        mut store: Box<dyn Store>,
        before: &Before,
        plan: &Plan,
        after: After,
    ) -> Result<Snapshot> {
        let time = self.now();
        let began = self.clock.monotonic();
        let After {
            recording,
            found,
            confirmation,
            adopts,
        } = after;
        if !plan.is_empty() {
            self.announce(&mut *store, before.head, &recording.message, plan)?;
            let done = carry_out(&mut *self.kernel, plan, Some(&mut *store), &*self.progress);
            if let Err(failure) = done {
                return Err(self.take_back(plan, failure, |_| store.clear_intent()));
            }
        }
        let took = self.clock.monotonic().saturating_sub(began);
        let draft = Draft {
            time,
            author: self.author.clone(),
            message: recording.message,
            rollback_of: recording.rollback_of,
            revert_of: recording.revert_of,
            adopted: adopts,
            tally: tally(&described(
                &plan.changes,
                &plan.held,
                before.rules,
                recording.rules,
            )),
            origin: self.origin.clone(),
            took: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        let turn = Turn {
            from: before.rules,
            to: recording.rules,
            found: (before.found, &found),
            unless: None,
        };
        let recorded = match &confirmation {
            None => store.record_turn(&draft, &turn),
            Some(it) => self.confirm_by(it.grace).and_then(|confirm| {
                let unless = Some((&confirm, &it.back));
                store.record_turn(&draft, &Turn { unless, ..turn })
            }),
        };
        match recorded {
            Ok(snapshot) => {
                self.made_head(snapshot.id);
                Ok(snapshot)
            }
            Err(error) if plan.is_empty() => Err(error),
            // A store that failed to write answers nothing else any more: it is opened anew.
            Err(error) => {
                let failure = Failure {
                    error,
                    reached: Reached::all(&plan.steps),
                };
                Err(self.take_back(plan, failure, |director| {
                    drop(store);
                    director.stores.open_to_write()?.clear_intent()
                }))
            }
        }
    }

    /// Brings the kernel back to a head; all or nothing. There is nothing to record.
    pub(super) fn repair(
        &mut self,
        mut journal: Box<dyn Journal>,
        head: Option<SnapshotId>,
        plan: &Plan,
    ) -> Result<()> {
        self.announce(&mut *journal, head, "repair", plan)?;
        let done = carry_out(
            &mut *self.kernel,
            plan,
            Some(&mut *journal),
            &*self.progress,
        );
        // An intent that stays would have the next command take back what was done.
        let done = done.and_then(|()| {
            journal.clear_intent().map_err(|error| Failure {
                error,
                reached: Reached::all(&plan.steps),
            })
        });
        done.map_err(|failure| self.take_back(plan, failure, |_| journal.clear_intent()))
    }

    /// Carries a plan out or takes it back, without an intent: where no history can be written.
    pub(super) fn carry_out_or_undo(&mut self, plan: &Plan) -> Result<()> {
        let done = carry_out(&mut *self.kernel, plan, None, &super::Silent);
        done.map_err(
            |failure| match undo(&mut *self.kernel, &failure.deltas(plan)) {
                Ok(kept) => named_as_kept(failure.error, &kept),
                Err(undoing) => undoing
                    .leftovers()
                    .iter()
                    .cloned()
                    .fold(failure.error, Error::leftover),
            },
        )
    }

    /// Writes down what is about to be done.
    fn announce(
        &self,
        journal: &mut dyn Journal,
        head: Option<SnapshotId>,
        message: &str,
        plan: &Plan,
    ) -> Result<()> {
        journal.set_intent(&Intent {
            time: self.now(),
            author: self.author.clone(),
            message: message.to_owned(),
            head,
            place: self.kernel.place()?,
            pid: std::process::id(),
            steps: Cow::Borrowed(&plan.steps),
            reached: Reached::nothing(),
        })
    }

    /// Takes a plan back that failed half-way; says whether that worked. `clear` removes its intent.
    fn take_back(
        &mut self,
        plan: &Plan,
        failure: Failure,
        clear: impl FnOnce(&mut Director) -> Result<()>,
    ) -> Error {
        let deltas = failure.deltas(plan);
        let error = failure.error;
        match undo(&mut *self.kernel, &deltas) {
            Ok(kept) => {
                let error = error.with_kind(Kind::Undone);
                let error = match kept.is_empty() {
                    true => error.hint("nothing changed: every step before it was undone"),
                    false => named_as_kept(error.hint("every step before it was undone"), &kept),
                };
                // An intent that stays behind is harmless: what it would undo is undone.
                match clear(self) {
                    Ok(()) => error,
                    Err(more) => error.hint(format!("the database also failed: {more}")),
                }
            }
            Err(undoing) => {
                let mut error = error
                    .with_kind(Kind::UndoFailed)
                    .hint(format!("undoing failed too: {}", undoing.message()))
                    .hint("the next command that writes tries again; by hand:");
                for line in undoing.leftovers() {
                    error = error.leftover(line.clone());
                }
                error
            }
        }
    }
}

/// Adds what somebody else changed of what was to be taken back.
fn named_as_kept(error: Error, kept: &BTreeSet<EntryKey>) -> Error {
    kept.iter().map(kept_sentence).fold(error, Error::hint)
}

/// Says that an entry stays as the kernel has it.
pub(super) fn kept_sentence(entry: &EntryKey) -> String {
    format!("{entry} stays as the kernel has it: somebody else changed it meanwhile")
}

/// Applies a plan and verifies it by reading again.
pub(super) fn carry_out(
    kernel: &mut dyn Kernel,
    plan: &Plan,
    journal: Option<&mut dyn Journal>,
    progress: &dyn Progress,
) -> std::result::Result<(), Failure> {
    let applied = apply(kernel, &plan.steps, journal, progress);
    progress.over();
    let reached = applied.reached;
    let result = match applied.error {
        Some(error) => Err(error),
        None => verify(kernel, plan),
    };
    result.map_err(|error| Failure { error, reached })
}

fn verify(kernel: &mut dyn Kernel, plan: &Plan) -> Result<()> {
    let verifying = |error: Error| error.attempt("cannot verify");
    let mut part = Part::of_steps(&plan.steps);
    part.settings.extend(plan.examined_of_host());
    let held = kernel.holds(&part.services, &plan.target.rules);
    if held.map_err(verifying)? {
        part.services = Extent::nothing();
    }
    let live = kernel.observe_part(&part).map_err(verifying)?;
    let object = plan
        .first_difference(&live)
        .map(|entry| entry.to_string())
        .or_else(|| different_chain(&live, plan));
    match object {
        None => Ok(()),
        Some(object) => Err(Error::new(
            Kind::Refused,
            "the kernel does not hold what it was sent and accepted",
        )
        .object(object)
        .attempt("cannot verify")
        .hint("somebody else may have changed it in the same moment: try again")),
    }
}

/// A chain that was set and is not as planned: its jump, its order, what is strange in it.
fn different_chain(live: &Live, plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| match step {
        Step::SetChain { family, to, .. } if live.marks(*family).chain() != Some(to) => {
            Some(step.object())
        }
        _ => None,
    })
}

/// Hands steps to the kernel, up to the first that fails. The journal learns of each portion before
/// the kernel does, so that a recovery takes back nothing that was never sent.
fn apply(
    kernel: &mut dyn Kernel,
    steps: &[Step],
    mut journal: Option<&mut dyn Journal>,
    progress: &dyn Progress,
) -> Applied {
    let mut reached = Reached::nothing();
    for portion in steps.chunks(PORTION) {
        let announced = Reached {
            sent: reached.sent + portion.len(),
            ..reached.clone()
        };
        if let Some(journal) = &mut journal
            && let Err(error) = journal.note_reached(&announced)
        {
            return Applied {
                reached,
                error: Some(error),
            };
        }
        let error = note_outcomes(portion, kernel.apply(portion), &mut reached);
        if error.is_some() {
            // What cannot be noted is only less precise: the undoing below knows it.
            let _ = journal.map(|journal| journal.note_reached(&reached));
            return Applied { reached, error };
        }
        progress.tell(&Advance {
            what: "applying",
            done: reached.sent as u64,
            total: Some(steps.len() as u64),
            unit: "steps",
        });
    }
    let _ = journal.map(|journal| journal.note_reached(&reached));
    Applied {
        reached,
        error: None,
    }
}

/// Adds a portion's outcomes to what is known; gives the error of the step that failed.
fn note_outcomes(portion: &[Step], outcomes: Vec<Outcome>, reached: &mut Reached) -> Option<Error> {
    let first = reached.sent;
    let mut failed = None;
    let mut unanswered = None;
    for (at, (step, outcome)) in (first..).zip(portion.iter().zip(outcomes)) {
        match outcome {
            Outcome::Done => {}
            Outcome::Failed(error) | Outcome::Unknown(error)
                if matches!(step, Step::SetChain { .. }) =>
            {
                // A chain is several commands: some of them may have been done.
                unanswered.get_or_insert(at);
                failed.get_or_insert((step, error));
            }
            Outcome::Failed(error) => {
                reached.not_done.insert(at);
                failed.get_or_insert((step, error));
            }
            Outcome::Unknown(error) => {
                unanswered.get_or_insert(at);
                failed.get_or_insert((step, error));
            }
            Outcome::NotSent => drop(reached.not_done.insert(at)),
        }
    }
    reached.sent = first + portion.len();
    reached.answered = unanswered.unwrap_or(reached.sent);
    if let Some((step, error)) = failed {
        return Some(error.object(step.object()).attempt(step.attempt()));
    }
    let unsent = reached.not_done.first()?;
    let step = portion.get(unsent.saturating_sub(first))?;
    let bug = Error::new(Kind::Bug, "a step was not sent and no earlier one failed");
    Some(bug.object(step.object()))
}
