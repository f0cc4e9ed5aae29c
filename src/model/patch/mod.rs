//! Option maps: what scripts (`#{ scheduler: "rr" }`) and JSON say about an object.
//!
//! The values are `serde_json`'s, so that Rhai and JSON share one reader. Values are checked
//! here, at the call; combinations are checked by [`super::combination`] at plan or commit.

mod mark;
mod server;
mod service;

pub use mark::mark_rules;
pub use server::{SERVICE_S, ServerPatch};
pub use service::{ServicePatch, listed_server};

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{Error, Result, did_you_mean};

/// An option map.
pub type Options = Map<String, Value>;

/// The options of a service.
pub const SERVICE_OPTIONS: [&str; 12] = [
    "scheduler",
    "flags",
    "persistent",
    "netmask",
    "engine",
    "one_packet",
    "forward",
    "servers",
    "marks",
    "check",
    "on_fail",
    "snat",
];
/// The options of a real server.
pub const SERVER_OPTIONS: [&str; 7] = [
    "weight", "forward", "upper", "lower", "tunnel", "check", "host",
];
/// The options of a server's tunnel.
pub const TUNNEL_OPTIONS: [&str; 3] = ["type", "port", "checksum"];
/// The fields of a mark rule.
pub const MARK_OPTIONS: [&str; 8] = [
    "protocol",
    "to",
    "ports",
    "from",
    "from_ports",
    "interface",
    "mask",
    "family",
];

/// Words of other tools for our options, for "did you mean".
const SYNONYMS: [(&str, &str); 22] = [
    ("lb_algo", "scheduler"),
    ("lvs_sched", "scheduler"),
    ("sched", "scheduler"),
    ("algorithm", "scheduler"),
    ("lb_kind", "forward"),
    ("lvs_method", "forward"),
    ("method", "forward"),
    ("forwarding", "forward"),
    ("persistence_timeout", "persistent"),
    ("persistence", "persistent"),
    ("persistence_granularity", "netmask"),
    ("granularity", "netmask"),
    ("mask", "netmask"),
    ("pe", "engine"),
    ("persistence_engine", "engine"),
    ("ops", "one_packet"),
    ("real_server", "servers"),
    ("real_servers", "servers"),
    ("uthreshold", "upper"),
    ("lthreshold", "lower"),
    ("u_threshold", "upper"),
    ("l_threshold", "lower"),
];

/// Refuses names that are none of those known, saying which was probably meant.
pub(crate) fn check_names(options: &Options, known: &[&str], what: &str) -> Result<()> {
    for name in options.keys() {
        if !known.contains(&name.as_str()) {
            let lower = name.to_lowercase();
            let synonym = SYNONYMS
                .iter()
                .find(|(theirs, ours)| *theirs == lower && known.contains(ours))
                .map(|(_, ours)| *ours);
            let close = synonym.or_else(|| did_you_mean(name, known.iter().copied()));
            return Err(unknown_option_of(what, name, close, known));
        }
    }
    Ok(())
}

/// The error for an option that does not exist.
pub(crate) fn unknown_option(name: &str) -> Error {
    Error::invalid(format!("unknown option \"{name}\"")).about(name)
}

/// The same where it is known what lacks the option, the option that was probably meant, and those
/// that exist.
pub(crate) fn unknown_option_of(
    what: &str,
    name: &str,
    meant: Option<&str>,
    known: &[&str],
) -> Error {
    unknown_option(name).hint(match meant {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("{what} has the options {}", known.join(", ")),
    })
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => format!("\"{value}\""),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

/// A value of another type than the option takes.
pub(crate) fn wrong(name: &str, wants: &str, value: &Value) -> Error {
    let error = Error::invalid(format!("{name} must be {wants}, not {}", describe(value)));
    match value {
        Value::String(text) => error.about(text).about(name),
        _ => error.about(name),
    }
}

pub(super) fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str> {
    value.as_str().ok_or_else(|| wrong(name, "a string", value))
}

pub(super) fn whole(name: &str, value: &Value) -> Result<i64> {
    value
        .as_i64()
        .ok_or_else(|| wrong(name, "a whole number", value))
}

pub(super) fn boolean(name: &str, value: &Value) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| wrong(name, "true or false", value))
}

fn map<'a>(name: &str, value: &'a Value) -> Result<&'a Options> {
    value
        .as_object()
        .ok_or_else(|| wrong(name, "a map like #{ ... }", value))
}

pub(super) fn ranged<T: TryFrom<i64>>(name: &str, value: &Value, range: &str) -> Result<T> {
    let number = whole(name, value)?;
    T::try_from(number).map_err(|_| {
        Error::invalid(format!("{name} {number} is out of range"))
            .about(name)
            .hint(format!("{name} is {range}"))
    })
}

/// A number from 1: to the kernel 0 is "left out", and it reports what it chose instead.
pub(super) fn positive<T: TryFrom<i64>>(
    name: &str,
    value: &Value,
    most: i64,
    unit: &str,
) -> Result<T> {
    let number = whole(name, value)?;
    T::try_from(number)
        .ok()
        .filter(|_| (1..=most).contains(&number))
        .ok_or_else(|| {
            Error::invalid(format!("{name} {number} is out of range"))
                .about(name)
                .hint(
                    format!("{name} is 1 to {most} {unit}")
                        .trim_end()
                        .to_owned(),
                )
        })
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

/// The names of the options that a patch gives.
pub type Named = BTreeSet<&'static str>;

#[cfg(test)]
mod tests;
