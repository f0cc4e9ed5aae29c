//! Where packets go: one `RTM_GETROUTE` a destination, never a dump.
//!
//! May import: `netlink-packet-core`, `netlink-sys`, rustix. Source of truth: rtnetlink(7),
//! include/uapi/linux/rtnetlink.h, inet_rtm_getroute in net/ipv4/route.c.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NetlinkBuffer, NlasIterator};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::notes::Route;

const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_VIA: u16 = 18;
const RTN_LOCAL: u8 = 2;
const RTN_ANYCAST: u8 = 4;
/// RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT.
const RTN_REFUSING: std::ops::RangeInclusive<u8> = 6..=8;
/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;
/// Size of `struct rtmsg`, and where its type is.
const RTMSG_LEN: usize = 12;
const RTM_TYPE: usize = 7;
/// ENETUNREACH, EHOSTUNREACH, EACCES (a `prohibit` route), EINVAL (a `blackhole` one).
const NO_ROUTE: [i32; 4] = [101, 113, 13, 22];

/// A socket to ask for routes, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct Routes {
    socket: Socket,
    sequence: u32,
}

impl Routes {
    pub fn open() -> io::Result<Routes> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        Ok(Routes {
            socket,
            sequence: 0,
        })
    }

    /// Asks for the route to an address; `None` where the answer says neither where nor nowhere.
    pub fn to(&mut self, addr: IpAddr) -> io::Result<Option<Route>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = request(addr, self.sequence);
        self.socket.send_to(&request, &SocketAddr::new(0, 0), 0)?;
        // The kernel answers while it is asked; a second is for a host that is out of memory.
        let second = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        if poll(&mut fds, Some(&second))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut answer = Vec::with_capacity(4096);
        let (_, sender) = self.socket.recv_from(&mut answer, 0)?;
        if sender.port_number() != 0 {
            return Err(io::Error::other("an answer of somebody else"));
        }
        Ok(read(&answer, self.sequence).and_then(|found| self.named(found)))
    }

    /// The route with its interface's name.
    fn named(&self, found: Found) -> Option<Route> {
        let interface = |index| rustix::net::netdevice::index_to_name(&self.socket, index).ok();
        Some(match found {
            Found::Local => Route::Local,
            Found::Nowhere => Route::Nowhere,
            Found::By(index, None) => Route::OnLink {
                interface: interface(index)?,
            },
            Found::By(index, Some(gateway)) => Route::Via {
                interface: interface(index)?,
                gateway,
            },
        })
    }
}

/// A route as the kernel says it: the interface by its number, and its router where there is one,
/// by its address where it is of the same family.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Local,
    Nowhere,
    By(u32, Option<Option<IpAddr>>),
}

fn request(addr: IpAddr, sequence: u32) -> Vec<u8> {
    let (family, addr) = match addr {
        IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
    };
    let (bits, attribute): (u8, u16) = match family {
        AF_INET => (32, 8),
        _ => (128, 20),
    };
    let length = NLMSG_HDRLEN + RTMSG_LEN + usize::from(attribute);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or_default().to_ne_bytes());
    bytes.extend(RTM_GETROUTE.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
    bytes.extend([family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // struct rtattr, then the address.
    bytes.extend(attribute.to_ne_bytes());
    bytes.extend(RTA_DST.to_ne_bytes());
    bytes.extend(addr);
    bytes
}

/// Reads the first message of an answer; `None` for whatever makes no sense.
fn read(answer: &[u8], sequence: u32) -> Option<Found> {
    let header = NetlinkBuffer::new_checked(answer).ok()?;
    let length = usize::try_from(header.length()).ok()?;
    let payload = answer.get(NLMSG_HDRLEN..length)?;
    if header.sequence_number() != sequence {
        return None;
    }
    match header.message_type() {
        NLMSG_ERROR => {
            let errno = i32::from_ne_bytes(payload.get(..4)?.try_into().ok()?);
            NO_ROUTE.contains(&-errno).then_some(Found::Nowhere)
        }
        RTM_NEWROUTE => read_route(*payload.get(RTM_TYPE)?, payload.get(RTMSG_LEN..)?),
        _ => None,
    }
}

fn read_route(kind: u8, attributes: &[u8]) -> Option<Found> {
    if kind == RTN_LOCAL || kind == RTN_ANYCAST {
        return Some(Found::Local);
    }
    if RTN_REFUSING.contains(&kind) {
        return Some(Found::Nowhere);
    }
    let (mut interface, mut gateway) = (None, None);
    for attribute in NlasIterator::new(attributes).map_while(Result::ok) {
        match attribute.kind() {
            RTA_OIF => interface = attribute.value().try_into().ok().map(u32::from_ne_bytes),
            RTA_GATEWAY => gateway = Some(address(attribute.value())),
            RTA_VIA => gateway = Some(attribute.value().get(2..).and_then(address)),
            _ => {}
        }
    }
    interface.map(|interface| Found::By(interface, gateway))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into());
    v4.or_else(|_| v6()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_long_as_it_says() {
        for (addr, length) in [("192.0.2.1", 36), ("2001:db8::1", 48)] {
            let request = request(addr.parse().unwrap(), 1);
            assert_eq!(request.len(), length);
            assert_eq!(
                u32::from_ne_bytes(request[..4].try_into().unwrap()),
                length as u32
            );
        }
    }

    #[test]
    fn this_host_is_local_to_itself() {
        let mut routes = Routes::open().unwrap();
        let to = |routes: &mut Routes, addr: &str| routes.to(addr.parse().unwrap()).unwrap();
        assert_eq!(to(&mut routes, "127.0.0.1"), Some(Route::Local));
        assert_eq!(to(&mut routes, "127.1.2.3"), Some(Route::Local));
        assert_ne!(to(&mut routes, "192.0.2.1"), Some(Route::Local));
    }

    /// The attributes that rt_fill_info (net/ipv4/route.c) answers with behind a default route.
    #[test]
    fn an_answer_is_read() {
        let mut answer = Vec::new();
        answer.extend(60_u32.to_ne_bytes());
        answer.extend(RTM_NEWROUTE.to_ne_bytes());
        answer.extend(0_u16.to_ne_bytes());
        answer.extend(7_u32.to_ne_bytes());
        answer.extend(9_u32.to_ne_bytes());
        answer.extend([AF_INET, 32, 0, 0, 254, 0, 0, 1, 0, 2, 0, 0]);
        for (kind, value) in [
            (RTA_DST, [10, 1, 2, 3]),
            (RTA_OIF, 4_u32.to_ne_bytes()),
            (RTA_GATEWAY, [10, 0, 0, 1]),
            (15, [254, 0, 0, 0]),
        ] {
            answer.extend(8_u16.to_ne_bytes());
            answer.extend(kind.to_ne_bytes());
            answer.extend(value);
        }
        let gateway = "10.0.0.1".parse().unwrap();
        assert_eq!(read(&answer, 7), Some(Found::By(4, Some(Some(gateway)))));
        assert_eq!(read(&answer, 8), None, "of another request");
        for end in 0..answer.len() {
            assert_eq!(read(&answer[..end], 7), None, "cut at {end}");
        }
    }

    #[test]
    fn a_refusal_is_no_route() {
        let mut answer = Vec::new();
        answer.extend(36_u32.to_ne_bytes());
        answer.extend(NLMSG_ERROR.to_ne_bytes());
        answer.extend([0, 0, 1, 0, 0, 0, 9, 0, 0, 0]);
        answer.extend((-101_i32).to_ne_bytes());
        answer.extend([0; 16]);
        assert_eq!(read(&answer, 1), Some(Found::Nowhere));
    }
}
