//! Values of scripts, as the prompt and `-e` show them: the right table, or JSON.

use serde_json::{Map, Value, json};

use super::connections::connections;
use super::paint::clean;
use super::{Look, Output, Table, live as views};
use crate::director::Session;
use crate::error::Result;
use crate::model::{Connection, EntryKey, Live, ServerKey, ServiceKey, json as form};
use crate::script::Shown;
use crate::views::{Row, View, of_names};

/// Says whether a value is only a name for what is in the candidate.
pub fn is_handle(shown: &Shown) -> bool {
    matches!(
        shown,
        Shown::Service(_)
            | Shown::Services(_)
            | Shown::Servers(_)
            | Shown::Marks(_)
            | Shown::Timeouts(_)
            | Shown::Setting(_)
    )
}

/// Shows a value. What a commit did is not: it was told when it was done.
///
/// # Errors
/// As the candidate cannot be read.
pub fn show(out: &Output, shown: &Shown, session: &mut Session) -> Result<()> {
    let staged = session.staged();
    if staged > 0 && matches!(shown, Shown::Live(_) | Shown::View(..)) {
        let changes = super::count(staged, "staged change");
        let (are, them) = if staged == 1 {
            ("is", "it")
        } else {
            ("are", "them")
        };
        out.note(&format!(
            "live: {changes} {are} not shown (plan() shows {them})"
        ));
    }
    match shown {
        Shown::Nothing | Shown::Report(_) => {}
        Shown::Plan(report) => out.report(report, false),
        Shown::Difference(difference) => out.difference(difference),
        shown if out.json => out.print_json(&as_json(shown, session)?),
        Shown::Text(text) => out.print(text),
        shown => out.print(&as_text(out, shown, session)?),
    }
    Ok(())
}

/// The candidate over what is live, for options and counts; what cannot be read counts nothing.
fn state(session: &mut Session) -> Result<Live> {
    let mut state = session.live().cloned().unwrap_or_default();
    let rules = session.candidate()?.rules();
    for (key, service) in &rules.services {
        state.rules.services.insert(*key, service.clone());
    }
    Ok(state)
}

fn as_text(out: &Output, shown: &Shown, session: &mut Session) -> Result<String> {
    let (paint, width) = (out.paint, out.width);
    Ok(match shown {
        Shown::Service(key) => services(out, &[*key], session)?,
        Shown::Services(keys) if keys.is_empty() => "no virtual services".to_owned(),
        Shown::Services(keys) => services(out, keys, session)?,
        Shown::Servers(keys) if keys.is_empty() => "no real servers".to_owned(),
        Shown::Servers(keys) => {
            let state = state(session)?;
            let remark = staged(session)?;
            views::servers(&state, keys, &remark, paint, width)
        }
        Shown::Marks(rules) if rules.is_empty() => "no mark rules".to_owned(),
        Shown::Marks(rules) => {
            let mut table = Table::new(&["mark", "family", "rule"], &[0], paint, width);
            for rule in rules {
                let family = rule.family.to_string();
                table.row(&[rule.mark.to_string(), family, rule.summary()]);
            }
            table.text()
        }
        Shown::Timeouts(timeouts) => {
            let mut table = Table::new(&["timeout", "seconds"], &[1], paint, width);
            for (name, seconds) in timeouts.json() {
                table.row(&[name, seconds.to_string()]);
            }
            table.text()
        }
        Shown::History(snapshots) if snapshots.is_empty() => "no snapshots yet".to_owned(),
        Shown::History(snapshots) => {
            let awaiting = session.director().glance();
            super::history(snapshots, awaiting.as_ref(), paint, width)
        }
        Shown::Live(live) => whole(out, live),
        Shown::View(view, json) => viewed(out, *view, json),
        Shown::Json(json) | Shown::Setting(json) => value(out, json),
        Shown::Text(text) => text.clone(),
        Shown::Nothing | Shown::Report(_) | Shown::Plan(_) | Shown::Difference(_) => String::new(),
    })
}

fn services(out: &Output, keys: &[ServiceKey], session: &mut Session) -> Result<String> {
    let state = state(session)?;
    let remark = staged(session)?;
    let rows = of_names(&state, keys);
    let shown = views::Origin::Candidate;
    Ok(views::services(
        &state, &rows, shown, &remark, out.paint, out.width,
    ))
}

/// Says of an entry that it is staged: not what the head has.
fn staged(session: &mut Session) -> Result<impl Fn(&EntryKey) -> Option<&'static str>> {
    let candidate = session.candidate()?;
    let differing = candidate.base().differences(candidate.rules());
    Ok(move |entry: &EntryKey| differing.contains(entry).then_some("staged"))
}

