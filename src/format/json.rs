//! Reading JSON, with the lines of what is wrong in it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{place, together, unique};
use crate::error::{Error, Place, Result};
use crate::model::{Ruleset, SettingKind, json};

/// The keys of a ruleset that hold lists, where they are not settings.
const LISTS: [&str; 2] = ["services", "marks"];

/// Reads a ruleset.
///
/// # Errors
/// `invalid` with a place; all elements of its lists that are wrong, not only the first.
pub(super) fn read(name: &str, text: &str) -> Result<Ruleset> {
    let source = Source { name, text };
    let value = unique::parse(text).map_err(|error| source.syntax(&error))?;
    json::parse_ruleset(value).map_err(|error| {
        let found = source.elements().into_iter().flat_map(|element| {
            let list = Map::from_iter([(element.list, Value::Array(vec![element.value]))]);
            let error = json::parse_ruleset(Value::Object(list)).err()?;
            Some(error.at(element.place))
        });
        together(found.collect()).unwrap_or_else(|| error.object(name))
    })
}

struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

/// Something that can be read by itself, and where it stands.
struct Element {
    list: String,
    value: Value,
    place: Place,
}

impl<'a> Source<'a> {
    fn syntax(&self, error: &serde_json::Error) -> Error {
        let said = error.to_string();
        let cause = said.split(" at line ").next().unwrap_or(&said).to_owned();
        let place = place(self.name, self.text, error.line(), error.column());
        let error = match error.is_data() {
            true => Error::invalid(cause).hint("keep one of the two"),
            false => Error::invalid(format!("this is not JSON: {cause}")),
        };
        error.at(place)
    }

    /// Every element of the lists; a service that is right but for its servers comes once for
    /// each of these, with that one alone.
    fn elements(&self) -> Vec<Element> {
        let parts: BTreeMap<String, &RawValue> = fields(self.text);
        let mut elements = Vec::new();
        let settings = SettingKind::ALL.into_iter();
        for list in LISTS
            .into_iter()
            .chain(settings.map(|kind| kind.facts().list))
        {
            for raw in parts.get(list).map(|raw| items(raw)).unwrap_or_default() {
                elements.extend(self.element(list, raw));
            }
        }
        elements
    }

    fn element(&self, list: &str, raw: &'a RawValue) -> Vec<Element> {
        let element = |value: Value, raw: &RawValue| Element {
            list: list.to_owned(),
            value,
            place: self.place_of(raw),
        };
        let Ok(value) = serde_json::from_str::<Value>(raw.get()) else {
            return Vec::new();
        };
        let servers = fields(raw.get()).remove("servers").map(items);
        let (Some(servers), Some(options)) = (servers, value.as_object()) else {
            return vec![element(value, raw)];
        };
        let with = |servers: Vec<Value>| {
            let mut options = options.clone();
            options.insert("servers".to_owned(), Value::Array(servers));
            Value::Object(options)
        };
        let alone = with(Vec::new());
        let list = Value::Object(Map::from_iter([(
            list.to_owned(),
            Value::Array(vec![alone.clone()]),
        )]));
        if json::parse_ruleset(list).is_err() || servers.is_empty() {
            return vec![element(alone, raw)];
        }
        servers
            .into_iter()
            .filter_map(|raw| Some((raw, serde_json::from_str(raw.get()).ok()?)))
            .map(|(raw, server)| element(with(vec![server]), raw))
            .collect()
    }

    /// A raw value is a part of the text that it was read from.
    fn place_of(&self, raw: &RawValue) -> Place {
        let offset = raw
            .get()
            .as_ptr()
            .addr()
            .wrapping_sub(self.text.as_ptr().addr());
        let before = self.text.get(..offset).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(start..).unwrap_or("").chars().count() + 1;
        place(self.name, self.text, line, column)
    }
}

fn fields(text: &str) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(text).unwrap_or_default()
}

fn items(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_found_with_its_place() {
        let text = r#"{
  "services": [
    { "protocol": "tcp", "address": "192.0.2.1", "port": 80, "shceduler": "rr",
      "servers": [] },
    { "protocol": "tcp", "address": "192.0.2.2", "port": 80, "servers": [
      { "address": "10.0.0.1", "weight": 1 },
      { "address": "10.0.0.2", "weight": -1 },
      { "address": "10.0.0.x" } ] },
    7
  ],
  "daemons": [ { "role": "boss" } ]
}"#;
        let error = read("x.json", text).unwrap_err();
        let all = std::iter::once(&error).chain(error.others());
        let found: Vec<String> = all
            .map(|e| {
                let place = e.place().unwrap();
                format!("{}:{} {}", place.line, place.column, e.message())
            })
            .collect();
        assert_eq!(
            found,
            [
                "3:5 unknown option \"shceduler\"",
                "7:7 weight -1 is out of range",
                "8:7 \"10.0.0.x\" is not an IP address",
                "9:5 a service must be an object",
                "11:16 unknown daemon role \"boss\"",
            ]
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        for (text, place) in [
            (
                "{\"services\": [{\"protocol\": \"tcp\"}],\n \"services\": []}",
                (2, "services"),
            ),
            (
                "{\"services\": [\n{\"address\": 1, \"address\": 2}]}",
                (2, "address"),
            ),
            ("{\"marks\": [], \"marks\": []}", (1, "marks")),
        ] {
            let error = read("x.json", text).unwrap_err();
            assert_eq!(
                (error.place().unwrap().line, error.message()),
                (
                    place.0,
                    format!("the key \"{}\" stands twice in one object", place.1)
                )
            );
        }
    }

    #[test]
    fn what_only_the_whole_shows_is_told_of_the_whole() {
        let service = r#"{"protocol": "tcp", "address": "192.0.2.1", "port": 80}"#;
        let error = read("x", &format!("{{\"services\": [{service}, {service}]}}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "virtual service tcp 192.0.2.1:80: it is listed twice"
        );
        let error = read("x", "{\"serfices\": []}").unwrap_err();
        assert_eq!(error.to_string(), "x: a ruleset: unknown key \"serfices\"");
    }
}
