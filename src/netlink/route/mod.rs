//! Owns route netlink: addresses and links of one network namespace, read and written.
//!
//! May import: `netlink` (the exchange), siblings. Source of truth: rtnetlink(7),
//! net/core/rtnetlink.c, net/ipv4/devinet.c, net/ipv6/addrconf.c.

mod address;
mod link;
mod tunnel;

use std::collections::BTreeMap;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_sys::protocols::NETLINK_ROUTE;

pub use address::{Address, AddressFlags};
pub use link::{Link, LinkFlags, MacAddress};
pub use tunnel::{Tunnel, TunnelKind};

use super::error::{ExchangeError, NetlinkError};
use super::frame::Frame;
use super::transport::{Settings, Transport};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;

/// How often a table that changes while it is read is read again.
const ATTEMPTS: usize = 12;

/// Reads and writes the addresses and links of one network namespace: the one in which it was
/// opened, even if used from a thread that is elsewhere now.
///
/// ```no_run
/// use ipvsh::netlink::route::{Address, RouteClient};
///
/// let mut client = RouteClient::open()?;
/// let lo = client.link("lo")?.expect("every namespace has it");
/// client.add_address(&Address::new(lo.index, "192.0.2.10".parse()?, 32))?;
/// for address in client.addresses()? {
///     println!("{} {}/{}", address.interface_name, address.ip, address.prefix);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RouteClient {
    transport: Transport,
}

impl RouteClient {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`NetlinkError::Exchange`] where the socket cannot be opened.
    pub fn open() -> Result<Self, NetlinkError> {
        let transport = Transport::open(Settings::new(NETLINK_ROUTE))?;
        Ok(Self { transport })
    }

    /// Lists the addresses of both families, as the kernel orders them.
    ///
    /// # Errors
    /// [`NetlinkError::Unsteady`] where the kernel kept marking the list as inconsistent; failures
    /// of the exchange.
    pub fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        let body = |body: &mut Vec<u8>| body.extend([0; address::HEADER]);
        let found = self.list(
            "addresses",
            (RTM_GETADDR, RTM_NEWADDR),
            &body,
            Address::read,
        )?;
        let mut names = BTreeMap::new();
        let named = |mut address: Address| {
            let name = names
                .entry(address.interface)
                .or_insert_with(|| self.name(address.interface));
            // An interface that is gone took its addresses with it.
            address.interface_name = name.clone()?;
            Some(address)
        };
        Ok(found.into_iter().filter_map(named).collect())
    }

    /// Adds an address to the interface of its index.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EEXIST where the interface has it, ENODEV where there is no
    /// such interface, EPERM without CAP_NET_ADMIN; failures of the exchange.
    pub fn add_address(&mut self, address: &Address) -> Result<(), NetlinkError> {
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        self.change((RTM_NEWADDR, flags), |body| address.append(body))
    }

    /// Takes an address off its interface; only index, address, prefix length, label and peer are
    /// compared. The kernel also deletes the IPv4 addresses that are secondary to it: those of the
    /// same interface and network that were added later (none for a prefix of /32).
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EADDRNOTAVAIL where the interface has no such address;
    /// otherwise as [`RouteClient::add_address`].
    pub fn delete_address(&mut self, address: &Address) -> Result<(), NetlinkError> {
        self.change((RTM_DELADDR, 0), |body| address.append_identity(body))
    }

    /// Lists the links (interfaces), as the kernel orders them: by index.
    ///
    /// # Errors
    /// As [`RouteClient::addresses`].
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        self.list(
            "links",
            (RTM_GETLINK, RTM_NEWLINK),
            &link::append_list,
            Link::read,
        )
    }

    /// Finds a link by its name.
    ///
    /// # Errors
    /// As [`RouteClient::addresses`].
    pub fn link(&mut self, name: &str) -> Result<Option<Link>, NetlinkError> {
        Ok(self.links()?.into_iter().find(|link| link.name == name))
    }

    /// Sets a link up.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with ENODEV where there is no such link, EPERM without
    /// CAP_NET_ADMIN; failures of the exchange.
    pub fn set_up(&mut self, index: u32) -> Result<(), NetlinkError> {
        self.change((RTM_NEWLINK, 0), |body| {
            link::append_state(body, index, true)
        })
    }

    /// Sets a link down. Its IPv6 addresses are lost, but those of a kernel with
    /// `net.ipv6.conf.*.keep_addr_on_down`.
    ///
    /// # Errors
    /// As [`RouteClient::set_up`].
    pub fn set_down(&mut self, index: u32) -> Result<(), NetlinkError> {
        self.change((RTM_NEWLINK, 0), |body| {
            link::append_state(body, index, false)
        })
    }

    /// Adds a tunnel, which is down at first. The kernel loads the module of its kind, which makes
    /// the kind's own device (`tunl0`, `gre0`) along with it.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EEXIST where the name is taken, or where a tunnel of the kind
    /// has the same two ends: without ends that is the kind's own device. EOPNOTSUPP where the
    /// kernel has no such kind; otherwise as [`RouteClient::set_up`].
    pub fn add_tunnel(&mut self, tunnel: &Tunnel) -> Result<(), NetlinkError> {
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        self.change((RTM_NEWLINK, flags), |body| tunnel.append(body))
    }

    /// Deletes a link that software made: a tunnel, a dummy, one end of a veth.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EOPNOTSUPP for one that cannot be deleted (`lo`, `tunl0`);
    /// otherwise as [`RouteClient::set_up`].
    pub fn delete_link(&mut self, index: u32) -> Result<(), NetlinkError> {
        self.change((RTM_DELLINK, 0), |body| {
            link::append_header(body, index, 0, 0)
        })
    }

    /// Gives the name of an interface; none where there is none of that index.
    fn name(&self, index: u32) -> Option<String> {
        rustix::net::netdevice::index_to_name(self.transport.socket(), index).ok()
    }

    fn change(
        &mut self,
        kind: (u16, u16),
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), NetlinkError> {
        self.transport
            .request(kind, body, |_| Ok::<(), NetlinkError>(()))??;
        Ok(())
    }

    /// Reads a whole table, and again while it changes.
    fn list<T>(
        &mut self,
        what: &'static str,
        (asked, answered): (u16, u16),
        body: &dyn Fn(&mut Vec<u8>),
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        for _ in 0..ATTEMPTS {
            let mut found = Vec::new();
            let mut visit = |frame: &Frame<'_>| {
                if frame.message_type == answered {
                    found.extend(read(frame.payload));
                }
                Ok::<(), ExchangeError>(())
            };
            let sequence = self.transport.start_dump(asked, body)?;
            let mut is_interrupted = false;
            let end = loop {
                let chunk = self.transport.dump_chunk(sequence, &mut visit)?;
                is_interrupted |= chunk.is_interrupted;
                if let Some(end) = chunk.end {
                    break end;
                }
            };
            end?;
            if !is_interrupted {
                return Ok(found);
            }
        }
        Err(NetlinkError::Unsteady(what))
    }
}
