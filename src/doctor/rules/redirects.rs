//! `redirects`: masquerading within one network, on a host that sends ICMP redirects.
//!
//! Source of truth: `ip_rt_send_redirect` in net/ipv4/route.c; `send_redirects` in ip-sysctl.rst: the
//! kernel sends them where `all` or the interface has it on.

use std::net::IpAddr;

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::notes::{Fix, set_sysctl, shared_network};

pub(in super::super) static RULE: Rule = Rule {
    id: "redirects",
    title: "masquerading in one network on a host that sends redirects",
    why: "this host tells the real servers to answer past it, and their answers then carry an address \
          that the client did not ask",
    seen: "tcpdump icmp on a real server: redirect; the first requests are answered, later ones hang",
    severity: Severity::Outage,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let candidates = || inspection.masqueraded().filter(|(_, vip, _)| vip.is_ipv4());
    if candidates().next().is_none() {
        return Vec::new();
    }
    let interfaces = inspection.interfaces();
    let mut found: Vec<Found> = Vec::new();
    let mut looked: Vec<String> = Vec::new();
    for (key, vip, server) in candidates() {
        let Some((interface, network)) = shared_network(&interfaces, vip, server.addr) else {
            continue;
        };
        if looked.contains(&interface.name) {
            continue;
        }
        looked.push(interface.name.clone());
        let on: Vec<&str> = ["all", interface.name.as_str()]
            .into_iter()
            .filter(|name| sends(inspection, name))
            .collect();
        if on.is_empty() {
            continue;
        }
        let off: Vec<String> = on
            .iter()
            .map(|name| set_sysctl(&format!("net.ipv4.conf.{name}.send_redirects"), 0))
            .collect();
        found.push(Found {
            object: key.to_string(),
            what: what(vip, server.addr, &network.to_string(), &interface.name),
            fix: Fix::Script(off.join("; ")),
        });
    }
    found
}

fn sends(inspection: &Inspection, interface: &str) -> bool {
    let setting = inspection.of_interface(interface, "send_redirects");
    setting.is_some_and(|value| value != "0")
}

fn what(vip: IpAddr, server: IpAddr, network: &str, interface: &str) -> String {
    format!(
        "VIP {vip} and real server {server} are both in {network}, and this host sends redirects on \
         {interface}: servers are told to bypass it"
    )
}
