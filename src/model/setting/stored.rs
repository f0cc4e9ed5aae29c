//! Settings as a record holds them: per kind a map or a list, `{"timeouts": {"tcp": 900},
//! "daemons": {"master": {...}}}`. The map of timeouts is always there, as early versions wrote it.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::maintenance::{Maintenance, MaintenanceKey};
use super::source_nat::SourceNat;
use super::sync_daemon::{DaemonRole, SyncDaemon};
use super::sysctl::{SysctlName, SysctlValue};
use super::timeout::Timeouts;
use super::tunnel_device::TunnelDevice;
use super::vip::{Vip, VipKey};
use super::{Setting, SettingKey, Settings};
use crate::model::interface::InterfaceName;
use crate::model::key::ServiceKey;

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    timeouts: Timeouts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    daemons: BTreeMap<DaemonRole, SyncDaemon>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tunnel_devices: BTreeMap<InterfaceName, TunnelDevice>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sysctls: BTreeMap<SysctlName, SysctlValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vips: Vec<(VipKey, Vip)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    maintenance: Vec<(MaintenanceKey, Maintenance)>,
    /// In no snapshot; a kernel has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_nat: Vec<(ServiceKey, SourceNat)>,
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let daemons = self.daemons();
        let devices = self.tunnel_devices();
        let sysctls = self.sysctls();
        let stored = Stored {
            timeouts: self.timeouts(),
            daemons: daemons
                .map(|(role, daemon)| (role, daemon.clone()))
                .collect(),
            tunnel_devices: devices.map(|(name, device)| (name, *device)).collect(),
            sysctls: sysctls.map(|(name, value)| (name, value.clone())).collect(),
            vips: self.vips().map(|(key, vip)| (key, vip.clone())).collect(),
            maintenance: self
                .maintenance()
                .map(|(key, one)| (key, one.clone()))
                .collect(),
            source_nat: self.source_nats().collect(),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let mut settings = Settings::default();
        settings.set_timeouts(&stored.timeouts);
        let daemons = stored.daemons.into_iter();
        let daemons = daemons
            .map(|(role, daemon)| (SettingKey::SyncDaemon(role), Setting::SyncDaemon(daemon)));
        let devices = stored.tunnel_devices.into_iter();
        let devices = devices.map(|(name, device)| {
            (
                SettingKey::TunnelDevice(name),
                Setting::TunnelDevice(device),
            )
        });
        let sysctls = stored.sysctls.into_iter();
        let sysctls =
            sysctls.map(|(name, value)| (SettingKey::Sysctl(name), Setting::Sysctl(value)));
        let vips = stored.vips.into_iter();
        let vips = vips.map(|(key, vip)| (SettingKey::Vip(key), Setting::Vip(vip)));
        let maintenance = stored.maintenance.into_iter();
        let maintenance =
            maintenance.map(|(key, one)| (SettingKey::Maintenance(key), Setting::Maintenance(one)));
        let all = daemons.chain(devices).chain(sysctls).chain(vips);
        let source_nat = stored.source_nat.into_iter();
        let source_nat =
            source_nat.map(|(key, snat)| (SettingKey::SourceNat(key), Setting::SourceNat(snat)));
        for (key, value) in all.chain(maintenance).chain(source_nat) {
            if settings.put(key, Some(value)).is_some() {
                return Err(D::Error::custom(format!("{key} is there twice")));
            }
        }
        Ok(settings)
    }
}
