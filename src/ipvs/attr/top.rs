//! Owns the attributes at the top level of an IPVS message.
//!
//! May import: `netlink-packet-core`, the nests. Source of truth: `IPVS_CMD_ATTR_*` in
//! include/uapi/linux/ip_vs.h and ip_vs_cmd_policy in net/netfilter/ipvs/ip_vs_ctl.c.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, ErrorContext, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
    parse_u32,
};

use super::destination::STATS_OF_DEST;
use super::service::STATS_OF_SERVICE;
use super::wire::{Wire, append, append_nest};
use super::{
    DaemonAttr, DestAttr, Detail, InfoAttr, ServiceAttr, nest_len, parse_nest, parse_nest_but, put,
};

const IPVS_CMD_ATTR_SERVICE: u16 = 1;
const IPVS_CMD_ATTR_DEST: u16 = 2;
const IPVS_CMD_ATTR_DAEMON: u16 = 3;
const IPVS_CMD_ATTR_TIMEOUT_TCP: u16 = 4;
const IPVS_CMD_ATTR_TIMEOUT_TCP_FIN: u16 = 5;
const IPVS_CMD_ATTR_TIMEOUT_UDP: u16 = 6;

/// Holds one attribute at the top level of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpvsAttr {
    /// A virtual service, or its identity.
    Service(Vec<ServiceAttr>),
    /// A destination (real server), or its identity.
    Dest(Vec<DestAttr>),
    /// A synchronisation daemon.
    Daemon(Vec<DaemonAttr>),
    /// Idle TCP connections live this many seconds.
    TimeoutTcp(u32),
    /// TCP connections live this many seconds after a FIN.
    TimeoutTcpFin(u32),
    /// UDP connections live this many seconds.
    TimeoutUdp(u32),
    /// An attribute of the answer to `IPVS_CMD_GET_INFO`. It has no nest of its own: its numbers
    /// clash with those above, and only the command tells them apart.
    Info(InfoAttr),
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

impl Nla for IpvsAttr {
    fn value_len(&self) -> usize {
        match self {
            Self::Service(attributes) => nest_len(attributes),
            Self::Dest(attributes) => nest_len(attributes),
            Self::Daemon(attributes) => nest_len(attributes),
            Self::TimeoutTcp(_) | Self::TimeoutTcpFin(_) | Self::TimeoutUdp(_) => 4,
            Self::Info(attribute) => attribute.value_len(),
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Service(_) => IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED,
            Self::Dest(_) => IPVS_CMD_ATTR_DEST | NLA_F_NESTED,
            Self::Daemon(_) => IPVS_CMD_ATTR_DAEMON | NLA_F_NESTED,
            Self::TimeoutTcp(_) => IPVS_CMD_ATTR_TIMEOUT_TCP,
            Self::TimeoutTcpFin(_) => IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,
            Self::TimeoutUdp(_) => IPVS_CMD_ATTR_TIMEOUT_UDP,
            Self::Info(attribute) => attribute.kind(),
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Service(attributes) => attributes.as_slice().emit(buffer),
            Self::Dest(attributes) => attributes.as_slice().emit(buffer),
            Self::Daemon(attributes) => attributes.as_slice().emit(buffer),
            Self::TimeoutTcp(value) | Self::TimeoutTcpFin(value) | Self::TimeoutUdp(value) => {
                put(buffer, &value.to_ne_bytes());
            }
            Self::Info(attribute) => attribute.emit_value(buffer),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl IpvsAttr {
    /// Writes it to the end of a message.
    pub(in crate::ipvs) fn append(&self, message: &mut Vec<u8>) {
        match self {
            Self::Service(attributes) => Self::append_service(message, |wire| wire.all(attributes)),
            Self::Dest(attributes) => {
                Self::append_destination(message, |wire| wire.all(attributes))
            }
            Self::Daemon(attributes) => {
                append_nest(message, self.kind(), |wire| wire.all(attributes))
            }
            attribute => append(message, attribute),
        }
    }

    /// Writes a service to the end of a message.
    pub(in crate::ipvs) fn append_service(message: &mut Vec<u8>, fill: impl FnOnce(&mut Wire<'_>)) {
        append_nest(message, IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED, fill);
    }

    /// Writes a destination to the end of a message.
    pub(in crate::ipvs) fn append_destination(
        message: &mut Vec<u8>,
        fill: impl FnOnce(&mut Wire<'_>),
    ) {
        append_nest(message, IPVS_CMD_ATTR_DEST | NLA_F_NESTED, fill);
    }

    /// Parses an attribute of any message but the answer to `IPVS_CMD_GET_INFO`.
    pub(in crate::ipvs) fn parse<T: AsRef<[u8]> + ?Sized>(
        buffer: &NlaBuffer<&T>,
        detail: Detail,
    ) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        let seconds = |name: &'static str| parse_u32(payload).context(name);
        let left_out = |stats: &'static [u16]| match detail {
            Detail::Whole => &[],
            Detail::WithoutStats => stats,
        };
        Ok(match buffer.kind() {
            IPVS_CMD_ATTR_SERVICE => Self::Service(parse_nest_but(
                payload,
                left_out(&STATS_OF_SERVICE),
                "invalid IPVS_CMD_ATTR_SERVICE",
            )?),
            IPVS_CMD_ATTR_DEST => Self::Dest(parse_nest_but(
                payload,
                left_out(&STATS_OF_DEST),
                "invalid IPVS_CMD_ATTR_DEST",
            )?),
            IPVS_CMD_ATTR_DAEMON => {
                Self::Daemon(parse_nest(payload, "invalid IPVS_CMD_ATTR_DAEMON")?)
            }
            IPVS_CMD_ATTR_TIMEOUT_TCP => {
                Self::TimeoutTcp(seconds("invalid IPVS_CMD_ATTR_TIMEOUT_TCP")?)
            }
            IPVS_CMD_ATTR_TIMEOUT_TCP_FIN => {
                Self::TimeoutTcpFin(seconds("invalid IPVS_CMD_ATTR_TIMEOUT_TCP_FIN")?)
            }
            IPVS_CMD_ATTR_TIMEOUT_UDP => {
                Self::TimeoutUdp(seconds("invalid IPVS_CMD_ATTR_TIMEOUT_UDP")?)
            }
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}
