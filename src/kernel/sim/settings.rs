//! Settings of the simulated kernel: whether one is refused, and how the kernel has it then.

use super::machine::Machine;
use super::rules::Answer;
use super::{sync_daemon, timeout};
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
        (SettingKey::Timeout(_), _) | (SettingKey::SyncDaemon(_), Some(_)) => {
            change.to = live.rules.settings.get(change.key).cloned();
            Ok(())
        }
    }
}

/// Settings as a kernel has them that starts with these.
pub(super) fn fill(machine: &Machine, settings: &mut Settings) {
    timeout::fill(settings);
    let daemons = settings.daemons();
    let filled: Vec<_> = daemons
        .map(|(role, daemon)| (role, sync_daemon::filled(machine, role, daemon)))
        .collect();
    for (role, daemon) in filled {
        settings.set_daemon(role, Some(daemon));
    }
}
