//! `ipvsh ready`.

use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::director::Readiness;
use crate::error::Result;
use crate::output::clean;
use crate::signals;

/// How often it looks again.
const PAUSE: Duration = Duration::from_millis(500);

/// Say whether this director may take traffic: status 0 if so, else 1
///
/// It may when the kernel has the services of the head and, where servers are checked, the daemon has
/// run every check once. Once it may, it may until the machine boots again;
/// a simulated kernel is asked each time.
#[derive(Debug, Args)]
pub(super) struct ReadyArgs {
    /// Wait so long for it
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    wait: u32,
}

/// Runs `ipvsh ready`.
pub(super) fn run(context: &Context, args: &ReadyArgs) -> Result<u8> {
    let out = &context.out;
    let began = Instant::now();
    let readiness = loop {
        let readiness = context.director()?.readiness()?;
        let is_over = began.elapsed() >= Duration::from_secs(args.wait.into());
        if is_over || matches!(readiness, Readiness::Ready { .. }) {
            break readiness;
        }
        signals::check()?;
        std::thread::sleep(PAUSE);
    };
    let (since, why) = match readiness {
        Readiness::NotYet(why) => (None, Some(why)),
        Readiness::Ready { since, forgotten } => {
            if let Some(error) = forgotten {
                out.note(&format!("it is not remembered that it was ready: {error}"));
            }
            (Some(since), None)
        }
    };
    match (out.json, &why) {
        (true, _) => out.print_json(&json!({
            "ready": why.is_none(),
            "since": since.map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, true)),
            "why": why,
        })),
        (false, None) => out.sentence("ready"),
        (false, Some(why)) => out.sentence(&format!("not ready: {}", clean(why))),
    }
    Ok(u8::from(why.is_some()))
}
