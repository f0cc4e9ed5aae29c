//! Objects as a line of a script finds them, or declares them.

use serde_json::Value;

use crate::format::{sysctl_call, vip_call};
use crate::model::{InterfaceName, ServerKey, ServiceKey, SysctlName, SysctlValue, Vip, VipKey};

/// A service: `find("tcp 192.0.2.10:80")`.
pub(super) fn find(key: &ServiceKey) -> String {
    format!("find(\"{key}\")")
}

/// A real server of a service.
pub(super) fn find_server(key: &ServiceKey, server: &ServerKey) -> String {
    format!("{}.find(\"{server}\")", find(key))
}

/// The call that declares a VIP on an interface; on `lo` where scripts cannot name the interface.
pub(super) fn declare_vip(addr: std::net::IpAddr, interface: &str) -> String {
    let interface = InterfaceName::parse(interface).unwrap_or(InterfaceName::LO);
    vip_call(VipKey { addr, interface }, &Vip::single(addr), false)
}

/// The call that sets a kernel setting.
pub fn set_sysctl(name: &str, value: u32) -> String {
    let number = Value::from(value);
    let parsed =
        SysctlName::parse(name).and_then(|name| Ok((name, SysctlValue::parse(name, &number)?)));
    match parsed {
        Ok((name, value)) => sysctl_call(name, &value),
        Err(_) => format!("sysctl(\"{name}\", {value})"),
    }
}
