//! Names of services and servers: [`ServiceKey`], [`ServerKey`], and what people type for them.
//!
//! Text forms (DESIGN: "Text names"): `tcp 192.0.2.10:80`, `udp [2001:db8::10]:53`, `sctp ...`,
//! `fwmark 666`, `fwmark6 666`; a bare `192.0.2.10:80` where only one service is meant.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::address::{Endpoint, Family, endpoint, with_port_behind, write_endpoint};
use crate::error::{Error, Result, did_you_mean};

/// An IP protocol number; the kernel keeps whatever it was given, so this holds all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u16);

impl Protocol {
    /// IPPROTO_TCP.
    pub const TCP: Protocol = Protocol(6);
    /// IPPROTO_UDP.
    pub const UDP: Protocol = Protocol(17);
    /// IPPROTO_SCTP.
    pub const SCTP: Protocol = Protocol(132);

    /// Parses `tcp`, `udp`, `sctp` (any case) or `protocol-N`.
    pub fn parse(text: &str) -> Option<Protocol> {
        match text.to_lowercase().as_str() {
            "tcp" => Some(Protocol::TCP),
            "udp" => Some(Protocol::UDP),
            "sctp" => Some(Protocol::SCTP),
            other => other.strip_prefix("protocol-")?.parse().ok().map(Protocol),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Protocol::TCP => f.write_str("tcp"),
            Protocol::UDP => f.write_str("udp"),
            Protocol::SCTP => f.write_str("sctp"),
            Protocol(other) => write!(f, "protocol-{other}"),
        }
    }
}

/// A firewall mark: 1 to 2^32-1. Zero means "no mark" to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fwmark(std::num::NonZeroU32);

impl Fwmark {
    /// Makes a mark from a number.
    ///
    /// # Errors
    /// `invalid` for 0, negative numbers and those above 2^32-1.
    pub fn new(value: i64) -> Result<Fwmark> {
        u32::try_from(value)
            .ok()
            .and_then(std::num::NonZeroU32::new)
            .map(Fwmark)
            .ok_or_else(|| {
                Error::invalid(format!("mark {value} is out of range"))
                    .about("mark")
                    .hint("a mark is 1 to 4294967295")
            })
    }

    /// Parses a decimal number, or a hexadecimal one after `0x` (as iptables prints them).
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn parse(text: &str) -> Result<Fwmark> {
        let number = match text.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).ok(),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        match number {
            Some(number) => Fwmark::new(number),
            None => Err(Error::invalid(format!("\"{text}\" is not a mark"))
                .about(text)
                .hint("a mark is 1 to 4294967295")),
        }
    }

    /// The number.
    pub fn value(self) -> u32 {
        self.0.get()
    }
}

impl From<std::num::NonZeroU32> for Fwmark {
    fn from(number: std::num::NonZeroU32) -> Fwmark {
        Fwmark(number)
    }
}

impl From<Fwmark> for std::num::NonZeroU32 {
    fn from(mark: Fwmark) -> std::num::NonZeroU32 {
        mark.0
    }
}

impl fmt::Display for Fwmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Identifies a virtual service in one network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKey {
    /// A service at an address: protocol, VIP and port (0: every port, needs persistence).
    Address {
        /// The protocol.
        protocol: Protocol,
        /// The VIP.
        addr: IpAddr,
        /// The port; 0 stands for all ports.
        port: u16,
    },
    /// A service for packets that carry a firewall mark.
    Fwmark {
        /// The family: `fwmark` and `fwmark6` are two services.
        family: Family,
        /// The mark.
        mark: Fwmark,
    },
}

impl ServiceKey {
    /// The service's address family.
    pub fn family(&self) -> Family {
        match self {
            ServiceKey::Address { addr, .. } => Family::of(*addr),
            ServiceKey::Fwmark { family, .. } => *family,
        }
    }

    /// Says whether it is the service of a mark.
    pub fn is_mark(&self) -> bool {
        matches!(self, ServiceKey::Fwmark { .. })
    }

    /// The VIP, where the service has one.
    pub fn addr(&self) -> Option<IpAddr> {
        match self {
            ServiceKey::Address { addr, .. } => Some(*addr),
            ServiceKey::Fwmark { .. } => None,
        }
    }

    /// The port that a server without one gets: the service's, or 0 for a fwmark.
    pub fn default_port(&self) -> u16 {
        match self {
            ServiceKey::Address { port, .. } => *port,
            ServiceKey::Fwmark { .. } => 0,
        }
    }

