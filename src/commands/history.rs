//! `ipvsh history [OBJECT]`.

use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::output;

/// Snapshots, newest first
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Only those that changed this: `tcp 192.0.2.10:80`, `mark 666`, `timeouts`
    object: Vec<String>,
    /// With the changes of each
    #[arg(short = 'p', long = "patch")]
    patch: bool,
}

/// Runs `ipvsh history`.
pub(super) fn run(context: &Context, args: &HistoryArgs) -> Result<u8> {
    let director = context.director()?;
    let snapshots = match args.object.is_empty() {
        true => director.history()?,
        false => director.history_of(&args.object.join(" "))?,
    };
    let told: Vec<_> = match args.patch {
        true => {
            let changes = director.changes_of_each(&snapshots)?;
            snapshots
                .into_iter()
                .zip(changes.into_iter().map(Some))
                .collect()
        }
        false => snapshots.into_iter().map(|one| (one, None)).collect(),
    };
    let out = &context.out;
    if out.json {
        out.print_json(&output::forms::history(&told));
    } else if told.is_empty() {
        out.sentence(match args.object.is_empty() {
            true => "no snapshots yet",
            false => "no snapshot changed it",
        });
    } else {
        out.print(&output::history(&told, out.paint, out.width));
    }
    Ok(0)
}
