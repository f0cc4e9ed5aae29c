//! Notes about the port of a mark's real servers, which the kernel does not always use.

use super::find::{find, find_server};
use super::{Fix, Note, Part, Topic};
use crate::model::{Forwarding, MarkKey, RealServer, Ruleset, ServerKey, ServiceKey};

/// Says which servers name a port that they are not asked at, the first of each cause.
///
/// Only masquerading changes the port. With persistence `ip_vs_sched_persist` changes it only where
/// the client asked the service's own port, and a service of a mark has none.
pub(super) fn notes(key: &ServiceKey, part: &Part, rules: &Ruleset) -> Vec<Note> {
    let (Some(mark), Some(service)) = (MarkKey::of_service(key), rules.services.get(key)) else {
        return Vec::new();
    };
    let fed = rules.rules_of(mark);
    // Somebody else's rules are not looked at: of these the ports are not known.
    let is_asked_elsewhere = |server: &ServerKey| {
        let only = |first: u16, last: u16| (first, last) == (server.port, server.port);
        let mut ports = fed.iter().map(|rule| rule.ports.as_slice());
        server.port != 0
            && ports
                .any(|ports| ports.is_empty() || !ports.iter().all(|p| only(p.first(), p.last())))
    };
    let named = service.servers.iter().filter(|(server, _)| {
        (part.service || part.servers.contains(server)) && is_asked_elsewhere(server)
    });
    let named: Vec<(&ServerKey, &RealServer)> = named.collect();
    let is_masqueraded = |options: &RealServer| options.forward == Forwarding::Masq;
    let persistent = named
        .iter()
        .find(|(_, options)| is_masqueraded(options) && service.options.persistent.is_some())
        .map(|(server, _)| Note {
            topic: Topic::Port,
            object: key.to_string(),
            what: format!(
                "is persistent, so real servers get packets at the port that the client asked, \
                 not at {port}; to keep persistence, redirect the other ports to {port} in the nat \
                 table and set net.ipv4.vs.conntrack=1",
                port = server.port
            ),
            fix: Fix::Script(format!("{}.set(#{{ persistent: 0 }})", find(key))),
        });
    let unchanged = named
        .iter()
        .find(|(_, options)| !is_masqueraded(options))
        .map(|(server, options)| Note {
            topic: Topic::Port,
            object: format!("{key}: real server {server}"),
            what: format!(
                "forward {} cannot change the port, so it gets packets at the port that the client \
                 asked, not at {}",
                options.forward, server.port
            ),
            fix: Fix::Script(format!(
                "{}.set(#{{ forward: \"masq\" }})",
                find_server(key, server)
            )),
        });
    persistent.into_iter().chain(unchanged).collect()
}
