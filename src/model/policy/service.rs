//! The policy of a virtual service.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::key::{Protocol, ServerKey, ServiceKey};
use super::super::mark::MarkKey;
use super::super::patch::Options;
use super::super::ruleset::{Ruleset, VirtualService};
use super::super::service::Field;
use super::{Check, ServerPolicy, check};
use crate::error::{Error, Result, did_you_mean};

/// What becomes of a server in the kernel while its checks say that it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFail {
    /// It stays at weight 0: its connections go on, no new ones come.
    Quiesce,
    /// It leaves the table.
    Remove,
}

impl OnFail {
    /// All of them.
    pub const ALL: [OnFail; 2] = [OnFail::Quiesce, OnFail::Remove];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            OnFail::Quiesce => "quiesce",
            OnFail::Remove => "remove",
        }
    }

    /// Parses a name.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<OnFail> {
        let all = OnFail::ALL.into_iter();
        all.clone().find(|one| one.name() == text).ok_or_else(|| {
            let error = Error::invalid(format!("unknown on_fail \"{text}\"")).about(text);
            error.hint(match did_you_mean(text, all.map(OnFail::name)) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => "on_fail is \"quiesce\" (weight 0) or \"remove\"".to_owned(),
            })
        })
    }
}

impl fmt::Display for OnFail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a ruleset says of a service that IPVS does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePolicy {
    /// The checks of its servers: all of them must pass; default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What becomes of a server that fails; default by protocol: see [`on_fail_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_fail: Option<OnFail>,
}

impl ServicePolicy {
    /// Returns true if it says nothing.
    pub fn is_default(&self) -> bool {
        *self == ServicePolicy::default()
    }

    /// The options that are not at their default, as JSON and scripts have them.
    pub fn json(&self) -> Options {
        let mut options = Options::new();
        if !self.checks.is_empty() {
            options.insert("check".into(), check::json_of(&self.checks));
        }
        if let Some(on_fail) = self.on_fail {
            options.insert("on_fail".into(), on_fail.name().into());
        }
        options
    }

    /// Every option with its value as text; those at their default too.
    pub fn fields(&self) -> Vec<Field> {
        let on_fail = self.on_fail.map_or("by protocol", OnFail::name);
        vec![
            ("check", check::summary(&self.checks)),
            ("on_fail", on_fail.to_owned()),
        ]
    }
}

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
