//! What a status says of checks, maintenance and the daemon.

use std::time::Duration;

use super::Director;
use crate::health::{
    Deviation, GuardHealth, Held, Knowledge, Overlay, ServerHealth, Situation, State, Target,
};
use crate::model::{Maintenance, MaintenanceKey, Ruleset};
use crate::runtime::FRESH;

/// What the checks of the head say, and who keeps servers out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HealthSummary {
    /// How many servers are checked.
    pub checked: usize,
    /// The servers that are down, those longest down first.
    pub down: Vec<(Target, Deviation)>,
    /// The servers that wait for their first pass.
    pub waiting: Vec<(Target, Deviation)>,
    /// The maintenance that is not over.
    pub maintenance: Vec<(MaintenanceKey, Maintenance)>,
    /// Why the state of the checks cannot be read.
    pub unreadable: Option<String>,
    /// How long ago the daemon's scheduler last ran; none where no daemon runs.
    pub heartbeat: Option<Duration>,
    /// Why the daemon cannot write what it finds out, while that is so.
    pub failure: Option<String>,
    /// The guard of the daemon, while it is on.
    pub guard: Option<GuardHealth>,
    /// The servers that fail a check which has passed nowhere yet, so that it takes nothing out.
    pub unproven: usize,
}

impl HealthSummary {
    /// Returns true if a daemon runs.
    pub fn has_daemon(&self) -> bool {
        self.heartbeat.is_some_and(|age| age < FRESH)
    }

    /// Returns true if servers are checked and no daemon runs.
    pub fn lacks_daemon(&self) -> bool {
        self.checked > 0 && !self.has_daemon()
    }

    /// Returns true if something is not as it should be.
    pub fn has_findings(&self) -> bool {
        let is_held = self.guard.is_some() || self.unproven > 0 || self.failure.is_some();
        is_held || !self.down.is_empty() || self.unreadable.is_some() || self.lacks_daemon()
    }
}

impl Director {
    /// What the checks found; nothing where that cannot be read.
    pub fn health_state(&self) -> State {
        match self.health.knowledge() {
            Knowledge::Known(state) => state,
            Knowledge::Unreadable(_) => State::default(),
        }
    }

    /// What a status says of the checks of rules.
    pub(super) fn health_summary(&self, rules: &Ruleset, overlay: &Overlay) -> HealthSummary {
        let mut summary = HealthSummary {
            heartbeat: self.health.heartbeat(),
            ..HealthSummary::default()
        };
        let maintenance = rules.settings.maintenance();
        let standing = maintenance.filter(|(_, one)| !one.is_over(overlay.now));
        summary.maintenance = standing.map(|(key, one)| (key, one.clone())).collect();
        for (key, service) in &rules.services {
            for server in service.checked_servers() {
                summary.checked = summary.checked.saturating_add(1);
                let target = Target {
                    service: *key,
                    server: *server,
                };
                let (Some(Held::ByChecks(situation)), Knowledge::Known(state)) =
                    (overlay.held(rules, key, server), &overlay.knowledge)
                else {
                    continue;
                };
                let Some(deviation) = state.servers.get(&target).cloned() else {
                    continue;
                };
                match situation {
                    Situation::Down => summary.down.push((target, deviation)),
                    Situation::Waiting => summary.waiting.push((target, deviation)),
                }
            }
        }
        summary
            .down
            .sort_by_key(|(target, deviation)| (deviation.since, *target));
        if summary.checked > 0 && summary.has_daemon() {
            match self.health.report() {
                Some(report) => {
                    let fails = |one: &&ServerHealth| {
                        let mut checks = one.checks.iter();
                        checks.any(|check| check.unproven && check.consecutive_failures > 0)
                    };
                    summary.unproven = report.servers.iter().filter(fails).count();
                    summary.failure = report.failure;
                    summary.guard = report.guard;
                }
                // It died a moment ago, or does not answer.
                None => summary.heartbeat = None,
            }
        }
        if let (Knowledge::Unreadable(why), true) = (&overlay.knowledge, summary.checked > 0) {
            summary.unreadable = Some(why.clone());
        }
        summary
    }
}
