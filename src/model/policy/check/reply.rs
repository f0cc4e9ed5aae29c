//! What a check of UDP expects to come back.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::patch::text;
use super::pattern::Pattern;
use super::payload::HEX;
use crate::error::{Error, Result};

/// The most bytes that a hexadecimal pattern has.
const LONGEST: usize = 1024;

/// What a check of UDP expects to come back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Any datagram.
    #[default]
    Any,
    /// Nothing has to come; only an ICMP error fails.
    None,
    /// A datagram that begins with these bytes.
    Hex(HexPattern),
    /// A datagram that the expression matches.
    Matches(Pattern),
}

impl Reply {
    /// Reads the option: `()` for [`Reply::None`], `hex:` and digits, or a regular expression.
    ///
    /// # Errors
    /// `invalid` for another type and what is malformed.
    pub fn read(name: &str, value: &Value) -> Result<Reply> {
        if value.is_null() {
            return Ok(Reply::None);
        }
        let text = text(name, value)?;
        match text.strip_prefix(HEX) {
            Some(_) => Ok(Reply::Hex(HexPattern::parse(text)?)),
            None => Ok(Reply::Matches(Pattern::parse(text)?)),
        }
    }

    /// The option's value; none where it is at its default.
    pub fn json(&self) -> Option<Value> {
        match self {
            Reply::Any => None,
            Reply::None => Some(Value::Null),
            Reply::Hex(pattern) => Some(pattern.to_string().into()),
            Reply::Matches(pattern) => Some(pattern.as_str().into()),
        }
    }
}

/// Bytes that a datagram begins with, as hexadecimal digits where `X` stands for any digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexPattern(String);

impl HexPattern {
    /// Parses digits after `hex:`; spaces may stand between bytes.
    ///
    /// # Errors
    /// `invalid` for anything else, an odd number of digits, none, and more than 1024 bytes.
    pub fn parse(text: &str) -> Result<HexPattern> {
        let is_digit = |c: char| c.is_ascii_hexdigit() || c.eq_ignore_ascii_case(&'x');
        let groups = || text.trim_start_matches(HEX).split(' ');
        let is_whole = |group: &str| group.len().is_multiple_of(2) && group.chars().all(is_digit);
        let digits: String = groups().collect();
        if digits.is_empty() || digits.len() > 2 * LONGEST || !groups().all(is_whole) {
            return Err(
                Error::invalid(format!("\"{text}\" is not a hexadecimal pattern"))
                    .about(text)
                    .hint(format!(
                        "after hex: come two digits a byte, X for any digit, like \"hex:00 ff 8X\"; \
                         at most {LONGEST} bytes"
                    )),
            );
        }
        Ok(HexPattern(digits.to_ascii_lowercase().replace('x', "X")))
    }

    /// Returns true if the bytes begin as the pattern says.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let wanted = self.0.as_bytes();
        let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        bytes.len() >= wanted.len() / 2
            && wanted.iter().zip(nibbles).all(|(digit, nibble)| {
                let digit = char::from(*digit);
                digit == 'X' || digit.to_digit(16) == Some(u32::from(nibble))
            })
    }
}

impl fmt::Display for HexPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEX}{}", self.0)
    }
}

impl fmt::Debug for HexPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl TryFrom<String> for HexPattern {
    type Error = Error;

    fn try_from(text: String) -> Result<HexPattern> {
        HexPattern::parse(&text)
    }
}

impl From<HexPattern> for String {
    fn from(pattern: HexPattern) -> String {
        pattern.to_string()
    }
}
