//! A check.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kind::CheckKind;
use super::route::Route;
use super::timing::Timing;

/// A health check of a real server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What is sent, and which answer passes.
    pub kind: CheckKind,
    /// When it runs, and how many results decide.
    #[serde(default, skip_serializing_if = "Timing::is_default")]
    pub timing: Timing,
    /// Where it is sent, and from where.
    #[serde(default, skip_serializing_if = "Route::is_default")]
    pub route: Route,
    /// What becomes of a server that is new.
    #[serde(default, skip_serializing_if = "Start::is_default")]
    pub start: Start,
}

/// What becomes of a server that is new.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// It waits for its first pass where the service has another server that is up; else it is up.
    #[default]
    Auto,
    /// It is up until its checks say that it is down.
    Up,
    /// It waits for its first pass.
    Wait,
}

impl Start {
    /// The names in scripts; the first holds where a check does not say.
    pub const NAMES: [&str; 3] = ["auto", "up", "wait"];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Start::Auto => "auto",
            Start::Up => "up",
            Start::Wait => "wait",
        }
    }

    /// Returns true if a new server waits for its first pass; `has_good` says whether its service has
    /// another server that is up. Of several checks one that has it wait is enough.
    pub fn waits(self, has_good: bool) -> bool {
        match self {
            Start::Wait => true,
            Start::Auto => has_good,
            Start::Up => false,
        }
    }

    /// Returns true for the default.
    pub fn is_default(&self) -> bool {
        *self == Start::default()
    }
}

impl Check {
    /// A check of this kind with everything else at its default.
    pub fn of(kind: CheckKind) -> Check {
        Check {
            kind,
            timing: Timing::default(),
            route: Route::default(),
            start: Start::default(),
        }
    }

    /// Returns true if the check cannot run against a server without a port of its own (those of a
    /// mark service, or of port 0) because it names no port either.
    pub fn needs_port(&self) -> bool {
        match self.kind {
            CheckKind::Ping | CheckKind::Exec(_) => false,
            CheckKind::Tcp(_) | CheckKind::Http(_) | CheckKind::Udp(_) => self.route.port.is_none(),
        }
    }

    /// The check in a few words: `http /health every 3 s`.
    pub fn summary(&self) -> String {
        let seconds = f64::from(self.timing.interval) / 1000.0;
        format!("{} every {seconds} s", self.label())
    }

    /// What the check asks, without when: `http /health`.
    pub fn label(&self) -> String {
        let mut words = vec![self.kind.name().to_owned()];
        match &self.kind {
            CheckKind::Http(http) => words.push(http.path.clone()),
            CheckKind::Exec(exec) => words.extend(exec.command.first().cloned()),
            CheckKind::Tcp(_) | CheckKind::Udp(_) | CheckKind::Ping => {}
        }
        match (self.route.address, self.route.port) {
            (Some(addr), Some(port)) => {
                let endpoint = super::super::super::address::endpoint(addr, port);
                words.push(format!("to {endpoint}"));
            }
            (Some(addr), None) => words.push(format!("to {addr}")),
            (None, Some(port)) => words.push(format!("to port {port}")),
            (None, None) => {}
        }
        words.join(" ")
    }
}

/// Several checks as JSON and scripts have them: null where there are none, one by itself, else a list.
pub fn json_of(checks: &[Check]) -> Value {
    match checks {
        [] => Value::Null,
        [one] => one.json(),
        many => many.iter().map(Check::json).collect(),
    }
}

/// Several checks in a few words.
pub fn summary(checks: &[Check]) -> String {
    match checks {
        [] => "none".to_owned(),
        checks => checks
            .iter()
            .map(Check::summary)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
