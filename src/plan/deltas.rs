//! What a commit changed in the kernel, and taking it back where the kernel still shows it.
//!
//! Other programs change the same table at any moment: between two steps, before a recovery, while a
//! commit awaits confirmation. So nothing is put back to an older state as a whole. Each entry that
//! the commit changed is looked at by itself, with what it was before and what the commit left:
//!
//! | the kernel shows | |
//! |---|---|
//! | what the commit left | it returns to what it was |
//! | what it was before | nothing to do |
//! | in some fields what the commit left | those fields return |
//! | anything else | somebody changed it since: it stays, and is named |

use std::collections::{BTreeMap, BTreeSet};

use super::chain::put_in_order;
use super::step::{SettingChange, Step};
use super::steps::steps;
use crate::health::Overlay;
use crate::model::live::{ChainRule, ChainState, Live};
use crate::model::setting::Absence;
use crate::model::{
    EntryKey, EntryValue, Family, MarkKey, MarkSupport, Merged, RealServer, Ruleset, ServiceKey,
    SettingKey, merge, with_derived,
};

/// One entry: what it was before a commit, and what the commit left.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Delta {
    before: Option<EntryValue>,
    after: Option<EntryValue>,
    /// The kernel acknowledged the change; without that an entry may be somebody else's.
    is_acknowledged: bool,
}

/// Our chain in one family: before a commit, and as the commit left it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ChainDelta {
    before: ChainState,
    after: ChainState,
}

/// All that a commit changed in the kernel, entry by entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deltas {
    entries: BTreeMap<EntryKey, Delta>,
    chains: BTreeMap<Family, ChainDelta>,
}

/// A kernel without what a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// What the kernel is to hold.
    pub target: Live,
    /// Entries of the commit that somebody changed since. They stay as the kernel has them.
    pub kept: BTreeSet<EntryKey>,
}

