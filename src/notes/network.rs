//! Networks that this host shares with real servers and, by a VIP, with clients.

use std::net::IpAddr;

use ipnet::IpNet;

use super::host::Interface;

/// The first network of this host that holds a real server and a VIP, with its interface. Loopback
/// interfaces share nothing; an address with the whole prefix is a VIP, whose network is itself.
pub fn shared_network(
    interfaces: &[Interface],
    vip: IpAddr,
    server: IpAddr,
) -> Option<(&Interface, IpNet)> {
    let shared = interfaces.iter().filter(|one| !one.is_loopback);
    let mut networks = shared.flat_map(|one| one.networks.iter().map(move |own| (one, own)));
    let holds = |own: &IpNet| {
        own.prefix_len() < own.max_prefix_len()
            && own.addr() != server
            && own.contains(&server)
            && own.contains(&vip)
    };
    let (interface, own) = networks.find(|(_, own)| holds(own))?;
    Some((interface, own.trunc()))
}
