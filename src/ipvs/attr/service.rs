//! Owns the attributes of the nest `IPVS_CMD_ATTR_SERVICE`.
//!
//! May import: `netlink-packet-core`, sibling nests, `name`. Source of truth:
//! `IPVS_SVC_ATTR_*` in include/uapi/linux/ip_vs.h and ip_vs_svc_policy in
//! net/netfilter/ipvs/ip_vs_ctl.c.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, ErrorContext, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
    parse_u16, parse_u16_be, parse_u32,
};

use super::super::name::Name;
use super::{
    INET_ADDR_SIZE, Stats64Attr, StatsAttr, name_len, nest_len, parse_inet_addr, parse_name,
    parse_nest, put,
};

const IPVS_SVC_ATTR_AF: u16 = 1;
const IPVS_SVC_ATTR_PROTOCOL: u16 = 2;
const IPVS_SVC_ATTR_ADDR: u16 = 3;
const IPVS_SVC_ATTR_PORT: u16 = 4;
const IPVS_SVC_ATTR_FWMARK: u16 = 5;
const IPVS_SVC_ATTR_SCHED_NAME: u16 = 6;
const IPVS_SVC_ATTR_FLAGS: u16 = 7;
const IPVS_SVC_ATTR_TIMEOUT: u16 = 8;
const IPVS_SVC_ATTR_NETMASK: u16 = 9;
const IPVS_SVC_ATTR_STATS: u16 = 10;
const IPVS_SVC_ATTR_PE_NAME: u16 = 11;
const IPVS_SVC_ATTR_STATS64: u16 = 12;

/// The nests of counters and rates.
pub(super) const STATS_OF_SERVICE: [u16; 2] = [IPVS_SVC_ATTR_STATS, IPVS_SVC_ATTR_STATS64];

/// Size of `struct ip_vs_flags`.
const FLAGS_SIZE: usize = 8;

/// Holds one attribute of a virtual service. Integers are in host order here; the wire's order is
/// the native one except where said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceAttr {
    /// Address family: `AF_INET` 2 or `AF_INET6` 10.
    Af(u16),
    /// IP protocol number: 6 TCP, 17 UDP, 132 SCTP.
    Protocol(u16),
    /// Virtual address as `union nf_inet_addr`: an IPv4 address takes the first 4 bytes.
    Addr([u8; INET_ADDR_SIZE]),
    /// Virtual port; big-endian on the wire.
    Port(u16),
    /// Firewall mark, 1 to 2^32-1; in place of protocol, address and port.
    Fwmark(u32),
    /// Scheduler.
    SchedName(Name),
    /// `struct ip_vs_flags`: the flags, and which of them a request means to set.
    Flags {
        /// `IP_VS_SVC_F_*`.
        flags: u32,
        /// Bits of `flags` that a request sets; an answer has all bits.
        mask: u32,
    },
    /// Persistence timeout in seconds.
    Timeout(u32),
    /// Persistence granularity, as the 4 bytes lie: IPv4 a big-endian mask, IPv6 a prefix length
    /// as a native integer.
    Netmask([u8; 4]),
    /// Counters and rates, 32 bits.
    Stats(Vec<StatsAttr>),
    /// Persistence engine.
    PeName(Name),
    /// Counters and rates, 64 bits.
    Stats64(Vec<Stats64Attr>),
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

