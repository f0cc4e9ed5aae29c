//! `ipvsh weight SERVER N [SERVICE]`.

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::objects::one_object;
use crate::director::{ChangeOptions, Session};
use crate::error::Result;
use crate::model::Weight;

/// Give a real server a weight, in every service that has it or in one
///
/// One commit, whatever the number of services. Connections that a server has go on at weight 0;
/// `ipvsh drain` waits for them.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh weight [OPTIONS] SERVER N [SERVICE]")]
pub(super) struct WeightArgs {
    /// A real server, with or without its port, or the host of real servers: 10.0.0.12, web12
    server: String,
    /// The weight; 0: no new connections
    #[arg(value_name = "N", value_parser = Weight::parse, allow_negative_numbers = true)]
    weight: Weight,
    /// Only in this service: tcp 192.0.2.10:80 [default: in every service that has the server]
    service: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh weight`.
pub(super) fn run(context: &Context, args: &WeightArgs) -> Result<u8> {
    let service = one_object(
        &args.service,
        "weight",
        "ipvsh weight 10.0.0.12 0 tcp 192.0.2.10:80",
    )?;
    let mut session = Session::new(context.director()?, ChangeOptions::default());
    let servers = session.find_servers(&args.server, service.as_deref())?;
    let report = context.guarded(&args.change, |options| {
        session.weigh_servers((&args.server, &servers), args.weight, options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}
