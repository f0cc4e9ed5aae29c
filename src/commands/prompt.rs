//! `ipvsh` alone: the prompt; without a terminal, standard input is a script.

use std::io::IsTerminal;
use std::rc::Rc;

use super::args::ChangeArgs;
use super::context::Context;
use super::verbs::PromptVerbs;
use super::{groups, places, run, status, top};
use crate::director::{Director, Session};
use crate::error::{Error, Kind, Result};
use crate::kernel::Names;
use crate::output;
use crate::script::{Interpreter, Source};
use crate::shell::{PromptSetup, Shell, Verbs};

/// What is said where there are snapshots: the user has been here.
const GREETING: &str = "`help` says what there is, Ctrl-D leaves.";

/// What can be typed where nothing was ever committed.
const FIRST_LINES: [(&str, &str); 4] = [
    (
        r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11"] })"#,
        "stages a service; then: plan",
    ),
    (
        "ipvsadm -A -t 192.0.2.10:443 -s rr",
        "is answered in ipvsh's words",
    ),
    ("?weight", "explains a word"),
    ("Tab", "completes what there is"),
];

/// Runs `ipvsh` without a verb.
pub(super) fn run(context: &Context, change: &ChangeArgs) -> Result<u8> {
    if !std::io::stdin().is_terminal() {
        let source = Source::stdin()?;
        if source.text.trim().is_empty() {
            return Ok(0);
        }
        return run::script(context, &source, Vec::new(), change, false);
    }
    if change.plan {
        return Err(Error::new(Kind::Usage, "--plan needs a script")
            .hint("at the prompt: plan() shows what commit() would do"));
    }
    let context = &context.of_prompt();
    context.note_other_history("ipvsh");
    let is_new = context.snapshots_at_hand()().is_empty();
    let greeting = if is_new {
        banner()
    } else {
        GREETING.to_owned()
    };
    let setting = PromptSetup {
        greeting,
        history: places::prompt_history(),
        startup: places::startup(),
        ..setting(context)?
    };
    open(context, context.director()?, change, setting)?.run()
}

/// What is said until the first commit.
fn banner() -> String {
    let lines = output::lines_to_type(&FIRST_LINES);
    format!("Nothing is committed yet. To begin:\n{lines}{GREETING}")
}

/// What a prompt is given; it keeps no lines and reads no script of the user's. What is told from
/// now on has the form that a prompt takes.
///
/// # Errors
/// As the database has no place.
pub(super) fn setting(context: &Context) -> Result<PromptSetup> {
    let (database, is_sim) = (context.database()?, context.is_sim());
    let facts = move |answer| status::facts(database.clone(), is_sim, answer);
    let verbs = PromptVerbs::new(context.again());
    output::at_prompt(verbs.all().iter().map(|(name, _)| name.clone()).collect());
    Ok(PromptSetup {
        place: places::host(is_sim),
        greeting: GREETING.to_owned(),
        history: None,
        startup: None,
        facts: Box::new(facts),
        names: match is_sim {
            true => Names::of_debian(),
            false => Names::of_this_host(),
        },
        snapshots: Box::new(context.snapshots_at_hand()),
        groups: groups::of(verbs.all()),
        reconcile: Box::new({
            let context = context.again();
            move || context.reconcile_simulated()
        }),
        verbs: Rc::new(verbs),
    })
}

/// A prompt on a director.
///
/// # Errors
/// As the terminal cannot be used.
pub(super) fn open(
    context: &Context,
    director: Director,
    change: &ChangeArgs,
    setting: PromptSetup,
) -> Result<Shell> {
    let session = Session::new(director, change.options());
    let mut interpreter = Interpreter::new(session, Vec::new());
    interpreter.on_top(top::viewer(context));
    Shell::new(interpreter, context.out, setting)
}
