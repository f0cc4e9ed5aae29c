//! Owns netlink sockets, and what ipvsh asks of the kernel through them besides IPVS: addresses,
//! links, tunnels, announcements.
//!
//! Layer 2; imports nothing else of this crate, so that it can be lifted out together with
//! `ipvs`. Source of truth: netlink(7), rtnetlink(7), net/netlink/af_netlink.c.
//!
//! - `transport` is the only file that opens a netlink socket: sending, receiving with a deadline,
//!   and the loops that read the answers of a request and of a dump;
//! - [`route`] reads and writes addresses and links, [`fou`] the ports of foo-over-UDP;
//! - [`announce`] tells the neighbours that an address is here.
//!
//! Everything acts on the network namespace of the thread that opens the socket. Reading needs no
//! privilege (IPVS excepted); writing needs CAP_NET_ADMIN, announcing CAP_NET_RAW.

pub mod announce;
mod answer;
mod attribute;
mod errno;
mod error;
pub mod fou;
mod frame;
pub(crate) mod generic;
pub mod route;
mod transport;

pub use errno::Errno;
pub use error::{ExchangeError, NetlinkError, Refusal};

pub(crate) use answer::parse_error;
pub(crate) use attribute::{address_bytes, append_attribute, attributes, read_address, read_u32};
pub(crate) use frame::{Frame, append, append_end};
pub(crate) use transport::{Settings, Transport};
