//! `ipvsh status`: one screen.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;

use super::args::{CompareArgs, KeepArgs};
use super::context::Context;
use super::places;
use crate::director::{ChangeOptions, Status};
use crate::error::Result;
use crate::kernel::SYSTEMD;
use crate::output::{self, Facts};

/// Where things stand: head, drift, what does not work, foreign, boot restore, database; what to do
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    compare: CompareArgs,
}

/// Runs `ipvsh status`.
pub(super) fn run(context: &Context, args: &StatusArgs) -> Result<u8> {
    context.note_other_history("ipvsh status");
    let options = ChangeOptions {
        keep_weights: args.keep.keep_weights,
        ..ChangeOptions::default()
    };
    let status = context
        .director()
        .and_then(|mut director| director.status(&options));
    let facts = facts(context.database()?, context.is_sim(), status);
    let out = &context.out;
    match out.json {
        true => out.print_json(&output::forms::status(&facts)),
        false => out.print(&output::status(&facts, out.paint)),
    }
    let status = facts.status?;
    let findings = status.has_findings();
    Ok(match status.drift {
        Ok(_) => args.compare.status(findings),
        // The screen says why; a script must not take it for "no differences".
        Err(error) => args.compare.unknown(&error),
    })
}

/// What a status says, with what the host says.
pub(super) fn facts(database: PathBuf, is_sim: bool, status: Result<Status>) -> Facts {
    Facts {
        bytes: places::size(&database),
        database: database.display().to_string(),
        boot_unit: places::boot_unit(Path::new(SYSTEMD)).map(|unit| unit.display().to_string()),
        is_sim,
        now: Utc::now(),
        status,
    }
}
