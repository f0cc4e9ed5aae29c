//! JSON in which no object has a key twice.
//!
//! RFC 8259 leaves open what a second value of a key means; `serde_json` keeps the last. A list
//! that is dropped like this would be a service removed in silence.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a JSON text.
///
/// # Errors
/// What is wrong with it, with line and column; a key that an object has twice is a data error.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Unique.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice in one object"
                )));
            }
            let value = from.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_is_read_as_serde_json_does() {
        for text in [
            "null",
            " [1, -1, 1.5, 1e3, 18446744073709551615, true, \"a\\u00e9\\n\"] ",
            r#"{"b": {"a": []}, "a": {"a": {}}, "": null}"#,
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text).unwrap(), value);
        }
        for text in ["", "{", "[1,]", "1 2", "{\"a\" 1}", &"[".repeat(200)] {
            let error = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(parse(text).unwrap_err().to_string(), error.to_string());
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error_at_every_level() {
        for (text, key, line) in [
            (r#"{"a": 1, "a": 1}"#, "\"a\"", 1),
            ("{\"a\": [],\n \"\\u0061\": []}", "\"a\"", 2),
            ("[{\"x\": {\"y\": [\n{\"z\": 1, \"z\": 2}]}}]", "\"z\"", 2),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.is_data(), "{text}");
            assert_eq!(error.line(), line, "{text}");
            let wanted = format!("the key {key} stands twice in one object");
            assert!(error.to_string().starts_with(&wanted), "{error}");
        }
    }
}
