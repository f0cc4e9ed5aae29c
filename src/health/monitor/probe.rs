//! One probe: a check of one address and port, run once for all services that declare it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::finding::Target;
use super::schedule::ProbeId;
use super::tally::{Streak, Tally};
use crate::model::Check;
use crate::model::policy::check::{CheckKind, Route, Start};

/// How late this host may hand out or end a run before the run says nothing about the server.
pub(super) const LATENESS: Duration = Duration::from_millis(500);

/// A check to run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The probe, for the result.
    pub id: ProbeId,
    /// The check.
    pub check: Arc<Check>,
    /// The server that it is about; where several services share the probe, the first of them.
    pub target: Target,
}

/// What makes two checks the same run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProbeKey {
    address: IpAddr,
    /// None where the check has no port.
    port: Option<u16>,
    /// Its route has neither: they are above.
    check: Check,
    /// The server, where the check is told of its service: two services are two runs then.
    target: Option<Target>,
}

impl ProbeKey {
    /// The run that a check of a server needs.
    pub(super) fn of(check: &Check, target: Target) -> ProbeKey {
        let route = check.route;
        ProbeKey {
            address: route.address.unwrap_or(target.server.addr),
            port: (check.kind != CheckKind::Ping).then(|| route.port.unwrap_or(target.server.port)),
            check: Check {
                route: Route {
                    address: None,
                    port: None,
                    ..route
                },
                ..without_start(check)
            },
            target: names_service(&check.kind).then_some(target),
        }
    }
}

/// A check without what becomes of a new server, which is nothing to its runs.
pub(super) fn without_start(check: &Check) -> Check {
    Check {
        start: Start::default(),
        ..check.clone()
    }
}

/// Returns true if the check is given the service's VIP, port or mark.
fn names_service(kind: &CheckKind) -> bool {
    matches!(kind, CheckKind::Exec(_))
}

/// A service's check, as the probe knows it.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// The server of the service.
    pub(super) target: Target,
    /// The check as it was declared.
    pub(super) check: Arc<Check>,
}

/// A run that was handed out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// When.
    pub(super) started: Duration,
    /// Whether it was handed out too late to say anything.
    pub(super) is_late: bool,
}

/// One probe.
#[derive(Debug)]
pub(super) struct Probe {
    /// What makes it what it is.
    pub(super) key: ProbeKey,
    /// Who waits for its results; never empty.
    pub(super) users: Vec<User>,
    /// Its results.
    pub(super) tally: Tally,
    /// The run that was handed out and has not ended.
    pub(super) run: Option<Run>,
    /// When it runs next; none during a run.
    pub(super) due: Option<Duration>,
}

impl Probe {
    /// From one run to the next.
    pub(super) fn interval(&self) -> Duration {
        millis(self.key.check.timing.interval)
    }

    /// From one run to the next while results have not decided.
    pub(super) fn retry_interval(&self) -> Duration {
        millis(self.key.check.timing.retry_interval)
    }

    /// For all of a run.
    pub(super) fn timeout(&self) -> Duration {
        millis(self.key.check.timing.timeout)
    }

    /// Returns true while more equal results are needed to bring a server up or down.
    pub(super) fn is_undecided(&self) -> bool {
        let timing = self.key.check.timing;
        match self.tally.streak {
            Streak::None => true,
            Streak::Passes(count) => count < timing.rise,
            Streak::Failures(count) => count < timing.fall,
        }
    }

    /// The time within which all servers that fail together are seen to fail.
    pub(super) fn window(&self) -> Duration {
        let interval = self.interval();
        interval + interval / 10 + self.timeout()
    }
}

/// A time of a check's timing.
fn millis(time: u32) -> Duration {
    Duration::from_millis(time.into())
}
