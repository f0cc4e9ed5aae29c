//! The time: what the time of day is, how much of it passed, and letting some pass.
//!
//! Layer 0; imports nothing of ours. The history, its locks and the use cases ask a [`Clock`] that
//! they are given, so that a test can set it. CLOCK_BOOTTIME, by which commits are confirmed, is the
//! confirm timer's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

/// Tells the time.
pub trait Clock {
    /// The time of day, UTC. An operator may set it back.
    fn utc(&self) -> DateTime<Utc>;

    /// The time since some point in the past; it only grows.
    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    /// Lets time pass.
    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration);
    }
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn utc(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let rest = u64::try_from(now.tv_nsec).unwrap_or(0);
        Duration::from_secs(seconds).saturating_add(Duration::from_nanos(rest))
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A function that tells the time of day; the rest is this machine's.
impl<F: Fn() -> DateTime<Utc>> Clock for F {
    fn utc(&self) -> DateTime<Utc> {
        self()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_while_one_sleeps() {
        let began = SystemClock.monotonic();
        SystemClock.sleep(Duration::from_millis(20));
        let slept = SystemClock.monotonic().saturating_sub(began);
        assert!(slept >= Duration::from_millis(20), "{slept:?}");
        let fixed = || DateTime::UNIX_EPOCH;
        assert_eq!(fixed.utc().timestamp(), 0);
        assert!(fixed.monotonic() >= began);
    }
}
