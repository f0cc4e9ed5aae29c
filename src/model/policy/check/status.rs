//! Status codes of HTTP that pass.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::patch::wrong;
use crate::error::{Error, Result};

/// The least and the greatest code that a server can send.
const LEAST: u16 = 100;
const MOST: u16 = 599;

/// Status codes of HTTP that pass: ranges in order that neither overlap nor touch. Default 200 to
/// 299. As text: `200-299,301`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StatusSet(Vec<(u16, u16)>);

impl StatusSet {
    /// Reads the option: a number, a range like `"200-299"`, or a list of both.
    ///
    /// # Errors
    /// `invalid` for anything else, and codes outside 100 to 599.
    pub fn read(name: &str, value: &Value) -> Result<StatusSet> {
        let mut ranges = Vec::new();
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Value::Number(number) => {
                    let code = code(&number.to_string())?;
                    ranges.push((code, code));
                }
                Value::String(text) => ranges.extend(parse(text)?),
                other => {
                    let wants = "a number, a range like \"200-299\", or a list of both";
                    return Err(wrong(name, wants, other));
                }
            }
        }
        StatusSet::of(ranges)
    }

    fn of(mut ranges: Vec<(u16, u16)>) -> Result<StatusSet> {
        if ranges.is_empty() {
            return Err(Error::invalid("status names no code")
                .about("status")
                .hint("name those that pass, like 200 or \"200-299\""));
        }
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Ok(StatusSet(merged))
    }

    /// Returns true if the code passes.
    pub fn contains(&self, code: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&code))
    }

    /// Returns true if it is 200 to 299.
    pub fn is_default(&self) -> bool {
        *self == StatusSet::default()
    }

    /// The option's value: a number, a range, or a list of both.
    pub fn json(&self) -> Value {
        let one = |(first, last): &(u16, u16)| match first == last {
            true => Value::from(*first),
            false => Value::from(format!("{first}-{last}")),
        };
        match self.0.as_slice() {
            [range] => one(range),
            ranges => ranges.iter().map(one).collect(),
        }
    }
}

/// Parses codes and ranges with commas between: `200-299,301`. A script's own ranges read as text,
/// `200..=299` and `200..300`, mean the same.
fn parse(text: &str) -> Result<Vec<(u16, u16)>> {
    let range = |part: &str| {
        let part = part.trim();
        if let Some((first, last)) = part.split_once("..=").or_else(|| part.split_once('-')) {
            return Ok((code(first)?, code(last)?));
        }
        if let Some((first, end)) = part.split_once("..") {
            return Ok((code(first)?, code(end)?.saturating_sub(1)));
        }
        code(part).map(|code| (code, code))
    };
    text.split(',')
        .map(|part| {
            let (first, last) = range(part)?;
            if first > last {
                return Err(Error::invalid(format!("the status range {part} is empty"))
                    .about("status")
                    .hint("the smaller code comes first, like \"200-299\""));
            }
            Ok((first, last))
        })
        .collect()
}

fn code(text: &str) -> Result<u16> {
    let text = text.trim();
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = is_digits.then(|| text.parse().ok()).flatten();
    code.filter(|code| (LEAST..=MOST).contains(code))
        .ok_or_else(|| {
            Error::invalid(format!("\"{text}\" is not a status of HTTP"))
                .about("status")
                .hint(format!(
                    "a status is {LEAST} to {MOST}, a range \"200-299\""
                ))
        })
}

impl Default for StatusSet {
    fn default() -> StatusSet {
        StatusSet(vec![(200, 299)])
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl TryFrom<String> for StatusSet {
    type Error = Error;

    fn try_from(text: String) -> Result<StatusSet> {
        StatusSet::of(parse(&text)?)
    }
}

impl From<StatusSet> for String {
    fn from(set: StatusSet) -> String {
        set.to_string()
    }
}
