//! The command line: one file per verb, each with its arguments and its `run`.
//!
//! Layer 7. This file parses and dispatches; what a verb means is the director's to decide, how
//! it looks the output's.

mod adopt;
mod args;
mod author;
mod bug;
mod check;
mod complete;
mod completions;
mod confirm;
mod confirm_timer;
mod context;
mod daemon;
mod demo;
mod diff;
mod disable;
mod doctor;
mod drain;
mod edit;
mod enable;
mod events;
mod examples;
mod export;
mod forget;
mod fsck;
mod groups;
mod health;
mod history;
mod import;
mod install_dropin;
mod ipvsadm;
mod man;
mod objects;
mod origin;
mod places;
mod plan;
mod prompt;
mod prune;
mod ready;
mod real_server;
mod restore;
mod revert;
mod rollback;
mod run;
mod scratch;
mod shift;
mod show;
mod status;
mod tag;
mod top;
mod try_urls;
mod unfreeze;
mod unreported;
mod usage;
mod verbs;
mod watch;
mod weight;
mod where_is;
mod why;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use args::{ChangeArgs, Global};
use context::Context;

use crate::error::{Error, Kind, Result};
use crate::output::{ColorWhen, Output, Verbosity};
use crate::script::limits;
use crate::signals;

/// The shell of Linux's layer-4 load balancer (LVS/IPVS): scripts, plans, snapshots, rollback
///
/// Without a verb: an interactive prompt; where standard input is not a terminal, it is run as a
/// script.
#[derive(Debug, Parser)]
#[command(
    name = "ipvsh",
    version,
    long_version = env!("IPVSH_VERSION"),
    verbatim_doc_comment,
    after_long_help = usage::long_epilogue(),
    after_help = usage::epilogue(),
    subcommand_help_heading = "Verbs",
    subcommand_value_name = "VERB",
    max_term_width = 100
)]
struct Cli {
    /// Run CODE, print its value, commit what it staged
    #[arg(short = 'e', value_name = "CODE", allow_hyphen_values = true)]
    code: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Check(check::CheckArgs),
    Status(status::StatusArgs),
    Show(show::ShowArgs),
    Where(where_is::WhereArgs),
    Top(top::TopArgs),
    Plan(plan::PlanArgs),
    Diff(diff::DiffArgs),
    Doctor(doctor::DoctorArgs),
    History(history::HistoryArgs),
    Rollback(rollback::RollbackArgs),
    Revert(revert::RevertArgs),
    Restore(restore::RestoreArgs),
    Adopt(adopt::AdoptArgs),
    Forget(forget::ForgetArgs),
    Import(import::ImportArgs),
    Weight(weight::WeightArgs),
    Disable(disable::DisableArgs),
    Enable(enable::EnableArgs),
    Drain(drain::DrainArgs),
    Shift(shift::ShiftArgs),
    Daemon(daemon::DaemonArgs),
    Health(health::HealthArgs),
    Why(why::WhyArgs),
    Events(events::EventsArgs),
    Ready(ready::ReadyArgs),
    Try(try_urls::TryArgs),
    Unfreeze(unfreeze::UnfreezeArgs),
    RealServer(real_server::RealServerArgs),
    Edit(edit::EditArgs),
    Export(export::ExportArgs),
    Ipvsadm(ipvsadm::IpvsadmArgs),
    InstallDropin(install_dropin::InstallDropinArgs),
    Confirm(confirm::ConfirmArgs),
    Tag(tag::TagArgs),
    Prune(prune::PruneArgs),
    Fsck(fsck::FsckArgs),
    Completions(completions::CompletionsArgs),
    #[command(name = "__complete", hide = true)]
    Complete(complete::CompleteArgs),
    Man(man::ManArgs),
    #[command(hide = true)]
    Watch(watch::WatchArgs),
}

impl Cli {
    /// The global options among words that may not be a whole command line, and the other words.
    fn global_of(words: &[String]) -> (Global, Vec<String>) {
        let mut global = Global::default();
        let mut others = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--sim" => global.sim = true,
                "--json" => global.json = true,
                // A name that is empty was refused, and would be again.
                "--db" => global.db = words.next().filter(|dir| !dir.is_empty()).map(Into::into),
                word => match word.strip_prefix("--db=") {
                    Some(dir) => global.db = Some(dir.into()),
                    None => others.push(word.to_owned()),
                },
            }
        }
        (global, others)
    }
}

/// Runs the program; gives its exit status. A panic is a bug of ours: it is caught and told.
pub fn main() -> u8 {
    bug::contained(|| {
        if let Some(status) = ipvsadm::stand_in() {
            return status;
        }
        match signals::install() {
            Ok(()) => start(),
            Err(error) => fail(
                &Output::new(false, Verbosity::Normal, ColorWhen::Auto),
                &error,
            ),
        }
    })
}

fn start() -> u8 {
    // ipvsadm's own words are not ours to understand: they are set apart before ours are.
    let (ours, theirs) = ipvsadm::split(std::env::args_os().collect());
    let cli = parse(ours).map(|mut cli| {
        if let (Some(Verb::Ipvsadm(args)), Some(theirs)) = (&mut cli.verb, theirs) {
            args.words = theirs;
        }
        cli
    });
    let cli = match cli {
        Ok(cli) => cli,
        Err(refusal) => {
            // The hints of a refused line carry what was understood of it.
            let words = std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned());
            let words: Vec<String> = words.collect();
            let (global, others) = Cli::global_of(&words);
            let json = global.json;
            Context::new(global).remember_invocation();
            return usage::refuse(&refusal, &others, json);
        }
    };
    let runs_scripts = matches!(
        cli.verb,
        None | Some(
            Verb::Run(_) | Verb::Check(_) | Verb::Import(_) | Verb::Edit(_) | Verb::Demo(_)
        )
    );
    match runs_scripts {
        // The deepest script that the limits allow needs more stack than this thread can have.
        true => limits::with_stack(|| carry_out(cli)).unwrap_or_else(|error| {
            let out = Output::new(false, Verbosity::Normal, ColorWhen::Auto);
            fail(&out, &error)
        }),
        false => carry_out(cli),
    }
}

