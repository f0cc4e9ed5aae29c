//! `forgotten`: maintenance that has no end and began long ago.

use chrono::TimeDelta;

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::shell_word;
use crate::notes::Fix;

/// So many days may maintenance without an end last.
const DAYS: i64 = 7;

pub(in super::super) static RULE: Rule = Rule {
    id: "forgotten",
    title: "maintenance without an end that is older than 7 days",
    why: "a real server that was taken out for an hour serves nobody, and the others carry its load",
    seen: "ipvsh status: upkeep",
    severity: Severity::Advice,
    is_safe: false,
    is_quick: true,
    look: Look::InStatus(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let now = inspection.observed.now;
    let all = inspection.observed.head.settings.maintenance();
    let old = all.filter_map(|(key, maintenance)| {
        let age = now - maintenance.since?;
        let is_old = maintenance.expires.is_none() && age > TimeDelta::days(DAYS);
        is_old.then_some((key, maintenance, age.num_days()))
    });
    let found = old.map(|(key, maintenance, days)| {
        let by = maintenance.by.as_deref();
        let by = by.map_or_else(String::new, |by| format!(" by {by}"));
        Found {
            object: format!("maintenance {key}"),
            what: format!("{}, for {days} days{by}", maintenance.summary()),
            fix: Fix::Verb(format!("ipvsh enable {}", shell_word(&key.to_string()))),
        }
    });
    found.collect()
}
