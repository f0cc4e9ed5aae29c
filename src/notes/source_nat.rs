//! Notes about a service whose servers see the director in the place of the client.

use std::net::IpAddr;

use super::find::{declare_vip, find};
use super::{Facts, Fix, Note, Route, Topic};
use crate::model::{Forwarding, RealServer, ServiceKey, SourceNat, VirtualService};

/// What is to be said of a service that has source NAT; `is_new` where the change sets it up.
pub(super) fn notes(
    key: &ServiceKey,
    service: &VirtualService,
    snat: SourceNat,
    is_new: bool,
    facts: &Facts,
) -> Vec<Note> {
    let masqueraded = |server: &RealServer| server.forward == Forwarding::Masq;
    // A service without servers has a note of its own.
    if service.servers.is_empty() {
        return Vec::new();
    }
    if !service.servers.values().any(masqueraded) {
        return vec![without_masquerading(key)];
    }
    let missing = match snat {
        SourceNat::Address(addr) => not_here(key, addr, facts),
        SourceNat::Masquerade => None,
    };
    let seen = is_new.then(|| seen_instead(key, snat));
    missing.into_iter().chain(seen).collect()
}

fn without_masquerading(key: &ServiceKey) -> Note {
    Note {
        topic: Topic::NoMasq,
        object: key.to_string(),
        what: "snat changes nothing: it is for masqueraded servers, and there is none".to_owned(),
        fix: Fix::Script(format!("{}.set(#{{ snat: false }})", find(key))),
    }
}

/// Servers answer to the address, and the network takes the answer to the host that has it.
fn not_here(key: &ServiceKey, addr: IpAddr, facts: &Facts) -> Option<Note> {
    let interface = match facts.route(addr)? {
        Route::Local => return None,
        Route::OnLink { interface } | Route::Via { interface, .. } => interface,
        Route::Nowhere => "lo".to_owned(),
    };
    Some(Note {
        topic: Topic::SnatAddress,
        object: key.to_string(),
        what: format!(
            "snat names {addr}, which is no address of this host, so the answers of real servers do \
             not come back"
        ),
        fix: Fix::Script(declare_vip(addr, &interface)),
    })
}

fn seen_instead(key: &ServiceKey, snat: SourceNat) -> Note {
    let seen = match snat {
        SourceNat::Masquerade => "an address of this host".to_owned(),
        SourceNat::Address(addr) => addr.to_string(),
    };
    Note {
        topic: Topic::ClientAddress,
        object: key.to_string(),
        what: format!(
            "real servers see {seen} in the place of each client's address, also in their logs and \
             limits"
        ),
        // The director still knows who the clients are.
        fix: Fix::Verb("ipvsh show connections".to_owned()),
    }
}
