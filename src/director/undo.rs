//! Taking back what a commit did to the kernel, entry by entry, where the kernel still shows it.

use std::collections::BTreeSet;

use crate::error::{Error, Kind, Result};
use crate::kernel::{Kernel, Outcome, Part};
use crate::model::{EntryKey, Extent};
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

/// Steps done one after the other, whichever of them fail.
pub(super) struct Attempted {
    /// Which failed, and why.
    pub failures: Vec<Error>,
}

/// What of the kernel is looked at to take changes back.
pub(super) fn part_of(deltas: &Deltas) -> Part {
    Part {
        services: Extent::Services(deltas.services()),
        or_whole: 0,
        marks: deltas.has_marks(),
    }
}

/// Takes changes back; gives the entries that somebody else changed since, which stay.
///
/// # Errors
/// As the kernel refuses, with a runnable line for each thing that is left.
pub(super) fn undo(kernel: &mut dyn Kernel, deltas: &Deltas) -> Result<BTreeSet<EntryKey>> {
    if deltas.is_empty() {
        return Ok(BTreeSet::new());
    }
    let part = part_of(deltas);
    let all = |error: Error| {
        let lines = deltas.inverse();
        let lines = lines.iter().flat_map(command_lines);
        lines.fold(error, Error::leftover)
    };
    let live = kernel.observe_part(&part).map_err(all)?;
    let back = deltas.taken_back(&live);
    let attempted = attempt(kernel, steps(&live, &back.target));
    let now = kernel.observe_part(&part)?;
    let again = deltas.taken_back(&now);
    let left = steps(&now, &again.target);
    if left.is_empty() {
        return Ok(again.kept);
    }
    let error = attempted.failures.into_iter().next().unwrap_or_else(|| {
        Error::new(
            Kind::UndoFailed,
            "the kernel did not return to what it held",
        )
    });
    Err(left
        .iter()
        .flat_map(command_lines)
        .fold(error, Error::leftover))
}

/// Does every step that can be done. What depends on one that failed is left out.
pub(super) fn attempt(kernel: &mut dyn Kernel, steps: Vec<Step>) -> Attempted {
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
    Attempted { failures }
}

/// A server cannot be added to a service that could not be.
fn depends(step: &Step, failed: &Step) -> bool {
    match failed {
        Step::AddService { key, .. } => step.service() == Some(*key),
        _ => false,
    }
}
