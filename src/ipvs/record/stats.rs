//! Owns the record of counters and rates.
//!
//! May import: `attr`. Source of truth: `struct ip_vs_kstats` and ip_vs_genl_fill_stats64 in
//! net/netfilter/ipvs/ip_vs_ctl.c.

use super::super::attr::{Stats64Attr, StatsAttr, StatsWidth};

/// Holds counters since the last zeroing, and rates; all 0 where the kernel said nothing.
///
/// A kernel before 4.1 counts in 32 bits (bytes excepted), which wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections scheduled.
    pub connections: u64,
    /// Incoming packets.
    pub packets_in: u64,
    /// Outgoing packets; only forwarding that answers through this host sees them.
    pub packets_out: u64,
    /// Incoming bytes.
    pub bytes_in: u64,
    /// Outgoing bytes.
    pub bytes_out: u64,
    /// Connections per second.
    pub connection_rate: u64,
    /// Incoming packets per second.
    pub packet_rate_in: u64,
    /// Outgoing packets per second.
    pub packet_rate_out: u64,
    /// Incoming bytes per second.
    pub byte_rate_in: u64,
    /// Outgoing bytes per second.
    pub byte_rate_out: u64,
}

impl Stats {
    /// Reads a nest of either width.
    pub fn from_stats<W: StatsWidth>(nest: &[StatsAttr<W>]) -> Self {
        let mut stats = Self::default();
        for attribute in nest {
            match *attribute {
                StatsAttr::Conns(value) => stats.connections = value.into(),
                StatsAttr::InPkts(value) => stats.packets_in = value.into(),
                StatsAttr::OutPkts(value) => stats.packets_out = value.into(),
                StatsAttr::InBytes(value) => stats.bytes_in = value,
                StatsAttr::OutBytes(value) => stats.bytes_out = value,
                StatsAttr::Cps(value) => stats.connection_rate = value.into(),
                StatsAttr::InPps(value) => stats.packet_rate_in = value.into(),
                StatsAttr::OutPps(value) => stats.packet_rate_out = value.into(),
                StatsAttr::InBps(value) => stats.byte_rate_in = value.into(),
                StatsAttr::OutBps(value) => stats.byte_rate_out = value.into(),
                StatsAttr::Pad | StatsAttr::Other(_) => {}
            }
        }
        stats
    }

    /// Gives the 64-bit nest, as an answer would hold it.
    pub fn to_stats64(&self) -> Vec<Stats64Attr> {
        vec![
            Stats64Attr::Conns(self.connections),
            Stats64Attr::InPkts(self.packets_in),
            Stats64Attr::OutPkts(self.packets_out),
            Stats64Attr::InBytes(self.bytes_in),
            Stats64Attr::OutBytes(self.bytes_out),
            Stats64Attr::Cps(self.connection_rate),
            Stats64Attr::InPps(self.packet_rate_in),
            Stats64Attr::OutPps(self.packet_rate_out),
            Stats64Attr::InBps(self.byte_rate_in),
            Stats64Attr::OutBps(self.byte_rate_out),
        ]
    }
}
