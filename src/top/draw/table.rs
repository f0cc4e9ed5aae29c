//! The table: titles, totals, services and their servers.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::super::column::Column;
use super::super::picture::Figures;
use super::super::picture::{Server, Service, sum};
use super::super::state::Top;
use super::columns::{Place, fitting};
use super::{AROUND, Canvas, cut};
use crate::health::Situation;
use crate::output::Style as Meaning;
use crate::views::{View, number};

/// The line of the columns' titles; above it that of their groups.
const TITLES: u16 = 2;
const TOTALS: u16 = 3;
const FIRST: u16 = 4;

/// What the name column is indented by for a server.
const INDENT: usize = 4;

pub(super) fn draw(canvas: &mut Canvas, top: &Top) {
    let (names, places) = fitting(canvas.area.width, top.widest, top.order.column);
    titles(canvas, top, names, &places);
    let figures = top
        .fitting
        .iter()
        .filter_map(|key| top.picture.service(key));
    let total = sum(figures.map(|service| &service.figures));
    let strong = canvas.style(Meaning::Strong);
    canvas.text(2, TOTALS, names.saturating_sub(2), "total", strong);
    cells(canvas, top, &places, TOTALS, &total, strong);
    if top.rows.is_empty() {
        let text = match top.picture.services.is_empty() {
            true => View::Rates.facts().empty.to_owned(),
            false => format!("nothing fits \"{}\"", top.filter),
        };
        let width = canvas.area.width;
        canvas.text(2, FIRST, width, &text, canvas.style(Meaning::Faint));
        return;
    }
    let last = canvas.area.height.saturating_sub(AROUND - FIRST);
    for (y, (at, row)) in (FIRST..last).zip(top.rows.iter().enumerate().skip(top.offset)) {
        let Some(service) = top.picture.service(&row.service) else {
            continue;
        };
        match row.server.and_then(|key| service.server(&key)) {
            Some(server) => server_row(canvas, top, (y, names), &places, server),
            None => service_row(canvas, top, (y, names), &places, service),
        }
        if at == top.cursor {
            canvas.line(y, Style::default().add_modifier(Modifier::REVERSED));
        }
    }
}

/// Groups above, columns below; the column that is sorted by is marked.
fn titles(canvas: &mut Canvas, top: &Top, names: u16, places: &[Place]) {
    let strong = canvas.style(Meaning::Strong);
    let sorted = strong
        .patch(canvas.style(Meaning::Added))
        .add_modifier(Modifier::UNDERLINED);
    let of = |column: Column| match column == top.order.column {
        true => sorted,
        false => strong,
    };
    let width = names.saturating_sub(2);
    let (_, name) = Column::Name.titles(top.showing);
    canvas.text(2, TITLES, width, name, of(Column::Name));
    for (index, place) in places.iter().enumerate() {
        let (group, title) = place.column.titles(top.showing);
        match place.column {
            Column::Detail => canvas.text(place.x, TITLES, place.width, title, of(place.column)),
            column => right(canvas, place, TITLES, title, of(column)),
        }
        // It stands above both columns of its group.
        if let (false, Some(next)) = (group.is_empty(), places.get(index + 1)) {
            let both = Place {
                width: next.x + next.width - place.x,
                ..*place
            };
            right(canvas, &both, TITLES - 1, group, strong);
        }
    }
}

fn service_row(
    canvas: &mut Canvas,
    top: &Top,
    (y, names): (u16, u16),
    places: &[Place],
    service: &Service,
) {
    let marker = match (service.servers.is_empty(), top.is_unfolded(&service.key)) {
        (true, _) => "  ",
        (false, true) => "- ",
        (false, false) => "+ ",
    };
    let style = match service.servers.iter().all(|s| s.weight.value() == 0) {
        // Nobody takes new connections.
        true => canvas.style(Meaning::Removed),
        false => Style::default(),
    };
    canvas.text(0, y, 2, marker, style);
    name(canvas, 2, y, names, &service.key.to_string(), style);
    cells(canvas, top, places, y, &service.figures, style);
    detail(canvas, places, y, &service.scheduler, style);
}

fn server_row(
    canvas: &mut Canvas,
    top: &Top,
    (y, names): (u16, u16),
    places: &[Place],
    server: &Server,
) {
    let style = match (server.situation, server.weight.value()) {
        (Some(Situation::Down), _) => canvas.style(Meaning::Removed),
        (_, 0) => canvas.style(Meaning::Changed),
        _ => Style::default(),
    };
    name(canvas, INDENT, y, names, &server.key.to_string(), style);
    cells(canvas, top, places, y, &server.figures, style);
    let text = match server.situation {
        None => format!("{} {}", server.forward, server.weight),
        Some(situation) => format!("{} {} {}", server.forward, server.weight, situation.name()),
    };
    detail(canvas, places, y, &text, style);
}

/// A name, cut in the middle where it is too long: what is behind the address tells most.
fn name(canvas: &mut Canvas, indent: usize, y: u16, names: u16, text: &str, style: Style) {
    let room = usize::from(names).saturating_sub(indent);
    let shown = match text.rsplit_once(':') {
        Some((address, port)) if text.len() > room => {
            let kept = room.saturating_sub(port.len() + 1);
            format!("{}:{port}", cut(address, kept))
        }
        _ => text.to_owned(),
    };
    let x = u16::try_from(indent).unwrap_or(0);
    canvas.text(x, y, names.saturating_sub(x), &shown, style);
}

fn cells(canvas: &mut Canvas, top: &Top, places: &[Place], y: u16, of: &Figures, style: Style) {
    for place in places {
        if let Some(count) = place.column.number(top.showing, of) {
            right(canvas, place, y, &number::brief(count), style);
        }
    }
}

fn detail(canvas: &mut Canvas, places: &[Place], y: u16, text: &str, style: Style) {
    if let Some(place) = places.iter().find(|p| p.column == Column::Detail) {
        let text = cut(text, place.width.into());
        canvas.text(place.x, y, place.width, &text, style);
    }
}

/// Text at the right of a place; all of it is plain.
fn right(canvas: &mut Canvas, place: &Place, y: u16, text: &str, style: Style) {
    let length = u16::try_from(text.len()).unwrap_or(place.width);
    let area = Rect::new(place.x, y, place.width, 1);
    let x = area.right().saturating_sub(length);
    canvas.text(x, y, length, text, style);
}
