//! `ipvsh status`: one screen.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;

use super::args::CompareArgs;
use super::context::Context;
use super::places;
use crate::director::Status;
use crate::error::Result;
use crate::output::{self, Facts};

/// Where things stand: head, drift, foreign, boot restore, database; and what to do
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    compare: CompareArgs,
}

/// Runs `ipvsh status`.
pub(super) fn run(context: &Context, args: &StatusArgs) -> Result<u8> {
    let status = context
        .director()
        .and_then(|mut director| director.status());
    let facts = facts(context.database()?, context.is_sim(), status);
    let out = &context.out;
    match out.json {
        true => out.print_json(&output::forms::status(&facts)),
        false => out.print(&output::status(&facts, out.paint)),
    }
    let plan = facts.status?.drift;
    let differs = plan.is_ok_and(|plan| !plan.changes.is_empty());
    Ok(args.compare.status(differs))
}

/// What a status says, with what the host says.
pub(super) fn facts(database: PathBuf, is_sim: bool, status: Result<Status>) -> Facts {
    Facts {
        bytes: places::size(&database),
        database: database.display().to_string(),
        boot_unit: places::boot_unit(Path::new("/etc/systemd/system"))
            .map(|unit| unit.display().to_string()),
        is_sim,
        now: Utc::now(),
        status,
    }
}
