//! Facts: addresses of services on this host.

use std::net::IpAddr;

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::VIP;
use super::settings;
use super::types::Type;
use super::value::SettingHandle;
use crate::error::{Error, Kind, Result};
use crate::model::{Setting, SettingKey, SettingKind, Settings, Vip, VipKey};

const ADDRESS: Param = Param::new("address", Type::Text);

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "vip",
        group: Group::Host,
        on: On::Nothing,
        forms: &[
            Form {
                params: &[ADDRESS],
                call: find,
            },
            Form {
                params: &[ADDRESS, Param::options(VIP).required()],
                call: declare,
            },
        ],
        result: Type::Vip,
        doc: "Declares an address of this host that services listen at.\n\
              The prefix is that of a single host unless it is written. The address comes behind \
              its services and goes before them. Without options it is found, taken over where \
              this host has it, or made on lo.",
        errors: &[Kind::Invalid, Kind::Ambiguous],
        example: "vip(\"192.0.2.10\", #{ interface: \"eth0\" });\n\
                  vip(\"2001:db8::10\").set(#{ withdraw: \"down\" });",
        words: &[
            "ip address add",
            "ifconfig",
            "virtual_ipaddress",
            "address",
            "loopback",
        ],
    },
    Function {
        name: "vips",
        group: Group::Host,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: list,
        }],
        result: Type::Vips,
        doc: "Lists the candidate's VIPs.\n\
              Each has its options as properties, and `address`, `prefix`, `interface`.",
        errors: &[],
        example: "vip(\"192.0.2.10\");\nfor v in vips() { print(v.address); }",
        words: &["ip address show"],
    },
    Function {
        name: "set",
        group: Group::Host,
        on: On::Setting,
        forms: &[Form {
            params: &[Param::options(VIP).required()],
            call: settings::set,
        }],
        result: Type::Setting,
        doc: "Changes only the options named of a vip, a tunnel device, a kernel setting, a sync \
              daemon or maintenance, and returns it.\n\
              A property does the same on a variable: `v.withdraw = \"down\";`",
        errors: &[Kind::Invalid, Kind::NotFound],
        example: "vip(\"192.0.2.10\").set(#{ withdraw: \"down\" });",
        words: &["edit", "change", "modify"],
    },
];

fn declare(call: &Call) -> Result<Dynamic> {
    let address = call.text(0)?;
    let options = call.options(1)?.unwrap_or_default();
    let (mut key, vip) =
        Vip::parse(&address, &options).map_err(|e| e.object(format!("vip {address}")))?;
    if options.get("interface").is_none_or(|one| one.is_null())
        && let [one] = declared(call, key.addr)?.as_slice()
    {
        key = *one;
    }
    settings::declare(call, SettingKey::Vip(key), Setting::Vip(vip))
}

/// The candidate's VIPs of an address.
fn declared(call: &Call, addr: IpAddr) -> Result<Vec<VipKey>> {
    let mut session = call.context.session()?;
    Ok(of_address(&session.settings()?.rules().settings, addr))
}

fn of_address(settings: &Settings, addr: IpAddr) -> Vec<VipKey> {
    let vips = settings.vips().map(|(key, _)| key);
    vips.filter(|key| key.addr == addr).collect()
}

fn find(call: &Call) -> Result<Dynamic> {
    let address = call.text(0)?;
    let (key, vip) = Vip::parse(&address, &Default::default())
        .map_err(|e| e.object(format!("vip {address}")))?;
    let mut session = call.context.session()?;
    let mut found = of_address(&session.settings()?.rules().settings, key.addr);
    if found.is_empty() {
        let host = session.host_settings()?;
        found = of_address(&host, key.addr);
        if let [one] = found.as_slice() {
            session.take_setting(SettingKey::Vip(*one), &host)?;
        }
    }
    let one = match found.as_slice() {
        [] => {
            drop(session);
            return settings::declare(call, SettingKey::Vip(key), Setting::Vip(vip));
        }
        [one] => SettingKey::Vip(*one),
        many => {
            let calls = many.iter().map(|one| {
                let interface = one.interface;
                format!(
                    "the one on {interface}: vip(\"{address}\", #{{ interface: \"{interface}\" }})"
                )
            });
            let error = Error::new(Kind::Ambiguous, "several interfaces have it");
            return Err(calls.fold(error.object(format!("vip {address}")), Error::hint));
        }
    };
    match session.settings()?.rules().settings.get(one) {
        Some(Setting::Vip(standing)) if address.contains('/') && standing.prefix != vip.prefix => {
            let error = Error::invalid(format!("it has the prefix /{}", standing.prefix));
            let hint = format!("to declare it with this one: vip(\"{address}\", #{{}})");
            Err(error.object(one).hint(hint))
        }
        _ => Ok(Dynamic::from(SettingHandle(one))),
    }
}

fn list(call: &Call) -> Result<Dynamic> {
    settings::list(call, |key| key.kind() == SettingKind::Vip)
}
