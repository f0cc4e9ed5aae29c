//! Notes about requests or answers that do not arrive: they take another way, or none.
//!
//! Source of truth: `crosses_local_route_boundary` in ip_vs_xmit.c.

use super::find::find;
use super::{Facts, Fix, Note, Part, Topic, shared_network};
use std::net::IpAddr;

use crate::model::{Forwarding, Protocol, RealServer, ServerKey, ServiceKey, VirtualService};

/// What is to be said of a service with a VIP.
pub(super) fn notes(
    key: &ServiceKey,
    service: &VirtualService,
    part: &Part,
    facts: &Facts,
) -> Vec<Note> {
    let ServiceKey::Address {
        protocol,
        addr,
        port,
    } = *key
    else {
        return Vec::new();
    };
    let named = service
        .servers
        .iter()
        .filter(|(server, _)| part.service || part.servers.contains(server));
    let servers: Vec<(&ServerKey, &RealServer)> = named.collect();
    let vip = (protocol, addr, port);
    let loopback = loopback_vip(key, vip, &servers, facts);
    let shared = same_network(key, addr, &servers, facts);
    loopback.into_iter().chain(shared).collect()
}

/// A loopback VIP has clients on this host only, whose source is a loopback address as well: the
/// kernel hands such packets to no other host.
fn loopback_vip(
    key: &ServiceKey,
    (protocol, vip, port): (Protocol, IpAddr, u16),
    servers: &[(&ServerKey, &RealServer)],
    facts: &Facts,
) -> Option<Note> {
    if !vip.is_loopback() {
        return None;
    }
    let is_here = |server: &ServerKey| {
        server.addr.is_loopback() || facts.route(server.addr) == Some(super::Route::Local)
    };
    let mut servers = servers.iter().map(|(server, _)| *server);
    let first = servers.find(|server| !is_here(server))?;
    Some(Note {
        topic: Topic::LoopbackVip,
        object: key.to_string(),
        what: format!(
            "{vip} is a loopback address: only clients on this host reach it, and the kernel sends \
             their packets to no other host, such as {first}"
        ),
        fix: Fix::Script(format!(
            "{protocol}(\"ADDRESS:{port}\", #{{ servers: [\"{first}\"] }})"
        )),
    })
}

/// A masqueraded server answers a client of its own network directly, with an address that the
/// client did not ask. Such clients are to be expected where the VIP is in that network, too.
fn same_network(
    key: &ServiceKey,
    vip: IpAddr,
    servers: &[(&ServerKey, &RealServer)],
    facts: &Facts,
) -> Option<Note> {
    let mut masqueraded = servers
        .iter()
        .filter(|(server, options)| {
            options.forward == Forwarding::Masq && !server.addr.is_loopback()
        })
        .peekable();
    masqueraded.peek()?;
    let (server, network) = masqueraded.find_map(|(server, _)| {
        let (_, network) = shared_network(facts.interfaces(), vip, server.addr)?;
        Some((server, network))
    })?;
    // An operator who set this to 1 has the kernel translate the source as well, or means to; what
    // `snat` of another service sets says nothing of this one.
    let is_tracked = || facts.ipvs_setting("conntrack").as_deref() != Some("0");
    if facts.has_source_nat(Some(key)) || !facts.has_source_nat(None) && is_tracked() {
        return None;
    }
    Some(Note {
        topic: Topic::SameNetwork,
        object: key.to_string(),
        what: format!(
            "a client in {network} drops the answers of real server {server}: both are in one \
             network, so they bypass this host and come from another address than {vip}"
        ),
        fix: Fix::Script(format!("{}.set(#{{ snat: true }})", find(key))),
    })
}
