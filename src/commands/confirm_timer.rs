//! The process that rolls a commit back unless it is confirmed.
//!
//! It is this program again, with the hidden verb `watch`, in the background: it is there before
//! anything is sent to the kernel, and begins to wait when this process has recorded the commit, or
//! has ended, however that happened.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::background::{self, Background};
use crate::director::{ArmedTimer, ConfirmTimer, NoTimer};
use crate::error::{Error, Kind, Result};
use crate::model::SnapshotId;

/// This host, where a process in the background waits for a confirmation.
pub(super) struct ProcessTimer {
    database: PathBuf,
}

impl ProcessTimer {
    /// For the commits in a database, named from the root.
    pub fn new(database: &Path) -> Result<ProcessTimer> {
        let database = std::path::absolute(database)
            .map_err(|e| Error::system("cannot tell where the database is", &e))?;
        Ok(ProcessTimer { database })
    }
}

impl ConfirmTimer for ProcessTimer {
    fn boot(&self) -> Result<String> {
        NoTimer.boot()
    }

    fn now(&self) -> u64 {
        NoTimer.now()
    }

    fn arm(&self, id: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>> {
        let number = id.to_string();
        let [option, verb, number] = ["--db", "watch", &number].map(OsStr::new);
        match background::start(&[option, self.database.as_os_str(), verb, number]) {
            Ok(process) => Ok(Some(Box::new(process))),
            Err(error) => Err(Error::system(
                "cannot start the process that would roll it back",
                &error,
            )
            .with_kind(Kind::System)
            .object(format!("snapshot {id}"))
            .hint("nothing was changed; without --confirm no such process is needed")),
        }
    }
}

impl ArmedTimer for Background {
    fn start(self: Box<Self>) -> Result<()> {
        self.begin()
            .map_err(|e| Error::system("its process is gone", &e))
    }
}
