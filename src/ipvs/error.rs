//! Owns the errors of the client.
//!
//! May import: `errno`, `meaning`, `message`, `module`. Source of truth: netlink(7), and what the sibling
//! modules name.

use std::fmt;
use std::io;
use std::time::Duration;

use netlink_packet_core::DecodeError;

use super::errno::Errno;
use super::meaning::meaning;
use super::message::IpvsCommand;
use super::module::ModuleError;

/// Holds the kernel's refusal of one request.
///
/// Printed: `EEXIST: the service already exists`, and the kernel's own words where it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// What was asked.
    pub command: IpvsCommand,
    /// Error number.
    pub errno: Errno,
    /// Extended-ack text (`NLMSGERR_ATTR_MSG`); IPVS has none of its own, netlink's checks do.
    pub message: Option<String>,
    /// Offset in bytes, from the netlink header, of the attribute at fault (`NLMSGERR_ATTR_OFFS`).
    pub offset: Option<u32>,
}

impl KernelError {
    /// Says in words what the error number means for this command; none where the kernel's source
    /// leaves it open.
    pub fn meaning(&self) -> Option<&'static str> {
        meaning(self.command, self.errno)
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.errno)?;
        if let Some(meaning) = self.meaning() {
            write!(f, ": {meaning}")?;
        }
        if let Some(message) = &self.message {
            write!(f, " (the kernel says: {message})")?;
        }
        Ok(())
    }
}

impl std::error::Error for KernelError {}

/// Says what went wrong between this process and the kernel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IpvsError {
    /// The generic netlink family is not registered: module `ip_vs` is not loaded (or not there).
    #[error("the kernel has no IPVS: the module ip_vs is not loaded")]
    NoFamily,
    /// Loading the module failed.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The kernel refused the request.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// No answer came in time. A change may or may not have been made.
    #[error("the kernel did not answer within {} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The socket's receive buffer overflowed (ENOBUFS): answers are lost. A change may or may
    /// not have been made.
    #[error("ENOBUFS: answers of the kernel were lost, the receive buffer is too small")]
    Overrun,
    /// A call on the socket failed.
    #[error("cannot {action} the netlink socket: {source}")]
    Socket {
        /// What was tried: a verb.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// An answer of the kernel makes no sense.
    #[error("cannot read the kernel's answer: {0}")]
    Malformed(DecodeError),
    /// The table kept changing while it was read.
    #[error("the {0} kept changing while they were read")]
    Unsteady(&'static str),
}

impl IpvsError {
    /// Gives the kernel's refusal, where this is one.
    pub fn kernel(&self) -> Option<&KernelError> {
        match self {
            Self::Kernel(error) => Some(error),
            _ => None,
        }
    }

    /// Gives the error number of a refusal.
    pub fn errno(&self) -> Option<Errno> {
        self.kernel().map(|error| error.errno)
    }
}

impl From<DecodeError> for IpvsError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}
