//! Kernel settings of the simulated host. One that was never set has the value of a new network
//! namespace.
//!
//! Source of truth: `devinet_sysctl_forward` in net/ipv4/devinet.c.

use super::machine::{Answer, Machine};
use crate::ipvs::Errno;
use crate::model::{Live, Setting, SettingKey, Settings, SysctlName, SysctlValue};

/// Checks that a setting is there: those of an interface are there while the interface is.
pub(super) fn check(machine: &Machine, live: &Live, name: SysctlName) -> Answer {
    let Some(interface) = SettingKey::Sysctl(name).interface() else {
        return Ok(());
    };
    let is_device = live.rules.settings.has(SettingKey::TunnelDevice(interface));
    match machine.mtu(interface.as_str()).is_some() || is_device {
        true => Ok(()),
        false => Err(Errno::NOENT),
    }
}

/// Refuses what the table takes and the kernel does not (proc_do_sync_threshold in ip_vs_ctl.c).
pub(super) fn check_value(name: SysctlName, value: &SysctlValue) -> Answer {
    let numbers: Vec<i64> = value.as_str().split(' ').flat_map(str::parse).collect();
    match numbers.as_slice() {
        [packets, period] if name.is_of_ipvs() && packets >= period && *period > 0 => {
            Err(Errno::INVAL)
        }
        _ => Ok(()),
    }
}

/// Changes the settings that the kernel rewrites when one is written.
pub(super) fn rewrite(live: &mut Live, name: SysctlName, value: &SysctlValue) {
    let settings = &mut live.rules.settings;
    let others: Vec<SettingKey> = settings
        .sysctls()
        .map(|(other, _)| other)
        .filter(|other| name.rewrites(*other))
        .map(SettingKey::Sysctl)
        .collect();
    for key in others {
        settings.put(key, Some(Setting::Sysctl(value.clone())));
    }
}

/// The value of a setting, where its interface is there.
pub(super) fn value(machine: &Machine, live: &Live, name: SysctlName) -> Option<Setting> {
    let settings = &live.rules.settings;
    if let Some(value) = settings.sysctl(name) {
        return Some(Setting::Sysctl(value.clone()));
    }
    check(machine, live, name).ok()?;
    let of_all = settings.sysctls().find(|(other, _)| other.rewrites(name));
    let value = match of_all {
        Some((_, value)) => value.clone(),
        None => name.default_value(),
    };
    Some(Setting::Sysctl(value))
}

/// All settings of a host with some interfaces.
pub(super) fn all(machine: &Machine, live: &Live, into: &mut Settings) {
    for name in SysctlName::all_with(&machine.interface_names()) {
        into.put(SettingKey::Sysctl(name), value(machine, live, name));
    }
}
