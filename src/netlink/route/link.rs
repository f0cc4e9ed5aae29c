//! Owns links (interfaces): the record and its messages.
//!
//! May import: `netlink::attribute`. Source of truth: `struct ifinfomsg` in
//! include/uapi/linux/rtnetlink.h, `IFLA_*` in if_link.h, `IFF_*` in if.h, `ARPHRD_*` in if_arp.h.

use std::fmt;

use super::super::attribute::{append_attribute, attributes, read_string, read_u32};

/// Size of `struct ifinfomsg`.
const HEADER: usize = 16;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_INFO_KIND: u16 = 1;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 1 << 3;
const IFF_RUNNING: u32 = 1 << 6;
const IFF_NOARP: u32 = 1 << 7;

const ARPHRD_ETHER: u16 = 1;

/// Holds an Ethernet address. Printed: `02:00:5e:00:53:01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Holds the flags of a link (netdevice(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFlags(u32);

impl LinkFlags {
    /// Makes flags from bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Gives the bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns true if the operator has set the link up.
    pub const fn is_up(self) -> bool {
        self.0 & IFF_UP != 0
    }

    /// Returns true if the link can carry packets: it is up and has its carrier. The kernel
    /// finds out within a second of a change (net/core/link_watch.c).
    pub const fn is_running(self) -> bool {
        self.0 & IFF_RUNNING != 0
    }

    /// Returns true if the link leads back to this host.
    pub const fn is_loopback(self) -> bool {
        self.0 & IFF_LOOPBACK != 0
    }

    /// Returns true if the link has no neighbours to find by ARP, as a tunnel has none.
    pub const fn has_no_arp(self) -> bool {
        self.0 & IFF_NOARP != 0
    }
}

/// Holds a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index, at least 1.
    pub index: u32,
    /// Name, at most 15 bytes.
    pub name: String,
    /// Kind of a link that software made, as in `ip link add type`: `ipip`, `gre`, `dummy`, `veth`;
    /// none for hardware and `lo`.
    pub kind: Option<String>,
    /// Ethernet address; none for a link that is no Ethernet.
    pub mac: Option<MacAddress>,
    /// Flags.
    pub flags: LinkFlags,
    /// Largest packet in bytes.
    pub mtu: u32,
}

impl Link {
    /// Reads what stands behind the netlink header; none where that makes no sense.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (&[_, _, kind0, kind1, i0, i1, i2, i3, f0, f1, f2, f3, ..], rest) =
            payload.split_first_chunk::<HEADER>()?;
        let is_ethernet = u16::from_ne_bytes([kind0, kind1]) == ARPHRD_ETHER;
        let (mut name, mut kind, mut mac, mut mtu) = (None, None, None, 0);
        for attribute in attributes(rest) {
            let value = attribute.value();
            match attribute.kind() {
                IFLA_IFNAME => name = Some(read_string(value)),
                IFLA_MTU => mtu = read_u32(value)?,
                IFLA_ADDRESS if is_ethernet => mac = value.try_into().ok().map(MacAddress),
                IFLA_LINKINFO => {
                    let mut nested = attributes(value);
                    kind = nested
                        .find(|nested| nested.kind() == IFLA_INFO_KIND)
                        .map(|nested| read_string(nested.value()));
                }
                _ => {}
            }
        }
        Some(Self {
            index: u32::from_ne_bytes([i0, i1, i2, i3]),
            name: name?,
            kind,
            mac,
            flags: LinkFlags(u32::from_ne_bytes([f0, f1, f2, f3])),
            mtu,
        })
    }
}

/// Writes `struct ifinfomsg`.
pub(super) fn append_header(body: &mut Vec<u8>, index: u32, flags: u32, change: u32) {
    body.extend([0; 4]);
    body.extend(index.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend(change.to_ne_bytes());
}

/// Writes what sets a link up or down, and changes nothing else of it.
pub(super) fn append_state(body: &mut Vec<u8>, index: u32, is_up: bool) {
    append_header(body, index, if is_up { IFF_UP } else { 0 }, IFF_UP);
}

/// Writes what asks for all links, without their counters.
pub(super) fn append_list(body: &mut Vec<u8>) {
    append_header(body, 0, 0, 0);
    append_attribute(body, IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
}

/// Bytes are those of iproute2 6.1 and Linux 6.18 on x86-64 (`strace -e write=3 -e read=3`), behind
/// the netlink header, in a new network namespace.
#[cfg(test)]
mod tests {
    use super::*;

    /// `ip link set d0 up`, `down`.
    #[test]
    fn a_link_is_set_up_and_down_as_iproute2_does_it() {
        for (is_up, flags) in [(true, 1), (false, 0)] {
            let mut body = Vec::new();
            append_state(&mut body, 3, is_up);
            let expected = [0, 0, 0, 0, 3, 0, 0, 0, flags, 0, 0, 0, 1, 0, 0, 0];
            assert_eq!(body, expected);
        }
    }

    /// The first attributes of `lo`.
    #[test]
    fn the_loopback_interface_is_read() {
        let mut bytes = vec![0, 0, 4, 3, 1, 0, 0, 0, 0x49, 0, 1, 0, 0, 0, 0, 0];
        bytes.extend(*b"\x07\0\x03\0lo\0\0\x08\0\x0d\0\xe8\x03\0\0\x08\0\x04\0\0\0\x01\0");
        bytes.extend([10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let link = Link::read(&bytes).unwrap();
        assert_eq!((link.index, link.name.as_str(), link.mtu), (1, "lo", 65536));
        assert_eq!((link.kind, link.mac), (None, None));
        let flags = link.flags;
        assert!(flags.is_up() && flags.is_running() && flags.is_loopback());
        assert!(!flags.has_no_arp());
        for end in 0..23 {
            assert_eq!(Link::read(&bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn an_ethernet_address_is_printed_as_everywhere() {
        let mac = MacAddress([2, 0, 0x5e, 0, 0x53, 1]);
        assert_eq!(mac.to_string(), "02:00:5e:00:53:01");
    }
}
