//! The unit of ownership and comparison: an entry of a ruleset.
//!
//! "Whose rules are these?" (DESIGN) is answered per entry: a service's own options, a server,
//! the rules of one mark, one setting.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::key::{ServerKey, ServiceKey};
use super::mark::{MarkKey, MarkRule};
use super::policy::{ServerPolicy, ServicePolicy};
use super::server::RealServer;
use super::service::ServiceOptions;
use super::setting::{Setting, SettingKey};

/// Names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntryKey {
    /// A service's own options.
    Service(ServiceKey),
    /// A real server of a service.
    Server(ServiceKey, ServerKey),
    /// All rules of one mark in one family.
    Marks(MarkKey),
    /// What is recorded of a service beside what the kernel holds.
    ServicePolicy(ServiceKey),
    /// The same of a real server of a service.
    ServerPolicy(ServiceKey, ServerKey),
    /// One setting. In a record it stands as what it is a setting of.
    #[serde(untagged)]
    Setting(SettingKey),
}

impl EntryKey {
    /// The setting of the host that the entry is, where it is one.
    pub fn of_host(&self) -> Option<SettingKey> {
        match self {
            EntryKey::Setting(key) if key.facts().is_of_host => Some(*key),
            _ => None,
        }
    }

    /// The service that the entry is, or is part of.
    pub fn service(&self) -> Option<ServiceKey> {
        match self {
            EntryKey::Service(service)
            | EntryKey::Server(service, _)
            | EntryKey::ServicePolicy(service)
            | EntryKey::ServerPolicy(service, _) => Some(*service),
            EntryKey::Marks(_) | EntryKey::Setting(_) => None,
        }
    }

    /// Returns true if the kernel never holds it: it is in the record alone.
    pub fn is_of_the_record(&self) -> bool {
        match self {
            EntryKey::ServicePolicy(_) | EntryKey::ServerPolicy(_, _) => true,
            EntryKey::Setting(key) => key.facts().is_of_the_record,
            EntryKey::Service(_) | EntryKey::Server(_, _) | EntryKey::Marks(_) => false,
        }
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryKey::Service(service) => write!(f, "virtual service {service}"),
            EntryKey::Server(service, server) => {
                write!(f, "virtual service {service}: real server {server}")
            }
            EntryKey::Marks(key) => write!(f, "rules of {key}"),
            EntryKey::ServicePolicy(service) => {
                write!(f, "virtual service {service}: policy")
            }
            EntryKey::ServerPolicy(service, server) => {
                write!(f, "virtual service {service}: real server {server}: policy")
            }
            EntryKey::Setting(key) => key.fmt(f),
        }
    }
}

/// What an entry is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryValue {
    /// A service's own options.
    Service(ServiceOptions),
    /// A real server.
    Server(RealServer),
    /// The rules of one mark, in order; never empty.
    Marks(Vec<MarkRule>),
    /// The policy of a service; never the default.
    ServicePolicy(ServicePolicy),
    /// The policy of a real server; never the default.
    ServerPolicy(ServerPolicy),
    /// A setting.
    #[serde(untagged)]
    Setting(Setting),
}

impl EntryValue {
    /// Says whether a live value is what this one wants; only a setting leaves things open.
    pub fn satisfied_by(&self, live: &EntryValue) -> bool {
        match (self, live) {
            (EntryValue::Setting(wanted), EntryValue::Setting(live)) => wanted.satisfied_by(live),
            (wanted, live) => wanted == live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DaemonRole, Ruleset, TimeoutKind};

    /// Histories of early versions are read by this one: the forms in a record are theirs.
    #[test]
    fn settings_stand_in_a_record_as_early_versions_wrote_them() {
        let timeout = EntryKey::Setting(SettingKey::Timeout(TimeoutKind::TcpFin));
        let daemon = EntryKey::Setting(SettingKey::SyncDaemon(DaemonRole::Master));
        let seconds = EntryValue::Setting(Setting::Timeout(7));
        for (key, text) in [
            (timeout, r#"{"Timeout":"tcp_fin"}"#),
            (daemon, r#"{"Daemon":"master"}"#),
        ] {
            assert_eq!(serde_json::to_string(&key).unwrap(), text);
            assert_eq!(serde_json::from_str::<EntryKey>(text).unwrap(), key);
        }
        let text = r#"{"Timeout":7}"#;
        assert_eq!(serde_json::to_string(&seconds).unwrap(), text);
        assert_eq!(serde_json::from_str::<EntryValue>(text).unwrap(), seconds);
        let text = r#"{"timeouts":{"udp":60},"daemons":{"backup":{"interface":"eth0","id":3}}}"#;
        let rules: Ruleset = serde_json::from_str(text).unwrap();
        assert_eq!(rules.entries().len(), 2);
        assert_eq!(serde_json::to_string(&rules).unwrap(), text);
    }

    #[test]
    fn what_no_version_knows_is_refused_in_a_record() {
        for text in [
            r#"{"timeouts":{},"vips":{}}"#,
            r#"{"timeouts":{"sctp":1}}"#,
            r#"{"daemons":{"boss":{"interface":"eth0"}}}"#,
        ] {
            assert!(serde_json::from_str::<Ruleset>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<EntryKey>(r#"{"Sysctl":"x"}"#).is_err());
    }
}
