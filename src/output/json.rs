//! JSON of what the use cases give; keys are the names of the script API, and the forms that
//! scripts know are theirs ([`crate::api::report`]).

use serde_json::{Map, Value, json};

use super::invocation::{warning, with_globals};
use super::status::Facts;
use crate::api::report as form;
pub use crate::api::report::snapshot;
use crate::director::{Awaiting, Difference, Drained, HealthSummary, Outcome, Report, ServerOf};
use crate::error::Error;
use crate::health::{Deviation, Target};
use crate::model::{Family, MarkSupport, ServiceKey, SettingKind, Snapshot, Weight, count};
use crate::notes::Note;
use crate::plan::{Change, Foreign, Plan};
use form::changes;

fn foreign(foreign: &Foreign) -> Value {
    let mut all = serde_json::Map::new();
    all.insert("services".into(), foreign.services.into());
    all.insert("servers".into(), foreign.servers.into());
    all.insert("marks".into(), foreign.marks.into());
    let kinds = SettingKind::ALL.into_iter();
    for kind in kinds.filter(|kind| kind.facts().foreign.is_some()) {
        let count = foreign.settings.get(&kind).copied().unwrap_or_default();
        all.insert(kind.facts().list.into(), count.into());
    }
    all.into()
}

fn error(failure: &Error) -> Value {
    let mut form = form::error(failure);
    if let Some(Value::String(hint)) = form.get_mut("hint") {
        *hint = with_globals(hint).into_owned();
    }
    Value::Object(form)
}

/// The error that a command ends with, as an object `error`: `kind object message hint status`, the
/// place in a script, what is left half-way, and what else was found.
pub fn failure(failure: &Error, status: u8) -> Value {
    let mut map = Map::new();
    if let Value::Object(form) = error(failure) {
        map.extend(form);
    }
    map.insert("status".into(), json!(status));
    if let Some(place) = failure.place() {
        let column = (place.column > 0).then_some(place.column);
        map.insert("file".into(), json!(place.file));
        map.insert("line".into(), json!(place.line));
        map.insert("column".into(), json!(column));
    }
    if !failure.leftovers().is_empty() {
        map.insert("leftovers".into(), told(failure.leftovers()));
    }
    if !failure.others().is_empty() {
        map.insert(
            "others".into(),
            failure.others().iter().map(error).collect(),
        );
    }
    json!({ "error": map })
}

/// Snapshots, newest first; with their changes in place of the number of them where given, null
/// where nothing can tell them.
pub fn history(
    snapshots: &[Snapshot],
    of_each: Option<&[Option<Vec<Change>>]>,
    awaiting: Option<&Awaiting>,
) -> Value {
    let mut forms = form::snapshots(snapshots, awaiting);
    for (form, touched) in forms.iter_mut().zip(of_each.into_iter().flatten()) {
        if let Some(map) = form.as_object_mut() {
            map.insert("changes".into(), json!(touched.as_deref().map(changes)));
        }
    }
    Value::Array(forms)
}

/// Notes, whose commands can be pasted.
fn told(notes: &[String]) -> Value {
    notes.iter().map(|note| with_globals(note)).collect()
}

/// What may be regretted: `fix` is the command to paste into a shell, `kind` says what it is, and
/// `code` is the line of a script in it, for a prompt.
fn warnings(notes: &[Note]) -> Value {
    let warning = |note: &Note| {
        json!({
            "object": note.object,
            "what": note.what,
            "fix": with_globals(&note.fix.to_string()),
            "kind": note.fix.kind(),
            "code": note.fix.code(),
        })
    };
    notes.iter().map(warning).collect()
}

/// Notes in words, and the same of warnings.
fn in_words(notes: &[String], more: &[Note]) -> Value {
    let words = notes.iter().map(|note| with_globals(note).into_owned());
    words.chain(more.iter().map(warning)).collect()
}

