//! One probe: a check of one address and port, run once for all services that declare it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::finding::Target;
use super::schedule::ProbeId;
use super::tally::{Counted, Streak, Tally};
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

/// The most that a failing run may begin before its result and still count from its start.
const QUICK: Duration = Duration::from_millis(100);

/// A row of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failing {
    /// When the first failing run began, but at most [`QUICK`] before its result: a server that passes
    /// in a run that began since then shows that this host is not at fault. A run that ends by its
    /// timeout may have begun before the fault.
    pub(super) began: Duration,
    /// Until when all servers that fail together are seen to fail.
    pub(super) until: Duration,
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
    /// Whether it runs again at once after the present run, if that passes.
    pub(super) again: bool,
    /// When its last run that passed began.
    pub(super) passed: Option<Duration>,
    /// The present row of failures.
    pub(super) failing: Option<Failing>,
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

    /// Takes note of when a run began that passed or failed now.
    pub(super) fn count(&mut self, counted: Counted, began: Duration, now: Duration) {
        match counted {
            Counted::Pass => {
                self.passed = Some(began);
                self.failing = None;
            }
            Counted::FirstFailure => {
                self.failing = Some(Failing {
                    began: began.max(now.saturating_sub(QUICK)),
                    until: now + self.window(),
                });
            }
            Counted::Failure | Counted::Nothing => {}
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
