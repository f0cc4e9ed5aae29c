//! `ipvsh adopt [OBJECT...]`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::objects::objects;
use crate::error::Result;

/// Record what is live as ours: everything, or the objects named
#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    /// Like `tcp 192.0.2.10:80`, `fwmark 666`, `timeouts` [default: everything]
    object: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh adopt`.
pub(super) fn run(context: &Context, args: &AdoptArgs) -> Result<u8> {
    let names = objects(&args.object);
    let report = context.director()?.adopt(&names, &args.change.options())?;
    context.out.report(&report, false);
    Ok(0)
}
