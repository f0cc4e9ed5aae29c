//! What went through services and servers: counters and rates.
//!
//! Source of truth: `struct ip_vs_kstats` in include/net/ip_vs.h, ip_vs_est.c for the rates. The
//! names of the fields are those of JSON and of scripts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key::{ServerKey, ServiceKey};

/// Counters since the object was made, or was last zeroed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets of clients.
    pub in_packets: u64,
    /// Packets of servers; only masquerading answers through this host.
    pub out_packets: u64,
    /// Bytes of clients.
    pub in_bytes: u64,
    /// Bytes of servers; only masquerading answers through this host.
    pub out_bytes: u64,
}

/// Rates, averaged by the kernel over some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Connections per second.
    pub cps: u64,
    /// Packets of clients per second.
    pub in_pps: u64,
    /// Packets of servers per second.
    pub out_pps: u64,
    /// Bytes (not bits) of clients per second.
    pub in_bps: u64,
    /// Bytes (not bits) of servers per second.
    pub out_bps: u64,
}

/// Counters and rates of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Since it was made or zeroed.
    pub stats: Counters,
    /// Now.
    pub rates: Rates,
}

/// What went through one service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceTraffic {
    /// The service itself; removed servers are in it.
    pub total: Usage,
    /// Each of its servers.
    pub servers: BTreeMap<ServerKey, Usage>,
}

/// What went through services.
pub type Traffic = BTreeMap<ServiceKey, ServiceTraffic>;