    /// Parses the full text form.
    ///
    /// # Errors
    /// `invalid` where the protocol, address, port or mark is missing or malformed.
    pub fn parse(text: &str) -> Result<ServiceKey> {
        match ServiceName::parse(text)? {
            ServiceName::Key(key) => Ok(key),
            ServiceName::Bare { .. } => {
                Err(Error::invalid(format!("\"{text}\" names no protocol"))
                    .about(text)
                    .hint(format!(
                        "write \"tcp {text}\", \"udp {text}\" or \"sctp {text}\""
                    )))
            }
        }
    }

    /// Makes the key of a service at an address from what was typed after `tcp(`, `udp(`...
    ///
    /// # Errors
    /// `invalid`, also where the port is missing: a forgotten port would mean all ports.
    pub fn at(protocol: Protocol, address: &str) -> Result<ServiceKey> {
        let Endpoint { addr, port } = Endpoint::parse(address)
            .map_err(|e| e.object(format!("virtual service {protocol} {address}")))?;
        match port {
            Some(port) => Ok(ServiceKey::Address {
                protocol,
                addr,
                port,
            }),
            None => Err(Error::invalid("a port is missing")
                .object(format!("virtual service {protocol} {address}"))
                .maybe_hint(
                    with_port_behind(address)
                        .map(|(addr, port)| format!("did you mean \"{}\"?", endpoint(addr, port))),
                )
                .hint(format!(
                    "write \"{}\"; port 0 stands for all ports and needs persistent",
                    endpoint(addr, 80)
                ))),
        }
    }

    /// What it is sorted by: numbers, because large tables compare keys by the million.
    fn rank(&self) -> (u8, u16, (bool, u128), u32) {
        match *self {
            ServiceKey::Address {
                protocol,
                addr,
                port,
            } => {
                let rank = match protocol {
                    Protocol::TCP => 0,
                    Protocol::UDP => 1,
                    Protocol::SCTP => 2,
                    Protocol(_) => 3,
                };
                (rank, protocol.0, bits(addr), port.into())
            }
            ServiceKey::Fwmark { family, mark } => (
                if family == Family::Ipv4 { 4 } else { 5 },
                0,
                (false, 0),
                mark.value(),
            ),
        }
    }
}

/// An address as it is sorted: IPv4 first, then by number.
fn bits(addr: IpAddr) -> (bool, u128) {
    match addr {
        IpAddr::V4(addr) => (false, addr.to_bits().into()),
        IpAddr::V6(addr) => (true, addr.to_bits()),
    }
}

/// An IPv4 address with its port, as it is sorted.
#[inline]
fn number(addr: Ipv4Addr, port: u16) -> u64 {
    u64::from(addr.to_bits()) << 16 | u64::from(port)
}

impl PartialOrd for ServiceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What users see is sorted: tcp, udp, sctp, others, fwmark, fwmark6; then address, port, mark.
impl Ord for ServiceKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Nearly all there are, in a few instructions.
            (
                ServiceKey::Address {
                    protocol,
                    addr: IpAddr::V4(addr),
                    port,
                },
                ServiceKey::Address {
                    protocol: other_protocol,
                    addr: IpAddr::V4(other_addr),
                    port: other_port,
                },
            ) if protocol == other_protocol => {
                number(*addr, *port).cmp(&number(*other_addr, *other_port))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ServiceKey::Address {
                protocol,
                addr,
                port,
            } => {
                protocol.fmt(f)?;
                f.write_str(" ")?;
                write_endpoint(f, addr, port)
            }
            ServiceKey::Fwmark {
                family: Family::Ipv4,
                mark,
            } => write!(f, "fwmark {mark}"),
            ServiceKey::Fwmark {
                family: Family::Ipv6,
                mark,
            } => write!(f, "fwmark6 {mark}"),
        }
    }
}

/// What the names of services look like.
const NAMES: &str = "a name is like \"tcp 192.0.2.10:80\" or \"fwmark 666\"";

/// What a user types for a service: its full name, or a bare address where one is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceName {
    /// The full name.
    Key(ServiceKey),
    /// An address and port without a protocol.
    Bare {
        /// The VIP.
        addr: IpAddr,
        /// The port; `None` fits every port.
        port: Option<u16>,
    },
}

