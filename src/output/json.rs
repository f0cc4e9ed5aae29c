//! JSON of what the use cases give; keys are the names of the script API.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use super::status::Facts;
use crate::director::{Difference, Outcome, Report};
use crate::error::Error;
use crate::model::{Family, MarkSupport, Snapshot};
use crate::plan::{Change, Foreign, Plan};

/// A snapshot: `id time author message parent`, what it repeats, its changes, its tags.
pub fn snapshot(snapshot: &Snapshot) -> Value {
    json!({
        "id": snapshot.id.0,
        "time": snapshot.time.to_rfc3339_opts(SecondsFormat::Secs, true),
        "author": snapshot.author,
        "message": snapshot.message,
        "parent": snapshot.parent.map(|id| id.0),
        "rollback_of": snapshot.rollback_of.map(|id| id.0),
        "changes": snapshot.changes,
        "tags": snapshot.tags,
    })
}

fn changes(changes: &[Change]) -> Value {
    changes
        .iter()
        .map(|change| {
            json!({
                "action": change.action.word(),
                "object": change.object,
                "part": change.part,
                "detail": change.detail,
            })
        })
        .collect()
}

fn foreign(foreign: &Foreign) -> Value {
    json!({
        "services": foreign.services,
        "servers": foreign.servers,
        "marks": foreign.marks,
        "daemons": foreign.daemons,
    })
}

fn error(error: &Error) -> Value {
    json!({
        "kind": error.kind().name(),
        "object": error.object_name(),
        "message": error.message(),
        "hint": error.hints().first(),
    })
}

/// Snapshots, newest first; with their changes in place of the number of them where given.
pub fn history(snapshots: &[(Snapshot, Option<Vec<Change>>)]) -> Value {
    snapshots
        .iter()
        .map(|(record, touched)| {
            let mut map = snapshot(record);
            if let (Some(map), Some(touched)) = (map.as_object_mut(), touched) {
                map.insert("changes".into(), changes(touched));
            }
            map
        })
        .collect()
}

/// What a change did.
pub fn report(report: &Report, dry: bool) -> Value {
    let mut map = Map::new();
    let (outcome, failures) = match (&report.outcome, dry) {
        (Outcome::Unchanged, _) => ("unchanged", None),
        (Outcome::Planned, _) | (_, true) => ("planned", None),
        (Outcome::Repaired { .. }, _) => ("repaired", None),
        (Outcome::Recorded { .. }, _) => ("recorded", None),
        (Outcome::Partly { failures, .. }, _) => ("partly", Some(failures)),
    };
    map.insert("outcome".into(), json!(outcome));
    let made = report.snapshot().filter(|_| !dry).map(snapshot);
    map.insert("snapshot".into(), json!(made));
    map.insert("changes".into(), changes(&report.plan.changes));
    map.insert("notes".into(), json!(report.all_notes()));
    if let Some(failures) = failures {
        map.insert("failures".into(), failures.iter().map(error).collect());
    }
    Value::Object(map)
}

/// A plan: its changes, what is foreign, notes.
pub fn plan(plan: &Plan, notes: &[String]) -> Value {
    json!({
        "changes": changes(&plan.changes),
        "foreign": foreign(&plan.foreign),
        "notes": notes,
    })
}

/// How two states differ.
pub fn difference(difference: &Difference) -> Value {
    json!({
        "from": difference.from,
        "to": difference.to,
        "changes": changes(&difference.changes),
        "foreign": foreign(&difference.foreign),
        "notes": difference.notes,
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
        "unfinished": status.and_then(|s| s.unfinished.clone()),
        "drift": plan.map(|plan| changes(&plan.changes)),
        "foreign": plan.map(|plan| foreign(&plan.foreign)),
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
        "suggestion": status.and_then(|s| s.suggestion()).map(|(command, _)| command),
    })
}

/// Per family: null where marks are available, else why not.
fn support(plan: &Plan) -> Value {
    let mut map = Map::new();
    for family in Family::ALL {
        let why = match plan.target.marks(family) {
            MarkSupport::Available(_) => None,
            MarkSupport::Unavailable(why) => Some(why),
        };
        map.insert(
            family.name().into(),
            json!({"available": why.is_none(), "why": why}),
        );
    }
    Value::Object(map)
}
