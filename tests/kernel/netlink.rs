//! Addresses, links, tunnels and announcements: each call in a network namespace of its own, compared
//! with what `ip -json` and a neighbour see. Needs root, no IPVS.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

use ipvsh::netlink::announce::{AnnounceError, announce};
use ipvsh::netlink::fou::{Encapsulation, FouClient, FouPort};
use ipvsh::netlink::route::{Address, AddressFlags, Link, RouteClient, Tunnel, TunnelKind};
use ipvsh::netlink::{Errno, NetlinkError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with};
use serde_json::Value;

use crate::netns::{in_namespace, ip};

fn json(line: &str) -> Vec<Value> {
    let output = Command::new("ip").args(line.split_whitespace()).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

/// What `ip` says of the addresses: interface, address, prefix, label, whether deprecated.
fn listed() -> Vec<(String, String, u64, Option<String>, bool)> {
    let mut rows = Vec::new();
    for link in json("-json address show") {
        for address in link["addr_info"].as_array().unwrap() {
            rows.push((
                link["ifname"].as_str().unwrap().to_owned(),
                address["local"].as_str().unwrap().to_owned(),
                address["prefixlen"].as_u64().unwrap(),
                address["label"].as_str().map(str::to_owned),
                address["deprecated"].as_bool().unwrap_or_default(),
            ));
        }
    }
    rows.sort();
    rows
}

/// The same of the client.
fn read(client: &mut RouteClient) -> Vec<(String, String, u64, Option<String>, bool)> {
    let row = |address: Address| {
        (
            address.interface_name,
            address.ip.to_string(),
            u64::from(address.prefix),
            address.label,
            address.flags.contains(AddressFlags::DEPRECATED),
        )
    };
    let mut rows: Vec<_> = client.addresses().unwrap().into_iter().map(row).collect();
    rows.sort();
    rows
}

fn link(client: &mut RouteClient, name: &str) -> Link {
    client.link(name).unwrap().unwrap()
}

fn parse(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[test]
fn addresses_are_added_listed_and_deleted_as_ip_sees_them() {
    in_namespace(|| {
        let mut client = RouteClient::open().unwrap();
        let lo = link(&mut client, "lo").index;
        let before = client.addresses().unwrap();
        let vip = Address {
            label: Some("lo:vip".to_owned()),
            ..Address::new(lo, parse("192.0.2.10"), 32)
        };
        let silent = Address {
            flags: AddressFlags::NODAD,
            preferred: Some(Duration::ZERO),
            ..Address::new(lo, parse("2001:db8::10"), 128)
        };
        let network = Address::new(lo, parse("198.51.100.1"), 24);
        for address in [&vip, &silent, &network] {
            client.add_address(address).unwrap();
            assert_eq!(read(&mut client), listed());
        }
        let found = client.addresses().unwrap();
        let of = |wanted: &Address| found.iter().find(|found| found.ip == wanted.ip).unwrap();
        assert_eq!(of(&vip).label, vip.label);
        assert_eq!(of(&vip).interface_name, "lo");
        assert_eq!(of(&silent).preferred, Some(Duration::ZERO));
        assert!(of(&silent).flags.contains(AddressFlags::DEPRECATED));
        assert!(!of(&silent).flags.contains(AddressFlags::TENTATIVE));
        assert_eq!(of(&network).label.as_deref(), Some("lo"));

        // What is read can be deleted as it stands.
        for address in [&vip, &silent, &network] {
            client.delete_address(of(address)).unwrap();
        }
        assert_eq!(client.addresses().unwrap(), before);
    });
}

#[test]
fn a_refusal_says_the_errno_and_the_kernels_words() {
    in_namespace(|| {
        let mut client = RouteClient::open().unwrap();
        let vip = Address::new(1, parse("192.0.2.10"), 32);
        client.add_address(&vip).unwrap();
        let error = client.add_address(&vip).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EXIST));
        assert!(
            error.to_string().starts_with("EEXIST: File exists"),
            "{error}"
        );
        client.delete_address(&vip).unwrap();
        let error = client.delete_address(&vip).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ADDRNOTAVAIL));
        let nowhere = Address::new(4711, parse("192.0.2.10"), 32);
        let error = client.add_address(&nowhere).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NODEV));
        assert!(matches!(error, NetlinkError::Refused(_)));
    });
}