/// Live state, view by view.
fn whole(out: &Output, live: &Live) -> String {
    let keys: Vec<ServiceKey> = live.rules.services.keys().copied().collect();
    let services = match keys.is_empty() {
        true => "no virtual services".to_owned(),
        false => {
            let rows = of_names(live, &keys);
            let shown = views::Origin::Live;
            views::services(live, &rows, shown, &|_| None, out.paint, out.width)
        }
    };
    let marks = views::marks(live, None, out.paint, out.width);
    let timeouts = views::timeouts(live, None, out.paint, out.width);
    let daemons = views::daemons(live, None, out.paint, out.width);
    format!("{services}\n\n{marks}\n{timeouts}\n\n{daemons}")
}

/// A view, as `ipvsh show` has it.
fn viewed(out: &Output, view: View, json: &Value) -> String {
    let look = Look {
        exact: false,
        paint: out.paint,
        width: out.width,
    };
    let values = match json {
        Value::Array(values) => values.as_slice(),
        Value::Object(map) if view == View::Info => return super::info(map, look),
        one => std::slice::from_ref(one),
    };
    if view == View::Connections {
        let all: Vec<Connection> = values.iter().filter_map(form::read_connection).collect();
        return connections(&all, out.paint);
    }
    let rows = Row::read(values).map(|(_, rows)| rows).unwrap_or_default();
    super::rows(view, &rows, &|_| None, look)
}

/// Any other value: maps and arrays of maps as tables, the rest as it would be typed.
fn value(out: &Output, value: &Value) -> String {
    let (paint, width) = (out.paint, out.width);
    let is_flat = |map: &Map<String, Value>| map.values().all(|v| !v.is_object() && !v.is_array());
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) if !map.is_empty() && is_flat(map) => {
            let mut table = Table::new(&["name", "value"], &[], paint, width);
            for (name, value) in map {
                table.row(&[name.clone(), cell(value)]);
            }
            table.text()
        }
        Value::Array(rows) => match rows
            .iter()
            .map(Value::as_object)
            .collect::<Option<Vec<_>>>()
        {
            Some(maps) if !maps.is_empty() && maps.iter().all(|map| is_flat(map)) => {
                let mut titles: Vec<&str> = Vec::new();
                for name in maps.iter().flat_map(|map| map.keys()) {
                    if !titles.contains(&name.as_str()) {
                        titles.push(name);
                    }
                }
                let mut table = Table::new(&titles, &[], paint, width);
                for map in maps {
                    let cells = titles
                        .iter()
                        .map(|name| map.get(*name).map_or(String::new(), cell));
                    table.row(&cells.collect::<Vec<_>>());
                }
                table.text()
            }
            _ => typed(value),
        },
        other => typed(other),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// On one line where it fits.
fn typed(value: &Value) -> String {
    let line = spaced(value);
    match line.chars().count() <= 80 {
        true => clean(&line),
        false => serde_json::to_string_pretty(value).unwrap_or(line),
    }
}

/// JSON on one line, with room between its parts.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let parts: Vec<String> = values.iter().map(spaced).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Object(map) if !map.is_empty() => {
            let part = |(name, value)| format!("{}: {}", json!(name), spaced(value));
            let parts: Vec<String> = map.iter().map(part).collect();
            format!("{{ {} }}", parts.join(", "))
        }
        other => other.to_string(),
    }
}

fn as_json(shown: &Shown, session: &mut Session) -> Result<Value> {
    Ok(match shown {
        Shown::Service(key) => service(&state(session)?, key),
        Shown::Services(keys) => {
            let state = state(session)?;
            keys.iter().map(|key| service(&state, key)).collect()
        }
        Shown::Servers(keys) => {
            let state = state(session)?;
            keys.iter().map(|(s, key)| server(&state, s, key)).collect()
        }
        Shown::Marks(rules) => rules.iter().map(|r| Value::Object(form::mark(r))).collect(),
        Shown::Timeouts(timeouts) => Value::Object(timeouts.json()),
        Shown::History(snapshots) => snapshots.iter().map(super::json::snapshot).collect(),
        Shown::Live(live) => form::live(live),
        Shown::Json(value) | Shown::Setting(value) | Shown::View(_, value) => value.clone(),
        Shown::Text(text) => json!(text),
        Shown::Nothing | Shown::Report(_) | Shown::Plan(_) | Shown::Difference(_) => Value::Null,
    })
}

fn service(state: &Live, key: &ServiceKey) -> Value {
    match state.rules.services.get(key) {
        Some(service) => Value::Object(form::live_service(state, key, service)),
        None => Value::Object(form::service_key(key)),
    }
}

fn server(state: &Live, service: &ServiceKey, key: &ServerKey) -> Value {
    let mut map = Map::new();
    map.insert("service".into(), json!(service.to_string()));
    let found = state.rules.services.get(service);
    if let Some(options) = found.and_then(|s| s.servers.get(key)) {
        map.extend(form::server(key, options));
    }
    let counts = state.counts_of(service, key);
    map.insert("active".into(), json!(counts.active));
    map.insert("inactive".into(), json!(counts.inactive));
    map.insert("persistent_connections".into(), json!(counts.persistent));
    Value::Object(map)
}
