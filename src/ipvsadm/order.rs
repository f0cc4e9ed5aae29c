//! The order of lists: the original's, whose comparison overflows.
//!
//! It subtracts 32-bit numbers into a signed one, so that addresses more than 2^31 apart compare
//! the wrong way round and the order is no order (10.0.0.1 < 100.0.0.1 < 192.0.2.1 < 10.0.0.1).
//! What comes out then depends on the algorithm, so this is the C library's: a merge sort that
//! halves the list (glibc, stdlib/msort.c). `sort_by` may panic on such a comparison.

use std::net::IpAddr;

use crate::ipvs::{Destination, Family, Service, ServiceId};

/// Sorts services as they are listed.
pub(super) fn services(list: &mut Vec<Service>) {
    sort(list, &|a, b| compare_services(&a.id, &b.id));
}

/// Sorts the servers of a service as they are listed.
pub(super) fn servers(list: &mut Vec<Destination>) {
    sort(list, &|a, b| {
        let (a, b) = (&a.id, &b.id);
        nonzero(compare_addresses(a.address, b.address))
            .unwrap_or_else(|| i32::from(a.port) - i32::from(b.port))
    });
}

/// Less than 0: `a` comes first; more than 0: `b` does.
fn compare_services(a: &ServiceId, b: &ServiceId) -> i32 {
    let (first, second) = (Parts::of(a), Parts::of(b));
    nonzero(difference(first.mark, second.mark))
        .or_else(|| nonzero(i32::from(first.family) - i32::from(second.family)))
        .or_else(|| nonzero(i32::from(first.protocol) - i32::from(second.protocol)))
        .or_else(|| nonzero(compare_addresses(first.address, second.address)))
        .unwrap_or_else(|| i32::from(first.port) - i32::from(second.port))
}

/// What services are compared by; a mark has no address.
struct Parts {
    mark: u32,
    family: u16,
    protocol: u16,
    address: IpAddr,
    port: u16,
}

impl Parts {
    fn of(id: &ServiceId) -> Parts {
        let family = id.family();
        match *id {
            ServiceId::Fwmark { mark, .. } => Parts {
                mark: mark.get(),
                family: family.number(),
                protocol: 0,
                address: match family {
                    Family::Inet => std::net::Ipv4Addr::UNSPECIFIED.into(),
                    Family::Inet6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
                },
                port: 0,
            },
            ServiceId::Address {
                protocol,
                address,
                port,
            } => Parts {
                mark: 0,
                family: family.number(),
                protocol,
                address,
                port,
            },
        }
    }
}

/// Compares as the family of the first says, even where the second is of the other one.
fn compare_addresses(a: IpAddr, b: IpAddr) -> i32 {
    let compared = if a.is_ipv4() { 1 } else { 4 };
    let pairs = words(a).into_iter().zip(words(b)).take(compared);
    pairs
        .map(|(a, b)| difference(a, b))
        .find(|difference| *difference != 0)
        .unwrap_or(0)
}

fn words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(v4) => [v4.to_bits(), 0, 0, 0],
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            [96, 64, 32, 0].map(|shift| u32::try_from(bits >> shift & 0xffff_ffff).unwrap_or(0))
        }
    }
}

/// The overflowing subtraction.
fn difference(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

fn nonzero(number: i32) -> Option<i32> {
    Some(number).filter(|number| *number != 0)
}

/// Sorts by halves; where two are equal the one of the first half comes first.
fn sort<T>(list: &mut Vec<T>, compare: &impl Fn(&T, &T) -> i32) {
    if list.len() <= 1 {
        return;
    }
    let mut second = list.split_off(list.len() / 2);
    let mut first = std::mem::take(list);
    sort(&mut first, compare);
    sort(&mut second, compare);
    let (mut first, mut second) = (first.into_iter().peekable(), second.into_iter().peekable());
    while let (Some(a), Some(b)) = (first.peek(), second.peek()) {
        let next = if compare(a, b) <= 0 {
            first.next()
        } else {
            second.next()
        };
        list.extend(next);
    }
    list.extend(first);
    list.extend(second);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::ForwardMethod;

    fn sorted(addresses: &[&str]) -> Vec<String> {
        let server = |address: &&str| {
            let socket: std::net::SocketAddr = format!("{address}:80").parse().unwrap();
            Destination::new(socket, ForwardMethod::Masq)
        };
        let mut list: Vec<Destination> = addresses.iter().map(server).collect();
        servers(&mut list);
        let address = |server: &Destination| server.id.address.to_string();
        list.iter().map(address).collect()
    }

    #[test]
    fn far_addresses_come_out_as_the_original_has_them() {
        // ipvsadm -Ln; the kernel gave them in the order on the left (--nosort).
        assert_eq!(
            sorted(&[
                "100.1.1.4",
                "[2001:db8::9]",
                "100.1.1.2",
                "127.0.0.1",
                "100.1.1.1",
                "200.1.1.1",
                "10.1.1.1"
            ]),
            [
                "2001:db8::9",
                "100.1.1.1",
                "100.1.1.2",
                "100.1.1.4",
                "127.0.0.1",
                "200.1.1.1",
                "10.1.1.1"
            ]
        );
    }

    #[test]
    fn marks_above_two_to_the_31_come_first() {
        let mark = |mark| ServiceId::fwmark(Family::Inet, mark).unwrap();
        let tcp = ServiceId::tcp("192.0.2.1:80".parse().unwrap());
        assert!(compare_services(&mark(u32::MAX), &tcp) < 0);
        assert!(compare_services(&mark(3), &tcp) > 0);
        let six = ServiceId::fwmark(Family::Inet6, 3).unwrap();
        assert!(compare_services(&mark(3), &six) < 0);
    }
}
