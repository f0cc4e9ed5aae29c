//! `ipvsh install-dropin`.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use crate::dropin::{self, Dropin, Outcome, RECORD, Record};
use crate::error::{Error, Kind, Result};
use crate::output::{self, Effect};

/// Take the place of ipvsadm, ipvsadm-save and ipvsadm-restore, or give it back (--undo)
///
/// Their files in /usr/sbin (or /sbin) become links to this program, which does what ipvsadm does
/// where it is called by its name: `ipvsh help ipvsadm`. Each file that is there is kept beside its
/// link as NAME.ipvsh-saved. Where dpkg is, it is told by local diversions, so that an upgrade, a
/// removal or a later installation of the package ipvsadm finds its files there and leaves the
/// links alone (two diversions for each name where /sbin is a link to /usr/sbin; the package may
/// have its files under either). What was done is written down in /var/lib/ipvsh-dropin.json. No
/// other file is touched, and the kernel is not.
///
/// There is an ipvsadm at every moment. What fails half-way is undone; where files or diversions
/// are not as they were left (a package of another kind, somebody else's link) it is refused, and
/// nothing is changed. Once done, doing it again changes nothing.
///
/// --undo puts back exactly what was there: the same files, owners, modes and times. Do that before
/// this program is removed.
#[derive(Debug, Args)]
pub(super) struct InstallDropinArgs {
    /// Put back what was there
    #[arg(long)]
    undo: bool,
    /// Only print what would be done
    #[arg(long)]
    plan: bool,
    /// Do it in the file system below DIR: an image that is being made
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/",
        hide_default_value = true
    )]
    root: PathBuf,
}

/// Runs `ipvsh install-dropin`.
pub(super) fn run(context: &Context, args: &InstallDropinArgs) -> Result<u8> {
    if context.is_sim() {
        return Err(Error::new(
            Kind::Usage,
            "this changes files of the host, and --sim touches nothing of it",
        )
        .hint("to see what it would do: leave --sim out, and add --plan"));
    }
    let place = Dropin::below(&args.root);
    let outcome = match args.undo {
        true => place.give_back(args.plan)?,
        false => place.take(&dropin::program(&args.root)?, args.plan)?,
    };
    if !args.plan
        && let Some(done) = done(&outcome)
    {
        output::did(Effect::Other(done.to_owned()));
    }
    context.out.print(&match &outcome {
        Outcome::Taken(record) => {
            format!("{}{}", lines(record, '+'), closing(args, done(&outcome)))
        }
        Outcome::AlreadyTaken(_) => {
            "nothing to change: ipvsh is in ipvsadm's place already".to_owned()
        }
        Outcome::GivenBack(record) => {
            format!("{}{}", lines(record, '-'), closing(args, done(&outcome)))
        }
        Outcome::NotTaken => {
            format!("nothing to change: ipvsh did not take ipvsadm's place (there is no {RECORD})")
        }
    });
    Ok(0)
}

/// What was done, in the order in which it is done.
fn lines(record: &Record, sign: char) -> String {
    let diversions = record.diversions.iter().map(|diversion| {
        let (from, to) = (diversion.from.display(), diversion.to.display());
        format!("{sign} dpkg diversion of {from} to {to}\n")
    });
    let links = record.links.iter().map(|link| {
        let (path, to) = (link.path.display(), record.program.display());
        let kept = match &link.kept {
            None => "nothing was there".to_owned(),
            Some(kept) => format!("what was there: {}", kept.display()),
        };
        format!("{sign} link {path} to {to}  ({kept})\n")
    });
    let mut all: Vec<String> = diversions.chain(links).collect();
    if sign == '-' {
        all.reverse();
    }
    all.concat()
}

/// The sentence for what was changed, if something was.
fn done(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Taken(_) => Some("ipvsh is in ipvsadm's place. Undo: ipvsh install-dropin --undo"),
        Outcome::GivenBack(_) => Some("ipvsadm has its place again"),
        Outcome::AlreadyTaken(_) | Outcome::NotTaken => None,
    }
}

fn closing(args: &InstallDropinArgs, done: Option<&'static str>) -> &'static str {
    match args.plan {
        true => "planned, nothing done",
        false => done.unwrap_or_default(),
    }
}
