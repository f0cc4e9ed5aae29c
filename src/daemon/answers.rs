//! What the daemon says of itself.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::DaemonOptions;
use crate::health::{Situation, State};
use crate::model::SnapshotId;

/// The daemon itself, as `state` asks for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Itself {
    pub(super) pid: u32,
    pub(super) version: &'static str,
    pub(super) since: DateTime<Utc>,
    pub(super) head: Option<SnapshotId>,
    pub(super) observe: bool,
    /// Seconds.
    pub(super) guard: u64,
    /// Every check has run at least once.
    pub(super) ready: bool,
    /// The longest time, in seconds, by which a check of the last minute began too late.
    pub(super) lateness: f64,
    /// Why the state or the kernel could not be written, while that is so.
    pub(super) failure: Option<String>,
}

impl Itself {
    pub(super) fn new(options: &DaemonOptions, since: DateTime<Utc>) -> Itself {
        Itself {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
            since,
            head: None,
            observe: options.observe,
            guard: options.guard.as_secs(),
            ready: false,
            lateness: 0.0,
            failure: None,
        }
    }
}

/// How late checks began, over the last minute.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    began: Duration,
    now: Duration,
    before: Duration,
}

impl Lateness {
    const SPAN: Duration = Duration::from_secs(60);

    /// Notes that a check that was due at `due` begins now.
    pub(super) fn note(&mut self, due: Duration, now: Duration) {
        if now.saturating_sub(self.began) >= Lateness::SPAN {
            (self.before, self.now, self.began) = (self.now, Duration::ZERO, now);
        }
        self.now = self.now.max(now.saturating_sub(due));
    }

    /// The longest, in seconds.
    pub(super) fn longest(&self) -> f64 {
        self.now.max(self.before).as_secs_f64()
    }
}

/// How the checks stand, in a sentence for `systemctl status`.
pub(super) fn summary(state: &State, head: Option<SnapshotId>) -> String {
    let count = |wanted: Situation| {
        let servers = state.servers.values();
        servers.filter(|one| one.situation == wanted).count()
    };
    let standing = [Situation::Down, Situation::Waiting];
    let counts = standing.map(|situation| (count(situation), situation.name()));
    let told = counts.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let head = head.map_or("no snapshot yet".to_owned(), |id| format!("snapshot {id}"));
    match told.is_empty() {
        true => format!("{head}: all checked servers are up"),
        false => format!("{head}: {}", told.join(", ")),
    }
}
