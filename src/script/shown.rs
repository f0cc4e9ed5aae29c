//! What a script's value is to a reader: text, a table, a plan, JSON.

use crate::director::{Difference, Report};
use crate::model::{Live, MarkRule, ServerKey, ServiceKey, Snapshot, Timeouts};

/// How a script ended that did not fail.
#[derive(Debug)]
pub enum Ended {
    /// It ran to its end; this is its last value.
    Value(Shown),
    /// It called `exit(status)`.
    Exit(i64),
    /// Whoever read its output went away: it ends quietly, and nothing is committed.
    Closed,
}

impl Ended {
    /// Says whether what is staged is to be committed.
    pub fn commits(&self) -> bool {
        matches!(self, Ended::Value(_) | Ended::Exit(0))
    }
}

/// A value, as the prompt and `-e` show it.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Nothing to show: `()`.
    Nothing,
    /// Text, shown as it is.
    Text(String),
    /// One virtual service, by name; its options are in the candidate, or else live.
    Service(ServiceKey),
    /// Virtual services.
    Services(Vec<ServiceKey>),
    /// Real servers (also one).
    Servers(Vec<(ServiceKey, ServerKey)>),
    /// fwmark rules.
    Marks(Vec<MarkRule>),
    /// Timeouts.
    Timeouts(Timeouts),
    /// What a commit, rollback, restore or adoption did; also in [`Session::take_reports`].
    ///
    /// [`Session::take_reports`]: crate::director::Session::take_reports
    Report(Box<Report>),
    /// What a commit would do.
    Plan(Box<Report>),
    /// Snapshots.
    History(Vec<Snapshot>),
    /// What differs between two states.
    Difference(Box<Difference>),
    /// Live state.
    Live(Box<Live>),
    /// Anything else.
    Json(serde_json::Value),
}
