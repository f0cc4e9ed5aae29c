//! Starting a process in the background.

use std::ffi::OsStr;
use std::io::{self, PipeReader, Read, Write, pipe};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::program::{READY, THIS_PROGRAM};

/// How long the process may take to be there.
const PATIENCE: Timespec = Timespec {
    tv_sec: 20,
    tv_nsec: 0,
};

/// A process in the background that is there and waits for its start. Dropping this is the same as
/// the end of this process: it starts then too.
#[derive(Debug)]
pub struct Background {
    go: ChildStdin,
}

impl Background {
    /// Lets the process begin.
    ///
    /// # Errors
    /// The system's, where the process is gone.
    pub fn begin(mut self) -> io::Result<()> {
        self.go.write_all(b"\n")
    }
}

/// Starts this program again with these arguments, and waits until it is there.
///
/// # Errors
/// The system's; `TimedOut` if the process does not say in time that it is there.
pub fn start(arguments: &[&OsStr]) -> io::Result<Background> {
    let (ready, its_end) = pipe()?;
    let mut command = Command::new(THIS_PROGRAM);
    command
        .arg0("ipvsh")
        .args(arguments)
        .current_dir("/")
        // What a test breaks here is not to be broken there.
        .env_remove("IPVSH_FAULT")
        .stdin(Stdio::piped())
        .stdout(its_end)
        .stderr(Stdio::null());
    let mut first = command.spawn()?;
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
        (Some(go), Ok(status)) if status.success() => Ok(Background { go }),
        (_, Ok(status)) => Err(io::Error::other(format!("it ended: {status}"))),
        (_, Err(error)) => Err(error),
    }
}

/// Waits until the process says that it is there.
fn is_there(mut ready: PipeReader) -> io::Result<()> {
    let mut waiting = [PollFd::new(&ready, PollFlags::IN)];
    if poll(&mut waiting, Some(&PATIENCE))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut said = [0; READY.len()];
    ready.read_exact(&mut said)?;
    match said == *READY {
        true => Ok(()),
        false => Err(io::Error::other("it said something else than that")),
    }
}
