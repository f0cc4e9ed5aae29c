//! Owns attributes: writing one, writing a nest, reading numbers and addresses.
//!
//! May import: `netlink-packet-core`. Source of truth: `struct nlattr` in
//! include/uapi/linux/netlink.h.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NlaBuffer, NlasIterator};

/// Size of `struct nlattr`.
const NLA_HDRLEN: usize = 4;

/// Writes an attribute, padded to 4 bytes. A value of more than 65,531 bytes has no attribute.
pub(crate) fn append_attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    append_nest(body, kind, |body| body.extend_from_slice(value));
}

/// Writes an attribute whose value `nested` writes.
pub(crate) fn append_nest(body: &mut Vec<u8>, kind: u16, nested: impl FnOnce(&mut Vec<u8>)) {
    let start = body.len();
    body.extend_from_slice(&[0; 2]);
    body.extend_from_slice(&kind.to_ne_bytes());
    nested(body);
    let length = body.len() - start;
    debug_assert!(length >= NLA_HDRLEN);
    match (u16::try_from(length), body.get_mut(start..start + 2)) {
        (Ok(length), Some(field)) => field.copy_from_slice(&length.to_ne_bytes()),
        _ => body.truncate(start),
    }
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Walks over attributes; ends before the first one that makes no sense.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = NlaBuffer<&[u8]>> {
    NlasIterator::new(bytes).map_while(Result::ok)
}

/// Reads an address of either family.
pub(crate) fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into());
    v4.or_else(|_| v6()).ok()
}

/// Gives the bytes of an address.
pub(crate) fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Reads a number of 32 bits in the host's byte order.
pub(crate) fn read_u32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().copied().map(u32::from_ne_bytes)
}

/// Reads a string up to its NUL.
pub(crate) fn read_string(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nest_is_as_long_as_what_is_in_it() {
        let mut body = Vec::new();
        append_nest(&mut body, 18, |body| append_attribute(body, 1, b"ipip7"));
        assert_eq!(body, *b"\x10\0\x12\0\x09\0\x01\0ipip7\0\0\0");
        assert_eq!(attributes(&body).count(), 1);
    }

    #[test]
    fn a_value_that_no_attribute_can_hold_is_left_out() {
        let mut body = vec![1, 2, 3, 4];
        append_attribute(&mut body, 1, &vec![0; 70_000]);
        assert_eq!(body, [1, 2, 3, 4]);
    }
}
