//! What the kernel held of entries when they became ours.
//!
//! "Whose rules are these?" has a second half: an entry that was there before ipvsh managed it goes
//! back to what it was when ipvsh lets go of it. The values belong to the record of a snapshot, not
//! to the rules: no comparison looks at them, and no export holds them. They pass from head to head,
//! so that pruning old snapshots loses none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::entry::{EntryKey, EntryValue};
use super::extent::Extent;
use super::key::ServiceKey;
use super::ruleset::{Ruleset, VirtualService};

/// The values that the kernel held of entries before ipvsh managed, changed or removed them.
///
/// An entry that is in the rules too is managed, and was there before. One that is not in the rules
/// was somebody else's, and a commit removed it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    from = "Vec<(EntryKey, EntryValue)>",
    into = "Vec<(EntryKey, EntryValue)>"
)]
pub struct FoundValues {
    rules: Ruleset,
    /// Services of which only servers were found; their options in `rules` mean nothing.
    bare: BTreeSet<ServiceKey>,
}

impl FoundValues {
    /// Puts together what [`FoundValues::parts`] gave.
    pub fn of_parts(rules: Ruleset, bare: BTreeSet<ServiceKey>) -> FoundValues {
        FoundValues { rules, bare }
    }

    /// The values as a ruleset, and the services in it whose own options were not found.
    pub fn parts(&self) -> (&Ruleset, &BTreeSet<ServiceKey>) {
        (&self.rules, &self.bare)
    }

    /// Returns true if nothing was found.
    pub fn is_empty(&self) -> bool {
        self.rules == Ruleset::default()
    }

    /// Returns true if an entry was found.
    pub fn has(&self, entry: &EntryKey) -> bool {
        self.rules.has(entry) && !self.is_bare(entry)
    }

    /// What an entry was, if it was found.
    pub fn get(&self, entry: &EntryKey) -> Option<EntryValue> {
        match self.is_bare(entry) {
            true => None,
            false => self.rules.get(entry),
        }
    }

    fn is_bare(&self, entry: &EntryKey) -> bool {
        matches!(entry, EntryKey::Service(key) if self.bare.contains(key))
    }

    /// Adds what an entry was.
    pub fn put(&mut self, entry: &EntryKey, value: EntryValue) {
        match entry {
            EntryKey::Service(key) => {
                self.bare.remove(key);
            }
            EntryKey::Server(key, _) if !self.rules.services.contains_key(key) => {
                let none = VirtualService::new(key.family());
                self.rules.services.insert(*key, none);
                self.bare.insert(*key);
            }
            _ => {}
        }
        self.rules.put(entry, Some(value));
    }

    /// Removes what an entry was; the servers that were found in a service stay.
    pub fn remove(&mut self, entry: &EntryKey) {
        match entry {
            EntryKey::Service(key) => match self.rules.services.get_mut(key) {
                Some(service) if !service.servers.is_empty() => {
                    *service = VirtualService {
                        servers: std::mem::take(&mut service.servers),
                        ..VirtualService::new(key.family())
                    };
                    self.bare.insert(*key);
                }
                _ => drop(self.rules.services.remove(key)),
            },
            EntryKey::Server(key, _) => {
                self.rules.put(entry, None);
                let servers = self.rules.services.get(key).map(|service| &service.servers);
                if self.bare.contains(key) && servers.is_none_or(|servers| servers.is_empty()) {
                    self.rules.services.remove(key);
                    self.bare.remove(key);
                }
            }
            _ => self.rules.put(entry, None),
        }
    }

    /// Every entry that was found, sorted.
    pub fn entries(&self) -> BTreeSet<EntryKey> {
        let mut entries = self.rules.entries();
        entries.retain(|entry| !self.is_bare(entry));
        entries
    }

    /// The values of the services within an extent, and of all that is not a service.
    #[must_use]
    pub fn within(&self, extent: &Extent) -> FoundValues {
        let rules = extent.within(&self.rules);
        let mut bare = self.bare.clone();
        bare.retain(|key| rules.services.contains_key(key));
        FoundValues { rules, bare }
    }

    /// These values where a part of them, `from`, became another one.
    #[must_use]
    pub fn turned(&self, from: &FoundValues, to: &FoundValues) -> FoundValues {
        let of_part = |key: &ServiceKey| from.rules.services.contains_key(key);
        let mut services = self.rules.services.clone();
        services.retain(|key, _| !of_part(key));
        services.extend(to.rules.services.clone());
        let mut bare = self.bare.clone();
        bare.retain(|key| !of_part(key));
        bare.extend(&to.bare);
        FoundValues {
            rules: Ruleset {
                services,
                ..to.rules.clone()
            },
            bare,
        }
    }
}

impl From<Vec<(EntryKey, EntryValue)>> for FoundValues {
    fn from(values: Vec<(EntryKey, EntryValue)>) -> FoundValues {
        let mut found = FoundValues::default();
        for (entry, value) in values {
            found.put(&entry, value);
        }
        found
    }
}

impl From<FoundValues> for Vec<(EntryKey, EntryValue)> {
    fn from(found: FoundValues) -> Vec<(EntryKey, EntryValue)> {
        let entries = found.entries().into_iter();
        entries
            .filter_map(|entry| Some((entry, found.get(&entry)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RealServer, ServerKey, ServiceOptions};

    fn key(text: &str) -> ServiceKey {
        ServiceKey::parse(text).unwrap()
    }

    fn server(service: &str, text: &str) -> EntryKey {
        let service = key(service);
        EntryKey::Server(service, ServerKey::parse(text, &service).unwrap())
    }

    fn options(service: &str) -> EntryValue {
        EntryValue::Service(ServiceOptions::defaults(key(service).family()))
    }

    #[test]
    fn a_server_is_found_without_its_service() {
        let (web, mail) = ("tcp 192.0.2.1:80", "tcp 192.0.2.1:25");
        let mut found = FoundValues::default();
        assert!(found.is_empty());
        let one = server(web, "10.0.0.1");
        found.put(&one, EntryValue::Server(RealServer::default()));
        assert!(found.has(&one) && !found.is_empty());
        assert!(!found.has(&EntryKey::Service(key(web))));
        assert_eq!(found.entries(), [one].into());
        found.put(&EntryKey::Service(key(mail)), options(mail));
        assert!(found.has(&EntryKey::Service(key(mail))));

        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<FoundValues>(&text).unwrap(), found);
        let only = found.within(&Extent::Services([key(mail)].into()));
        assert_eq!(only.entries(), [EntryKey::Service(key(mail))].into());

        found.put(&EntryKey::Service(key(web)), options(web));
        assert!(found.has(&EntryKey::Service(key(web))) && found.has(&one));
    }

    #[test]
    fn a_part_becomes_another_and_the_rest_stays() {
        let (web, mail) = ("tcp 192.0.2.1:80", "tcp 192.0.2.1:25");
        let mut all = FoundValues::default();
        all.put(&EntryKey::Service(key(web)), options(web));
        all.put(
            &server(mail, "10.0.0.1"),
            EntryValue::Server(RealServer::default()),
        );
        let part = all.within(&Extent::Services([key(mail)].into()));
        let turned = all.turned(&part, &FoundValues::default());
        assert_eq!(turned.entries(), [EntryKey::Service(key(web))].into());
    }
}
