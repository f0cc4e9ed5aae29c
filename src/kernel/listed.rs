//! Owns the cheap look at many services: the list in `/proc/net/ip_vs`.
//!
//! May import: `model`, `ipvs`, `convert`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use super::convert;
use crate::ipvs::{self, ListLine};
use crate::model::{Forwarding, RealServer, Ruleset, ServerKey, ServiceKey};

/// Says whether the list shows of these services exactly the servers that a ruleset has, as far as
/// it shows them. No where it cannot be read, or cannot tell: it does not say which family the
/// service of a mark is of.
pub(super) fn holds(keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> bool {
    !keys.iter().any(ServiceKey::is_mark)
        && ipvs::open_list().is_ok_and(|list| shows(list, keys, rules))
}

fn shows(list: impl BufRead, keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> bool {
    let nothing = BTreeMap::new();
    let wanted = |key: &ServiceKey| {
        let service = rules.services.get(key);
        service.map_or(&nothing, |service| &service.servers)
    };
    // Between two reads the table may change, and a server may come twice, or never.
    let mut missing: BTreeMap<ServiceKey, BTreeSet<ServerKey>> = keys
        .iter()
        .map(|key| (*key, wanted(key).keys().copied().collect()))
        .collect();
    let mut at = None;
    let read = ipvs::each_listed(list, |line| match line {
        ListLine::Service(id) => {
            at = id.as_ref().map(convert::service_key);
            true
        }
        ListLine::Server {
            address,
            forward,
            weight,
            ..
        } => {
            let Some((key, missing)) = at.and_then(|key| Some((key, missing.get_mut(&key)?)))
            else {
                return true;
            };
            let server = ServerKey {
                addr: address.ip(),
                port: address.port(),
            };
            let listed = (convert::forwarding(forward), i64::from(weight));
            missing.remove(&server)
                && wanted(&key)
                    .get(&server)
                    .is_some_and(|wanted| seen_of(wanted) == listed)
        }
    });
    read.is_ok() && missing.values().all(BTreeSet::is_empty)
}

/// What the list shows of a server.
fn seen_of(server: &RealServer) -> (Forwarding, i64) {
    (server.forward, server.weight.value().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, VirtualService, Weight};

    const LIST: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C000020A:0050 wlc
  -> 0A00000B:1F90      Masq    1      2          3
  -> 0A00000C:1F90      Masq    7      0          0
UDP  C000020A:0035 rr
  -> 0A00000D:0035      Route   1      0          0
";

    fn key(name: &str) -> ServiceKey {
        ServiceKey::parse(name).unwrap()
    }

    fn rules() -> Ruleset {
        let web = key("tcp 192.0.2.10:80");
        let mut service = VirtualService::new(Family::Ipv4);
        for (name, weight) in [("10.0.0.11:8080", 1), ("10.0.0.12:8080", 7)] {
            let server = RealServer {
                forward: Forwarding::Masq,
                weight: Weight::new(weight).unwrap(),
                ..RealServer::default()
            };
            service
                .servers
                .insert(ServerKey::parse(name, &web).unwrap(), server);
        }
        let mut rules = Ruleset::default();
        rules.services.insert(web, service);
        rules
    }

    fn shown(rules: &Ruleset) -> bool {
        let keys = BTreeSet::from([key("tcp 192.0.2.10:80")]);
        shows(LIST.as_bytes(), &keys, rules)
    }

    #[test]
    fn what_is_listed_is_held_and_what_differs_is_not() {
        assert!(shown(&rules()));
        let web = key("tcp 192.0.2.10:80");
        let server = ServerKey::parse("10.0.0.11:8080", &web).unwrap();
        for change in [
            |server: &mut RealServer| server.weight = Weight::ZERO,
            |server: &mut RealServer| server.forward = Forwarding::Tunnel,
        ] {
            let mut other = rules();
            change(
                other
                    .services
                    .get_mut(&web)
                    .unwrap()
                    .servers
                    .get_mut(&server)
                    .unwrap(),
            );
            assert!(!shown(&other));
        }
        let mut fewer = rules();
        fewer
            .services
            .get_mut(&web)
            .unwrap()
            .servers
            .remove(&server);
        assert!(!shown(&fewer));
        let mut more = rules();
        let another = ServerKey::parse("10.0.0.13:8080", &web).unwrap();
        let servers = &mut more.services.get_mut(&web).unwrap().servers;
        servers.insert(another, RealServer::default());
        assert!(!shown(&more));
    }

    #[test]
    fn a_mark_is_not_told_by_the_list() {
        let keys = BTreeSet::from([key("fwmark 1")]);
        assert!(!holds(&keys, &Ruleset::default()));
    }
}
