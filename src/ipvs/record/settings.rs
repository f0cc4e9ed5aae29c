//! Owns the records of connection timeouts and of what IPVS says about itself.
//!
//! May import: `attr`. Source of truth: ip_vs_genl_set_config and ip_vs_genl_get_cmd in
//! net/netfilter/ipvs/ip_vs_ctl.c.

use std::fmt;

use super::super::attr::{InfoAttr, IpvsAttr};

/// Holds the connection timeouts in seconds, 0 to 2^31-1 / HZ (EINVAL above).
///
/// In a request 0 keeps the value that the kernel has; in an answer 0 means that the kernel is
/// built without that protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// Idle TCP connections; the kernel starts with 900.
    pub tcp: u32,
    /// TCP connections after a FIN; the kernel starts with 120.
    pub tcp_fin: u32,
    /// UDP; the kernel starts with 300.
    pub udp: u32,
}

impl Timeouts {
    /// Gives the attributes of a SET_CONFIG request, in the order in which `ipvsadm` sends them.
    pub fn to_attributes(&self) -> Vec<IpvsAttr> {
        vec![
            IpvsAttr::TimeoutTcp(self.tcp),
            IpvsAttr::TimeoutTcpFin(self.tcp_fin),
            IpvsAttr::TimeoutUdp(self.udp),
        ]
    }

    /// Reads the timeouts out of an answer.
    pub fn from_attributes(attributes: &[IpvsAttr]) -> Self {
        let mut timeouts = Self::default();
        for attribute in attributes {
            match *attribute {
                IpvsAttr::TimeoutTcp(seconds) => timeouts.tcp = seconds,
                IpvsAttr::TimeoutTcpFin(seconds) => timeouts.tcp_fin = seconds,
                IpvsAttr::TimeoutUdp(seconds) => timeouts.udp = seconds,
                _ => {}
            }
        }
        timeouts
    }
}

/// Holds what IPVS says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Info {
    /// Version: major << 16, minor << 8, patch.
    pub version: u32,
    /// Buckets of the connection table, a power of two.
    pub connection_table_size: u32,
}

impl Info {
    /// Gives the version in its dotted form.
    pub fn version_text(&self) -> impl fmt::Display {
        let [_, major, minor, patch] = self.version.to_be_bytes();
        format!("{major}.{minor}.{patch}")
    }

    /// Gives the attributes as an answer holds them.
    pub fn to_attributes(&self) -> Vec<IpvsAttr> {
        vec![
            IpvsAttr::Info(InfoAttr::Version(self.version)),
            IpvsAttr::Info(InfoAttr::ConnTabSize(self.connection_table_size)),
        ]
    }

    /// Reads the answer.
    pub fn from_attributes(attributes: &[IpvsAttr]) -> Self {
        let mut info = Self::default();
        for attribute in attributes {
            match attribute {
                IpvsAttr::Info(InfoAttr::Version(value)) => info.version = *value,
                IpvsAttr::Info(InfoAttr::ConnTabSize(value)) => {
                    info.connection_table_size = *value;
                }
                _ => {}
            }
        }
        info
    }
}
