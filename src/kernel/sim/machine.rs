//! Owns what differs from machine to machine: modules, interfaces, families.
//!
//! Source of truth: start_sync_thread in net/netfilter/ipvs/ip_vs_sync.c, and what Debian's
//! kernel does.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::super::names::Names;
use crate::model::{DaemonRole, SyncDaemon};

/// CONFIG_HZ of Debian's kernels: times are kept in ticks, in 32 bits.
pub(super) const HZ: u32 = 250;

const IP_VS_SYNC_GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const IP_VS_SYNC_PORT: u16 = 8848;
const MASTER_MTU: u32 = 1500;
const BACKUP_MTU: std::ops::RangeInclusive<u32> = 1500..=65535;
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
    /// The MTU of an interface, if there is one of that name.
    pub(super) fn mtu(&self, interface: &str) -> Option<u32> {
        match &self.interfaces {
            Some(known) => known.get(interface).copied(),
            None if interface == "lo" => Some(LOOPBACK_MTU),
            None => Some(MASTER_MTU),
        }
    }

    /// A daemon as the kernel runs it: what was left out, or was 0, is filled in.
    pub(super) fn filled_daemon(&self, role: DaemonRole, daemon: &SyncDaemon) -> SyncDaemon {
        let given = |number: u16| (number != 0).then_some(number);
        let group = daemon.group.unwrap_or(IP_VS_SYNC_GROUP);
        let kept = daemon.kept_lengths(role);
        let mtu = match role {
            DaemonRole::Master => MASTER_MTU,
            DaemonRole::Backup => {
                let mtu = self.mtu(&daemon.interface).unwrap_or(MASTER_MTU);
                mtu.clamp(*BACKUP_MTU.start(), *BACKUP_MTU.end())
            }
        };
        let headers = u32::from(u16::MAX - kept.end());
        let maxlen = match daemon.maxlen.and_then(given) {
            Some(maxlen) => maxlen.clamp(*kept.start(), *kept.end()),
            None => u16::try_from(mtu - headers).unwrap_or(u16::MAX),
        };
        SyncDaemon {
            interface: daemon.interface.clone(),
            id: daemon.id,
            maxlen: Some(maxlen),
            group: Some(group),
            port: Some(daemon.port.and_then(given).unwrap_or(IP_VS_SYNC_PORT)),
            ttl: Some(daemon.ttl.filter(|ttl| *ttl != 0).unwrap_or(1)),
        }
    }
}
