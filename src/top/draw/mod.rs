//! The screen, drawn from the state: a title, the table, a last line, the help over it.
//!
//! Draws on a [`Frame`] and does no input or output itself.

mod canvas;
mod columns;
mod foot;
mod help;
mod table;

use canvas::{AROUND, Canvas, cut, style};
use ratatui::Frame;
use ratatui::layout::Size;
use ratatui::style::Style;

use super::column::Showing;
use super::picture::Service;
use super::state::{Dialog, Top};
use crate::model::ServiceKey;
use crate::output::{Paint, Style as Meaning, count};

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
