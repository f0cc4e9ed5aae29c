//! Owns the record of a virtual service.
//!
//! May import: `attr`, `name`, siblings. Source of truth: `struct ip_vs_service_user_kern`,
//! ip_vs_genl_parse_service and ip_vs_genl_fill_service in net/netfilter/ipvs/ip_vs_ctl.c.

use std::net::Ipv4Addr;

use netlink_packet_core::DecodeError;

use super::super::attr::{ServiceAttr, Sink};
use super::super::name::Name;
use super::{Family, ServiceFlags, ServiceId, Stats};

/// Holds the granularity of persistence: how much of a client's address counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Netmask {
    /// A mask; the kernel takes any 32 bits. Big-endian on the wire.
    V4(Ipv4Addr),
    /// A prefix length, 1 to 128 (EINVAL otherwise). A native integer on the wire.
    V6(u32),
}

impl Netmask {
    /// Gives the mask of one client each: 255.255.255.255, or 128.
    pub fn host(family: Family) -> Self {
        match family {
            Family::Inet => Self::V4(Ipv4Addr::BROADCAST),
            Family::Inet6 => Self::V6(128),
        }
    }

    fn to_wire(self) -> [u8; 4] {
        match self {
            Self::V4(mask) => mask.octets(),
            Self::V6(length) => length.to_ne_bytes(),
        }
    }

    fn from_wire(family: Family, bytes: [u8; 4]) -> Self {
        match family {
            Family::Inet => Self::V4(Ipv4Addr::from(bytes)),
            Family::Inet6 => Self::V6(u32::from_ne_bytes(bytes)),
        }
    }
}

/// Holds a virtual service as the kernel has it.
///
/// NEW and SET replace the whole record: to change one field, read, modify and write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Identity: protocol, address and port, or mark.
    pub id: ServiceId,
    /// Scheduler; `none` for none (since 4.2). The kernel loads the module on demand.
    pub scheduler: Name,
    /// Flags, without `IP_VS_SVC_F_HASHED`, which is dropped in both directions: the kernel would
    /// believe a new service that carries it to be in its table, and lose it
    /// (ip_vs_svc_hash in ip_vs_ctl.c).
    pub flags: ServiceFlags,
    /// Bits of `flags` that a SET means; the others keep their value. Default: all.
    pub flags_mask: u32,
    /// Persistence timeout in seconds; only meant with [`ServiceFlags::PERSISTENT`].
    pub timeout: u32,
    /// Persistence granularity.
    pub netmask: Netmask,
    /// Persistence engine; none in a SET clears it.
    pub pe_name: Option<Name>,
    /// Counters and rates; read only.
    pub stats: Stats,
}

impl Service {
    /// Makes a service without flags, persistence or engine.
    pub fn new(id: ServiceId, scheduler: Name) -> Self {
        Self {
            id,
            scheduler,
            flags: ServiceFlags::default(),
            flags_mask: u32::MAX,
            timeout: 0,
            netmask: Netmask::host(id.family()),
            pe_name: None,
            stats: Stats::default(),
        }
    }

    /// Gives the attributes of a NEW or SET request, in the order in which `ipvsadm` sends them;
    /// statistics are not part of it.
    pub fn to_attributes(&self) -> Vec<ServiceAttr> {
        let mut attributes = Vec::with_capacity(9);
        self.write(&mut attributes);
        attributes
    }

    /// Hands out the attributes of a NEW or SET request.
    pub(in crate::ipvs) fn write(&self, to: &mut impl Sink<ServiceAttr>) {
        self.id.write(to);
        to.put(ServiceAttr::SchedName(self.scheduler.clone()));
        if let Some(name) = &self.pe_name {
            to.put(ServiceAttr::PeName(name.clone()));
        }
        to.put(ServiceAttr::Flags {
            flags: self.flags.without(ServiceFlags::HASHED).bits(),
            mask: self.flags_mask,
        });
        to.put(ServiceAttr::Timeout(self.timeout));
        to.put(ServiceAttr::Netmask(self.netmask.to_wire()));
    }

    /// Reads a service out of an answer.
    ///
    /// # Errors
    /// [`DecodeError`] where the identity cannot be told.
    pub fn from_attributes(attributes: &[ServiceAttr]) -> Result<Self, DecodeError> {
        let id = ServiceId::from_attributes(attributes)?;
        let mut service = Self::new(id, Name::default());
        let mut stats64 = None;
        for attribute in attributes {
            match attribute {
                ServiceAttr::SchedName(name) => service.scheduler = name.clone(),
                ServiceAttr::PeName(name) => {
                    service.pe_name = Some(name.clone()).filter(|name| !name.is_empty());
                }
                ServiceAttr::Flags { flags, mask } => {
                    service.flags = ServiceFlags::from_bits(*flags).without(ServiceFlags::HASHED);
                    service.flags_mask = *mask;
                }
                ServiceAttr::Timeout(seconds) => service.timeout = *seconds,
                ServiceAttr::Netmask(bytes) => {
                    service.netmask = Netmask::from_wire(id.family(), *bytes);
                }
                ServiceAttr::Stats(nest) => service.stats = Stats::from_stats(nest),
                ServiceAttr::Stats64(nest) => stats64 = Some(Stats::from_stats(nest)),
                _ => {}
            }
        }
        service.stats = stats64.unwrap_or(service.stats);
        Ok(service)
    }
}
