//! `ipvsh shift SERVICE --from A --to B`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::objects::one_object;
use crate::director::{Attendant, News, Session, ShiftOptions};
use crate::error::{Error, Kind, Result};
use crate::model::{ServerKey, ServiceKey};
use crate::output::forms;
use crate::signals;

/// Move a service's new connections from some real servers to others, in steps
///
/// At a step of 10 the servers of --to have 10 % of the weight that both sides have together, those
/// of --from the rest; within a side proportions stay. Each step is a commit, then a pause. Where a
/// step fails or Ctrl-C comes, the weights that were there come back. A script can check between
/// the steps: `ipvsh man script` has `shift`.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh shift [OPTIONS] --from SERVER --to SERVER SERVICE")]
pub(super) struct ShiftArgs {
    /// The virtual service: tcp 192.0.2.10:80
    #[arg(required = true)]
    service: Vec<String>,
    /// The real servers to move away from; several with commas
    #[arg(long, value_name = "SERVER", value_delimiter = ',', required = true)]
    from: Vec<String>,
    /// The real servers to move to; several with commas
    #[arg(long, value_name = "SERVER", value_delimiter = ',', required = true)]
    to: Vec<String>,
    /// The shares of --to in percent, rising
    #[arg(
        long,
        value_name = "PERCENT",
        value_delimiter = ',',
        default_value = "10,50,100"
    )]
    steps: Vec<u32>,
    /// How long it waits between two steps, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "60",
        allow_negative_numbers = true
    )]
    pause: f64,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh shift`.
pub(super) fn run(context: &Context, args: &ShiftArgs) -> Result<u8> {
    let like = "ipvsh shift tcp 192.0.2.10:80 --from 10.0.0.11 --to 10.0.0.12";
    let name = one_object(&args.service, "shift", like)?.unwrap_or_default();
    let options = ShiftOptions {
        steps: ShiftOptions::rising(args.steps.clone())
            .map_err(|error| error.object("--steps").with_kind(Kind::Usage))?,
        pause: ShiftOptions::pause_of(args.pause)
            .map_err(|error| error.object("--pause").with_kind(Kind::Usage))?,
    };
    let _hold = signals::hold();
    let (mut session, change) = context.session_in_steps(&args.change)?;
    let service = session.find_service(&name)?;
    let from = servers(&mut session, service, &args.from)?;
    let to = servers(&mut session, service, &args.to)?;
    let (out, dry) = (context.out, session.is_dry());
    let mut reports = Vec::new();
    let mut attendant = Attendant::new(|news: News| match news {
        News::Change(report) if out.json => {
            out.did(report, dry);
            reports.push(report.clone());
        }
        news => out.news(news, dry),
    });
    let result = session.shift(service, (&from, &to), &options, &change, &mut attendant);
    // An error alone tells what was refused before anything was done.
    if out.json && (result.is_ok() || !reports.is_empty()) {
        out.print_json(&forms::shift(&service, result.is_ok(), &reports, dry));
    }
    result.map(|_| 0)
}

fn servers(session: &mut Session, service: ServiceKey, names: &[String]) -> Result<Vec<ServerKey>> {
    let one = |name: &String| session.find_server(service, name.trim());
    names.iter().map(one).collect::<Result<Vec<_>, Error>>()
}
