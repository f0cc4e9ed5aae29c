//! The candidate: the working copy that a script or the shell edits. Pure.
//!
//! Layer 1. It starts as a copy of the head (its base) and remembers what was named, because a
//! commit touches only that: entries that differ from the base, and those that were declared or
//! set, even to the same value.

mod edit;
mod merge;

pub use merge::Clash;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::health::covered_servers;
use crate::model::combination::{
    check_beside, check_number, check_policy, check_server, check_service,
};
use crate::model::patch::Named;
use crate::model::setting::{check_derived, derived_keys};
use crate::model::{
    EntryKey, EntryValue, Extent, Family, Forwarding, MaintenanceKey, RealServer, Ruleset,
    ServerKey, ServiceKey, SettingKey, SnapshotId, VirtualService,
};

/// How an entry was named.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Touch {
    /// Declared with options: those that were given; the others are at their defaults.
    Declared(Named),
    /// Set, created or removed: the options that were named.
    Set(Named),
    /// Taken over as the kernel has it.
    Taken,
    /// As a file or another tool has it: whatever a kernel accepts.
    Loaded,
}

impl Touch {
    /// Set as a whole, created or removed.
    fn unnamed() -> Touch {
        Touch::Set(Named::new())
    }
}

/// A working copy of a ruleset.
#[derive(Debug, Clone)]
pub struct Candidate {
    base_id: Option<SnapshotId>,
    /// The services that `base` and `rules` know of.
    extent: Extent,
    base: Ruleset,
    rules: Ruleset,
    touched: BTreeMap<EntryKey, Touch>,
    /// What was taken over, as the kernel had it.
    taken: BTreeMap<EntryKey, EntryValue>,
    exact_servers: BTreeSet<ServiceKey>,
    forwards: BTreeMap<ServiceKey, Forwarding>,
}

impl Candidate {
    /// A candidate on a head; without one, on nothing.
    pub fn new(base_id: Option<SnapshotId>, base: Ruleset) -> Candidate {
        Candidate::part(base_id, base, Extent::Whole)
    }

    /// A candidate on a part of a head: it knows nothing of other services until it learns of them.
    pub fn part(base_id: Option<SnapshotId>, base: Ruleset, extent: Extent) -> Candidate {
        Candidate {
            base_id,
            extent,
            rules: base.clone(),
            base,
            touched: BTreeMap::new(),
            taken: BTreeMap::new(),
            exact_servers: BTreeSet::new(),
            forwards: BTreeMap::new(),
        }
    }

    /// A candidate that leads from one ruleset to another, as if it had been edited so.
    pub fn between(base_id: Option<SnapshotId>, base: Ruleset, rules: Ruleset) -> Candidate {
        Candidate {
            rules,
            ..Candidate::new(base_id, base)
        }
    }

    /// The services that it knows of.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Learns of more services, as its head has them; of those that it knows it keeps what it has.
    pub fn learn(&mut self, extent: &Extent, base: Ruleset) {
        for (key, service) in base.services {
            if !self.extent.covers(&key) {
                self.base.services.insert(key, service.clone());
                self.rules.services.insert(key, service);
            }
        }
        self.extent.extend(extent);
    }

    /// The same candidate, knowing only some of the services that it does: all that were edited.
    #[must_use]
    pub fn within(&self, extent: Extent) -> Candidate {
        Candidate {
            base: extent.within(&self.base),
            rules: extent.within(&self.rules),
            touched: self.touched.clone(),
            taken: self.taken.clone(),
            exact_servers: self.exact_servers.clone(),
            forwards: self.forwards.clone(),
            base_id: self.base_id,
            extent,
        }
    }

    /// A candidate with nothing staged, where this one was committed.
    #[must_use]
    pub fn committed(&self, head: Option<SnapshotId>) -> Candidate {
        Candidate::part(head, self.rules.clone(), self.extent.clone())
    }

    /// The services that a commit looks at: those in scope, and those of the marks in scope.
    pub fn looks_at(&self) -> BTreeSet<ServiceKey> {
        let mut services = BTreeSet::new();
        for entry in self.scope() {
            match entry {
                EntryKey::Marks(key) => services.insert(key.service()),
                entry => entry.service().is_some_and(|key| services.insert(key)),
            };
        }
        let maintenance = self.maintenance_in_scope();
        if !maintenance.is_empty() {
            for rules in [&self.base, &self.rules] {
                let covered = covered_servers(rules, &maintenance);
                services.extend(covered.filter_map(|entry| entry.service()));
            }
        }
        services
    }

    /// The maintenance that a commit looks at: which services have its servers, only all services can say.
    pub fn maintenance_in_scope(&self) -> Vec<MaintenanceKey> {
        let scope = self.scope();
        let maintenance = scope.iter().filter_map(|entry| match entry {
            EntryKey::Setting(SettingKey::Maintenance(key)) => Some(*key),
            _ => None,
        });
        maintenance.collect()
    }

    /// Returns true if its services need other settings than those of its base: which, only all services
    /// can say.
    pub fn changes_needs(&self) -> bool {
        let of_policies = |rules| {
            let needed = derived_keys(rules);
            let needed = needed.filter(|(user, _)| matches!(user, EntryKey::ServicePolicy(_)));
            needed.collect::<BTreeSet<_>>()
        };
        of_policies(&self.base) != of_policies(&self.rules)
    }

    /// The head that it started from.
    pub fn base_id(&self) -> Option<SnapshotId> {
        self.base_id
    }

    /// The rules that it started from.
    pub fn base(&self) -> &Ruleset {
        &self.base
    }

    /// The rules as edited.
    pub fn rules(&self) -> &Ruleset {
        &self.rules
    }

