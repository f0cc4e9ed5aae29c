//! `ipvsh try URL...`.

use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::objects::objects;
use crate::error::{Error, Kind, Result};
use crate::kernel;
use crate::output::{self, Teller};
use crate::signals;
use crate::trial::{self, Requests, Target, Url};

/// The longest time that a request may have, in seconds.
const LONGEST: f64 = 3600.0;

/// The shortest time of a request, in seconds: less than that measures this host.
const SHORTEST: f64 = 0.01;

/// Send requests, and count who answers
///
/// A connection per request, one request behind the other, several URLs in turn; equal answers are
/// counted together by status and first line, with the median and the slowest time. Works on a client
/// that has nothing but this program: no database, no root, no IPVS. On the director of a service it
/// shows what the counters of each server did meanwhile, and names the server that got packets and sent
/// none back. tcp:// connects, and shows what the server says first within 0.3 s. Status 1 where
/// something did not answer.
#[derive(Debug, Args)]
pub(super) struct TryArgs {
    /// What to ask: http://HOST/PATH, tcp://HOST:PORT, or HOST[:PORT] for http
    #[arg(value_name = "URL", required = true)]
    urls: Vec<String>,
    /// So many requests to each URL
    #[arg(short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// For each request, from its first packet to the last byte of the answer
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration> {
    let refused = || {
        Error::invalid(format!("\"{text}\" is no time"))
            .about(text)
            .hint("a time in seconds is 0.01 to 3600: 3, 0.5")
    };
    let seconds: f64 = text.parse().map_err(|_| refused())?;
    match (SHORTEST..=LONGEST).contains(&seconds) {
        true => Duration::try_from_secs_f64(seconds).map_err(|_| refused()),
        false => Err(refused()),
    }
}

/// Runs `ipvsh try`.
pub(super) fn run(context: &Context, args: &TryArgs) -> Result<u8> {
    let out = &context.out;
    if context.is_sim() {
        return Err(
            Error::new(Kind::Usage, "a simulated kernel forwards no packets")
                .attempt("cannot send requests")
                .hint("in a shell, without --sim"),
        );
    }
    let urls = objects(&args.urls);
    let urls = urls.iter().map(|text| Url::parse(text));
    let urls: Vec<Url> = urls
        .collect::<Result<_>>()
        .map_err(|error| error.with_kind(Kind::Usage))?;
    let targets: Vec<Target> = urls.into_iter().map(Url::resolve).collect::<Result<_>>()?;
    let requests = Requests {
        count: args.count,
        timeout: args.timeout,
    };
    // Ctrl-C ends the requests, and what was counted is shown.
    let _hold = signals::hold();
    let mut kernel = kernel::open(None)?;
    let is_over = || signals::interrupted().is_some();
    let tried = trial::run(&targets, requests, &mut kernel, &is_over, &Teller::new(out))?;
    match out.json {
        true => out.print_json(&output::trial_json(&tried)),
        false => {
            out.print(&output::trial(&tried, out.paint, out.width));
            tried.notes().iter().for_each(|note| out.note(note));
        }
    }
    if signals::interrupted() == Some("SIGINT") {
        signals::forget();
    }
    Ok(u8::from(!tried.is_all_answered()))
}