/// Understands a command line.
fn parse(words: Vec<std::ffi::OsString>) -> Result<Cli, clap::Error> {
    let mut command = definition();
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|refusal| refusal.format(&mut command))
}

fn carry_out(cli: Cli) -> u8 {
    let context = Context::new(cli.global.clone());
    // A demonstration's commands are those of its own database.
    if !matches!(cli.verb, Some(Verb::Demo(_))) {
        context.remember_invocation();
    }
    let done = dispatch(&context, cli);
    let done = match (done, context.reconcile_simulated()) {
        // What a simulated kernel does not keep was not done.
        (Ok(0), Err(error)) => Err(error),
        (done, Err(error)) => {
            let is_said = |said: &Error| said.to_string() == error.to_string();
            if !done.as_ref().is_err_and(is_said) {
                context.out.note(&error.to_string());
            }
            done
        }
        (done, Ok(_)) => done,
    };
    let status = match done {
        // A signal that came meanwhile waited until everything was done or undone.
        Ok(status) => match signals::check() {
            Ok(()) => context.ended(status),
            Err(error) => fail(&context.out, &context.with_effects(error)),
        },
        Err(error) => match (fail(&context.out, &error), error.kind()) {
            // That is said.
            (status, Kind::Output) => status,
            (status, _) => context.ended(status),
        },
    };
    context.out.detail(&context.took());
    status
}

fn fail(out: &Output, error: &Error) -> u8 {
    out.error(error);
    error.kind().exit_status()
}

fn dispatch(context: &Context, cli: Cli) -> Result<u8> {
    let Some(verb) = cli.verb else {
        return match cli.code {
            Some(code) => run::inline(context, &code, &cli.change),
            None => prompt::run(context, &cli.change),
        };
    };
    if cli.code.is_some() {
        return Err(Error::new(Kind::Usage, "-e and a verb exclude each other")
            .hint("-e CODE is a whole command: ipvsh -e 'services()'"));
    }
    if cli.change.is_given() {
        return Err(
            Error::new(Kind::Usage, "options of a change stand behind their verb")
                .hint("like: ipvsh run --plan SCRIPT"),
        );
    }
    match verb {
        Verb::Demo(args) => demo::run(context, &args),
        Verb::Run(args) => run::run(context, &args),
        Verb::Check(args) => check::run(context, &args),
        Verb::Status(args) => status::run(context, &args),
        Verb::Show(args) => show::run(context, &args),
        Verb::Where(args) => where_is::run(&context.paged(), &args),
        Verb::Top(args) => top::run(context, &args),
        Verb::Plan(args) => plan::run(&context.paged(), &args),
        Verb::Doctor(args) => doctor::run(context, &args),
        Verb::Diff(args) => diff::run(&context.paged(), &args),
        Verb::History(args) => history::run(&context.paged(), &args),
        Verb::Rollback(args) => rollback::run(context, &args),
        Verb::Revert(args) => revert::run(context, &args),
        Verb::Restore(args) => restore::run(context, &args),
        Verb::Adopt(args) => adopt::run(context, &args),
        Verb::Forget(args) => forget::run(context, &args),
        Verb::Import(args) => import::run(context, &args),
        Verb::Weight(args) => weight::run(context, &args),
        Verb::Daemon(args) => daemon::run(context, &args),
        Verb::Health(args) => health::run(&context.paged(), &args),
        Verb::Why(args) => why::run(&context.paged(), &args),
        Verb::Events(args) => events::run(context, &args),
        Verb::Ready(args) => ready::run(context, &args),
        Verb::Try(args) => try_urls::run(context, &args),
        Verb::Unfreeze(args) => unfreeze::run(context, &args),
        Verb::RealServer(args) => real_server::run(context, &args),
        Verb::Disable(args) => disable::run(context, &args),
        Verb::Enable(args) => enable::run(context, &args),
        Verb::Drain(args) => drain::run(context, &args),
        Verb::Shift(args) => shift::run(context, &args),
        Verb::Edit(args) => edit::run(context, &args),
        Verb::Export(args) => export::run(context, &args),
        Verb::Ipvsadm(args) => ipvsadm::run(context, args.words),
        Verb::InstallDropin(args) => install_dropin::run(context, &args),
        Verb::Confirm(args) => confirm::run(context, &args),
        Verb::Tag(args) => tag::run(context, &args),
        Verb::Prune(args) => prune::run(context, &args),
        Verb::Fsck(args) => fsck::run(context, &args),
        Verb::Completions(args) => completions::run(context, &args),
        Verb::Complete(args) => complete::run(&args),
        Verb::Man(args) => man::run(context, &args),
        Verb::Watch(args) => watch::run(context, &args),
    }
}

/// The command line's definition, for completions, the manual page and what checks documents.
pub fn definition() -> clap::Command {
    examples::with_examples(Cli::command())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_verb_and_option_says_what_it_is() {
        for verb in definition().get_subcommands() {
            assert!(
                verb.get_about().is_some(),
                "{} has no help",
                verb.get_name()
            );
            for arg in verb.get_arguments() {
                let (verb, arg_name) = (verb.get_name(), arg.get_id());
                assert!(arg.get_help().is_some(), "{verb} {arg_name} has no help");
            }
        }
    }
}
