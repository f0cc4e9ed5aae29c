//! What the running host says of itself: routes, forwarding, other people's marks, who else
//! manages IPVS.
//!
//! May import: `error`, `model`, `notes` (the trait), `marks`. All of it is of the network
//! namespace of the calling thread, and none of it is an error.

mod helpers;
mod interfaces;
mod ipv6;
mod keepalived;
mod managers;
mod route;
mod units;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use super::names::Names;
use crate::marks::Iptables;
use crate::model::{Family, ForeignMark};
use crate::notes::{Host, Interface, ManagedAddress, Manager, NextKernel, Route};
use route::Routes;
pub use units::{SYSTEMD, enabled_by};

/// This host. Asks nothing before it is asked.
#[derive(Debug, Default)]
pub struct LinuxHost {
    /// The socket, once it was needed; nothing where it failed.
    routes: RefCell<Option<Option<Routes>>>,
    iptables: RefCell<Iptables>,
}

impl LinuxHost {
    /// This host.
    pub fn new() -> LinuxHost {
        LinuxHost::default()
    }
}

impl Host for LinuxHost {
    fn route(&self, to: IpAddr) -> Option<Route> {
        let mut routes = self.routes.borrow_mut();
        let open = routes.get_or_insert_with(|| Routes::open().ok());
        match open.as_mut()?.to(to) {
            Ok(route) => route,
            // A kernel that does not answer is not waited for again: a note is not worth it.
            Err(_) => {
                *open = None;
                None
            }
        }
    }

    fn forwards(&self, family: Family, interface: Option<&str>) -> Option<bool> {
        // A name with a dot is a directory name all the same; one that leads elsewhere is none.
        let interface = interface.unwrap_or("all");
        if interface.contains('/') || interface.starts_with('.') {
            return None;
        }
        let path = match family {
            Family::Ipv4 => format!("/proc/sys/net/ipv4/conf/{interface}/forwarding"),
            // ip6_forward looks at the setting of all interfaces.
            Family::Ipv6 => "/proc/sys/net/ipv6/conf/all/forwarding".to_owned(),
        };
        let setting = std::fs::read_to_string(path).ok()?;
        Some(setting.trim() != "0")
    }

    fn marks(&self, family: Family) -> Option<Vec<ForeignMark>> {
        self.iptables
            .borrow_mut()
            .foreign_marks(family)
            .ok()
            .flatten()
    }

    fn managers(&self) -> Vec<Manager> {
        managers::here()
    }

    fn addresses_of_managers(&self) -> Vec<ManagedAddress> {
        keepalived::addresses(&managers::here())
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        interfaces::all()
    }

    fn ipvs_setting(&self, name: &str) -> Option<String> {
        if name.contains(['/', '.']) {
            return None;
        }
        let setting = std::fs::read_to_string(format!("/proc/sys/net/ipv4/vs/{name}")).ok()?;
        Some(setting.trim().to_owned())
    }

    fn kernel_setting(&self, path: &str) -> Option<String> {
        // A name of an interface may have dots; one that leads elsewhere is none.
        let leads_elsewhere = |part: &str| part.is_empty() || part.starts_with('.');
        if path.split('/').any(leads_elsewhere) {
            return None;
        }
        let setting = std::fs::read_to_string(format!("/proc/sys/{path}")).ok()?;
        Some(setting.trim().to_owned())
    }

    fn ftp_ports(&self) -> Option<Vec<u16>> {
        helpers::ftp_ports()
    }

    fn is_preferred(&self, addr: Ipv6Addr) -> Option<bool> {
        ipv6::is_preferred(addr)
    }

    fn schedulers(&self) -> Option<BTreeSet<String>> {
        Names::all_of_this_host().map(|names| names.schedulers)
    }

    fn schedulers_of_next_kernel(&self) -> Option<NextKernel> {
        let (release, names) = Names::of_newest_kernel()?;
        Some(NextKernel {
            release,
            schedulers: names.schedulers,
        })
    }

    fn enables(&self, unit: &str) -> Option<bool> {
        let systemd = Path::new(SYSTEMD);
        systemd
            .is_dir()
            .then(|| enabled_by(systemd, unit).is_some())
    }
}
