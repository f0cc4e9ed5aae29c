//! What was there before ipvsh came: given back when ipvsh lets go, and carried along until then.

use std::collections::BTreeSet;

use super::{Plan, foreign};
use crate::model::live::Live;
use crate::model::{
    EntryKey, EntryValue, FoundValues, Ruleset, ServiceKey, differing_servers, merge, with_derived,
};

/// A head that gives way to an older snapshot or to a revert, as a plan sees it.
#[derive(Debug, Clone)]
pub struct Return {
    /// What counts as ours: the head, and what is to go again.
    pub ours: Ruleset,
    /// What the kernel is to hold: the older rules, and what is given back.
    pub wanted: Ruleset,
    /// The entries that are given back or go again.
    pub entries: BTreeSet<EntryKey>,
    gives_back: bool,
}

impl Return {
    /// What leads from a head, with the values found of it, to rules with those found then.
    pub fn between(
        now: (&Ruleset, &FoundValues),
        to: (&Ruleset, &FoundValues),
        live: &Ruleset,
    ) -> Return {
        let back = given_back(now, to, live);
        let again = removed_again(now, to, live);
        let (mut ours, mut wanted) = (now.0.clone(), to.0.clone());
        put_back(&mut wanted, &back, live);
        put_back(&mut ours, &again, live);
        Return {
            ours,
            wanted,
            entries: back.iter().chain(&again).map(|(entry, _)| *entry).collect(),
            gives_back: !back.is_empty(),
        }
    }

    /// Counts what is given back as somebody else's again, in the plan that was made of this.
    pub fn count_foreign(&self, plan: &mut Plan, rules: &Ruleset) {
        if self.gives_back {
            plan.foreign = foreign(rules, &plan.target.rules, rules);
        }
    }
}

/// What goes back to others where a head gives way to an older snapshot or to a revert: the entries
/// that were found after `to`, and are not in `to`. What ipvsh changed of them returns to what was
/// found; what somebody else changed, removed or made anew meanwhile stays as the kernel has it.
fn given_back(
    (head, found): (&Ruleset, &FoundValues),
    (to, found_then): (&Ruleset, &FoundValues),
    live: &Ruleset,
) -> Vec<(EntryKey, EntryValue)> {
    let goes_back = |entry: &EntryKey| {
        let is_managed = head.has(entry);
        let is_always_there = is_always_there(entry);
        !to.has(entry)
            && !found_then.has(entry)
            && !is_always_there
            && is_managed == live.has(entry)
    };
    let value = |entry: &EntryKey| match (head.get(entry), live.get(entry)) {
        (Some(ours), Some(now)) if !ours.satisfied_by(&now) => {
            merge(Some(ours), Some(now), found.get(entry)).value
        }
        _ => found.get(entry),
    };
    let entries = found.entries().into_iter().filter(goes_back);
    entries
        .filter_map(|entry| Some((entry, value(&entry)?)))
        .collect()
}

/// What goes again where a head gives way to a snapshot at which entries of others had been removed:
/// those that were given back since, and are as they were found. What somebody else made or changed
/// meanwhile stays.
fn removed_again(
    (head, found): (&Ruleset, &FoundValues),
    (to, found_then): (&Ruleset, &FoundValues),
    live: &Ruleset,
) -> Vec<(EntryKey, EntryValue)> {
    let mut again = Vec::new();
    for entry in found_then.entries() {
        let is_theirs = !to.has(&entry) && !head.has(&entry) && !found.has(&entry);
        if let (true, Some(now)) = (is_theirs, live.get(&entry))
            && found_then.get(&entry).as_ref() == Some(&now)
            && !is_always_there(&entry)
        {
            again.push((entry, now));
        }
    }
    // A service takes its servers along: one in which anything else is stays whole.
    let goes: BTreeSet<EntryKey> = again.iter().map(|(entry, _)| *entry).collect();
    let stays = |key: &ServiceKey| {
        let service = live.services.get(key).into_iter();
        let mut servers = service.flat_map(|service| service.servers.keys());
        goes.contains(&EntryKey::Service(*key))
            && servers.any(|server| !goes.contains(&EntryKey::Server(*key, *server)))
    };
    again.retain(|(entry, _)| !entry.service().is_some_and(|key| stays(&key)));
    again
}

