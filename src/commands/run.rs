//! `ipvsh run SCRIPT`, `ipvsh -e CODE`, and scripts on standard input.

use std::path::Path;

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::top::viewer;
use crate::director::{ChangeOptions, Report, Session};
use crate::error::{Error, Result};
use crate::format;
use crate::output::{self, count, forms, value};
use crate::script::{Ended, Interpreter, Source};
use crate::signals;

/// Run a script, then commit what it staged
///
/// `-` stands for standard input. The script sees ARGS; those that look like options stand behind
/// `--`. `exit(0)` ends it and commits, `exit(N)` commits nothing.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The script's file, or `-` for standard input
    script: String,
    /// What the script finds in ARGS
    #[arg(allow_negative_numbers = true)]
    args: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh run`.
pub(super) fn run(context: &Context, args: &RunArgs) -> Result<u8> {
    let source = source(&args.script)?;
    script(context, &source, args.args.clone(), &args.change, false)
}

/// Reads a script; `-` is standard input.
pub(super) fn source(name: &str) -> Result<Source> {
    match name {
        "-" => Source::stdin(),
        path => Source::file(Path::new(path)),
    }
}

/// Runs `ipvsh -e CODE`.
pub(super) fn inline(context: &Context, code: &str, change: &ChangeArgs) -> Result<u8> {
    script(context, &Source::inline(code), Vec::new(), change, true)
}

/// Runs a script and commits what it staged; with `--plan` all of it on a simulator.
pub(super) fn script(
    context: &Context,
    source: &Source,
    args: Vec<String>,
    change: &ChangeArgs,
    is_inline: bool,
) -> Result<u8> {
    let _hold = signals::hold();
    // The dry session commits, on its simulator, so that what follows a commit sees it.
    let options = ChangeOptions {
        plan_only: false,
        ..change.options()
    };
    let session = match change.plan {
        true => Session::new(context.dry_director()?, options).dry(),
        false => {
            let director = context
                .director()?
                .with_origin(context.origin(Some(source)));
            Session::new(director, options)
        }
    };
    let mut interpreter = Interpreter::new(session, args);
    run_in(context, &mut interpreter, source, is_inline)
}

/// Runs a script in an interpreter and ends it as `run` does.
pub(super) fn run_in(
    context: &Context,
    interpreter: &mut Interpreter,
    source: &Source,
    is_inline: bool,
) -> Result<u8> {
    let out = context.out;
    let dry = interpreter.session().is_dry();
    interpreter.on_report(move |report| out.report(report, dry));
    interpreter.on_news(move |news| out.news(news, dry));
    interpreter.on_top(viewer(context));
    let ended = interpreter
        .run(source)
        .map_err(|error| no_script(interpreter, source).unwrap_or(error));
    for effect in interpreter.effects() {
        out.note(&effect);
    }
    let ended = ended?;
    if let (true, Ended::Value(shown)) = (is_inline, &ended) {
        let mut session = interpreter.session();
        // What the commit below tells of would only be told twice.
        if session.is_untouched() || !value::is_handle(shown) {
            value::show(&out, shown, &mut session)?;
        }
        // As where a line could not be printed, nothing more is committed.
        if output::written().is_err() && !session.is_untouched() {
            out.not_committed(session.staged());
            return Ok(1);
        }
    }
    if let Ended::Closed = ended {
        let standing = interpreter.standing();
        if !standing.is_empty() {
            out.note("the reader of standard output went away: the script was ended there");
        }
        standing.iter().for_each(|sentence| out.note(sentence));
    }
    if let Some(report) = finish(context, interpreter, &ended)? {
        out.report(&report, dry);
    }
    let writes = interpreter.session().director().writes();
    let writes = usize::try_from(writes).unwrap_or(usize::MAX);
    out.detail(&format!("{} sent to the kernel", count(writes, "change")));
    Ok(match ended {
        Ended::Value(_) => 0,
        Ended::Exit(status) => {
            let status = u8::try_from(status).unwrap_or(1);
            if out.json && status != 0 {
                let staged = interpreter.session().staged();
                out.print_json(&forms::exited(status, staged));
            }
            status
        }
        Ended::Closed => 1,
    })
}

/// Says what a file or standard input is that no script parses as; none for a script, whatever is
/// wrong with it.
pub(super) fn no_script(interpreter: &Interpreter, source: &Source) -> Option<Error> {
    // Code that a command line holds was meant as code.
    let path = source.file_name()?.path;
    interpreter.check_syntax(source).err()?;
    let file = match &source.dir {
        Some(_) => source.name.as_str(),
        None => "-",
    };
    let name = if file == "-" { path.as_str() } else { file };
    format::no_script(name, file, &source.text)
}

/// Commits what is staged; where a safety rule refuses it, a terminal asks.
fn finish(
    context: &Context,
    interpreter: &mut Interpreter,
    ended: &Ended,
) -> Result<Option<Report>> {
    match interpreter.finish(ended) {
        Err(error) if context.allows(&error) => {
            let mut session = interpreter.session();
            let options = ChangeOptions {
                allow_removals: true,
                ..session.defaults().clone()
            };
            session.commit(&options).map(Some)
        }
        result => result,
    }
}
