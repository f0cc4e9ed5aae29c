//! systemd: readiness, status, and the watchdog (sd_notify(3)). Without systemd nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// What the service manager is told.
pub(super) struct Supervisor {
    /// How often the watchdog is fed; none where there is none.
    pause: Option<Duration>,
    fed_at: Duration,
    status: String,
}

impl Supervisor {
    pub(super) fn new() -> Supervisor {
        Supervisor {
            pause: sd_notify::watchdog_enabled().map(|limit| limit / 3),
            fed_at: Duration::ZERO,
            status: String::new(),
        }
    }

    /// The daemon does its work.
    pub(super) fn ready(&self) {
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    /// The daemon ends.
    pub(super) fn stopping(&self) {
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
    }

    /// The scheduler runs; `now` is the monotonic clock.
    pub(super) fn alive(&mut self, now: Duration) {
        if self
            .pause
            .is_some_and(|pause| now.saturating_sub(self.fed_at) >= pause)
        {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            self.fed_at = now;
        }
    }

    /// How the daemon is doing, in a sentence.
    pub(super) fn status(&mut self, text: String) {
        if text != self.status {
            let _ = sd_notify::notify(&[NotifyState::Status(&text)]);
            self.status = text;
        }
    }
}
