//! Whether standard output took what was printed, and what this process did that outlives it.
//!
//! A change is done before it is reported. Where the report cannot be written, the program's last
//! words name the change, so that nobody takes a failed write for a failed change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::director::{Outcome, Report};
use crate::error::{Error, Kind};
use crate::model::SnapshotId;

/// What kept standard output from being written, other than a closed pipe.
static FAILED: OnceLock<String> = OnceLock::new();

/// Whoever read standard output went away.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// What was done, in order.
static DONE: Mutex<Vec<Effect>> = Mutex::new(Vec::new());

/// Something that this process did and that outlives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A snapshot was recorded; the history says what became of it.
    Snapshot(SnapshotId),
    /// Anything else, as a sentence.
    Other(String),
}

impl Effect {
    /// The effect of a change, if it had one.
    pub fn of(report: &Report) -> Option<Effect> {
        match &report.outcome {
            Outcome::Planned | Outcome::Unchanged => None,
            Outcome::Recorded { snapshot, .. } => Some(Effect::Snapshot(snapshot.id)),
            Outcome::Repaired { .. } | Outcome::Partly { .. } => {
                Some(Effect::Other(report.sentence()))
            }
        }
    }
}

/// Remembers something that was done.
pub fn did(effect: Effect) {
    DONE.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(effect);
}

/// What was done so far, in order.
pub fn effects() -> Vec<Effect> {
    DONE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Says whether standard output takes no more: what is shown again and again need not be.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed) || FAILED.get().is_some()
}

/// Remembers why standard output could not be written.
pub(super) fn unwritten(error: &std::io::Error) {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        CLOSED.store(true, Ordering::Relaxed);
    } else {
        FAILED.get_or_init(|| error.to_string());
    }
}

/// What kept standard output from being written, if something did.
///
/// # Errors
/// `output`.
pub fn written() -> Result<(), Error> {
    match FAILED.get() {
        None => Ok(()),
        Some(why) => {
            Err(Error::new(Kind::Output, why.clone()).attempt("cannot write to standard output"))
        }
    }
}
