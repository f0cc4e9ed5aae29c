//! The chains of the mangle table as a text leaves them: in which order packets meet the rules
//! that set marks, and what stands in front of those.
//!
//! Source of truth: iptables(8). A packet for IPVS comes by PREROUTING; a rule there that sets its
//! mark is reached only by packets that no rule in front of it took away.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::model::front::{Way, may_keep, may_meet, way};
use crate::model::{Family, MarkRule};

/// The kernel's chain whose rules are read for marks.
pub(super) const PREROUTING: &str = "PREROUTING";
/// The chain that ipvsh keeps its own in.
pub(super) const OURS: &str = "IPVSH";
/// What to do about a rule that cannot be held.
pub(super) const ELSEWHERE: &str = "take the line out of the text, and keep the rule where it is";

/// One rule.
#[derive(Debug, Clone)]
struct Rule {
    /// The words behind `-A CHAIN`.
    words: Vec<String>,
    /// The rule as one of ours, where it sets a mark.
    mark: Option<MarkRule>,
    /// The line that it stands in.
    line: usize,
}

/// Where a rule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In front of the rule of this number, counted from 1.
    At(usize),
    /// Behind all others.
    Last,
    /// Nowhere: the first that equals it goes away.
    Out,
}

/// The chains of both families.
#[derive(Debug, Default)]
pub(super) struct Chains {
    rules: BTreeMap<(Family, String), Vec<Rule>>,
    /// Chains that the text makes: without rules they do nothing.
    made: BTreeSet<(Family, String)>,
}

impl Chains {
    /// Notes that a chain is made.
    pub(super) fn make(&mut self, family: Family, chain: &str) {
        self.made.insert((family, chain.to_owned()));
    }

    /// Puts a rule where it goes; `mark` is what it is as a mark rule.
    pub(super) fn put(
        &mut self,
        (family, chain): (Family, &str),
        place: Place,
        words: &[String],
        mark: Option<MarkRule>,
        line: usize,
    ) {
        let rules = self.rules.entry((family, chain.to_owned())).or_default();
        let rule = Rule {
            words: words.to_vec(),
            mark,
            line,
        };
        match place {
            Place::Last => rules.push(rule),
            Place::At(number) => rules.insert(number.saturating_sub(1).min(rules.len()), rule),
            Place::Out => {
                let is_it = |standing: &Rule| match &rule.mark {
                    Some(_) => standing.mark == rule.mark,
                    None => standing.mark.is_none() && standing.words == rule.words,
                };
                if let Some(at) = rules.iter().position(is_it) {
                    rules.remove(at);
                }
            }
        }
    }

    /// Empties a chain; without a name all of a family.
    pub(super) fn flush(&mut self, family: Family, chain: Option<&str>) {
        self.rules
            .retain(|(of, name), _| *of != family || chain.is_some_and(|chain| chain != name));
    }

    /// Says whether a chain has a rule that sets a mark.
    pub(super) fn has_marks(&self, family: Family, chain: &str) -> bool {
        self.of(family, chain)
            .iter()
            .any(|rule| rule.mark.is_some())
    }

    /// The mark rules in the order in which a packet meets them.
    ///
    /// # Errors
    /// Each rule that only some of its packets reach, with its line.
    pub(super) fn marks(&self) -> Result<Vec<MarkRule>, Vec<(usize, Error)>> {
        let mut found = Vec::new();
        let mut problems = Vec::new();
        for family in Family::ALL {
            let mut walk = Walk {
                chains: self,
                family,
                front: Vec::new(),
                found: &mut found,
                problems: &mut problems,
                seen_ours: false,
            };
            walk.chain(PREROUTING);
            if !walk.seen_ours {
                walk.chain(OURS);
            }
        }
        match problems.is_empty() {
            true => Ok(found),
            false => Err(problems),
        }
    }

    fn of(&self, family: Family, chain: &str) -> &[Rule] {
        let rules = self.rules.get(&(family, chain.to_owned()));
        rules.map_or(&[], Vec::as_slice)
    }

    /// The rules of a chain; none of one that the text neither makes nor fills.
    fn known(&self, family: Family, chain: &str) -> Option<Vec<&[String]>> {
        let rules = self.of(family, chain);
        let is_known = !rules.is_empty() || self.made.contains(&(family, chain.to_owned()));
        is_known.then(|| rules.iter().map(|rule| rule.words.as_slice()).collect())
    }
}

/// One way of packets through the chains.
struct Walk<'a> {
    chains: &'a Chains,
    family: Family,
    /// Rules that may have taken packets away.
    front: Vec<(&'a Rule, String)>,
    found: &'a mut Vec<MarkRule>,
    problems: &'a mut Vec<(usize, Error)>,
    seen_ours: bool,
}

impl<'a> Walk<'a> {
    fn chain(&mut self, name: &str) {
        self.seen_ours |= name == OURS;
        let chains = self.chains;
        for rule in chains.of(self.family, name) {
            let keeps = match way(&rule.words) {
                _ if rule.mark.is_some() => {
                    self.mark(rule);
                    false
                }
                Way::Through(OURS) | Way::Into(OURS) if name != OURS => {
                    self.call(rule);
                    matches!(way(&rule.words), Way::Into(_))
                }
                _ => may_keep(&rule.words, &|chain| chains.known(self.family, chain)),
            };
            if keeps {
                self.front.push((rule, name.to_owned()));
            }
        }
        // From a chain that was called RETURN leads back, to what stands behind the call.
        if name == OURS {
            self.front
                .retain(|(rule, chain)| chain != OURS || way(&rule.words) != Way::Back);
        }
    }

    /// A jump to our chain; with conditions its rules would mark fewer packets.
    fn call(&mut self, jump: &Rule) {
        if jump.words.len() > 2 && self.chains.has_marks(self.family, OURS) {
            let error = Error::invalid(format!(
                "only packets that fit \"{}\" come to the rules of {OURS}",
                jump.words.join(" ")
            ))
            .hint("a mark rule of ours is met by every packet: write the condition into its rules");
            self.problems.push((jump.line, error));
        }
        self.chain(OURS);
    }

    fn mark(&mut self, rule: &Rule) {
        let Some(mark) = &rule.mark else { return };
        let in_front = self
            .front
            .iter()
            .find(|(front, _)| may_meet(&front.words, mark));
        match in_front {
            None => self.found.push(mark.clone()),
            Some((front, chain)) => {
                let error = Error::invalid(format!(
                    "in front of it stands \"-A {chain} {}\" (line {}), so that not all its packets \
                     get the mark, and a mark rule of ours cannot say that",
                    front.words.join(" "),
                    front.line
                ))
                .hint("without that rule the clients that it excludes would be balanced too")
                .hint(ELSEWHERE);
                self.problems.push((rule.line, error));
            }
        }
    }
}
