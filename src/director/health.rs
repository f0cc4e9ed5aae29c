//! What the checks found, as far as changes of the kernel need it.

use crate::health::{Knowledge, State};

/// Where the state of the checks is read.
pub trait HealthStates {
    /// What is known now.
    fn knowledge(&self) -> Knowledge;
}

/// No daemon ever ran: every server is up.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoChecks;

impl HealthStates for NoChecks {
    fn knowledge(&self) -> Knowledge {
        Knowledge::Known(State::default())
    }
}