impl Nla for ServiceAttr {
    #[inline(always)]
    fn value_len(&self) -> usize {
        match self {
            Self::Af(_) | Self::Protocol(_) | Self::Port(_) => 2,
            Self::Fwmark(_) | Self::Timeout(_) | Self::Netmask(_) => 4,
            Self::Addr(_) => INET_ADDR_SIZE,
            Self::Flags { .. } => FLAGS_SIZE,
            Self::SchedName(name) | Self::PeName(name) => name_len(name),
            Self::Stats(attributes) => nest_len(attributes),
            Self::Stats64(attributes) => nest_len(attributes),
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    #[inline(always)]
    fn kind(&self) -> u16 {
        match self {
            Self::Af(_) => IPVS_SVC_ATTR_AF,
            Self::Protocol(_) => IPVS_SVC_ATTR_PROTOCOL,
            Self::Addr(_) => IPVS_SVC_ATTR_ADDR,
            Self::Port(_) => IPVS_SVC_ATTR_PORT,
            Self::Fwmark(_) => IPVS_SVC_ATTR_FWMARK,
            Self::SchedName(_) => IPVS_SVC_ATTR_SCHED_NAME,
            Self::Flags { .. } => IPVS_SVC_ATTR_FLAGS,
            Self::Timeout(_) => IPVS_SVC_ATTR_TIMEOUT,
            Self::Netmask(_) => IPVS_SVC_ATTR_NETMASK,
            Self::Stats(_) => IPVS_SVC_ATTR_STATS | NLA_F_NESTED,
            Self::PeName(_) => IPVS_SVC_ATTR_PE_NAME,
            Self::Stats64(_) => IPVS_SVC_ATTR_STATS64 | NLA_F_NESTED,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    #[inline(always)]
    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Af(value) | Self::Protocol(value) => put(buffer, &value.to_ne_bytes()),
            Self::Port(value) => put(buffer, &value.to_be_bytes()),
            Self::Fwmark(value) | Self::Timeout(value) => put(buffer, &value.to_ne_bytes()),
            Self::Netmask(value) => put(buffer, value),
            Self::Addr(address) => put(buffer, address),
            Self::Flags { flags, mask } => {
                put(buffer, &[flags.to_ne_bytes(), mask.to_ne_bytes()].concat());
            }
            Self::SchedName(name) | Self::PeName(name) => put(buffer, name.as_bytes()),
            Self::Stats(attributes) => attributes.as_slice().emit(buffer),
            Self::Stats64(attributes) => attributes.as_slice().emit(buffer),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

/// Parses `struct ip_vs_flags`.
fn parse_flags(payload: &[u8]) -> Result<ServiceAttr, DecodeError> {
    let (flags, mask) = payload
        .split_at_checked(4)
        .ok_or_else(|| DecodeError::invalid_number(FLAGS_SIZE, payload.len()))?;
    Ok(ServiceAttr::Flags {
        flags: parse_u32(flags)?,
        mask: parse_u32(mask)?,
    })
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for ServiceAttr {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        Ok(match buffer.kind() {
            IPVS_SVC_ATTR_AF => Self::Af(parse_u16(payload).context("invalid IPVS_SVC_ATTR_AF")?),
            IPVS_SVC_ATTR_PROTOCOL => {
                Self::Protocol(parse_u16(payload).context("invalid IPVS_SVC_ATTR_PROTOCOL")?)
            }
            IPVS_SVC_ATTR_ADDR => {
                Self::Addr(parse_inet_addr(payload).context("invalid IPVS_SVC_ATTR_ADDR")?)
            }
            IPVS_SVC_ATTR_PORT => {
                Self::Port(parse_u16_be(payload).context("invalid IPVS_SVC_ATTR_PORT")?)
            }
            IPVS_SVC_ATTR_FWMARK => {
                Self::Fwmark(parse_u32(payload).context("invalid IPVS_SVC_ATTR_FWMARK")?)
            }
            IPVS_SVC_ATTR_SCHED_NAME => {
                Self::SchedName(parse_name(payload).context("invalid IPVS_SVC_ATTR_SCHED_NAME")?)
            }
            IPVS_SVC_ATTR_FLAGS => parse_flags(payload).context("invalid IPVS_SVC_ATTR_FLAGS")?,
            IPVS_SVC_ATTR_TIMEOUT => {
                Self::Timeout(parse_u32(payload).context("invalid IPVS_SVC_ATTR_TIMEOUT")?)
            }
            IPVS_SVC_ATTR_NETMASK => Self::Netmask(
                parse_u32(payload)
                    .context("invalid IPVS_SVC_ATTR_NETMASK")?
                    .to_ne_bytes(),
            ),
            IPVS_SVC_ATTR_STATS => Self::Stats(parse_nest(payload, "invalid IPVS_SVC_ATTR_STATS")?),
            IPVS_SVC_ATTR_PE_NAME => {
                Self::PeName(parse_name(payload).context("invalid IPVS_SVC_ATTR_PE_NAME")?)
            }
            IPVS_SVC_ATTR_STATS64 => {
                Self::Stats64(parse_nest(payload, "invalid IPVS_SVC_ATTR_STATS64")?)
            }
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}
