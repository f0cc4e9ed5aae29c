//! `ipvsh where ADDRESS`.

use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::output::{located, located_json};

/// Every service that an address is VIP or real server of, or a host has a real server of
///
/// In the kernel, in the head, or in both; an address of a mark rule counts as the VIP of the mark's
/// service. Status 1 where no service has it.
#[derive(Debug, Args)]
pub(super) struct WhereArgs {
    /// An address, ADDRESS:PORT, a network, or the host of real servers
    address: String,
}

/// Runs `ipvsh where`.
pub(super) fn run(context: &Context, args: &WhereArgs) -> Result<u8> {
    let out = &context.out;
    let found = context.director()?.locate(&args.address)?;
    if let Some(error) = &found.unread {
        out.note(&format!("what is ours cannot be told: {error}"));
    }
    match out.json {
        true => out.print_json(&located_json(&found.uses)),
        false => out.print(&located(&found.uses, out.paint, out.width)),
    }
    Ok(0)
}
