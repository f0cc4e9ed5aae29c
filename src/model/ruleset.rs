//! A whole ruleset, and its entries.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::address::Family;
use super::entry::{EntryKey, EntryValue};
use super::key::ServiceKey;
use super::mark::{MarkKey, MarkRule};
use super::policy::{ServerPolicies, ServicePolicy};
use super::servers::Servers;
use super::service::ServiceOptions;
use super::setting::{SettingKey, Settings};

/// A virtual service: its own options and its real servers, and the policies of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualService {
    /// The service's own options.
    pub options: ServiceOptions,
    /// The real servers, by address.
    #[serde(default, skip_serializing_if = "Servers::is_empty")]
    pub servers: Servers,
    /// What is recorded of the service and IPVS does not hold; live it is always the default.
    #[serde(default, skip_serializing_if = "ServicePolicy::is_default")]
    pub policy: ServicePolicy,
    /// The same of its servers, where it is not the default.
    #[serde(default, skip_serializing_if = "ServerPolicies::is_empty")]
    pub server_policies: ServerPolicies,
}

impl VirtualService {
    /// A service as a kernel has it: without policies.
    pub fn of_kernel(options: ServiceOptions, servers: Servers) -> VirtualService {
        VirtualService {
            options,
            servers,
            policy: ServicePolicy::default(),
            server_policies: ServerPolicies::new(),
        }
    }

    /// A service with default options and no servers.
    pub fn new(family: Family) -> VirtualService {
        VirtualService::of_kernel(ServiceOptions::defaults(family), Servers::default())
    }
}

/// Everything that a director is set to, in one network namespace.
///
/// In the head and in a candidate a setting that is not there is not managed. Mark rules are in the order of the chain, both families in one list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruleset {
    /// Virtual services with their servers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<ServiceKey, VirtualService>,
    /// Mark rules in their normal form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<MarkRule>,
    /// Settings of all kinds.
    #[serde(flatten)]
    pub settings: Settings,
}

impl Ruleset {
    /// The rules of one mark, in order.
    pub fn rules_of(&self, key: MarkKey) -> Vec<MarkRule> {
        self.marks
            .iter()
            .filter(|rule| rule.key() == key)
            .cloned()
            .collect()
    }

    /// The marks that have rules, in the order of their first rule.
    pub fn mark_keys(&self) -> Vec<MarkKey> {
        let mut seen = BTreeSet::new();
        self.marks
            .iter()
            .map(MarkRule::key)
            .filter(|key| seen.insert(*key))
            .collect()
    }

    /// Makes `rules` all the rules of one mark: in the place of the first one that it had, or at
    /// the end.
    pub fn set_rules(&mut self, key: MarkKey, rules: Vec<MarkRule>) {
        let place = self.marks.iter().position(|rule| rule.key() == key);
        let before = place.map_or(self.marks.len(), |place| place);
        self.marks.retain(|rule| rule.key() != key);
        let place = before.min(self.marks.len());
        self.marks.splice(place..place, MarkRule::normalise(rules));
    }

    /// Puts the marks that another ruleset has too into that one's order, in the places that they
    /// take up together; the others stay where they are.
    pub fn arrange_marks(&mut self, like: &Ruleset) {
        let order = like.mark_keys();
        let mut moved = order
            .iter()
            .flat_map(|key| self.rules_of(*key))
            .collect::<Vec<_>>()
            .into_iter();
        let known: BTreeSet<MarkKey> = order.iter().copied().collect();
        for rule in self
            .marks
            .iter_mut()
            .filter(|rule| known.contains(&rule.key()))
        {
            if let Some(next) = moved.next() {
                *rule = next;
            }
        }
        // Rules of one mark that came together may be one rule now.
        self.marks = MarkRule::normalise(std::mem::take(&mut self.marks));
    }

    /// Makes all rules of another ruleset's marks those that it has, in its order. Where rules of
    /// several marks take turns there, they stand together here.
    pub fn set_marks_like(&mut self, like: &Ruleset) {
        for key in like.mark_keys() {
            self.set_rules(key, like.rules_of(key));
        }
        self.arrange_marks(like);
        let known: BTreeSet<MarkKey> = like.mark_keys().into_iter().collect();
        let is_known = |rule: &MarkRule| known.contains(&rule.key());
        if self
            .marks
            .iter()
            .filter(|rule| is_known(rule))
            .eq(&like.marks)
        {
            return;
        }
        let place = self.marks.iter().position(is_known).unwrap_or(0);
        self.marks.retain(|rule| !is_known(rule));
        let place = place.min(self.marks.len());
        self.marks.splice(place..place, like.marks.iter().cloned());
    }

