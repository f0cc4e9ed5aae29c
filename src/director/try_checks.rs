//! Running checks once that a commit adds or changes: a wrong path shows before it decides anything.

use std::collections::BTreeMap;

use super::Director;
use super::options::ChangeOptions;
use crate::candidate::Candidate;
use crate::error::{Error, Result};
use crate::health::{Finding, Overlay, Target, Verdict};
use crate::model::policy::Check;
use crate::model::{Ruleset, ServiceKey, count};

/// The most runs of one commit: of more checks, only so many are tried.
const MOST: usize = 1_000;

/// The longest that a run may take, in milliseconds, whatever its check says.
const PATIENCE: u32 = 3_000;

/// A check of a service, with the servers whose check it becomes.
type Tried<'a> = BTreeMap<(ServiceKey, &'a Check), Vec<Target>>;

/// The checks that are new or changed.
fn changed<'a>(base: &Ruleset, rules: &'a Ruleset) -> Tried<'a> {
    let mut tried = Tried::new();
    for (key, service) in &rules.services {
        let before = base.services.get(key);
        if before.is_some_and(|before| {
            before.policy.checks == service.policy.checks
                && before.server_policies == service.server_policies
        }) {
            continue;
        }
        for server in service.servers.keys() {
            let old = before.map_or(&[][..], |before| before.checks_of(server));
            let new = service.checks_of(server).iter();
            for check in new.filter(|check| !old.contains(check)) {
                let target = Target {
                    service: *key,
                    server: *server,
                };
                tried.entry((*key, check)).or_default().push(target);
            }
        }
    }
    tried
}

impl Director {
    /// Runs the checks that a candidate adds or changes once, without any lock; says what came of it.
    ///
    /// # Errors
    /// `guarded` where a check takes the place of others of a service that has servers that are up, and
    /// passes on none, unless that is allowed.
    pub(super) fn try_checks(
        &self,
        candidate: &Candidate,
        options: &ChangeOptions,
    ) -> Result<Vec<String>> {
        if options.plan_only || self.rehearsing {
            return Ok(Vec::new());
        }
        let tried = changed(candidate.base(), candidate.rules());
        let runs: Vec<(Check, Target)> = tried
            .iter()
            .flat_map(|((_, check), targets)| {
                let mut check = (*check).clone();
                check.timing.timeout = check.timing.timeout.min(PATIENCE);
                targets.iter().map(move |target| (check.clone(), *target))
            })
            .take(MOST)
            .collect();
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut notes = Vec::new();
        if !self.health.has_daemon() {
            notes.push(
                "no daemon runs, so nothing watches over these servers yet: ipvsh daemon"
                    .to_owned(),
            );
        }
        let Some(findings) = self.health.run_once(&runs) else {
            return Ok(notes);
        };
        let mut findings = findings.into_iter();
        let overlay = self.overlay();
        for ((key, check), targets) in &tried {
            let found: Vec<Finding> = findings.by_ref().take(targets.len()).collect();
            if found.is_empty() {
                break;
            }
            let said = said(key, check, &found);
            let fails = found
                .iter()
                .all(|one| matches!(one.verdict, Verdict::Failed(_)));
            if fails && !options.allow_removals && replaces(&overlay, candidate.base(), key) {
                return Err(Error::guarded(said)
                    .object(format!("virtual service {key}"))
                    .hint("its servers are up by the check that it has")
                    .hint("if it is meant: --allow-removals"));
            }
            notes.push(said);
        }
        Ok(notes)
    }
}

/// `check http /health of tcp 192.0.2.10:80: now 0 of 6 servers pass (404)`.
fn said(key: &ServiceKey, check: &Check, found: &[Finding]) -> String {
    let passes = found
        .iter()
        .filter(|one| one.verdict == Verdict::Passed)
        .count();
    let other = found.iter().find_map(|one| match &one.verdict {
        Verdict::Passed => None,
        Verdict::Failed(why) | Verdict::NoResult(why) => Some(format!(" ({why})")),
    });
    format!(
        "check {} of {key}: now {passes} of {} pass{}",
        check.label(),
        count(found.len(), "server"),
        other.unwrap_or_default()
    )
}

/// Returns true if a service of the base is checked and has a server that is up.
fn replaces(overlay: &Overlay, base: &Ruleset, key: &ServiceKey) -> bool {
    let Some(service) = base.services.get(key) else {
        return false;
    };
    let mut servers = service.checked_servers();
    servers.any(|server| overlay.held(base, key, server).is_none())
}
