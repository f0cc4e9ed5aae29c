//! Settings: entries beside services, servers and marks, of kinds that share one map.
//!
//! Each kind is one file: what a value is, its options, its JSON, and its [`KindFacts`]; `typed` gives
//! the settings of one kind. Plans, the record, histories and restores loop over kinds and name none
//! of them.

mod derived;
mod facts;
pub mod maintenance;
mod name;
pub mod source_nat;
mod stored;
pub mod sync_daemon;
pub mod sysctl;
pub mod timeout;
pub mod tunnel_device;
mod typed;
pub mod vip;

pub use derived::{check_derived, derived_keys, with_derived};
pub use facts::{Absence, KindFacts, Phase, Replacement};
pub use name::SettingName;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::interface::InterfaceName;
use super::key::ServiceKey;
use super::pairs::pairs;
use super::patch::{Options, check_names};
use super::service::Field;
use crate::error::{Error, Result};
use maintenance::{Maintenance, MaintenanceKey};
use source_nat::SourceNat;
use sync_daemon::{DaemonRole, SyncDaemon};
use sysctl::{SysctlName, SysctlValue};
use timeout::{TimeoutKind, Timeouts};
use tunnel_device::TunnelDevice;
use vip::{Vip, VipKey};

/// A kind of setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingKind {
    /// Connection timeouts.
    Timeout,
    /// Sync daemons.
    SyncDaemon,
    /// Tunnel devices.
    TunnelDevice,
    /// Kernel settings.
    Sysctl,
    /// Addresses of services on this host.
    Vip,
    /// Real servers that people took out of service, or hold in.
    Maintenance,
    /// Source NAT of services: derived of their policies, and never declared.
    SourceNat,
}

/// Names a setting. The names in a record are those of early versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SettingKey {
    /// One timeout.
    Timeout(TimeoutKind),
    /// One sync daemon.
    #[serde(rename = "Daemon")]
    SyncDaemon(DaemonRole),
    /// A tunnel device, by its name.
    TunnelDevice(InterfaceName),
    /// A kernel setting, by its name.
    Sysctl(SysctlName),
    /// An address on an interface.
    Vip(VipKey),
    /// Servers in maintenance: at an address, or on a host.
    Maintenance(MaintenanceKey),
    /// Source NAT of a service.
    SourceNat(ServiceKey),
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Setting {
    /// Seconds.
    Timeout(u32),
    /// A sync daemon.
    #[serde(rename = "Daemon")]
    SyncDaemon(SyncDaemon),
    /// A tunnel device.
    TunnelDevice(TunnelDevice),
    /// The value of a kernel setting.
    Sysctl(SysctlValue),
    /// A VIP.
    Vip(Vip),
    /// Maintenance of servers.
    Maintenance(Maintenance),
    /// Source NAT of a service.
    SourceNat(SourceNat),
}

impl SettingKind {
    /// The kinds that a ruleset may declare, in the order in which they are shown.
    pub const ALL: [SettingKind; 6] = [
        SettingKind::Timeout,
        SettingKind::SyncDaemon,
        SettingKind::TunnelDevice,
        SettingKind::Sysctl,
        SettingKind::Vip,
        SettingKind::Maintenance,
    ];

