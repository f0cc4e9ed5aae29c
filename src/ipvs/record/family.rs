//! Owns address families and the form in which addresses travel (`union nf_inet_addr`).
//!
//! May import: `attr` for the size. Source of truth: include/linux/socket.h,
//! include/uapi/linux/netfilter.h.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::DecodeError;

use super::super::attr::INET_ADDR_SIZE;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Tells IPv4 from IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, `AF_INET`.
    Inet,
    /// IPv6, `AF_INET6`.
    Inet6,
}

impl Family {
    /// Gives the family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::Inet
        } else {
            Self::Inet6
        }
    }

    /// Gives the number, in host order.
    pub fn number(self) -> u16 {
        match self {
            Self::Inet => AF_INET,
            Self::Inet6 => AF_INET6,
        }
    }

    /// Reads the number.
    pub(super) fn from_number(number: u16) -> Result<Self, DecodeError> {
        match number {
            AF_INET => Ok(Self::Inet),
            AF_INET6 => Ok(Self::Inet6),
            _ => Err(DecodeError::from(format!(
                "unknown address family {number}"
            ))),
        }
    }

    /// Gives the address that stands for none: all bits zero.
    pub(super) fn unspecified(self) -> IpAddr {
        match self {
            Self::Inet => Ipv4Addr::UNSPECIFIED.into(),
            Self::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    /// Reads an address of this family out of the union.
    pub(super) fn address(self, union: [u8; INET_ADDR_SIZE]) -> IpAddr {
        match self {
            Self::Inet => {
                let [a, b, c, d, ..] = union;
                Ipv4Addr::new(a, b, c, d).into()
            }
            Self::Inet6 => Ipv6Addr::from(union).into(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "IPv4",
            Self::Inet6 => "IPv6",
        })
    }
}

/// Writes an address into the union: IPv4 takes the first 4 bytes, the rest is zero.
pub(super) fn to_union(address: IpAddr) -> [u8; INET_ADDR_SIZE] {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(v6) => v6.octets(),
    }
}
