//! `ipvsh unfreeze`.

use clap::Args;

use super::context::Context;
use crate::error::Result;

/// End the guard of the daemon: servers that still fail are taken out at once
///
/// The guard keeps servers in where nearly all of them fail at once, because this host may be at fault;
/// `ipvsh health` shows it.
#[derive(Debug, Args)]
pub(super) struct UnfreezeArgs {}

/// Runs `ipvsh unfreeze`.
pub(super) fn run(context: &Context, _: &UnfreezeArgs) -> Result<u8> {
    let done = context.director()?.unfreeze();
    done.map_err(|error| error.attempt("cannot end the guard"))?;
    context
        .out
        .sentence("the guard ended: servers that still fail are taken out");
    Ok(0)
}