    /// What is to be known of it.
    pub fn facts(self) -> &'static KindFacts {
        match self {
            SettingKind::Timeout => &timeout::FACTS,
            SettingKind::SyncDaemon => &sync_daemon::FACTS,
            SettingKind::TunnelDevice => &tunnel_device::FACTS,
            SettingKind::Sysctl => &sysctl::FACTS,
            SettingKind::Vip => &vip::FACTS,
            SettingKind::Maintenance => &maintenance::FACTS,
            SettingKind::SourceNat => &source_nat::FACTS,
        }
    }

    /// The kind whose settings a text names: `timeouts`, `daemon`, `tunnel-devices`. One that is the
    /// host's is named in the plural: the singular begins the name of one setting.
    pub fn named(text: &str) -> Option<SettingKind> {
        let text = text.replace('-', "_");
        let mut all = SettingKind::ALL.into_iter();
        all.find(|kind| {
            let list = kind.facts().list;
            text == list
                || !kind.facts().is_beside_ipvs() && list.strip_suffix('s') == Some(text.as_str())
        })
    }

    /// Its settings as JSON.
    pub fn json(self, settings: &Settings) -> Value {
        match self {
            SettingKind::Timeout => Value::Object(settings.timeouts().json()),
            SettingKind::SyncDaemon => settings
                .daemons()
                .map(|(role, daemon)| Value::Object(daemon.json(role)))
                .collect(),
            SettingKind::TunnelDevice => settings
                .tunnel_devices()
                .map(|(name, device)| Value::Object(device.json(name)))
                .collect(),
            SettingKind::Sysctl => settings
                .sysctls()
                .map(|(name, value)| sysctl::json(name, value))
                .collect(),
            SettingKind::Vip => settings
                .vips()
                .map(|(key, vip)| Value::Object(vip.json(key)))
                .collect(),
            SettingKind::Maintenance => settings
                .maintenance()
                .map(|(key, one)| Value::Object(one.json(key)))
                .collect(),
            SettingKind::SourceNat => settings
                .source_nats()
                .map(|(key, snat)| json!({ "service": key.to_string(), "snat": snat.json() }))
                .collect(),
        }
    }

    /// Reads its settings from JSON into others.
    ///
    /// # Errors
    /// `invalid` for unknown keys, wrong types and values out of range.
    pub fn read(self, value: Value, into: &mut Settings) -> Result<()> {
        let list = self.facts().list;
        match (self, value) {
            (_, Value::Null) => Ok(()),
            (SettingKind::Timeout, Value::Object(options)) => {
                into.set_timeouts(&Timeouts::parse(&options)?);
                Ok(())
            }
            (SettingKind::Timeout, _) => {
                Err(Error::invalid(format!("{list} must be an object")).about(list))
            }
            (SettingKind::SyncDaemon, Value::Array(all)) => {
                for daemon in all {
                    let (role, daemon) = SyncDaemon::read(daemon)?;
                    into.set_daemon(role, Some(daemon));
                }
                Ok(())
            }
            (SettingKind::TunnelDevice, Value::Array(all)) => {
                for device in all {
                    let (name, device) = TunnelDevice::read(device)?;
                    let key = SettingKey::TunnelDevice(name);
                    into.put_new(key, Setting::TunnelDevice(device))?;
                }
                Ok(())
            }
            (SettingKind::Sysctl, Value::Array(all)) => {
                for value in &all {
                    let (name, value) = sysctl::read(value)?;
                    into.put_new(SettingKey::Sysctl(name), Setting::Sysctl(value))?;
                }
                Ok(())
            }
            (SettingKind::Vip, Value::Array(all)) => {
                for vip in all {
                    let (key, vip) = Vip::read(vip)?;
                    into.put_new(SettingKey::Vip(key), Setting::Vip(vip))?;
                }
                Ok(())
            }
            (SettingKind::Maintenance, Value::Array(all)) => {
                for one in all {
                    let (key, one) = Maintenance::read(one)?;
                    into.put_new(SettingKey::Maintenance(key), Setting::Maintenance(one))?;
                }
                Ok(())
            }
            (_, _) => Err(Error::invalid(format!("{list} must be an array")).about(list)),
        }
    }
}

impl SettingKey {
    /// Its kind.
    pub fn kind(self) -> SettingKind {
        match self {
            SettingKey::Timeout(_) => SettingKind::Timeout,
            SettingKey::SyncDaemon(_) => SettingKind::SyncDaemon,
            SettingKey::TunnelDevice(_) => SettingKind::TunnelDevice,
            SettingKey::Sysctl(_) => SettingKind::Sysctl,
            SettingKey::Vip(_) => SettingKind::Vip,
            SettingKey::Maintenance(_) => SettingKind::Maintenance,
            SettingKey::SourceNat(_) => SettingKind::SourceNat,
        }
    }

    /// What is to be known of its kind.
    pub fn facts(self) -> &'static KindFacts {
        self.kind().facts()
    }

    /// Its name among those of its kind.
    pub fn name(self) -> String {
        match self {
            SettingKey::Timeout(kind) => kind.to_string(),
            SettingKey::SyncDaemon(role) => role.to_string(),
            SettingKey::TunnelDevice(name) => name.to_string(),
            SettingKey::Sysctl(name) => name.to_string(),
            SettingKey::Vip(key) => key.to_string(),
            SettingKey::Maintenance(key) => key.to_string(),
            SettingKey::SourceNat(key) => key.to_string(),
        }
    }

    /// The interface without which the kernel cannot have it.
    pub fn interface(self) -> Option<InterfaceName> {
        let is_one = |interface: &InterfaceName| !["all", "default"].contains(&interface.as_str());
        match self {
            SettingKey::Timeout(_)
            | SettingKey::SyncDaemon(_)
            | SettingKey::TunnelDevice(_)
            | SettingKey::Maintenance(_)
            | SettingKey::SourceNat(_) => None,
            SettingKey::Sysctl(name) => name.interface().filter(is_one),
            SettingKey::Vip(key) => Some(key.interface),
        }
    }

    /// When a change from one value to another is done.
    pub fn phase(self, from: Option<&Setting>, to: Option<&Setting>) -> Phase {
        let facts = self.facts();
        match (self, from, to) {
            (SettingKey::Sysctl(name), Some(Setting::Sysctl(from)), Some(Setting::Sysctl(to))) => {
                name.phase(from, to)
            }
            (_, _, Some(_)) => facts.is_set_in,
            (_, _, None) => facts.is_removed_in,
        }
    }

    /// What an error of a step names.
    pub fn step_object(self) -> String {
        match self.facts().are_one_object {
            true => format!("connection {}", self.facts().list),
            false => self.to_string(),
        }
    }

    /// The kernel's default; `None` where there is none without being asked.
    pub fn default_value(self) -> Option<Setting> {
        match self {
            SettingKey::Timeout(kind) => Some(Setting::Timeout(kind.default_seconds())),
            _ => None,
        }
    }

    /// Returns true if it is there only where the IPVS module is loaded.
    pub fn is_of_ipvs(self) -> bool {
        match self {
            SettingKey::Sysctl(name) => name.is_of_ipvs(),
            key => !key.facts().is_beside_ipvs(),
        }
    }

    /// Returns true if the kernel always has a value.
    pub fn is_always_there(self) -> bool {
        self.facts().absence == Absence::Returns
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingKey::SourceNat(key) => write!(f, "source NAT of {key}"),
            key => write!(f, "{} {}", key.facts().noun, key.name()),
        }
    }
}

