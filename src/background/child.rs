//! The process in the background: its own session, nothing open, and the wait for its start.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::program::{READY, THIS_PROGRAM};
use crate::error::{Error, Result};

/// Leaves the session, and goes on in a child that leads none: the child can never get a terminal,
/// and the starting process need not wait for it. The child has the same arguments and `--detached`.
///
/// # Errors
/// `system`.
pub fn detach() -> Result<()> {
    let failed = |e| Error::system("cannot leave the session", &e);
    rustix::process::setsid().map_err(|e| failed(e.into()))?;
    Command::new(THIS_PROGRAM)
        .arg0("ipvsh")
        .args(std::env::args_os().skip(1))
        .arg("--detached")
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    Ok(())
}

/// Closes what a shell or a script left open for its children: a lock or a pipe held until a
/// commit is confirmed would keep others waiting.
fn close_inherited() -> Result<()> {
    let unread = |e| Error::system("cannot read /proc/self/fd", &e);
    let entries = std::fs::read_dir("/proc/self/fd").map_err(unread)?;
    let open: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|number| *number > 2) {
        // The directory's own is among them and closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

/// Closes everything but /dev/null, says that this process is there, and waits for its start.
///
/// # Errors
/// `system`.
pub fn wait_for_start() -> Result<()> {
    close_inherited()?;
    let unready = |e| Error::system("cannot begin to watch", &e);
    std::io::stdout().write_all(READY).map_err(unready)?;
    std::io::stdout().flush().map_err(unready)?;
    let nothing = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(unready)?;
    dup2_stdout(&nothing).map_err(|e| unready(e.into()))?;
    dup2_stderr(&nothing).map_err(|e| unready(e.into()))?;
    // A byte, or the end of who would have written it.
    let _ = std::io::stdin().read(&mut [0]);
    dup2_stdin(&nothing).map_err(|e| unready(e.into()))
}
