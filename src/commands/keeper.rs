//! Starting the process that rolls a commit back unless it is confirmed.
//!
//! It is this program again, with the hidden verb `watch`, in a session of its own, told by a pipe:
//! it says that it is there before anything is sent to the kernel, and begins to wait when this
//! process has recorded the commit, or has ended, however that happened.

use std::io::{PipeReader, Read, Write, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::watch::READY;
use crate::director::{Keeper, Unwatched, Watcher};
use crate::error::{Error, Kind, Result};
use crate::model::SnapshotId;

/// How long it may take to be there.
const PATIENCE: Timespec = Timespec {
    tv_sec: 20,
    tv_nsec: 0,
};

/// This program, also where its file was replaced meanwhile.
pub(super) const THIS_PROGRAM: &str = "/proc/self/exe";

/// This host, where commits are watched by a process.
pub(super) struct HostKeeper {
    database: PathBuf,
}

impl HostKeeper {
    /// For the commits in a database, named from the root.
    pub fn new(database: &Path) -> Result<HostKeeper> {
        let database = std::path::absolute(database)
            .map_err(|e| Error::system("cannot tell where the database is", &e))?;
        Ok(HostKeeper { database })
    }
}

impl Keeper for HostKeeper {
    fn boot(&self) -> Result<String> {
        Unwatched.boot()
    }

    fn now(&self) -> u64 {
        Unwatched.now()
    }

    fn watch(&self, id: SnapshotId) -> Result<Option<Box<dyn Watcher>>> {
        let failed = |error: &std::io::Error| {
            Error::system("cannot start the process that would roll it back", error)
                .with_kind(Kind::System)
                .object(format!("snapshot {id}"))
                .hint("nothing was changed; without --confirm no such process is needed")
        };
        let (ready, its_end) = pipe().map_err(|e| failed(&e))?;
        let mut command = Command::new(THIS_PROGRAM);
        command
            .arg0("ipvsh")
            .arg("--db")
            .arg(&self.database)
            .args(["watch", &id.to_string()])
            .current_dir("/")
            // What a test breaks here is not to be broken there.
            .env_remove("IPVSH_FAULT")
            .stdin(Stdio::piped())
            .stdout(its_end)
            .stderr(Stdio::null());
        let mut first = command.spawn().map_err(|e| failed(&e))?;
        // The command holds the pipe's other end, which must be closed here to see it end.
        drop(command);
        let go = first.stdin.take();
        let there = is_there(ready);
        if there.is_err() {
            // Neither is waited for any longer than that: without its other end the second ends.
            let _ = first.kill();
        }
        // The first process only makes the second, and ends.
        let ended = first.wait();
        match (go, there.and(ended)) {
            (Some(go), Ok(status)) if status.success() => Ok(Some(Box::new(Waiting { go }))),
            (_, Ok(status)) => Err(failed(&std::io::Error::other(format!(
                "it ended: {status}"
            )))),
            (_, Err(error)) => Err(failed(&error)),
        }
    }
}

/// Waits until the process says that it is there.
fn is_there(mut ready: PipeReader) -> std::io::Result<()> {
    let mut waiting = [PollFd::new(&ready, PollFlags::IN)];
    if poll(&mut waiting, Some(&PATIENCE))? == 0 {
        return Err(std::io::ErrorKind::TimedOut.into());
    }
    let mut said = [0; READY.len()];
    ready.read_exact(&mut said)?;
    match said == *READY {
        true => Ok(()),
        false => Err(std::io::Error::other("it said something else than that")),
    }
}

/// A process that waits for us.
struct Waiting {
    go: ChildStdin,
}

impl Watcher for Waiting {
    fn release(mut self: Box<Self>) -> Result<()> {
        self.go
            .write_all(b"\n")
            .map_err(|e| Error::system("its process is gone", &e))
    }
}
