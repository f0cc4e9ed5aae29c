//! What `services(...)` and `servers(...)` select by.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::error::Result;
use crate::model::ServiceKey;
use crate::model::address::Endpoint;

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
            .map_err(|e| e.hint(hint))
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

    pub(super) fn fits_service(&self, key: &ServiceKey) -> bool {
        match *key {
            ServiceKey::Address { addr, port, .. } => self.fits(addr, port),
            ServiceKey::Fwmark { .. } => false,
        }
    }
}
