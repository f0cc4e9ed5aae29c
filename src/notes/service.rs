//! Notes about a virtual service and its servers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::find::{declare_vip, find, find_server, set_sysctl};
use super::{Facts, Fix, Note, Part, Route, Topic, answers, scheduler};
use crate::model::{Family, Forwarding, RealServer, ServerKey, ServiceKey, VirtualService, Weight};
use crate::plan::HeldServers;

pub(super) fn notes(
    key: &ServiceKey,
    service: &VirtualService,
    part: &Part,
    facts: &Facts,
    standby: &dyn Fn() -> bool,
    (quiesced_now, held): (&BTreeSet<(ServiceKey, ServerKey)>, &HeldServers),
) -> Vec<Note> {
    let mut notes = Vec::new();
    if part.service {
        notes.extend(key.addr().and_then(|vip| absent(vip, facts, standby)));
        notes.extend(scheduler::flags(key, service));
    }
    notes.extend(scheduler::hashed_away(key, service, part, quiesced_now));
    notes.extend(answers::notes(key, service, part, facts));
    notes.extend(without_servers(key, service, held));
    notes.extend(mixed(key, service));
    notes.extend(not_forwarded(key, service, facts));
    notes.extend(looped(key, service, part));
    let named = part.servers.iter().filter_map(|server| {
        let (server, options) = service.servers.get_key_value(server)?;
        (options.forward == Forwarding::Direct).then_some(server)
    });
    notes.extend(named.filter_map(|server| not_on_link(key, server, facts)));
    notes
}

/// IPVS sees what is delivered to this host (NF_INET_LOCAL_IN). `standby` says whether this may be
/// the director of a pair that waits: its VIP is elsewhere, and must not be in two places.
fn absent(vip: IpAddr, facts: &Facts, standby: &dyn Fn() -> bool) -> Option<Note> {
    let interface = match facts.route(vip)? {
        Route::Local => return None,
        Route::OnLink { interface } | Route::Via { interface, .. } => interface,
        Route::Nowhere => "lo".to_owned(),
    };
    let length = if vip.is_ipv4() { 32 } else { 128 };
    let (where_right, fix) = match standby() {
        true => (
            " (as it should be on a standby director)",
            Fix::Shell(format!("ip address show to {vip}/{length}")),
        ),
        false => ("", Fix::Script(declare_vip(vip, &interface))),
    };
    Some(Note {
        topic: Topic::Vip,
        object: format!("VIP {vip}"),
        what: format!("no address of this host, so its packets are not for IPVS{where_right}"),
        fix,
    })
}

/// `ip_vs_nat_xmit` drops what comes in from another host and would go to a loopback address; the
/// packets of this host's own clients it forwards.
fn looped(key: &ServiceKey, service: &VirtualService, part: &Part) -> Vec<Note> {
    let servers = service.servers.iter().filter(|(server, options)| {
        options.forward == Forwarding::Masq && server.addr.is_loopback()
    });
    let named = servers.filter(|(server, _)| part.service || part.servers.contains(server));
    let note = |server: &ServerKey| Note {
        topic: Topic::Loopback,
        object: format!("{key}: real server {server}"),
        what: "masquerading to a loopback address serves only clients on this host; packets of \
               other hosts are dropped"
            .to_owned(),
        // Direct routing hands it to a process of this host that listens at the VIP.
        fix: Fix::Script(match server.port == key.default_port() {
            true => format!(
                "{}.set(#{{ forward: \"direct\" }})",
                find_server(key, server)
            ),
            false => format!("{}.server(\"ADDRESS:{}\")", find(key), server.port),
        }),
    };
    named.map(|(server, _)| note(server)).collect()
}

fn without_servers(key: &ServiceKey, service: &VirtualService, held: &HeldServers) -> Option<Note> {
    let serves = service
        .servers
        .values()
        .any(|server| server.weight != Weight::ZERO);
    if !serves && held.keys().any(|(service, _)| service == key) {
        return Some(Note {
            topic: Topic::AllHeld,
            object: key.to_string(),
            what: "all real servers are down or in maintenance, so new clients are refused"
                .to_owned(),
            fix: Fix::Verb("ipvsh health".to_owned()),
        });
    }
    let Some((first, _)) = service.servers.first_key_value() else {
        return Some(Note {
            topic: Topic::NoServers,
            object: key.to_string(),
            what: "no real servers, so clients are refused".to_owned(),
            fix: Fix::Script(format!("{}.server(\"ADDRESS\")", find(key))),
        });
    };
    let quiesced = |server: &RealServer| server.weight == Weight::ZERO;
    service.servers.values().all(quiesced).then(|| Note {
        topic: Topic::AllQuiesced,
        object: key.to_string(),
        what: "all real servers have weight 0, so new clients are refused".to_owned(),
        fix: Fix::Script(format!("{}.set(#{{ weight: 1 }})", find_server(key, first))),
    })
}

