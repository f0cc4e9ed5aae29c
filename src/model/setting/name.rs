//! What a user calls one setting beside IPVS: `vip 192.0.2.10`, `vip 192.0.2.10 dev eth0`,
//! `maintenance web12`.

use std::net::IpAddr;

use super::SettingKey;
use super::maintenance::{self, MaintenanceKey};
use super::sysctl::SysctlName;
use crate::error::{Error, Result};
use crate::model::address;
use crate::model::interface::InterfaceName;

/// Names one setting; an address may be a VIP on several interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingName {
    /// An address, on an interface where one is named.
    Vip(IpAddr, Option<InterfaceName>),
    /// A kernel setting.
    Sysctl(SysctlName),
    /// A tunnel device.
    TunnelDevice(InterfaceName),
    /// Maintenance of an address, or of a host.
    Maintenance(MaintenanceKey),
}

impl SettingName {
    /// Reads the words of a name; `None` where they name something else.
    ///
    /// # Errors
    /// `invalid` where the noun is a setting's and the rest is no name of one.
    pub fn parse(words: &[&str]) -> Result<Option<SettingName>> {
        Ok(Some(match words {
            ["vip", addr] => SettingName::Vip(address::parse_ip(addr)?, None),
            ["vip", addr, "dev" | "on", interface] => SettingName::Vip(
                address::parse_ip(addr)?,
                Some(InterfaceName::parse(interface)?),
            ),
            ["sysctl", name] => SettingName::Sysctl(SysctlName::parse(name)?),
            ["tunnel-device" | "tunnel_device", name] => {
                SettingName::TunnelDevice(InterfaceName::parse(name)?)
            }
            ["maintenance", name] => SettingName::Maintenance(MaintenanceKey::parse(name)?),
            ["maintenance"] => {
                return Err(Error::invalid("what is in maintenance is missing")
                    .hint(maintenance::NAMES_HINT));
            }
            [noun @ ("vip" | "sysctl" | "tunnel-device")] => {
                return Err(
                    Error::invalid(format!("the name of a {noun} is missing")).hint(
                        "like: vip 192.0.2.10, sysctl net.ipv4.ip_forward, tunnel-device tunl0",
                    ),
                );
            }
            _ => return Ok(None),
        }))
    }

    /// Returns true if a setting has the name.
    pub fn fits(self, key: SettingKey) -> bool {
        match (self, key) {
            (SettingName::Vip(addr, interface), SettingKey::Vip(key)) => {
                addr == key.addr && interface.is_none_or(|interface| interface == key.interface)
            }
            (SettingName::Sysctl(name), SettingKey::Sysctl(key)) => name == key,
            (SettingName::TunnelDevice(name), SettingKey::TunnelDevice(key)) => name == key,
            (SettingName::Maintenance(name), SettingKey::Maintenance(key)) => name == key,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VipKey;

    #[test]
    fn an_address_may_name_vips_on_several_interfaces() {
        let key = |interface: &str| {
            SettingKey::Vip(VipKey {
                addr: "192.0.2.10".parse().unwrap(),
                interface: InterfaceName::parse(interface).unwrap(),
            })
        };
        let parse = |text: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            SettingName::parse(&words)
        };
        let any = parse("vip 192.0.2.10").unwrap().unwrap();
        assert!(any.fits(key("lo")) && any.fits(key("eth0")));
        let one = parse("vip 192.0.2.10 dev eth0").unwrap().unwrap();
        assert!(!one.fits(key("lo")) && one.fits(key("eth0")));
        for text in [
            "vip",
            "sysctl",
            "vip web",
            "vip 192.0.2.10 dev a/b",
            "sysctl kernel.panic",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["", "vips", "tcp 192.0.2.10:80", "vip 192.0.2.10 eth0 x"] {
            assert!(parse(text).unwrap().is_none(), "{text}");
        }
        let alias = parse("sysctl net.ipv4.conf.all.forwarding").unwrap();
        assert_eq!(alias, parse("sysctl net.ipv4.ip_forward").unwrap());
    }
}
