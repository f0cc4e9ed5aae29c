//! Settings of the simulated kernel: whether one is refused, and how the kernel has it then.

use std::collections::BTreeSet;

use super::machine::{Answer, Machine};
use super::{sync_daemon, sysctl, timeout, vip};
use crate::model::{Live, Setting, SettingKey, Settings};
use crate::plan::SettingChange;

/// Checks a change, and makes its value what the kernel would have.
pub(super) fn check(machine: &Machine, live: &Live, change: &mut SettingChange) -> Answer {
    match (change.key, &mut change.to) {
        (SettingKey::Timeout(_), Some(Setting::Timeout(seconds))) => {
            timeout::check(*seconds)?;
            if *seconds == 0 {
                change.to = live.rules.settings.get(change.key).cloned();
            }
            Ok(())
        }
        (SettingKey::SyncDaemon(role), Some(Setting::SyncDaemon(daemon))) => {
            *daemon = sync_daemon::check_start(machine, live, role, daemon)?;
            Ok(())
        }
        (SettingKey::SyncDaemon(role), None) => sync_daemon::check_stop(live, role),
        (SettingKey::Vip(key), Some(Setting::Vip(vip))) => {
            *vip = vip.as_the_kernel_has_it(key);
            vip::check_add(machine, live, key)
        }
        (SettingKey::Vip(key), None) => vip::check_remove(live, key),
        (SettingKey::Sysctl(name), Some(Setting::Sysctl(value))) => {
            sysctl::check(machine, live, name)?;
            sysctl::check_value(name, value)
        }
        (SettingKey::TunnelDevice(_) | SettingKey::SourceNat(_), _) => Ok(()),
        // What is always there stays, and a value of another kind changes nothing.
        (_, _) => {
            change.to = live.rules.settings.get(change.key).cloned();
            Ok(())
        }
    }
}

/// What else changes with a setting.
pub(super) fn follow(live: &mut Live, change: &SettingChange) {
    if let (SettingKey::Sysctl(name), Some(Setting::Sysctl(value))) = (change.key, &change.to) {
        sysctl::rewrite(live, name, value);
    }
}

/// Leaves of the host's settings those that are asked for; what is always there has a value.
pub(super) fn observed(machine: &Machine, live: &Live, asked: &BTreeSet<SettingKey>) -> Settings {
    let mut settings = live.rules.settings.clone();
    settings.retain(|key| !key.facts().is_of_host || asked.contains(&key));
    for key in asked {
        if let SettingKey::Sysctl(name) = key {
            settings.put(*key, sysctl::value(machine, live, *name));
        }
    }
    settings
}

/// All settings of the host.
pub(super) fn of_host(machine: &Machine, live: &Live) -> Settings {
    let mut settings = live.rules.settings.clone();
    settings.retain(|key| key.facts().is_of_host);
    sysctl::all(machine, live, &mut settings);
    settings
}

/// Settings as a kernel has them that starts with these: without those of the record alone.
pub(super) fn fill(machine: &Machine, settings: &mut Settings) {
    settings.retain(|key| !key.facts().is_of_the_record);
    timeout::fill(settings);
    let daemons = settings.daemons();
    let filled: Vec<_> = daemons
        .map(|(role, daemon)| (role, sync_daemon::filled(machine, role, daemon)))
        .collect();
    for (role, daemon) in filled {
        settings.set_daemon(role, Some(daemon));
    }
}
