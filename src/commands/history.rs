//! `ipvsh history [OBJECT]`.

use clap::Args;

use super::args::some;
use super::context::Context;
use crate::director::{Listing, Query};
use crate::error::{Error, Kind, Result};
use crate::model::Moment;
use crate::output;

/// Snapshots, newest first
///
/// A line each, or with -p what each changed, with the command or script that did it; --json has
/// all that is known of each.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh history [OPTIONS] [OBJECT]")]
pub(super) struct HistoryArgs {
    /// Only those that changed this: `tcp 192.0.2.10:80`, `server 10.0.0.11`, `mark 666`,
    /// `timeouts`, `daemons`, `vip 192.0.2.10`, `sysctl NAME`; an address alone means services and real servers that have it
    object: Vec<String>,
    /// With the changes of each
    #[arg(short = 'p', long = "patch")]
    patch: bool,
    /// Only those since then: 22:00, 2026-11-19, 2026-11-19T22:00, or 2h, 3d ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,
    /// Only the newest so many
    #[arg(short = 'n', long, alias = "count", value_name = "N", value_parser = some)]
    limit: Option<usize>,
}

/// A number is no object's name: it is that of a snapshot, or how many of them to list.
fn not_an_object(number: &str) -> Error {
    let error = Error::new(Kind::Usage, "a number names no object")
        .object(number)
        .attempt("cannot list its history")
        .hint(format!(
            "the newest {number} snapshots: ipvsh history -n {number}"
        ));
    let before = number.parse::<u64>().ok().and_then(|id| id.checked_sub(1));
    error.maybe_hint(
        before
            .filter(|before| *before > 0)
            .map(|before| format!("what snapshot {number} changed: ipvsh diff {before} {number}")),
    )
}

/// Runs `ipvsh history`.
pub(super) fn run(context: &Context, args: &HistoryArgs) -> Result<u8> {
    if let [number] = args.object.as_slice()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(not_an_object(number));
    }
    context.note_other_history("ipvsh history");
    let director = context.director()?;
    let query = Query {
        object: (!args.object.is_empty()).then(|| args.object.join(" ")),
        since: args.since.clone(),
        count: args.limit,
    };
    let Listing {
        snapshots,
        awaiting,
        changes,
        events,
    } = director.listing(&query, args.patch)?;
    let awaiting = awaiting.as_ref();
    let out = &context.out;
    if out.json {
        let history = output::forms::history(&snapshots, changes.as_deref(), awaiting);
        out.print_json(&output::forms::with_events(history, &events));
    } else if snapshots.is_empty() {
        out.sentence(match (&args.since, args.object.is_empty()) {
            (Some(_), true) => "no snapshots since then",
            (Some(_), false) => "no snapshot changed it since then",
            (None, true) => "no snapshots yet",
            (None, false) => "no snapshot changed it",
        });
    } else {
        out.print(&match changes {
            Some(changes) => output::patches(&snapshots, &changes, awaiting, out.paint),
            None => output::history(&snapshots, awaiting, out.paint, out.width),
        });
        out.print(&output::events(&events, out.paint));
    }
    Ok(0)
}
