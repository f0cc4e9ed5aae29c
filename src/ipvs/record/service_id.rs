//! Owns the identity of a virtual service.
//!
//! May import: `attr`, siblings. Source of truth: ip_vs_genl_parse_service in
//! net/netfilter/ipvs/ip_vs_ctl.c.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use netlink_packet_core::DecodeError;

use super::super::attr::{ServiceAttr, Sink};
use super::family::{Family, to_union};

const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;
const IPPROTO_SCTP: u16 = 132;

/// Identifies a virtual service, as SET, DEL, GET, ZERO and the destination commands need it.
///
/// ```
/// use ipvsh::ipvs::{Family, ServiceId};
/// let id = ServiceId::tcp("192.0.2.10:80".parse().unwrap());
/// assert_eq!(id.to_string(), "tcp 192.0.2.10:80");
/// assert_eq!(ServiceId::fwmark(Family::Inet6, 7).unwrap().to_string(), "fwmark6 7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceId {
    /// Protocol, virtual address and port.
    Address {
        /// IP protocol number; the kernel takes any: 6 TCP, 17 UDP, 132 SCTP.
        protocol: u16,
        /// Virtual address.
        address: IpAddr,
        /// Virtual port; 0 = all ports.
        port: u16,
    },
    /// Firewall mark.
    Fwmark {
        /// Address family of the marked packets.
        family: Family,
        /// The mark. 0 would mean "no mark" to the kernel, which then looks for an address.
        mark: NonZeroU32,
    },
}

/// Refuses the mark 0, which stands for "no mark" in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fwmark is a number from 1 to 4294967295, not 0")]
pub struct ZeroFwmark;

impl ServiceId {
    /// Names a TCP service.
    pub fn tcp(socket: SocketAddr) -> Self {
        Self::address(IPPROTO_TCP, socket)
    }

    /// Names a UDP service.
    pub fn udp(socket: SocketAddr) -> Self {
        Self::address(IPPROTO_UDP, socket)
    }

    /// Names an SCTP service.
    pub fn sctp(socket: SocketAddr) -> Self {
        Self::address(IPPROTO_SCTP, socket)
    }

    /// Names a service of any IP protocol number. Flow label and scope of an IPv6 socket address
    /// are dropped: the kernel has no place for them.
    pub fn address(protocol: u16, socket: SocketAddr) -> Self {
        Self::Address {
            protocol,
            address: socket.ip(),
            port: socket.port(),
        }
    }

    /// Names a service of marked packets.
    ///
    /// # Errors
    /// [`ZeroFwmark`] for the mark 0.
    pub fn fwmark(family: Family, mark: u32) -> Result<Self, ZeroFwmark> {
        let mark = NonZeroU32::new(mark).ok_or(ZeroFwmark)?;
        Ok(Self::Fwmark { family, mark })
    }

    /// Gives the address family of the service.
    pub fn family(&self) -> Family {
        match *self {
            Self::Address { address, .. } => Family::of(address),
            Self::Fwmark { family, .. } => family,
        }
    }

    /// Gives the identifying attributes, in the order in which `ipvsadm` sends them.
    pub fn to_attributes(&self) -> Vec<ServiceAttr> {
        let mut attributes = Vec::with_capacity(4);
        self.write(&mut attributes);
        attributes
    }

    /// Hands out the identifying attributes.
    pub(in crate::ipvs) fn write(&self, to: &mut impl Sink<ServiceAttr>) {
        to.put(ServiceAttr::Af(self.family().number()));
        match *self {
            Self::Fwmark { mark, .. } => to.put(ServiceAttr::Fwmark(mark.get())),
            Self::Address {
                protocol,
                address,
                port,
            } => {
                to.put(ServiceAttr::Protocol(protocol));
                to.put(ServiceAttr::Addr(to_union(address)));
                to.put(ServiceAttr::Port(port));
            }
        }
    }

    /// Reads the identity out of a service's attributes. A mark that is not 0 wins over an
    /// address, as in ip_vs_genl_parse_service.
    ///
    /// # Errors
    /// [`DecodeError`] where the family is missing or unknown.
    pub fn from_attributes(attributes: &[ServiceAttr]) -> Result<Self, DecodeError> {
        let mut family = None;
        let (mut protocol, mut union, mut port, mut mark) = (0, [0; 16], 0, 0);
        for attribute in attributes {
            match *attribute {
                ServiceAttr::Af(value) => family = Some(value),
                ServiceAttr::Protocol(value) => protocol = value,
                ServiceAttr::Addr(value) => union = value,
                ServiceAttr::Port(value) => port = value,
                ServiceAttr::Fwmark(value) => mark = value,
                _ => {}
            }
        }
        let family = family.ok_or_else(|| DecodeError::from("no IPVS_SVC_ATTR_AF"))?;
        let family = Family::from_number(family)?;
        Ok(match NonZeroU32::new(mark) {
            Some(mark) => Self::Fwmark { family, mark },
            None => Self::Address {
                protocol,
                address: family.address(union),
                port,
            },
        })
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fwmark {
                family: Family::Inet,
                mark,
            } => write!(f, "fwmark {mark}"),
            Self::Fwmark {
                family: Family::Inet6,
                mark,
            } => write!(f, "fwmark6 {mark}"),
            Self::Address {
                protocol,
                address,
                port,
            } => {
                let socket = SocketAddr::new(address, port);
                match protocol {
                    IPPROTO_TCP => write!(f, "tcp {socket}"),
                    IPPROTO_UDP => write!(f, "udp {socket}"),
                    IPPROTO_SCTP => write!(f, "sctp {socket}"),
                    _ => write!(f, "protocol {protocol} {socket}"),
                }
            }
        }
    }
}
