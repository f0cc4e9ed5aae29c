//! `ipvsh drain SERVICE SERVER`, `ipvsh drain SERVER`.

use clap::{Args, ValueEnum};

use super::args::ChangeArgs;
use super::context::Context;
use super::objects::objects;
use crate::director::{Attendant, DrainOptions, News, Then};
use crate::error::{Error, Kind, Result};
use crate::output::forms;
use crate::signals;

/// Weight 0, then wait until a server's connections are gone
///
/// Without a service: in every service that has the server, in one commit and one wait. Weight 0 is
/// a commit of its own. After the timeout or Ctrl-C the server stays so, the status is
/// 1, and what is left is told with the commands to go on. Clients of a persistent service stay
/// with their server unless net.ipv4.vs.expire_quiescent_template=1.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh drain [OPTIONS] [SERVICE] SERVER")]
pub(super) struct DrainArgs {
    /// A real server, behind the virtual service that it is to be drained in, if that is one only:
    /// 10.0.0.12, or tcp 192.0.2.10:80 10.0.0.12
    #[arg(value_name = "[SERVICE] SERVER", required = true)]
    words: Vec<String>,
    /// How long to wait: 0 (look once) to 604800
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=604_800))]
    timeout: u32,
    /// What follows
    #[arg(long, value_enum, default_value_t)]
    then: Next,
    /// Wait for inactive connections too, which are closing (of UDP always: they are all that is)
    #[arg(long)]
    inactive: bool,
    /// Wait until the kernel has forgotten the clients that it kept with the server, too
    #[arg(long)]
    persistent: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What follows when the connections are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Next {
    /// It stays at weight 0
    #[default]
    Keep,
    /// It is removed
    Remove,
    /// It gets back the weight that it had
    Restore,
}

impl DrainArgs {
    fn options(&self) -> Result<DrainOptions> {
        Ok(DrainOptions {
            timeout: DrainOptions::limit(self.timeout.into())?,
            then: match self.then {
                Next::Keep => Then::Keep,
                Next::Remove => Then::Remove,
                Next::Restore => Then::Restore,
            },
            inactive: self.inactive,
            persistent: self.persistent,
        })
    }
}

/// Runs `ipvsh drain`.
pub(super) fn run(context: &Context, args: &DrainArgs) -> Result<u8> {
    let options = args.options()?;
    let names = objects(&args.words);
    let (service, server) = match names.as_slice() {
        [server] => (None, server),
        [service, server] => (Some(service.as_str()), server),
        _ => {
            return Err(
                Error::new(Kind::Usage, "it wants a virtual service and one server")
                    .attempt("cannot drain")
                    .hint("like: ipvsh drain tcp 192.0.2.10:80 10.0.0.12:80")
                    .hint("or, in every service that has it: ipvsh drain 10.0.0.12:80"),
            );
        }
    };
    let _hold = signals::hold();
    let (mut session, change) = context.session_in_steps(&args.change)?;
    let servers = session.find_servers(server, service)?;
    let (out, dry) = (context.out, session.is_dry());
    let mut reports = Vec::new();
    let mut attendant = Attendant::new(|news: News| match news {
        News::Change(report) if out.json => {
            out.did(report, dry);
            reports.push(report.clone());
        }
        news => out.news(news, dry),
    });
    let result = session.drain_everywhere((server, &servers), &options, &change, &mut attendant);
    // What was refused before anything was done is told by the error alone.
    if out.json && (result.is_ok() || !reports.is_empty()) {
        let drained = result.as_ref().ok();
        out.print_json(&forms::drain(&servers, drained, &reports, dry));
    }
    result.map(|_| 0)
}
