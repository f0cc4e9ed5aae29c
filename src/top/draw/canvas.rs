//! Where things are drawn, and how text looks there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::output::{Paint, Style as Meaning};

/// The lines that are not rows: the title, two lines of titles, the totals, the last line.
pub(super) const AROUND: u16 = 5;

/// Where things are drawn, and in which colours.
pub(super) struct Canvas<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) area: Rect,
    pub(super) paint: Paint,
}

impl Canvas<'_> {
    /// Writes text at a place of the screen, as much of it as is there.
    pub(super) fn text(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) {
        if x < self.area.width && y < self.area.height {
            let width = width.min(self.area.width - x);
            self.buffer.set_stringn(x, y, text, width.into(), style);
        }
    }

    /// Changes the style of a whole line.
    pub(super) fn line(&mut self, y: u16, style: Style) {
        let line = Rect::new(0, y, self.area.width, 1);
        self.buffer.set_style(line.intersection(self.area), style);
    }

    /// What a piece of text looks like.
    pub(super) fn style(&self, meaning: Meaning) -> Style {
        style(meaning, self.paint)
    }
}

/// What a piece of text looks like, in the terminal's own colours; without colours headings are
/// still bold.
pub(super) fn style(meaning: Meaning, paint: Paint) -> Style {
    let codes = paint.code(meaning).split(';');
    codes.fold(Style::default(), |style, code| {
        match (code, paint.is_on()) {
            ("1", _) => style.add_modifier(Modifier::BOLD),
            ("2", _) => style.add_modifier(Modifier::DIM),
            ("4", _) => style.add_modifier(Modifier::UNDERLINED),
            ("31", true) => style.fg(Color::Red),
            ("32", true) => style.fg(Color::Green),
            ("33", true) => style.fg(Color::Yellow),
            ("34", true) => style.fg(Color::Blue),
            _ => style,
        }
    })
}

/// Text cut to a width, with a sign that it is; all of it is plain.
pub(super) fn cut(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => text.to_owned(),
        false => {
            let kept: String = text.chars().take(width.saturating_sub(1)).collect();
            format!("{kept}~")
        }
    }
}
