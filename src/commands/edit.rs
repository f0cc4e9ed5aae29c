//! `ipvsh edit`.

mod draft;
mod editor;

use std::path::PathBuf;

use clap::Args;

use super::args::ChangeArgs;
use super::context::{Context, is_terminal};
use crate::director::{ChangeOptions, Director, Edit, Outcome, Report};
use crate::error::{Error, Kind, Result};
use crate::format::{self, Format, SCRIPT_HEADER};
use crate::model::Ruleset;
use crate::output::quoted;
use crate::script::{self, Source};

use draft::Draft;

/// Edit the head as a script in $VISUAL or $EDITOR, see the plan, commit
///
/// What is taken out of the script is removed; what is left as it was is not touched, even where the
/// kernel differs from it. A terminal is asked before the commit. Where the script is wrong, the
/// commit is refused, or another commit came first, the text is kept: `ipvsh edit --again FILE`.
#[derive(Debug, Args)]
pub(super) struct EditArgs {
    /// Go on with a text that was kept, over what the head is now
    #[arg(long, value_name = "FILE")]
    again: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh edit`.
pub(super) fn run(context: &Context, args: &EditArgs) -> Result<u8> {
    let mut director = context.director()?;
    let edit = director.begin_edit()?;
    let (text, notes) = text_of(&edit);
    for note in notes {
        context.out.note(&note);
    }
    // What the text says, which may be less than the head holds.
    let from = script::ruleset(&source("the head", &text))
        .map_err(|error| error.attempt("cannot be edited as a script"))?;
    let mut draft = match &args.again {
        Some(path) => Draft::kept(path)?,
        None => Draft::new(edit.base(), &text)?,
    };
    let edited = edited(&mut draft).and_then(|edited| match edited {
        Some(to) => finish(context, &mut director, &args.change, (&edit, &from, &to)),
        None => {
            context.out.report(&Report::unchanged(), false);
            Ok(true)
        }
    });
    let go_on = format!(
        "ipvsh edit --again {}",
        quoted(&draft.path().to_string_lossy())
    );
    match edited {
        Ok(true) => {
            draft.remove();
            Ok(0)
        }
        Ok(false) => {
            context
                .out
                .note(&format!("your text is kept; to go on: {go_on}"));
            Ok(if args.change.plan { 0 } else { 1 })
        }
        Err(error) if draft.is_worth_keeping() => {
            Err(error.hint(format!("your text is kept; to go on: {go_on}")))
        }
        Err(error) => {
            draft.remove();
            Err(error)
        }
    }
}

/// The text that is edited, and what it leaves out.
fn text_of(edit: &Edit) -> (String, Vec<String>) {
    let (script, notes) = format::write(Format::Rhai, edit.rules());
    let body = script.strip_prefix(SCRIPT_HEADER).unwrap_or(&script);
    let what = match edit.base() {
        Some(base) => format!("The rules of snapshot {base}"),
        None => "There is no snapshot yet: declare the first rules here".to_owned(),
    };
    let text = format!(
        "// {what}.\n\
         // Save and leave the editor to see the plan: nothing is changed before that.\n\
         // What is taken out of this text is removed.\n{body}"
    );
    (text, notes)
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
        dir: None,
    }
}

/// Lets the editor work on the text; gives what it declares then, or nothing where it is as it was.
fn edited(draft: &mut Draft) -> Result<Option<Ruleset>> {
    editor::edit(draft.path())?;
    let source = Source::file(draft.path())?;
    match draft.is_changed(&source.text) {
        true => script::ruleset(&source).map(Some),
        false => Ok(None),
    }
}

/// Shows the plan, asks, commits; false where it was not committed.
fn finish(
    context: &Context,
    director: &mut Director,
    change: &ChangeArgs,
    (edit, from, to): (&Edit, &Ruleset, &Ruleset),
) -> Result<bool> {
    let mut attempt = |options: &ChangeOptions| director.commit_edit(edit, (from, to), options);
    let mut agreed = false;
    if !change.plan && !change.yes {
        let planned = attempt(&ChangeOptions {
            plan_only: true,
            // Everything is shown; whoever says yes saw every removal.
            allow_removals: true,
            ..change.options()
        })?;
        if is_change(&planned) {
            if !is_terminal() {
                context.out.preview(&planned.plan);
                return Err(Error::new(
                    Kind::State,
                    "standard input is no terminal, so that nothing can ask",
                )
                .attempt("not committed")
                .hint("to commit without a question: -y"));
            }
            context.out.preview(&planned.plan);
            if !context.ask("Commit this?") {
                context.out.say("nothing changed");
                return Ok(false);
            }
            agreed = true;
        }
    }
    let report = context.guarded(change, |options| {
        attempt(&ChangeOptions {
            allow_removals: options.allow_removals || agreed,
            ..options.clone()
        })
    })?;
    context.out.report(&report, false);
    Ok(report.outcome != Outcome::Planned || !is_change(&report))
}

/// Returns true if a planned change does something.
fn is_change(report: &Report) -> bool {
    !report.plan.changes.is_empty()
}
