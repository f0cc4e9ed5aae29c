//! Owns the record of a destination: a real server in the kernel's view.
//!
//! May import: `attr`, siblings. Source of truth: `struct ip_vs_dest_user_kern`,
//! ip_vs_genl_parse_dest and ip_vs_genl_dump_dest in net/netfilter/ipvs/ip_vs_ctl.c, and
//! `IP_VS_CONN_F_*`, `IP_VS_TUNNEL_ENCAP_FLAG_*` in include/uapi/linux/ip_vs.h.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::DecodeError;

use super::super::attr::{DestAttr, Sink};
use super::Stats;
use super::family::{Family, to_union};

const IP_VS_CONN_F_FWD_MASK: u32 = 0x0007;
const IP_VS_CONN_F_MASQ: u32 = 0x0000;
const IP_VS_CONN_F_LOCALNODE: u32 = 0x0001;
const IP_VS_CONN_F_TUNNEL: u32 = 0x0002;
const IP_VS_CONN_F_DROUTE: u32 = 0x0003;
const IP_VS_CONN_F_BYPASS: u32 = 0x0004;

const IP_VS_CONN_F_TUNNEL_TYPE_IPIP: u8 = 0;
const IP_VS_CONN_F_TUNNEL_TYPE_GUE: u8 = 1;
const IP_VS_CONN_F_TUNNEL_TYPE_GRE: u8 = 2;

const IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM: u16 = 0;
const IP_VS_TUNNEL_ENCAP_FLAG_CSUM: u16 = 1;
const IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM: u16 = 2;

/// Says how packets reach a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardMethod {
    /// Masquerading (NAT).
    Masq,
    /// The director itself.
    LocalNode,
    /// Encapsulation; see [`Tunnel`].
    Tunnel,
    /// Direct routing.
    Direct,
    /// Past the director; the kernel's own.
    Bypass,
    /// A method that this enum does not know (5 to 7).
    Other(u32),
}

impl ForwardMethod {
    /// Gives the number under `IP_VS_CONN_F_FWD_MASK`.
    pub fn number(self) -> u32 {
        match self {
            Self::Masq => IP_VS_CONN_F_MASQ,
            Self::LocalNode => IP_VS_CONN_F_LOCALNODE,
            Self::Tunnel => IP_VS_CONN_F_TUNNEL,
            Self::Direct => IP_VS_CONN_F_DROUTE,
            Self::Bypass => IP_VS_CONN_F_BYPASS,
            Self::Other(number) => number & IP_VS_CONN_F_FWD_MASK,
        }
    }

    fn from_number(number: u32) -> Self {
        match number & IP_VS_CONN_F_FWD_MASK {
            IP_VS_CONN_F_MASQ => Self::Masq,
            IP_VS_CONN_F_LOCALNODE => Self::LocalNode,
            IP_VS_CONN_F_TUNNEL => Self::Tunnel,
            IP_VS_CONN_F_DROUTE => Self::Direct,
            IP_VS_CONN_F_BYPASS => Self::Bypass,
            number => Self::Other(number),
        }
    }
}

/// Names an encapsulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelKind {
    /// IP in IP.
    #[default]
    Ipip,
    /// Generic UDP encapsulation; needs a port.
    Gue,
    /// Generic routing encapsulation.
    Gre,
    /// A kind that this enum does not know.
    Other(u8),
}

impl TunnelKind {
    fn number(self) -> u8 {
        match self {
            Self::Ipip => IP_VS_CONN_F_TUNNEL_TYPE_IPIP,
            Self::Gue => IP_VS_CONN_F_TUNNEL_TYPE_GUE,
            Self::Gre => IP_VS_CONN_F_TUNNEL_TYPE_GRE,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            IP_VS_CONN_F_TUNNEL_TYPE_IPIP => Self::Ipip,
            IP_VS_CONN_F_TUNNEL_TYPE_GUE => Self::Gue,
            IP_VS_CONN_F_TUNNEL_TYPE_GRE => Self::Gre,
            number => Self::Other(number),
        }
    }
}

/// Holds the checksum flags of a tunnel; bits without a name are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TunnelFlags(u16);

impl TunnelFlags {
    /// No checksum.
    pub const NOCSUM: Self = Self(IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM);
    /// A checksum over the outer packet.
    pub const CSUM: Self = Self(IP_VS_TUNNEL_ENCAP_FLAG_CSUM);
    /// Remote checksum offload.
    pub const REMCSUM: Self = Self(IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM);

    /// Makes flags from bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Gives the bits.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

/// Holds how a tunnel encapsulates; only meant with [`ForwardMethod::Tunnel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// Encapsulation.
    pub kind: TunnelKind,
    /// UDP port of GUE, in host order; 0 = none.
    pub port: u16,
    /// Checksums.
    pub flags: TunnelFlags,
}

/// Identifies a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationId {
    /// Address; its family may differ from the service's for tunnels.
    pub address: IpAddr,
    /// Port; 0 = the request's own.
    pub port: u16,
}

impl DestinationId {
    /// Gives the identifying attributes, in the order in which `ipvsadm` sends them.
    pub fn to_attributes(&self) -> Vec<DestAttr> {
        let mut attributes = Vec::with_capacity(3);
        self.write(&mut attributes);
        attributes
    }

