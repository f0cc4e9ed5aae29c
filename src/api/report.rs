//! Reports, differences and errors as plain data, with the keys of JSON.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::director::{Awaiting, Difference, Outcome, Report};
use crate::error::Error;
use crate::model::{Options, Snapshot, SnapshotId};
use crate::notes::Note;
use crate::plan::{Change, lines};

/// A change: `action object part detail from to`.
pub fn change(change: &Change) -> Value {
    let (from, to) = change.sides();
    json!({
        "action": change.action.word(),
        "object": change.object.to_string(),
        "part": change.part.map(|part| part.to_string()),
        "detail": change.detail.to_string(),
        "from": from,
        "to": to,
    })
}

fn id(id: Option<SnapshotId>) -> Value {
    json!(id.map(|id| id.0))
}

/// A snapshot: `id time author message parent`, and what else its record holds.
pub fn snapshot(snapshot: &Snapshot) -> Value {
    let mut map = Map::new();
    map.insert("id".into(), json!(snapshot.id.0));
    map.insert("time".into(), json!(snapshot.time));
    map.insert("author".into(), json!(snapshot.author));
    map.insert("message".into(), json!(snapshot.message));
    map.insert("parent".into(), id(snapshot.parent));
    map.insert("rollback_of".into(), id(snapshot.rollback_of));
    map.insert("revert_of".into(), id(snapshot.revert_of));
    let origin = &snapshot.origin;
    let known = |text: &str| match text.is_empty() {
        true => Value::Null,
        false => json!(text),
    };
    map.insert("host".into(), known(&origin.host));
    map.insert("command".into(), known(&origin.command));
    let script = origin.script.as_ref();
    let script = script.map(|s| json!({"path": s.path, "sha256": s.sha256}));
    map.insert("script".into(), json!(script));
    map.insert("typed".into(), known(&origin.typed));
    map.insert(
        "duration".into(),
        json!(
            snapshot
                .took
                .map(|took| Duration::from_millis(took).as_secs_f64())
        ),
    );
    map.insert("changes".into(), json!(snapshot.changes));
    let tally = snapshot.tally.as_ref();
    map.insert("added".into(), json!(tally.map(|tally| tally.added)));
    map.insert("changed".into(), json!(tally.map(|tally| tally.changed)));
    map.insert("removed".into(), json!(tally.map(|tally| tally.removed)));
    map.insert("tags".into(), json!(snapshot.tags));
    Value::Object(map)
}

/// A confirmation that is awaited: `snapshot seconds_left rolls_back_to`.
pub fn pending(awaiting: &Awaiting) -> Value {
    json!({
        "snapshot": awaiting.snapshot.0,
        "seconds_left": awaiting.seconds_left(),
        "rolls_back_to": awaiting.rolls_back_to.map(|id| id.0),
    })
}

/// Snapshots, with what the head awaits.
pub fn snapshots(snapshots: &[Snapshot], awaiting: Option<&Awaiting>) -> Vec<Value> {
    let form = |one: &Snapshot| {
        let mut map = snapshot(one);
        let its = awaiting.filter(|awaiting| awaiting.snapshot == one.id);
        if let (Some(map), Some(awaiting)) = (map.as_object_mut(), its) {
            map.insert("pending".into(), pending(awaiting));
        }
        map
    };
    snapshots.iter().map(form).collect()
}

/// How a change ended, in a word.
pub fn outcome(report: &Report) -> &'static str {
    match report.outcome {
        // As its sentence says.
        Outcome::Planned if report.plan.changes.is_empty() => "unchanged",
        Outcome::Planned => "planned",
        Outcome::Unchanged => "unchanged",
        Outcome::Repaired { .. } => "repaired",
        Outcome::Recorded { .. } => "recorded",
        Outcome::Partly { .. } => "partly",
    }
}

/// A report: `outcome changes snapshot notes text`; `pending` where it is to be confirmed.
pub fn report(report: &Report) -> Options {
    let mut map = Map::new();
    map.insert("outcome".into(), json!(outcome(report)));
    map.insert("changes".into(), changes(&report.plan.changes));
    map.insert(
        "snapshot".into(),
        json!(report.snapshot().map(|snapshot| snapshot.id.0)),
    );
    if let Some(awaiting) = report.awaiting() {
        map.insert("pending".into(), pending(&awaiting));
    }
    map.insert("notes".into(), json!(report.all_notes(Note::at_prompt)));
    map.insert("text".into(), json!(report_text(report)));
    map
}

/// A difference: `from to changes notes text`.
pub fn difference(difference: &Difference) -> Options {
    let mut map = Map::new();
    map.insert("from".into(), json!(difference.from));
    map.insert("to".into(), json!(difference.to));
    map.insert("changes".into(), changes(&difference.changes));
    map.insert("notes".into(), json!(difference.notes));
    map.insert("text".into(), json!(difference_text(difference)));
    map
}

/// An error: `kind object message hint`.
pub fn error(error: &Error) -> Options {
    let mut map = Map::new();
    map.insert("kind".into(), json!(error.kind().name()));
    map.insert("object".into(), json!(error.object_name()));
    map.insert("message".into(), json!(error.message()));
    map.insert("hint".into(), json!(hint(error)));
    map
}

/// The hints of an error as one text.
pub fn hint(error: &Error) -> Option<String> {
    (!error.hints().is_empty()).then(|| error.hints().join("\n"))
}

/// Changes, one map each.
pub fn changes(changes: &[Change]) -> Value {
    changes.iter().map(change).collect()
}

/// A report as plain text: the changes, then the sentence that ends every change.
pub fn report_text(report: &Report) -> String {
    let mut text = changes_text(&report.plan.changes);
    text.push_str(&report.sentence());
    text
}

/// A difference as plain text.
pub fn difference_text(difference: &Difference) -> String {
    match difference.changes.is_empty() {
        true => format!("{} and {} are the same", difference.from, difference.to),
        false => changes_text(&difference.changes).trim_end().to_owned(),
    }
}

fn changes_text(changes: &[Change]) -> String {
    let mut text = String::new();
    for line in lines(changes) {
        // A String takes everything.
        let _ = writeln!(text, "{:1$}{line}", "", line.indent);
    }
    text
}
