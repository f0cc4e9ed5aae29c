//! Between the values of scripts and those of JSON, which option maps are read as.

use rhai::{Array, Dynamic, ImmutableString, Map};
use serde_json::{Number, Value};

use super::types::words_of;
use super::value::{Divergence, Outcome, Raised, Server, Service, SettingHandle};
use super::{report, view};
use crate::director::Session;
use crate::error::{Error, Result};
use crate::model::{Options, json};

/// How deeply maps and arrays may be nested.
const MAX_DEPTH: usize = 64;

/// What a handle becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handles {
    /// Its name, or for a server its options: what a declaration reads.
    Declared,
    /// Everything: what a reader of JSON wants to know.
    Whole,
}

/// Reads an option map.
///
/// # Errors
/// `invalid` for values that no option takes (functions, ranges).
pub fn options(session: &mut Session, value: &Dynamic) -> Result<Options> {
    match to_value(session, value, Handles::Declared, 0)? {
        Value::Object(options) => Ok(options),
        _ => Err(Error::invalid(format!(
            "options must be a map like #{{ ... }}, not {}",
            words_of(value)
        ))),
    }
}

/// Reads any value that stands for options, such as rules.
///
/// # Errors
/// As [`options`].
pub fn declared(session: &mut Session, value: &Dynamic) -> Result<Value> {
    to_value(session, value, Handles::Declared, 0)
}

/// What a value is in JSON; handles become the objects that they name.
///
/// # Errors
/// `invalid` for functions and the like; `not_found` for a handle of something that is gone.
pub fn to_json(session: &mut Session, value: &Dynamic) -> Result<Value> {
    to_value(session, value, Handles::Whole, 0)
}

fn to_value(
    session: &mut Session,
    value: &Dynamic,
    handles: Handles,
    depth: usize,
) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(Error::invalid(format!(
            "maps and arrays are nested more than {MAX_DEPTH} deep"
        )));
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(Value::Bool(truth));
    }
    if let Ok(number) = value.as_int() {
        return Ok(Value::from(number));
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| Error::invalid(format!("{number} is not a number that JSON has")));
    }
    if let Ok(character) = value.as_char() {
        return Ok(Value::String(character.to_string()));
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(Value::String(text.to_string()));
    }
    if let Some(array) = value.read_lock::<Array>() {
        let values: Result<Vec<Value>> = array
            .iter()
            .map(|value| to_value(session, value, handles, depth + 1))
            .collect();
        return values.map(Value::Array);
    }
    if let Some(map) = value.read_lock::<Map>() {
        let mut object = Options::new();
        for (name, value) in map.iter() {
            object.insert(
                name.to_string(),
                to_value(session, value, handles, depth + 1)?,
            );
        }
        return Ok(Value::Object(object));
    }
    handle(session, value, handles)
}

fn handle(session: &mut Session, value: &Dynamic, handles: Handles) -> Result<Value> {
    if let Some(service) = value.read_lock::<Service>() {
        return match handles {
            Handles::Declared => Ok(Value::String(service.0.to_string())),
            Handles::Whole => view::service(session, &service.0, |s| {
                Value::Object(json::service(&service.0, s))
            }),
        };
    }
    if let Some(server) = value.read_lock::<Server>() {
        return view::server(session, &server.service, &server.key, |s| {
            Value::Object(json::server(&server.key, s))
        });
    }
    if let Some(setting) = value.read_lock::<SettingHandle>() {
        return view::setting(session, setting.0).map(|one| one.whole_json(setting.0));
    }
    if let Some(outcome) = value.read_lock::<Outcome>() {
        return Ok(Value::Object(report::report(&outcome.0)));
    }
    if let Some(divergence) = value.read_lock::<Divergence>() {
        return Ok(Value::Object(report::difference(&divergence.0)));
    }
    if let Some(raised) = value.read_lock::<Raised>() {
        return Ok(Value::Object(report::error(&raised.0)));
    }
    Err(Error::invalid(format!(
        "{} cannot be written as data",
        words_of(value)
    )))
}

/// The script's value of a JSON value.
pub fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(truth) => Dynamic::from(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Dynamic::from(whole),
            (None, Some(other)) => Dynamic::from(other),
            (None, None) => Dynamic::UNIT,
        },
        Value::String(text) => Dynamic::from(text.clone()),
        Value::Array(values) => Dynamic::from_array(values.iter().map(from_json).collect()),
        Value::Object(object) => Dynamic::from_map(map(object)),
    }
}

/// The script's map of a JSON object.
pub fn map(object: &Options) -> Map {
    object
        .iter()
        .map(|(name, value)| (name.as_str().into(), from_json(value)))
        .collect()
}
