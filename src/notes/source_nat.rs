//! Notes about a service whose servers see the director in the place of the client.

use super::find::find;
use super::{Fix, Note, Topic};
use crate::model::{Forwarding, ServiceKey, SourceNat, VirtualService};

/// What is to be said of a service that has source NAT; `is_new` where the change sets it up.
pub(super) fn note(
    key: &ServiceKey,
    service: &VirtualService,
    snat: SourceNat,
    is_new: bool,
) -> Option<Note> {
    let mut servers = service.servers.values().peekable();
    // A service without servers has a note of its own.
    servers.peek()?;
    let is_masqueraded = servers.any(|server| server.forward == Forwarding::Masq);
    match (is_masqueraded, is_new) {
        (false, _) => Some(Note {
            topic: Topic::NoMasq,
            object: key.to_string(),
            what: "snat changes nothing: it is for masqueraded servers, and there is none"
                .to_owned(),
            fix: Fix::Script(format!("{}.set(#{{ snat: false }})", find(key))),
        }),
        (true, true) => {
            let seen = match snat {
                SourceNat::Masquerade => "an address of this host".to_owned(),
                SourceNat::Address(addr) => addr.to_string(),
            };
            Some(Note {
                topic: Topic::ClientAddress,
                object: key.to_string(),
                what: format!(
                    "real servers see {seen} in the place of each client's address, also in their \
                     logs and limits"
                ),
                // The director still knows who the clients are.
                fix: Fix::Verb("ipvsh show connections".to_owned()),
            })
        }
        (true, false) => None,
    }
}
