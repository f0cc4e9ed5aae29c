//! The one routine that changes a kernel: intent, apply, verify, record; or undo.
//!
//! Nothing is recorded that was not verified by reading it again. A failed step undoes the steps
//! before it with inverses taken from the live record that was just read, never from the head.
//! Signals wait until it is done or undone.

use std::borrow::Cow;
use std::time::Instant;

use super::confirm::Unless;
use super::progress::{Advance, Progress};
use super::{Director, Silent};
use crate::error::{Error, Kind, Result};
use crate::kernel::{Kernel, Outcome, Part};
use crate::model::{Extent, Grace, Live, Ruleset, Snapshot, SnapshotId};
use crate::plan::{Plan, Step, command_lines, steps, tally};
use crate::store::{Draft, Intent, Journal, Store, Turn};

/// How many steps are handed to the kernel at once: some datagrams full, and often enough for
/// somebody who watches.
const PORTION: usize = 1_000;

/// What is to be recorded when the kernel has followed.
pub(super) struct Recording<'a> {
    pub message: String,
    pub rollback_of: Option<SnapshotId>,
    pub revert_of: Option<SnapshotId>,
    pub rules: &'a Ruleset,
    /// It is to be confirmed.
    pub unless: Option<Unless>,
    /// It may follow a head that awaits confirmation, and ends that wait.
    pub ends_wait: bool,
    /// All that it adds to the record was in the kernel already.
    pub adopts: bool,
}

impl Recording<'_> {
    /// The time in which it is to be confirmed, where it is.
    pub fn grace(&self) -> Option<Grace> {
        self.unless.as_ref().map(|unless| unless.grace)
    }
}

impl Director {
    /// Carries a plan out and records what it leads to; all or nothing.
    pub(super) fn transact(
        &mut self,
        mut store: Box<dyn Store>,
        (head, head_rules): (Option<&Snapshot>, &Ruleset),
        plan: &Plan,
        recording: Option<Recording>,
    ) -> Result<Option<Snapshot>> {
        let Some(recording) = recording else {
            return match plan.is_empty() {
                true => Ok(None),
                false => self
                    .repair(store, head.map(|head| head.id), plan)
                    .map(|()| None),
            };
        };
        let time = self.now();
        let began = Instant::now();
        if !plan.is_empty() {
            let head = head.map(|head| head.id);
            self.announce(&mut *store, head, &recording.message, plan)?;
            if let Err(error) = carry_out(&mut *self.kernel, plan, &*self.progress) {
                return Err(self.take_back(plan, error, |_| store.clear_intent()));
            }
        }
        let draft = Draft {
            time,
            author: self.author.clone(),
            message: recording.message,
            rollback_of: recording.rollback_of,
            revert_of: recording.revert_of,
            adopted: recording.adopts,
            tally: tally(&plan.changes),
            origin: self.origin.clone(),
            took: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let turn = Turn {
            from: head_rules,
            to: recording.rules,
            unless: None,
        };
        let recorded = match &recording.unless {
            None => store.record_turn(&draft, &turn),
            Some(unless) => self.confirm_by(unless.grace).and_then(|confirm| {
                let unless = Some((&confirm, &unless.back));
                store.record_turn(&draft, &Turn { unless, ..turn })
            }),
        };
        match recorded {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) if plan.is_empty() => Err(error),
            // A store that failed to write answers nothing else any more: it is opened anew.
            Err(error) => Err(self.take_back(plan, error, |director| {
                drop(store);
                director.stores.open_to_write()?.clear_intent()
            })),
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
        let done = carry_out(&mut *self.kernel, plan, &*self.progress);
        // An intent that stays would have the next one undo what was done, and not know why.
        done.and_then(|()| journal.clear_intent())
            .map_err(|error| self.take_back(plan, error, |_| journal.clear_intent()))
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
        })
    }

    /// Undoes a plan that failed half-way; says whether that worked. `clear` removes its intent.
    fn take_back(
        &mut self,
        plan: &Plan,
        error: Error,
        clear: impl FnOnce(&mut Director) -> Result<()>,
    ) -> Error {
        match undo(&mut *self.kernel, &plan.steps) {
            Ok(()) => {
                let error = error
                    .with_kind(Kind::Undone)
                    .hint("nothing changed: every step before it was undone");
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

/// Applies a plan and verifies it by reading again.
pub(super) fn carry_out(
    kernel: &mut dyn Kernel,
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<()> {
    let applied = apply(kernel, &plan.steps, progress);
    progress.over();
    applied?;
    let verifying = |error: Error| error.attempt("cannot verify");
    let mut part = Part::of_steps(&plan.steps);
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

/// Hands steps to the kernel; the error is that of the step that failed.
fn apply(kernel: &mut dyn Kernel, steps: &[Step], progress: &dyn Progress) -> Result<()> {
    let mut done = 0;
    for portion in steps.chunks(PORTION) {
        apply_portion(kernel, portion)?;
        done += portion.len();
        progress.tell(&Advance {
            what: "applying",
            done: done as u64,
            total: Some(steps.len() as u64),
            unit: "steps",
        });
    }
    Ok(())
}

fn apply_portion(kernel: &mut dyn Kernel, steps: &[Step]) -> Result<()> {
    let outcomes = kernel.apply(steps);
    for (step, outcome) in steps.iter().zip(outcomes) {
        match outcome {
            Outcome::Done => {}
            Outcome::Failed(error) | Outcome::Unknown(error) => {
                return Err(error.object(step.object()).attempt(step.attempt()));
            }
            Outcome::NotSent => {
                return Err(
                    Error::new(Kind::Bug, "a step was not sent and no earlier one failed")
                        .object(step.object()),
                );
            }
        }
    }
    Ok(())
}

/// Takes steps back, whichever of them were done: what each had found is what is wanted now.
///
/// # Errors
/// As the kernel refuses, with a runnable line for each thing that is left.
pub(super) fn undo(kernel: &mut dyn Kernel, done: &[Step]) -> Result<()> {
    let part = Part::of_steps(done);
    let live = kernel.observe_part(&part).map_err(|e| {
        done.iter()
            .rev()
            .flat_map(Step::inverse)
            .flat_map(|step| command_lines(&step))
            .fold(e, Error::leftover)
    })?;
    let target = before(&live, done);
    let back = steps(&live, &target);
    let result = apply(kernel, &back, &Silent);
    let now = kernel.observe_part(&part)?;
    let left = steps(&now, &before(&now, done));
    match (result, left.is_empty()) {
        (_, true) => Ok(()),
        (Err(error), false) => Err(left
            .iter()
            .flat_map(command_lines)
            .fold(error, Error::leftover)),
        (Ok(()), false) => Err(left.iter().flat_map(command_lines).fold(
            Error::new(
                Kind::UndoFailed,
                "the kernel did not return to what it held",
            ),
            Error::leftover,
        )),
    }
}

/// The state without the steps, where they were done; steps that were not change nothing.
fn before(live: &Live, done: &[Step]) -> Live {
    let mut target = live.clone();
    for inverse in done.iter().rev().flat_map(Step::inverse) {
        inverse.apply_to(&mut target);
    }
    target
}
