//! Snapshots: their numbers, their records, and the ways to name one.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::origin::{Origin, Tally};
use crate::error::{Error, Result};

/// A snapshot's number: from 1, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SnapshotId(pub u64);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The record of a committed ruleset, without the ruleset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its number.
    pub id: SnapshotId,
    /// When it was recorded, UTC.
    pub time: DateTime<Utc>,
    /// Who committed it: the login name, with the sudo user where there is one.
    pub author: String,
    /// Why: given by the user, or made from the change.
    pub message: String,
    /// The head that it replaced; `None` for the first.
    pub parent: Option<SnapshotId>,
    /// The snapshot whose content it repeats, for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<SnapshotId>,
    /// The snapshot whose changes it undoes, for a revert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert_of: Option<SnapshotId>,
    /// All that it added to the record was in the kernel already, so that ipvsh did not put it
    /// there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// How many changes it made to the kernel.
    #[serde(default)]
    pub changes: usize,
    /// The same by what happened; records of early versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// Where it was made, and by what.
    #[serde(default, skip_serializing_if = "Origin::is_unknown")]
    pub origin: Origin,
    /// How long changing the kernel and verifying it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// Tags, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Something that happened to the history itself: what a recovery, a repair or a prune did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, UTC.
    pub time: DateTime<Utc>,
    /// The head at that time; `None` before the first snapshot.
    pub head: Option<SnapshotId>,
    /// What, in a sentence.
    pub message: String,
}

/// What a user types for a snapshot: a number, `head`, `head~2`, a tag, or a time: `22:00`, `@22:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotName {
    /// By number.
    Id(SnapshotId),
    /// The head, or the one so many before it.
    Head(u64),
    /// By tag.
    Tag(String),
    /// The one that was the head at that moment.
    At(Moment),
}

impl SnapshotName {
    /// Parses a name.
    ///
    /// # Errors
    /// `invalid` for text that can be none of them.
    pub fn parse(text: &str) -> Result<SnapshotName> {
        let text = text.trim();
        if text == "head" {
            return Ok(SnapshotName::Head(0));
        }
        if let Some(moment) = text.strip_prefix('@') {
            return Moment::parse(moment).map(SnapshotName::At);
        }
        if let Some(back) = text.strip_prefix("head~") {
            let digits = !back.is_empty() && back.bytes().all(|b| b.is_ascii_digit());
            return match back.parse() {
                Ok(back) if digits => Ok(SnapshotName::Head(back)),
                _ => Err(Error::invalid(format!("\"{text}\" is not a snapshot"))
                    .about(text)
                    .hint("write head~2 for the second before the head")),
            };
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return match text.parse() {
                Ok(id) if id > 0 => Ok(SnapshotName::Id(SnapshotId(id))),
                _ => Err(Error::invalid(format!("there is no snapshot {text}"))
                    .hint("snapshots are numbered from 1")),
            };
        }
        // No tag begins with a digit: this is a time, well written or not.
        let is_time = text.starts_with(|c: char| c.is_ascii_digit());
        match Moment::parse(text) {
            Ok(moment) if is_time => Ok(SnapshotName::At(moment)),
            Err(error) if is_time && text.contains([':', '-']) => Err(error),
            _ => check_tag(text).map(SnapshotName::Tag),
        }
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotName::Id(id) => id.fmt(f),
            SnapshotName::Head(0) => f.write_str("head"),
            SnapshotName::Head(back) => write!(f, "head~{back}"),
            SnapshotName::Tag(tag) => f.write_str(tag),
            SnapshotName::At(moment) => write!(f, "@{moment}"),
        }
    }
}

/// Checks a tag: a letter of any script, then up to 63 letters, digits, `.`, `_` and `-`.
///
/// # Errors
/// `invalid` where it is not, or where it looks like a number or `head`.
pub fn check_tag(text: &str) -> Result<String> {
    let plain = text
        .chars()
        .all(|c| c.is_alphanumeric() || "._-".contains(c));
    let first = text.chars().next().is_some_and(char::is_alphabetic);
    if !first || !plain || text.chars().count() > 64 || text == "head" {
        return Err(Error::invalid(format!("\"{text}\" cannot be a tag")).about(text).hint(
            "a tag is a letter, then letters, digits, \".\", \"_\" or \"-\"; it may not be \"head\"",
        ));
    }
    Ok(text.to_owned())
}

/// Numbers in words, those in a row as a range: `3`, `1 to 40, 42`. They must be in order.
pub fn ranges(ids: impl IntoIterator<Item = SnapshotId>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for SnapshotId(id) in ids {
        match runs.last_mut() {
            Some((_, last)) if last.saturating_add(1) == id => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let word = |(first, last): &(u64, u64)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    };
    runs.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_a_range() {
        assert_eq!(ranges([1, 2, 3, 7].map(SnapshotId)), "1 to 3, 7");
        assert_eq!(ranges([]), "");
    }

    #[test]
    fn records_of_early_versions_are_read() {
        let early = r#"{"id":7,"time":"2026-11-19T22:00:00Z","author":"ada","message":"m",
            "parent":6,"changes":3}"#;
        let snapshot: Snapshot = serde_json::from_str(early).unwrap();
        assert_eq!((snapshot.id.0, snapshot.changes), (7, 3));
        assert!(snapshot.tally.is_none() && snapshot.origin.is_unknown());
    }

    #[test]
    fn a_time_needs_no_sign() {
        for text in ["13:52", "2026-11-29 13:52", "2026-11-29T13:52:00Z", "2h"] {
            let moment = Moment::parse(text).unwrap();
            assert_eq!(SnapshotName::parse(text).unwrap(), SnapshotName::At(moment));
        }
        for text in ["25:00", "2026-13-01"] {
            let error = SnapshotName::parse(text).unwrap_err();
            assert_eq!(error.message(), format!("\"{text}\" is not a time"));
        }
    }

    #[test]
    fn names_parse_and_print() {
        for text in [
            "7",
            "head",
            "head~2",
            "before-upgrade",
            "@22:00",
            "@2026-11-19",
        ] {
            assert_eq!(SnapshotName::parse(text).unwrap().to_string(), text);
        }
        for tag in ["发布前", "vor-dem-Umzug.2", "é"] {
            let name = SnapshotName::parse(tag).unwrap();
            assert_eq!(name, SnapshotName::Tag(tag.to_owned()));
        }
        for bad in [
            "１２",
            "发 布",
            "发布；",
            "",
            "0",
            "head~",
            "head~-1",
            "-1",
            "1a",
            "a b",
            "@",
            "@noon",
            "99999999999999999999",
        ] {
            assert!(SnapshotName::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
