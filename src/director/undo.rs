//! Taking back what a commit did to the kernel, entry by entry, where the kernel still shows it.

use std::collections::BTreeSet;

use crate::error::{Error, Kind, Result};
use crate::kernel::{Kernel, Outcome, Part};
use crate::model::{EntryKey, Extent, Live};
use crate::plan::{Deltas, Step, command_lines, steps};
use crate::store::Reached;

/// So many refused steps are enough: the kernel is not going to take the others.
const ENOUGH: usize = 64;

/// What became of steps that were handed to the kernel.
pub(super) struct Applied {
    /// How far they came.
    pub reached: Reached,
    /// Why not further.
    pub error: Option<Error>,
}

/// What of the kernel is looked at to take changes back.
fn part_of(deltas: &Deltas) -> Part {
    let is_of_ipvs = |entry: &EntryKey| match entry {
        EntryKey::Setting(key) => key.is_of_ipvs(),
        _ => true,
    };
    Part {
        services: Extent::Services(deltas.services()),
        or_whole: 0,
        marks: deltas.has_marks(),
        settings: deltas.entries().filter_map(EntryKey::of_host).collect(),
        may_lack_ipvs: !deltas.entries().any(is_of_ipvs),
    }
}

/// A kernel from which changes were taken back, as far as it let them.
pub(super) struct Returned {
    /// What it held before.
    pub before: Live,
    /// What it holds now.
    pub now: Live,
    /// Entries that somebody else changed since: they stay.
    pub kept: BTreeSet<EntryKey>,
    /// The steps that are left, and why the first of them were refused.
    pub left: Vec<Step>,
    pub failures: Vec<Error>,
}

/// Takes changes back, each by itself. A step that fails is tried once more: a kernel that was short
/// of memory, or whose answer was lost, may do it the second time.
///
/// # Errors
/// As the kernel cannot be read.
pub(super) fn take_back(kernel: &mut dyn Kernel, deltas: &Deltas) -> Result<Returned> {
    let part = part_of(deltas);
    let before = kernel.observe_part(&part)?;
    let mut failures = attempt(kernel, steps(&before, &deltas.taken_back(&before).target));
    let mut now = kernel.observe_part(&part)?;
    let mut back = deltas.taken_back(&now);
    let mut left = steps(&now, &back.target);
    if !left.is_empty() {
        failures = attempt(kernel, left);
        now = kernel.observe_part(&part)?;
        back = deltas.taken_back(&now);
        left = steps(&now, &back.target);
    }
    Ok(Returned {
        before,
        now,
        kept: back.kept,
        left,
        failures,
    })
}

/// Takes changes back; gives the entries that somebody else changed since, which stay.
///
/// # Errors
/// As the kernel refuses, with a runnable line for each thing that is left.
pub(super) fn undo(kernel: &mut dyn Kernel, deltas: &Deltas) -> Result<BTreeSet<EntryKey>> {
    if deltas.is_empty() {
        return Ok(BTreeSet::new());
    }
    let lines = |error: Error, left: &[Step]| {
        let lines = left.iter().flat_map(command_lines);
        lines.fold(error, Error::leftover)
    };
    let returned = take_back(kernel, deltas).map_err(|error| lines(error, &deltas.inverse()))?;
    if returned.left.is_empty() {
        return Ok(returned.kept);
    }
    let error = returned.failures.into_iter().next().unwrap_or_else(|| {
        let cause = "the kernel did not return to what it held";
        Error::new(Kind::UndoFailed, cause)
    });
    Err(lines(error, &returned.left))
}

/// Does every step that can be done; gives the errors of those that cannot. What depends on one that
/// failed is left out.
fn attempt(kernel: &mut dyn Kernel, steps: Vec<Step>) -> Vec<Error> {
    let mut failures = Vec::new();
    let mut rest = steps;
    while !rest.is_empty() && failures.len() < ENOUGH {
        let outcomes = kernel.apply(&rest);
        let mut failed: Option<Step> = None;
        let mut left = Vec::new();
        for (step, outcome) in rest.into_iter().zip(outcomes) {
            match (outcome, &failed) {
                (Outcome::Done, _) => {}
                (Outcome::Failed(error) | Outcome::Unknown(error), _) => {
                    failures.push(error.object(step.object()).attempt(step.attempt()));
                    failed = Some(step);
                }
                (Outcome::NotSent, Some(failed)) if !depends(&step, failed) => left.push(step),
                (Outcome::NotSent, _) => {}
            }
        }
        rest = left;
    }
    failures
}

/// A server cannot be added to a service that could not be.
fn depends(step: &Step, failed: &Step) -> bool {
    match failed {
        Step::AddService { key, .. } => step.service() == Some(*key),
        _ => false,
    }
}
