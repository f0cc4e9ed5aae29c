//! How long a commit is given to be confirmed.

use std::fmt;

use crate::error::{Error, Result};

/// Seconds, from 1 to 86,400 (a day).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grace(u32);

/// A day: who needs longer to look has confirmed by leaving it.
const LONGEST: u32 = 86_400;

impl Grace {
    /// Takes a number of seconds.
    ///
    /// # Errors
    /// `invalid` out of range.
    pub fn new(seconds: i64) -> Result<Grace> {
        match u32::try_from(seconds) {
            Ok(seconds @ 1..=LONGEST) => Ok(Grace(seconds)),
            _ => Err(refused(&seconds.to_string())),
        }
    }

    /// Parses a number of seconds.
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn parse(text: &str) -> Result<Grace> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(seconds) if digits => Grace::new(seconds),
            _ => Err(refused(&format!("\"{text}\""))),
        }
    }

    /// The seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// What is said of all that is none.
pub(crate) fn refused(given: &str) -> Error {
    Error::invalid(format!(
        "the time to confirm is a whole number of seconds from 1 to {LONGEST}, not {given}"
    ))
    .hint("five minutes: --confirm 300; in a script: commit(\"message\", #{ confirm: 300 })")
}

impl fmt::Display for Grace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_longest() {
        for text in ["1", "300", "86400"] {
            assert_eq!(Grace::parse(text).unwrap().seconds().to_string(), text);
        }
        for bad in [
            "",
            "0",
            "86401",
            "-1",
            "+5",
            "5m",
            "1.5",
            "99999999999999999999",
        ] {
            assert!(Grace::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(Grace::new(-1).is_err());
    }
}
