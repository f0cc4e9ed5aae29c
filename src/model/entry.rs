//! The unit of ownership and comparison: an entry of a ruleset.
//!
//! "Whose rules are these?" (DESIGN) is answered per entry: a service's own options, a server,
//! the rules of one mark, one timeout, one sync daemon.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::daemon::{DaemonRole, SyncDaemon};
use super::key::{ServerKey, ServiceKey};
use super::mark::{MarkKey, MarkRule};
use super::server::RealServer;
use super::service::ServiceOptions;
use super::timeouts::TimeoutKind;

/// Names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntryKey {
    /// A service's own options.
    Service(ServiceKey),
    /// A real server of a service.
    Server(ServiceKey, ServerKey),
    /// All rules of one mark in one family.
    Marks(MarkKey),
    /// One timeout.
    Timeout(TimeoutKind),
    /// One sync daemon.
    Daemon(DaemonRole),
}

impl EntryKey {
    /// The service that the entry is, or is part of.
    pub fn service(&self) -> Option<ServiceKey> {
        match self {
            EntryKey::Service(service) | EntryKey::Server(service, _) => Some(*service),
            EntryKey::Marks(_) | EntryKey::Timeout(_) | EntryKey::Daemon(_) => None,
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
            EntryKey::Timeout(kind) => write!(f, "timeout {kind}"),
            EntryKey::Daemon(role) => write!(f, "sync daemon {role}"),
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
    /// Seconds.
    Timeout(u32),
    /// A sync daemon.
    Daemon(SyncDaemon),
}

impl EntryValue {
    /// Says whether a live value is what this one wants; only a daemon leaves things open.
    pub fn satisfied_by(&self, live: &EntryValue) -> bool {
        match (self, live) {
            (EntryValue::Daemon(wanted), EntryValue::Daemon(live)) => wanted.satisfied_by(live),
            (wanted, live) => wanted == live,
        }
    }
}
