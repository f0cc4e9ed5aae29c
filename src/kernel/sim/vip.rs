//! VIPs of the simulated host.
//!
//! Source of truth: inet_rtm_newaddr in net/ipv4/devinet.c, inet6_rtm_newaddr in
//! net/ipv6/addrconf.c.

use super::machine::{Answer, Machine};
use crate::ipvs::Errno;
use crate::model::{Live, SettingKey, VipKey};

/// Adds an address.
pub(super) fn check_add(machine: &Machine, live: &Live, key: VipKey) -> Answer {
    let settings = &live.rules.settings;
    let is_device = settings.has(SettingKey::TunnelDevice(key.interface));
    if machine.mtu(key.interface.as_str()).is_none() && !is_device {
        return Err(Errno::NODEV);
    }
    match settings.has(SettingKey::Vip(key)) {
        true => Err(Errno::EXIST),
        false => Ok(()),
    }
}

/// Takes an address off.
pub(super) fn check_remove(live: &Live, key: VipKey) -> Answer {
    match live.rules.settings.has(SettingKey::Vip(key)) {
        true => Ok(()),
        false => Err(Errno::ADDRNOTAVAIL),
    }
}
