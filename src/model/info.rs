//! What IPVS says about itself.

use std::collections::BTreeMap;

use super::traffic::Usage;

/// IPVS in one network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info {
    /// The version of IPVS, like `1.2.1`; the same for many years.
    pub version: String,
    /// Buckets of the connection table: more connections than that make it slower, no more.
    pub connection_table_size: u32,
    /// The schedulers that are loaded, where that can be told; others are loaded when they are
    /// first used.
    pub schedulers: Vec<String>,
    /// The persistence engines that are loaded, where that can be told.
    pub engines: Vec<String>,
    /// Everything that went through this namespace, removed services too.
    pub total: Usage,
    /// The kernel's settings, `net.ipv4.vs.*`, without that prefix; empty where they cannot be
    /// read.
    pub settings: BTreeMap<String, String>,
}
