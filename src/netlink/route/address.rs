//! Owns addresses of interfaces: the record and its messages.
//!
//! May import: `netlink::attribute`. Source of truth: `struct ifaddrmsg`, `struct ifa_cacheinfo` and
//! `IFA_*` in include/uapi/linux/if_addr.h; rtm_to_ifaddr in net/ipv4/devinet.c,
//! inet6_rtm_newaddr in net/ipv6/addrconf.c.

use std::net::IpAddr;
use std::time::Duration;

use super::super::attribute::{
    address_bytes, append_attribute, attributes, read_address, read_string, read_u32,
};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Size of `struct ifaddrmsg`.
pub(super) const HEADER: usize = 8;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;

const IFA_F_SECONDARY: u32 = 0x01;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_HOMEADDRESS: u32 = 0x10;
const IFA_F_DEPRECATED: u32 = 0x20;
const IFA_F_TENTATIVE: u32 = 0x40;
const IFA_F_PERMANENT: u32 = 0x80;
const IFA_F_MANAGETEMPADDR: u32 = 0x100;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const IFA_F_MCAUTOJOIN: u32 = 0x400;

/// What `ifa_valid` and `ifa_prefered` hold for a lifetime without an end.
const INFINITY_LIFE_TIME: u32 = u32::MAX;

/// Holds the flags of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressFlags(u32);

impl AddressFlags {
    /// No duplicate address detection (IPv6): the address works at once.
    pub const NODAD: Self = Self(IFA_F_NODAD);
    /// Another host has the address (IPv6): this host does not use it.
    pub const DADFAILED: Self = Self(IFA_F_DADFAILED);
    /// The preferred lifetime is over (IPv6): new connections do not leave from it.
    pub const DEPRECATED: Self = Self(IFA_F_DEPRECATED);
    /// Duplicate address detection is still under way (IPv6).
    pub const TENTATIVE: Self = Self(IFA_F_TENTATIVE);
    /// The address has no end: it was set by hand.
    pub const PERMANENT: Self = Self(IFA_F_PERMANENT);
    /// The interface had another address of the same network first (IPv4). IPv6 marks addresses
    /// made by the privacy extensions with it.
    pub const SECONDARY: Self = Self(IFA_F_SECONDARY);
    /// No route to its network was made along with it.
    pub const NOPREFIXROUTE: Self = Self(IFA_F_NOPREFIXROUTE);
    /// What can be asked for; the rest is what the kernel found out.
    const SETTABLE: u32 = IFA_F_NODAD
        | IFA_F_HOMEADDRESS
        | IFA_F_MANAGETEMPADDR
        | IFA_F_NOPREFIXROUTE
        | IFA_F_MCAUTOJOIN;

    /// Makes flags from bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Gives the bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns true if all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Gives these flags and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Holds an address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Index of the interface.
    pub interface: u32,
    /// Name of the interface, as read; not looked at when an address is added or deleted.
    pub interface_name: String,
    /// The address itself.
    pub ip: IpAddr,
    /// Length of the prefix, 0 to 32 or 128.
    pub prefix: u8,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// Label (IPv4): at most 15 bytes; the kernel gives the interface's name to one without. Tools
    /// before iproute2 only show labels that begin with that name and a colon.
    pub label: Option<String>,
    /// Scope: 0 for the world, 253 for the link, 254 for the host.
    pub scope: u8,
    /// Flags. Only those that can be asked for, such as [`AddressFlags::NODAD`], are written.
    pub flags: AddressFlags,
    /// How long it is still preferred as the source of new connections, to the second; none: for
    /// ever. 0 makes it [`AddressFlags::DEPRECATED`].
    pub preferred: Option<Duration>,
    /// How long it is still there, to the second; none: for ever.
    pub valid: Option<Duration>,
}

impl Address {
    /// Makes an address without peer and label, for ever.
    pub fn new(interface: u32, ip: IpAddr, prefix: u8) -> Self {
        Self {
            interface,
            interface_name: String::new(),
            ip,
            prefix,
            peer: None,
            label: None,
            scope: 0,
            flags: AddressFlags::default(),
            preferred: None,
            valid: None,
        }
    }