impl Setting {
    /// Says whether a live value is what this one wants; a daemon and a VIP leave things open.
    pub fn satisfied_by(&self, live: &Setting) -> bool {
        match (self, live) {
            (Setting::SyncDaemon(wanted), Setting::SyncDaemon(live)) => wanted.satisfied_by(live),
            (Setting::Vip(wanted), Setting::Vip(live)) => wanted.satisfied_by(live),
            (Setting::TunnelDevice(wanted), Setting::TunnelDevice(live)) => {
                wanted.satisfied_by(live)
            }
            (wanted, live) => wanted == live,
        }
    }

    /// Every option with its value as text; none where a value is one thing.
    pub fn fields(&self, key: SettingKey) -> Vec<Field> {
        match (self, key) {
            (Setting::SyncDaemon(daemon), _) => daemon.fields(),
            (Setting::TunnelDevice(device), _) => device.fields(),
            (Setting::Vip(vip), SettingKey::Vip(key)) => vip.fields(key),
            (Setting::Maintenance(one), _) => one.fields(),
            (Setting::SourceNat(snat), _) => vec![("snat", SourceNat::text(Some(*snat)))],
            _ => Vec::new(),
        }
    }

    /// The value of an option that is left to the kernel, as [`Setting::fields`] has it.
    pub const LEFT_OPEN: &str = "any";

    /// What becomes of an option that is left to the kernel where another makes the setting start
    /// anew, in words; `None` where nothing is lost.
    pub fn lost(&self, option: &str, old: &str) -> Option<String> {
        match self {
            Setting::SyncDaemon(_) => SyncDaemon::lost(option, old),
            _ => None,
        }
    }

    /// The value as JSON has it, with what names it where that is part of it.
    pub fn json(&self, key: SettingKey) -> Value {
        match (self, key) {
            (Setting::SyncDaemon(daemon), SettingKey::SyncDaemon(role)) => daemon.json(role).into(),
            (Setting::TunnelDevice(device), SettingKey::TunnelDevice(name)) => {
                device.json(name).into()
            }
            (Setting::Vip(vip), SettingKey::Vip(key)) => vip.json(key).into(),
            (Setting::Maintenance(one), SettingKey::Maintenance(key)) => one.json(key).into(),
            (Setting::Timeout(seconds), _) => (*seconds).into(),
            (Setting::Sysctl(value), _) => value.json(),
            (Setting::SourceNat(snat), _) => snat.json(),
            _ => Value::Null,
        }
    }

    /// The value as JSON has it in a list, with what names it.
    pub fn whole_json(&self, key: SettingKey) -> Value {
        match (self, key) {
            (Setting::Sysctl(value), SettingKey::Sysctl(name)) => sysctl::json(name, value),
            _ => self.json(key),
        }
    }

