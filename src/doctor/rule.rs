//! A rule: what it looks for, and the words about it.

use super::answers::Question;
use super::inspection::Inspection;
use crate::notes::{Fix, Topic};

/// What a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Clients of a service, or some of them, are not served now.
    Outage,
    /// Something will fail at the next event: a failure, a change, a boot.
    Risk,
    /// Something is untidy, or works worse than it could.
    Advice,
}

impl Severity {
    /// Returns the name, as JSON and tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Outage => "outage",
            Severity::Risk => "risk",
            Severity::Advice => "advice",
        }
    }
}

/// A rule of the doctor: one row of the table.
#[derive(Debug)]
pub struct Rule {
    /// Its name: `vip-missing`.
    pub id: &'static str,
    /// What it finds, in half a line.
    pub title: &'static str,
    /// Why a finding matters, in a sentence.
    pub why: &'static str,
    /// How to see it by hand: commands and what they print then.
    pub seen: &'static str,
    /// What a finding costs.
    pub severity: Severity,
    /// Its fixes change only settings and addresses of this host, harm no connection, and can be
    /// undone: `--fix` takes them without being told the rule.
    pub is_safe: bool,
    /// It reads little: no list of connections or processes, nothing is sent to the network.
    pub is_quick: bool,
    /// How it looks.
    pub(super) look: Look,
}

/// How a rule looks.
#[derive(Debug)]
pub(super) enum Look {
    /// The notes about these topics, which ask the host questions of these kinds.
    Notes(&'static [Topic], &'static [Question]),
    /// A function of its own.
    Own(fn(&Inspection) -> Vec<Found>),
    /// The same for what `ipvsh status` has a line of its own for.
    InStatus(fn(&Inspection) -> Vec<Found>),
}

/// What a rule found of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The object.
    pub(super) object: String,
    /// What is the matter, and what comes of it.
    pub(super) what: String,
    /// What ends it or shows more.
    pub(super) fix: Fix,
}
