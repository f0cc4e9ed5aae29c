//! `ipvsh edit`.

mod editor;
mod file;
mod text;

use std::path::PathBuf;

use clap::Args;

use super::args::ChangeArgs;
use super::context::{Context, is_terminal};
use crate::director::{ChangeOptions, Director, HeadEdit, Outcome, Report};
use crate::error::{Error, Kind, Result};
use crate::model::Ruleset;
use crate::model::shell_word;
use crate::script::{self, Source};
use crate::signals;

use file::{EditFile, FileState};
use text::text_of;

/// Edit the head as a script in $VISUAL or $EDITOR, see the plan, commit
///
/// What is taken out of the script is removed; what is left as it was is not touched, even where the
/// kernel differs from it. A terminal is asked before the commit. Where the script is wrong, the
/// commit is refused, or another commit came first, the text is kept: `ipvsh edit --again FILE`.
#[derive(Debug, Args)]
pub(super) struct EditArgs {
    /// Go on with a text that was kept: what it changes is merged with the present head
    #[arg(long, value_name = "FILE")]
    again: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh edit`.
pub(super) fn run(context: &Context, args: &EditArgs) -> Result<u8> {
    let mut director = context.director()?;
    let (kept, edit) = match &args.again {
        Some(path) => {
            let (file, text) = EditFile::kept(path)?;
            let origin = text::base_of(&text, file.path())?;
            let edit = director
                .resume_edit(origin)
                .map_err(|error| match error.kind() {
                    Kind::NotFound => text::anew(error, file.path()),
                    _ => error,
                })?;
            (Some(file), edit)
        }
        None => (None, director.begin_edit()?),
    };
    let (text, notes) = text_of(&edit);
    for note in notes {
        context.out.note(&note);
    }
    // What the text says, which may be less than the head holds.
    let from = script::ruleset(&source("the head", &text))
        .map_err(|error| error.attempt("cannot be edited as a script"))?;
    // From here on a signal is an answer or an error, so that the text is named in any case.
    let _hold = signals::hold();
    let file = match kept {
        Some(file) => file,
        None => EditFile::new(edit.base(), &text)?,
    };
    let edited = edited(&file, &from).and_then(|edited| match edited {
        Some(to) => finish(context, &mut director, &args.change, (&edit, &from, &to)),
        None => {
            context.out.report(&Report::unchanged(), false);
            Ok(true)
        }
    });
    let kept = format!(
        "your text is kept; to go on: ipvsh edit --again {}",
        shell_word(&file.path().to_string_lossy())
    );
    match edited {
        Ok(true) => {
            file.remove();
            Ok(0)
        }
        Ok(false) => {
            if file.state() == FileState::Text {
                context.out.note(&kept);
            }
            Ok(if args.change.plan { 0 } else { 1 })
        }
        Err(error) => Err(match file.state() {
            FileState::Text => error.hint(kept),
            FileState::Unreadable => error,
            FileState::Nothing => {
                file.remove();
                error
            }
        }),
    }
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
        dir: None,
    }
}

/// Lets the editor work on the text; gives what it declares then, or nothing where it is as it was.
fn edited(file: &EditFile, from: &Ruleset) -> Result<Option<Ruleset>> {
    editor::edit(file.path())?;
    let source = file.source()?;
    if !file.is_changed(&source.text) {
        return Ok(None);
    }
    if text::is_empty(&source.text) {
        // As in other tools, an emptied file means that the user gave up.
        file.remove();
        return match *from == Ruleset::default() {
            true => Ok(None),
            false => Err(
                Error::new(Kind::Aborted, "nothing to change: the file is empty")
                    .hint("to remove everything: leave `remove_all()` as its only statement"),
            ),
        };
    }
    script::ruleset_of(&source, "an edit").map(Some)
}

/// Shows the plan, asks, commits; false where it was not committed.
fn finish(
    context: &Context,
    director: &mut Director,
    change: &ChangeArgs,
    (edit, from, to): (&HeadEdit, &Ruleset, &Ruleset),
) -> Result<bool> {
    let mut attempt = |options: &ChangeOptions| director.commit_edit(edit, (from, to), options);
    let mut agreed = None;
    if !change.plan && !change.yes {
        let planned = attempt(&ChangeOptions {
            plan_only: true,
            // The plan shows every removal before the user answers.
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
                // Ctrl-C was the answer: it is a no, and nothing else is to end because of it.
                if signals::interrupted() == Some("SIGINT") {
                    signals::forget();
                }
                context.declined();
                return Ok(false);
            }
            agreed = Some(planned.plan);
        }
    }
    let report = context.guarded(change, |options| {
        attempt(&ChangeOptions {
            allow_removals: options.allow_removals || agreed.is_some(),
            ..options.clone()
        })
    })?;
    match &agreed {
        Some(seen) => context.out.report_of_seen(&report, seen),
        None => context.out.report(&report, false),
    }
    Ok(report.outcome != Outcome::Planned || !is_change(&report))
}

/// Returns true if a planned change does something.
fn is_change(report: &Report) -> bool {
    !report.plan.changes.is_empty()
}