fn mixed(key: &ServiceKey, service: &VirtualService) -> Option<Note> {
    let mut methods: BTreeMap<Forwarding, usize> = BTreeMap::new();
    for server in service.servers.values() {
        *methods.entry(server.forward).or_default() += 1;
    }
    if methods.len() < 2 {
        return None;
    }
    let list: Vec<String> = methods
        .iter()
        .map(|(method, count)| format!("{count} {method}"))
        .collect();
    Some(Note {
        topic: Topic::Mixed,
        object: key.to_string(),
        what: format!("real servers forward differently ({})", list.join(", ")),
        // Each may be as it has to be: which one is wrong only the operator knows.
        fix: Fix::Script(format!(
            "{}.find(\"ADDRESS\").set(#{{ forward: \"METHOD\" }})",
            find(key)
        )),
    })
}

/// Answers of masqueraded servers come back through this host, which has to pass them on to the
/// client.
fn not_forwarded(key: &ServiceKey, service: &VirtualService, facts: &Facts) -> Option<Note> {
    let family = key.family();
    let masqueraded = service
        .servers
        .iter()
        .filter_map(|(server, options)| (options.forward == Forwarding::Masq).then_some(server));
    let masqueraded: Vec<&ServerKey> = masqueraded.collect();
    if masqueraded.is_empty() || facts.forwards(family, None)? {
        return None;
    }
    let stuck = |server: &ServerKey| match facts.route(server.addr) {
        None => facts.declares_no_forwarding(family),
        Some(Route::Local) => false,
        Some(Route::Nowhere) => true,
        Some(Route::OnLink { interface } | Route::Via { interface, .. }) => {
            facts.forwards(family, Some(&interface)) == Some(false)
        }
    };
    let (topic, fix) = match family {
        Family::Ipv4 => (
            Topic::Forwarding4,
            Fix::Script(set_sysctl("net.ipv4.ip_forward", 1)),
        ),
        // A host that forwards forgets what routers told it, unless accept_ra is 2 (ip-sysctl).
        Family::Ipv6 => {
            let forward = Fix::Script(set_sysctl("net.ipv6.conf.all.forwarding", 1));
            let listen = "for f in /proc/sys/net/ipv6/conf/*/accept_ra; do \
                          grep -qx 0 $f || echo 2 >$f; done";
            (
                Topic::Forwarding6,
                Fix::Shell(format!("{listen}; {forward}")),
            )
        }
    };
    masqueraded.into_iter().any(stuck).then(|| Note {
        topic,
        object: key.to_string(),
        what: format!(
            "masquerades, and this host does not forward {family}, so answers do not reach \
                 clients"
        ),
        fix,
    })
}

/// Direct routing hands the packet to the server's own hardware address.
fn not_on_link(key: &ServiceKey, server: &ServerKey, facts: &Facts) -> Option<Note> {
    // A network that is down for now looks like one behind the default router.
    let method = || {
        Fix::Script(format!(
            "{}.set(#{{ forward: \"METHOD\" }})",
            find_server(key, server)
        ))
    };
    let (where_to, fix) = match facts.route(server.addr)? {
        Route::Local | Route::OnLink { .. } => return None,
        Route::Via {
            gateway: Some(gateway),
            ..
        } => (format!("it is behind the router {gateway}"), method()),
        Route::Via { .. } => ("it is behind a router".to_owned(), method()),
        // Its network may only be down for now.
        Route::Nowhere => (
            "there is no route to it".to_owned(),
            Fix::Shell(format!("ip route get {}", server.addr)),
        ),
    };
    Some(Note {
        topic: Topic::NotOnLink,
        object: format!("{key}: real server {server}"),
        what: format!("direct routing needs a directly connected network, and {where_to}"),
        fix,
    })
}
