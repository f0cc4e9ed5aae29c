//! Owns the attributes of the nest `IPVS_CMD_ATTR_DEST`.
//!
//! May import: `netlink-packet-core`, sibling nests. Source of truth: `IPVS_DEST_ATTR_*` in
//! include/uapi/linux/ip_vs.h and ip_vs_dest_policy in net/netfilter/ipvs/ip_vs_ctl.c.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, ErrorContext, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
    parse_u8, parse_u16, parse_u16_be, parse_u32,
};

use super::{INET_ADDR_SIZE, Stats64Attr, StatsAttr, nest_len, parse_inet_addr, parse_nest, put};

const IPVS_DEST_ATTR_ADDR: u16 = 1;
const IPVS_DEST_ATTR_PORT: u16 = 2;
const IPVS_DEST_ATTR_FWD_METHOD: u16 = 3;
const IPVS_DEST_ATTR_WEIGHT: u16 = 4;
const IPVS_DEST_ATTR_U_THRESH: u16 = 5;
const IPVS_DEST_ATTR_L_THRESH: u16 = 6;
const IPVS_DEST_ATTR_ACTIVE_CONNS: u16 = 7;
const IPVS_DEST_ATTR_INACT_CONNS: u16 = 8;
const IPVS_DEST_ATTR_PERSIST_CONNS: u16 = 9;
const IPVS_DEST_ATTR_STATS: u16 = 10;
const IPVS_DEST_ATTR_ADDR_FAMILY: u16 = 11;
const IPVS_DEST_ATTR_STATS64: u16 = 12;
const IPVS_DEST_ATTR_TUN_TYPE: u16 = 13;
const IPVS_DEST_ATTR_TUN_PORT: u16 = 14;
const IPVS_DEST_ATTR_TUN_FLAGS: u16 = 15;

/// The nests of counters and rates.
pub(super) const STATS_OF_DEST: [u16; 2] = [IPVS_DEST_ATTR_STATS, IPVS_DEST_ATTR_STATS64];

/// Holds one attribute of a destination (a real server). Integers are in host order here; the
/// wire's order is the native one except where said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestAttr {
    /// Address as `union nf_inet_addr`: an IPv4 address takes the first 4 bytes.
    Addr([u8; INET_ADDR_SIZE]),
    /// Port; big-endian on the wire.
    Port(u16),
    /// Forwarding method, `IP_VS_CONN_F_*` under `IP_VS_CONN_F_FWD_MASK` (7).
    FwdMethod(u32),
    /// Weight; the kernel holds it as a signed 32-bit integer.
    Weight(u32),
    /// Upper connection threshold, 0 = off.
    UThresh(u32),
    /// Lower connection threshold, 0 = off.
    LThresh(u32),
    /// Active connections now.
    ActiveConns(u32),
    /// Inactive connections now.
    InactConns(u32),
    /// Persistent connections now.
    PersistConns(u32),
    /// Counters and rates, 32 bits.
    Stats(Vec<StatsAttr>),
    /// Address family of the destination, which may differ from the service's (since 3.18).
    AddrFamily(u16),
    /// Counters and rates, 64 bits.
    Stats64(Vec<Stats64Attr>),
    /// Tunnel type, `IP_VS_CONN_F_TUNNEL_TYPE_*` (since 5.2).
    TunType(u8),
    /// Tunnel port, for GUE; big-endian on the wire (since 5.2).
    TunPort(u16),
    /// Tunnel checksum flags, `IP_VS_TUNNEL_ENCAP_FLAG_*` (since 5.3).
    TunFlags(u16),
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

