//! Owns the IPVS of the Linux kernel as a library: the generic netlink codec of every command and
//! attribute of the family `IPVS`, typed records, and a client with batching, dumps, timeouts and
//! extended acknowledgements.
//!
//! May import: `netlink` and nothing else of this crate, so that the two can be lifted out.
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
//! Beside them [`each_connection`]: the list of connections, which only `/proc` has.
//!
//! "Destination" is the kernel's word for a real server.
//!
//! # Quick start
//! Everything needs CAP_NET_ADMIN, and acts on the network namespace of the thread that opens the
//! client. `examples/list_services.rs` is a whole program.
//!
//! ```no_run
//! use std::net::SocketAddr;
//! use ipvsh::ipvs::{
//!     Destination, Errno, ForwardMethod, IpvsClient, Name, OnError, Request, Service, ServiceId,
//! };
//!
//! let mut client = IpvsClient::open_or_load()?;
//! let web = ServiceId::tcp("192.0.2.10:80".parse()?);
//!
//! // One change, and what the kernel says of it.
//! match client.add_service(&Service::new(web, Name::new("wrr")?)) {
//!     Err(error) if error.errno() == Some(Errno::EXIST) => println!("{web} was there"),
//!     result => result?,
//! }
//!
//! // Many changes in a few datagrams, each with an outcome of its own.
//! let requests: Vec<Request> = (11..=200)
//!     .map(|host| SocketAddr::from(([10, 0, 0, host], 80)))
//!     .map(|server| Request::AddDestination(web, Destination::new(server, ForwardMethod::Masq)))
//!     .collect();
//! let report = client.execute(&requests, OnError::Stop);
//! if let Some((place, refusal)) = report.first_refusal() {
//!     println!("{:?}: {refusal}", requests[place]);
//! }
//!
//! // Reading.
//! for destination in client.destinations(&web)? {
//!     println!("{} has {} connections", destination.id, destination.active_connections);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Records turn into attributes and back without a kernel, for those who have a socket of their
//! own:
//!
//! ```
//! use ipvsh::ipvs::{IpvsCommand, Name, Request, Service, ServiceId};
//!
//! let service = Service::new(ServiceId::tcp("192.0.2.10:80".parse()?), Name::new("rr")?);
//! assert_eq!(Service::from_attributes(&service.to_attributes())?, service);
//! assert_eq!(Request::AddService(service).to_message().cmd, IpvsCommand::NewService);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attr;
mod client;
mod connection;
mod error;
mod meaning;
mod message;
mod module;
mod name;
mod record;
mod request;

pub use attr::{
    DaemonAttr, DestAttr, Detail, InfoAttr, IpvsAttr, ServiceAttr, Stats64Attr, StatsAttr,
    StatsWidth,
};
pub use client::{BatchReport, Counters, Dump, IpvsClient, OnError, Options, Outcome};
pub use connection::{
    CONNECTION_FILES, Connection, each_connection, open_connections, proc_address, protocol_number,
};
pub use error::{IpvsError, KernelError};
pub use message::{IpvsCommand, IpvsMessage};
pub use module::{ModuleError, load_module, preload_module};
pub use name::{Name, NameError};
pub use record::{
    Daemon, DaemonState, Destination, DestinationId, Family, ForwardMethod, Info, Netmask, Service,
    ServiceFlags, ServiceId, Stats, Timeouts, Tunnel, TunnelFlags, TunnelKind, ZeroFwmark,
};
pub use request::Request;

pub use crate::netlink::{Errno, ExchangeError};