    /// The value with the options given in the place of those that it has.
    ///
    /// # Errors
    /// `invalid` for unknown options and values, and for what cannot be changed.
    pub fn with(&self, key: SettingKey, options: &Options) -> Result<Setting> {
        match (self, key) {
            (Setting::Vip(vip), SettingKey::Vip(key)) => {
                if options
                    .get("interface")
                    .is_some_and(|one| one != key.interface.as_str())
                {
                    return Err(Error::invalid("the interface is part of what names a vip")
                        .hint("remove it, and declare it with the other interface"));
                }
                let mut vip = vip.clone();
                vip.set(key, options)?;
                Ok(Setting::Vip(vip))
            }
            (Setting::TunnelDevice(device), SettingKey::TunnelDevice(name)) => {
                let mut all = device.json(name);
                all.remove("name");
                all.extend(options.clone());
                TunnelDevice::parse(name, &all).map(Setting::TunnelDevice)
            }
            (Setting::Sysctl(old), SettingKey::Sysctl(name)) => {
                check_names(options, &["value"], "a sysctl")?;
                match options.get("value") {
                    Some(value) => SysctlValue::parse(name, value).map(Setting::Sysctl),
                    None => Ok(Setting::Sysctl(old.clone())),
                }
            }
            (Setting::SyncDaemon(daemon), SettingKey::SyncDaemon(role)) => {
                let mut all = daemon.json(role);
                all.remove("role");
                all.extend(options.clone());
                SyncDaemon::parse(role, &all).map(Setting::SyncDaemon)
            }
            (Setting::Maintenance(one), SettingKey::Maintenance(_)) => {
                let mut one = one.clone();
                one.set(options)?;
                Ok(Setting::Maintenance(one))
            }
            // A timeout and source NAT have no handle that they could be changed by.
            _ => Ok(self.clone()),
        }
    }

    /// Returns true if the kernel may refuse it because of an address family.
    pub fn may_have_a_family(&self) -> bool {
        matches!(self, Setting::SyncDaemon(_))
    }

    /// The bare value, as a change shows it: `900`.
    pub fn summary(&self, key: SettingKey) -> String {
        match (self, key) {
            (Setting::Timeout(seconds), _) => seconds.to_string(),
            (Setting::SyncDaemon(daemon), _) => daemon.summary(),
            (Setting::TunnelDevice(device), _) => device.summary(),
            (Setting::Sysctl(value), _) => value.to_string(),
            (Setting::Vip(vip), SettingKey::Vip(key)) => vip.summary(key),
            (Setting::Vip(vip), _) => format!("/{}", vip.prefix),
            (Setting::Maintenance(one), _) => one.summary(),
            (Setting::SourceNat(snat), _) => snat.to_string(),
        }
    }

    /// The value with its unit, as a sentence has it: `900 s`.
    pub fn in_words(&self, key: SettingKey) -> String {
        match self {
            Setting::Timeout(seconds) => format!("{seconds} s"),
            _ => self.summary(key),
        }
    }
}

/// Settings by their keys: in the head and in a candidate those that are managed, in live state
/// those that the kernel has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings(BTreeMap<SettingKey, Setting>);

/// A setting that is not the same on two sides, with what each side has.
pub type DifferingSetting<'a> = (SettingKey, Option<&'a Setting>, Option<&'a Setting>);

impl Settings {
    /// One of them.
    pub fn get(&self, key: SettingKey) -> Option<&Setting> {
        self.0.get(&key)
    }

    /// Sets or removes one, and gives what was there. A value of another kind than its key changes
    /// nothing.
    pub fn put(&mut self, key: SettingKey, value: Option<Setting>) -> Option<Setting> {
        match (key, value) {
            (SettingKey::Timeout(_), Some(value @ Setting::Timeout(_)))
            | (SettingKey::SyncDaemon(_), Some(value @ Setting::SyncDaemon(_)))
            | (SettingKey::TunnelDevice(_), Some(value @ Setting::TunnelDevice(_)))
            | (SettingKey::Sysctl(_), Some(value @ Setting::Sysctl(_)))
            | (SettingKey::Vip(_), Some(value @ Setting::Vip(_)))
            | (SettingKey::Maintenance(_), Some(value @ Setting::Maintenance(_)))
            | (SettingKey::SourceNat(_), Some(value @ Setting::SourceNat(_))) => {
                self.0.insert(key, value)
            }
            (_, Some(_)) => None,
            (_, None) => self.0.remove(&key),
        }
    }

    /// Sets one that is not there yet.
    fn put_new(&mut self, key: SettingKey, value: Setting) -> Result<()> {
        match self.put(key, Some(value)) {
            None => Ok(()),
            Some(_) => Err(Error::invalid("it is there twice").object(key)),
        }
    }

    /// Returns true if one is there.
    pub fn has(&self, key: SettingKey) -> bool {
        self.0.contains_key(&key)
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&SettingKey, &Setting)> {
        self.0.iter()
    }

    /// The keys of all of them, sorted.
    pub fn keys(&self) -> impl Iterator<Item = SettingKey> {
        self.0.keys().copied()
    }

    /// Keeps those that fit.
    pub fn retain(&mut self, fits: impl Fn(SettingKey) -> bool) {
        self.0.retain(|key, _| fits(*key));
    }

    /// Those that are not the same elsewhere, sorted.
    pub fn differing<'a>(
        &'a self,
        other: &'a Settings,
    ) -> impl Iterator<Item = DifferingSetting<'a>> {
        pairs(&self.0, &other.0)
            .filter(|(_, mine, theirs)| mine != theirs)
            .map(|(key, mine, theirs)| (*key, mine, theirs))
    }
}
