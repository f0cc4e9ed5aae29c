//! How a setting of the host fails to be read or set.

use crate::ipvs::Errno;
use crate::netlink::NetlinkError;

/// Why the host did not do something.
#[derive(Debug)]
pub(super) enum Failure {
    /// It refused, with its own words where it had any.
    Refused(Errno, Option<String>),
    /// An address was added and could not be announced, so it was taken off again.
    Announcement(String),
    /// Nobody can say what became of it.
    Lost(String),
}

impl From<NetlinkError> for Failure {
    fn from(error: NetlinkError) -> Failure {
        match error {
            NetlinkError::Refused(refusal) => Failure::Refused(refusal.errno, refusal.message),
            other => Failure::Lost(other.to_string()),
        }
    }
}
