//! One checked server of one service: where it stands, and what its checks make of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::now::Now;
use super::super::state::Deviation;
use super::super::transition::Standing;
use super::probe::Failing;
use super::schedule::ProbeId;
use super::tally::{Streak, Tally};
use crate::model::Check;

/// A server that is down for so long is probed at twice the interval.
const LONG_DOWN: Duration = Duration::from_secs(300);

/// Names one check of one service, as declared: it is proven once it passed on some server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProofId(pub(super) u64);

/// A check of one server.
#[derive(Debug, Clone)]
pub(super) struct ServerCheck {
    /// The runs that it takes its results from.
    pub(super) probe: ProbeId,
    /// Whether it passed on some server of the service.
    pub(super) proof: ProofId,
    /// The check as it was declared.
    pub(super) check: Arc<Check>,
}

/// A checked server of one service.
#[derive(Debug)]
pub(super) struct Server {
    /// Where it stands.
    pub(super) standing: Standing,
    /// Where the daemon last wrote that it stands.
    pub(super) written: Standing,
    /// Since when it stands there.
    pub(super) since: DateTime<Utc>,
    /// When it will have stood there for long, on the monotonic clock.
    pub(super) long_at: Duration,
    /// Why.
    pub(super) reason: Option<String>,
    /// Whether somebody else had taken it out before its checks did.
    pub(super) taken_out_by_hand: bool,
    /// Its checks; never empty.
    pub(super) checks: Vec<ServerCheck>,
}

impl Server {
    /// A server that stands where the daemon last wrote it: up, or as the state has it.
    pub(super) fn new(deviation: Option<&Deviation>, now: Now, checks: Vec<ServerCheck>) -> Server {
        let standing = deviation.map_or(Standing::Up, |it| it.situation.into());
        let since = deviation.map_or(now.utc, |it| it.since);
        let age = (now.utc - since).to_std().unwrap_or_default();
        Server {
            standing,
            written: standing,
            since,
            long_at: now.monotonic + LONG_DOWN.saturating_sub(age),
            reason: deviation.map(|it| it.reason.clone()),
            taken_out_by_hand: deviation.is_some_and(|it| it.taken_out_by_hand),
            checks,
        }
    }

    /// Makes it stand elsewhere.
    pub(super) fn move_to(&mut self, to: Standing, reason: String, now: Now) {
        self.standing = to;
        self.since = now.utc;
        self.long_at = now.monotonic + LONG_DOWN;
        self.reason = Some(reason);
    }

    /// Returns true if it is down for so long that fewer runs do.
    pub(super) fn is_long_down(&self, now: Duration) -> bool {
        self.standing == Standing::Down && now >= self.long_at
    }
}

/// What one check says of a server.
pub(super) struct CheckResult<'a> {
    /// The check.
    pub(super) check: &'a Check,
    /// The results of its runs.
    pub(super) tally: &'a Tally,
    /// Whether it passed on some server of the service.
    pub(super) is_proven: bool,
    /// Its present row of failures.
    pub(super) failing: Option<Failing>,
}

/// Where a server has to stand by its checks, and why; none where it stays where it is.
pub(super) fn judge(standing: Standing, results: &[CheckResult<'_>]) -> Option<(Standing, String)> {
    let fallen = results.iter().find(|result| result.has_fallen());
    let all_passed = |least: fn(&Check) -> u32| {
        !results.is_empty()
            && results.iter().all(|result| {
                let least = least(result.check).max(1);
                matches!(result.tally.streak, Streak::Passes(count) if count >= least)
            })
    };
    let is_good = match standing {
        Standing::Up => false,
        Standing::Down => all_passed(|check| check.timing.rise),
        Standing::Waiting => all_passed(|_| 1),
    };
    if is_good {
        let answers = results.iter().map(CheckResult::text).collect::<Vec<_>>();
        return Some((Standing::Up, answers.join("; ")));
    }
    match standing {
        Standing::Up | Standing::Waiting => fallen.map(|result| (Standing::Down, result.text())),
        Standing::Down => None,
    }
}

/// The earliest row of failures of those checks that take the server down.
pub(super) fn failing(results: &[CheckResult<'_>]) -> Option<Failing> {
    let fallen = results.iter().filter(|result| result.has_fallen());
    let rows = fallen.filter_map(|result| result.failing);
    rows.reduce(|one, other| Failing {
        began: one.began.min(other.began),
        until: one.until.min(other.until),
    })
}

impl CheckResult<'_> {
    /// Returns true if it failed often enough to take the server down.
    fn has_fallen(&self) -> bool {
        let fall = self.check.timing.fall.max(1);
        self.is_proven && matches!(self.tally.streak, Streak::Failures(count) if count >= fall)
    }

    /// The check with its last answer.
    fn text(&self) -> String {
        format!("{}: {}", self.check.label(), self.tally.decisive)
    }
}
