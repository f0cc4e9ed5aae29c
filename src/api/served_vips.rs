//! Facts: the VIPs that this host serves as a real server.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::SERVED_VIP;
use super::types::Type;
use super::value::SettingHandle;
use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, EntryValue, ServedVip};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "serve_vip",
    group: Group::Host,
    on: On::Nothing,
    forms: &[Form {
        params: &[
            Param::new("address", Type::Text),
            Param::options(SERVED_VIP),
        ],
        call: serve,
    }],
    result: Type::Vip,
    doc: "Declares that this host is a real server of a VIP, for direct routing or a tunnel.\n\
          It declares the VIP on lo, silent, and for a tunnel the device that unwraps packets: tunl0 \
          (ipip, gue) or gre0; ordinary entries afterwards, and their kernel settings come with \
          them. A masqueraded server has no VIP and needs only its route back by the director: \
          `ipvsh help real-server`.",
    errors: &[Kind::Invalid],
    example: "serve_vip(\"192.0.2.10\");\n\
              serve_vip(\"192.0.2.20\", #{\n    \
              forward: \"tunnel\", tunnel: #{ type: \"gue\", port: 6080 }\n});",
    words: &[
        "real server",
        "realserver",
        "arp_ignore",
        "arp_announce",
        "lo:0",
        "tunl0",
        "lvs_dr_rs",
    ],
}];

fn serve(call: &Call) -> Result<Dynamic> {
    let address = call.text(0)?;
    let named = |error: Error| error.object(format!("vip {address}"));
    let options = call.options(1)?.unwrap_or_default();
    let served = ServedVip::parse(&address, &options).map_err(named)?;
    let mut session = call.context.session()?;
    let candidate = session.settings()?;
    let entries = served.entries(&candidate.rules().settings)?;
    let vip = entries.first().map(|(key, _)| SettingHandle(*key));
    for (key, value) in entries {
        candidate.put(EntryKey::Setting(key), Some(EntryValue::Setting(value)));
    }
    Ok(vip.map_or(Dynamic::UNIT, Dynamic::from))
}
