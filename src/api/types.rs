//! The types of values in the user's words: never a Rust name.

use rhai::Dynamic;

use super::value::{Divergence, Outcome, Raised, Server, Service, SettingHandle};
use crate::model::SettingKind;

/// What a parameter takes, an option holds, a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Any value.
    Any,
    /// Nothing, `()`.
    Nothing,
    /// Text.
    Text,
    /// A whole number.
    Whole,
    /// A number, whole or not.
    Number,
    /// True or false.
    Bool,
    /// A map.
    Map,
    /// An array.
    Array,
    /// A virtual service.
    Service,
    /// A real server.
    Server,
    /// A sync daemon.
    Daemon,
    /// A VIP.
    Vip,
    /// A kernel setting.
    Sysctl,
    /// A tunnel device.
    TunnelDevice,
    /// Maintenance of a real server or a host.
    Maintenance,
    /// A sync daemon, a VIP, a kernel setting, a tunnel device or maintenance.
    Setting,
    /// An array of virtual services.
    Services,
    /// An array of real servers.
    Servers,
    /// An array of sync daemons.
    Daemons,
    /// An array of VIPs.
    Vips,
    /// An array of kernel settings.
    Sysctls,
    /// An array of tunnel devices.
    TunnelDevices,
    /// Maintenance, or an array of it.
    SomeMaintenance,
    /// An array of snapshots.
    Snapshots,
    /// A snapshot: a map.
    Snapshot,
    /// Text or a whole number: a snapshot's name, a filter, a netmask.
    TextOrWhole,
    /// A service, or its name.
    ServiceOrName,
    /// A service, a server, or a service's name.
    ServiceOrServer,
    /// A map, or an array of maps: fwmark rules, counters.
    Rules,
    /// Text, or an array of text.
    Texts,
    /// A real server, its address, or an array of them.
    SomeServers,
    /// A function.
    Function,
    /// A number of seconds, or true or false: persistence.
    SecondsOrBool,
    /// What a change did or would do.
    Report,
    /// What differs between two states.
    Difference,
}

impl Type {
    /// What the elements are, of an array that is known by them.
    pub fn element(self) -> Option<Type> {
        match self {
            Type::Services => Some(Type::Service),
            Type::Servers => Some(Type::Server),
            Type::Daemons => Some(Type::Daemon),
            Type::Vips => Some(Type::Vip),
            Type::Sysctls => Some(Type::Sysctl),
            Type::TunnelDevices => Some(Type::TunnelDevice),
            Type::Snapshots => Some(Type::Snapshot),
            _ => None,
        }
    }

    /// Returns true if its values are arrays, whatever is in them.
    pub fn is_list(self) -> bool {
        self == Type::Array || self.element().is_some()
    }

    /// The type of a value; an array is known by its first element.
    pub fn of(value: &Dynamic) -> Type {
        if let Some(array) = value.read_lock::<rhai::Array>() {
            let lists = [
                Type::Services,
                Type::Servers,
                Type::Daemons,
                Type::Vips,
                Type::Sysctls,
                Type::TunnelDevices,
            ];
            return array
                .first()
                .and_then(|first| {
                    lists
                        .into_iter()
                        .find(|list| list.element().is_some_and(|element| element.fits(first)))
                })
                .unwrap_or(Type::Array);
        }
        let types = [
            Type::Nothing,
            Type::Text,
            Type::Whole,
            Type::Number,
            Type::Bool,
            Type::Map,
            Type::Service,
            Type::Server,
            Type::Daemon,
            Type::Vip,
            Type::Sysctl,
            Type::TunnelDevice,
            Type::Report,
            Type::Difference,
        ];
        types
            .into_iter()
            .find(|known| known.fits(value))
            .unwrap_or(Type::Any)
    }

