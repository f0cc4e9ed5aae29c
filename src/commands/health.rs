//! `ipvsh health [OBJECT]`.

use clap::Args;

use super::context::Context;
use super::objects::objects;
use crate::error::{Error, Kind, Result};
use crate::output;

/// The state of every check: up or down since when, why, and the last answers
///
/// As the daemon says it; where none runs, as it left the state. With --now the daemon runs the checks
/// once and changes nothing; the status is 1 where one does not pass.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh health [OPTIONS] [OBJECT]")]
pub(super) struct HealthArgs {
    /// Only servers of this: tcp 192.0.2.10:80, server 10.0.0.12, web12
    object: Vec<String>,
    /// Run the checks once, and show what they find
    #[arg(long)]
    now: bool,
}

/// The one object that words name.
pub(super) fn object(words: &[String], verb: &str) -> Result<Option<String>> {
    let names = objects(words);
    match names.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        // A service, and a server of it.
        [service, server] => Ok(Some(format!("{service} {server}"))),
        _ => Err(Error::new(
            Kind::Usage,
            format!("unexpected argument '{}'", words.join(" ")),
        )
        .attempt(format!("{verb} takes one object"))
        .hint(format!("like: ipvsh {verb} tcp 192.0.2.10:80"))),
    }
}

/// Runs `ipvsh health`.
pub(super) fn run(context: &Context, args: &HealthArgs) -> Result<u8> {
    let object = object(&args.object, "health")?;
    let out = &context.out;
    let director = context.director()?;
    if args.now {
        let runs = director.check_now(object.as_deref())?;
        match (out.json, runs.is_empty()) {
            (true, _) => out.print_json(&output::check_runs_json(&runs)),
            (false, true) => out.sentence("no server is checked"),
            (false, false) => out.print(&output::check_runs(&runs, out.paint, out.width)),
        }
        return Ok(u8::from(!runs.iter().all(|run| run.has_passed())));
    }
    let health = director.health(object.as_deref())?;
    if let (Some(why), false) = (&health.without_daemon, health.report.servers.is_empty()) {
        out.note(&match health.was_written {
            true => format!("{why}: this is the state as the daemon left it"),
            false => format!("{why}, and none has run: all servers count as up"),
        });
    }
    match (out.json, health.report.servers.is_empty()) {
        (true, _) => out.print_json(&output::health_json(&health)),
        (false, true) => out.sentence("no server is checked"),
        (false, false) => out.print(&output::health(&health, out.paint, out.width)),
    }
    Ok(0)
}
