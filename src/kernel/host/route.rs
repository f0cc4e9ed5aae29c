//! Where packets go: one `RTM_GETROUTE` a destination, never a dump.
//!
//! May import: `notes`, `netlink`, rustix. Source of truth: rtnetlink(7),
//! include/uapi/linux/rtnetlink.h, inet_rtm_getroute in net/ipv4/route.c.

use std::net::IpAddr;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_ROUTE;

use crate::netlink::{
    Errno, ExchangeError, Settings, Transport, address_bytes, append_attribute, attributes,
    read_address, read_u32,
};
use crate::notes::Route;

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
/// Size of `struct rtmsg`, and where its type is.
const RTMSG_LEN: usize = 12;
const RTM_TYPE: usize = 7;
/// The last two are those of a `prohibit` and of a `blackhole` route.
const NO_ROUTE: [Errno; 4] = [
    Errno::NETUNREACH,
    Errno::HOSTUNREACH,
    Errno::ACCESS,
    Errno::INVAL,
];

/// A socket to ask for routes, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct Routes {
    transport: Transport,
}

impl Routes {
    pub fn open() -> Result<Routes, ExchangeError> {
        // The kernel answers while it is asked; a second is for a host that is out of memory.
        let transport = Transport::open(Settings {
            timeout: Duration::from_secs(1),
            ..Settings::new(NETLINK_ROUTE)
        })?;
        Ok(Routes { transport })
    }

    /// Asks for the route to an address; `None` where the answer says neither where nor nowhere.
    pub fn to(&mut self, addr: IpAddr) -> Result<Option<Route>, ExchangeError> {
        let mut found = None;
        let answer = self.transport.request(
            (RTM_GETROUTE, 0),
            |body| append_request(body, addr),
            |frame| {
                if frame.message_type == RTM_NEWROUTE {
                    found = read(frame.payload);
                }
                Ok::<(), ExchangeError>(())
            },
        )?;
        if answer.is_err_and(|refusal| NO_ROUTE.contains(&refusal.errno)) {
            found = Some(Found::Nowhere);
        }
        Ok(found.and_then(|found| self.named(found)))
    }

    /// The route with its interface's name.
    fn named(&self, found: Found) -> Option<Route> {
        let interface =
            |index| rustix::net::netdevice::index_to_name(self.transport.socket(), index).ok();
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

/// Writes what stands behind the netlink header of a request.
fn append_request(body: &mut Vec<u8>, addr: IpAddr) {
    let (family, bits) = match addr {
        IpAddr::V4(_) => (AF_INET, 32),
        IpAddr::V6(_) => (AF_INET6, 128),
    };
    // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
    body.extend([family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    append_attribute(body, RTA_DST, &address_bytes(addr));
}

/// Reads what stands behind the netlink header; `None` for whatever makes no sense.
fn read(payload: &[u8]) -> Option<Found> {
    read_route(*payload.get(RTM_TYPE)?, payload.get(RTMSG_LEN..)?)
}

fn read_route(kind: u8, bytes: &[u8]) -> Option<Found> {
    if kind == RTN_LOCAL || kind == RTN_ANYCAST {
        return Some(Found::Local);
    }
    if RTN_REFUSING.contains(&kind) {
        return Some(Found::Nowhere);
    }
    let (mut interface, mut gateway) = (None, None);
    for attribute in attributes(bytes) {
        match attribute.kind() {
            RTA_OIF => interface = read_u32(attribute.value()),
            RTA_GATEWAY => gateway = Some(read_address(attribute.value())),
            RTA_VIA => gateway = Some(attribute.value().get(2..).and_then(read_address)),
            _ => {}
        }
    }
    interface.map(|interface| Found::By(interface, gateway))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// inet_rtm_getroute and inet6_rtm_getroute look at the prefix length where they are strict.
    #[test]
    fn a_request_holds_the_whole_address() {
        for (addr, bits, length) in [("192.0.2.1", 32, 20), ("2001:db8::1", 128, 32)] {
            let mut body = Vec::new();
            append_request(&mut body, addr.parse().unwrap());
            assert_eq!((body[1], body.len()), (bits, length));
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
        assert_eq!(read(&answer), Some(Found::By(4, Some(Some(gateway)))));
        for end in 0..28 {
            assert_eq!(read(&answer[..end]), None, "cut at {end}");
        }
    }
}
