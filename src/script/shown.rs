//! What a script's value is to a reader: text, a table, a plan, JSON.

use rhai::Dynamic;
use serde_json::Value;

use crate::api::value::{self, Server, Service};
use crate::api::{Context, convert, types};
use crate::director::{Difference, Outcome, Report, Session};
use crate::error::{Kind, Result};
use crate::model::setting::timeout::TIMEOUT_OPTIONS;
use crate::model::{
    Fwmark, Live, MarkRule, ServerKey, ServiceKey, Snapshot, Timeouts, json as form, patch,
};
use crate::views::{Row, View};

/// How a script ended that did not fail.
#[derive(Debug)]
pub enum Ended {
    /// It ran to its end; this is its last value.
    Value(Shown),
    /// It called `exit(status)`.
    Exit(i64),
    /// Whoever read its output went away: it ends quietly, and nothing is committed.
    Closed,
}

impl Ended {
    /// Says whether what is staged is to be committed.
    pub fn commits(&self) -> bool {
        matches!(self, Ended::Value(_) | Ended::Exit(0))
    }
}

/// A value, as the prompt and `-e` show it.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Nothing to show: `()`.
    Nothing,
    /// Text, shown as it is.
    Text(String),
    /// One virtual service, by name; its options are in the candidate, or else live.
    Service(ServiceKey),
    /// Virtual services.
    Services(Vec<ServiceKey>),
    /// Real servers (also one).
    Servers(Vec<(ServiceKey, ServerKey)>),
    /// fwmark rules.
    Marks(Vec<MarkRule>),
    /// Timeouts.
    Timeouts(Timeouts),
    /// What a commit, rollback, restore or adoption did; also in [`Session::take_reports`].
    ///
    /// [`Session::take_reports`]: crate::director::Session::take_reports
    Report(Box<Report>),
    /// What a commit would do.
    Plan(Box<Report>),
    /// Snapshots.
    History(Vec<Snapshot>),
    /// What differs between two states.
    Difference(Box<Difference>),
    /// Live state.
    Live(Box<Live>),
    /// A view of live state, in its JSON form.
    View(View, Value),
    /// A setting of the candidate, such as a sync daemon or a VIP, with its properties.
    Setting(serde_json::Value),
    /// Anything else.
    Json(serde_json::Value),
}

impl Shown {
    /// What a value is to a reader. Arrays and maps are known by what they hold, so that a list
    /// that a script filtered is still shown as what it is.
    ///
    /// # Errors
    /// As the objects of handles cannot be read.
    pub(super) fn of(context: &Context, session: &mut Session, value: &Dynamic) -> Result<Shown> {
        if value.is_unit() {
            return Ok(Shown::Nothing);
        }
        if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
            return Ok(Shown::Text(text.to_string()));
        }
        if let Some(service) = value.read_lock::<Service>() {
            return Ok(Shown::Service(service.0));
        }
        if let Some(server) = value.read_lock::<Server>() {
            return Ok(Shown::Servers(vec![(server.service, server.key)]));
        }
        if let Some(outcome) = value.read_lock::<value::Outcome>() {
            let report = Box::new((*outcome.0).clone());
            return Ok(match report.outcome {
                Outcome::Planned => Shown::Plan(report),
                _ => Shown::Report(report),
            });
        }
        if let Some(divergence) = value.read_lock::<value::Divergence>() {
            return Ok(Shown::Difference(Box::new((*divergence.0).clone())));
        }
        if let Some(raised) = value.read_lock::<value::Raised>() {
            return Ok(Shown::Text(raised.to_string()));
        }
        if value.tag() == crate::api::LIVE_TAG
            && value.is_map()
            && let Some(live) = context.kept_live()
        {
            return Ok(Shown::Live(Box::new(live)));
        }
        if let Some(array) = value.read_lock::<rhai::Array>()
            && let Some(shown) = list(&array)
        {
            return Ok(shown);
        }
        let is_setting = value.read_lock::<value::SettingHandle>().is_some();
        match convert::to_json(session, value) {
            Ok(json) if is_setting => Ok(Shown::Setting(json)),
            Ok(json) => Ok(known(json)),
            // A function has no text that means anything; a range has.
            Err(error) if error.kind() == Kind::Invalid => {
                Ok(Shown::Text(match value.is_fnptr() {
                    true => types::words_of(value).to_owned(),
                    false => value.to_string(),
                }))
            }
            Err(error) => Err(error),
        }
    }
}

/// An array of handles.
fn list(array: &rhai::Array) -> Option<Shown> {
    if array.is_empty() {
        return None;
    }
    let services: Option<Vec<ServiceKey>> = array
        .iter()
        .map(|value| value.read_lock::<Service>().map(|service| service.0))
        .collect();
    if let Some(services) = services {
        return Some(Shown::Services(services));
    }
    let servers: Option<Vec<(ServiceKey, ServerKey)>> = array
        .iter()
        .map(|value| {
            value
                .read_lock::<Server>()
                .map(|server| (server.service, server.key))
        })
        .collect();
    servers.map(Shown::Servers)
}

/// Data that is what one of the functions gives.
fn known(json: Value) -> Shown {
    if let Some(view) = view(&json) {
        return Shown::View(view, json);
    }
    match &json {
        Value::Array(values) if !values.is_empty() => {
            let snapshots: Option<Vec<Snapshot>> = values.iter().map(snapshot).collect();
            if let Some(snapshots) = snapshots {
                return Shown::History(snapshots);
            }
            if let Some(marks) = marks(values) {
                return Shown::Marks(marks);
            }
        }
        Value::Object(map) => {
            let all = TIMEOUT_OPTIONS.iter().all(|name| map.contains_key(*name));
            if let Ok(timeouts) = Timeouts::parse(map)
                && all
            {
                return Shown::Timeouts(timeouts);
            }
        }
        _ => {}
    }
    Shown::Json(json)
}

/// The view that a value is of.
fn view(json: &Value) -> Option<View> {
    match json {
        Value::Array(values) if values.is_empty() => None,
        Value::Array(values) if values.iter().all(|v| form::read_connection(v).is_some()) => {
            Some(View::Connections)
        }
        Value::Array(values) => Row::read(values).map(|(view, _)| view),
        Value::Object(map)
            if ["version", "schedulers", "settings"]
                .iter()
                .all(|k| map.contains_key(*k)) =>
        {
            Some(View::Info)
        }
        Value::Object(_) => Row::read(std::slice::from_ref(json)).map(|(view, _)| view),
        _ => None,
    }
}

fn snapshot(value: &Value) -> Option<Snapshot> {
    let keys = ["id", "time", "author", "message", "parent", "tags"];
    let map = value.as_object()?;
    if !keys.iter().all(|key| map.contains_key(*key)) {
        return None;
    }
    serde_json::from_value(value.clone()).ok()
}

fn marks(values: &[Value]) -> Option<Vec<MarkRule>> {
    let mut rules = Vec::new();
    for value in values {
        let mut map = value.as_object()?.clone();
        let mark = Fwmark::new(map.shift_remove("mark")?.as_i64()?).ok()?;
        map.get("family")?;
        rules.extend(patch::mark_rules(mark, None, &Value::Object(map)).ok()?);
    }
    Some(rules)
}