/// What a change did.
pub fn report(report: &Report, dry: bool) -> Value {
    let mut map = Map::new();
    let outcome = match (&report.outcome, dry) {
        (Outcome::Unchanged, _) | (_, false) => form::outcome(report),
        (_, true) if report.plan.changes.is_empty() => "unchanged",
        (_, true) => "planned",
    };
    map.insert("outcome".into(), json!(outcome));
    let made = report.snapshot().filter(|_| !dry).map(snapshot);
    map.insert("snapshot".into(), json!(made));
    if let (Some(awaiting), false) = (report.awaiting(), dry) {
        map.insert("pending".into(), form::pending(&awaiting));
    }
    map.insert("changes".into(), changes(&report.plan.changes));
    map.insert("notes".into(), told(&report.all_notes(warning)));
    map.insert("warnings".into(), warnings(&report.warnings));
    if let Outcome::Partly { failures, .. } = &report.outcome {
        map.insert("failures".into(), failures.iter().map(error).collect());
    }
    Value::Object(map)
}

/// The end of a script that gave up with a status and committed nothing at its end; `staged` is how
/// many changes it had staged.
pub fn exited(status: u8, staged: usize) -> Value {
    let note = format!("{} staged and not committed", count(staged, "change"));
    let notes = if staged > 0 { vec![note] } else { Vec::new() };
    json!({
        "outcome": "exited",
        "status": status,
        "snapshot": null,
        "changes": [],
        "notes": notes,
    })
}

/// A drain: how it ended, and every change that it made.
pub fn drain(
    servers: &[ServerOf],
    drained: Option<&Drained>,
    reports: &[Report],
    dry: bool,
) -> Value {
    let weight_before = |server: &ServerOf| {
        let mut weights = drained.iter().flat_map(|drained| &drained.weights);
        let found = weights.find(|(one, _)| one == server);
        json!(found.and_then(|(_, weight)| weight.map(Weight::value)))
    };
    let names = |(service, server): &ServerOf| {
        let (service, server) = (service.to_string(), server.to_string());
        Map::from_iter([
            ("service".to_owned(), json!(service)),
            ("server".to_owned(), json!(server)),
        ])
    };
    let mut map = match servers {
        [one] => names(one),
        many => {
            let each = many.iter().map(|one| {
                let mut map = names(one);
                map.insert("weight_before".into(), weight_before(one));
                Value::Object(map)
            });
            Map::from_iter([("servers".to_owned(), each.collect())])
        }
    };
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("drained", json!(drained.is_some() && !dry));
    let waited = drained.map(|drained| drained.waited.as_secs());
    put("seconds", json!(waited));
    if let [one] = servers {
        put("weight_before", weight_before(one));
    }
    let left = drained.map(|drained| drained.left);
    put("active", json!(left.map(|left| left.active)));
    put("inactive", json!(left.map(|left| left.inactive)));
    let persistent = left.map(|left| left.persistent);
    put("persistent_connections", json!(persistent));
    let changes = reports.iter().map(|one| report(one, dry));
    put("changes", changes.collect());
    Value::Object(map)
}

/// A shift: whether it came to its end, and every change that it made.
pub fn shift(service: &ServiceKey, is_done: bool, reports: &[Report], dry: bool) -> Value {
    json!({
        "service": service.to_string(),
        "shifted": is_done && !dry,
        "changes": reports.iter().map(|one| report(one, dry)).collect::<Value>(),
    })
}

/// A plan: its changes, what is foreign, what the head awaits, notes.
pub fn plan(report: &Report, awaiting: Option<&Awaiting>) -> Value {
    let plan = &report.plan;
    json!({
        "pending": awaiting.map(form::pending),
        "changes": changes(&plan.changes),
        "foreign": foreign(&plan.foreign),
        "kept_weights": plan.kept_weights,
        "notes": in_words(&report.notes, &report.warnings),
        "warnings": warnings(&report.warnings),
    })
}

/// How two states differ.
pub fn difference(difference: &Difference) -> Value {
    json!({
        "from": difference.from,
        "to": difference.to,
        "changes": changes(&difference.changes),
        "foreign": foreign(&difference.foreign),
        "notes": told(&difference.notes),
    })
}

