//! The history as a table.

use chrono::Local;

use super::changes::changes;
use super::paint::{Paint, Style, clean};
use super::table::Table;
use crate::model::Snapshot;
use crate::plan::Change;

/// A snapshot's time as tables show it: local.
pub(super) fn local(snapshot: &Snapshot) -> String {
    snapshot
        .time
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn number(snapshot: &Snapshot) -> String {
    match snapshot.tags.is_empty() {
        true => snapshot.id.to_string(),
        false => format!("{} ({})", snapshot.id, snapshot.tags.join(", ")),
    }
}

/// Snapshots, newest first; with their changes where those are given.
pub fn history(
    snapshots: &[(Snapshot, Option<Vec<Change>>)],
    paint: Paint,
    width: Option<u16>,
) -> String {
    if snapshots.iter().all(|(_, changes)| changes.is_none()) {
        let mut table = Table::new(
            &["snapshot", "time", "author", "changes", "message"],
            &[3],
            paint,
            width,
        );
        for (snapshot, _) in snapshots {
            table.row(&[
                number(snapshot),
                local(snapshot),
                snapshot.author.clone(),
                snapshot.changes.to_string(),
                snapshot.message.clone(),
            ]);
        }
        return table.text();
    }
    let mut text = String::new();
    for (snapshot, touched) in snapshots {
        if !text.is_empty() {
            text.push('\n');
        }
        let head = paint.paint(Style::Strong, &format!("snapshot {}", number(snapshot)));
        text += &format!(
            "{head}  {}  {}  {}\n",
            local(snapshot),
            clean(&snapshot.author),
            clean(&snapshot.message)
        );
        for line in changes(touched.as_deref().unwrap_or_default(), paint).lines() {
            text += &format!("  {line}\n");
        }
    }
    text
}
