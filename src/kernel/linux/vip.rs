//! VIPs of this host: addresses of its interfaces.
//!
//! Source of truth: rtnetlink(7), inet_rtm_newaddr in net/ipv4/devinet.c, inet6_rtm_newaddr in
//! net/ipv6/addrconf.c.

use std::net::IpAddr;
use std::time::Duration;

use super::failure::Failure;
use crate::ipvs::Errno;
use crate::kernel::LinuxHost;
use crate::model::{Family, InterfaceName, Setting, SettingKey, Settings, Vip, VipKey};
use crate::netlink::announce::{AnnounceError, announce};
use crate::netlink::route::{Address, AddressFlags, Link, RouteClient};
use crate::notes::Host;

/// The addresses of this host; an interface whose name ipvsh does not take has none.
pub(super) fn read(
    route: &mut RouteClient,
    is_asked: impl Fn(SettingKey) -> bool,
    into: &mut Settings,
) -> Result<(), Failure> {
    for address in route.addresses()? {
        // Another host has it: this one does not use it.
        if address.flags.contains(AddressFlags::DADFAILED) {
            continue;
        }
        let Ok(interface) = InterfaceName::parse(&address.interface_name) else {
            continue;
        };
        let key = VipKey {
            addr: address.ip,
            interface,
        };
        if is_asked(SettingKey::Vip(key)) {
            let vip = Vip {
                prefix: address.prefix,
                label: address.label.filter(|label| label != interface.as_str()),
                ..Vip::single(address.ip)
            };
            into.put(SettingKey::Vip(key), Some(Setting::Vip(vip)));
        }
    }
    Ok(())
}

/// Adds an address, and announces it.
pub(super) fn add(route: &mut RouteClient, key: VipKey, vip: &Vip) -> Result<(), Failure> {
    let link = link(route, key.interface)?;
    let mut address = Address::new(link.index, key.addr, vip.prefix);
    address.label.clone_from(&vip.label);
    if key.addr.is_ipv6() {
        // It works at once, and the kernel does not choose it as the source of new connections.
        address.flags = AddressFlags::NODAD;
        address.preferred = Some(Duration::ZERO);
    }
    // The kernel refuses an address that it still lists, also one that another host turned out to have.
    remove_failed(route, &link, key.addr)?;
    route.add_address(&address)?;
    if !vip.announce || !link.flags.is_up() {
        return Ok(());
    }
    match announce(&link, key.addr, forwards_ipv6()) {
        // It has no neighbours that could be told.
        Ok(()) | Err(AnnounceError::NotEthernet { .. }) => Ok(()),
        Err(error) => {
            // The step is one: where the neighbours learn nothing, the address does not stay.
            let _ = route.delete_address(&address);
            Err(Failure::Announcement(error.to_string()))
        }
    }
}

/// An IPv6 address that another host had when it was added.
fn remove_failed(route: &mut RouteClient, link: &Link, addr: IpAddr) -> Result<(), Failure> {
    if addr.is_ipv4() {
        return Ok(());
    }
    let all = route.addresses()?.into_iter();
    let mut failed = all.filter(|one| {
        one.interface == link.index && one.ip == addr && one.flags.contains(AddressFlags::DADFAILED)
    });
    failed.try_for_each(|one| route.delete_address(&one).map_err(Failure::from))
}

/// Takes an address off. With the first IPv4 address of a network the kernel takes the others of
/// that network off the interface: those come back.
pub(super) fn remove(route: &mut RouteClient, key: VipKey, vip: &Vip) -> Result<(), Failure> {
    let link = link(route, key.interface)?;
    let address = Address::new(link.index, key.addr, vip.prefix);
    if key.addr.is_ipv6() || vip.prefix == 32 {
        return Ok(route.delete_address(&address)?);
    }
    let before = of_link(route, &link)?;
    route.delete_address(&address)?;
    let after = of_link(route, &link)?;
    let is_lost = |one: &&Address| {
        let is_there = |other: &Address| (other.ip, other.prefix) == (one.ip, one.prefix);
        (one.ip, one.prefix) != (key.addr, vip.prefix) && !after.iter().any(is_there)
    };
    for lost in before.iter().filter(is_lost) {
        match route.add_address(lost) {
            // Another program put it back first.
            Err(error) if error.errno() == Some(Errno::EXIST) => {}
            other => other?,
        }
    }
    Ok(())
}

fn of_link(route: &mut RouteClient, link: &Link) -> Result<Vec<Address>, Failure> {
    let mut all = route.addresses()?;
    all.retain(|one| one.interface == link.index && one.ip.is_ipv4());
    Ok(all)
}

fn link(route: &mut RouteClient, name: InterfaceName) -> Result<Link, Failure> {
    let found = route.link(name.as_str())?;
    found.ok_or(Failure::Refused(Errno::NODEV, None))
}

/// Whether a neighbour advertisement says that this host is a router: where a router does not say so,
/// hosts take it off their lists of routers (RFC 4861, 7.2.5).
fn forwards_ipv6() -> bool {
    LinuxHost::new().forwards(Family::Ipv6, None) == Some(true)
}
