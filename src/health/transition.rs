//! What the monitor decides: where servers stand, and when that changes.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::finding::Target;
use super::state::Situation;

/// Where a checked server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It takes traffic, at its declared weight.
    Up,
    /// Its checks say that it is down.
    Down,
    /// It is new and waits for its first pass.
    Waiting,
}

impl Standing {
    /// The word that users see.
    pub fn name(self) -> &'static str {
        self.situation().map_or("up", Situation::name)
    }

    /// What the state keeps of it: nothing of a server that is up.
    pub fn situation(self) -> Option<Situation> {
        match self {
            Standing::Up => None,
            Standing::Down => Some(Situation::Down),
            Standing::Waiting => Some(Situation::Waiting),
        }
    }
}

impl From<Situation> for Standing {
    fn from(situation: Situation) -> Standing {
        match situation {
            Situation::Down => Standing::Down,
            Situation::Waiting => Standing::Waiting,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A change of where a server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// When the checks decided.
    pub time: DateTime<Utc>,
    /// The server.
    pub target: Target,
    /// Where it stood when the daemon last wrote it.
    pub from: Standing,
    /// Where it stands now.
    pub to: Standing,
    /// Why, with the last answer: `http /health: 503`.
    pub reason: String,
}

/// The guard came on or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardChange {
    /// When.
    pub time: DateTime<Utc>,
    /// What happened.
    pub news: GuardNews,
}

/// What happened to the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardNews {
    /// It came on: so many servers failed at once that this host itself is suspect.
    On {
        /// The addresses that failed within one interval.
        failed: usize,
        /// The addresses that were up before.
        of: usize,
        /// When it ends by itself.
        until: DateTime<Utc>,
    },
    /// Its time is over.
    Expired {
        /// The addresses that still fail.
        failing: usize,
    },
    /// Fewer than half of the addresses still fail.
    Recovered {
        /// The addresses that still fail.
        failing: usize,
    },
    /// The operator ended it.
    Unfrozen {
        /// The addresses that still fail.
        failing: usize,
    },
}

impl GuardNews {
    /// Returns true if the guard came on.
    pub fn is_on(&self) -> bool {
        matches!(self, GuardNews::On { .. })
    }

    /// The sentence that users see.
    pub fn text(&self) -> String {
        match self {
            GuardNews::On { failed, of, .. } => format!(
                "{failed} of {of} servers began to fail at once: this host itself may be at fault; \
                 no server is taken out meanwhile"
            ),
            GuardNews::Expired { failing } => {
                format!("its time is over; servers that still fail go out: {failing}")
            }
            GuardNews::Recovered { failing } => format!(
                "fewer than half of the servers still fail; servers that still fail go out: {failing}"
            ),
            GuardNews::Unfrozen { failing } => {
                format!("the operator ended it; servers that still fail go out: {failing}")
            }
        }
    }
}

/// What the daemon has to write and to tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decisions {
    /// The servers whose standing differs from what the daemon last wrote, by service and server. Each
    /// comes again at every call until the daemon says that it wrote it.
    pub transitions: Vec<Transition>,
    /// What happened to the guard since the last call, oldest first.
    pub guard: Vec<GuardChange>,
}
