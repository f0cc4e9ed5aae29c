//! What checks found: the servers that are not "up at their declared weight".

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::finding::Target;

/// Where a checked server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// Its checks say that it is down.
    Down,
    /// It is new and waits for its first pass.
    Waiting,
}

impl Situation {
    /// The word that users see.
    pub fn name(self) -> &'static str {
        match self {
            Situation::Down => "down",
            Situation::Waiting => "waiting",
        }
    }
}

/// A server that is not up at its declared weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// Where it stands.
    pub situation: Situation,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, with the last answer: `http /health: 503`.
    pub reason: String,
    /// Whether somebody else had taken it out before its checks did: it stays out when they pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_out_by_hand: bool,
}

/// What is known of the state of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knowledge {
    /// The state, as the daemon wrote it; empty where no daemon ever ran.
    Known(State),
    /// Why it cannot be read: checked servers stay as the kernel has them.
    Unreadable(String),
}

/// The servers that are not up at their declared weight. All others are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Each of these servers, with where it stands.
    pub servers: BTreeMap<Target, Deviation>,
}
