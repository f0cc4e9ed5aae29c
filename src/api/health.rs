//! Facts: the state of the checks and what the daemon saw, and their forms for scripts and JSON.

use chrono::{DateTime, Utc};
use rhai::Dynamic;
use serde_json::{Value, json};

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::options;
use super::types::Type;
use super::value::{Server, Service};
use crate::director::Health;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::health::{ServerHealth, Standing};
use crate::model::Moment;
use crate::model::patch::unknown_option_of;

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[HEALTH, EVENTS];

const HEALTH: Function = Function {
    name: "health",
    group: Group::Live,
    on: On::Nothing,
    forms: &[Form {
        params: &[Param::new("object", Type::ServiceOrServer).optional()],
        call: health,
    }],
    result: Type::Array,
    doc: "Reads how the checked servers stand: an array of maps of service, server, state, since, \
          reason, latency, held and checks.\n\
          The state is \"up\", \"down\" or \"waiting\", as the daemon says it; where none runs, as it \
          left it, without the checks. Servers without a check are not in it.",
    errors: &[Kind::NotFound, Kind::State, Kind::Invalid],
    example: "tcp(\"192.0.2.10:80\", #{ check: \"tcp\", servers: [\"10.0.0.11\"] });\n\
              commit();\n\
              for s in health(\"192.0.2.10:80\") { print(`${s.server} ${s.state}`); }",
    words: &["misc_check", "checker", "monitor", "up", "down", "alive"],
};

const EVENTS: Function = Function {
    name: "events",
    group: Group::Live,
    on: On::Nothing,
    forms: &[Form {
        params: &[Param::options(options::EVENTS)],
        call: events,
    }],
    result: Type::Array,
    doc: "Reads what the daemon saw and did, oldest first: an array of maps of time, kind, object and \
          reason.\n\
          A transition has from and to as well. The time is RFC 3339, in UTC.",
    errors: &[Kind::NotFound, Kind::Invalid, Kind::System],
    example: "for e in events(#{ since: \"1d\" }) {\n\
              \x20   print(`${e.time} ${e.object}: ${e.reason}`);\n\
              }",
    words: &["log", "journal", "notify", "transitions"],
};

/// The most events that a script may ask for.
const MOST_EVENTS: usize = 10_000;

fn events(call: &Call) -> Result<Dynamic> {
    let (mut object, mut since, mut limit) = (None, None, 1000);
    for (name, value) in call.options(0)?.unwrap_or_default() {
        let text = || match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(Error::invalid(format!("{name} must be text")).about(&name)),
        };
        match name.as_str() {
            "object" => object = Some(text()?),
            "since" => since = Some(Moment::parse(&text()?)?),
            "limit" => {
                let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
                let number = number.filter(|n| (1..=MOST_EVENTS).contains(n));
                limit = number.ok_or_else(|| {
                    let range = format!("limit must be a whole number, 1 to {MOST_EVENTS}");
                    Error::invalid(range).about("limit")
                })?;
            }
            other => {
                let names: Vec<&str> = options::EVENTS.iter().map(|option| option.name).collect();
                let close = did_you_mean(other, names.iter().copied());
                return Err(unknown_option_of("events", other, close, &names));
            }
        }
    }
    let mut session = call.context.session()?;
    let found = session
        .director()
        .events(object.as_deref(), since.as_ref(), limit)?;
    let found: Vec<Value> = found.iter().map(|event| json!(event)).collect();
    Ok(convert::from_json(&found.into()))
}

fn health(call: &Call) -> Result<Dynamic> {
    let object = match call.has(0) {
        true => Some(named(call.arg(0)?)),
        false => None,
    };
    let mut session = call.context.session()?;
    let health = session.director().health(object.as_deref())?;
    Ok(convert::from_json(&servers(&health)))
}

/// The name of an object: a text, or that of a handle.
fn named(value: &Dynamic) -> String {
    if let Some(service) = value.read_lock::<Service>() {
        return service.0.to_string();
    }
    match value.read_lock::<Server>() {
        Some(server) => format!("{} {}", server.service, server.key),
        None => value.to_string(),
    }
}

/// The servers of a report.
pub fn servers(health: &Health) -> Value {
    let one = |one: &ServerHealth| {
        json!({
            "service": one.service.to_string(),
            "server": one.server.to_string(),
            "state": one.state.name(),
            "since": since(health, one),
            "reason": one.reason,
            "latency": one.latency,
            "held": one.held,
            "checks": one.checks,
        })
    };
    health.report.servers.iter().map(one).collect()
}

/// Since when a server stands as it does. The daemon leaves no moment for a server that is up.
pub fn since(health: &Health, one: &ServerHealth) -> Option<DateTime<Utc>> {
    let is_known = health.without_daemon.is_none() || one.state != Standing::Up;
    is_known.then_some(one.since)
}
