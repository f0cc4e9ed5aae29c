//! Owns the client: one socket for the process, the family's number, counters, and the exchange
//! of a request for its answers.
//!
//! May import: the rest of `ipvs`. Source of truth: netlink(7), net/netlink/genetlink.c.

mod batch;
mod calls;
mod dump;

use std::time::Duration;

use netlink_packet_generic::GenlFamily;
use netlink_sys::protocols::NETLINK_GENERIC;

pub use batch::{BatchReport, OnError, Outcome};
pub use dump::Dump;

use super::attr::Detail;
use super::error::{IpvsError, KernelError};
use super::message::{IpvsCommand, IpvsMessage};
use super::module::load_module;
use crate::netlink::{Errno, Settings, Transport, generic};
use dump::append;

/// Holds what can be set about a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long to wait for one answer. The kernel answers before a send returns, so this only
    /// ends a wait for answers that were lost; it cannot interrupt a kernel that is busy (loading
    /// a scheduler, say). Default 5 s.
    pub timeout: Duration,
    /// Receive buffer in bytes, as far as the system allows. Default 1 MiB.
    pub receive_buffer: usize,
    /// Most requests in one datagram, at least 1. All their answers (up to about 1 KiB each, as
    /// the socket accounts them) must fit into the receive buffer. Default 64.
    pub batch_messages: usize,
    /// Most bytes in one datagram; a single request may be larger. Default 32 KiB; more than the
    /// send buffer (208 KiB by default) fails with EMSGSIZE.
    pub batch_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            receive_buffer: 1024 * 1024,
            batch_messages: 64,
            batch_bytes: 32 * 1024,
        }
    }
}

/// Counts what was sent since the client was opened (the resolution of the family excepted).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages, reads and writes.
    pub messages: u64,
    /// Messages that ask for a change.
    pub writes: u64,
}

impl Counters {
    fn count(&mut self, commands: impl IntoIterator<Item = IpvsCommand>) {
        for command in commands {
            self.messages += 1;
            self.writes += u64::from(command.is_write());
        }
    }
}

/// Talks to the IPVS of one network namespace: the one in which it was opened, even if used from
/// a thread that is elsewhere now.
///
/// One operation at a time (`&mut self`), since a socket has room for one dump. An operation that
/// fails half way leaves nothing behind for the next one. Everything, reading too, needs
/// CAP_NET_ADMIN in the initial user namespace.
///
/// ```no_run
/// use ipvsh::ipvs::{Destination, ForwardMethod, IpvsClient, Name, Service, ServiceId};
///
/// let mut client = IpvsClient::open_or_load()?;
/// let id = ServiceId::tcp("192.0.2.10:80".parse()?);
/// client.add_service(&Service::new(id, Name::new("wrr")?))?;
/// let server: std::net::SocketAddr = "10.0.0.11:80".parse()?;
/// client.add_destination(&id, &Destination::new(server, ForwardMethod::Masq))?;
/// for service in client.services()? {
///     println!("{} {}", service.id, service.scheduler);
///     for destination in client.destinations(&service.id)? {
///         println!("  {} weight {}", destination.id, destination.weight);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IpvsClient {
    transport: Transport,
    /// Number of the family, as the kernel assigned it when the module was loaded.
    family: u16,
    options: Options,
    counters: Counters,
}

impl IpvsClient {
    /// Opens a socket in the calling thread's network namespace and looks the family up, which
    /// makes the kernel load the module where it can.
    ///
    /// # Errors
    /// [`IpvsError::NoFamily`] where there is no IPVS; [`IpvsError::Exchange`].
    pub fn open() -> Result<Self, IpvsError> {
        Self::open_with(Options::default())
    }

    /// Opens with options.
    ///
    /// # Errors
    /// As [`IpvsClient::open`].
    pub fn open_with(options: Options) -> Result<Self, IpvsError> {
        let mut transport = Transport::open(Settings {
            protocol: NETLINK_GENERIC,
            timeout: options.timeout,
            receive_buffer: Some(options.receive_buffer),
        })?;
        let family = resolve(&mut transport)?;
        Ok(Self {
            transport,
            family,
            options,
            counters: Counters::default(),
        })
    }

    /// Opens, and loads the module with modprobe first where the family is missing.
    ///
    /// # Errors
    /// As [`IpvsClient::open`]; [`IpvsError::Module`] where loading failed.
    pub fn open_or_load() -> Result<Self, IpvsError> {
        match Self::open() {
            Err(IpvsError::NoFamily) => {
                load_module()?;
                Self::open()
            }
            opened => opened,
        }
    }

    /// Looks the family up again: its number changes where the module is unloaded and loaded
    /// while this client is open, which shows as [`IpvsError::NoFamily`] of a reading call.
    ///
    /// # Errors
    /// As [`IpvsClient::open`].
    pub fn refresh_family(&mut self) -> Result<(), IpvsError> {
        self.family = resolve(&mut self.transport)?;
        Ok(())
    }

    /// Tells how many messages were sent.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Sends a message and gives the records of the answer: none for a change. For what the typed
    /// calls do not cover.
    ///
    /// # Errors
    /// [`IpvsError::Kernel`] where the kernel refuses; failures of the socket.
    pub fn request(&mut self, message: &IpvsMessage) -> Result<Vec<IpvsMessage>, IpvsError> {
        let (family, mut answers) = (self.family, Vec::new());
        let answer = self.transport.request(
            (family, 0),
            |body| append(body, message),
            |frame| {
                answers.extend(dump::record(frame, family, Detail::Whole)?);
                Ok::<(), IpvsError>(())
            },
        );
        self.count([message.cmd]);
        match answer? {
            Ok(()) => Ok(answers),
            Err(refusal) => Err(IpvsError::of_refusal(message.cmd, refusal)),
        }
    }

    /// Starts a dump: GET_SERVICE, GET_DEST or GET_DAEMON. For what the typed calls do not cover,
    /// such as walking over a large table in constant memory.
    ///
    /// ```no_run
    /// use ipvsh::ipvs::{IpvsClient, IpvsCommand, IpvsMessage};
    ///
    /// let mut client = IpvsClient::open()?;
    /// for answer in client.dump(&IpvsMessage::new(IpvsCommand::GetService, vec![]))? {
    ///     println!("{:?}", answer?.attrs);
    /// }
    /// # Ok::<(), ipvsh::ipvs::IpvsError>(())
    /// ```
    ///
    /// # Errors
    /// Failures of the socket; the kernel's refusal comes as an item.
    pub fn dump(&mut self, message: &IpvsMessage) -> Result<Dump<'_>, IpvsError> {
        self.dump_in(message, Detail::Whole)
    }

    /// Starts a dump in some detail.
    fn dump_in(&mut self, message: &IpvsMessage, detail: Detail) -> Result<Dump<'_>, IpvsError> {
        let dump = Dump::start(&mut self.transport, self.family, message, detail)?;
        self.counters.count([message.cmd]);
        Ok(dump)
    }

    fn count(&mut self, commands: impl IntoIterator<Item = IpvsCommand>) {
        self.counters.count(commands);
    }
}

/// Asks the kernel for the number of the family.
fn resolve(transport: &mut Transport) -> Result<u16, IpvsError> {
    generic::resolve(transport, IpvsMessage::family_name())?.map_err(|refusal| {
        if refusal.errno == Errno::NOENT {
            IpvsError::NoFamily
        } else {
            // IPVS has no part in this answer: no command of it is meant.
            KernelError::new(IpvsCommand::Other(0), refusal).into()
        }
    })
}
