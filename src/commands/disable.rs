//! `ipvsh disable SERVER`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use crate::director::{ChangeOptions, Session};
use crate::error::Result;

/// Take a real server out of service: weight 0 in every service that has it
///
/// One commit. Its connections go on, and their number is said; `ipvsh drain` waits for them, and
/// `ipvsh enable` gives the weights back. Refused without --allow-removals where a service would
/// keep no real server whose weight is above 0.
#[derive(Debug, Args)]
pub(super) struct DisableArgs {
    /// A real server, with or without its port: 10.0.0.12
    server: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh disable`.
pub(super) fn run(context: &Context, args: &DisableArgs) -> Result<u8> {
    let mut session = Session::new(context.director()?, ChangeOptions::default());
    let report = context.guarded(&args.change, |options| {
        session.disable(&args.server, options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}
