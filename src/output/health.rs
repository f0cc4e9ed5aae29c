//! The state of the checks, and timelines, as tables and as JSON.

use serde_json::{Value, json};

use super::changes::changes;
use super::count;
use super::observed;
use super::paint::{Paint, Style, clean};
use super::table::Table;
use crate::api::health::{servers, since};
use crate::api::report as form;
use crate::director::{CheckRun, Happening, Health};
use crate::health::{ServerHealth, Standing};
use crate::model::moment::local;

/// The checked servers, a line each.
pub fn health(health: &Health, paint: Paint, width: Option<u16>) -> String {
    let report = &health.report;
    let mut text = String::new();
    if let Some(guard) = &report.guard {
        let line = format!(
            "guard: {} would be down without it, until {}",
            count(guard.held, "server"),
            local(guard.until)
        );
        text += &format!("{}\n", paint.paint(Style::Removed, &line));
    }
    let titles = [
        "service",
        "server",
        "state",
        "since",
        "check",
        "last answer",
    ];
    let mut table = Table::new(&titles, &[], paint, width);
    for one in &report.servers {
        let is_well = one.state == Standing::Up && !one.held;
        let checks: Vec<&str> = one.checks.iter().map(|one| one.check.as_str()).collect();
        let cells = [
            one.service.to_string(),
            one.server.to_string(),
            state(one),
            since(health, one).map_or(String::new(), local),
            clean(&checks.join(", ")),
            clean(&answer(one)),
        ];
        match is_well {
            true => table.row(&cells),
            false => table.row_styled(Style::Removed, &cells),
        }
    }
    text.push_str(&table.text());
    text
}

/// Where a server stands, with what qualifies that.
fn state(one: &ServerHealth) -> String {
    let is_unproven = one.checks.iter().any(|check| check.unproven);
    match (one.held, is_unproven) {
        (true, _) => format!("{}, held by the guard", one.state),
        (false, true) => format!("{}, unproven", one.state),
        (false, false) => one.state.to_string(),
    }
}

/// Why a server stands as it does: the reason of the last change, else the last answers.
fn answer(one: &ServerHealth) -> String {
    let answers: Vec<&str> = one
        .checks
        .iter()
        .filter_map(|check| check.last_answer.as_deref())
        .collect();
    match (&one.reason, one.state) {
        (Some(reason), Standing::Down | Standing::Waiting) => reason.clone(),
        _ => answers.join(", "),
    }
}

/// The same as JSON.
pub fn health_json(health: &Health) -> Value {
    let report = &health.report;
    json!({
        "daemon": health.without_daemon.is_none(),
        "ready": report.ready,
        "guard": report.guard,
        "servers": servers(health),
    })
}

/// What runs of checks found out, a line each.
pub fn check_runs(runs: &[CheckRun], paint: Paint, width: Option<u16>) -> String {
    let titles = ["service", "server", "check", "now", "ms", "answer"];
    let mut table = Table::new(&titles, &[4], paint, width);
    for run in runs {
        let is_well = run.has_passed();
        let cells = [
            run.service.to_string(),
            run.server.to_string(),
            clean(&run.check),
            run.verdict.replace('_', " "),
            format!("{:.1}", run.latency * 1000.0),
            clean(run.reason.as_deref().unwrap_or(&run.answer)),
        ];
        match is_well {
            true => table.row(&cells),
            false => table.row_styled(Style::Removed, &cells),
        }
    }
    table.text()
}

/// The same as JSON.
pub fn check_runs_json(runs: &[CheckRun]) -> Value {
    let one = |run: &CheckRun| {
        json!({
            "service": run.service.to_string(),
            "server": run.server.to_string(),
            "check": run.check,
            "verdict": run.verdict,
            "reason": run.reason,
            "answer": run.answer,
            "latency": run.latency,
        })
    };
    runs.iter().map(one).collect()
}

/// What happened to an object, oldest first.
pub fn timeline(all: &[Happening], paint: Paint) -> String {
    let mut text = String::new();
    for one in all {
        let time = paint.paint(Style::Faint, &local(one.time()));
        match one {
            Happening::Event(event) => {
                text += &format!("{time}  {}\n", observed::line(event, false));
            }
            Happening::Snapshot(snapshot, of_it) => {
                text += &format!(
                    "{time}  snapshot {} by {}: {}\n",
                    snapshot.id,
                    clean(&snapshot.author),
                    clean(&snapshot.message)
                );
                for line in changes(of_it.as_deref().unwrap_or_default(), paint).lines() {
                    text += &format!("  {line}\n");
                }
            }
        }
    }
    text
}

/// The same as JSON.
pub fn timeline_json(all: &[Happening]) -> Value {
    let one = |one: &Happening| match one {
        Happening::Event(event) => json!({ "time": event.time, "event": event }),
        Happening::Snapshot(snapshot, of_it) => json!({
            "time": snapshot.time,
            "snapshot": form::snapshot(snapshot),
            "changes": of_it.as_deref().map(form::changes),
        }),
    };
    all.iter().map(one).collect()
}
