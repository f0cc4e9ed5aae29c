//! `ipvsh forget OBJECT|SNAPSHOT...`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::objects::objects;
use crate::error::Result;

/// Let go of objects, or of what a snapshot recorded; the kernel is not touched
///
/// What the kernel holds of them is somebody else's from then on, as before an adoption: a commit
/// leaves it alone, and so do restore and rollback.
#[derive(Debug, Args)]
pub(super) struct ForgetArgs {
    /// Like `tcp 192.0.2.10:80`, `mark 666`, `timeouts`, `vip 192.0.2.10`, `sysctl NAME`; or a snapshot
    /// by its number
    #[arg(required = true)]
    object: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh forget`.
pub(super) fn run(context: &Context, args: &ForgetArgs) -> Result<u8> {
    let names = objects(&args.object);
    let report = context.director()?.forget(&names, &args.change.options())?;
    context.out.report(&report, false);
    Ok(0)
}
