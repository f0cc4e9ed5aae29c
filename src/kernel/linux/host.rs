//! Settings of the host: which provider reads and sets each kind.

use std::collections::BTreeSet;

use super::failure::Failure;
use super::{source_nat, sysctl, tunnel_device, vip};
use crate::marks::Chains;
use crate::model::{Setting, SettingKey, SettingKind, Settings};
use crate::netlink::route::RouteClient;
use crate::plan::SettingChange;

/// The host, in the network namespace of the thread that uses it first. Opens nothing before it is
/// used.
#[derive(Debug, Default)]
pub(super) struct HostSettings {
    route: Option<RouteClient>,
}

impl HostSettings {
    fn route(&mut self) -> Result<&mut RouteClient, Failure> {
        match &mut self.route {
            Some(route) => Ok(route),
            empty => Ok(empty.insert(RouteClient::open()?)),
        }
    }

    /// Reads the settings that are asked for.
    pub(super) fn read(
        &mut self,
        asked: &BTreeSet<SettingKey>,
        chains: &mut dyn Chains,
        into: &mut Settings,
    ) -> Result<(), Failure> {
        let is_asked = |key: SettingKey| asked.contains(&key);
        let kinds: BTreeSet<SettingKind> = asked.iter().map(|key| key.kind()).collect();
        for kind in kinds {
            match kind {
                SettingKind::Vip => vip::read(self.route()?, is_asked, into)?,
                SettingKind::TunnelDevice => tunnel_device::read(self.route()?, is_asked, into)?,
                SettingKind::Sysctl => {
                    for key in asked {
                        if let SettingKey::Sysctl(name) = key {
                            sysctl::read(*name, into)?;
                        }
                    }
                }
                SettingKind::SourceNat => source_nat::read(chains, asked, into)?,
                SettingKind::Timeout | SettingKind::SyncDaemon | SettingKind::Maintenance => {}
            }
        }
        Ok(())
    }

    /// Reads all of them.
    pub(super) fn read_all(&mut self) -> Result<Settings, Failure> {
        let mut all = Settings::default();
        vip::read(self.route()?, |_| true, &mut all)?;
        tunnel_device::read(self.route()?, |_| true, &mut all)?;
        sysctl::read_all(&mut all);
        Ok(all)
    }

    /// Sets or removes one.
    pub(super) fn set(
        &mut self,
        change: &SettingChange,
        chains: &mut dyn Chains,
    ) -> Result<(), Failure> {
        match (change.key, &change.from, &change.to) {
            (SettingKey::Vip(key), _, Some(Setting::Vip(vip))) => vip::add(self.route()?, key, vip),
            (SettingKey::Vip(key), Some(Setting::Vip(vip)), None) => {
                vip::remove(self.route()?, key, vip)
            }
            (SettingKey::TunnelDevice(name), _, Some(Setting::TunnelDevice(device))) => {
                tunnel_device::set(self.route()?, name, device)
            }
            (SettingKey::TunnelDevice(name), Some(Setting::TunnelDevice(device)), None) => {
                tunnel_device::remove(self.route()?, name, device)
            }
            (SettingKey::Sysctl(name), _, Some(Setting::Sysctl(value))) => sysctl::set(name, value),
            (SettingKey::SourceNat(service), _, to) => {
                source_nat::set(chains, &service, to.as_ref())
            }
            // The kernel always has a value.
            _ => Ok(()),
        }
    }
}