impl Nla for DestAttr {
    #[inline(always)]
    fn value_len(&self) -> usize {
        match self {
            Self::TunType(_) => 1,
            Self::Port(_) | Self::AddrFamily(_) | Self::TunPort(_) | Self::TunFlags(_) => 2,
            Self::FwdMethod(_)
            | Self::Weight(_)
            | Self::UThresh(_)
            | Self::LThresh(_)
            | Self::ActiveConns(_)
            | Self::InactConns(_)
            | Self::PersistConns(_) => 4,
            Self::Addr(_) => INET_ADDR_SIZE,
            Self::Stats(attributes) => nest_len(attributes),
            Self::Stats64(attributes) => nest_len(attributes),
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    #[inline(always)]
    fn kind(&self) -> u16 {
        match self {
            Self::Addr(_) => IPVS_DEST_ATTR_ADDR,
            Self::Port(_) => IPVS_DEST_ATTR_PORT,
            Self::FwdMethod(_) => IPVS_DEST_ATTR_FWD_METHOD,
            Self::Weight(_) => IPVS_DEST_ATTR_WEIGHT,
            Self::UThresh(_) => IPVS_DEST_ATTR_U_THRESH,
            Self::LThresh(_) => IPVS_DEST_ATTR_L_THRESH,
            Self::ActiveConns(_) => IPVS_DEST_ATTR_ACTIVE_CONNS,
            Self::InactConns(_) => IPVS_DEST_ATTR_INACT_CONNS,
            Self::PersistConns(_) => IPVS_DEST_ATTR_PERSIST_CONNS,
            Self::Stats(_) => IPVS_DEST_ATTR_STATS | NLA_F_NESTED,
            Self::AddrFamily(_) => IPVS_DEST_ATTR_ADDR_FAMILY,
            Self::Stats64(_) => IPVS_DEST_ATTR_STATS64 | NLA_F_NESTED,
            Self::TunType(_) => IPVS_DEST_ATTR_TUN_TYPE,
            Self::TunPort(_) => IPVS_DEST_ATTR_TUN_PORT,
            Self::TunFlags(_) => IPVS_DEST_ATTR_TUN_FLAGS,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    #[inline(always)]
    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::TunType(value) => put(buffer, &[*value]),
            Self::Port(value) | Self::TunPort(value) => put(buffer, &value.to_be_bytes()),
            Self::AddrFamily(value) | Self::TunFlags(value) => put(buffer, &value.to_ne_bytes()),
            Self::FwdMethod(value)
            | Self::Weight(value)
            | Self::UThresh(value)
            | Self::LThresh(value)
            | Self::ActiveConns(value)
            | Self::InactConns(value)
            | Self::PersistConns(value) => put(buffer, &value.to_ne_bytes()),
            Self::Addr(address) => put(buffer, address),
            Self::Stats(attributes) => attributes.as_slice().emit(buffer),
            Self::Stats64(attributes) => attributes.as_slice().emit(buffer),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for DestAttr {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        let number = |name: &'static str| parse_u32(payload).context(name);
        Ok(match buffer.kind() {
            IPVS_DEST_ATTR_ADDR => {
                Self::Addr(parse_inet_addr(payload).context("invalid IPVS_DEST_ATTR_ADDR")?)
            }
            IPVS_DEST_ATTR_PORT => {
                Self::Port(parse_u16_be(payload).context("invalid IPVS_DEST_ATTR_PORT")?)
            }
            IPVS_DEST_ATTR_FWD_METHOD => {
                Self::FwdMethod(number("invalid IPVS_DEST_ATTR_FWD_METHOD")?)
            }
            IPVS_DEST_ATTR_WEIGHT => Self::Weight(number("invalid IPVS_DEST_ATTR_WEIGHT")?),
            IPVS_DEST_ATTR_U_THRESH => Self::UThresh(number("invalid IPVS_DEST_ATTR_U_THRESH")?),
            IPVS_DEST_ATTR_L_THRESH => Self::LThresh(number("invalid IPVS_DEST_ATTR_L_THRESH")?),
            IPVS_DEST_ATTR_ACTIVE_CONNS => {
                Self::ActiveConns(number("invalid IPVS_DEST_ATTR_ACTIVE_CONNS")?)
            }
            IPVS_DEST_ATTR_INACT_CONNS => {
                Self::InactConns(number("invalid IPVS_DEST_ATTR_INACT_CONNS")?)
            }
            IPVS_DEST_ATTR_PERSIST_CONNS => {
                Self::PersistConns(number("invalid IPVS_DEST_ATTR_PERSIST_CONNS")?)
            }
            IPVS_DEST_ATTR_STATS => {
                Self::Stats(parse_nest(payload, "invalid IPVS_DEST_ATTR_STATS")?)
            }
            IPVS_DEST_ATTR_ADDR_FAMILY => {
                Self::AddrFamily(parse_u16(payload).context("invalid IPVS_DEST_ATTR_ADDR_FAMILY")?)
            }
            IPVS_DEST_ATTR_STATS64 => {
                Self::Stats64(parse_nest(payload, "invalid IPVS_DEST_ATTR_STATS64")?)
            }
            IPVS_DEST_ATTR_TUN_TYPE => {
                Self::TunType(parse_u8(payload).context("invalid IPVS_DEST_ATTR_TUN_TYPE")?)
            }
            IPVS_DEST_ATTR_TUN_PORT => {
                Self::TunPort(parse_u16_be(payload).context("invalid IPVS_DEST_ATTR_TUN_PORT")?)
            }
            IPVS_DEST_ATTR_TUN_FLAGS => {
                Self::TunFlags(parse_u16(payload).context("invalid IPVS_DEST_ATTR_TUN_FLAGS")?)
            }
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}
