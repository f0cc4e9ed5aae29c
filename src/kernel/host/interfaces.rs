//! The network interfaces of the calling thread's namespace, with their addresses.
//!
//! Source of truth: getifaddrs(3), netdevice(7) (the flags).

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

use crate::notes::Interface;

/// Lists them in the order of their names; `None` where the kernel does not say.
pub(super) fn all() -> Option<Vec<Interface>> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for entry in getifaddrs().ok()? {
        let flags = entry.flags;
        let interface = found
            .entry(entry.interface_name.clone())
            .or_insert_with(|| Interface {
                name: entry.interface_name,
                is_up: flags.contains(InterfaceFlags::IFF_UP),
                has_carrier: flags.contains(InterfaceFlags::IFF_RUNNING),
                is_loopback: flags.contains(InterfaceFlags::IFF_LOOPBACK),
                networks: Vec::new(),
            });
        let own = entry.address.as_ref().and_then(addr);
        let mask = entry.netmask.as_ref().and_then(addr);
        if let (Some(own), Some(mask)) = (own, mask) {
            interface.networks.extend(IpNet::with_netmask(own, mask));
        }
    }
    Some(found.into_values().collect())
}

fn addr(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|one| IpAddr::from(one.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|one| one.ip().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_known() {
        let all = all().unwrap();
        let lo = all.iter().find(|one| one.name == "lo").unwrap();
        assert!(lo.is_loopback);
    }
}
