//! Checks that a command has run now; they change nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::probes::{OnDemandRun, Probes};
use crate::error::{Error, Result};
use crate::health::{Finding, Target, Verdict};
use crate::model::{Check, Ruleset, ServerKey, ServiceKey};
use crate::runtime::{Answer, Asked, TargetName};

/// What one run of a check found out, as a command prints it.
#[derive(Debug, Serialize)]
struct Row {
    service: ServiceKey,
    server: ServerKey,
    check: String,
    /// `passed`, `failed` or `no_result`.
    verdict: &'static str,
    reason: Option<String>,
    answer: String,
    latency: f64,
}

impl Row {
    fn new((check, target): &(Arc<Check>, Target), finding: Finding) -> Row {
        let (verdict, reason) = match finding.verdict {
            Verdict::Passed => ("passed", None),
            Verdict::Failed(reason) => ("failed", Some(reason)),
            Verdict::NoResult(reason) => ("no_result", Some(reason)),
        };
        Row {
            service: target.service,
            server: target.server,
            check: check.summary(),
            verdict,
            reason,
            answer: finding.answer,
            latency: finding.took.as_secs_f64(),
        }
    }
}

/// A request that waits for its runs.
struct Waiting {
    asked: Asked,
    runs: Vec<(Arc<Check>, Target)>,
    rows: Vec<Option<Row>>,
    left: usize,
}

/// The requests that wait for their runs.
#[derive(Default)]
pub(super) struct OnDemand {
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

impl OnDemand {
    /// Starts the checks of some servers, or of all where none is named.
    pub(super) fn start(
        &mut self,
        asked: Asked,
        targets: &[TargetName],
        (rules, probes): (&Ruleset, &Probes),
    ) {
        let runs = match runs(rules, targets) {
            Ok(runs) => runs,
            Err(error) => return asked.answer(Err(error)),
        };
        if runs.is_empty() {
            return asked.answer(Ok(Answer::Data(json!([]))));
        }
        let request = self.next;
        self.next = self.next.wrapping_add(1);
        for (place, (check, target)) in runs.iter().enumerate() {
            probes.run_on_demand(OnDemandRun {
                request,
                place,
                check: Arc::clone(check),
                target: *target,
            });
        }
        let waiting = Waiting {
            asked,
            rows: runs.iter().map(|_| None).collect(),
            left: runs.len(),
            runs,
        };
        self.waiting.insert(request, waiting);
    }

    /// Takes the finding of a run; answers where it was the last.
    pub(super) fn finish(&mut self, request: u64, place: usize, finding: Finding) {
        let Some(waiting) = self.waiting.get_mut(&request) else {
            return;
        };
        if let (Some(row), Some(run)) = (waiting.rows.get_mut(place), waiting.runs.get(place))
            && row.is_none()
        {
            *row = Some(Row::new(run, finding));
            waiting.left = waiting.left.saturating_sub(1);
        }
        if waiting.left == 0
            && let Some(Waiting { asked, rows, .. }) = self.waiting.remove(&request)
        {
            let rows: Vec<Row> = rows.into_iter().flatten().collect();
            asked.answer(Ok(Answer::Data(json!(rows))));
        }
    }
}

/// The runs that some servers need, in their order.
fn runs(rules: &Ruleset, names: &[TargetName]) -> Result<Vec<(Arc<Check>, Target)>> {
    let targets: Vec<Target> = match names.is_empty() {
        true => rules
            .services
            .iter()
            .flat_map(|(service, declared)| {
                declared.servers.keys().map(|server| Target {
                    service: *service,
                    server: *server,
                })
            })
            .collect(),
        false => names.iter().map(Target::try_from).collect::<Result<_>>()?,
    };
    let mut runs = Vec::new();
    for target in targets {
        let service = rules.services.get(&target.service);
        let Some(service) = service.filter(|service| service.servers.contains_key(&target.server))
        else {
            return Err(Error::not_found("the head has no such server")
                .object(target)
                .hint("ipvsh health lists what is checked"));
        };
        let checks = service.checks_of(&target.server);
        runs.extend(checks.iter().map(|check| (Arc::new(check.clone()), target)));
    }
    Ok(runs)
}
