//! What notes ask of a host.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::model::{Family, ForeignMark};

/// Where packets to an address go from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To this host: it is an address of an interface, or of a `local` route.
    Local,
    /// To a network that is directly connected.
    OnLink {
        /// The interface.
        interface: String,
    },
    /// To a router.
    Via {
        /// The interface.
        interface: String,
        /// The router, where the kernel names one.
        gateway: Option<IpAddr>,
    },
    /// Nowhere: there is no route, or one that refuses.
    Nowhere,
}

/// Another program that manages IPVS in this network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Its name: `keepalived`.
    pub name: &'static str,
    /// One of its processes.
    pub pid: u32,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

impl Manager {
    /// What is the matter where another program manages IPVS too.
    pub const IS_SECOND: &'static str = "manages IPVS here too: it may undo what ipvsh changes, and \
                                         ipvsh restore what it changes";
}

/// An address that another program adds and removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedAddress {
    /// The address.
    pub addr: IpAddr,
    /// The program.
    pub manager: Manager,
    /// The file that names the address.
    pub file: String,
}

/// The newest kernel that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextKernel {
    /// Its release: `6.1.0-28-amd64`.
    pub release: String,
    /// The schedulers that it has.
    pub schedulers: BTreeSet<String>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name: `eth0`.
    pub name: String,
    /// It is set up (IFF_UP).
    pub is_up: bool,
    /// It can carry packets (IFF_RUNNING).
    pub has_carrier: bool,
    /// What is sent there stays on this host (IFF_LOOPBACK).
    pub is_loopback: bool,
    /// Its addresses, each with the length of its network's prefix.
    pub networks: Vec<IpNet>,
}

/// A host, as far as notes need to know it: its network namespace is the caller's. Nothing is an
/// error; what cannot be told is `None`.
pub trait Host {
    /// Says why there is no host to ask, where there is none.
    fn absence(&self) -> Option<&'static str> {
        None
    }

    /// Says where packets to an address go.
    fn route(&self, to: IpAddr) -> Option<Route>;

    /// Says whether packets are forwarded that come in by an interface; without one, by any.
    fn forwards(&self, family: Family, interface: Option<&str>) -> Option<bool>;

    /// Lists other people's rules that set marks.
    fn marks(&self, family: Family) -> Option<Vec<ForeignMark>>;

    /// Lists who else manages IPVS here, each program once.
    fn managers(&self) -> Vec<Manager>;

    /// Lists the addresses that the files of other programs name, which run here.
    fn addresses_of_managers(&self) -> Vec<ManagedAddress> {
        Vec::new()
    }

    /// Lists the network interfaces.
    fn interfaces(&self) -> Option<Vec<Interface>>;

    /// Reads a setting of IPVS, `net.ipv4.vs.NAME`; there is none before the module is loaded.
    fn ipvs_setting(&self, name: &str) -> Option<String>;

    /// Reads a kernel setting by its path below `/proc/sys`: `net/ipv4/conf/eth0/rp_filter`.
    fn kernel_setting(&self, _path: &str) -> Option<String> {
        None
    }

    /// Lists the ports at which the kernel rewrites the addresses that FTP names (`ip_vs_ftp`).
    fn ftp_ports(&self) -> Option<Vec<u16>> {
        None
    }

    /// Says whether this host may choose an address of its own as the source of a connection; false
    /// where it does not have the address.
    fn is_preferred(&self, _addr: Ipv6Addr) -> Option<bool> {
        None
    }

    /// Lists the schedulers that the running kernel has, where it is certain that there are no others.
    fn schedulers(&self) -> Option<BTreeSet<String>> {
        None
    }

    /// Lists the schedulers of the newest kernel that is installed, which the next boot starts.
    fn schedulers_of_next_kernel(&self) -> Option<NextKernel> {
        None
    }

    /// Says whether systemd starts a unit at boot: `ipvsh-restore.service`.
    fn enables(&self, _unit: &str) -> Option<bool> {
        None
    }
}

/// A host of which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn absence(&self) -> Option<&'static str> {
        Some("the kernel is simulated: there is no host to ask")
    }

    fn route(&self, _: IpAddr) -> Option<Route> {
        None
    }

    fn forwards(&self, _: Family, _: Option<&str>) -> Option<bool> {
        None
    }

    fn marks(&self, _: Family) -> Option<Vec<ForeignMark>> {
        None
    }

    fn managers(&self) -> Vec<Manager> {
        Vec::new()
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        None
    }

    fn ipvs_setting(&self, _: &str) -> Option<String> {
        None
    }
}
