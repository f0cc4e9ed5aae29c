//! Owns the errors of the exchange with the kernel.
//!
//! May import: `errno`. Source of truth: netlink(7).

use std::fmt;
use std::io;
use std::time::Duration;

use netlink_packet_core::DecodeError;

use super::errno::Errno;

/// Holds the kernel's refusal of one request.
///
/// Printed: `EEXIST: File exists (the kernel says: ipv4: Address already assigned)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Error number.
    pub errno: Errno,
    /// Extended-ack text (`NLMSGERR_ATTR_MSG`).
    pub message: Option<String>,
    /// Offset in bytes, from the netlink header, of the attribute at fault (`NLMSGERR_ATTR_OFFS`).
    pub offset: Option<u32>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = io::Error::from_raw_os_error(self.errno.raw()).to_string();
        let meaning = meaning.split(" (os error").next().unwrap_or_default();
        write!(f, "{}: {meaning}", self.errno)?;
        if let Some(message) = &self.message {
            let message = message.trim_end_matches('.');
            write!(f, " (the kernel says: {message})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Says what broke the exchange between this process and the kernel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
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
}

impl From<DecodeError> for ExchangeError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// Says why a call of [`super::route`] or [`super::fou`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetlinkError {
    /// The kernel refused the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The exchange with the kernel failed.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The table kept changing while it was read.
    #[error("the {0} kept changing while they were read")]
    Unsteady(&'static str),
}

impl NetlinkError {
    /// Gives the error number of a refusal.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused(refusal) => Some(refusal.errno),
            _ => None,
        }
    }
}

impl From<DecodeError> for NetlinkError {
    fn from(error: DecodeError) -> Self {
        Self::Exchange(error.into())
    }
}
