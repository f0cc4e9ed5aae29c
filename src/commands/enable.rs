//! `ipvsh enable SERVER|HOST`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use crate::director::{ChangeOptions, Session};
use crate::error::Result;

/// Put a disabled real server or host back: its maintenance ends, in every service that has it
///
/// One commit. A server that is in no maintenance and has weight 0 gets the last weight above 0 in
/// the history; where the history has none it stays at weight 0, and a note says so.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh enable [OPTIONS] SERVER|HOST")]
pub(super) struct EnableArgs {
    /// A real server, with or without its port, or the host of real servers: 10.0.0.12, web12
    #[arg(value_name = "SERVER|HOST")]
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
