//! `ipvsh plan [SNAPSHOT]`: what it would take to bring the kernel to a snapshot.

use clap::Args;

use super::args::{CompareArgs, KeepArgs};
use super::context::Context;
use crate::director::ChangeOptions;
use crate::error::{Kind, Result};
use crate::model::SnapshotName;
use crate::output::count;

/// What it would take to bring the kernel to the head, or to another snapshot
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// A number, `head~2`, a tag, or `@22:00` [default: the head]
    #[arg(value_parser = SnapshotName::parse)]
    snapshot: Option<SnapshotName>,
    /// Also remove what ipvsh does not manage
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    compare: CompareArgs,
}

/// Runs `ipvsh plan`.
pub(super) fn run(context: &Context, args: &PlanArgs) -> Result<u8> {
    context.note_other_history("ipvsh plan");
    let mut director = context.director()?;
    let options = ChangeOptions {
        exact: args.exact,
        keep_weights: args.keep.keep_weights,
        ..ChangeOptions::default()
    };
    let report = director.plan_to(args.snapshot.as_ref(), &options)?;
    let head = match director.snapshot(&SnapshotName::Head(0)) {
        Ok(head) => Some(head.id),
        Err(error) if error.kind() == Kind::NotFound => None,
        Err(error) => return Err(error),
    };
    let awaiting = director.pending()?;
    let overdue = awaiting.as_ref().filter(|awaiting| awaiting.is_overdue());
    let wanted = match (&args.snapshot, head) {
        (Some(name), Some(_)) => Some(director.snapshot(name)?.id),
        (_, head) => overdue.map_or(head, |awaiting| awaiting.rolls_back_to),
    };
    let mut how = String::new();
    for (given, option) in [
        (args.exact, " --exact"),
        (args.keep.keep_weights, " --keep-weights"),
    ] {
        how.push_str(if given { option } else { "" });
    }
    let changes = report.plan.changes.len();
    let sentence = match wanted {
        None if overdue.is_some() => {
            format!(
                "{} would take back the head, which was the first: ipvsh restore{how}",
                count(changes, "change")
            )
        }
        None => "there are no snapshots yet: nothing is ours".to_owned(),
        Some(id) if changes == 0 => format!("the kernel is as snapshot {id} has it"),
        Some(id) => {
            let command = match Some(id) == head || args.snapshot.is_none() {
                true => "ipvsh restore".to_owned(),
                false => format!("ipvsh rollback {id}"),
            };
            format!(
                "{} would bring the kernel to snapshot {id}: {command}{how}",
                count(changes, "change")
            )
        }
    };
    context.out.plan(&report, awaiting.as_ref(), &sentence);
    Ok(args.compare.status(changes > 0))
}
