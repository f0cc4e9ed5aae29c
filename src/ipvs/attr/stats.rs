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

/// How wide the counters of a nest are: `u32` in `STATS`, `u64` in `STATS64`.
pub trait StatsWidth: Copy + Into<u64> {
    /// What an unreadable value is called.
    #[doc(hidden)]
    const NAME: &'static str;

    /// Reads a value.
    ///
    /// # Errors
    /// [`DecodeError`] where it is of another length.
    fn read(payload: &[u8]) -> Result<Self, DecodeError>;

    /// Writes a value to a buffer of its length.
    fn write(self, buffer: &mut [u8]);
}

impl StatsWidth for u32 {
    const NAME: &'static str = "invalid IPVS_STATS_ATTR value in STATS";

    fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        parse_u32(payload)
    }

    fn write(self, buffer: &mut [u8]) {
        put(buffer, &self.to_ne_bytes());
    }
}

impl StatsWidth for u64 {
    const NAME: &'static str = "invalid IPVS_STATS_ATTR value in STATS64";

    fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        parse_u64(payload)
    }

    fn write(self, buffer: &mut [u8]) {
        put(buffer, &self.to_ne_bytes());
    }
}

/// Holds one attribute of a `STATS` nest, whose counters wrap at 32 bits (bytes excepted), or of a
/// `STATS64` nest ([`Stats64Attr`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsAttr<W = u32> {
    /// Connections scheduled, total.
    Conns(W),
    /// Incoming packets, total.
    InPkts(W),
    /// Outgoing packets, total.
    OutPkts(W),
    /// Incoming bytes, total.
    InBytes(u64),
    /// Outgoing bytes, total.
    OutBytes(u64),
    /// Connections per second.
    Cps(W),
    /// Incoming packets per second.
    InPps(W),
    /// Outgoing packets per second.
    OutPps(W),
    /// Incoming bytes per second.
    InBps(W),
    /// Outgoing bytes per second.
    OutBps(W),
    /// Alignment filler before a 64-bit value, empty; on architectures that need it.
    Pad,
    /// An attribute that this enum does not know.
    Other(DefaultNla),
}

/// Holds one attribute of a `STATS64` nest (since Linux 4.1); all values are 64 bits wide.
pub type Stats64Attr = StatsAttr<u64>;

impl<W: StatsWidth> Nla for StatsAttr<W> {
    fn value_len(&self) -> usize {
        match self {
            Self::InBytes(_) | Self::OutBytes(_) => size_of::<u64>(),
            Self::Pad => 0,
            Self::Other(attribute) => attribute.value_len(),
            _ => size_of::<W>(),
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
            | Self::OutBps(value) => value.write(buffer),
            Self::InBytes(value) | Self::OutBytes(value) => value.write(buffer),
            Self::Pad => {}
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized, W: StatsWidth> Parseable<NlaBuffer<&'a T>> for StatsAttr<W> {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buffer.value();
        let value = || W::read(payload).context(W::NAME);
        let bytes = || u64::read(payload).context(W::NAME);
        Ok(match buffer.kind() {
            IPVS_STATS_ATTR_CONNS => Self::Conns(value()?),
            IPVS_STATS_ATTR_INPKTS => Self::InPkts(value()?),
            IPVS_STATS_ATTR_OUTPKTS => Self::OutPkts(value()?),
            IPVS_STATS_ATTR_INBYTES => Self::InBytes(bytes()?),
            IPVS_STATS_ATTR_OUTBYTES => Self::OutBytes(bytes()?),
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
        let attribute = StatsAttr::<u32>::parse(&NlaBuffer::new(&bytes[..])).unwrap();
        assert!(matches!(attribute, StatsAttr::Other(_)));
        let mut emitted = [0; 8];
        attribute.emit(&mut emitted);
        assert_eq!(emitted, bytes);
    }
    /// Bytes are 64 bits wide in both nests, all else as wide as its nest.
    #[test]
    fn each_nest_has_its_width() {
        fn written<W: StatsWidth>(attribute: &StatsAttr<W>) -> Vec<u8> {
            let mut bytes = vec![0; attribute.buffer_len()];
            attribute.emit(&mut bytes);
            bytes
        }
        let narrow = StatsAttr::Conns(7_u32);
        let wide = Stats64Attr::Conns(7);
        assert_eq!((written(&narrow).len(), written(&wide).len()), (8, 12));
        assert!(Stats64Attr::parse(&NlaBuffer::new(&written(&narrow)[..])).is_err());
        let bytes = StatsAttr::<u32>::InBytes(1 << 40);
        let parsed = StatsAttr::<u32>::parse(&NlaBuffer::new(&written(&bytes)[..]));
        assert_eq!(parsed.unwrap(), bytes);
    }
}
