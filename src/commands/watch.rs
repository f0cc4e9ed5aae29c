//! `ipvsh watch ID`, hidden: the process that rolls a commit back unless it is confirmed.
//!
//! It has a session of its own and nothing open but /dev/null, so that no terminal, shell or SSH
//! session that ends takes it along; it stays in the network namespace of the commit. While it
//! waits it has no database open. It decides nothing: whether a commit is pending, and over, the
//! history says.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::context::Context;
use super::keeper::THIS_PROGRAM;
use super::syslog::{SOCKET, Severity, SystemLog};
use crate::director::{Watch, is_noticed};
use crate::error::{Error, Kind, Result};
use crate::kernel::boot;
use crate::model::SnapshotId;
use crate::signals;

/// What it says when it is there.
pub(super) const READY: &[u8] = b"ready\n";

/// How often it looks whether the commit is confirmed.
const GLANCE: u64 = 1_000;

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Wait for a snapshot's confirmation, and roll it back without
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The snapshot that is about to be committed
    snapshot: u64,
    /// The session is its own already
    #[arg(long)]
    detached: bool,
}

/// Runs `ipvsh watch`.
pub(super) fn run(context: &Context, args: &WatchArgs) -> Result<u8> {
    let id = SnapshotId(args.snapshot);
    if !args.detached {
        return detach();
    }
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
    dup2_stdin(&nothing).map_err(|e| unready(e.into()))?;
    drop(nothing);
    watch(context, id)
}

/// Leaves the session, and goes on in a child that leads none: it can never get a terminal, and
/// who started it need not wait for it.
fn detach() -> Result<u8> {
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
    Ok(0)
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

fn watch(context: &Context, id: SnapshotId) -> Result<u8> {
    let log = |text: &str| {
        // The log may be started anew while a commit waits. What it does not take is in the history
        // all the same.
        SystemLog::open(Path::new(SOCKET), "ipvsh").tell(Severity::Warning, text);
    };
    let mut pause = Duration::from_secs(1);
    let mut known = None;
    loop {
        let mut notes = Vec::new();
        let next = context
            .director()
            .and_then(|mut director| director.watch(id, &mut known, &mut notes));
        notes.iter().for_each(|note| log(note));
        match next {
            Ok(Watch::Over) => return Ok(0),
            Ok(Watch::Until(deadline)) => {
                pause = Duration::from_secs(1);
                wait(context, id, deadline)?;
            }
            // It has waited for long already, and named the holder; the next one may be the one.
            Err(error) if error.kind() == Kind::Busy => signals::check()?,
            Err(error) => {
                signals::check()?;
                let hints = error.hints().join("; ");
                log(&format!("snapshot {id}: {error} ({hints})"));
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Waits until a time comes, or the notice goes that the snapshot awaits confirmation.
fn wait(context: &Context, id: SnapshotId, deadline: u64) -> Result<()> {
    let stores = context.stores()?;
    // Without a notice (a full disk) there is only the time to wait for.
    let noticed = is_noticed(&stores, id);
    loop {
        let now = boot::boottime();
        if now >= deadline || (noticed && !is_noticed(&stores, id)) {
            return Ok(());
        }
        boot::sleep_until(deadline.min(now.saturating_add(GLANCE)));
    }
}
