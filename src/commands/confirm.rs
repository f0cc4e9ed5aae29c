//! `ipvsh confirm`.

use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::error::Result;
use crate::output::{self, Effect};

/// Keep a commit made with --confirm SECONDS (it rolls back by itself otherwise)
///
/// From any shell, until its time is over; `ipvsh status` says how long that is.
#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {}

/// Runs `ipvsh confirm`.
pub(super) fn run(context: &Context, _args: &ConfirmArgs) -> Result<u8> {
    let confirmed = context.director()?.confirm()?;
    output::did(Effect::Other(confirmed.sentence()));
    confirmed
        .notes
        .iter()
        .for_each(|note| context.out.note(note));
    match context.out.json {
        true => context.out.print_json(&json!({
            "snapshot": output::forms::snapshot(&confirmed.snapshot),
            "seconds_left": confirmed.seconds_left,
        })),
        false => context.out.sentence(&confirmed.sentence()),
    }
    Ok(0)
}
