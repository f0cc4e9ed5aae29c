//! `ipvsh tag SNAPSHOT NAME`, `ipvsh tag --delete NAME`.

use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::model::SnapshotName;
use crate::output::{self, Effect};

/// Give a snapshot a name; a name that is there moves
///
/// A tag stands for its snapshot wherever one is named, and keeps it from being pruned. `ipvsh
/// history` shows tags behind the numbers.
#[derive(Debug, Args)]
pub(super) struct TagArgs {
    /// A number, `head`, `head~2`, a tag, or `@22:00`
    #[arg(value_parser = SnapshotName::parse, required_unless_present = "delete")]
    snapshot: Option<SnapshotName>,
    /// The name; it may not look like a number or `head`
    #[arg(required_unless_present = "delete")]
    name: Option<String>,
    /// Take a name away
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["snapshot", "name"])]
    delete: Option<String>,
}

/// Runs `ipvsh tag`.
pub(super) fn run(context: &Context, args: &TagArgs) -> Result<u8> {
    let mut director = context.director()?;
    let (tagged, sentence) = match (&args.delete, &args.snapshot, &args.name) {
        (Some(tag), _, _) => {
            let tagged = director.untag(tag)?;
            let sentence = format!("snapshot {} is no longer tagged {tag}", tagged.snapshot.id);
            (tagged, sentence)
        }
        (None, Some(name), Some(tag)) => {
            let tagged = director.tag(name, tag)?;
            let sentence = format!("snapshot {} is tagged {tag}", tagged.snapshot.id);
            (tagged, sentence)
        }
        // clap asks for both.
        _ => return Ok(0),
    };
    tagged.notes.iter().for_each(|note| context.out.note(note));
    output::did(Effect::Other(sentence.clone()));
    match context.out.json {
        true => context
            .out
            .print_json(&output::forms::snapshot(&tagged.snapshot)),
        false => context.out.sentence(&sentence),
    }
    Ok(0)
}
