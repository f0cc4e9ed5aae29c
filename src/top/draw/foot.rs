//! The last line: what can be pressed, what is typed, what is asked, what was done.

use ratatui::style::{Modifier, Style};

use super::super::state::{Dialog, Notice, Top};
use super::{Canvas, cut};
use crate::output::Style as Meaning;

/// What can be pressed, the most telling first: what does not fit is left off.
const HINTS: [(&str, &str); 10] = [
    ("q", "quit"),
    ("?", "help"),
    ("/", "filter"),
    ("< >", "sort"),
    ("Enter", "unfold"),
    ("+ -", "all"),
    ("space", "freeze"),
    ("r", "reverse"),
    ("c", "counters"),
    ("z", "zero"),
];

pub(super) fn draw(canvas: &mut Canvas, top: &Top) {
    let y = canvas.area.height.saturating_sub(1);
    let width = canvas.area.width;
    let line = |canvas: &mut Canvas, text: &str, style: Style| {
        canvas.text(0, y, width, &cut(text, width.into()), style);
    };
    match (&top.dialog, &top.notice) {
        (Some(Dialog::Filter), _) => {
            let text = format!("/{}", top.filter);
            line(canvas, &text, Style::default());
            let x = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
            let cursor = Style::default().add_modifier(Modifier::REVERSED);
            canvas.text(x, y, 1, " ", cursor);
            let hint = "Enter keeps it, Esc does not";
            let at = x.saturating_add(3);
            canvas.text(at, y, width, hint, canvas.style(Meaning::Faint));
        }
        (Some(Dialog::Zero(service)), _) => {
            let whose = match service {
                Some(key) => key.to_string(),
                None => "all services".to_owned(),
            };
            let question = format!("zero the counters of {whose}? [y/N]");
            line(canvas, &question, canvas.style(Meaning::Changed));
        }
        (_, Some(Notice::Failed(text))) => line(canvas, text, canvas.style(Meaning::Removed)),
        (_, Some(Notice::Done(text))) => line(canvas, text, canvas.style(Meaning::Added)),
        _ if !top.filter.is_empty() => {
            let text = format!("filter: {}  (Esc takes it away, / changes it)", top.filter);
            line(canvas, &text, canvas.style(Meaning::Changed));
        }
        _ => hints(canvas, y),
    }
}

fn hints(canvas: &mut Canvas, y: u16) {
    let mut x = 0;
    for (keys, what) in HINTS {
        let length = u16::try_from(keys.len() + 1 + what.len()).unwrap_or(u16::MAX);
        if x + length > canvas.area.width {
            return;
        }
        canvas.text(x, y, length, keys, canvas.style(Meaning::Strong));
        let behind = x + u16::try_from(keys.len() + 1).unwrap_or(0);
        canvas.text(behind, y, length, what, canvas.style(Meaning::Faint));
        x += length + 2;
    }
}
