//! What a commit that must be confirmed needs of the host.
//!
//! May import: `kernel` (the boot, namespaces).

use crate::error::Result;
use crate::kernel::{boot, namespace};
use crate::model::SnapshotId;

/// What a commit that must be confirmed needs of the host.
pub trait ConfirmTimer {
    /// Which boot this is.
    ///
    /// # Errors
    /// `system` where that cannot be read.
    fn boot(&self) -> Result<String>;

    /// CLOCK_BOOTTIME, in milliseconds.
    fn now(&self) -> u64;

    /// Returns true if a network namespace, named as `net:[INODE]`, can be seen from here.
    fn has_namespace(&self, namespace: &str) -> bool {
        namespace::exists(namespace)
    }

    /// Prepares the timer that rolls a snapshot back if it is not confirmed; the snapshot is about
    /// to be committed. `None` where no timer can run, or need.
    ///
    /// # Errors
    /// `system` where that fails: the commit is refused then.
    fn arm(&self, id: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>>;
}

/// A timer that is ready. Dropping it is the same as the end of this process: the timer starts with
/// a look at what the history holds by then.
pub trait ArmedTimer {
    /// Starts the timer.
    ///
    /// # Errors
    /// `system` where the timer is gone.
    fn start(self: Box<Self>) -> Result<()>;
}

/// This host, without a timer: the simulator's, whose kernel ends with its process.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTimer;

impl ConfirmTimer for NoTimer {
    fn boot(&self) -> Result<String> {
        boot::boot_id()
    }

    fn now(&self) -> u64 {
        boot::boottime()
    }

    fn arm(&self, _id: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>> {
        Ok(None)
    }
}
