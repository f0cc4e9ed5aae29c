//! Reports, differences and errors as plain data, with the keys of JSON.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::types::Type;
use crate::director::{Awaiting, Difference, Outcome, Report};
use crate::error::Error;
use crate::model::{Options, Snapshot, SnapshotId, Tally};
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

/// A key of a result.
pub struct Field<T: 'static> {
    /// Its name, in scripts and in JSON.
    pub name: &'static str,
    /// What it holds; [`Type::Any`] where it may also be nothing.
    pub gives: Type,
    /// Not every result has it; neither completion nor "did you mean" offers it.
    pub is_optional: bool,
    /// Gives its value; none where the result lacks the key.
    value: fn(&T) -> Option<Value>,
}

/// A key that every result has.
const fn field<T>(name: &'static str, gives: Type, value: fn(&T) -> Option<Value>) -> Field<T> {
    Field {
        name,
        gives,
        is_optional: false,
        value,
    }
}

/// The value of a key of a result; none where there is no such key.
pub fn get<T>(fields: &[Field<T>], result: &T, name: &str) -> Option<Value> {
    let field = fields.iter().find(|field| field.name == name)?;
    (field.value)(result)
}

/// The keys that every result has: each with what it holds.
pub fn certain<T>(fields: &'static [Field<T>]) -> impl Iterator<Item = (&'static str, Type)> {
    let certain = fields.iter().filter(|field| !field.is_optional);
    certain.map(|field| (field.name, field.gives))
}

fn map<T>(fields: &[Field<T>], result: &T) -> Options {
    let value = |field: &Field<T>| Some((field.name.to_owned(), (field.value)(result)?));
    fields.iter().filter_map(value).collect()
}

/// The keys of a snapshot: what its record holds.
pub const SNAPSHOT: &[Field<Snapshot>] = &[
    field("id", Type::Whole, |it| Some(json!(it.id.0))),
    field("time", Type::Text, |it| Some(json!(it.time))),
    field("author", Type::Text, |it| Some(json!(it.author))),
    field("message", Type::Text, |it| Some(json!(it.message))),
    field("parent", Type::Any, |it| Some(id(it.parent))),
    field("rollback_of", Type::Any, |it| Some(id(it.rollback_of))),
    field("revert_of", Type::Any, |it| Some(id(it.revert_of))),
    field("host", Type::Any, |it| Some(known(&it.origin.host))),
    field("command", Type::Any, |it| Some(known(&it.origin.command))),
    field("script", Type::Any, |it| {
        let script = it.origin.script.as_ref();
        Some(json!(
            script.map(|s| json!({"path": s.path, "sha256": s.sha256}))
        ))
    }),
    field("typed", Type::Any, |it| Some(known(&it.origin.typed))),
    field("duration", Type::Any, |it| {
        let seconds = |took| Duration::from_millis(took).as_secs_f64();
        Some(json!(it.took.map(seconds)))
    }),
    field("changes", Type::Whole, |it| Some(json!(it.changes))),
    field("added", Type::Any, |it| tally(it, |tally| tally.added)),
    field("changed", Type::Any, |it| tally(it, |tally| tally.changed)),
    field("removed", Type::Any, |it| tally(it, |tally| tally.removed)),
    field("tags", Type::Array, |it| Some(json!(it.tags))),
];

/// Text, or null where none was recorded.
fn known(text: &str) -> Value {
    match text.is_empty() {
        true => Value::Null,
        false => json!(text),
    }
}

fn tally(snapshot: &Snapshot, of: fn(&Tally) -> usize) -> Option<Value> {
    Some(json!(snapshot.tally.as_ref().map(of)))
}

/// A snapshot, with the keys of [`SNAPSHOT`].
pub fn snapshot(snapshot: &Snapshot) -> Value {
    Value::Object(map(SNAPSHOT, snapshot))
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

/// The keys of a report; `pending` is there only while its snapshot is to be confirmed.
pub const REPORT: &[Field<Report>] = &[
    field("outcome", Type::Text, |it| Some(json!(outcome(it)))),
    field("changes", Type::Array, |it| Some(changes(&it.plan.changes))),
    field("snapshot", Type::Any, |it| {
        Some(id(it.snapshot().map(|snapshot| snapshot.id)))
    }),
    Field {
        name: "pending",
        gives: Type::Map,
        is_optional: true,
        value: |it| it.awaiting().map(|awaiting| pending(&awaiting)),
    },
    field("notes", Type::Array, |it| {
        Some(json!(it.all_notes(Note::at_prompt)))
    }),
    field("text", Type::Text, |it| Some(json!(report_text(it)))),
];

/// A report, with the keys of [`REPORT`].
pub fn report(report: &Report) -> Options {
    map(REPORT, report)
}

/// The keys of a difference.
pub const DIFFERENCE: &[Field<Difference>] = &[
    field("from", Type::Text, |it| Some(json!(it.from))),
    field("to", Type::Text, |it| Some(json!(it.to))),
    field("changes", Type::Array, |it| Some(changes(&it.changes))),
    field("notes", Type::Array, |it| Some(json!(it.notes))),
    field("text", Type::Text, |it| Some(json!(difference_text(it)))),
];

/// A difference, with the keys of [`DIFFERENCE`].
pub fn difference(difference: &Difference) -> Options {
    map(DIFFERENCE, difference)
}

/// The keys of an error.
pub const ERROR: &[Field<Error>] = &[
    field("kind", Type::Text, |it| Some(json!(it.kind().name()))),
    field("object", Type::Any, |it| Some(json!(it.object_name()))),
    field("message", Type::Text, |it| Some(json!(it.message()))),
    field("hint", Type::Any, |it| Some(json!(hint(it)))),
];

/// An error, with the keys of [`ERROR`].
pub fn error(error: &Error) -> Options {
    map(ERROR, error)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::functions;

    #[test]
    fn the_documentation_names_every_key_of_a_snapshot() {
        let history = functions().find(|function| function.name == "history");
        let doc = history.unwrap().doc;
        let words: Vec<&str> = doc
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        for (name, _) in certain(SNAPSHOT) {
            assert!(words.contains(&name), "history() does not tell of {name}");
        }
    }
}