    /// What it takes, in words: `weight must be a whole number`.
    pub fn words(self) -> &'static str {
        match self {
            Type::Any => "any value",
            Type::Nothing => "nothing",
            Type::Text => "text",
            Type::Whole => "a whole number",
            Type::Number => "a number",
            Type::Bool => "true or false",
            Type::Map => "a map",
            Type::Array => "an array",
            Type::Service => "a virtual service",
            Type::Server => "a real server",
            Type::Daemon => "a sync daemon",
            Type::Vip => "a vip",
            Type::Sysctl => "a kernel setting",
            Type::TunnelDevice => "a tunnel device",
            Type::Maintenance => "maintenance",
            Type::Setting => "a vip, sysctl, tunnel device, sync daemon or maintenance",
            Type::Services => "an array of virtual services",
            Type::Servers => "an array of real servers",
            Type::Daemons => "an array of sync daemons",
            Type::Vips => "an array of vips",
            Type::Sysctls => "an array of kernel settings",
            Type::TunnelDevices => "an array of tunnel devices",
            Type::SomeMaintenance => "maintenance, or an array of it",
            Type::Snapshots => "an array of snapshots",
            Type::Snapshot => "a snapshot, a map",
            Type::TextOrWhole => "text or a whole number",
            Type::ServiceOrName => "a virtual service or its name",
            Type::ServiceOrServer => "a virtual service, its name, or a real server",
            Type::Rules => "a map or an array of maps",
            Type::Texts => "text or an array of text",
            Type::SomeServers => "a real server, its address, or an array of them",
            Type::Function => "a function",
            Type::SecondsOrBool => "a whole number, true or false",
            Type::Report => "a report",
            Type::Difference => "a difference",
        }
    }

    /// Says whether a value is of this type.
    pub fn fits(self, value: &Dynamic) -> bool {
        match self {
            Type::Any => true,
            Type::Nothing => value.is_unit(),
            Type::Text => value.is_string(),
            Type::Whole => value.is_int(),
            Type::Number => value.is_int() || value.is_float(),
            Type::Bool => value.is_bool(),
            Type::Map | Type::Snapshot => value.is_map(),
            Type::Array
            | Type::Services
            | Type::Servers
            | Type::Daemons
            | Type::Vips
            | Type::Sysctls
            | Type::TunnelDevices
            | Type::Snapshots => value.is_array(),
            Type::Service => is::<Service>(value),
            Type::Server => is::<Server>(value),
            Type::Daemon => is_setting(value, SettingKind::SyncDaemon),
            Type::Vip => is_setting(value, SettingKind::Vip),
            Type::Sysctl => is_setting(value, SettingKind::Sysctl),
            Type::TunnelDevice => is_setting(value, SettingKind::TunnelDevice),
            Type::Maintenance => is_setting(value, SettingKind::Maintenance),
            Type::SomeMaintenance => {
                value.is_array() || is_setting(value, SettingKind::Maintenance)
            }
            Type::Setting => is::<SettingHandle>(value),
            Type::TextOrWhole => value.is_string() || value.is_int(),
            Type::ServiceOrName => is::<Service>(value) || value.is_string(),
            Type::ServiceOrServer => {
                is::<Service>(value) || is::<Server>(value) || value.is_string()
            }
            Type::Rules => value.is_map() || value.is_array(),
            Type::Texts => value.is_string() || value.is_array() || is::<Service>(value),
            Type::SomeServers => value.is_string() || value.is_array() || is::<Server>(value),
            Type::Function => value.is_fnptr(),
            Type::SecondsOrBool => value.is_int() || value.is_bool(),
            Type::Report => is::<Outcome>(value),
            Type::Difference => is::<Divergence>(value),
        }
    }
}

fn is<T: Clone + 'static>(value: &Dynamic) -> bool {
    value.read_lock::<T>().is_some()
}

fn is_setting(value: &Dynamic, kind: SettingKind) -> bool {
    let handle = value.read_lock::<SettingHandle>();
    handle.is_some_and(|handle| handle.0.kind() == kind)
}

/// Says what a value is: `the whole number 5`, `text "x"`, `a map`.
pub fn describe(value: &Dynamic) -> String {
    if let Ok(number) = value.as_int() {
        return number.to_string();
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return match text.chars().count() {
            0..=40 => format!("\"{}\"", text.as_str()),
            _ => "text".to_owned(),
        };
    }
    if let Ok(truth) = value.as_bool() {
        return truth.to_string();
    }
    words_of(value).to_owned()
}

/// The type of a value in words.
pub fn words_of(value: &Dynamic) -> &'static str {
    if is::<Service>(value) {
        Type::Service.words()
    } else if is::<Server>(value) {
        Type::Server.words()
    } else if let Some(handle) = value.read_lock::<SettingHandle>() {
        match handle.0.kind() {
            SettingKind::Vip => Type::Vip.words(),
            SettingKind::Sysctl => Type::Sysctl.words(),
            SettingKind::TunnelDevice => Type::TunnelDevice.words(),
            SettingKind::Maintenance => Type::Maintenance.words(),
            // A timeout and source NAT have no handle.
            SettingKind::SyncDaemon | SettingKind::Timeout | SettingKind::SourceNat => {
                Type::Daemon.words()
            }
        }
    } else if is::<Outcome>(value) {
        Type::Report.words()
    } else if is::<Divergence>(value) {
        Type::Difference.words()
    } else if is::<Raised>(value) {
        "an error"
    } else {
        words_of_name(value.type_name())
    }
}

/// The words for a type that Rhai names.
pub fn words_of_name(name: &str) -> &'static str {
    match name.trim() {
        "()" | "" => "nothing",
        "bool" => "true or false",
        "i64" | "int" | "u8" | "i32" | "u32" | "u64" | "usize" => "a whole number",
        "f64" | "float" | "f32" => "a number",
        "char" => "a character",
        "array" | "Array" => "an array",
        "blob" | "Blob" => "a row of bytes",
        "map" | "Map" => "a map",
        "Fn" | "FnPtr" => "a function",
        "timestamp" | "Instant" => "a point in time",
        "range" | "range=" => "a range",
        "Service" => "a virtual service",
        "Server" => "a real server",
        "Setting" => Type::Setting.words(),
        "Report" => "a report",
        "Difference" => "a difference",
        "Error" => "an error",
        name if name.contains("tring") || name.contains("&str") => "text",
        name if name.contains("Range") => "a range",
        name if name.contains("Array") || name.contains("Vec<") => "an array",
        name if name.contains("Map") => "a map",
        name if name.contains("Fn") => "a function",
        _ => "another kind of value",
    }
}