    /// Says whether an entry is there.
    pub fn has(&self, key: &EntryKey) -> bool {
        match key {
            EntryKey::Service(service) => self.services.contains_key(service),
            EntryKey::Server(service, server) => self
                .services
                .get(service)
                .is_some_and(|service| service.servers.contains_key(server)),
            EntryKey::Marks(mark) => self.marks.iter().any(|rule| rule.key() == *mark),
            EntryKey::ServicePolicy(service) => self
                .services
                .get(service)
                .is_some_and(|service| !service.policy.is_default()),
            EntryKey::ServerPolicy(service, server) => self
                .services
                .get(service)
                .is_some_and(|service| service.server_policies.contains_key(server)),
            EntryKey::Setting(key) => self.settings.has(*key),
        }
    }

    /// What an entry is set to, if it is there.
    pub fn get(&self, key: &EntryKey) -> Option<EntryValue> {
        match key {
            EntryKey::Service(service) => self
                .services
                .get(service)
                .map(|s| EntryValue::Service(s.options.clone())),
            EntryKey::Server(service, server) => self
                .services
                .get(service)
                .and_then(|s| s.servers.get(server))
                .map(|server| EntryValue::Server(*server)),
            EntryKey::Marks(mark) => {
                let rules = self.rules_of(*mark);
                (!rules.is_empty()).then_some(EntryValue::Marks(rules))
            }
            EntryKey::ServicePolicy(service) => {
                let policy = &self.services.get(service)?.policy;
                (!policy.is_default()).then(|| EntryValue::ServicePolicy(policy.clone()))
            }
            EntryKey::ServerPolicy(service, server) => {
                let policy = self.services.get(service)?.server_policies.get(server)?;
                Some(EntryValue::ServerPolicy(policy.clone()))
            }
            EntryKey::Setting(key) => self.settings.get(*key).cloned().map(EntryValue::Setting),
        }
    }

    /// Sets or removes an entry; removing a service removes its servers, and removing either removes
    /// its policy. A server of a service that is not there, a policy of what is not there, and a value
    /// of another kind than its key, change nothing.
    pub fn put(&mut self, key: &EntryKey, value: Option<EntryValue>) {
        match (key, value) {
            (EntryKey::Service(key), Some(EntryValue::Service(options))) => {
                self.services
                    .entry(*key)
                    .or_insert_with(|| VirtualService::new(key.family()))
                    .options = options;
            }
            (EntryKey::Service(key), None) => {
                self.services.remove(key);
            }
            (EntryKey::Server(service, server), value) => {
                if let Some(service) = self.services.get_mut(service) {
                    match value {
                        Some(EntryValue::Server(options)) => {
                            service.servers.insert(*server, options);
                        }
                        _ => {
                            service.servers.remove(server);
                            service.server_policies.remove(server);
                        }
                    }
                }
            }
            (EntryKey::Marks(key), Some(EntryValue::Marks(rules))) => self.set_rules(*key, rules),
            (EntryKey::Marks(key), _) => self.set_rules(*key, Vec::new()),
            (EntryKey::Setting(key), Some(EntryValue::Setting(value))) => {
                self.settings.put(*key, Some(value));
            }
            (EntryKey::Setting(key), _) => {
                self.settings.put(*key, None);
            }
            (EntryKey::ServicePolicy(key), value) => {
                if let Some(service) = self.services.get_mut(key) {
                    service.policy = match value {
                        Some(EntryValue::ServicePolicy(policy)) => policy,
                        _ => ServicePolicy::default(),
                    };
                }
            }
            (EntryKey::ServerPolicy(key, server), value) => {
                if let Some(service) = self.services.get_mut(key) {
                    match value {
                        Some(EntryValue::ServerPolicy(policy))
                            if !policy.is_default() && service.servers.contains_key(server) =>
                        {
                            service.server_policies.insert(*server, policy);
                        }
                        _ => {
                            service.server_policies.remove(server);
                        }
                    }
                }
            }
            (EntryKey::Service(_), Some(_)) => {}
        }
    }

    /// Every entry's key, sorted.
    pub fn entries(&self) -> BTreeSet<EntryKey> {
        let mut keys: Vec<EntryKey> = self
            .services
            .keys()
            .copied()
            .map(EntryKey::Service)
            .collect();
        for (key, service) in &self.services {
            let servers = service.servers.keys();
            keys.extend(servers.map(|server| EntryKey::Server(*key, *server)));
            if !service.policy.is_default() {
                keys.push(EntryKey::ServicePolicy(*key));
            }
            let policies = service.server_policies.keys();
            keys.extend(policies.map(|server| EntryKey::ServerPolicy(*key, *server)));
        }
        keys.extend(self.marks.iter().map(|rule| EntryKey::Marks(rule.key())));
        keys.extend(self.settings.keys().map(EntryKey::Setting));
        keys.into_iter().collect()
    }

    /// Returns true if a host without IPVS cannot hold it.
    pub fn needs_ipvs(&self) -> bool {
        !self.services.is_empty()
            || !self.marks.is_empty()
            || self.settings.keys().any(SettingKey::is_of_ipvs)
    }

    /// How many servers all services have.
    pub fn server_count(&self) -> usize {
        self.services
            .values()
            .map(|service| service.servers.len())
            .sum()
    }
}
