//! Why the host could not read or set one of its settings.

use crate::error::Error;
use crate::ipvs::Errno;
use crate::netlink::NetlinkError;

/// Why the host could not read or set a setting.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel refused, with its extended-ack text where it sent one.
    Refused(Errno, Option<String>),
    /// The kernel added an address, and this host could not announce it: ipvsh removed it again.
    Announcement(String),
    /// A rule for packets could not be read or set.
    Rules(Error),
    /// The kernel did not answer, so the setting may or may not be set.
    Unanswered(String),
}

impl From<NetlinkError> for Failure {
    fn from(error: NetlinkError) -> Failure {
        match error {
            NetlinkError::Refused(refusal) => Failure::Refused(refusal.errno, refusal.message),
            other => Failure::Unanswered(other.to_string()),
        }
    }
}