#[test]
fn a_thousand_addresses_are_listed_over_several_datagrams() {
    in_namespace(|| {
        let mut client = RouteClient::open().unwrap();
        for number in 0..1000_u32 {
            let ip = IpAddr::from((0x0a01_0000 + number).to_be_bytes());
            client.add_address(&Address::new(1, ip, 32)).unwrap();
        }
        let found = client.addresses().unwrap();
        let ours = found.iter().filter(|address| address.prefix == 32);
        assert_eq!(ours.count(), 1000);
    });
}

#[test]
fn links_are_listed_set_up_and_down_and_deleted() {
    in_namespace(|| {
        let mut client = RouteClient::open().unwrap();
        ip("link add d0 type veth peer name d1");
        let d0 = link(&mut client, "d0");
        assert_eq!(d0.kind.as_deref(), Some("veth"));
        assert_eq!(d0.mtu, 1500);
        assert!(!d0.flags.is_up() && !d0.flags.is_loopback() && !d0.flags.has_no_arp());
        let seen = json("-json link show dev d0");
        assert_eq!(d0.mac.unwrap().to_string(), seen[0]["address"]);
        assert_eq!(Value::from(d0.index), seen[0]["ifindex"]);
        client.set_up(d0.index).unwrap();
        assert!(link(&mut client, "d0").flags.is_up());
        client.set_down(d0.index).unwrap();
        assert_eq!(link(&mut client, "d0"), d0);
        client.delete_link(d0.index).unwrap();
        assert_eq!(client.link("d0").unwrap(), None);
        let error = client.set_up(d0.index).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NODEV));
    });
}

#[test]
fn tunnels_are_added_with_their_ends() {
    in_namespace(|| {
        let mut client = RouteClient::open().unwrap();
        for kind in [TunnelKind::Ipip, TunnelKind::Gre] {
            let tunnel = Tunnel {
                name: "tn7".to_owned(),
                kind,
                local: Some([10, 0, 0, 7].into()),
                remote: None,
            };
            client.add_tunnel(&tunnel).unwrap();
            let tn7 = link(&mut client, "tn7");
            assert_eq!(tn7.kind.as_deref(), Some(kind.name()));
            assert_eq!(tn7.mac, None);
            assert!(tn7.flags.has_no_arp());
            let seen = json("-json -details link show dev tn7");
            assert_eq!(seen[0]["linkinfo"]["info_data"]["local"], "10.0.0.7");
            assert_eq!(seen[0]["linkinfo"]["info_data"]["remote"], "any");
            let error = client.add_tunnel(&tunnel).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::EXIST));
            client.set_up(tn7.index).unwrap();
            client.delete_link(tn7.index).unwrap();
        }
    });
}

#[test]
fn ports_of_foo_over_udp_are_added_listed_and_deleted() {
    in_namespace(|| {
        let loaded = Command::new("modprobe").arg("fou").status().unwrap();
        assert!(loaded.success());
        let mut client = FouClient::open().unwrap();
        let ipip = FouPort {
            port: 5555,
            encapsulation: Encapsulation::Direct(4),
        };
        let gue = FouPort {
            port: 5556,
            encapsulation: Encapsulation::Gue,
        };
        for port in [gue, ipip] {
            client.add(port).unwrap();
        }
        assert!(client.ports().unwrap().into_iter().eq([ipip, gue]));
        let seen = json("-json fou show");
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(client.add(gue).is_err(), "it is there");
        client.delete(5555).unwrap();
        assert!(client.ports().unwrap().into_iter().eq([gue]));
        let error = client.delete(5555).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    });
}

