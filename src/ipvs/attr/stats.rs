//! Owns the attributes of the nests `IPVS_*_ATTR_STATS` (totals and rates, partly 32 bits wide)
//! and `IPVS_*_ATTR_STATS64` (the same in 64 bits).
//!
//! May import: `netlink-packet-core`. Source of truth: `IPVS_STATS_ATTR_*` in
//! include/uapi/linux/ip_vs.h; widths from ip_vs_genl_fill_stats and ip_vs_genl_fill_stats64 in
//! net/netfilter/ipvs/ip_vs_ctl.c.

use netlink_packet_core::{
    DecodeError, DefaultNla, ErrorContext, Nla, NlaBuffer, Parseable, parse_u32, parse_u64,
};

use super::put;

const IPVS_STATS_ATTR_CONNS: u16 = 1;
const IPVS_STATS_ATTR_INPKTS: u16 = 2;
const IPVS_STATS_ATTR_OUTPKTS: u16 = 3;
const IPVS_STATS_ATTR_INBYTES: u16 = 4;
const IPVS_STATS_ATTR_OUTBYTES: u16 = 5;
const IPVS_STATS_ATTR_CPS: u16 = 6;
const IPVS_STATS_ATTR_INPPS: u16 = 7;
const IPVS_STATS_ATTR_OUTPPS: u16 = 8;
const IPVS_STATS_ATTR_INBPS: u16 = 9;
const IPVS_STATS_ATTR_OUTBPS: u16 = 10;
const IPVS_STATS_ATTR_PAD: u16 = 11;

/// Holds one attribute of a `STATS` nest: counters wrap at their width.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsAttr {
    /// Connections scheduled, total.
    Conns(u32),
    /// Incoming packets, total.
    InPkts(u32),
    /// Outgoing packets, total.
    OutPkts(u32),
    /// Incoming bytes, total.
    InBytes(u64),
    /// Outgoing bytes, total.
    OutBytes(u64),
    /// Connections per second.
    Cps(u32),
    /// Incoming packets per second.
    InPps(u32),
    /// Outgoing packets per second.
    OutPps(u32),
    /// Incoming bytes per second.
    InBps(u32),
    /// Outgoing bytes per second.
    OutBps(u32),
    /// Alignment filler before a 64-bit value, empty; on architectures that need it.
    Pad,
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

