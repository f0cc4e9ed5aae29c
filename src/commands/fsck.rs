//! `ipvsh fsck`.

use chrono::{SubsecRound, Utc};
use clap::Args;

use super::context::{Context, is_terminal};
use crate::error::{Error, Kind, Result};
use crate::output::{self, Effect};
use crate::signals;
use crate::store::Checkup;

/// Check every file and record of the database; --repair saves what is whole
///
/// A check changes nothing. Status 0 where the database is whole (or was repaired), 1 where it is
/// damaged. A repair makes a new database of everything that verifies, from the database, the raw
/// bytes of its files and the mirror; the damaged files are kept beside it, and what could not be
/// saved is listed and noted in the history.
#[derive(Debug, Args)]
pub(super) struct FsckArgs {
    /// Repair what is wrong; a terminal asks first, anybody else says -y
    #[arg(long)]
    repair: bool,
    /// Answer yes where a terminal would ask
    #[arg(short, long)]
    yes: bool,
}

/// Runs `ipvsh fsck`.
pub(super) fn run(context: &Context, args: &FsckArgs) -> Result<u8> {
    let stores = context.stores()?;
    let out = &context.out;
    let _hold = signals::hold();
    let checkup = stores.check()?;
    let repairs = args.repair && !checkup.is_whole();
    if out.json && !repairs {
        out.print_json(&output::forms::checkup(&checkup));
    } else if !out.json {
        out.print(&output::checkup(&checkup, out.paint));
    }
    if checkup.is_whole() {
        return Ok(0);
    }
    if !repairs {
        return Err(damaged(&checkup)
            .hint("ipvsh fsck --repair saves what is whole, and keeps the damaged files"));
    }
    if !args.yes {
        if !is_terminal() {
            return Err(damaged(&checkup)
                .with_kind(Kind::Guarded)
                .hint("nothing was repaired, because nobody can be asked: add -y"));
        }
        if !context.ask("Repair it? The damaged files are kept.") {
            out.say("nothing changed");
            return Ok(1);
        }
    }
    let repaired = stores.repair(Utc::now().trunc_subsecs(0))?;
    for line in output::repaired(&repaired).lines() {
        output::did(Effect::Other(line.trim().to_owned()));
    }
    match out.json {
        true => out.print_json(&output::forms::repaired(&repaired)),
        false => out.print(&output::repaired(&repaired)),
    }
    Ok(0)
}

fn damaged(checkup: &Checkup) -> Error {
    let count = output::count(checkup.problems.len(), "problem");
    Error::new(Kind::Damaged, format!("it is damaged: {count}"))
        .of_database(format!("database {}", checkup.directory.display()))
}