impl ServiceName {
    /// Parses a name.
    ///
    /// # Errors
    /// `invalid`, with the forms that a name can have.
    pub fn parse(text: &str) -> Result<ServiceName> {
        let mut words = text.split_whitespace();
        let (first, second) = (words.next().unwrap_or(""), words.next());
        if words.next().is_some() {
            return Err(
                Error::invalid(format!("\"{text}\" is not the name of a virtual service"))
                    .about(text)
                    .hint(NAMES),
            );
        }
        let Some(second) = second else {
            let missing = match first.to_lowercase().as_str() {
                "fwmark" | "fwmark6" => Some("mark"),
                _ => Protocol::parse(first).map(|_| "address"),
            };
            if let Some(what) = missing {
                let error = Error::invalid(format!("\"{text}\": the {what} is missing"));
                return Err(error.about(text).hint(NAMES));
            }
            let Endpoint { addr, port } = Endpoint::parse(first).map_err(|e| e.hint(NAMES))?;
            return Ok(ServiceName::Bare { addr, port });
        };
        let family = match first.to_lowercase().as_str() {
            "fwmark" => Some(Family::Ipv4),
            "fwmark6" => Some(Family::Ipv6),
            _ => None,
        };
        if let Some(family) = family {
            return Ok(ServiceName::Key(ServiceKey::Fwmark {
                family,
                mark: Fwmark::parse(second)?,
            }));
        }
        let Some(protocol) = Protocol::parse(first) else {
            let known = ["tcp", "udp", "sctp", "fwmark", "fwmark6"];
            return Err(
                Error::invalid(format!("\"{text}\": unknown protocol \"{first}\""))
                    .about(text)
                    .about(first)
                    .hint(match did_you_mean(first, known) {
                        Some(word) => format!("did you mean \"{word}\"?"),
                        None => NAMES.to_owned(),
                    }),
            );
        };
        ServiceKey::at(protocol, second).map(ServiceName::Key)
    }

    /// The services that it can mean; none where it leaves too much open to name them all.
    pub fn keys(&self) -> impl Iterator<Item = ServiceKey> {
        let protocols = [Protocol::TCP, Protocol::UDP, Protocol::SCTP];
        let (key, bare) = match *self {
            ServiceName::Key(key) => (Some(key), None),
            ServiceName::Bare { addr, port } => (None, port.map(|port| (addr, port))),
        };
        let bare = bare.into_iter().flat_map(move |(addr, port)| {
            protocols.map(|protocol| ServiceKey::Address {
                protocol,
                addr,
                port,
            })
        });
        key.into_iter().chain(bare)
    }

    /// Says whether this name fits a service.
    pub fn fits(&self, key: &ServiceKey) -> bool {
        match (self, key) {
            (ServiceName::Key(mine), key) => mine == key,
            (
                ServiceName::Bare { addr, port },
                ServiceKey::Address {
                    addr: vip,
                    port: service_port,
                    ..
                },
            ) => addr == vip && port.is_none_or(|p| p == *service_port),
            (ServiceName::Bare { .. }, ServiceKey::Fwmark { .. }) => false,
        }
    }

    /// Finds the one service that is meant.
    ///
    /// # Errors
    /// `not_found` with a "did you mean", `ambiguous` with the names that fit.
    pub fn resolve<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a ServiceKey>,
    ) -> Result<ServiceKey> {
        let keys: Vec<&ServiceKey> = keys.into_iter().collect();
        let fitting: Vec<&&ServiceKey> = keys.iter().filter(|key| self.fits(key)).collect();
        match fitting.as_slice() {
            [one] => Ok(***one),
            [] => Err(Error::not_found("there is no such virtual service")
                .object(format!("virtual service {self}"))
                .maybe_hint(
                    self.closest(&keys)
                        .map(|name| format!("did you mean \"{name}\"?")),
                )),
            many => {
                let names: Vec<String> = many.iter().map(|key| format!("\"{key}\"")).collect();
                Err(Error::new(
                    crate::error::Kind::Ambiguous,
                    format!("the name fits {} virtual services", many.len()),
                )
                .object(format!("virtual service {self}"))
                .hint(format!("name one of {}", names.join(", "))))
            }
        }
    }
}

