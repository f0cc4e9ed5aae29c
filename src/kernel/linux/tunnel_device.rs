//! Tunnel devices of this host. `tunl0` and `gre0` are their modules' own: they are set up and down,
//! never deleted.
//!
//! Source of truth: ip-link(8), ip-fou(8); net/ipv4/ipip.c, ip_gre.c, fou.c.

use super::failure::Failure;
use crate::ipvs::{Errno, preload_module};
use crate::model::{InterfaceName, Setting, SettingKey, Settings, TunnelDevice, TunnelKind};
use crate::netlink::fou::{Encapsulation, FouClient, FouPort};
use crate::netlink::route::{self, RouteClient, Tunnel};

/// The tunnel devices of this host that are up. What comes in by a port of generic UDP encapsulation
/// comes out of `tunl0`.
pub(super) fn read(
    route: &mut RouteClient,
    is_asked: impl Fn(SettingKey) -> bool,
    into: &mut Settings,
) -> Result<(), Failure> {
    for link in route.links()? {
        let Ok(name) = InterfaceName::parse(&link.name) else {
            continue;
        };
        let key = SettingKey::TunnelDevice(name);
        if !link.flags.is_up() || !is_asked(key) {
            continue;
        }
        let device = match link.kind.as_deref() {
            Some("ipip") => match gue_port() {
                Some(port) => TunnelDevice {
                    kind: TunnelKind::Gue,
                    port: Some(port),
                },
                None => TunnelDevice {
                    kind: TunnelKind::Ipip,
                    port: None,
                },
            },
            Some("gre") => TunnelDevice {
                kind: TunnelKind::Gre,
                port: None,
            },
            _ => continue,
        };
        into.put(key, Some(Setting::TunnelDevice(device)));
    }
    Ok(())
}

/// The first port of generic UDP encapsulation; none where the module is not loaded, which a look
/// does not change.
fn gue_port() -> Option<u16> {
    if !std::path::Path::new("/sys/module/fou").exists() {
        return None;
    }
    let ports = FouClient::open().ok()?.ports().ok()?;
    let mut of_gue = ports
        .into_iter()
        .filter(|port| port.encapsulation == Encapsulation::Gue);
    of_gue.next().map(|port| port.port)
}

/// Makes a device where there is none, and sets it up.
pub(super) fn set(
    route: &mut RouteClient,
    name: InterfaceName,
    device: &TunnelDevice,
) -> Result<(), Failure> {
    let kind = match device.kind {
        TunnelKind::Ipip | TunnelKind::Gue => route::TunnelKind::Ipip,
        TunnelKind::Gre => route::TunnelKind::Gre,
        TunnelKind::Other(_) => return Err(Failure::Refused(Errno::OPNOTSUPP, None)),
    };
    let link = match route.link(name.as_str())? {
        Some(link) => link,
        None => {
            let tunnel = Tunnel {
                name: name.to_string(),
                kind,
                local: None,
                remote: None,
            };
            match route.add_tunnel(&tunnel) {
                // Its module made it on the way.
                Err(error) if error.errno() == Some(Errno::EXIST) => {}
                other => other?,
            }
            let made = route.link(name.as_str())?;
            made.ok_or(Failure::Refused(Errno::EXIST, None))?
        }
    };
    if link.kind.as_deref() != Some(kind.name()) {
        return Err(Failure::Refused(Errno::EXIST, None));
    }
    if let Some(port) = device.port {
        open_port(port)?;
    }
    route.set_up(link.index)?;
    Ok(())
}

fn open_port(port: u16) -> Result<(), Failure> {
    let gue = FouPort {
        port,
        encapsulation: Encapsulation::Gue,
    };
    // The kernel does not load this one by itself; where it cannot be loaded, the family is missing.
    let _ = preload_module("fou");
    let mut fou = FouClient::open()?;
    if fou.ports()?.contains(&gue) {
        return Ok(());
    }
    Ok(fou.add(gue)?)
}

/// Takes a device down; one that is no module's own is deleted.
pub(super) fn remove(
    route: &mut RouteClient,
    name: InterfaceName,
    device: &TunnelDevice,
) -> Result<(), Failure> {
    if let Some(port) = device.port {
        FouClient::open()?.delete(port)?;
    }
    let link = route
        .link(name.as_str())?
        .ok_or(Failure::Refused(Errno::NODEV, None))?;
    match name.as_str() {
        "tunl0" | "gre0" => route.set_down(link.index)?,
        _ => route.delete_link(link.index)?,
    }
    Ok(())
}
