//! `ipvsh why OBJECT`.

use clap::Args;

use super::context::Context;
use super::health::object;
use crate::error::{Error, Kind, Result};
use crate::model::Moment;
use crate::output;

/// What happened to a service or a server, oldest first: snapshots, maintenance, what checks found
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh why [OPTIONS] OBJECT")]
pub(super) struct WhyArgs {
    /// tcp 192.0.2.10:80, server 10.0.0.12, tcp 192.0.2.10:80 10.0.0.12, web12, maintenance web12
    #[arg(required = true)]
    object: Vec<String>,
    /// Only what happened since then: 22:00, 2026-11-19, or 2h, 30d ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,
}

/// Runs `ipvsh why`.
pub(super) fn run(context: &Context, args: &WhyArgs) -> Result<u8> {
    let out = &context.out;
    let name = object(&args.object, "why")?
        .ok_or_else(|| Error::new(Kind::Usage, "the object is missing"))?;
    let director = context.director()?;
    let all = director.timeline(&name, args.since.as_ref())?;
    match (out.json, all.is_empty()) {
        (true, _) => out.print_json(&output::timeline_json(&all)),
        (false, true) => out.sentence(match args.since {
            Some(_) => "nothing happened to it since then",
            None => "nothing is known to have happened to it",
        }),
        (false, false) => out.print(&output::timeline(&all, out.paint)),
    }
    Ok(0)
}
