//! `vip-source`: an IPv6 VIP that this host may choose as the source of its own connections.
//!
//! Source of truth: RFC 6724, rule 3 (deprecated addresses are avoided); `ipv6_dev_get_saddr` in
//! net/ipv6/addrconf.c; ip-address(8), preferred_lft.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::ServiceKey;
use crate::notes::{Fix, Host, Interface};

pub(in super::super) static RULE: Rule = Rule {
    id: "vip-source",
    title: "an IPv6 VIP that connections of this host may leave from",
    why: "connections of this host, those of its checks too, break when the VIP moves to another director",
    seen: "ip -6 address show: the VIP is not deprecated; ss -tn: the VIP as a local address",
    severity: Severity::Risk,
    is_safe: false,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let services = inspection.observed.live.services.keys();
    let vips: BTreeSet<IpAddr> = services
        .filter_map(ServiceKey::addr)
        .filter(IpAddr::is_ipv6)
        .collect();
    if vips.is_empty() {
        return Vec::new();
    }
    let interfaces = inspection.interfaces();
    let others = interfaces.iter().filter(|one| !one.is_loopback);
    let mut found = Vec::new();
    for interface in others {
        let own = global(interface);
        // Without another address the VIP is the only source that there is.
        if own
            .iter()
            .all(|(addr, _)| vips.contains(&IpAddr::V6(*addr)))
        {
            continue;
        }
        for (addr, length) in own {
            let is_vip = vips.contains(&IpAddr::V6(addr));
            if is_vip && inspection.host.is_preferred(addr) == Some(true) {
                found.push(found_at(addr, length, &interface.name));
            }
        }
    }
    found
}

fn found_at(vip: Ipv6Addr, length: u8, interface: &str) -> Found {
    Found {
        object: format!("VIP {vip}"),
        what: format!(
            "it is a preferred address of {interface}: connections of this host may leave from it"
        ),
        fix: Fix::Shell(format!(
            "ip address change {vip}/{length} dev {interface} preferred_lft 0"
        )),
    }
}

/// The global IPv6 addresses of an interface, each with its prefix's length.
fn global(interface: &Interface) -> Vec<(Ipv6Addr, u8)> {
    let addr = |own: &ipnet::IpNet| match own.addr() {
        IpAddr::V6(addr) if !addr.is_unicast_link_local() => Some((addr, own.prefix_len())),
        _ => None,
    };
    interface.networks.iter().filter_map(addr).collect()
}
