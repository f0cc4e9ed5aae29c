//! What `services(...)` and `servers(...)` select by.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::error::Result;
use crate::model::address::Endpoint;
use crate::model::{MarkRule, ServiceKey};

/// What `services(...)` and `servers(...)` select by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// A port.
    Port(u16),
    /// An address, with or without a port.
    Endpoint(Endpoint),
    /// A network.
    Net(IpNet),
}

impl Filter {
    /// Parses `80`, `192.0.2.10`, `192.0.2.10:80` or `192.0.2.0/24`.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Filter> {
        let hint = "a filter is an address, a port or a network";
        if text.contains('/') {
            return crate::model::mark::parse_net(text)
                .map(Filter::Net)
                .map_err(|e| e.hint(hint));
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return crate::model::address::parse_port(text).map(Filter::Port);
        }
        Endpoint::parse(text)
            .map(Filter::Endpoint)
            .map_err(|error| {
                let network = network(text).map(|net| format!("for a network: {net}"));
                error.maybe_hint(network).hint(hint)
            })
    }

    /// Says whether it selects an address and port.
    pub fn fits(&self, addr: IpAddr, port: u16) -> bool {
        match self {
            Filter::Port(wanted) => *wanted == port,
            Filter::Endpoint(wanted) => {
                wanted.addr == addr && wanted.port.is_none_or(|wanted| wanted == port)
            }
            Filter::Net(net) => net.contains(&addr),
        }
    }

    /// Returns true if it selects packets that a mark rule with an address is for.
    pub(super) fn fits_rule(&self, rule: &MarkRule) -> bool {
        let Some(to) = rule.to else {
            return false;
        };
        let has_port = |port: u16| {
            let mut ports = rule.ports.iter();
            rule.ports.is_empty()
                || ports.any(|range| (range.first()..=range.last()).contains(&port))
        };
        match self {
            Filter::Port(port) => !rule.ports.is_empty() && has_port(*port),
            Filter::Endpoint(wanted) => {
                to.contains(&wanted.addr) && wanted.port.is_none_or(has_port)
            }
            Filter::Net(net) => net.contains(&to) || to.contains(net),
        }
    }

    pub(super) fn fits_service(&self, key: &ServiceKey) -> bool {
        match *key {
            ServiceKey::Address { addr, port, .. } => self.fits(addr, port),
            ServiceKey::Fwmark { .. } => false,
        }
    }
}

/// The network that the first two or three numbers of an address are meant for.
fn network(text: &str) -> Option<String> {
    let numbers = text.trim_end_matches('.').split('.');
    let numbers: Vec<u8> = numbers
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    match numbers.as_slice() {
        [a, b] => Some(format!("{a}.{b}.0.0/16")),
        [a, b, c] => Some(format!("{a}.{b}.{c}.0/24")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_address_is_answered_with_its_network() {
        for (text, net) in [
            ("10.0.0", "10.0.0.0/24"),
            ("10.0.0.", "10.0.0.0/24"),
            ("172.16", "172.16.0.0/16"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.hints().contains(&format!("for a network: {net}")));
        }
        for text in ["10.0.0.300", "10.0.300", "web", ""] {
            let hints = Filter::parse(text).unwrap_err().hints().join("\n");
            assert!(!hints.contains("for a network"), "{text}: {hints}");
        }
    }
}
