//! Owns the ports of foo-over-UDP and generic UDP encapsulation, where wrapped packets arrive.
//!
//! May import: siblings. Source of truth: include/uapi/linux/fou.h, net/ipv4/fou_core.c.

use std::collections::BTreeSet;

use netlink_packet_core::DecodeError;
use netlink_sys::protocols::NETLINK_GENERIC;

use super::attribute::{append_attribute, attributes};
use super::error::{ExchangeError, NetlinkError};
use super::generic;
use super::transport::{Settings, Transport};

const FOU_GENL_NAME: &str = "fou";
const FOU_GENL_VERSION: u8 = 1;
const FOU_CMD_ADD: u8 = 1;
const FOU_CMD_DEL: u8 = 2;
const FOU_CMD_GET: u8 = 3;
const FOU_ATTR_PORT: u16 = 1;
const FOU_ATTR_AF: u16 = 2;
const FOU_ATTR_IPPROTO: u16 = 3;
const FOU_ATTR_TYPE: u16 = 4;
const FOU_ENCAP_DIRECT: u8 = 1;
const FOU_ENCAP_GUE: u8 = 2;
const AF_INET: u8 = 2;

/// Says what the packets that arrive at a port hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encapsulation {
    /// A packet of one protocol, right behind the UDP header: 4 for IP in IP, 47 for GRE.
    Direct(u8),
    /// A header of generic UDP encapsulation, which names the protocol.
    Gue,
}

/// Holds a port where wrapped packets arrive (IPv4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FouPort {
    /// The UDP port.
    pub port: u16,
    /// What its packets hold.
    pub encapsulation: Encapsulation,
}

/// Reads and writes the ports of one network namespace: the one in which it was opened.
#[derive(Debug)]
pub struct FouClient {
    transport: Transport,
    family: u16,
}

impl FouClient {
    /// Opens a socket in the calling thread's network namespace and looks the family up.
    ///
    /// Linux 6.1 does not load the module `fou` by itself: the module has no alias for its family
    /// (`ip fou` fails in the same way). The caller runs modprobe first.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with ENOENT where the module is not loaded; failures of the
    /// exchange.
    pub fn open() -> Result<Self, NetlinkError> {
        let mut transport = Transport::open(Settings::new(NETLINK_GENERIC))?;
        let family = generic::resolve(&mut transport, FOU_GENL_NAME)??;
        Ok(Self { transport, family })
    }

    /// Opens a port.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EADDRINUSE where a socket has the port, EALREADY where it is
    /// one of these already, EPERM without CAP_NET_ADMIN; failures of the exchange.
    pub fn add(&mut self, port: FouPort) -> Result<(), NetlinkError> {
        self.change(FOU_CMD_ADD, |body| port.append(body))
    }

    /// Closes a port.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EINVAL where the port is not one of these; otherwise as
    /// [`FouClient::add`].
    pub fn delete(&mut self, port: u16) -> Result<(), NetlinkError> {
        self.change(FOU_CMD_DEL, |body| append_port(body, port))
    }

    /// Lists the IPv4 ports, sorted.
    ///
    /// # Errors
    /// Failures of the exchange; [`NetlinkError::Refused`] with EPERM without CAP_NET_ADMIN.
    pub fn ports(&mut self) -> Result<BTreeSet<FouPort>, NetlinkError> {
        let mut ports = BTreeSet::new();
        let header = |body: &mut Vec<u8>| {
            generic::append_header(body, (FOU_CMD_GET, FOU_GENL_VERSION));
        };
        let sequence = self.transport.start_dump(self.family, header)?;
        loop {
            let chunk = self.transport.dump_chunk(sequence, |frame| {
                let short = || DecodeError::buffer_too_small(frame.payload.len(), 4);
                let (_, attributes) = generic::split_header(frame.payload).ok_or_else(short)?;
                ports.extend(FouPort::read(attributes));
                Ok::<(), ExchangeError>(())
            })?;
            if let Some(end) = chunk.end {
                end?;
                return Ok(ports);
            }
        }
    }

    fn change(
        &mut self,
        command: u8,
        attributes: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), NetlinkError> {
        let body = |body: &mut Vec<u8>| {
            generic::append_header(body, (command, FOU_GENL_VERSION));
            attributes(body);
        };
        self.transport
            .request((self.family, 0), body, |_| Ok::<(), NetlinkError>(()))??;
        Ok(())
    }
}

impl FouPort {
    fn append(self, body: &mut Vec<u8>) {
        append_port(body, self.port);
        match self.encapsulation {
            Encapsulation::Direct(protocol) => {
                append_attribute(body, FOU_ATTR_IPPROTO, &[protocol]);
                append_attribute(body, FOU_ATTR_TYPE, &[FOU_ENCAP_DIRECT]);
            }
            Encapsulation::Gue => append_attribute(body, FOU_ATTR_TYPE, &[FOU_ENCAP_GUE]),
        }
    }

    /// Reads a port; none for IPv6, and for what makes no sense.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (mut port, mut family, mut protocol, mut kind) = (None, None, 0, None);
        for attribute in attributes(bytes) {
            let value = attribute.value();
            match attribute.kind() {
                FOU_ATTR_PORT => port = value.first_chunk().copied().map(u16::from_be_bytes),
                FOU_ATTR_AF => family = value.first().copied(),
                FOU_ATTR_IPPROTO => protocol = value.first().copied()?,
                FOU_ATTR_TYPE => kind = value.first().copied(),
                _ => {}
            }
        }
        if family != Some(AF_INET) {
            return None;
        }
        let encapsulation = match kind? {
            FOU_ENCAP_DIRECT => Encapsulation::Direct(protocol),
            FOU_ENCAP_GUE => Encapsulation::Gue,
            _ => return None,
        };
        let port = port?;
        Some(Self {
            port,
            encapsulation,
        })
    }
}

/// The port is in network byte order, unlike all else.
fn append_port(body: &mut Vec<u8>, port: u16) {
    append_attribute(body, FOU_ATTR_PORT, &port.to_be_bytes());
    append_attribute(body, FOU_ATTR_AF, &[AF_INET]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_read_as_it_is_written() {
        for encapsulation in [Encapsulation::Direct(4), Encapsulation::Gue] {
            let port = FouPort {
                port: 5555,
                encapsulation,
            };
            let mut body = Vec::new();
            port.append(&mut body);
            assert_eq!(body[..8], [6, 0, 1, 0, 0x15, 0xb3, 0, 0]);
            assert_eq!(FouPort::read(&body), Some(port));
        }
    }
}