    /// The entries that a commit looks at.
    pub fn scope(&self) -> BTreeSet<EntryKey> {
        let mut scope = self.base.differences(&self.rules);
        // Both are sorted: to join them is faster than to look for the place of each.
        scope.append(&mut self.touched.keys().copied().collect());
        scope
    }

    /// Services whose servers were given as a complete list.
    pub fn exact_servers(&self) -> &BTreeSet<ServiceKey> {
        &self.exact_servers
    }

    /// Entries declared with options, and the options that were named.
    pub fn declared(&self) -> BTreeMap<EntryKey, Named> {
        self.touched
            .iter()
            .filter_map(|(entry, touch)| match touch {
                Touch::Declared(named) => Some((*entry, named.clone())),
                Touch::Set(_) | Touch::Taken | Touch::Loaded => None,
            })
            .collect()
    }

    /// Says whether an entry was taken over as the kernel has it.
    pub fn is_taken(&self, entry: &EntryKey) -> bool {
        self.taken.contains_key(entry)
    }

    /// What the candidate was edited from: its base, with what was taken over as the kernel had it.
    pub fn edited_from(&self) -> Cow<'_, Ruleset> {
        if self.taken.is_empty() {
            return Cow::Borrowed(&self.base);
        }
        let mut rules = self.base.clone();
        for (entry, value) in &self.taken {
            rules.put(entry, Some(value.clone()));
        }
        Cow::Owned(rules)
    }

    /// Says whether an entry was taken out: of the base, or of what somebody else made.
    pub fn is_removed(&self, entry: &EntryKey) -> bool {
        self.rules.get(entry).is_none()
            && (self.touched.contains_key(entry) || self.base.get(entry).is_some())
    }

    /// Returns true if an entry was taken out by its own name: not with all others, and not because
    /// a file lacks it.
    pub fn is_removed_by_name(&self, entry: &EntryKey) -> bool {
        let is_named = |entry: &EntryKey| {
            let touch = self.touched.get(entry);
            !self.rules.has(entry) && matches!(touch, Some(Touch::Set(_) | Touch::Declared(_)))
        };
        is_named(entry)
            || matches!(entry, EntryKey::Server(key, _) if is_named(&EntryKey::Service(*key)))
    }

    /// Says whether anything was named at all.
    pub fn is_untouched(&self) -> bool {
        self.touched.is_empty() && self.base == self.rules
    }

    /// Forgets all edits.
    pub fn discard(&mut self) {
        let base = std::mem::take(&mut self.base);
        *self = Candidate::part(self.base_id, base, self.extent.clone());
    }

    /// A service of the candidate.
    ///
    /// # Errors
    /// `not_found`.
    pub fn service(&self, key: &ServiceKey) -> Result<&VirtualService> {
        self.rules.services.get(key).ok_or_else(|| {
            Error::not_found("there is no such virtual service in the candidate")
                .object(format!("virtual service {key}"))
        })
    }

    /// A server of the candidate.
    ///
    /// # Errors
    /// `not_found`.
    pub fn server(&self, service: &ServiceKey, key: &ServerKey) -> Result<&RealServer> {
        self.service(service)?.servers.get(key).ok_or_else(|| {
            Error::not_found("there is no such real server in the candidate")
                .object(crate::model::server::server_name(service, key))
        })
    }

    /// Checks combinations of what was declared or set; what was loaded or taken over as it
    /// stands is the kernel's to judge.
    ///
    /// # Errors
    /// `invalid`, for the first that the kernel or good sense would refuse.
    pub fn check(&self) -> Result<()> {
        let mut is_mixed = false;
        for entry in self.spoken() {
            match (entry, self.rules.get(entry)) {
                (EntryKey::Service(key), Some(EntryValue::Service(options))) => {
                    check_service(key, &options)?;
                }
                (EntryKey::Server(service, key), Some(EntryValue::Server(server))) => {
                    check_server(service, key, &server)?;
                    is_mixed |= Family::of(key.addr) != service.family();
                }
                (EntryKey::Setting(_) | EntryKey::ServicePolicy(_), Some(_)) => is_mixed = true,
                _ => {}
            }
        }
        self.check_policies()?;
        match is_mixed {
            true => {
                check_derived(&self.rules)?;
                check_beside(&self.rules)
            }
            false => Ok(()),
        }
    }

    /// Checks the policies of the services that were named.
    fn check_policies(&self) -> Result<()> {
        let named: BTreeSet<ServiceKey> = self.spoken().filter_map(EntryKey::service).collect();
        let services = named
            .iter()
            .filter_map(|key| self.rules.services.get_key_value(key));
        let mut checked = services
            .filter(|(_, service)| service.is_checked() || service.policy.snat.is_some())
            .peekable();
        if checked.peek().is_none() {
            return Ok(());
        }
        checked.try_for_each(|(key, service)| check_policy(key, service))?;
        check_number(&self.rules)
    }

    /// The services whose options were declared or set in so many words.
    pub fn spoken_services(&self) -> impl Iterator<Item = (&ServiceKey, &VirtualService)> {
        self.spoken().filter_map(|entry| match entry {
            EntryKey::Service(key) => self.rules.services.get_key_value(key),
            _ => None,
        })
    }

    /// The entries that somebody declared or set in so many words.
    fn spoken(&self) -> impl Iterator<Item = &EntryKey> {
        let spoken = |(entry, touch): &(&EntryKey, &Touch)| {
            !matches!(touch, Touch::Taken | Touch::Loaded) && !self.taken.contains_key(entry)
        };
        self.touched.iter().filter(spoken).map(|(entry, _)| entry)
    }
}

#[cfg(test)]
mod tests;