impl Deltas {
    /// What steps changed. With each comes whether the kernel acknowledged it.
    pub fn of_steps<'a>(steps: impl IntoIterator<Item = (&'a Step, bool)>) -> Deltas {
        let mut deltas = Deltas::default();
        for (step, is_acknowledged) in steps {
            deltas.add(step, is_acknowledged);
        }
        deltas
    }

    /// What leads from one ruleset to another, as the kernel should hold both; all of it was
    /// acknowledged. A server that its checks hold is held on both sides.
    pub fn between(before: &Ruleset, after: &Ruleset, overlay: &Overlay) -> Deltas {
        let mut deltas = Deltas::default();
        let (held_before, held_after) = (overlay.apply(before), overlay.apply(after));
        let (before, after) = (with_derived(before), with_derived(after));
        let differing = before.differences(&after);
        // A policy and a maintenance change what is held of servers that were declared alike.
        for entry in overlay.examined(&differing, [&before, &after]) {
            let (from, to) = (held_before.get(&entry), held_after.get(&entry));
            if from != to {
                deltas.change(entry, from, to, true);
            }
        }
        deltas
    }

    /// Returns true if nothing changed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.chains.is_empty()
    }

    /// The services that were changed, or in which something was.
    pub fn services(&self) -> BTreeSet<ServiceKey> {
        self.entries.keys().filter_map(EntryKey::service).collect()
    }

    /// What the entries were before, as a ruleset; servers only where their service was changed.
    pub fn before(&self) -> Ruleset {
        let mut rules = Ruleset::default();
        for (entry, delta) in &self.entries {
            rules.put(entry, delta.before.clone());
        }
        rules
    }

    /// The settings that were changed.
    pub fn settings(&self) -> impl Iterator<Item = SettingKey> {
        self.entries.keys().filter_map(|entry| match entry {
            EntryKey::Setting(key) => Some(*key),
            _ => None,
        })
    }

    /// Returns true if mark rules were changed.
    pub fn has_marks(&self) -> bool {
        let mut entries = self.entries.keys();
        !self.chains.is_empty() || entries.any(|entry| matches!(entry, EntryKey::Marks(_)))
    }

    /// The entries that were changed, sorted.
    pub fn entries(&self) -> impl Iterator<Item = &EntryKey> {
        self.entries.keys()
    }

    /// The steps that take everything back, where the kernel holds what the commit left.
    pub fn inverse(&self) -> Vec<Step> {
        let mut left = Live::default();
        for service in self.services() {
            let entry = EntryKey::Service(service);
            let options = crate::model::ServiceOptions::defaults(service.family());
            left.rules.put(&entry, Some(EntryValue::Service(options)));
        }
        for (entry, delta) in &self.entries {
            left.rules.put(entry, delta.after.clone());
        }
        for (family, delta) in &self.chains {
            left.set_marks(*family, MarkSupport::Available(delta.after.clone()));
        }
        steps(&left, &self.taken_back(&left).target)
    }

    /// Notes a change. An entry that changed twice was before what it was at first.
    fn change(
        &mut self,
        entry: EntryKey,
        before: Option<EntryValue>,
        after: Option<EntryValue>,
        is_acknowledged: bool,
    ) {
        let delta = self.entries.entry(entry).or_insert(Delta {
            before,
            after: None,
            is_acknowledged: true,
        });
        delta.after = after;
        delta.is_acknowledged &= is_acknowledged;
    }

    fn add(&mut self, step: &Step, sure: bool) {
        use EntryValue::{Server, Service, Setting};
        match step.clone() {
            Step::AddService { key, options } => {
                self.change(EntryKey::Service(key), None, Some(Service(options)), sure);
            }
            Step::ChangeService { key, from, to } => {
                let (from, to) = (Some(Service(from)), Some(Service(to)));
                self.change(EntryKey::Service(key), from, to, sure);
            }
            Step::RemoveService { key, service } => {
                let options = Some(Service(service.options));
                self.change(EntryKey::Service(key), options, None, sure);
                for (server, options) in service.servers.iter() {
                    let entry = EntryKey::Server(key, *server);
                    self.change(entry, Some(Server(*options)), None, sure);
                }
            }
            Step::AddServer {
                service,
                key,
                options,
            } => {
                let entry = EntryKey::Server(service, key);
                self.change(entry, None, Some(Server(options)), sure);
            }
            Step::ChangeServer {
                service,
                key,
                from,
                to,
            } => {
                let (from, to) = (Some(Server(from)), Some(Server(to)));
                self.change(EntryKey::Server(service, key), from, to, sure);
            }
            Step::RemoveServer {
                service,
                key,
                options,
            } => {
                let entry = EntryKey::Server(service, key);
                self.change(entry, Some(Server(options)), None, sure);
            }
            Step::SetChain { family, from, to } => {
                let delta = ChainDelta {
                    before: from,
                    after: to,
                };
                self.chains.insert(family, delta);
            }
            Step::Set { settings } => {
                for SettingChange { key, from, to } in settings {
                    let (from, to) = (from.map(Setting), to.map(Setting));
                    self.change(EntryKey::Setting(key), from, to, sure);
                }
            }
        }
    }

    /// The kernel without these changes, as far as it still shows what they left.
    pub fn taken_back(&self, live: &Live) -> TakenBack {
        let mut back = TakenBack {
            target: Live {
                counts: BTreeMap::new(),
                ..live.clone()
            },
            kept: BTreeSet::new(),
        };
        self.bring_services_back(live, &mut back);
        self.take_servers_back(live, &mut back);
        self.remove_services(&mut back);
        for (family, delta) in &self.chains {
            if let Some(chain) = live.marks(*family).chain() {
                let chain = delta.taken_back(chain, &mut back.kept);
                back.target
                    .set_marks(*family, MarkSupport::Available(chain));
            }
        }
        self.take_marks_back(&mut back);
        for (entry, delta) in &self.entries {
            if let EntryKey::Setting(key) = entry {
                let now = live.rules.get(entry);
                let settled = match key.facts().absence {
                    Absence::Returns if self.rewrites(*key) => delta.of_rewritten(),
                    Absence::Returns => delta.of_standing(now),
                    Absence::IsNone => delta.of_optional(now),
                };
                back.settle(entry, settled);
            }
        }
        back
    }

    /// Returns true if another setting of these changes rewrites one, so that any value of it may be
    /// what a change left that did not end.
    fn rewrites(&self, key: SettingKey) -> bool {
        let SettingKey::Sysctl(name) = key else {
            return false;
        };
        self.settings()
            .any(|other| matches!(other, SettingKey::Sysctl(other) if other.rewrites(name)))
    }

    /// Services that were removed or changed.
    fn bring_services_back(&self, live: &Live, back: &mut TakenBack) {
        for (entry, delta) in &self.entries {
            let (EntryKey::Service(_), Some(before)) = (entry, &delta.before) else {
                continue;
            };
            let now = live.rules.get(entry);
            match (&delta.after, &now) {
                (None, None) => back.target.rules.put(entry, Some(before.clone())),
                (None, Some(now)) if now == before => {}
                (Some(_), Some(_)) => back.settle(entry, delta.merged(now)),
                _ => drop(back.kept.insert(*entry)),
            }
        }
    }

    fn take_servers_back(&self, live: &Live, back: &mut TakenBack) {
        for (entry, delta) in &self.entries {
            let EntryKey::Server(service, _) = entry else {
                continue;
            };
            // Made anew by somebody else: its servers are that one's too.
            let is_another = back.kept.contains(&EntryKey::Service(*service))
                && delta.after.is_none()
                && delta.before.is_some();
            if is_another || !back.target.rules.services.contains_key(service) {
                if delta.before.is_some() && !back.kept.contains(&EntryKey::Service(*service)) {
                    back.kept.insert(*entry);
                }
                continue;
            }
            let now = live.rules.get(entry);
            let settled = match (&delta.before, &delta.after, &now) {
                (None, _, None) => Settled::Is,
                (None, Some(after), Some(now)) if delta.left(after, now) => Settled::Becomes(None),
                (Some(before), None, None) => Settled::Becomes(Some(before.clone())),
                (Some(before), None, Some(now)) if now == before => Settled::Is,
                (Some(_), Some(_), Some(_)) => delta.merged(now),
                _ => Settled::Stays,
            };
            back.settle(entry, settled);
        }
    }

    /// Services that were added go when nobody put a server into them.
    fn remove_services(&self, back: &mut TakenBack) {
        for (entry, delta) in &self.entries {
            let (EntryKey::Service(key), None, Some(after)) = (entry, &delta.before, &delta.after)
            else {
                continue;
            };
            let Some(service) = back.target.rules.services.get(key) else {
                continue;
            };
            let is_as_left = *after == EntryValue::Service(service.options.clone());
            match is_as_left && service.servers.is_empty() {
                true => back.target.rules.put(entry, None),
                false => drop(back.kept.insert(*entry)),
            }
        }
    }

    /// Mark rules of which only before and after are known, not the whole chain.
    fn take_marks_back(&self, back: &mut TakenBack) {
        for family in Family::ALL {
            let mut of_marks = Ruleset::default();
            let mut after = Ruleset::default();
            for (entry, delta) in &self.entries {
                if matches!(entry, EntryKey::Marks(key) if key.family == family) {
                    of_marks.put(entry, delta.before.clone());
                    after.put(entry, delta.after.clone());
                }
            }
            if let (Some(chain), true) = (
                back.target.marks(family).chain(),
                of_marks != Ruleset::default() || after != Ruleset::default(),
            ) {
                let delta = ChainDelta {
                    before: ChainState::holding(marks_of(&of_marks)),
                    after: ChainState::holding(marks_of(&after)),
                };
                let chain = delta.by_mark(chain, &mut back.kept);
                back.target.set_marks(family, MarkSupport::Available(chain));
            }
        }
    }
}

