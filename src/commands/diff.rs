//! `ipvsh diff [A [B]]`.

use clap::Args;

use super::args::CompareArgs;
use super::context::Context;
use crate::error::Result;
use crate::model::SnapshotName;

/// What differs: from the head to live, from A to live, from A to B
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// A number, `head~2`, a tag, or a time: 13:52, 2026-11-29 13:52 [default: the head]
    #[arg(value_parser = SnapshotName::parse)]
    a: Option<SnapshotName>,
    /// Another snapshot [default: what is live]
    #[arg(value_parser = SnapshotName::parse)]
    b: Option<SnapshotName>,
    #[command(flatten)]
    compare: CompareArgs,
}

/// Runs `ipvsh diff`.
pub(super) fn run(context: &Context, args: &DiffArgs) -> Result<u8> {
    context.note_other_history("ipvsh diff");
    // A date and a time of day are one moment, although they are two words.
    let joined = match (&args.a, &args.b) {
        (Some(SnapshotName::At(date)), Some(SnapshotName::At(time))) => date.with_time(time),
        _ => None,
    };
    let joined = joined.map(SnapshotName::At);
    let (a, b) = match &joined {
        Some(moment) => (Some(moment), None),
        None => (args.a.as_ref(), args.b.as_ref()),
    };
    let difference = context.director()?.diff(a, b)?;
    context.out.difference(&difference);
    Ok(args.compare.status(!difference.changes.is_empty()))
}
