//! `ipvsh export [SNAPSHOT] --format FORMAT`.

use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::format::{self, Format};
use crate::model::SnapshotName;

/// Print a snapshot's ruleset: as JSON, as a script, or as lines for `ipvsadm -R`
///
/// JSON holds everything; what another format cannot hold is said on standard error.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// A number, `head~2`, a tag, or `@22:00` [default: the head]
    #[arg(value_parser = SnapshotName::parse)]
    snapshot: Option<SnapshotName>,
    /// json, rhai or ipvsadm
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = Format::parse)]
    format: Format,
}

/// Runs `ipvsh export`.
pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<u8> {
    context.note_other_history("ipvsh export");
    let name = args.snapshot.clone().unwrap_or(SnapshotName::Head(0));
    let (rules, told) = context.director()?.ruleset(&name)?;
    if let Some(told) = told {
        context.out.note(&told);
    }
    let (text, notes) = format::write(args.format, &rules);
    context.out.print(&text);
    for note in notes {
        context.out.note(&note);
    }
    Ok(0)
}
