//! Owns the netlink attributes of the IPVS family: one enum per nest of the UAPI, each with
//! `Other` for what it does not know, so that a newer kernel's additions are kept, never refused.
//!
//! May import: `netlink-packet-core`, and `name` for bounded strings.
//! Source of truth: include/uapi/linux/ip_vs.h (enumerations `IPVS_*_ATTR_*`) and the policies in
//! net/netfilter/ipvs/ip_vs_ctl.c. A length that differs from the policy is an error, not a panic.

mod daemon;
mod destination;
mod info;
mod service;
mod stats;
mod top;
mod wire;

use netlink_packet_core::{DecodeError, Emitable, ErrorContext, Nla, NlaBuffer, Parseable};

pub use daemon::DaemonAttr;
pub use destination::DestAttr;
pub use info::InfoAttr;
pub use service::ServiceAttr;
pub use stats::{Stats64Attr, StatsAttr, StatsWidth};
pub use top::IpvsAttr;

use super::name::Name;
pub(super) use wire::Sink;
use wire::Walk;

/// Size of `union nf_inet_addr`, in which every address attribute travels.
pub(super) const INET_ADDR_SIZE: usize = 16;

/// Bytes that an attribute takes at least, unless it is empty.
const SMALLEST_ATTRIBUTE: usize = 8;
/// As many attributes as the records of this family have.
const MOST_ATTRIBUTES: usize = 16;

/// Says which attributes of a record are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// All of them.
    #[default]
    Whole,
    /// All but the nests of counters and rates: two thirds of a record. The counts of connections
    /// are there.
    WithoutStats,
}

/// Parses a sequence of attributes, each through `parse`.
pub(super) fn parse_with<T>(
    payload: &[u8],
    parse: impl Fn(&NlaBuffer<&[u8]>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    parse_but(payload, &[], parse)
}

/// Parses a sequence of attributes but those of some kinds.
fn parse_but<T>(
    payload: &[u8],
    left_out: &[u16],
    parse: impl Fn(&NlaBuffer<&[u8]>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let most = (payload.len() / SMALLEST_ATTRIBUTE).min(MOST_ATTRIBUTES);
    let mut attributes = Vec::with_capacity(most);
    for attribute in Walk::new(payload) {
        let attribute = attribute?;
        if !left_out.contains(&attribute.kind()) {
            attributes.push(parse(&attribute)?);
        }
    }
    Ok(attributes)
}

/// Parses the attributes of one nest; `name` is the UAPI's name of it, for the error.
fn parse_nest<T>(payload: &[u8], name: &'static str) -> Result<Vec<T>, DecodeError>
where
    T: for<'a> Parseable<NlaBuffer<&'a [u8]>>,
{
    parse_nest_but(payload, &[], name)
}

/// Parses the attributes of one nest but those of some kinds.
fn parse_nest_but<T>(
    payload: &[u8],
    left_out: &[u16],
    name: &'static str,
) -> Result<Vec<T>, DecodeError>
where
    T: for<'a> Parseable<NlaBuffer<&'a [u8]>>,
{
    parse_but(payload, left_out, |attribute| T::parse(attribute)).context(name)
}

/// Writes `value` to the front of `buffer` and zeroes the rest; never panics.
#[inline(always)]
fn put(buffer: &mut [u8], value: &[u8]) {
    let (front, rest) = buffer.split_at_mut(value.len().min(buffer.len()));
    for (to, from) in front.iter_mut().zip(value) {
        *to = *from;
    }
    rest.fill(0);
}

/// Length in bytes of a nest's value.
fn nest_len<T: Nla>(attributes: &[T]) -> usize {
    attributes.iter().map(Emitable::buffer_len).sum()
}

/// Parses an address: 16 bytes, or the 4 that `nla_memcpy` in ip_vs_ctl.c accepts as well.
fn parse_inet_addr(payload: &[u8]) -> Result<[u8; INET_ADDR_SIZE], DecodeError> {
    if payload.len() != INET_ADDR_SIZE && payload.len() != 4 {
        return Err(DecodeError::invalid_ip_address(payload.len()));
    }
    let mut address = [0; INET_ADDR_SIZE];
    put(&mut address, payload);
    Ok(address)
}

/// Parses a string of at most 15 bytes, with or without its NUL.
fn parse_name(payload: &[u8]) -> Result<Name, DecodeError> {
    let text = payload.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|e| DecodeError::from(e.to_string()))?;
    Name::new(text).map_err(|e| DecodeError::from(e.to_string()))
}

/// Length of a string attribute's value: the text and its NUL.
fn name_len(name: &Name) -> usize {
    name.as_bytes().len() + 1
}
