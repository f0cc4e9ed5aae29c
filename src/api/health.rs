//! Facts: the state of the checks, and its forms for scripts and JSON.

use chrono::{DateTime, Utc};
use rhai::Dynamic;
use serde_json::{Value, json};

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::types::Type;
use crate::director::Health;
use crate::error::{Kind, Result};
use crate::health::{ServerHealth, Standing};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
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
}];

fn health(call: &Call) -> Result<Dynamic> {
    let object = match call.has(0) {
        true => Some(call.arg(0)?.to_string()),
        false => None,
    };
    let mut session = call.context.session()?;
    let health = session.director().health(object.as_deref())?;
    Ok(convert::from_json(&servers(&health)))
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
