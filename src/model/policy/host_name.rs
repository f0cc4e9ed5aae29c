//! Names of the machines that real servers are on.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// The most characters of a name: that of a DNS name (RFC 1035, 2.3.4).
const LONGEST: usize = 253;

/// Every name that this process ever read.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name of the machine that a real server is on, like `web12`: 1 to 253 letters, digits, dots,
/// hyphens and underscores, beginning with a letter or a digit. ipvsh never looks a name up.
///
/// A name is part of keys, which are `Copy`: the process keeps each name once, until it ends. There are
/// as many names as machines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(&'static str);

impl HostName {
    /// Parses a name.
    ///
    /// # Errors
    /// `invalid` for an empty or long text, other characters, and what reads as an address.
    pub fn parse(text: &str) -> Result<HostName> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins || text.len() > LONGEST || !text.chars().all(is_plain) {
            return Err(
                Error::invalid(format!("\"{text}\" is not the name of a host"))
                    .about(text)
                    .hint(format!(
                        "a name has 1 to {LONGEST} letters, digits, dots, hyphens and underscores, \
                         and begins with a letter or a digit"
                    )),
            );
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Err(
                Error::invalid(format!("{text} is an address, not the name of a host"))
                    .about(text)
                    .hint("a host is the machine that the server is on, like \"web12\""),
            );
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(text) {
            return Ok(HostName(known));
        }
        let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
        names.insert(kept);
        Ok(HostName(kept))
    }

    /// The name as text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        HostName::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_plain_name() {
        assert_eq!(HostName::parse("web12").unwrap().to_string(), "web12");
        assert_eq!(HostName::parse("web12"), HostName::parse("web12"));
        let long = "a".repeat(LONGEST + 1);
        for text in [
            "",
            "-a",
            "web 12",
            "web/12",
            "10.0.0.1",
            "wéb",
            long.as_str(),
        ] {
            assert!(HostName::parse(text).is_err(), "{text}");
        }
    }
}
