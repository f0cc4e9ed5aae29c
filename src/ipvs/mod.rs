//! Owns the IPVS of the Linux kernel as a library: the generic netlink codec of every command and
//! attribute of the family `IPVS`, typed records, and a client with batching, dumps, timeouts and
//! extended acknowledgements.
//!
//! May import: nothing of this crate outside of this module, so that it can be lifted out.
//! Source of truth: include/uapi/linux/ip_vs.h and net/netfilter/ipvs/ of the Linux kernel
//! (the header is the same from 6.1 to 7.2).
//!
//! Three floors, each usable by itself:
//! - **attributes and messages**: [`IpvsMessage`] with [`IpvsAttr`] and one enum per nest, each
//!   with `Other` for what it does not know;
//! - **records**: [`Service`], [`Destination`], [`Daemon`], [`Timeouts`], [`Info`], [`Stats`],
//!   identified by [`ServiceId`] and [`DestinationId`];
//! - **client**: [`IpvsClient`] with one call per command, and [`IpvsClient::execute`] for many
//!   [`Request`]s at once.
//!
//! "Destination" is the kernel's word for a real server.

mod attr;
mod client;
mod errno;
mod error;
mod ext_ack;
mod meaning;
mod message;
mod module;
mod name;
mod record;
mod request;

pub use attr::{DaemonAttr, DestAttr, InfoAttr, IpvsAttr, ServiceAttr, Stats64Attr, StatsAttr};
pub use client::{BatchReport, Counters, Dump, IpvsClient, OnError, Options, Outcome};
pub use errno::Errno;
pub use error::{IpvsError, KernelError};
pub use message::{IpvsCommand, IpvsMessage};
pub use module::{ModuleError, load_module, preload_module};
pub use name::{Name, NameError};
pub use record::{
    Daemon, DaemonState, Destination, DestinationId, Family, ForwardMethod, Info, Netmask, Service,
    ServiceFlags, ServiceId, Stats, Timeouts, Tunnel, TunnelFlags, TunnelKind, ZeroFwmark,
};
pub use request::Request;
