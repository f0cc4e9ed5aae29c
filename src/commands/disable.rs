//! `ipvsh disable SERVER|HOST`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use crate::director::{ChangeOptions, Disable, Session};
use crate::error::Result;

/// Take a real server or a host out of service: maintenance, in every service that has it
///
/// One commit. It counts for services that are added later too, and no declaration resets it;
/// `ipvsh enable` ends it. New connections go elsewhere; those that are there go on, and their number
/// is said (`ipvsh drain` waits for them). Refused without --allow-removals where a service would
/// keep no real server that gets new connections. The message is recorded as the reason.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh disable [OPTIONS] SERVER|HOST")]
pub(super) struct DisableArgs {
    /// A real server, with or without its port, or the host of real servers: 10.0.0.12, web12
    #[arg(value_name = "SERVER|HOST")]
    server: String,
    /// Take it out of the table at once: its connections are cut
    #[arg(long)]
    now: bool,
    /// End it by itself after a time like 30m, 2h, 2d, or at a moment [default: `ipvsh enable` ends it]
    #[arg(long = "for", value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh disable`.
pub(super) fn run(context: &Context, args: &DisableArgs) -> Result<u8> {
    let mut session = Session::new(context.director()?, ChangeOptions::default());
    let how = Disable {
        now: args.now,
        until: args.until.clone(),
    };
    let report = context.guarded(&args.change, |options| {
        session.disable(&args.server, &how, options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}
