//! What is not the same in two rulesets.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::EntryKey;
use super::key::{ServerKey, ServiceKey};
use super::pairs::pairs;
use super::policy::ServerPolicies;
use super::ruleset::{Ruleset, VirtualService};
use super::server::RealServer;

/// A service that is not the same on two sides, with what each side has of it.
pub type Differing<'a> = (
    &'a ServiceKey,
    Option<&'a VirtualService>,
    Option<&'a VirtualService>,
);

/// What two sides have of the servers of one service, where it is not the same, sorted.
pub fn differing_servers<'a>(
    mine: Option<&'a VirtualService>,
    theirs: Option<&'a VirtualService>,
) -> impl Iterator<
    Item = (
        &'a ServerKey,
        Option<&'a RealServer>,
        Option<&'a RealServer>,
    ),
> {
    static NONE: BTreeMap<ServerKey, RealServer> = BTreeMap::new();
    let servers = |service: Option<&'a VirtualService>| service.map_or(&NONE, |s| &*s.servers);
    pairs(servers(mine), servers(theirs)).filter(|(_, mine, theirs)| mine != theirs)
}

/// The policies of a service and its servers that are not the same on two sides.
fn differing_policies(
    key: ServiceKey,
    mine: Option<&VirtualService>,
    theirs: Option<&VirtualService>,
) -> Vec<EntryKey> {
    static NONE: ServerPolicies = ServerPolicies::new();
    fn policies(service: Option<&VirtualService>) -> &ServerPolicies {
        service.map_or(&NONE, |s| &s.server_policies)
    }
    let own = |service: Option<&VirtualService>| {
        service.is_some_and(|service| !service.policy.is_default())
    };
    let same = match (mine, theirs) {
        (Some(mine), Some(theirs)) => mine.policy == theirs.policy,
        (mine, theirs) => !own(mine) && !own(theirs),
    };
    let of_servers = pairs(policies(mine), policies(theirs))
        .filter(|(_, mine, theirs)| mine != theirs)
        .map(|(server, _, _)| EntryKey::ServerPolicy(key, *server));
    let own = (!same).then_some(EntryKey::ServicePolicy(key));
    own.into_iter().chain(of_servers).collect()
}

impl Ruleset {
    /// The entries that are not the same in another ruleset, sorted.
    pub fn differences(&self, other: &Ruleset) -> BTreeSet<EntryKey> {
        // Sorted as they are, which makes a large set in one go: services, then servers.
        let (mut keys, mut servers, mut policies) = (Vec::new(), Vec::new(), Vec::new());
        for (key, mine, theirs) in self.differing_services(other) {
            if mine.map(|s| &s.options) != theirs.map(|s| &s.options) {
                keys.push(EntryKey::Service(*key));
            }
            servers.extend(
                differing_servers(mine, theirs)
                    .map(|(server, _, _)| EntryKey::Server(*key, *server)),
            );
            policies.extend(differing_policies(*key, mine, theirs));
        }
        keys.append(&mut servers);
        keys.append(&mut policies);
        if self.marks != other.marks {
            keys.extend(
                self.mark_keys()
                    .into_iter()
                    .chain(other.mark_keys())
                    .filter(|key| self.rules_of(*key) != other.rules_of(*key))
                    .map(EntryKey::Marks),
            );
        }
        keys.extend(self.differing_settings(other));
        keys.into_iter().collect()
    }

    /// The services that are not the same in another ruleset, with their servers, sorted.
    pub fn differing_services<'a>(
        &'a self,
        other: &'a Ruleset,
    ) -> impl Iterator<Item = Differing<'a>> {
        pairs(&self.services, &other.services).filter(|(_, mine, theirs)| mine != theirs)
    }

    /// The settings that are not the same in another ruleset, sorted.
    pub fn differing_settings<'a>(
        &'a self,
        other: &'a Ruleset,
    ) -> impl Iterator<Item = EntryKey> + use<'a> {
        let settings = self.settings.differing(&other.settings);
        settings.map(|(key, _, _)| EntryKey::Setting(key))
    }
}
