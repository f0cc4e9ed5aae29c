//! What the other threads tell the main one.

use std::time::Duration;

use crate::error::Error;
use crate::health::{Finding, ProbeId};
use crate::runtime::Asked;

/// A message to the main thread.
#[derive(Debug)]
pub(super) enum News {
    /// A scheduled run is over.
    Found {
        /// The probe that was due.
        id: ProbeId,
        /// What the run found out.
        finding: Finding,
        /// When it ended, on the monotonic clock.
        at: Duration,
    },
    /// A run that a command asked for is over.
    FoundOnDemand {
        /// The request.
        request: u64,
        /// The run's place in it.
        place: usize,
        /// What the run found out.
        finding: Finding,
    },
    /// The thread of the checks runs; it says so once a second.
    ProbesRun,
    /// A command asks.
    Asked(Asked),
    /// The hook failed.
    HookFailed(Error),
    /// A signal asks for an end.
    End,
}
