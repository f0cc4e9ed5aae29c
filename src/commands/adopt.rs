//! `ipvsh adopt [OBJECT...]`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::objects::objects;
use crate::error::Result;

/// Record what is live as ours: everything, or the objects named
///
/// The kernel is not touched. `ipvsh forget` lets go again. Beside keepalived or ldirectord objects
/// must be named: two owners of everything would undo each other's changes.
#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    /// Like `tcp 192.0.2.10:80`, `fwmark 666`, `timeouts`, `vip 192.0.2.10`, `sysctl NAME`
    /// [default: everything of IPVS]
    object: Vec<String>,
    /// Also make ours the rules of PREROUTING that feed adopted mark services
    #[arg(long)]
    marks: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh adopt`.
pub(super) fn run(context: &Context, args: &AdoptArgs) -> Result<u8> {
    let names = objects(&args.object);
    let options = args.change.options();
    let report = context.director()?.adopt(&names, args.marks, &options)?;
    context.out.report(&report, false);
    Ok(0)
}
