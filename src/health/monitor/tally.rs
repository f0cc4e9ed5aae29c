//! The results of one probe: counters, and the run of equal results that decides.

use std::time::Duration;

use super::super::finding::{Finding, Verdict};

/// The latest results that say the same. A run without a result neither counts nor ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Streak {
    /// No run had a result yet.
    #[default]
    None,
    /// So many passes in a row.
    Passes(u32),
    /// So many failures in a row.
    Failures(u32),
}

/// What one result means for the run of equal results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// The check passed.
    Pass,
    /// The check failed; before, it had passed or had no result.
    FirstFailure,
    /// The check failed again.
    Failure,
    /// The result says nothing.
    Nothing,
}

/// Counters of one probe since it began.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// All passes.
    pub(super) passes: u64,
    /// All failures.
    pub(super) failures: u64,
    /// All runs that said nothing about the server.
    pub(super) no_results: u64,
    /// The latest results that say the same.
    pub(super) streak: Streak,
    /// What the last pass or failure said.
    pub(super) decisive: String,
    /// What the last run said, with or without a result.
    pub(super) last: Option<String>,
    /// How long the last run with a result took.
    pub(super) latency: Option<Duration>,
}

impl Tally {
    /// Adds what a run found out.
    pub(super) fn add(&mut self, finding: Finding) -> Counted {
        let (counted, text) = match finding.verdict {
            Verdict::Passed => {
                self.passes = self.passes.saturating_add(1);
                self.streak = Streak::Passes(match self.streak {
                    Streak::Passes(count) => count.saturating_add(1),
                    _ => 1,
                });
                let is_silent = finding.answer.is_empty();
                let answer = if is_silent {
                    "passed".to_owned()
                } else {
                    finding.answer
                };
                (Counted::Pass, answer)
            }
            Verdict::Failed(why) => {
                self.failures = self.failures.saturating_add(1);
                let (streak, counted) = match self.streak {
                    Streak::Failures(count) => (count.saturating_add(1), Counted::Failure),
                    Streak::Passes(_) | Streak::None => (1, Counted::FirstFailure),
                };
                self.streak = Streak::Failures(streak);
                (counted, why)
            }
            Verdict::NoResult(why) => {
                self.no_results = self.no_results.saturating_add(1);
                self.last = Some(why);
                return Counted::Nothing;
            }
        };
        self.decisive.clone_from(&text);
        self.last = Some(text);
        self.latency = Some(finding.took);
        counted
    }

    /// Returns true if the last run with a result passed.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.streak, Streak::Passes(_))
    }
}
