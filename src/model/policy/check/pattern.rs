//! Regular expressions that answers must match.
//!
//! Source of truth for the syntax: the documentation of the crate regex.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The most characters of a regular expression.
const LONGEST: usize = 1024;

/// The most bytes that a compiled one takes, and the cache of its automaton.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression over the bytes of an answer; it matches anywhere unless anchored by `^` or
/// `$`. The text was compiled once when it was read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Parses a regular expression.
    ///
    /// # Errors
    /// `invalid` with what the expression lacks, and where it is too long or would compile to more
    /// than a megabyte.
    pub fn parse(text: &str) -> Result<Pattern> {
        if text.chars().nth(LONGEST).is_some() {
            return Err(Error::invalid("the regular expression is too long")
                .hint(format!("it has at most {LONGEST} characters")));
        }
        let pattern = Pattern(text.to_owned());
        pattern.compile()?;
        Ok(pattern)
    }

    /// Compiles it.
    ///
    /// # Errors
    /// As [`Pattern::parse`].
    pub fn compile(&self) -> Result<Regex> {
        let compiled = RegexBuilder::new(&self.0)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build();
        compiled.map_err(|error| {
            let cause = match &error {
                regex::Error::CompiledTooBig(_) => "it is too complex".to_owned(),
                // The message ends in the reason; before it come lines with a caret.
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            };
            let text = self.as_str();
            Error::invalid(format!("\"{text}\" is no regular expression: {cause}"))
                .about(text)
                .caused_by(error)
        })
    }

    /// The expression as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
