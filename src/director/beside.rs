//! Adopting beside other programs that manage IPVS, and taking over what feeds marks.

use std::collections::BTreeSet;

use crate::error::{Error, Kind, Result};
use crate::format::mark_statement;
use crate::marks::{TABLE, line_of};
use crate::model::{ForeignMark, Live, MarkKey, MarkRule, Ruleset, ServiceKey};
use crate::notes::{Host, Manager, feeds};

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
    format!("{manager} {}", Manager::IS_SECOND)
}

/// Whether sync daemons here are somebody's: keepalived starts and stops them with its state.
pub(super) fn runs_daemons(managers: &[Manager]) -> Option<&Manager> {
    managers.iter().find(|manager| manager.name == "keepalived")
}

/// Adopted mark services that have no rule of ours, with the rules of others that feed them.
pub(super) struct Fed {
    services: Vec<(MarkKey, Feeding)>,
    /// Services of which nobody can tell what feeds them.
    unread: Vec<MarkKey>,
}

/// The rules of others that feed one service.
#[derive(Default)]
struct Feeding {
    /// Those that a rule of ours can replace.
    same: Vec<ForeignMark>,
    /// Those that decide together with another rule which packets get the mark.
    limited: Vec<ForeignMark>,
    /// Those that no rule of ours can say: by what they ask, or by where they stand.
    other: Vec<ForeignMark>,
}

impl Feeding {
    fn of(key: MarkKey, rules: Vec<ForeignMark>) -> Feeding {
        let mut all = Feeding::default();
        for rule in rules {
            // A rule that restores a connection's mark may give any; it says nothing of this one.
            if rule.mark.is_none() || !feeds(&rule, key) {
                continue;
            }
            let in_place = (rule.table.as_str(), rule.chain.as_str()) == (TABLE, "PREROUTING")
                && rule.mark == Some(key.mark)
                && rule.rule.is_some();
            match (in_place, &rule.limit) {
                (true, None) => all.same.push(rule),
                (true, Some(_)) => all.limited.push(rule),
                _ => all.other.push(rule),
            }
        }
        all
    }

    fn is_empty(&self) -> bool {
        self.same.is_empty() && self.limited.is_empty() && self.other.is_empty()
    }

    fn mine(&self) -> Vec<MarkRule> {
        let rules = self.same.iter();
        rules.filter_map(|rule| rule.rule.clone()).collect()
    }
}

impl Fed {
    /// Looks for them in all tables and chains that a packet for IPVS may meet.
    pub fn of(rules: &Ruleset, adopted: &BTreeSet<ServiceKey>, host: &dyn Host) -> Fed {
        let unfed = adopted.iter().filter_map(MarkKey::of_service);
        let mut fed = Fed {
            services: Vec::new(),
            unread: Vec::new(),
        };
        for key in unfed.filter(|key| rules.rules_of(*key).is_empty()) {
            match host.marks(key.family) {
                None => fed.unread.push(key),
                Some(theirs) => {
                    let feeding = Feeding::of(key, theirs);
                    if !feeding.is_empty() {
                        fed.services.push((key, feeding));
                    }
                }
            }
        }
        fed
    }

    /// Makes rules of ours of those that ours can be; gives their marks. Where another rule limits
    /// one of a service's, none is taken: the clients that it excludes would be balanced.
    pub fn take_over(&self, rules: &mut Ruleset) -> BTreeSet<MarkKey> {
        let mut taken = BTreeSet::new();
        for (key, feeding) in &self.services {
            let mine = feeding.mine();
            if !mine.is_empty() && feeding.limited.is_empty() {
                rules.set_rules(*key, mine);
                taken.insert(*key);
            }
        }
        taken
    }

    /// Says how to take them over; of those that were, which rules may go. With `asked` also says
    /// of which services nothing could be taken over.
    pub fn notes(&self, taken: &BTreeSet<MarkKey>, asked: bool) -> Vec<String> {
        let mut notes = Vec::new();
        for (key, feeding) in &self.services {
            let service = key.service();
            let list = |command: &str, of: &[ForeignMark]| {
                let lines: Vec<String> = of
                    .iter()
                    .map(|rule| line_of(key.family, command, rule))
                    .collect();
                lines.join("; ")
            };
            if taken.contains(key) {
                let lines = list("-D", &feeding.same);
                notes.push(format!(
                    "{service}: its rule is ours now, beside somebody else's, which may go: {lines}"
                ));
            } else if !feeding.same.is_empty() && feeding.limited.is_empty() {
                let line = mark_statement(*key, &MarkRule::normalise(feeding.mine()));
                notes.push(format!(
                    "{service}: somebody else's rule feeds it. To take it over: {line}, or: ipvsh \
                     adopt --marks \"{service}\""
                ));
            } else if !feeding.same.is_empty() {
                let lines = list("-A", &feeding.same);
                notes.push(format!(
                    "{service}: fed by this too, and left alone: {lines}"
                ));
            }
            for rule in &feeding.limited {
                let line = line_of(key.family, "-A", rule);
                let limit = rule.limit.as_deref().unwrap_or_default();
                notes.push(format!(
                    "{service}: left alone: {line}. Not all its packets get the mark, by \"{limit}\", \
                     and a mark rule of ours cannot say that"
                ));
            }
            if !feeding.other.is_empty() {
                let lines = list("-A", &feeding.other);
                notes.push(format!(
                    "{service}: fed by what no mark rule of ours can say, and left alone: {lines}"
                ));
            }
        }
        let unread = self.unread.iter().filter(|_| asked);
        notes.extend(unread.map(|key| {
            let tool = key.family.iptables();
            format!(
                "{}: what feeds it is not known: not all rules of {tool} can be read here, and none \
                 was taken over. To look: {tool}-save -t mangle",
                key.service()
            )
        }));
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
