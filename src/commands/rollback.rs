//! `ipvsh rollback [SNAPSHOT]`.

use clap::Args;

use super::args::{ChangeArgs, KeepArgs};
use super::context::{Context, is_terminal};
use crate::director::ChangeOptions;
use crate::error::Result;
use crate::model::SnapshotName;

/// Make an old snapshot the new head; without one, the snapshot before the head
///
/// A rollback is a new snapshot whose content is the old one: history is never rewritten. To undo
/// one older change and keep what came after it: ipvsh revert N.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// A number, `head~2`, a tag, or `@22:00`: the head at that moment [default: the one before
    /// the head; a terminal asks]
    #[arg(value_parser = SnapshotName::parse)]
    snapshot: Option<SnapshotName>,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh rollback`.
pub(super) fn run(context: &Context, args: &RollbackArgs) -> Result<u8> {
    let mut director = context.director()?;
    let mut name = args.snapshot.clone();
    let mut agreed = false;
    let asks = name.is_none() && !args.change.plan && !args.change.yes && is_terminal();
    // What awaits confirmation goes by itself: nobody is asked whether it may go now.
    if asks && director.pending()?.is_none() {
        let target = director.before_head()?;
        // What was agreed to is what is done, whatever the head is by then.
        name = Some(SnapshotName::Id(target.id));
        let plan = director
            .plan_to(
                name.as_ref(),
                &ChangeOptions {
                    keep_weights: args.keep.keep_weights,
                    ..args.change.options()
                },
            )?
            .plan;
        context.out.preview(&plan);
        let question = format!(
            "Roll back to snapshot {}, \"{}\" by {}?",
            target.id, target.message, target.author
        );
        if !context.ask(&question) {
            context.declined();
            return Ok(1);
        }
        agreed = true;
    }
    let report = context.guarded(&args.change, |options| {
        // Who said yes saw every removal.
        let allow_removals = options.allow_removals || agreed;
        let options = ChangeOptions {
            allow_removals,
            keep_weights: args.keep.keep_weights,
            ..options.clone()
        };
        director.rollback(name.as_ref(), &options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}