impl Nla for StatsAttr {
    fn value_len(&self) -> usize {
        match self {
            Self::InBytes(_) | Self::OutBytes(_) => 8,
            Self::Pad => 0,
            Self::Other(attribute) => attribute.value_len(),
            _ => 4,
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Conns(_) => IPVS_STATS_ATTR_CONNS,
            Self::InPkts(_) => IPVS_STATS_ATTR_INPKTS,
            Self::OutPkts(_) => IPVS_STATS_ATTR_OUTPKTS,
            Self::InBytes(_) => IPVS_STATS_ATTR_INBYTES,
            Self::OutBytes(_) => IPVS_STATS_ATTR_OUTBYTES,
            Self::Cps(_) => IPVS_STATS_ATTR_CPS,
            Self::InPps(_) => IPVS_STATS_ATTR_INPPS,
            Self::OutPps(_) => IPVS_STATS_ATTR_OUTPPS,
            Self::InBps(_) => IPVS_STATS_ATTR_INBPS,
            Self::OutBps(_) => IPVS_STATS_ATTR_OUTBPS,
            Self::Pad => IPVS_STATS_ATTR_PAD,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Conns(value)
            | Self::InPkts(value)
            | Self::OutPkts(value)
            | Self::Cps(value)
            | Self::InPps(value)
            | Self::OutPps(value)
            | Self::InBps(value)
            | Self::OutBps(value) => put(buffer, &value.to_ne_bytes()),
            Self::InBytes(value) | Self::OutBytes(value) => put(buffer, &value.to_ne_bytes()),
            Self::Pad => {}
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for StatsAttr {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        let name = "invalid IPVS_STATS_ATTR value in STATS";
        let narrow = || parse_u32(payload).context(name);
        let wide = || parse_u64(payload).context(name);
        Ok(match buffer.kind() {
            IPVS_STATS_ATTR_CONNS => Self::Conns(narrow()?),
            IPVS_STATS_ATTR_INPKTS => Self::InPkts(narrow()?),
            IPVS_STATS_ATTR_OUTPKTS => Self::OutPkts(narrow()?),
            IPVS_STATS_ATTR_INBYTES => Self::InBytes(wide()?),
            IPVS_STATS_ATTR_OUTBYTES => Self::OutBytes(wide()?),
            IPVS_STATS_ATTR_CPS => Self::Cps(narrow()?),
            IPVS_STATS_ATTR_INPPS => Self::InPps(narrow()?),
            IPVS_STATS_ATTR_OUTPPS => Self::OutPps(narrow()?),
            IPVS_STATS_ATTR_INBPS => Self::InBps(narrow()?),
            IPVS_STATS_ATTR_OUTBPS => Self::OutBps(narrow()?),
            IPVS_STATS_ATTR_PAD if payload.is_empty() => Self::Pad,
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}

/// Holds one attribute of a `STATS64` nest (since Linux 4.1); all values are 64 bits wide.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stats64Attr {
    /// Connections scheduled, total.
    Conns(u64),
    /// Incoming packets, total.
    InPkts(u64),
    /// Outgoing packets, total.
    OutPkts(u64),
    /// Incoming bytes, total.
    InBytes(u64),
    /// Outgoing bytes, total.
    OutBytes(u64),
    /// Connections per second.
    Cps(u64),
    /// Incoming packets per second.
    InPps(u64),
    /// Outgoing packets per second.
    OutPps(u64),
    /// Incoming bytes per second.
    InBps(u64),
    /// Outgoing bytes per second.
    OutBps(u64),
    /// Alignment filler before a 64-bit value, empty; on architectures that need it.
    Pad,
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

impl Nla for Stats64Attr {
    fn value_len(&self) -> usize {
        match self {
            Self::Pad => 0,
            Self::Other(attribute) => attribute.value_len(),
            _ => 8,
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Conns(_) => IPVS_STATS_ATTR_CONNS,
            Self::InPkts(_) => IPVS_STATS_ATTR_INPKTS,
            Self::OutPkts(_) => IPVS_STATS_ATTR_OUTPKTS,
            Self::InBytes(_) => IPVS_STATS_ATTR_INBYTES,
            Self::OutBytes(_) => IPVS_STATS_ATTR_OUTBYTES,
            Self::Cps(_) => IPVS_STATS_ATTR_CPS,
            Self::InPps(_) => IPVS_STATS_ATTR_INPPS,
            Self::OutPps(_) => IPVS_STATS_ATTR_OUTPPS,
            Self::InBps(_) => IPVS_STATS_ATTR_INBPS,
            Self::OutBps(_) => IPVS_STATS_ATTR_OUTBPS,
            Self::Pad => IPVS_STATS_ATTR_PAD,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Conns(value)
            | Self::InPkts(value)
            | Self::OutPkts(value)
            | Self::InBytes(value)
            | Self::OutBytes(value)
            | Self::Cps(value)
            | Self::InPps(value)
            | Self::OutPps(value)
            | Self::InBps(value)
            | Self::OutBps(value) => put(buffer, &value.to_ne_bytes()),
            Self::Pad => {}
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for Stats64Attr {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        let value = || parse_u64(payload).context("invalid IPVS_STATS_ATTR value in STATS64");
        Ok(match buffer.kind() {
            IPVS_STATS_ATTR_CONNS => Self::Conns(value()?),
            IPVS_STATS_ATTR_INPKTS => Self::InPkts(value()?),
            IPVS_STATS_ATTR_OUTPKTS => Self::OutPkts(value()?),
            IPVS_STATS_ATTR_INBYTES => Self::InBytes(value()?),
            IPVS_STATS_ATTR_OUTBYTES => Self::OutBytes(value()?),
            IPVS_STATS_ATTR_CPS => Self::Cps(value()?),
            IPVS_STATS_ATTR_INPPS => Self::InPps(value()?),
            IPVS_STATS_ATTR_OUTPPS => Self::OutPps(value()?),
            IPVS_STATS_ATTR_INBPS => Self::InBps(value()?),
            IPVS_STATS_ATTR_OUTBPS => Self::OutBps(value()?),
            IPVS_STATS_ATTR_PAD if payload.is_empty() => Self::Pad,
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;

    use super::*;

    #[test]
    fn a_filler_that_is_not_empty_is_kept_as_it_is() {
        let bytes = [8, 0, 11, 0, 1, 2, 3, 4];
        let attribute = StatsAttr::parse(&NlaBuffer::new(&bytes[..])).unwrap();
        assert!(matches!(attribute, StatsAttr::Other(_)));
        let mut emitted = [0; 8];
        attribute.emit(&mut emitted);
        assert_eq!(emitted, bytes);
    }
}