    /// Hands out the identifying attributes.
    #[inline(always)]
    pub(in crate::ipvs) fn write(&self, to: &mut impl Sink<DestAttr>) {
        to.put(DestAttr::AddrFamily(Family::of(self.address).number()));
        to.put(DestAttr::Addr(to_union(self.address)));
        to.put(DestAttr::Port(self.port));
    }
}

impl From<SocketAddr> for DestinationId {
    fn from(socket: SocketAddr) -> Self {
        Self {
            address: socket.ip(),
            port: socket.port(),
        }
    }
}

impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// Holds a destination as the kernel has it.
///
/// NEW and SET replace the whole record: to change one field, read, modify and write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Identity within the service.
    pub id: DestinationId,
    /// Forwarding method.
    pub forward: ForwardMethod,
    /// Weight; the kernel holds a signed number and refuses a negative one (ERANGE); 0 = quiesced.
    pub weight: i32,
    /// More connections than this and it gets no new ones; 0 = off.
    pub upper_threshold: u32,
    /// Fewer connections than this and it gets new ones again; 0 = off.
    pub lower_threshold: u32,
    /// Encapsulation.
    pub tunnel: Tunnel,
    /// Active connections; read only.
    pub active_connections: u32,
    /// Inactive connections; read only.
    pub inactive_connections: u32,
    /// Persistent connections; read only.
    pub persistent_connections: u32,
    /// Counters and rates; read only.
    pub stats: Stats,
}

impl Destination {
    /// Makes a destination of weight 1 without thresholds.
    pub fn new(id: impl Into<DestinationId>, forward: ForwardMethod) -> Self {
        Self {
            id: id.into(),
            forward,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
            tunnel: Tunnel::default(),
            active_connections: 0,
            inactive_connections: 0,
            persistent_connections: 0,
            stats: Stats::default(),
        }
    }

    /// Gives the attributes of a NEW or SET request, in the order in which `ipvsadm` sends them;
    /// connection counts and statistics are not part of it.
    pub fn to_attributes(&self) -> Vec<DestAttr> {
        let mut attributes = Vec::with_capacity(10);
        self.write(&mut attributes);
        attributes
    }

    /// Hands out the attributes of a NEW or SET request.
    pub(in crate::ipvs) fn write(&self, to: &mut impl Sink<DestAttr>) {
        self.id.write(to);
        to.put(DestAttr::FwdMethod(self.forward.number()));
        to.put(DestAttr::Weight(self.weight.cast_unsigned()));
        to.put(DestAttr::TunType(self.tunnel.kind.number()));
        to.put(DestAttr::TunPort(self.tunnel.port));
        to.put(DestAttr::TunFlags(self.tunnel.flags.bits()));
        to.put(DestAttr::UThresh(self.upper_threshold));
        to.put(DestAttr::LThresh(self.lower_threshold));
    }

    /// Reads a destination out of an answer. `service` is the family of its service, which is the
    /// destination's too where the kernel does not say (before 3.18).
    ///
    /// # Errors
    /// [`DecodeError`] where the address is missing or its family unknown.
    pub fn from_attributes(attributes: &[DestAttr], service: Family) -> Result<Self, DecodeError> {
        let (mut family, mut union) = (None, None);
        let unspecified = SocketAddr::new(service.unspecified(), 0);
        let mut destination = Self::new(unspecified, ForwardMethod::Masq);
        destination.weight = 0;
        let mut stats64 = None;
        for attribute in attributes {
            match attribute {
                DestAttr::AddrFamily(value) => family = Some(*value),
                DestAttr::Addr(value) => union = Some(*value),
                DestAttr::Port(value) => destination.id.port = *value,
                DestAttr::FwdMethod(value) => {
                    destination.forward = ForwardMethod::from_number(*value);
                }
                DestAttr::Weight(value) => destination.weight = value.cast_signed(),
                DestAttr::UThresh(value) => destination.upper_threshold = *value,
                DestAttr::LThresh(value) => destination.lower_threshold = *value,
                DestAttr::TunType(value) => {
                    destination.tunnel.kind = TunnelKind::from_number(*value);
                }
                DestAttr::TunPort(value) => destination.tunnel.port = *value,
                DestAttr::TunFlags(value) => {
                    destination.tunnel.flags = TunnelFlags::from_bits(*value);
                }
                DestAttr::ActiveConns(value) => destination.active_connections = *value,
                DestAttr::InactConns(value) => destination.inactive_connections = *value,
                DestAttr::PersistConns(value) => destination.persistent_connections = *value,
                DestAttr::Stats(nest) => destination.stats = Stats::from_stats(nest),
                DestAttr::Stats64(nest) => stats64 = Some(Stats::from_stats(nest)),
                DestAttr::Other(_) => {}
            }
        }
        // A family of 0 means the service's as well: ip_vs_genl_set_cmd reads it so.
        let family = match family {
            Some(number) if number != 0 => Family::from_number(number)?,
            _ => service,
        };
        let union = union.ok_or_else(|| DecodeError::from("no IPVS_DEST_ATTR_ADDR"))?;
        destination.id.address = family.address(union);
        destination.stats = stats64.unwrap_or(destination.stats);
        Ok(destination)
    }
}