/// What arrives at d1 of one Ethernet protocol while d0 announces.
fn announced(address: &str, protocol: u16, is_ours: fn(&[u8]) -> bool) -> (Link, Vec<u8>) {
    let protocol = NonZeroU32::new(u32::from(protocol.to_be())).unwrap();
    in_namespace(|| {
        ip("link add d0 type veth peer name d1");
        ip("link set d0 up");
        ip("link set d1 up");
        // Without an address of the link's own nothing can be sent from it; it is tentative at first.
        ip("address add fe80::7/64 dev d0 nodad");
        let flags = SocketFlags::CLOEXEC;
        let protocol = Some(Protocol::from_raw(protocol));
        let ear = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, protocol).unwrap();
        let mut client = RouteClient::open().unwrap();
        let d0 = link(&mut client, "d0");
        announce(&d0, parse(address), true).unwrap();
        loop {
            let second = Timespec {
                tv_sec: 5,
                tv_nsec: 0,
            };
            let mut fds = [PollFd::new(&ear, PollFlags::IN)];
            assert_ne!(poll(&mut fds, Some(&second)).unwrap(), 0, "nothing came");
            let mut frame = vec![0; 2000];
            let (length, _) = recv(&ear, &mut frame, RecvFlags::empty()).unwrap();
            frame.truncate(length);
            if is_ours(&frame) {
                return (d0, frame);
            }
        }
    })
}

#[test]
fn a_neighbour_receives_the_gratuitous_arp() {
    let (d0, frame) = announced("192.0.2.10", 0x0806, |_| true);
    let mac = d0.mac.unwrap().0;
    assert_eq!(frame[..6], [0xff; 6], "to all");
    assert_eq!(frame[6..12], mac);
    assert_eq!(frame[12..14], [8, 6]);
    assert_eq!(frame[22..28], mac);
    assert_eq!(
        (&frame[28..32], &frame[38..42]),
        (&[192, 0, 2, 10][..], &[192, 0, 2, 10][..])
    );
}

#[test]
fn a_neighbour_receives_the_advertisement() {
    let is_ours = |frame: &[u8]| frame.get(54) == Some(&136);
    let (d0, frame) = announced("2001:db8::10", 0x86dd, is_ours);
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1], "to all nodes");
    assert_eq!(frame[21], 255, "hop limit");
    assert_eq!(frame[58], 0xa0, "router, override");
    assert_eq!(frame[62..70], [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0]);
    assert_eq!(frame[78..80], [2, 1]);
    assert_eq!(frame[80..86], d0.mac.unwrap().0);
    // The sum of the pseudo header and the message with its checksum is all ones.
    let mut words = frame[22..86].to_vec();
    words.extend([0, 32, 0, 58]);
    let sum: u32 = words
        .chunks(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "checksum");
}

/// A Linux neighbour that knew another Ethernet address replaces it.
#[test]
fn a_neighbour_replaces_what_it_knew() {
    in_namespace(|| {
        ip("link add d0 type veth peer name d1");
        ip("netns add peer");
        ip("link set d1 netns peer");
        ip("link set d0 up");
        ip("address add fe80::7/64 dev d0 nodad");
        ip("-n peer link set d1 up");
        ip("-n peer address add 192.0.2.1/24 dev d1");
        ip("-n peer address add 2001:db8::1/64 dev d1 nodad");
        let mut client = RouteClient::open().unwrap();
        let d0 = link(&mut client, "d0");
        for address in ["192.0.2.10", "2001:db8::10"] {
            ip(&format!(
                "-n peer neigh add {address} lladdr 02:00:00:00:00:99 dev d1 nud stale"
            ));
            announce(&d0, parse(address), false).unwrap();
            let mac = d0.mac.unwrap().to_string();
            let is_known = || {
                let known = json(&format!("-json -n peer neigh show {address}"));
                known[0]["lladdr"] == mac.as_str()
            };
            let waited = (0..50).find(|_| {
                std::thread::sleep(Duration::from_millis(100));
                is_known()
            });
            assert!(waited.is_some(), "{address} is still elsewhere");
        }
        ip("netns del peer");
    });
}

#[test]
fn an_interface_that_is_down_says_so() {
    in_namespace(|| {
        ip("link add d0 type veth peer name d1");
        let mut client = RouteClient::open().unwrap();
        let d0 = link(&mut client, "d0");
        let error = announce(&d0, parse("192.0.2.10"), false).unwrap_err();
        assert!(matches!(error, AnnounceError::System { .. }));
        let text = error.to_string();
        assert!(
            text.starts_with("cannot send the announcement on d0: "),
            "{text}"
        );
    });
}
