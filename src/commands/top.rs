//! `ipvsh top [OBJECT]`, and the screen of `top()`.

use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::places;
use super::show::watch;
use crate::director::Director;
use crate::error::{Error, Kind, Result};
use crate::model::ServiceName;
use crate::top::{self, KEYS, Options, Order};

/// Live rates and connections, full screen
///
/// Virtual services with connections, packets and bytes per second and their active and inactive
/// connections; their servers unfold below them. The kernel averages rates over some seconds.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh top [OPTIONS] [OBJECT]")]
#[command(after_help = keys())]
pub(super) struct TopArgs {
    /// A virtual service, or an address that fits several: tcp 192.0.2.10:80, 192.0.2.10
    #[arg(value_name = "OBJECT")]
    words: Vec<String>,
    /// Sort by a column, smallest first; -COLUMN: largest first. Columns: service, cps, in_pps,
    /// out_pps, in_bps, out_bps, active, inactive, scheduler
    #[arg(
        long,
        value_name = "COLUMN",
        allow_hyphen_values = true,
        default_value = "-cps"
    )]
    sort: String,
    /// Read every so many seconds
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        default_value = "1"
    )]
    interval: String,
}

/// The keys, for the help.
fn keys() -> String {
    let line = |(keys, what): &(&str, &str)| format!("  {keys:<20} {what}");
    let lines: Vec<String> = KEYS.iter().map(line).collect();
    format!("Keys:\n{}", lines.join("\n"))
}

/// Runs `ipvsh top`.
pub(super) fn run(context: &Context, args: &TopArgs) -> Result<u8> {
    let order = Order::parse(&args.sort)?;
    let interval = watch::interval("--interval", &args.interval)?;
    let object = match args.words.as_slice() {
        [] => None,
        words => Some(ServiceName::parse(&words.join(" "))?),
    };
    if context.out.json {
        return Err(Error::new(Kind::Usage, "top has no JSON form")
            .hint("instead: ipvsh show rates --json --watch 1"));
    }
    let options = Options {
        order,
        interval,
        ..options(context, object)
    };
    top::run(&mut context.director()?, &options)?;
    Ok(0)
}

/// Who shows `top()` of scripts and of the prompt.
pub(super) fn viewer(
    context: &Context,
) -> impl FnMut(&mut Director, Option<ServiceName>) -> Result<()> + 'static {
    let options = options(context, None);
    move |director, object| {
        let options = Options {
            object,
            ..options.clone()
        };
        top::run(director, &options)
    }
}

fn options(context: &Context, object: Option<ServiceName>) -> Options {
    Options {
        object,
        interval: Duration::from_secs(1),
        order: Order::default(),
        place: places::host(context.is_sim()),
        paint: context.out.paint,
    }
}
