//! Facts: kernel settings, and tunnel devices.

use rhai::Dynamic;

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::options::TUNNEL_DEVICE;
use super::settings;
use super::types::Type;
use super::value::SettingHandle;
use crate::error::{Error, Kind, Result};
use crate::model::{
    InterfaceName, Setting, SettingKey, SettingKind, SysctlName, SysctlValue, TunnelDevice,
};

const NAME: Param = Param::new("name", Type::Text);

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "sysctl",
        group: Group::Host,
        on: On::Nothing,
        forms: &[
            Form {
                params: &[NAME],
                call: find,
            },
            Form {
                params: &[NAME, Param::new("value", Type::Any)],
                call: set,
            },
        ],
        result: Type::Sysctl,
        doc: "Sets a kernel setting by its full name; without a value it is taken over as it is.\n\
              Settings are those of IPVS (net.ipv4.vs), of forwarding, redirects, ARP and reverse \
              paths, and of conntrack. One that is no longer wanted returns to the value found.",
        errors: &[Kind::Invalid, Kind::NotFound],
        example: "sysctl(\"net.ipv4.ip_forward\", 1);\n\
                  sysctl(\"net.ipv4.vs.conntrack\", true);",
        words: &["sysctl -w", "ip_forward", "/proc/sys", "sysctl.conf"],
    },
    Function {
        name: "sysctls",
        group: Group::Host,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: list,
        }],
        result: Type::Sysctls,
        doc: "Lists the candidate's kernel settings.\n\
              Each has the properties `name` and `value`.",
        errors: &[],
        example: "sysctl(\"net.ipv4.ip_forward\", 1);\n\
                  for s in sysctls() { print(s.name); }",
        words: &["sysctl -a"],
    },
    Function {
        name: "tunnel_device",
        group: Group::Host,
        on: On::Nothing,
        forms: &[
            Form {
                params: &[NAME],
                call: find_device,
            },
            Form {
                params: &[NAME, Param::options(TUNNEL_DEVICE).required()],
                call: declare_device,
            },
        ],
        result: Type::TunnelDevice,
        doc: "Declares the device by which packets come out of the director's tunnel: it is up.\n\
              ipip and gue packets come in by tunl0, gre packets by gre0. The reverse path filter \
              of the device and of all is off while it is declared.",
        errors: &[Kind::Invalid],
        example: "tunnel_device(\"tunl0\", #{ type: \"ipip\" });",
        words: &["tunl0", "modprobe ipip", "ip link add", "real server"],
    },
    Function {
        name: "tunnel_devices",
        group: Group::Host,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: list_devices,
        }],
        result: Type::TunnelDevices,
        doc: "Lists the candidate's tunnel devices.\n\
              Each has the properties `name`, `type` and `port`.",
        errors: &[],
        example: "for t in tunnel_devices() { print(t.name); }",
        words: &["ip link show"],
    },
];

fn set(call: &Call) -> Result<Dynamic> {
    let name = SysctlName::parse(&call.text(0)?)?;
    let value = {
        let mut session = call.context.session()?;
        convert::declared(&mut session, call.arg(1)?)?
    };
    let value = SysctlValue::parse(name, &value).map_err(|e| e.object(format!("sysctl {name}")))?;
    settings::declare(call, SettingKey::Sysctl(name), Setting::Sysctl(value))
}

fn find(call: &Call) -> Result<Dynamic> {
    let name = SysctlName::parse(&call.text(0)?)?;
    let key = SettingKey::Sysctl(name);
    let mut session = call.context.session()?;
    if !session.settings()?.rules().settings.has(key) {
        let host = session.host_settings()?;
        if !host.has(key) {
            return Err(Error::not_found("this kernel has no such setting now")
                .object(key)
                .hint(format!("to set it: sysctl(\"{name}\", VALUE)")));
        }
        session.take_setting(key, &host)?;
    }
    Ok(Dynamic::from(SettingHandle(key)))
}

fn list(call: &Call) -> Result<Dynamic> {
    settings::list(call, |key| key.kind() == SettingKind::Sysctl)
}

fn declare_device(call: &Call) -> Result<Dynamic> {
    let name = InterfaceName::parse(&call.text(0)?)?;
    let device = TunnelDevice::parse(name, &call.options(1)?.unwrap_or_default())
        .map_err(|e| e.object(format!("tunnel-device {name}")))?;
    let key = SettingKey::TunnelDevice(name);
    settings::declare(call, key, Setting::TunnelDevice(device))
}

fn find_device(call: &Call) -> Result<Dynamic> {
    let name = InterfaceName::parse(&call.text(0)?)?;
    let key = SettingKey::TunnelDevice(name);
    let mut session = call.context.session()?;
    if session.settings()?.rules().settings.has(key) {
        return Ok(Dynamic::from(SettingHandle(key)));
    }
    let host = session.host_settings()?;
    if host.has(key) {
        session.take_setting(key, &host)?;
        return Ok(Dynamic::from(SettingHandle(key)));
    }
    drop(session);
    let device = TunnelDevice::parse(name, &Default::default())?;
    settings::declare(call, key, Setting::TunnelDevice(device))
}

fn list_devices(call: &Call) -> Result<Dynamic> {
    settings::list(call, |key| key.kind() == SettingKind::TunnelDevice)
}
