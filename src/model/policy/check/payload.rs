//! Bytes that a check sends, as text.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a text begins with whose rest is hexadecimal digits.
pub(super) const HEX: &str = "hex:";

/// The most bytes that a check sends.
const LONGEST: usize = 4096;

/// Bytes that a check sends: 1 to 4096. As text they are themselves, or hexadecimal digits after
/// `hex:` (`hex:00 ff`), with spaces between bytes where that reads better.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Payload(Vec<u8>);

impl Payload {
    /// Parses the text form.
    ///
    /// # Errors
    /// `invalid` for no bytes, too many, and what is not hexadecimal after `hex:`.
    pub fn parse(text: &str) -> Result<Payload> {
        let bytes = match text.strip_prefix(HEX) {
            Some(digits) => hex(digits).ok_or_else(|| {
                Error::invalid(format!("\"{text}\" is not hexadecimal"))
                    .about(text)
                    .hint("after hex: come two digits a byte, like \"hex:00 ff\"")
            })?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.is_empty() || bytes.len() > LONGEST {
            let count = bytes.len();
            return Err(Error::invalid(format!("a check cannot send {count} bytes"))
                .hint(format!("it sends 1 to {LONGEST}")));
        }
        Ok(Payload(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads hexadecimal digits, two a byte; spaces may stand between bytes.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in digits.split(' ') {
        let mut rest = group;
        while !rest.is_empty() {
            let (byte, after) = rest.split_at_checked(2)?;
            // `from_str_radix` takes a sign.
            if !byte.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(byte, 16).ok()?);
            rest = after;
        }
    }
    Some(bytes)
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| !c.is_control() || matches!(c, '\r' | '\n' | '\t');
        match str::from_utf8(&self.0) {
            Ok(text) if text.chars().all(is_plain) && !text.starts_with(HEX) => f.write_str(text),
            _ => {
                f.write_str(HEX)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl TryFrom<String> for Payload {
    type Error = Error;

    fn try_from(text: String) -> Result<Payload> {
        Payload::parse(&text)
    }
}

impl From<Payload> for String {
    fn from(payload: Payload) -> String {
        payload.to_string()
    }
}

/// The kernel's texts end at a NUL.
pub(super) fn no_nul(name: &str, text: &str) -> Result<()> {
    match text.contains('\0') {
        true => Err(Error::invalid(format!("{name} has a NUL character")).about(name)),
        false => Ok(()),
    }
}
