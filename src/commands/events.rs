//! `ipvsh events`.

use std::time::Duration;

use chrono::Local;
use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::health::Event;
use crate::model::Moment;
use crate::runtime::EventReader;
use crate::signals;

/// How often a follower looks for more.
const PAUSE: Duration = Duration::from_millis(200);

/// What the daemon saw and did, oldest first
///
/// Servers that went down or came up, the guard, starts and ends of the daemon, drift. With --json an
/// object on each line.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// Go on with what comes, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Only those since then: 22:00, 2026-11-19, 2026-11-19T22:00, or 2h, 3d ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,
}

/// Runs `ipvsh events`.
pub(super) fn run(context: &Context, args: &EventsArgs) -> Result<u8> {
    let out = &context.out;
    let since = args.since.as_ref().map(|since| since.at(&Local::now()));
    let mut reader = EventReader::new(&context.runtime_dir()?, since.transpose()?);
    let mut is_empty = true;
    loop {
        while let Some(line) = reader.read()? {
            signals::check()?;
            // An event of another version may have other fields: what is known of it is shown.
            if let Ok(event) = serde_json::from_value::<Event>(line.event) {
                out.past_event(&event);
                is_empty = false;
            }
        }
        if !args.follow {
            break;
        }
        if crate::output::is_closed() {
            return Ok(0);
        }
        signals::check()?;
        std::thread::sleep(PAUSE);
    }
    if reader.unreadable() > 0 {
        let lines = crate::model::count(usize::try_from(reader.unreadable()).unwrap_or(0), "line");
        out.note(&format!("{lines} of the log could not be read"));
    }
    if is_empty && !out.json {
        out.sentence(match args.since {
            Some(_) => "no events since then",
            None => "no events yet",
        });
    }
    Ok(0)
}
