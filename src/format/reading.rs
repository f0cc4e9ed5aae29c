//! What reading a text gives: rules and notes, or problems with their places.

use crate::error::{Error, Place};
use crate::model::Ruleset;

/// What was read of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The ruleset.
    pub rules: Ruleset,
    /// What was left out of it, a sentence each with its line: commands of a shell script that
    /// are not about rules.
    pub notes: Vec<String>,
    /// Says whether the text is one of rules: not only settings, or only comments.
    pub has_rules: bool,
    /// The form can hold settings of the host, so that those which it lacks are not wanted.
    pub can_hold_host: bool,
}

/// How many problems of one text are told.
pub(super) const TOLD: usize = 20;

/// One error of many, each with its place; those beyond a screenful are only counted.
pub(super) fn together(problems: Vec<Error>) -> Option<Error> {
    let more = problems.len().saturating_sub(TOLD);
    let mut problems = problems.into_iter().take(TOLD);
    let first = problems.next()?;
    let all = first.beside(problems);
    Some(match more {
        0 => all,
        _ => all.beside([Error::invalid(format!("{more} more problems like these"))]),
    })
}

/// A place in a text that was read.
pub(super) fn place(name: &str, text: &str, line: usize, column: usize) -> Place {
    Place {
        file: name.to_owned(),
        line,
        column,
        source: text
            .lines()
            .nth(line.saturating_sub(1))
            .unwrap_or("")
            .to_owned(),
    }
}
