//! Notes about requests or answers that do not arrive: they take another way, or none.
//!
//! Source of truth: `crosses_local_route_boundary` in ip_vs_xmit.c.

use super::{Facts, Note, Part, Topic};
use crate::model::{Forwarding, ServerKey, ServiceKey, VirtualService};

/// A loopback VIP has clients on this host only, whose source is a loopback address as well: the
/// kernel hands such packets to no other host.
pub(super) fn loopback_vip(
    key: &ServiceKey,
    service: &VirtualService,
    part: &Part,
    facts: &Facts,
) -> Option<Note> {
    let ServiceKey::Address {
        protocol,
        addr: vip,
        port,
    } = key
    else {
        return None;
    };
    if !vip.is_loopback() {
        return None;
    }
    let is_here = |server: &ServerKey| {
        server.addr.is_loopback() || facts.route(server.addr) == Some(super::Route::Local)
    };
    let named = |server: &&ServerKey| part.service || part.servers.contains(server);
    let mut servers = service.servers.keys().filter(named);
    let first = servers.find(|server| !is_here(server))?;
    Some(Note {
        topic: Topic::LoopbackVip,
        object: key.to_string(),
        what: format!(
            "{vip} is a loopback address: only clients on this host reach it, and the kernel sends \
             their packets to no other host, such as {first}"
        ),
        fix: format!("{protocol}(\"ADDRESS:{port}\", #{{ servers: [\"{first}\"] }})"),
    })
}

/// A masqueraded server answers a client of its own network directly, with an address that the
/// client did not ask. Such clients are to be expected where the VIP is in that network, too.
pub(super) fn same_network(
    key: &ServiceKey,
    service: &VirtualService,
    part: &Part,
    facts: &Facts,
) -> Option<Note> {
    let ServiceKey::Address {
        protocol,
        addr: vip,
        port,
    } = key
    else {
        return None;
    };
    let mut masqueraded = service
        .servers
        .iter()
        .filter(|(server, options)| {
            options.forward == Forwarding::Masq
                && !server.addr.is_loopback()
                && (part.service || part.servers.contains(server))
        })
        .peekable();
    masqueraded.peek()?;
    let networks = facts.interfaces().iter().filter(|one| !one.is_loopback);
    let networks: Vec<_> = networks.flat_map(|one| &one.networks).collect();
    let shared = |server: &ServerKey| {
        let mut all = networks.iter();
        let holds = |network: &&&ipnet::IpNet| {
            network.prefix_len() < network.max_prefix_len()
                && network.addr() != server.addr
                && network.contains(&server.addr)
                && network.contains(vip)
        };
        all.find(holds).map(|network| network.trunc())
    };
    let (server, network) = masqueraded.find_map(|(server, _)| Some((server, shared(server)?)))?;
    // Whoever turned this on has the kernel translate the source as well, or means to.
    if facts.ipvs_setting("conntrack").as_deref() != Some("0") {
        return None;
    }
    let iptables = if vip.is_ipv4() {
        "iptables"
    } else {
        "ip6tables"
    };
    let port = match port {
        0 => String::new(),
        port => format!(" --vport {port}"),
    };
    Some(Note {
        topic: Topic::SameNetwork,
        object: key.to_string(),
        what: format!(
            "a client in {network} drops the answers of real server {server}: both are in one \
             network, so they bypass this host and come from another address than {vip}"
        ),
        fix: format!(
            "sysctl -w net.ipv4.vs.conntrack=1; {iptables} -t nat -A POSTROUTING -s {network} \
             -m ipvs --vproto {protocol} --vaddr {vip}{port} -j MASQUERADE"
        ),
    })
}
