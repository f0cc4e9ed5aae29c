//! Runs rules.

use std::collections::BTreeSet;

use super::answers::{Answers, Question, Shared};
use super::diagnosis::{Diagnosis, Finding, NotLooked};
use super::inspection::{Inspection, Observed};
use super::rule::{Found, Look, Rule};
use crate::model::EntryKey;
use crate::notes::{self, Host, Notes, Situation};

/// Runs rules on what the director observed and what a host answers.
pub fn examine(observed: &Observed, host: &dyn Host, rules: &[&'static Rule]) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    let host = Shared::of(host);
    let asked = Answers::of(&host);
    let wants_notes = rules
        .iter()
        .any(|rule| matches!(rule.look, Look::Notes(..)));
    let noted = match wants_notes {
        true => notes_of(observed, &asked),
        false => Notes::default(),
    };
    if noted.is_cut {
        let why = "there are more addresses than it asks the kernel routes for";
        asked.unanswered(Question::Route, why);
    }
    for rule in rules {
        let (found, missing) = match rule.look {
            Look::Notes(topics, questions) => {
                let of_rule = noted.all.iter().filter(|note| topics.contains(&note.topic));
                let found = of_rule.map(|note| Found {
                    object: note.object.clone(),
                    what: note.what.clone(),
                    fix: note.fix.clone(),
                });
                (found.collect(), asked.missing(questions))
            }
            Look::Own(look) | Look::InStatus(look) => {
                let host = Answers::of(&host);
                let found = look(&Inspection {
                    observed,
                    host: &host,
                });
                (found, host.any_missing())
            }
        };
        match missing {
            Some(why) => diagnosis.not_looked.push(NotLooked { rule, why }),
            None => diagnosis.looked.push(rule),
        }
        add(&mut diagnosis.findings, rule, found);
    }
    diagnosis
}

/// Adds what a rule found; of the same finding one only: two services at one VIP lack one address.
fn add(findings: &mut Vec<Finding>, rule: &'static Rule, found: Vec<Found>) {
    let mut known = BTreeSet::new();
    for Found { object, what, fix } in found {
        if known.insert((object.clone(), what.clone())) {
            findings.push(Finding {
                rule,
                object,
                what,
                fix,
            });
        }
    }
}

/// The notes about all that the kernel and the head hold.
fn notes_of(observed: &Observed, host: &Answers) -> Notes {
    let named: BTreeSet<EntryKey> = observed
        .live
        .entries()
        .into_iter()
        .chain(observed.head.entries())
        .collect();
    let situation = Situation {
        held: observed.held,
        ..Situation::standing(observed.live, &named)
    };
    notes::notes(&situation, host)
}
