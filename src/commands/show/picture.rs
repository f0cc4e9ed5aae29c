//! A view at one moment, but for connections, which come one by one.

use serde_json::Value;

use super::super::context::Context;
use super::asked::Asked;
use super::object::Object;
use crate::director::{CountBy, Director, shown_of};
use crate::error::Result;
use crate::model::{Fwmark, Ruleset, ServiceKey, SettingKey, SettingKind, json, with_derived};
use crate::output::{self, Look, Origin, Output};
use crate::views::{Row, View, of_live, of_names, one_of_live};

/// How many values of connections are shown where nothing else is asked for.
const TOP: usize = 20;

/// What there is to see.
pub(super) enum Picture {
    /// With `--json`.
    Json(Value),
    /// With `--json`, one by one: of a large table there is never more than one in memory.
    Array(Box<dyn Iterator<Item = Value>>),
    /// A table.
    Table(String),
    /// That there is nothing.
    Sentence(&'static str),
}

/// Reads a view.
pub(super) fn take(context: &Context, director: &mut Director, asked: &Asked) -> Result<Picture> {
    let out = &context.out;
    match asked.view {
        View::Services => services(context, director, asked),
        View::Info => {
            let info = json::info(&director.info()?);
            Ok(match out.json {
                true => Picture::Json(Value::Object(info)),
                false => Picture::Table(output::info(&info, look(out, asked))),
            })
        }
        View::Connections => counted(context, director, asked),
        View::Marks | View::Timeouts | View::Daemons => entries(context, director, asked),
        View::Vips => of_host(context, director, asked, SettingKind::Vip),
        View::Sysctls => of_host(context, director, asked, SettingKind::Sysctl),
        View::TunnelDevices => of_host(context, director, asked, SettingKind::TunnelDevice),
        view => {
            let mut rows = director.rows(view, asked.object.subject())?;
            arrange(&mut rows, asked);
            Ok(pictured(out, view, &rows, || {
                output::rows(view, &rows, &|_| None, look(out, asked))
            }))
        }
    }
}

fn look(out: &Output, asked: &Asked) -> Look {
    Look {
        exact: asked.exact,
        paint: out.paint,
        width: out.width,
    }
}

/// Sorts, and leaves off what is too much.
fn arrange(rows: &mut Vec<Row>, asked: &Asked) {
    if let Some(order) = &asked.order {
        order.sort(rows);
    }
    rows.truncate(asked.limit.unwrap_or(usize::MAX));
}

fn pictured(out: &Output, view: View, rows: &[Row], text: impl FnOnce() -> String) -> Picture {
    match (out.json, rows.is_empty()) {
        (true, _) => Picture::Json(rows.iter().map(Row::json).collect()),
        (false, true) => Picture::Sentence(view.facts().empty),
        (false, false) => Picture::Table(text()),
    }
}

fn services(context: &Context, director: &mut Director, asked: &Asked) -> Result<Picture> {
    let out = &context.out;
    let live = director.live_services()?;
    let shown = shown_of(asked.object.subject(), &live)?;
    if out.json {
        let all = shown.into_iter();
        let rows = all.filter_map(move |one| {
            let mut row = one_of_live(View::Services, &live, &one.key)?;
            one.narrow(&mut row);
            Some(row)
        });
        let rows: Box<dyn Iterator<Item = Row>> = match &asked.order {
            None => Box::new(rows.take(asked.limit.unwrap_or(usize::MAX))),
            // They have to be there for it, all of them.
            Some(_) => {
                let mut rows = rows.collect();
                arrange(&mut rows, asked);
                Box::new(rows.into_iter())
            }
        };
        return Ok(Picture::Array(Box::new(rows.map(|row| row.json()))));
    }
    let keys: Vec<ServiceKey> = shown.iter().map(|one| one.key).collect();
    let mut rows = match asked.order.is_some() {
        true => of_live(View::Services, &live, &keys),
        // The table takes the rest from the live state.
        false => of_names(&live, &keys),
    };
    // Every service has a row here.
    for (row, one) in rows.iter_mut().zip(&shown) {
        one.narrow(row);
    }
    arrange(&mut rows, asked);
    let head = head(context, director);
    let remark = output::foreign(head.as_ref());
    Ok(pictured(out, View::Services, &rows, || {
        output::services(&live, &rows, Origin::Live, &remark, out.paint, out.width)
    }))
}

/// Connections, counted.
fn counted(context: &Context, director: &mut Director, asked: &Asked) -> Result<Picture> {
    let out = &context.out;
    let by = asked.count_by.unwrap_or(CountBy::Service);
    let top = asked.limit.unwrap_or(TOP);
    let counted = director.count_connections(&asked.connections, by, top)?;
    Ok(match (out.json, counted.total) {
        (true, _) => Picture::Json(output::counted_json(&counted)),
        (false, 0) => Picture::Sentence(asked.view.facts().empty),
        (false, _) => Picture::Table(output::counted(&counted, out.paint, out.width)),
    })
}

/// The head's rules, where they can be read: they say what is ours.
fn head(context: &Context, director: &Director) -> Option<Ruleset> {
    let head = director.head_rules();
    head.inspect_err(|error| {
        let note = format!("what is ours cannot be told: {error}");
        context.out.note(&note);
    })
    .ok()
}

/// Settings of the host: those of the head, as the kernel has them.
fn of_host(
    context: &Context,
    director: &mut Director,
    asked: &Asked,
    kind: SettingKind,
) -> Result<Picture> {
    let out = &context.out;
    let head = head(context, director).unwrap_or_default();
    let mut live = director.live_settings(&head)?.rules.settings;
    let mut head = with_derived(&head).into_owned().settings;
    let is_shown = |key: SettingKey| {
        let is_asked = match asked.object {
            Object::Setting(name) => name.fits(key),
            _ => true,
        };
        key.kind() == kind && is_asked
    };
    live.retain(is_shown);
    head.retain(is_shown);
    // What the kernel does not hold of one, such as `withdraw`, the head says.
    for (key, wanted) in head.iter() {
        let standing = live.get(*key);
        if standing.is_some_and(|standing| wanted.satisfied_by(standing)) {
            live.put(*key, Some(wanted.clone()));
        }
    }
    if out.json {
        return Ok(Picture::Json(kind.json(&live)));
    }
    Ok(match live.is_empty() && head.is_empty() {
        true => Picture::Sentence(asked.view.facts().empty),
        false => Picture::Table(output::of_host(kind, &live, &head, out.paint, out.width)),
    })
}

/// Marks, timeouts, daemons.
fn entries(context: &Context, director: &mut Director, asked: &Asked) -> Result<Picture> {
    let out = &context.out;
    let mut live = director.live_settings(&Ruleset::default())?;
    if let Object::Daemon(only) = asked.object {
        let only = SettingKey::SyncDaemon(only);
        live.rules
            .settings
            .retain(|key| key.kind() != only.kind() || key == only);
    }
    let mark = match asked.object {
        Object::Mark(mark) => Some(mark),
        _ => None,
    };
    if out.json {
        let mut whole = json::live(&live);
        let mut part = whole
            .get_mut(asked.view.name())
            .map(Value::take)
            .unwrap_or_default();
        if let (Some(rules), Some(mark)) = (part.as_array_mut(), mark) {
            rules.retain(|rule| rule.get("mark") == Some(&mark.value().into()));
        }
        return Ok(Picture::Json(part));
    }
    let (paint, width) = (out.paint, out.width);
    Ok(Picture::Table(match asked.view {
        View::Marks => output::marks(&live, mark.map(Fwmark::value), paint, width),
        View::Daemons => {
            let head = head(context, director);
            output::daemons(&live, head.as_ref(), paint, width)
        }
        _ => {
            let head = head(context, director);
            output::timeouts(&live, head.as_ref(), paint, width)
        }
    }))
}