fn marks_of(rules: &Ruleset) -> Vec<ChainRule> {
    rules.marks.iter().cloned().map(ChainRule::Mark).collect()
}

/// What becomes of an entry.
enum Settled {
    /// It is what it was.
    Is,
    /// It returns to this.
    Becomes(Option<EntryValue>),
    /// A part of it returns; of the rest, somebody changed what the commit had changed.
    Partly(Option<EntryValue>),
    /// Somebody changed it since.
    Stays,
}

impl TakenBack {
    fn settle(&mut self, entry: &EntryKey, settled: Settled) {
        match settled {
            Settled::Is => {}
            Settled::Becomes(value) => self.target.rules.put(entry, value),
            Settled::Partly(value) => {
                self.target.rules.put(entry, value);
                self.kept.insert(*entry);
            }
            Settled::Stays => drop(self.kept.insert(*entry)),
        }
    }
}

impl Delta {
    /// Field by field: what the commit changed and nobody else did returns.
    fn merged(&self, now: Option<EntryValue>) -> Settled {
        let Merged { value, clashes } = merge(self.after.clone(), now, self.before.clone());
        match clashes.is_empty() {
            true => Settled::Becomes(value),
            false => Settled::Partly(value),
        }
    }

    /// Returns true if a server is the one that the commit added. Health checkers set the weight of
    /// any server: where the kernel acknowledged the addition, another weight makes no other server.
    fn left(&self, after: &EntryValue, now: &EntryValue) -> bool {
        match (after, now) {
            (EntryValue::Server(after), EntryValue::Server(now)) if self.is_acknowledged => {
                *after
                    == RealServer {
                        weight: after.weight,
                        ..*now
                    }
            }
            (after, now) => after == now,
        }
    }

