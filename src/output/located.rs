//! Where an address is used, as a table and as JSON.

use serde_json::{Value, json};

use super::paint::{Paint, clean};
use super::table::Table;
use crate::director::{AddressUse, Ownership, Role};

/// The uses of an address, a line each.
pub fn located(uses: &[AddressUse], paint: Paint, width: Option<u16>) -> String {
    let titles = [
        "service", "as", "server", "method", "weight", "active", "inactive", "",
    ];
    let mut table = Table::new(&titles, &[4, 5, 6], paint, width);
    for one in uses {
        let server = match one.role {
            Role::Server(server) => server.to_string(),
            Role::Vip | Role::Mark => String::new(),
        };
        let option = |text: fn(&crate::model::RealServer) -> String| {
            one.options.as_ref().map(text).unwrap_or_default()
        };
        table.row(&[
            one.service.to_string(),
            word(one.role).to_owned(),
            server,
            option(|server| server.forward.to_string()),
            option(|server| server.weight.to_string()),
            one.counts.active.to_string(),
            one.counts.inactive.to_string(),
            remark(one),
        ]);
    }
    table.text()
}

/// The same as JSON.
pub fn located_json(uses: &[AddressUse]) -> Value {
    let one = |one: &AddressUse| {
        let server = match one.role {
            Role::Server(server) => Some(server.to_string()),
            Role::Vip | Role::Mark => None,
        };
        let managed = match one.ownership {
            Ownership::Managed | Ownership::Missing => Some(true),
            Ownership::Foreign => Some(false),
            Ownership::Unknown => None,
        };
        json!({
            "service": one.service.to_string(),
            "as": word(one.role),
            "server": server,
            "forward": one.options.map(|server| server.forward.name()),
            "weight": one.options.map(|server| server.weight.value()),
            "active": one.counts.active,
            "inactive": one.counts.inactive,
            "maintenance": one.maintenance.as_ref().map(|(key, value)| value.json(*key)),
            "managed": managed,
            "live": one.ownership != Ownership::Missing,
        })
    };
    uses.iter().map(one).collect()
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Vip => "vip",
        Role::Mark => "mark",
        Role::Server(_) => "server",
    }
}

fn remark(one: &AddressUse) -> String {
    if let Some((key, value)) = &one.maintenance {
        return clean(&format!("maintenance {key}: {}", value.summary()));
    }
    match one.ownership {
        Ownership::Managed | Ownership::Unknown => "",
        Ownership::Foreign => "not managed by ipvsh",
        Ownership::Missing => "not in the kernel",
    }
    .to_owned()
}
