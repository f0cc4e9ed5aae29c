//! `ipvsh ready`.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::error::Result;
use crate::output::clean;
use crate::signals;

/// How often it looks again.
const PAUSE: Duration = Duration::from_millis(500);

/// Say whether this director may take traffic: status 0 if so, else 1
///
/// It may when the kernel has the services of the head and, where servers are checked, the daemon has
/// run every check once.
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
    let why = loop {
        let why = context.director()?.unreadiness()?;
        if why.is_none() || began.elapsed() >= Duration::from_secs(args.wait.into()) {
            break why;
        }
        signals::check()?;
        std::thread::sleep(PAUSE);
    };
    match (out.json, &why) {
        (true, _) => out.print_json(&json!({ "ready": why.is_none(), "why": why })),
        (false, None) => out.sentence("ready"),
        (false, Some(why)) => out.sentence(&format!("not ready: {}", clean(why))),
    }
    Ok(u8::from(why.is_some()))
}
