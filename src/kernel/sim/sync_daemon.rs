//! Sync daemons of the simulated kernel.
//!
//! Source of truth: ip_vs_genl_new_daemon and start_sync_thread in net/netfilter/ipvs.

use std::net::{IpAddr, Ipv4Addr};

use super::machine::{Answer, MASTER_MTU, Machine};
use crate::ipvs::Errno;
use crate::model::{DaemonRole, Family, Live, SyncDaemon};

const IP_VS_SYNC_GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const IP_VS_SYNC_PORT: u16 = 8848;
const BACKUP_MTU: std::ops::RangeInclusive<u32> = 1500..=65535;

/// Starts a daemon.
pub(super) fn check_start(
    machine: &Machine,
    live: &Live,
    role: DaemonRole,
    daemon: &SyncDaemon,
) -> Result<SyncDaemon, Errno> {
    check_options(machine, live, daemon)?;
    match live.rules.settings.daemon(role) {
        Some(_) => Err(Errno::EXIST),
        None => Ok(filled(machine, role, daemon)),
    }
}

/// Stops a daemon.
pub(super) fn check_stop(live: &Live, role: DaemonRole) -> Answer {
    match live.rules.settings.daemon(role) {
        Some(_) => Ok(()),
        None => Err(Errno::SRCH),
    }
}

fn check_options(machine: &Machine, live: &Live, daemon: &SyncDaemon) -> Answer {
    if daemon.group.is_some_and(|group| !group.is_multicast()) {
        return Err(Errno::INVAL);
    }
    let mixed = live.rules.services.iter().any(|(key, service)| {
        let mut servers = service.servers.keys();
        servers.any(|server| Family::of(server.addr) != key.family())
    });
    if mixed {
        return Err(Errno::INVAL);
    }
    match machine.mtu(&daemon.interface) {
        Some(_) => Ok(()),
        None => Err(Errno::NODEV),
    }
}

/// A daemon as the kernel runs it: what was left out, or was 0, is filled in.
pub(super) fn filled(machine: &Machine, role: DaemonRole, daemon: &SyncDaemon) -> SyncDaemon {
    let given = |number: u16| (number != 0).then_some(number);
    let group = daemon.group.unwrap_or(IP_VS_SYNC_GROUP);
    let kept = daemon.kept_lengths(role);
    let mtu = match role {
        DaemonRole::Master => MASTER_MTU,
        DaemonRole::Backup => {
            let mtu = machine.mtu(&daemon.interface).unwrap_or(MASTER_MTU);
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
