//! `ipvsh watch ID`, hidden: the process that rolls a commit back unless it is confirmed.
//!
//! It has a session of its own and nothing open but /dev/null, so that no terminal, shell or SSH
//! session that ends takes it along; it stays in the network namespace of the commit. While it
//! waits it has no database open. It decides nothing: whether a commit is pending, and over, the
//! history says.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::context::Context;
use crate::background;
use crate::background::syslog::{SOCKET, Severity, SystemLog};
use crate::director::{TimerState, is_noticed};
use crate::error::{Kind, Result};
use crate::kernel::boot;
use crate::model::SnapshotId;
use crate::signals;

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
        return background::detach().map(|()| 0);
    }
    background::wait_for_start()?;
    watch(context, id)
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
            .and_then(|mut director| director.check_confirm_timer(id, &mut known, &mut notes));
        notes.iter().for_each(|note| log(note));
        match next {
            Ok(TimerState::Over) => return Ok(0),
            Ok(TimerState::Until(deadline)) => {
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
