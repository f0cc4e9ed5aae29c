//! The window with the keys.

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::super::keys::KEYS;
use super::style;
use crate::output::{Paint, Style as Meaning};

/// What is not about keys.
const WORDS: [&str; 3] = [
    "Rates are the kernel's, averaged over some seconds. Answers that do not pass through this \
     host (direct, tunnel) are in no column \"out\". What goes through servers is read of those \
     that are seen.",
    "Yellow: a server of weight 0. Red: a service without a server that takes new connections.",
    "K, M, G are thousands, millions, and so on, cut off.",
];

/// How wide the window may be.
const WIDTH: u16 = 76;

/// The frame, and a column beside it.
const MARGIN: u16 = 4;

/// What the keys take, before what they do.
const INDENT: usize = 20;

/// What the frame takes of the height.
const FRAME: u16 = 2;

/// A line: keys, or none, and what they do.
type Text = (&'static str, String);

/// The line that is first when the last is seen.
pub(super) fn last(screen: Size) -> usize {
    let shown = usize::from(screen.height.saturating_sub(FRAME));
    lines(width(screen.width)).len().saturating_sub(shown)
}

/// Draws it over everything, from a line on.
pub(super) fn draw(frame: &mut Frame, from: usize, paint: Paint) {
    let area = frame.area();
    let width = width(area.width);
    let lines = lines(width);
    let needed = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let height = needed.saturating_add(FRAME).min(area.height);
    let window = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    let foot = match height < needed.saturating_add(FRAME) {
        true => " up, down: more; any other key: back ",
        false => " any key: back ",
    };
    let block = Block::bordered().title(" ipvsh top ").title_bottom(foot);
    let inside = block.inner(window);
    frame.render_widget(Clear, window);
    frame.render_widget(block, window);
    let strong = style(Meaning::Strong, paint);
    let shown = lines
        .into_iter()
        .skip(from)
        .map(|(keys, what)| Line::from(vec![Span::styled(keys, strong), Span::raw(what)]));
    let padded = Rect {
        x: inside.x.saturating_add(1),
        width: inside.width.saturating_sub(1),
        ..inside
    };
    let text = Paragraph::new(shown.collect::<Vec<Line>>());
    frame.render_widget(text, padded.intersection(inside));
}

fn width(screen: u16) -> u16 {
    WIDTH.min(screen)
}

/// The text for a window of that width; what keys do stands beside them, or where there is no
/// room below.
fn lines(width: u16) -> Vec<Text> {
    let room = usize::from(width.saturating_sub(MARGIN));
    let beside = room >= 2 * INDENT;
    let mut lines: Vec<Text> = Vec::new();
    for (keys, what) in KEYS {
        let indent = if beside { INDENT } else { 2 };
        let mut what = wrapped(what, room.saturating_sub(indent)).into_iter();
        match beside {
            true => {
                let first = what.next().unwrap_or_default();
                let gap = INDENT.saturating_sub(keys.len());
                lines.push((keys, format!("{:gap$}{first}", "")));
            }
            false => lines.push((keys, String::new())),
        }
        lines.extend(what.map(|line| ("", format!("{:indent$}{line}", ""))));
    }
    for text in WORDS {
        lines.push(("", String::new()));
        lines.extend(wrapped(text, room).into_iter().map(|line| ("", line)));
    }
    lines
}

/// Text in lines of at most that width, but for a word that is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
