//! The two clocks that the checks are judged by.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The time, as the caller read it. Decisions follow `monotonic` alone; `utc` is what people read, and
/// may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The time since some point in the past; it only grows.
    pub monotonic: Duration,
    /// The time of day.
    pub utc: DateTime<Utc>,
}

impl Now {
    /// The time of day at a moment of the monotonic clock, before or after now.
    pub fn utc_at(&self, monotonic: Duration) -> DateTime<Utc> {
        let (ahead, behind) = (
            monotonic.saturating_sub(self.monotonic),
            self.monotonic.saturating_sub(monotonic),
        );
        let span = |time: Duration| chrono::TimeDelta::from_std(time).unwrap_or_default();
        self.utc + span(ahead) - span(behind)
    }
}
