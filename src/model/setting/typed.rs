//! The settings of one kind, taken out of all settings or put into them.

use chrono::{DateTime, Utc};

use super::maintenance::{Maintenance, MaintenanceKey};
use super::source_nat::SourceNat;
use super::sync_daemon::{DaemonRole, SyncDaemon};
use super::sysctl::{SysctlName, SysctlValue};
use super::timeout::{TimeoutKind, Timeouts};
use super::tunnel_device::TunnelDevice;
use super::vip::{Vip, VipKey};
use super::{Setting, SettingKey, Settings};
use crate::model::interface::InterfaceName;
use crate::model::key::ServerKey;
use crate::model::key::ServiceKey;
use crate::model::policy::HostName;

impl Settings {
    /// The connection timeouts.
    pub fn timeouts(&self) -> Timeouts {
        let mut all = Timeouts::default();
        for kind in TimeoutKind::ALL {
            all.set(kind, self.timeout(kind));
        }
        all
    }

    /// One of the timeouts, in seconds.
    pub fn timeout(&self, kind: TimeoutKind) -> Option<u32> {
        match self.get(SettingKey::Timeout(kind)) {
            Some(Setting::Timeout(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// Sets or removes one of the timeouts.
    pub fn set_timeout(&mut self, kind: TimeoutKind, seconds: Option<u32>) {
        self.put(SettingKey::Timeout(kind), seconds.map(Setting::Timeout));
    }

    /// Sets the timeouts given; the others stay.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) {
        for kind in TimeoutKind::ALL {
            if let Some(seconds) = timeouts.get(kind) {
                self.set_timeout(kind, Some(seconds));
            }
        }
    }
}

impl From<&Timeouts> for Settings {
    fn from(timeouts: &Timeouts) -> Settings {
        let mut settings = Settings::default();
        settings.set_timeouts(timeouts);
        settings
    }
}

impl Settings {
    /// The sync daemons, by role.
    pub fn daemons(&self) -> impl Iterator<Item = (DaemonRole, &SyncDaemon)> {
        self.iter()
            .filter_map(|(key, setting)| match (key, setting) {
                (SettingKey::SyncDaemon(role), Setting::SyncDaemon(daemon)) => {
                    Some((*role, daemon))
                }
                _ => None,
            })
    }

    /// One of the sync daemons.
    pub fn daemon(&self, role: DaemonRole) -> Option<&SyncDaemon> {
        match self.get(SettingKey::SyncDaemon(role)) {
            Some(Setting::SyncDaemon(daemon)) => Some(daemon),
            _ => None,
        }
    }

    /// Sets or removes a sync daemon; gives the one that was there.
    pub fn set_daemon(
        &mut self,
        role: DaemonRole,
        daemon: Option<SyncDaemon>,
    ) -> Option<SyncDaemon> {
        let key = SettingKey::SyncDaemon(role);
        match self.put(key, daemon.map(Setting::SyncDaemon)) {
            Some(Setting::SyncDaemon(before)) => Some(before),
            _ => None,
        }
    }
}

impl Settings {
    /// The tunnel devices.
    pub fn tunnel_devices(&self) -> impl Iterator<Item = (InterfaceName, &TunnelDevice)> {
        self.iter().filter_map(|(key, value)| match (key, value) {
            (SettingKey::TunnelDevice(name), Setting::TunnelDevice(device)) => {
                Some((*name, device))
            }
            _ => None,
        })
    }
}

impl Settings {
    /// The kernel settings, in the order in which they are set.
    pub fn sysctls(&self) -> impl Iterator<Item = (SysctlName, &SysctlValue)> {
        self.iter().filter_map(|(key, value)| match (key, value) {
            (SettingKey::Sysctl(name), Setting::Sysctl(value)) => Some((*name, value)),
            _ => None,
        })
    }

    /// A kernel setting.
    pub fn sysctl(&self, name: SysctlName) -> Option<&SysctlValue> {
        match self.get(SettingKey::Sysctl(name)) {
            Some(Setting::Sysctl(value)) => Some(value),
            _ => None,
        }
    }
}

impl Settings {
    /// The VIPs.
    pub fn vips(&self) -> impl Iterator<Item = (VipKey, &Vip)> {
        self.iter().filter_map(|(key, value)| match (key, value) {
            (SettingKey::Vip(key), Setting::Vip(vip)) => Some((*key, vip)),
            _ => None,
        })
    }
}

impl Settings {
    /// Source NAT, by service.
    pub fn source_nats(&self) -> impl Iterator<Item = (ServiceKey, SourceNat)> {
        self.iter().filter_map(|(key, value)| match (key, value) {
            (SettingKey::SourceNat(key), Setting::SourceNat(snat)) => Some((*key, *snat)),
            _ => None,
        })
    }

    /// Source NAT of a service.
    pub fn source_nat(&self, service: &ServiceKey) -> Option<SourceNat> {
        match self.get(SettingKey::SourceNat(*service)) {
            Some(Setting::SourceNat(snat)) => Some(*snat),
            _ => None,
        }
    }
}

impl Settings {
    /// Maintenance, by what it names.
    pub fn maintenance(&self) -> impl Iterator<Item = (MaintenanceKey, &Maintenance)> {
        self.iter().filter_map(|(key, value)| match (key, value) {
            (SettingKey::Maintenance(key), Setting::Maintenance(value)) => Some((*key, value)),
            _ => None,
        })
    }

    /// The maintenance that a server is in at a moment. Where several entries cover it, the strongest
    /// mode counts: out, then drain, then up.
    pub fn maintenance_of(
        &self,
        server: &ServerKey,
        host: Option<HostName>,
        now: DateTime<Utc>,
    ) -> Option<(MaintenanceKey, &Maintenance)> {
        let covering = self
            .maintenance()
            .filter(|(key, value)| key.covers(server, host) && !value.is_over(now));
        covering.max_by_key(|(_, value)| value.mode)
    }
}
