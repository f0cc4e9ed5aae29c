//! What a kernel holds now: a ruleset, the counts that go with it, and the state of our chains.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::Family;
use super::extent::Extent;
use super::key::{ServerKey, ServiceKey};
use super::mark::{MarkRule, Stray};
use super::ruleset::Ruleset;
use super::server::RealServer;

/// Connections of one real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Active connections.
    pub active: u32,
    /// Inactive connections.
    pub inactive: u32,
    /// Persistence templates.
    pub persistent: u32,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.active = self.active.saturating_add(more.active);
        self.inactive = self.inactive.saturating_add(more.inactive);
        self.persistent = self.persistent.saturating_add(more.persistent);
    }
}

/// One real server as it stands, with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveServer {
    /// What it is set to.
    pub options: RealServer,
    /// Its connections.
    pub counts: Counts,
}

/// One rule of our own chain, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChainRule {
    /// A mark rule.
    Mark(MarkRule),
    /// Something that only somebody else can have put there.
    Stray(Stray),
}

/// Our own chain in one family: rules that packets pass before IPVS sees them.
///
/// What a chain is, the back end says. A record names the fields as early versions
/// did.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ChainState {
    /// The chain is there.
    #[serde(rename = "exists")]
    pub is_there: bool,
    /// All packets pass it, once: for iptables, PREROUTING jumps to it without a condition.
    #[serde(rename = "jump")]
    pub is_passed: bool,
    /// Its rules in order, mark rules in their normal form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<ChainRule>,
}

impl ChainState {
    /// The chain as it must be to hold exactly these rules; without rules there is none.
    pub fn holding(rules: Vec<ChainRule>) -> ChainState {
        let some = !rules.is_empty();
        ChainState {
            is_there: some,
            is_passed: some,
            rules,
        }
    }

    /// The mark rules, in order.
    pub fn marks(&self) -> Vec<MarkRule> {
        self.rules
            .iter()
            .filter_map(|rule| match rule {
                ChainRule::Mark(rule) => Some(rule.clone()),
                ChainRule::Stray(_) => None,
            })
            .collect()
    }
}

/// Whether fwmark rules of one family can be managed on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkSupport {
    /// They can; this is our chain.
    Available(ChainState),
    /// They cannot, and why: no iptables, no IPv6, no right.
    Unavailable(String),
    /// Nobody looked: what was asked for has no mark rules.
    Unread,
}

impl Default for MarkSupport {
    fn default() -> Self {
        MarkSupport::Available(ChainState::default())
    }
}

impl MarkSupport {
    /// The chain, where marks are available.
    pub fn chain(&self) -> Option<&ChainState> {
        match self {
            MarkSupport::Available(chain) => Some(chain),
            MarkSupport::Unavailable(_) | MarkSupport::Unread => None,
        }
    }
}

/// The live state of one network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Which services were looked at.
    pub extent: Extent,
    /// The rules; every timeout is known, marks are those of our own chains.
    pub rules: Ruleset,
    /// Connections per server; servers without any may be left out.
    pub counts: BTreeMap<ServiceKey, BTreeMap<ServerKey, Counts>>,
    /// Our chain in iptables.
    pub ipv4: MarkSupport,
    /// Our chain in ip6tables.
    pub ipv6: MarkSupport,
}

impl Live {
    /// Our chain in one family.
    pub fn marks(&self, family: Family) -> &MarkSupport {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }

    /// Replaces our chain in one family, and the mark rules of the ruleset with it.
    pub fn set_marks(&mut self, family: Family, support: MarkSupport) {
        match family {
            Family::Ipv4 => self.ipv4 = support,
            Family::Ipv6 => self.ipv6 = support,
        }
        self.rules.marks = Family::ALL
            .into_iter()
            .filter_map(|family| self.marks(family).chain())
            .flat_map(ChainState::marks)
            .collect();
    }

    /// Learns what another look at the same kernel saw of other services.
    pub fn learn(&mut self, other: Live) {
        self.extent.extend(&other.extent);
        self.rules.services.extend(other.rules.services);
        self.counts.extend(other.counts);
    }

    /// The connections of one server.
    pub fn counts_of(&self, service: &ServiceKey, server: &ServerKey) -> Counts {
        self.counts
            .get(service)
            .and_then(|s| s.get(server))
            .copied()
            .unwrap_or_default()
    }

    /// The servers of one service, with their connections; none where there is no such service.
    pub fn servers_of(&self, service: &ServiceKey) -> Option<BTreeMap<ServerKey, LiveServer>> {
        let servers = &self.rules.services.get(service)?.servers;
        let one = |(key, options): (&ServerKey, &RealServer)| {
            let counts = self.counts_of(service, key);
            let options = *options;
            (*key, LiveServer { options, counts })
        };
        Some(servers.iter().map(one).collect())
    }

    /// The connections of all servers of a service.
    pub fn service_counts(&self, service: &ServiceKey) -> Counts {
        self.counts
            .get(service)
            .into_iter()
            .flat_map(BTreeMap::values)
            .fold(Counts::default(), |sum, one| Counts {
                active: sum.active.saturating_add(one.active),
                inactive: sum.inactive.saturating_add(one.inactive),
                persistent: sum.persistent.saturating_add(one.persistent),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Intents of early versions are read by later ones.
    #[test]
    fn a_chain_is_recorded_as_early_versions_did() {
        let chain = ChainState::holding(vec![ChainRule::Stray(Stray {
            words: vec!["-p".to_owned(), "47".to_owned()],
        })]);
        let text = serde_json::to_string(&chain).unwrap();
        let expected = r#"{"exists":true,"jump":true,"rules":[{"Stray":{"words":["-p","47"]}}]}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<ChainState>(expected).unwrap(), chain);
    }
}
