//! The history: a line per snapshot, or a paragraph with what each changed.

use super::changes::changes;
use super::paint::{Paint, Style, clean};
use super::table::Table;
use crate::director::Awaiting;
use crate::model::moment::local;
use crate::model::origin::cut;
use crate::model::{Origin, Snapshot};
use crate::plan::Change;

const TITLES: [&str; 5] = ["snapshot", "time", "author", "changes", "message"];

/// How many of the last titles' columns are cut where the terminal is too narrow, and to what at
/// the least.
const LEAST_MESSAGE: usize = 20;
const MOST_AUTHOR: usize = 20;

/// The space behind each column.
const GAP: usize = 2;

fn number(snapshot: &Snapshot, awaiting: Option<&Awaiting>) -> String {
    let its = awaiting.filter(|awaiting| awaiting.snapshot == snapshot.id);
    let mark = its.map(|awaiting| format!("unconfirmed: {}", awaiting.time()));
    let marks: Vec<String> = snapshot.tags.iter().cloned().chain(mark).collect();
    match marks.is_empty() {
        true => snapshot.id.to_string(),
        false => format!("{} ({})", snapshot.id, marks.join(", ")),
    }
}

/// `+1 ~2 -3`; early records only have the number of all.
fn tally(snapshot: &Snapshot) -> String {
    let Some(tally) = snapshot.tally else {
        return snapshot.changes.to_string();
    };
    let parts = [
        ('+', tally.added),
        ('~', tally.changed),
        ('-', tally.removed),
    ];
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    let words: Vec<String> = parts
        .map(|(sign, count)| format!("{sign}{count}"))
        .collect();
    match words.is_empty() {
        true => "0".to_owned(),
        false => words.join(" "),
    }
}

/// Snapshots, newest first, a line each, with a mark at one that awaits confirmation; cut to the
/// terminal's width.
pub fn history(
    snapshots: &[Snapshot],
    awaiting: Option<&Awaiting>,
    paint: Paint,
    width: Option<u16>,
) -> String {
    let mut rows: Vec<[String; 5]> = snapshots
        .iter()
        .map(|snapshot| {
            [
                number(snapshot, awaiting),
                local(snapshot.time),
                clean(&snapshot.author),
                tally(snapshot),
                clean(&snapshot.message),
            ]
        })
        .collect();
    if let Some(width) = width {
        fit(&mut rows, usize::from(width));
    }
    let mut table = Table::new(&TITLES, &[3], paint, None);
    rows.iter().for_each(|row| table.row(row));
    table.text()
}

/// Cuts authors, then messages, so that a row is a line.
fn fit(rows: &mut [[String; 5]], width: usize) {
    for [_, _, author, _, _] in rows.iter_mut() {
        *author = cut(author, MOST_AUTHOR);
    }
    let mut taken = 0;
    for (column, title) in TITLES.iter().enumerate().take(TITLES.len() - 1) {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max();
        taken += widest.unwrap_or(0).max(title.len()) + GAP;
    }
    let left = width.saturating_sub(taken).max(LEAST_MESSAGE);
    for [_, _, _, _, message] in rows.iter_mut() {
        *message = cut(message, left);
    }
}

/// Snapshots, newest first, each with where it came from and what it changed; `None` where
/// nothing can tell.
pub fn patches(
    snapshots: &[Snapshot],
    of_each: &[Option<Vec<Change>>],
    awaiting: Option<&Awaiting>,
    paint: Paint,
) -> String {
    let mut text = String::new();
    for (snapshot, touched) in snapshots.iter().zip(of_each) {
        if !text.is_empty() {
            text.push('\n');
        }
        let head = paint.paint(
            Style::Strong,
            &format!("snapshot {}", number(snapshot, awaiting)),
        );
        text += &format!(
            "{head}  {}  {}  {}\n",
            local(snapshot.time),
            clean(&snapshot.author),
            clean(&snapshot.message)
        );
        for line in origin(&snapshot.origin, snapshot.took) {
            text += &format!("  {}\n", paint.paint(Style::Faint, &clean(&line)));
        }
        match touched {
            Some(touched) => {
                for line in changes(touched, paint).lines() {
                    text += &format!("  {line}\n");
                }
            }
            None => text += "  what it changed cannot be told: the snapshot before it was pruned\n",
        }
    }
    text
}

fn origin(origin: &Origin, took: Option<u64>) -> Vec<String> {
    let mut lines = Vec::new();
    if !origin.command.is_empty() {
        lines.push(format!("command {}", origin.command));
    }
    if let Some(script) = &origin.script {
        lines.push(format!("script {}  sha256 {}", script.path, script.sha256));
    }
    for (place, line) in origin.typed.lines().enumerate() {
        let title = if place == 0 { "typed" } else { "" };
        lines.push(format!("{title:5} {line}"));
    }
    let mut place = Vec::new();
    if !origin.host.is_empty() {
        place.push(format!("on {}", origin.host));
    }
    place.extend(took.map(|took| format!("took {took} ms")));
    if !place.is_empty() {
        lines.push(place.join(", "));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SnapshotId, Tally};

    fn snapshot(author: &str, message: &str) -> Snapshot {
        Snapshot {
            id: SnapshotId(7),
            time: chrono::DateTime::UNIX_EPOCH,
            author: author.to_owned(),
            message: message.to_owned(),
            parent: None,
            rollback_of: None,
            revert_of: None,
            adopted: false,
            changes: 3,
            tally: None,
            origin: Origin::default(),
            took: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn a_snapshot_is_a_line_of_the_terminal() {
        let long = snapshot(&"a".repeat(60), &"word ".repeat(40));
        let text = history(
            &[long, snapshot("b", "short")],
            None,
            Paint::new(false),
            Some(90),
        );
        assert_eq!(text.lines().count(), 3);
        assert!(
            text.lines().all(|line| line.chars().count() <= 90),
            "{text}"
        );
    }

    #[test]
    fn control_characters_are_not_printed() {
        let mut evil = snapshot("a\x1b[2Jb", "c\nd\x07");
        evil.origin.command = "ipvsh\x1b]0;x".to_owned();
        evil.origin.set_typed("a()\n\x1b[2Jb()");
        evil.tally = Some(Tally {
            added: 1,
            changed: 0,
            removed: 2,
        });
        let all = [evil];
        let text = history(&all, None, Paint::new(false), None);
        assert!(text.contains("+1 -2"), "{text}");
        let text = format!(
            "{text}\n{}",
            patches(&all, &[None], None, Paint::new(false))
        );
        let strange = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(strange), "{text:?}");
        assert!(text.contains("\n  typed a()\n"), "{text}");
        assert_eq!(text.lines().count(), 7, "{text}");
    }
}