    /// Reads what stands behind the netlink header; none where that makes no sense.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (&[_, prefix, flags, scope, index @ ..], rest) =
            payload.split_first_chunk::<HEADER>()?;
        let (mut local, mut address) = (None, None);
        let (mut label, mut flags) = (None, u32::from(flags));
        let (mut preferred, mut valid) = (INFINITY_LIFE_TIME, INFINITY_LIFE_TIME);
        for attribute in attributes(rest) {
            let value = attribute.value();
            match attribute.kind() {
                IFA_ADDRESS => address = read_address(value),
                IFA_LOCAL => local = read_address(value),
                IFA_LABEL => label = Some(read_string(value)),
                IFA_FLAGS => flags = read_u32(value)?,
                IFA_CACHEINFO => {
                    preferred = read_u32(value)?;
                    valid = value.get(4..).and_then(read_u32)?;
                }
                _ => {}
            }
        }
        let ip = local.or(address)?;
        Some(Self {
            interface: u32::from_ne_bytes(index),
            interface_name: String::new(),
            ip,
            prefix,
            peer: address.filter(|address| *address != ip),
            label,
            scope,
            flags: AddressFlags(flags),
            preferred: lifetime(preferred),
            valid: lifetime(valid),
        })
    }

    /// Writes what an RTM_NEWADDR carries.
    pub(super) fn append(&self, body: &mut Vec<u8>) {
        self.append_identity(body);
        if self.preferred.is_some() || self.valid.is_some() {
            // struct ifa_cacheinfo: preferred, valid, created, updated.
            let mut value = seconds(self.preferred).to_ne_bytes().to_vec();
            value.extend(seconds(self.valid).to_ne_bytes());
            value.extend([0; 8]);
            append_attribute(body, IFA_CACHEINFO, &value);
        }
        // The header has room for the lower eight only.
        let flags = self.flags.bits() & AddressFlags::SETTABLE;
        if u8::try_from(flags).is_err() {
            append_attribute(body, IFA_FLAGS, &flags.to_ne_bytes());
        }
    }

    /// Writes what an RTM_DELADDR carries, in the order of iproute2.
    pub(super) fn append_identity(&self, body: &mut Vec<u8>) {
        let family = match self.ip {
            IpAddr::V4(_) => AF_INET,
            IpAddr::V6(_) => AF_INET6,
        };
        let flags = (self.flags.bits() & AddressFlags::SETTABLE).to_le_bytes()[0];
        body.extend([family, self.prefix, flags, self.scope]);
        body.extend(self.interface.to_ne_bytes());
        append_attribute(body, IFA_LOCAL, &address_bytes(self.ip));
        // Labels are IPv4's: IPv6 has no room for one.
        if let (Some(label), IpAddr::V4(_)) = (&self.label, self.ip) {
            append_attribute(body, IFA_LABEL, &[label.as_bytes(), &[0]].concat());
        }
        append_attribute(
            body,
            IFA_ADDRESS,
            &address_bytes(self.peer.unwrap_or(self.ip)),
        );
    }
}

fn lifetime(seconds: u32) -> Option<Duration> {
    (seconds != INFINITY_LIFE_TIME).then(|| Duration::from_secs(u64::from(seconds)))
}

fn seconds(lifetime: Option<Duration>) -> u32 {
    lifetime.map_or(INFINITY_LIFE_TIME, |lifetime| {
        let most = INFINITY_LIFE_TIME - 1;
        u32::try_from(lifetime.as_secs()).map_or(most, |seconds| seconds.min(most))
    })
}

/// Bytes are those of iproute2 6.1 and Linux 6.18 on x86-64 (`strace -e write=3 -e read=3`), behind
/// the netlink header, in a new network namespace.
#[cfg(test)]
mod tests {
    use super::*;

    fn v4() -> Address {
        Address {
            label: Some("lo:vip".to_owned()),
            ..Address::new(1, "192.0.2.10".parse().unwrap(), 32)
        }
    }

    fn v6() -> Address {
        Address {
            flags: AddressFlags::NODAD,
            preferred: Some(Duration::ZERO),
            ..Address::new(1, "2001:db8::10".parse().unwrap(), 128)
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    /// `ip address add 192.0.2.10/32 dev lo label lo:vip`
    #[test]
    fn an_ipv4_address_is_added_as_iproute2_does_it() {
        let mut body = Vec::new();
        v4().append(&mut body);
        let expected = "022000000100000008000200c000020a0b0003006c6f3a766970000008000100c000020a";
        assert_eq!(body, hex(expected));
    }

    /// `ip address add 2001:db8::10/128 dev lo nodad preferred_lft 0`
    #[test]
    fn an_ipv6_address_is_added_as_iproute2_does_it() {
        let mut body = Vec::new();
        v6().append(&mut body);
        let expected = "0a800200010000001400020020010db800000000000000000000001014000100\
                        20010db80000000000000000000000101400060000000000ffffffff0000000000000000";
        assert_eq!(body, hex(expected));
    }

    /// `ip address del 192.0.2.10/32 dev lo`
    #[test]
    fn an_address_is_deleted_as_iproute2_does_it() {
        let mut body = Vec::new();
        let address = Address {
            label: None,
            ..v4()
        };
        address.append_identity(&mut body);
        assert_eq!(
            body,
            hex("022000000100000008000200c000020a08000100c000020a")
        );
    }

    /// What RTM_GETADDR gave for the two above.
    #[test]
    fn what_the_kernel_lists_is_what_was_added() {
        let listed = "022080000100000008000100c000020a08000200c000020a0b0003006c6f3a76697000000800\
                      08008000000014000600ffffffffffffffffd9132900d9132900";
        let read = Address::read(&hex(listed)).unwrap();
        let flags = AddressFlags::PERMANENT;
        assert_eq!(read, Address { flags, ..v4() });

        let listed = "0a80a200010000001400010020010db80000000000000000000000101400060000000000ffff\
                      ffffdc132900dc13290008000800a2000000";
        let read = Address::read(&hex(listed)).unwrap();
        let flags = AddressFlags::from_bits(0xa2);
        assert!(flags.contains(AddressFlags::DEPRECATED.with(AddressFlags::NODAD)));
        assert_eq!(read, Address { flags, ..v6() });
    }

    #[test]
    fn bytes_that_make_no_sense_are_no_address() {
        let listed = hex("022080000100000008000100c000020a08000200c000020a");
        for end in 0..16 {
            assert_eq!(Address::read(&listed[..end]), None, "cut at {end}");
        }
    }

    /// IFA_F_NOPREFIXROUTE has no room in the header's eight bits.
    #[test]
    fn flags_beyond_eight_bits_have_an_attribute_of_their_own() {
        let mut body = Vec::new();
        let flags = AddressFlags::NODAD.with(AddressFlags::NOPREFIXROUTE);
        Address { flags, ..v6() }.append(&mut body);
        assert!(body.ends_with(&[8, 0, 8, 0, 0x02, 0x02, 0, 0]), "{body:x?}");
        let read = Address::read(&body).unwrap();
        assert_eq!(read.flags, flags);
    }
}
