//! Owns the errors of the client.
//!
//! May import: `meaning`, `message`, `module`, `netlink`. Source of truth: netlink(7), and what the
//! sibling modules name.

use std::fmt;

use netlink_packet_core::DecodeError;

use super::meaning::meaning;
use super::message::IpvsCommand;
use super::module::ModuleError;
use crate::netlink::{Errno, ExchangeError, Refusal};

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
    /// Says which command was refused.
    pub(super) fn new(command: IpvsCommand, refusal: Refusal) -> Self {
        let Refusal {
            errno,
            message,
            offset,
        } = refusal;
        Self {
            command,
            errno,
            message,
            offset,
        }
    }

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
    /// The exchange with the kernel failed. Unless the socket could not be opened, a change may or
    /// may not have been made.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The table kept changing while it was read.
    #[error("the {0} kept changing while they were read")]
    Unsteady(&'static str),
}

impl IpvsError {
    /// Reading never ends in ENOENT as long as the family is there (genl_rcv_msg answers it for a
    /// number that nobody has).
    pub(super) fn of_refusal(command: IpvsCommand, refusal: Refusal) -> Self {
        if refusal.errno == Errno::NOENT && !command.is_write() {
            IpvsError::NoFamily
        } else {
            KernelError::new(command, refusal).into()
        }
    }

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
        Self::Exchange(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_name_meaning_and_the_kernels_words() {
        let error = KernelError {
            command: IpvsCommand::NewService,
            errno: Errno::EXIST,
            message: Some("hm".into()),
            offset: None,
        };
        assert_eq!(
            error.to_string(),
            "EEXIST: the service already exists (the kernel says: hm)"
        );
    }
}
