//! `server`: this host is a real server of direct routing or a tunnel, and answers ARP for the VIP.
//!
//! Source of truth: `arp_ignore` and `arp_announce` in net/ipv4/arp.c; ip-sysctl.rst: the greater of
//! `all` and the interface that the question comes in by counts.
//!
//! A real server is known by its VIP: an address on lo with the whole prefix, in a network of another
//! interface, that no service here has. An address that a router announces is in no such network.

use std::net::IpAddr;

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::ServiceKey;
use crate::notes::{Fix, Interface, set_sysctl};

/// The settings that keep a VIP silent, each with the least value that does.
const SETTINGS: [(&str, u32); 2] = [("arp_ignore", 1), ("arp_announce", 2)];

pub(in super::super) static RULE: Rule = Rule {
    id: "server",
    title: "a real server that answers ARP for the VIP on its lo",
    why: "the router may send the clients of the VIP to this host instead of the director: nothing is \
          balanced, and services of other servers fail",
    seen: "sysctl net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce: less than 1 and 2; arping \
           -D -I eth0 VIP from a neighbour: this host answers",
    severity: Severity::Risk,
    is_safe: false,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let rules = inspection.observed.live;
    // A mark has no address: any VIP may be its service's.
    if rules.services.keys().any(|key| key.addr().is_none()) {
        return Vec::new();
    }
    let interfaces = inspection.interfaces();
    let mut found = Vec::new();
    for vip in silent_vips(&interfaces) {
        let is_served = rules
            .services
            .keys()
            .filter_map(ServiceKey::addr)
            .any(|own| own == vip);
        // A VIP that was declared silent has a rule of its own.
        let is_declared = || {
            inspection
                .observed
                .head
                .settings
                .vips()
                .any(|(key, _)| key.addr == vip)
        };
        if is_served || is_declared() {
            continue;
        }
        for interface in interfaces.iter().filter(|one| holds(one, vip)) {
            found.extend(heard(inspection, vip, &interface.name));
        }
    }
    found
}

/// The IPv4 addresses on lo that are no loopback addresses, each with the whole prefix.
fn silent_vips(interfaces: &[Interface]) -> Vec<IpAddr> {
    let loopback = interfaces.iter().filter(|one| one.is_loopback);
    let networks = loopback.flat_map(|one| &one.networks);
    networks
        .filter(|own| own.prefix_len() == own.max_prefix_len())
        .map(ipnet::IpNet::addr)
        .filter(|addr| addr.is_ipv4() && !addr.is_loopback())
        .collect()
}

/// Returns true if an interface that is up has a network with this address in it.
fn holds(interface: &Interface, vip: IpAddr) -> bool {
    let mut networks = interface.networks.iter();
    let is_network =
        |own: &ipnet::IpNet| own.prefix_len() < own.max_prefix_len() && own.contains(&vip);
    !interface.is_loopback && interface.is_up && networks.any(is_network)
}

/// What neighbours hear of a VIP at an interface.
fn heard(inspection: &Inspection, vip: IpAddr, interface: &str) -> Option<Found> {
    let mut lacking = Vec::new();
    for (name, least) in SETTINGS {
        let of = |of: &str| -> Option<u32> { inspection.of_interface(of, name)?.parse().ok() };
        let value = of("all")?.max(of(interface)?);
        if value < least {
            lacking.push((name, value, least));
        }
    }
    let values: Vec<String> = lacking
        .iter()
        .map(|(name, value, _)| format!("{name} is {value}"))
        .collect();
    let fixes: Vec<String> = lacking
        .iter()
        .map(|(name, _, least)| set_sysctl(&format!("net.ipv4.conf.all.{name}"), *least))
        .collect();
    (!lacking.is_empty()).then(|| Found {
        object: format!("VIP {vip}"),
        what: format!(
            "it is on lo as on a real server, and at {interface} {}: neighbours learn that it is here",
            values.join(" and ")
        ),
        fix: Fix::Script(fixes.join("; ")),
    })
}