/// Returns true for a setting that the kernel always has a value of.
fn is_always_there(entry: &EntryKey) -> bool {
    matches!(entry, EntryKey::Setting(key) if key.is_always_there())
}

/// Puts entries into a ruleset. A server of a service that is not there is left out.
fn put_back(rules: &mut Ruleset, entries: &[(EntryKey, EntryValue)], live: &Ruleset) {
    for (entry, value) in entries {
        rules.put(entry, Some(value.clone()));
    }
    if entries
        .iter()
        .any(|(entry, _)| matches!(entry, EntryKey::Marks(_)))
    {
        rules.arrange_marks(live);
    }
}

/// A change of the record: the head with the values found so far, and the new rules.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// What the head has.
    pub head: &'a Ruleset,
    /// What was found of its entries.
    pub found: &'a FoundValues,
    /// What is recorded.
    pub rules: &'a Ruleset,
    /// Entries that leave the record are somebody else's from then on, whatever the kernel holds.
    pub forgets: bool,
}

impl Recorded<'_> {
    /// The values found that go with the new rules, where the kernel goes from `live` to `target`:
    ///
    /// - an entry that stays managed keeps the value found;
    /// - one that becomes managed was found where the kernel has it;
    /// - one that was not managed and is removed from the kernel was found;
    /// - one that leaves the record and stays in the kernel is somebody else's again.
    pub fn found_after(&self, live: &Live, target: &Live) -> FoundValues {
        let (head, rules) = (with_derived(self.head), with_derived(self.rules));
        let whole = Recorded {
            head: &head,
            rules: &rules,
            ..*self
        };
        whole.of_whole(live, target)
    }

    /// The same where the head and the rules have what their settings need.
    fn of_whole(&self, live: &Live, target: &Live) -> FoundValues {
        let mut after = FoundValues::default();
        for entry in self.found.entries() {
            if self.carries(&entry, live, target)
                && let Some(value) = self.found.get(&entry)
            {
                after.put(&entry, value);
            }
        }
        for entry in self.came_or_went(live, target) {
            if let (false, Some(value)) = (after.has(&entry), live.rules.get(&entry)) {
                after.put(&entry, value);
            }
        }
        after
    }

    fn carries(&self, entry: &EntryKey, live: &Live, target: &Live) -> bool {
        match (self.head.has(entry), self.rules.has(entry)) {
            (true, true) => true,
            (false, true) => !live.rules.has(entry),
            (_, false) => {
                let seen = entry.service().is_none_or(|key| live.extent.covers(&key));
                !(self.forgets || seen && target.rules.has(entry))
            }
        }
    }

    /// Entries that become managed and are live, and those of others that are removed; a few of
    /// them may be neither.
    fn came_or_went(&self, live: &Live, target: &Live) -> Vec<EntryKey> {
        let mut entries = Vec::new();
        for (key, head, rules) in self.head.differing_services(self.rules) {
            if head.is_none() {
                entries.push(EntryKey::Service(*key));
            }
            let servers = differing_servers(head, rules);
            let new = servers.filter(|(_, head, _)| head.is_none());
            entries.extend(new.map(|(server, _, _)| EntryKey::Server(*key, *server)));
        }
        for (key, live, target) in live.rules.differing_services(&target.rules) {
            if target.is_none() {
                entries.push(EntryKey::Service(*key));
            }
            let servers = differing_servers(live, target);
            let gone = servers.filter(|(_, _, target)| target.is_none());
            entries.extend(gone.map(|(server, _, _)| EntryKey::Server(*key, *server)));
        }
        let marks = self.rules.mark_keys().into_iter();
        let gone = live.rules.mark_keys().into_iter();
        let gone = gone.filter(|key| !target.rules.has(&EntryKey::Marks(*key)));
        entries.extend(marks.chain(gone).map(EntryKey::Marks));
        entries.extend(live.rules.settings.keys().map(EntryKey::Setting));
        entries.retain(|entry| {
            !self.head.has(entry)
                && (self.rules.has(entry) || !is_always_there(entry) && !target.rules.has(entry))
        });
        entries
    }
}
