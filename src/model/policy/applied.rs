//! What policies mean for the servers of a ruleset.

use super::super::key::{Protocol, ServerKey, ServiceKey};
use super::super::mark::MarkKey;
use super::super::ruleset::{Ruleset, VirtualService};
use super::{Check, HostName, OnFail, ServerPolicy};

/// What becomes of a server of a service while it is down: what its policy says; else it is removed
/// where the service carries UDP, since a datagram of a known client goes to a quiesced server too, and
/// quiesced otherwise.
pub fn on_fail_of(rules: &Ruleset, key: &ServiceKey, service: &VirtualService) -> OnFail {
    let default = || match carries_udp(rules, key) {
        true => OnFail::Remove,
        false => OnFail::Quiesce,
    };
    service.policy.on_fail.unwrap_or_else(default)
}

/// Returns true for a UDP service, and for one of a mark that a rule gives to UDP.
pub fn carries_udp(rules: &Ruleset, key: &ServiceKey) -> bool {
    match key {
        ServiceKey::Address { protocol, .. } => *protocol == Protocol::UDP,
        ServiceKey::Fwmark { .. } => MarkKey::of_service(key).is_some_and(|mark| {
            let mut rules = rules.marks.iter().filter(|rule| rule.key() == mark);
            rules.any(|rule| rule.protocol.is_none_or(|one| one == Protocol::UDP))
        }),
    }
}

impl VirtualService {
    /// The checks of one of its servers: the server's own, else the service's.
    pub fn checks_of(&self, server: &ServerKey) -> &[Check] {
        let own = self.server_policies.get(server);
        own.and_then(|policy| policy.checks.as_deref())
            .unwrap_or(&self.policy.checks)
    }

    /// The machine that one of its servers is on, where that is named.
    pub fn host_of(&self, server: &ServerKey) -> Option<HostName> {
        self.server_policies.get(server)?.host
    }

    /// Its servers that are checked.
    pub fn checked_servers(&self) -> impl Iterator<Item = &ServerKey> {
        let servers = self.servers.keys();
        servers.filter(|server| !self.checks_of(server).is_empty())
    }

    /// Returns true if any of its servers is checked.
    pub fn is_checked(&self) -> bool {
        let mut policies = self.server_policies.values();
        let has_own = |policy: &ServerPolicy| {
            policy
                .checks
                .as_ref()
                .is_some_and(|checks| !checks.is_empty())
        };
        !self.policy.checks.is_empty() || policies.any(has_own)
    }

    /// Returns true if it has no policy, and none of its servers has.
    pub fn is_without_policies(&self) -> bool {
        self.policy.is_default() && self.server_policies.is_empty()
    }
}