/// Where things stand.
pub fn status(facts: &Facts) -> Value {
    let status = facts.status.as_ref().ok();
    let drift = status.map(|status| status.drift.as_ref());
    let plan = drift.and_then(Result::ok);
    let kernel_error = drift.and_then(Result::err);
    let live = status.and_then(|status| status.live);
    json!({
        "head": status.and_then(|s| s.head.as_ref()).map(snapshot),
        "pending": status.and_then(|s| s.pending.as_ref()).map(form::pending),
        "unfinished": status.and_then(|s| s.unfinished.as_deref()).map(with_globals),
        "drift": plan.map(|plan| changes(&plan.changes)),
        "notes": plan.and(status).map(|status| in_words(&[], &status.warnings)),
        "warnings": plan.and(status).map(|status| warnings(&status.warnings)),
        "findings": plan.and(status).map(|status| status.findings),
        "foreign": plan.map(|plan| foreign(&plan.foreign)),
        "health": status.map(|status| health(&status.health)),
        "kept_weights": plan.map(|plan| plan.kept_weights),
        "ours": status.map(|s| json!({"services": s.ours.0, "servers": s.ours.1})),
        "kernel": {
            "kind": if facts.is_sim { "sim" } else { "linux" },
            "error": kernel_error.map(error),
            "services": live.map(|(services, _)| services),
            "servers": live.map(|(_, servers)| servers),
            "marks": plan.map(support),
        },
        "database": {
            "path": facts.database,
            "bytes": facts.bytes,
            "error": facts.status.as_ref().err().map(error),
        },
        "boot_restore": facts.boot_unit,
        "suggestion": status.and_then(|s| s.suggestion()).map(|(command, _)| with_globals(command)),
    })
}

/// What the checks say: how many servers are checked, those that are down or wait, and the daemon.
fn health(health: &HealthSummary) -> Value {
    let servers = |all: &[(Target, Deviation)]| -> Value {
        let one = |(target, deviation): &(Target, Deviation)| {
            json!({
                "service": target.service,
                "server": target.server.to_string(),
                "since": deviation.since,
                "reason": deviation.reason,
            })
        };
        all.iter().map(one).collect()
    };
    let maintenance = health.maintenance.iter();
    let maintenance = maintenance.map(|(key, one)| Value::Object(one.json(*key)));
    json!({
        "checked": health.checked,
        "down": servers(&health.down),
        "waiting": servers(&health.waiting),
        "maintenance": maintenance.collect::<Vec<_>>(),
        "failure": health.failure,
        "guard": health.guard,
        "unproven": health.unproven,
        "unreadable": health.unreadable,
        "daemon": health.has_daemon(),
    })
}

/// Per family: null where marks are available, else why not.
fn support(plan: &Plan) -> Value {
    let mut map = Map::new();
    for family in Family::ALL {
        let why = match plan.target.marks(family) {
            MarkSupport::Available(_) | MarkSupport::Unread => None,
            MarkSupport::Unavailable(why) => Some(why),
        };
        map.insert(
            family.name().into(),
            json!({"available": why.is_none(), "why": why}),
        );
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::model::SnapshotId;

    #[test]
    fn what_could_not_be_done_is_listed() {
        let told = Report {
            plan: Plan::default(),
            outcome: Outcome::Partly {
                head: SnapshotId(7),
                failures: vec![Error::new(Kind::Refused, "no such scheduler").object("tcp x")],
            },
            notes: vec!["a note".to_owned()],
            warnings: Vec::new(),
        };
        assert_eq!(
            report(&told, false),
            json!({
                "outcome": "partly",
                "snapshot": null,
                "changes": [],
                "notes": ["a note"],
                "warnings": [],
                "failures": [{
                    "kind": "refused",
                    "object": "tcp x",
                    "message": "no such scheduler",
                    "hint": null,
                }],
            })
        );
    }
}
