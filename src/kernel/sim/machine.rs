//! Owns what differs from machine to machine: modules, interfaces, families.
//!
//! Source of truth: start_sync_thread in net/netfilter/ipvs/ip_vs_sync.c, and what Debian's
//! kernel does.

use std::collections::BTreeMap;

use super::super::names::Names;
use crate::ipvs::Errno;
use crate::model::InterfaceName;

/// CONFIG_HZ of Debian's kernels: times are kept in ticks, in 32 bits.
pub(super) const HZ: u32 = 250;

pub(super) const MASTER_MTU: u32 = 1500;
const LOOPBACK_MTU: u32 = 65536;

/// The machine that a simulated kernel runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Schedulers and engines; default: those of Debian's kernel.
    pub names: Names,
    /// Interfaces with their MTU; default: any name (a script is checked for another machine).
    pub interfaces: Option<BTreeMap<String, u32>>,
    /// IPv6 is there; default yes.
    pub ipv6: bool,
    /// `lo` was up once in this namespace; default yes. Without, IPv4 has no unicast addresses.
    pub loopback: bool,
    /// Settings of net.ipv4.vs by name; default none, as where they cannot be read.
    pub settings: BTreeMap<String, String>,
}

impl Default for Machine {
    fn default() -> Self {
        Machine {
            names: Names::of_debian(),
            interfaces: None,
            ipv6: true,
            loopback: true,
            settings: BTreeMap::new(),
        }
    }
}

impl Machine {
    /// The names that stand for interfaces among the kernel's settings; of a machine that has any
    /// interface the usual ones.
    pub(super) fn interface_names(&self) -> Vec<InterfaceName> {
        let known: Vec<&str> = match &self.interfaces {
            Some(known) => known.keys().map(String::as_str).collect(),
            None => vec!["lo", "eth0"],
        };
        let names = ["all", "default"].into_iter().chain(known);
        names
            .filter_map(|name| InterfaceName::parse(name).ok())
            .collect()
    }

    /// The MTU of an interface, if there is one of that name.
    pub(super) fn mtu(&self, interface: &str) -> Option<u32> {
        match &self.interfaces {
            Some(known) => known.get(interface).copied(),
            None if interface == "lo" => Some(LOOPBACK_MTU),
            None => Some(MASTER_MTU),
        }
    }
}

/// How the simulated kernel answers a change.
pub(super) type Answer = Result<(), Errno>;
