//! Adopting beside other programs that manage IPVS, and taking over what feeds marks.

use std::collections::BTreeSet;

use crate::error::{Error, Kind, Result};
use crate::format::mark_statement;
use crate::marks::{TABLE, line_of};
use crate::model::{ForeignMark, Live, MarkKey, MarkRule, Ruleset, ServiceKey};
use crate::notes::{Host, Manager};

/// Refuses to take over everything that another program keeps as it wants it.
pub(super) fn refuse_everything(managers: &[Manager], live: &Live) -> Result<()> {
    let Some(manager) = managers.first() else {
        return Ok(());
    };
    let example = live.rules.services.keys().next();
    let example = example.map_or("timeouts".to_owned(), ServiceKey::to_string);
    Err(Error::new(
        Kind::State,
        format!("{manager} manages IPVS in this network namespace too"),
    )
    .attempt("cannot adopt everything")
    .hint("two owners undo each other's changes: stop it first")
    .hint(format!(
        "or name what is to be ours: ipvsh adopt \"{example}\""
    )))
}

/// What is said where something was adopted all the same.
pub(super) fn two_owners(manager: &Manager) -> String {
    format!(
        "{manager} manages IPVS here too: it may undo what ipvsh changes, and ipvsh restore what it \
         changes"
    )
}

/// Whether sync daemons here are somebody's: keepalived starts and stops them with its state.
pub(super) fn runs_daemons(managers: &[Manager]) -> Option<&Manager> {
    managers.iter().find(|manager| manager.name == "keepalived")
}

/// Adopted mark services that have no rule of ours, with the rules of others that feed them.
pub(super) struct Fed(Vec<(MarkKey, Vec<ForeignMark>)>);

impl Fed {
    /// Looks for them where packets come in: PREROUTING of the mangle table.
    pub fn of(rules: &Ruleset, adopted: &BTreeSet<ServiceKey>, host: &dyn Host) -> Fed {
        let unfed = adopted.iter().filter_map(MarkKey::of_service);
        let unfed = unfed.filter(|key| rules.rules_of(*key).is_empty());
        let feeding = |key: MarkKey| {
            let mut rules = host.marks(key.family).unwrap_or_default();
            rules.retain(|rule| {
                (rule.table.as_str(), rule.chain.as_str()) == (TABLE, "PREROUTING")
                    && rule.mark == Some(key.mark)
            });
            (!rules.is_empty()).then_some((key, rules))
        };
        Fed(unfed.filter_map(feeding).collect())
    }

    /// Makes rules of ours of those that ours can be; gives their marks.
    pub fn take_over(&self, rules: &mut Ruleset) -> BTreeSet<MarkKey> {
        let mut taken = BTreeSet::new();
        for (key, foreign) in &self.0 {
            let mine: Vec<MarkRule> = readable(foreign).cloned().collect();
            if !mine.is_empty() {
                rules.set_rules(*key, mine);
                taken.insert(*key);
            }
        }
        taken
    }

    /// Says how to take them over; of those that were, which rules may go.
    pub fn notes(&self, taken: &BTreeSet<MarkKey>) -> Vec<String> {
        let mut notes = Vec::new();
        for (key, foreign) in &self.0 {
            let service = key.service();
            let list = |command: &str, of: &mut dyn Iterator<Item = &ForeignMark>| {
                let lines: Vec<String> =
                    of.map(|rule| line_of(key.family, command, rule)).collect();
                lines.join("; ")
            };
            let mut clear = foreign.iter().filter(|rule| rule.rule.is_some());
            let mut others = foreign.iter().filter(|rule| rule.rule.is_none());
            if taken.contains(key) {
                let lines = list("-D", &mut clear);
                notes.push(format!(
                    "{service}: its rule is ours now, beside somebody else's, which may go: {lines}"
                ));
            } else if clear.next().is_some() {
                let mine: Vec<MarkRule> = readable(foreign).cloned().collect();
                let line = mark_statement(*key, &MarkRule::normalise(mine));
                notes.push(format!(
                    "{service}: somebody else's rule feeds it. To take it over: {line}, or: ipvsh \
                     adopt --marks \"{service}\""
                ));
            }
            let lines = list("-A", &mut others);
            if !lines.is_empty() {
                notes.push(format!(
                    "{service}: fed by what no mark rule of ours can say, and left alone: {lines}"
                ));
            }
        }
        notes
    }
}

/// Says which rules of others do what ours do now, and may go.
pub(super) fn doubled(rules: &Ruleset, keys: &BTreeSet<MarkKey>, host: &dyn Host) -> Vec<String> {
    let note = |key: &MarkKey| {
        let ours = rules.rules_of(*key);
        let mut theirs = host.marks(key.family).unwrap_or_default();
        theirs.retain(|rule| {
            (rule.table.as_str(), rule.chain.as_str()) == (TABLE, "PREROUTING")
                && rule.rule.as_ref().is_some_and(|rule| ours.contains(rule))
        });
        let lines: Vec<String> = theirs
            .iter()
            .map(|rule| line_of(key.family, "-D", rule))
            .collect();
        (!lines.is_empty()).then(|| {
            let lines = lines.join("; ");
            format!("{key}: its rule is ours now, beside somebody else's, which may go: {lines}")
        })
    };
    keys.iter().filter_map(note).collect()
}

fn readable(foreign: &[ForeignMark]) -> impl Iterator<Item = &MarkRule> {
    foreign.iter().filter_map(|rule| rule.rule.as_ref())
}
