//! The screen, drawn from the state: a title, the table, a last line, the help over it.
//!
//! Draws on a [`Frame`] and does no input or output itself.

mod columns;
mod foot;
mod help;
mod table;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};

use super::column::Showing;
use super::picture::Service;
use super::state::{Dialog, Top};
use crate::model::ServiceKey;
use crate::output::{Paint, Style as Meaning, count};

/// The lines that are not rows: the title, two lines of titles, the totals, the last line.
const AROUND: u16 = 5;

/// Fits the state into a screen; gives the services of which more is to be read.
pub fn fit(top: &mut Top, screen: Size) -> Vec<ServiceKey> {
    if let Some(Dialog::Help(line)) = top.dialog {
        top.dialog = Some(Dialog::Help(line.min(help::last(screen))));
    }
    top.fit(screen.height.saturating_sub(AROUND).into())
}

/// Draws everything.
pub fn draw(frame: &mut Frame, top: &Top, paint: Paint) {
    let area = frame.area();
    let canvas = &mut Canvas {
        buffer: frame.buffer_mut(),
        area,
        paint,
    };
    title(canvas, top);
    table::draw(canvas, top);
    foot::draw(canvas, top);
    if let Some(Dialog::Help(line)) = top.dialog {
        help::draw(frame, line, paint);
    }
}

/// Whose services these are, how many, in which order; when they were read.
fn title(canvas: &mut Canvas, top: &Top) {
    let seconds = top.interval.as_secs_f64();
    let when = match (top.frozen, top.picture.time.as_str()) {
        (true, time) => format!("frozen at {time}"),
        (false, time) => format!("every {seconds} s  {time}"),
    };
    let all = top.picture.services.len();
    let fitting = top.fitting.len();
    let services = match all == fitting {
        true => count(all, "service"),
        false => format!("{fitting} of {}", count(all, "service")),
    };
    let of = |key| {
        top.picture
            .service(key)
            .map_or(0, |s: &Service| s.servers.len())
    };
    let servers = count(top.fitting.iter().map(of).sum(), "server");
    let order = top.order.words(top.showing);
    let what = match top.showing {
        Showing::Rates => "",
        Showing::Counters => "counters, ",
    };
    let left = format!("{}: {services}, {servers}, {what}{order}", top.place);
    let style = match top.frozen {
        true => canvas.style(Meaning::Changed),
        false => Style::default(),
    };
    let right = u16::try_from(when.len()).unwrap_or(u16::MAX);
    let room = canvas.area.width.saturating_sub(right + 2);
    canvas.text(
        0,
        0,
        room,
        &cut(&left, room.into()),
        canvas.style(Meaning::Strong),
    );
    let at = canvas.area.width.saturating_sub(right);
    canvas.text(at, 0, right, &when, style);
}

/// Where things are drawn, and in which colours.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    paint: Paint,
}

impl Canvas<'_> {
    /// Writes text at a place of the screen, as much of it as is there.
    fn text(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) {
        if x < self.area.width && y < self.area.height {
            let width = width.min(self.area.width - x);
            self.buffer.set_stringn(x, y, text, width.into(), style);
        }
    }

    /// Changes the style of a whole line.
    fn line(&mut self, y: u16, style: Style) {
        let line = Rect::new(0, y, self.area.width, 1);
        self.buffer.set_style(line.intersection(self.area), style);
    }

    /// What a piece of text looks like.
    fn style(&self, meaning: Meaning) -> Style {
        style(meaning, self.paint)
    }
}

/// What a piece of text looks like, in the terminal's own colours; without colours headings are
/// still bold.
fn style(meaning: Meaning, paint: Paint) -> Style {
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
fn cut(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => text.to_owned(),
        false => {
            let kept: String = text.chars().take(width.saturating_sub(1)).collect();
            format!("{kept}~")
        }
    }
}