impl ServiceName {
    /// The service whose name is most like this one; a bare address is compared with addresses.
    fn closest(&self, keys: &[&ServiceKey]) -> Option<String> {
        let names: Vec<(String, String)> = keys
            .iter()
            .map(|key| {
                let whole = key.to_string();
                let part = match (self, whole.split_once(' ')) {
                    (ServiceName::Bare { .. }, Some((_, address))) => address.to_owned(),
                    _ => whole.clone(),
                };
                (part, whole)
            })
            .collect();
        let close = did_you_mean(
            &self.to_string(),
            names.iter().map(|(part, _)| part.as_str()),
        )?;
        names
            .iter()
            .find(|(part, _)| part == close)
            .map(|(_, whole)| whole.clone())
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceName::Key(key) => key.fmt(f),
            ServiceName::Bare { addr, port } => Endpoint {
                addr: *addr,
                port: *port,
            }
            .fmt(f),
        }
    }
}

/// Identifies a real server within its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerKey {
    /// The server's address; its family may differ from the service's (tunnels only).
    pub addr: IpAddr,
    /// The port; 0 for servers of a fwmark service: the request's own port.
    pub port: u16,
}

impl PartialOrd for ServerKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ServerKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.addr, other.addr) {
            (IpAddr::V4(addr), IpAddr::V4(other_addr)) => {
                number(addr, self.port).cmp(&number(other_addr, other.port))
            }
            _ => {
                let rank = |key: &ServerKey| (bits(key.addr), key.port);
                rank(self).cmp(&rank(other))
            }
        }
    }
}

impl ServerKey {
    /// Parses a server's address; without a port it takes its service's.
    ///
    /// # Errors
    /// `invalid`, naming the part that is wrong.
    pub fn parse(text: &str, service: &ServiceKey) -> Result<ServerKey> {
        let Endpoint { addr, port } = Endpoint::parse(text)
            .map_err(|e| e.object(format!("virtual service {service}: real server {text}")))?;
        Ok(ServerKey {
            addr,
            port: port.unwrap_or(service.default_port()),
        })
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_endpoint(f, self.addr, self.port)
    }
}

/// Reads a text where it stands, without a copy of it.
struct Text<T>(fn(&str) -> Result<T>);

impl<T> serde::de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

macro_rules! serde_as_text {
    ($($type:ty, $parse:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(Text($parse))
            }
        }
    )*};
}

serde_as_text! {
    Protocol, |text| Protocol::parse(text).ok_or_else(|| {
        Error::invalid(format!("unknown protocol \"{text}\"")).about(text)
    });
    ServiceKey, ServiceKey::parse;
    Fwmark, Fwmark::parse;
    ServerKey, |text| {
        let Endpoint { addr, port } = Endpoint::parse(text)?;
        port.map(|port| ServerKey { addr, port }).ok_or_else(|| Error::invalid("a port is missing"))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for text in [
            "tcp 192.0.2.10:80",
            "udp [2001:db8::10]:53",
            "sctp 192.0.2.10:0",
            "fwmark 666",
            "fwmark6 4294967295",
            "protocol-99 192.0.2.1:1",
        ] {
            assert_eq!(ServiceKey::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            ServiceKey::parse(" TCP  192.0.2.1:080")
                .unwrap()
                .to_string(),
            "tcp 192.0.2.1:80"
        );
    }

    #[test]
    fn bad_names_say_what_is_wrong() {
        for (text, wants) in [
            ("tpc 192.0.2.1:80", "unknown protocol \"tpc\""),
            ("fwmark 0", "mark 0 is out of range"),
            ("fwmark", "the mark is missing"),
            ("tcp 192.0.2.1", "a port is missing"),
            ("192.0.2.1:80", "names no protocol"),
            ("tcp 192.0.2.1:80 x", "not the name"),
        ] {
            let error = ServiceKey::parse(text).unwrap_err().to_string();
            assert!(error.contains(wants), "{text}: {error}");
        }
    }

    #[test]
    fn a_bare_address_must_mean_one_service() {
        let keys: Vec<ServiceKey> = ["tcp 192.0.2.1:53", "udp 192.0.2.1:53", "tcp 192.0.2.1:80"]
            .iter()
            .map(|t| ServiceKey::parse(t).unwrap())
            .collect();
        let find = |t: &str| ServiceName::parse(t).unwrap().resolve(&keys);
        assert_eq!(find("192.0.2.1:80").unwrap(), keys[2]);
        let error = find("192.0.2.1:53").unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Ambiguous);
        assert_eq!(
            error.hints(),
            ["name one of \"tcp 192.0.2.1:53\", \"udp 192.0.2.1:53\""]
        );
        let error = find("tcp 192.0.2.1:81").unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"tcp 192.0.2.1:80\"?"]);
    }
}
