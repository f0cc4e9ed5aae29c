//! Owns the attributes of the nest `IPVS_CMD_ATTR_DAEMON`.
//!
//! May import: `netlink-packet-core`, `name`. Source of truth: `IPVS_DAEMON_ATTR_*` in
//! include/uapi/linux/ip_vs.h and ip_vs_daemon_policy in net/netfilter/ipvs/ip_vs_ctl.c.

use std::net::{Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{
    DecodeError, DefaultNla, ErrorContext, Nla, NlaBuffer, Parseable, parse_ipv6, parse_u8,
    parse_u16, parse_u32, parse_u32_be,
};

use super::super::name::Name;
use super::{INET_ADDR_SIZE, name_len, parse_name, put};

const IPVS_DAEMON_ATTR_STATE: u16 = 1;
const IPVS_DAEMON_ATTR_MCAST_IFN: u16 = 2;
const IPVS_DAEMON_ATTR_SYNC_ID: u16 = 3;
const IPVS_DAEMON_ATTR_SYNC_MAXLEN: u16 = 4;
const IPVS_DAEMON_ATTR_MCAST_GROUP: u16 = 5;
const IPVS_DAEMON_ATTR_MCAST_GROUP6: u16 = 6;
const IPVS_DAEMON_ATTR_MCAST_PORT: u16 = 7;
const IPVS_DAEMON_ATTR_MCAST_TTL: u16 = 8;

/// Holds one attribute of a connection synchronisation daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DaemonAttr {
    /// `IP_VS_STATE_MASTER` 1 or `IP_VS_STATE_BACKUP` 2.
    State(u32),
    /// Multicast interface.
    McastIfn(Name),
    /// Synchronisation id, 0 to 255.
    SyncId(u32),
    /// Longest datagram in bytes.
    SyncMaxlen(u16),
    /// IPv4 multicast group; big-endian on the wire.
    McastGroup(Ipv4Addr),
    /// IPv6 multicast group.
    McastGroup6(Ipv6Addr),
    /// UDP port, in the host's byte order (unlike the other ports).
    McastPort(u16),
    /// Multicast time to live.
    McastTtl(u8),
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

impl Nla for DaemonAttr {
    fn value_len(&self) -> usize {
        match self {
            Self::McastTtl(_) => 1,
            Self::SyncMaxlen(_) | Self::McastPort(_) => 2,
            Self::State(_) | Self::SyncId(_) | Self::McastGroup(_) => 4,
            Self::McastGroup6(_) => INET_ADDR_SIZE,
            Self::McastIfn(name) => name_len(name),
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::State(_) => IPVS_DAEMON_ATTR_STATE,
            Self::McastIfn(_) => IPVS_DAEMON_ATTR_MCAST_IFN,
            Self::SyncId(_) => IPVS_DAEMON_ATTR_SYNC_ID,
            Self::SyncMaxlen(_) => IPVS_DAEMON_ATTR_SYNC_MAXLEN,
            Self::McastGroup(_) => IPVS_DAEMON_ATTR_MCAST_GROUP,
            Self::McastGroup6(_) => IPVS_DAEMON_ATTR_MCAST_GROUP6,
            Self::McastPort(_) => IPVS_DAEMON_ATTR_MCAST_PORT,
            Self::McastTtl(_) => IPVS_DAEMON_ATTR_MCAST_TTL,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::McastTtl(value) => put(buffer, &[*value]),
            Self::SyncMaxlen(value) | Self::McastPort(value) => put(buffer, &value.to_ne_bytes()),
            Self::State(value) | Self::SyncId(value) => put(buffer, &value.to_ne_bytes()),
            Self::McastGroup(address) => put(buffer, &address.octets()),
            Self::McastGroup6(address) => put(buffer, &address.octets()),
            Self::McastIfn(name) => put(buffer, name.as_str().as_bytes()),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for DaemonAttr {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        Ok(match buffer.kind() {
            IPVS_DAEMON_ATTR_STATE => {
                Self::State(parse_u32(payload).context("invalid IPVS_DAEMON_ATTR_STATE")?)
            }
            IPVS_DAEMON_ATTR_MCAST_IFN => {
                Self::McastIfn(parse_name(payload).context("invalid IPVS_DAEMON_ATTR_MCAST_IFN")?)
            }
            IPVS_DAEMON_ATTR_SYNC_ID => {
                Self::SyncId(parse_u32(payload).context("invalid IPVS_DAEMON_ATTR_SYNC_ID")?)
            }
            IPVS_DAEMON_ATTR_SYNC_MAXLEN => Self::SyncMaxlen(
                parse_u16(payload).context("invalid IPVS_DAEMON_ATTR_SYNC_MAXLEN")?,
            ),
            IPVS_DAEMON_ATTR_MCAST_GROUP => Self::McastGroup(Ipv4Addr::from_bits(
                parse_u32_be(payload).context("invalid IPVS_DAEMON_ATTR_MCAST_GROUP")?,
            )),
            IPVS_DAEMON_ATTR_MCAST_GROUP6 => Self::McastGroup6(Ipv6Addr::from(
                parse_ipv6(payload).context("invalid IPVS_DAEMON_ATTR_MCAST_GROUP6")?,
            )),
            IPVS_DAEMON_ATTR_MCAST_PORT => {
                Self::McastPort(parse_u16(payload).context("invalid IPVS_DAEMON_ATTR_MCAST_PORT")?)
            }
            IPVS_DAEMON_ATTR_MCAST_TTL => {
                Self::McastTtl(parse_u8(payload).context("invalid IPVS_DAEMON_ATTR_MCAST_TTL")?)
            }
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}