    /// A setting that always has a value. One that the commit let go of is at the value found.
    fn of_standing(&self, now: Option<EntryValue>) -> Settled {
        match (&self.before, &self.after, now) {
            (Some(before), _, Some(now)) if now == *before => Settled::Is,
            (Some(before), None, Some(_)) => Settled::Becomes(Some(before.clone())),
            (Some(before), Some(after), Some(now)) if *after == now => {
                Settled::Becomes(Some(before.clone()))
            }
            (None, _, _) => Settled::Is,
            _ => Settled::Stays,
        }
    }

    /// A setting that always has a value, which another setting of the commit rewrites.
    fn of_rewritten(&self) -> Settled {
        match &self.before {
            Some(before) => Settled::Becomes(Some(before.clone())),
            None => Settled::Is,
        }
    }

    /// A setting that may be absent.
    fn of_optional(&self, now: Option<EntryValue>) -> Settled {
        let is = |wanted: &Option<EntryValue>| match (wanted, &now) {
            (None, None) => true,
            (Some(wanted), Some(now)) => wanted.satisfied_by(now),
            _ => false,
        };
        match (is(&self.before), is(&self.after)) {
            (true, _) => Settled::Is,
            (false, true) => Settled::Becomes(self.before.clone()),
            // A change is a stop, then a start: whether that was done, the kernel did not answer.
            (false, false) if now.is_none() && !self.is_acknowledged => {
                Settled::Becomes(self.before.clone())
            }
            (false, false) => Settled::Stays,
        }
    }
}

impl ChainDelta {
    /// A chain that holds nothing but rules of before and after is ours as a whole: iptables may
    /// have stopped in the middle of a change.
    fn taken_back(&self, now: &ChainState, kept: &mut BTreeSet<EntryKey>) -> ChainState {
        let known =
            |rule: &ChainRule| self.before.rules.contains(rule) || self.after.rules.contains(rule);
        match now.rules.iter().all(known) {
            true => self.before.clone(),
            false => self.by_mark(now, kept),
        }
    }

    /// The rules of each mark by itself; somebody put others into the chain.
    fn by_mark(&self, now: &ChainState, kept: &mut BTreeSet<EntryKey>) -> ChainState {
        let mut rules = now.rules.clone();
        let order = mark_keys(&self.before.rules);
        for key in order.union(&mark_keys(&self.after.rules)) {
            let (before, after) = (
                rules_of(&self.before.rules, *key),
                rules_of(&self.after.rules, *key),
            );
            let standing = rules_of(&rules, *key);
            if before == after || standing == before {
                continue;
            }
            let known = |rule: &ChainRule| before.contains(rule) || after.contains(rule);
            if !standing.iter().all(known) || (standing.is_empty() && !after.is_empty()) {
                kept.insert(EntryKey::Marks(*key));
                continue;
            }
            let is_its = |rule: &ChainRule| key_of(rule) == Some(*key);
            let place = rules.iter().position(is_its).unwrap_or(rules.len());
            rules.retain(|rule| !is_its(rule));
            let place = place.min(rules.len());
            rules.splice(place..place, before);
            let order: Vec<MarkKey> = self.before.marks().iter().map(|rule| rule.key()).collect();
            let at = order.iter().position(|one| one == key);
            let (above, below) = at.map_or((&[][..], &[][..]), |at| {
                let (above, rest) = order.split_at(at);
                (above, rest.get(1..).unwrap_or_default())
            });
            put_in_order(&mut rules, *key, above, below);
        }
        match rules == now.rules {
            true => now.clone(),
            false => ChainState::holding(rules),
        }
    }
}

fn key_of(rule: &ChainRule) -> Option<MarkKey> {
    match rule {
        ChainRule::Mark(rule) => Some(rule.key()),
        ChainRule::Stray(_) => None,
    }
}

fn mark_keys(rules: &[ChainRule]) -> BTreeSet<MarkKey> {
    rules.iter().filter_map(key_of).collect()
}

fn rules_of(rules: &[ChainRule], key: MarkKey) -> Vec<ChainRule> {
    let its = rules.iter().filter(|rule| key_of(rule) == Some(key));
    its.cloned().collect()
}
