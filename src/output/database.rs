//! The database itself: what a check found, what a repair and a prune did.

use serde_json::{Value, json};

use super::count;
use super::paint::{Paint, Style, clean};
use super::status::human;
use crate::director::Pruned;
use crate::model::{SnapshotId, snapshot::ranges};
use crate::store::{Checkup, Counts, Repaired};

/// What a check found.
pub fn checkup(checkup: &Checkup, paint: Paint) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let made_by = checkup.made_by.as_deref().unwrap_or("nobody knows whom");
    let bytes = checkup.files.iter().map(|(_, bytes)| bytes).sum();
    lines.push((
        "database",
        format!(
            "{}, made by {made_by}, {} in {}",
            checkup.directory.display(),
            human(bytes),
            count(checkup.files.len(), "file")
        ),
    ));
    lines.push((
        "records",
        checkup
            .counts
            .map_or("cannot be read".to_owned(), |held| counts(&held)),
    ));
    lines.push((
        "mirror",
        match checkup.mirror {
            Some(id) => format!("snapshot {id}"),
            None => "none".to_owned(),
        },
    ));
    lines.extend(checkup.kept.iter().map(|kept| {
        (
            "kept",
            format!("{kept} (of an earlier repair; yours to remove)"),
        )
    }));
    lines.extend(checkup.notes.iter().map(|note| ("note", note.clone())));
    let wrong = checkup.problems.iter();
    lines.extend(wrong.map(|problem| ("damage", paint.paint(Style::Removed, &clean(problem)))));
    if checkup.is_whole() {
        lines.push((
            "whole",
            "every file and every checksum is as it should be".to_owned(),
        ));
    }
    let line = |(name, text): &(&str, String)| {
        let name = paint.paint(Style::Faint, &format!("{name:<9}"));
        format!("{name} {text}\n")
    };
    lines.iter().map(line).collect()
}

fn counts(held: &Counts) -> String {
    let mut parts = vec![count(held.snapshots, "snapshot")];
    if let Some(head) = held.head {
        parts.push(format!("head {head}"));
    }
    parts.push(count(held.tags, "tag"));
    parts.push(count(held.events, "event"));
    parts.push(format!("{} of rulesets", count(held.nodes, "piece")));
    parts.push(count(
        usize::try_from(held.writes).unwrap_or(usize::MAX),
        "write",
    ));
    parts.join(", ")
}

/// What a check found, as JSON.
pub fn checkup_json(checkup: &Checkup) -> Value {
    let held = |counts: &Counts| {
        json!({
            "snapshots": counts.snapshots,
            "head": counts.head.map(|id| id.0),
            "tags": counts.tags,
            "events": counts.events,
            "nodes": counts.nodes,
            "writes": counts.writes,
        })
    };
    let file = |(name, bytes): &(String, u64)| json!({"name": name, "bytes": bytes});
    json!({
        "whole": checkup.is_whole(),
        "problems": checkup.problems,
        "notes": checkup.notes,
        "directory": checkup.directory,
        "made_by": checkup.made_by,
        "files": checkup.files.iter().map(file).collect::<Value>(),
        "records": checkup.counts.as_ref().map(held),
        "mirror": checkup.mirror.map(|id| id.0),
        "kept": checkup.kept,
    })
}

/// What a repair did, as JSON.
pub fn repaired_json(repaired: &Repaired) -> Value {
    let losses = &repaired.losses;
    json!({
        "repaired": checkup_json(&repaired.now),
        "kept": repaired.kept,
        "lost": {
            "snapshots": losses.snapshots.iter().map(|id| id.0).collect::<Vec<_>>(),
            "tags": losses.tags,
            "intent": losses.intent,
            "others": losses.others,
        },
    })
}

/// What a prune removed, as JSON.
pub fn pruned_json(pruned: &Pruned) -> Value {
    let kept = |(id, reason): &(SnapshotId, String)| json!({"id": id.0, "reason": reason});
    json!({
        "removed": pruned.removed.iter().map(|id| id.0).collect::<Vec<_>>(),
        "protected": pruned.protected.iter().map(kept).collect::<Value>(),
        "left": pruned.left,
        "bytes_before": pruned.bytes.map(|(before, _)| before),
        "bytes_after": pruned.bytes.map(|(_, after)| after),
        "notes": pruned.notes,
    })
}

/// What a repair did.
pub fn repaired(repaired: &Repaired) -> String {
    let Some(kept) = &repaired.kept else {
        return "repaired: the files are only their owner's again\n".to_owned();
    };
    let held = repaired.now.counts.unwrap_or_default();
    let head = match held.head {
        Some(head) => format!("snapshot {head} is the head"),
        None => "there is no snapshot".to_owned(),
    };
    format!(
        "repaired: {}, {head}, verified\n{}\nthe damaged files are kept in {}\n",
        count(held.snapshots, "snapshot"),
        clean(&repaired.losses.sentence()),
        kept.display()
    )
}

/// What a prune removed, or would remove.
pub fn pruned(pruned: &Pruned, plan_only: bool) -> String {
    let mut text = String::new();
    if !pruned.protected.is_empty() {
        let kept = pruned.protected.iter();
        let kept: Vec<String> = kept
            .map(|(id, reason)| format!("{id} ({})", clean(reason)))
            .collect();
        text += &format!("kept whatever its age: {}\n", kept.join(", "));
    }
    if pruned.removed.is_empty() {
        return text + "nothing to remove\n";
    }
    let noun = match pruned.removed.len() {
        1 => "snapshot",
        _ => "snapshots",
    };
    let ids = ranges(pruned.removed.iter().copied());
    let number = pruned.removed.len();
    let verb = if plan_only {
        "would be removed"
    } else {
        "removed"
    };
    text += &format!("{noun} {ids} {verb} ({number}); {} left\n", pruned.left);
    text += &room(pruned);
    text
}

/// What a prune removed whose plan was told already.
pub fn pruned_as_planned(pruned: &Pruned) -> String {
    let number = count(pruned.removed.len(), "snapshot");
    format!("{number} removed\n{}", room(pruned))
}

/// How large the database was and is.
fn room(pruned: &Pruned) -> String {
    let sizes = pruned.bytes.filter(|(before, _)| *before > 0);
    sizes.map_or(String::new(), |(before, after)| {
        format!(
            "the database took {} and takes {}\n",
            human(before),
            human(after)
        )
    })
}
