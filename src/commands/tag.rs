//! `ipvsh tag SNAPSHOT NAME`.

use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::model::SnapshotName;
use crate::output;

/// Give a snapshot a name; a name that is there moves
#[derive(Debug, Args)]
pub(super) struct TagArgs {
    /// A number, `head`, `head~2` or a tag
    #[arg(value_parser = SnapshotName::parse)]
    snapshot: SnapshotName,
    /// The name; it may not look like a number or `head`
    name: String,
}

/// Runs `ipvsh tag`.
pub(super) fn run(context: &Context, args: &TagArgs) -> Result<u8> {
    let snapshot = context.director()?.tag(&args.snapshot, &args.name)?;
    match context.out.json {
        true => context.out.print_json(&output::forms::snapshot(&snapshot)),
        false => context
            .out
            .sentence(&format!("snapshot {} is tagged {}", snapshot.id, args.name)),
    }
    Ok(0)
}
