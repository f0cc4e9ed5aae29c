//! `ipvsh restore`: at boot, after a flush, after a stranger's hand.

use clap::Args;

use super::args::{ChangeArgs, KeepArgs};
use super::context::Context;
use crate::director::{ChangeOptions, Outcome};
use crate::error::{Kind, Result};

/// Bring the kernel to the head (boot); doing it twice does nothing more
///
/// It reads the mirror of the head, and the database only where something is open there, such as a
/// commit that was cut off. Without --best-effort it is all or nothing.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Apply all that can be, service by service, and list the rest (status 6)
    #[arg(long)]
    best_effort: bool,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh restore`.
pub(super) fn run(context: &Context, args: &RestoreArgs) -> Result<u8> {
    let mut director = context.director()?;
    let report = context.guarded(&args.change, |options| {
        let options = ChangeOptions {
            keep_weights: args.keep.keep_weights,
            ..options.clone()
        };
        director.restore(args.best_effort, &options)
    })?;
    context.out.report(&report, false);
    let status = match report.outcome {
        Outcome::Partly { .. } => Kind::Partial.exit_status(),
        _ => 0,
    };
    if !context.is_at_prompt() {
        // The process ends: to give back the memory of a large table piece by piece is of no use.
        std::mem::forget(report);
    }
    Ok(status)
}
