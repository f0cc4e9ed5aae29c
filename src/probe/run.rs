//! One run of a check, and all runs of a command that asks for them now.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::outcome::{Outcome, Progress, seconds};
use super::{exec, http, ping, tcp, udp};
use crate::error::{Error, Result};
use crate::health::{Finding, Target, Verdict};
use crate::model::policy::check::{Check, CheckKind};

/// A run that ends so much after its deadline says nothing: this host was too slow to time it.
const LATE: Duration = Duration::from_millis(500);

/// The most runs at once of [`run_now`], and the most programs among them.
const MOST: usize = 256;
const MOST_PROGRAMS: usize = 32;

/// Runs a check once against a server. The run is over at the check's timeout, from its start to the
/// last byte; a program that is killed then takes up to 0.3 s more to disappear. Needs a runtime of tokio with
/// input, output and time; ends early and leaves nothing behind when dropped.
pub async fn run(check: &Check, target: &Target) -> Finding {
    let started = Instant::now();
    let limit = Duration::from_millis(check.timing.timeout.into());
    let deadline = started + limit;
    let mut progress = Progress::default();
    let attempt = attempt(check, target, deadline, &mut progress);
    let mut outcome = match &check.kind {
        // It kills what it started, and ends by itself.
        CheckKind::Exec(_) => attempt.await,
        _ => match timeout_at(deadline, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(progress.overdue(limit)),
        },
    };
    let took = started.elapsed();
    let late = took.saturating_sub(limit);
    if let Err(missed) = &mut outcome
        && late > LATE
        && matches!(missed.verdict, Verdict::Failed(_))
    {
        let late = seconds(Duration::from_millis(
            u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
        ));
        missed.verdict = Verdict::NoResult(format!("this host was {late} late"));
    }
    match outcome {
        Ok(passed) => Finding {
            verdict: Verdict::Passed,
            answer: passed.answer,
            took,
        },
        Err(missed) => Finding {
            verdict: missed.verdict,
            answer: missed.answer,
            took,
        },
    }
}

async fn attempt(
    check: &Check,
    target: &Target,
    deadline: Instant,
    progress: &mut Progress,
) -> Outcome {
    let route = &check.route;
    match &check.kind {
        CheckKind::Tcp(kind) => tcp::run(kind, route, target, progress).await,
        CheckKind::Http(kind) => http::run(kind, route, target, progress).await,
        CheckKind::Udp(kind) => udp::run(kind, route, target, deadline, progress).await,
        CheckKind::Ping => ping::run(route, target, progress).await,
        CheckKind::Exec(kind) => exec::run(kind, &check.timing, route, target, deadline).await,
    }
}

/// Runs each check once against its server, many at once, and waits for all of them. The findings are
/// in the order of the runs.
///
/// # Errors
/// `system` where this host has no room for a runtime.
pub fn run_now(runs: &[(Check, Target)]) -> Result<Vec<Finding>> {
    let failed = |error: &std::io::Error| Error::system("cannot run checks", error);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let findings = runtime.block_on(all(runs));
    // A look-up that hangs would hold the command up for nothing.
    runtime.shutdown_background();
    Ok(findings)
}

async fn all(runs: &[(Check, Target)]) -> Vec<Finding> {
    let slots = Arc::new(Semaphore::new(MOST));
    let programs = Arc::new(Semaphore::new(MOST_PROGRAMS));
    let mut tasks = JoinSet::new();
    for (at, (check, target)) in runs.iter().cloned().enumerate() {
        let slots = match check.kind {
            CheckKind::Exec(_) => Arc::clone(&programs),
            _ => Arc::clone(&slots),
        };
        tasks.spawn(async move {
            // It fails only if it is closed, which nobody does.
            let _slot = slots.acquire().await;
            (at, run(&check, &target).await)
        });
    }
    let mut findings: Vec<Option<Finding>> = vec![None; runs.len()];
    while let Some(done) = tasks.join_next().await {
        if let Ok((at, finding)) = done
            && let Some(place) = findings.get_mut(at)
        {
            *place = Some(finding);
        }
    }
    let lost = || Finding {
        verdict: Verdict::NoResult("the run broke off".to_owned()),
        answer: String::new(),
        took: Duration::ZERO,
    };
    findings
        .into_iter()
        .map(|finding| finding.unwrap_or_else(lost))
        .collect()
}
