//! `HOST[:PORT]`, `[IPV6]:PORT`: the text form of services and servers.

use std::net::{IpAddr, Ipv6Addr};

use super::host;
use super::number::{inet_aton, small};

/// An address, and a port where one was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

impl Endpoint {
    /// Reads one; host names are looked up (IPv4 only), names of ports by the protocol's number.
    ///
    /// As the original: brackets need a port behind them, `[192.0.2.1]:80` loses its port, a text
    /// of digits alone is nothing.
    pub(super) fn parse(text: &str, protocol: u16) -> Option<Endpoint> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (text, bracketed) = match text.strip_prefix('[') {
            Some(rest) => {
                let (inside, port) = rest.split_once(']')?;
                (inside, Some(port.strip_prefix(':')?))
            }
            None => (text, None),
        };
        let (address, port) = match text.parse::<Ipv6Addr>() {
            Ok(address) => (IpAddr::V6(address), bracketed),
            Err(_) => {
                let (host, port) = match text.rsplit_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                let address = inet_aton(host).or_else(|| host::address(host))?;
                (IpAddr::V4(address), port)
            }
        };
        let port = match port {
            None => None,
            Some(port) => Some(small(port, 0, 65535).or_else(|| host::port(port, protocol))?),
        };
        Some(Endpoint { address, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_in_all_their_spellings() {
        for (text, wanted) in [
            ("192.0.2.1:80", Some(("192.0.2.1", Some(80)))),
            ("192.0.2.1", Some(("192.0.2.1", None))),
            ("192.0.2.1:+80", Some(("192.0.2.1", Some(80)))),
            ("[2001:db8::1]:80", Some(("2001:db8::1", Some(80)))),
            ("2001:db8::1", Some(("2001:db8::1", None))),
            ("[192.0.2.1]:80", Some(("192.0.2.1", None))),
            ("1.2.3:85", Some(("1.2.0.3", Some(85)))),
            ("[2001:db8::1]", None),
            ("[2001:db8::1", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:-1", None),
            ("80", None),
            ("", None),
            (":80", None),
        ] {
            let wanted = wanted.map(|(address, port)| Endpoint {
                address: address.parse().unwrap(),
                port,
            });
            assert_eq!(Endpoint::parse(text, 6), wanted, "{text:?}");
        }
    }
}
