//! What `ipvsh health` prints of all checks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::finding::Target;
use super::super::now::Now;
use super::super::transition::Standing;
use super::machine::Monitor;
use super::server::{Server, ServerCheck};
use super::tally::Streak;
use crate::model::{ServerKey, ServiceKey};

/// What the daemon knows of all checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether every check has finished at least once.
    pub ready: bool,
    /// Why the daemon cannot write the state or the kernel, while that is so; the monitor does not know.
    #[serde(default)]
    pub failure: Option<String>,
    /// The guard, while it is on.
    pub guard: Option<GuardHealth>,
    /// The checked servers, by service.
    pub servers: Vec<ServerHealth>,
}

/// A guard that is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardHealth {
    /// When it ends by itself.
    pub until: DateTime<Utc>,
    /// The servers that would be down without it.
    pub held: usize,
}

/// A checked server of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerHealth {
    /// The service.
    pub service: ServiceKey,
    /// The server.
    pub server: ServerKey,
    /// Where it stands.
    pub state: Standing,
    /// Since when; for a server that is up, at the earliest since the daemon began.
    pub since: DateTime<Utc>,
    /// Why, with the last answer; none where nothing has changed yet.
    pub reason: Option<String>,
    /// How long its slowest check took when it last ran, in seconds.
    pub latency: Option<f64>,
    /// Whether it would be down but for the guard.
    pub held: bool,
    /// Its checks, as declared.
    pub checks: Vec<CheckHealth>,
}

/// A check of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckHealth {
    /// The check in a few words.
    pub check: String,
    /// All passes since the daemon began or the check was changed.
    pub passes: u64,
    /// All failures since then.
    pub failures: u64,
    /// All runs since then that said nothing about the server.
    pub no_results: u64,
    /// The latest passes in a row.
    pub consecutive_passes: u32,
    /// The latest failures in a row.
    pub consecutive_failures: u32,
    /// What the last run said; none before the first.
    pub last_answer: Option<String>,
    /// How long the last run with a result took, in seconds.
    pub latency: Option<f64>,
    /// Whether the check has passed on no server of the service yet: it takes nothing down until then.
    pub unproven: bool,
    /// When it runs next; none during a run.
    pub next_run: Option<DateTime<Utc>>,
}

impl Monitor {
    /// What is known of all checks.
    pub fn report(&self, now: Now) -> Report {
        let until = self.guard.until();
        let servers = self.servers.iter();
        Report {
            ready: self.is_ready(),
            failure: None,
            guard: until.map(|until| GuardHealth {
                until: now.utc_at(until),
                held: self.held.len(),
            }),
            servers: servers
                .map(|(target, server)| self.server_health(*target, server, now))
                .collect(),
        }
    }

    fn server_health(&self, target: Target, server: &Server, now: Now) -> ServerHealth {
        let checks = server.checks.iter();
        let checks: Vec<CheckHealth> = checks
            .filter_map(|check| self.check_health(check, now))
            .collect();
        let latencies = checks.iter().filter_map(|check| check.latency);
        ServerHealth {
            service: target.service,
            server: target.server,
            state: server.standing,
            since: server.since,
            reason: server.reason.clone(),
            latency: latencies.reduce(f64::max),
            held: self.held.contains(&target),
            checks,
        }
    }

    fn check_health(&self, check: &ServerCheck, now: Now) -> Option<CheckHealth> {
        let probe = self.probes.get(&check.probe)?;
        let tally = &probe.tally;
        let (passes, failures) = match tally.streak {
            Streak::None => (0, 0),
            Streak::Passes(count) => (count, 0),
            Streak::Failures(count) => (0, count),
        };
        Some(CheckHealth {
            check: check.check.summary(),
            passes: tally.passes,
            failures: tally.failures,
            no_results: tally.no_results,
            consecutive_passes: passes,
            consecutive_failures: failures,
            last_answer: tally.last.clone(),
            latency: tally.latency.map(seconds),
            unproven: !self.proofs.get(&check.proof).copied().unwrap_or_default(),
            next_run: probe.due.map(|due| now.utc_at(due)),
        })
    }
}

/// A time in seconds, to the microsecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}
