//! What one run of a check found out.

use std::fmt;
use std::time::Duration;

use crate::model::{ServerKey, ServiceKey};

/// The server that a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The service.
    pub service: ServiceKey,
    /// The server.
    pub server: ServerKey,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "virtual service {}: real server {}",
            self.service, self.server
        )
    }
}

/// What one run of a check says about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It answered as it should.
    Passed,
    /// It did not, and why: `connection refused`, `503`, `no answer in 2 s`.
    Failed(String),
    /// This host could not send or time the check, and why. It says nothing about the server.
    NoResult(String),
}

/// What one run of a check found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it says about the server.
    pub verdict: Verdict,
    /// What came back, in a few words: `200`, `connected`; empty where nothing did.
    pub answer: String,
    /// From the start of the run to its end.
    pub took: Duration,
}
