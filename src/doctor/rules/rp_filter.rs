//! `rp-filter`: a strict reverse path filter on a tunnel device.
//!
//! Source of truth: `__fib_validate_source` in net/ipv4/fib_frontend.c; `rp_filter` in ip-sysctl.rst:
//! the greater of `all` and the interface counts, 1 is strict, 2 loose.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::{InterfaceName, SettingKey};
use crate::notes::{Fix, Interface, set_sysctl};

pub(in super::super) static RULE: Rule = Rule {
    id: "rp-filter",
    title: "a tunnel device whose packets the reverse path filter drops",
    why: "packets of clients come out of the tunnel and their answers leave by another interface; the \
          strict filter takes such packets for forged and drops them",
    seen: "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.tunl0.rp_filter: the greater is 1; \
           nstat IpReversePathFilter counts up (TcpExtIPReversePathFilter)",
    severity: Severity::Outage,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

/// What the names of tunnel devices of the kernel begin with.
const KERNEL_DEVICES: [&str; 2] = ["tunl", "gre"];

fn look(inspection: &Inspection) -> Vec<Found> {
    let interfaces = inspection.interfaces();
    let tunnels = interfaces
        .iter()
        .filter(|one| one.is_up && is_tunnel(inspection, one));
    let mut found = Vec::new();
    for Interface { name, .. } in tunnels {
        let of =
            |name: &str| -> Option<u8> { inspection.of_interface(name, "rp_filter")?.parse().ok() };
        if of("all").max(of(name)) != Some(1) {
            continue;
        }
        // The greater counts, so 2 of the interface is enough, and `all` stays.
        found.push(Found {
            object: format!("interface {name}"),
            what: "rp_filter is 1 (strict): the kernel drops what clients send through the tunnel"
                .to_owned(),
            fix: Fix::Script(set_sysctl(&format!("net.ipv4.conf.{name}.rp_filter"), 2)),
        });
    }
    found
}

fn is_tunnel(inspection: &Inspection, interface: &Interface) -> bool {
    let is_declared = || {
        let name = InterfaceName::parse(&interface.name);
        name.is_ok_and(|name| {
            let settings = &inspection.observed.head.settings;
            settings.has(SettingKey::TunnelDevice(name))
        })
    };
    let name = interface.name.as_str();
    KERNEL_DEVICES.iter().any(|begin| name.starts_with(begin)) || is_declared()
}
