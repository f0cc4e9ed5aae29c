//! `ipvsh revert N`.

use clap::Args;

use super::args::{ChangeArgs, KeepArgs};
use super::context::Context;
use crate::director::ChangeOptions;
use crate::error::Result;
use crate::model::SnapshotName;

/// Undo only what snapshot N changed, and keep what came after it
///
/// Where a later snapshot changed the same thing it is refused, and that snapshot is named. A
/// revert is a new snapshot: it can be reverted itself.
#[derive(Debug, Args)]
pub(super) struct RevertArgs {
    /// A number, `head`, `head~2`, a tag, or `@22:00`
    #[arg(value_parser = SnapshotName::parse)]
    snapshot: SnapshotName,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh revert`.
pub(super) fn run(context: &Context, args: &RevertArgs) -> Result<u8> {
    let mut director = context.director()?;
    let report = context.guarded(&args.change, |options| {
        let options = ChangeOptions {
            keep_weights: args.keep.keep_weights,
            ..options.clone()
        };
        director.revert(&args.snapshot, &options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}
