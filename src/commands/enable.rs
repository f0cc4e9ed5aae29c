//! `ipvsh enable SERVER`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use crate::director::{ChangeOptions, Session};
use crate::error::Result;

/// Put a disabled real server back: its weight before, in every service that has it
///
/// One commit. The weight is the last one above 0 in the history. Where the server has a weight
/// above 0 it keeps that; where the history has none it stays at weight 0, and a note says so.
#[derive(Debug, Args)]
pub(super) struct EnableArgs {
    /// A real server, with or without its port: 10.0.0.12
    server: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh enable`.
pub(super) fn run(context: &Context, args: &EnableArgs) -> Result<u8> {
    let mut session = Session::new(context.director()?, ChangeOptions::default());
    let report = context.guarded(&args.change, |options| {
        session.enable(&args.server, options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}
