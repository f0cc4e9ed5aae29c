//! What reading the kernel's table fails with, and how much of it is little.

use crate::error::Error;
use crate::ipvs::IpvsError;

/// Up to so many services are asked for one by one; of more, all are listed.
pub(super) const FEW: usize = 256;

/// A failure to read: the kernel's, or ours.
pub(super) enum ReadError {
    Kernel(IpvsError),
    Ours(Error),
}

impl From<IpvsError> for ReadError {
    fn from(error: IpvsError) -> ReadError {
        ReadError::Kernel(error)
    }
}
