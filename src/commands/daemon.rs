//! `ipvsh daemon`.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;

use super::context::Context;
use crate::daemon::{self, DaemonOptions, Observer, Setup};
use crate::director::Report;
use crate::error::{Error, Kind, Result};
use crate::health::Event;
use crate::output::Output;

/// Run the health checks, and take real servers out and in by what they say
///
/// The unit ipvsh-daemon.service runs it. It follows the head, so that a commit is enough to change a
/// check. Only a change of a server's state is written to the kernel, and nothing else is repaired. A
/// signal ends it; the kernel stays as it is.
#[derive(Debug, Args)]
pub(super) struct DaemonArgs {
    /// Write nothing: run the checks, say what they decide, and where the kernel differs from it
    #[arg(long)]
    observe: bool,
    /// Where nearly all servers fail at once, keep them in for so long: this host may be at fault (0: off)
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=86_400))]
    guard: u64,
    /// Run PATH after each second with transitions; they are a JSON list on its standard input
    #[arg(long, value_name = "PATH")]
    hook: Option<PathBuf>,
}

/// Runs `ipvsh daemon`.
pub(super) fn run(context: &Context, args: &DaemonArgs) -> Result<u8> {
    if context.is_at_prompt() {
        return Err(Error::new(Kind::Usage, "it runs until a signal ends it")
            .object("daemon")
            .hint("in a shell: ipvsh daemon"));
    }
    let shared = context.again();
    let setup = Setup {
        stores: context.stores()?,
        director: context.director()?,
        share: Rc::new(move || shared.reconcile_simulated().map(drop)),
    };
    let options = DaemonOptions {
        observe: args.observe,
        guard: Duration::from_secs(args.guard),
        hook: args.hook.clone(),
    };
    daemon::run(setup, &options, &Told(context.out))?;
    Ok(0)
}

/// The terminal, or the journal.
struct Told(Output);

impl Observer for Told {
    fn event(&self, event: &Event) {
        self.0.event(event);
    }

    fn note(&self, text: &str) {
        self.0.note(text);
    }

    fn differences(&self, report: &Report) {
        self.0.report(report, true);
    }
}
