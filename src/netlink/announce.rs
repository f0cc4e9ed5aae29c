//! Tells the neighbours of an interface that an address is here: gratuitous ARP and unsolicited
//! neighbour advertisements.
//!
//! May import: `route`, nix, rustix. Source of truth: RFC 826 and RFC 5227 section 2.3 (ARP),
//! RFC 4861 section 7.2.6 (neighbour discovery), packet(7), icmpv6_push_pending_frames in
//! net/ipv6/icmp.c.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, MsgFlags, SockaddrStorage, sendto};
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, socket_with, sockopt,
};

use super::route::{Link, MacAddress};

const ETH_P_IP: [u8; 2] = [0x08, 0x00];
const ETH_P_ARP: [u8; 2] = [0x08, 0x06];
const ARPHRD_ETHER: [u8; 2] = [0, 1];
const ARPOP_REQUEST: [u8; 2] = [0, 1];
const NDISC_NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const ND_OPT_TARGET_LL_ADDR: u8 = 2;
/// The sender is a router.
const NA_ROUTER: u8 = 0x80;
/// Neighbours replace the Ethernet address that they have.
const NA_OVERRIDE: u8 = 0x20;
/// All nodes of the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Neighbour discovery ignores packets of any other hop limit: a router has passed them on.
const HOP_LIMIT: u32 = 255;

/// Says why an address could not be announced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// The interface has no neighbours that could be told: a loopback, a tunnel.
    #[error("{interface} is no Ethernet interface")]
    NotEthernet {
        /// Name of the interface.
        interface: String,
    },
    /// A call of the system failed.
    #[error("cannot {action} the announcement on {interface}: {source}")]
    System {
        /// What was tried: a verb.
        action: &'static str,
        /// Name of the interface.
        interface: String,
        /// What the system said: EPERM without CAP_NET_RAW, ENETDOWN where the interface is down.
        source: io::Error,
    },
}

/// Tells all neighbours of an Ethernet interface, in one packet, that an address is at its Ethernet
/// address. The interface need not have the address itself. Acts on the calling thread's network
/// namespace.
///
/// `is_router` is said of IPv6 addresses only: true where the interface forwards. A router that
/// says false is taken off its neighbours' lists of default routers.
///
/// # Errors
/// [`AnnounceError`].
pub fn announce(link: &Link, address: IpAddr, is_router: bool) -> Result<(), AnnounceError> {
    let mac = link
        .mac
        .filter(|_| !link.flags.has_no_arp() && !link.flags.is_loopback())
        .ok_or_else(|| AnnounceError::NotEthernet {
            interface: link.name.clone(),
        })?;
    let sent = match address {
        IpAddr::V4(address) => send_arp(link, &arp(mac, address)),
        IpAddr::V6(address) => send_icmp(link, &advertisement(mac, address, is_router)),
    };
    sent.map_err(|(action, source)| AnnounceError::System {
        action,
        interface: link.name.clone(),
        source,
    })
}

/// What was tried, and what the system said.
type Failure = (&'static str, io::Error);

fn failed<E: Into<io::Error>>(action: &'static str) -> impl Fn(E) -> Failure {
    move |source| (action, source.into())
}

/// An ARP announcement with its Ethernet header: a request for the own address.
fn arp(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(mac.0);
    frame.extend(ETH_P_ARP);
    frame.extend(ARPHRD_ETHER);
    frame.extend(ETH_P_IP);
    frame.extend([6, 4]);
    frame.extend(ARPOP_REQUEST);
    frame.extend(mac.0);
    frame.extend(address.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

/// An advertisement without its checksum, which the kernel fills in.
fn advertisement(mac: MacAddress, address: Ipv6Addr, is_router: bool) -> Vec<u8> {
    let flags = NA_OVERRIDE | if is_router { NA_ROUTER } else { 0 };
    let mut message = vec![NDISC_NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(address.octets());
    // The length of an option is in units of eight bytes.
    message.extend([ND_OPT_TARGET_LL_ADDR, 1]);
    message.extend(mac.0);
    message
}

fn send_arp(link: &Link, frame: &[u8]) -> Result<(), Failure> {
    let to = link_address(link.index).map_err(failed("address"))?;
    // A socket without a protocol sends, and never receives.
    let socket = socket_with(
        AddressFamily::PACKET,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(failed("open a socket for"))?;
    sendto(socket.as_raw_fd(), frame, &to, MsgFlags::empty()).map_err(failed("send"))?;
    Ok(())
}

/// The `struct sockaddr_ll` of an interface. nix has no way to make one of an index, but gives those
/// of getifaddrs(3).
fn link_address(index: u32) -> io::Result<LinkAddr> {
    let index = usize::try_from(index).ok();
    getifaddrs()?
        .filter_map(|entry| entry.address)
        .filter_map(|address: SockaddrStorage| address.as_link_addr().copied())
        .find(|address| Some(address.ifindex()) == index)
        .ok_or_else(|| rustix::io::Errno::NODEV.into())
}

fn send_icmp(link: &Link, message: &[u8]) -> Result<(), Failure> {
    let socket = socket_with(
        AddressFamily::INET6,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(ipproto::ICMPV6),
    )
    .map_err(failed("open a socket for"))?;
    sockopt::set_ipv6_multicast_hops(&socket, HOP_LIMIT).map_err(failed("set the hop limit of"))?;
    sockopt::set_ipv6_multicast_loop(&socket, false).map_err(failed("set the loop of"))?;
    // The scope of a multicast address is the interface that it leaves by.
    let to = SocketAddrV6::new(ALL_NODES, 0, 0, link.index);
    rustix::net::sendto(&socket, message, SendFlags::empty(), &to).map_err(failed("send"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::route::LinkFlags;
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0x5e, 0, 0x53, 1]);

    /// The fields of RFC 826, as `arping -U -I d0 192.0.2.10` (iputils) sends them.
    #[test]
    fn a_gratuitous_arp_asks_for_its_own_address() {
        let frame = arp(MAC, Ipv4Addr::new(192, 0, 2, 10));
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0x5e, 0, 0x53, 1, 8, 6, //
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0x5e, 0, 0x53, 1, 192, 0, 2, 10, //
            0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
        ];
        assert_eq!(frame, expected);
    }

    /// The fields of RFC 4861 section 4.4.
    #[test]
    fn an_advertisement_overrides_and_names_the_ethernet_address() {
        let message = advertisement(MAC, "2001:db8::10".parse().unwrap(), true);
        let mut expected = vec![136, 0, 0, 0, 0xa0, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8];
        expected.extend([0; 11]);
        expected.extend([0x10, 2, 1, 2, 0, 0x5e, 0, 0x53, 1]);
        assert_eq!(message, expected);
        let host = advertisement(MAC, "2001:db8::10".parse().unwrap(), false);
        assert_eq!(host[4], 0x20);
    }

    #[test]
    fn an_interface_without_neighbours_is_refused_by_name() {
        let link = Link {
            index: 1,
            name: "lo".to_owned(),
            kind: None,
            mac: None,
            flags: LinkFlags::default(),
            mtu: 65536,
        };
        let error = announce(&link, "192.0.2.10".parse().unwrap(), true).unwrap_err();
        assert_eq!(error.to_string(), "lo is no Ethernet interface");
    }
}
