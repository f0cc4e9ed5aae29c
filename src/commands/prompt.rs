//! `ipvsh` alone: the prompt; without a terminal, standard input is a script.

use std::io::IsTerminal;
use std::rc::Rc;

use super::args::ChangeArgs;
use super::context::Context;
use super::verbs::PromptVerbs;
use super::{places, run, status, top};
use crate::director::Session;
use crate::error::{Error, Kind, Result};
use crate::kernel::Names;
use crate::output;
use crate::script::{Interpreter, Source};
use crate::shell::{Setting, Shell, Verbs};

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
    let session = Session::new(context.director()?, change.options());
    let mut interpreter = Interpreter::new(session, Vec::new());
    interpreter.on_top(top::viewer(context));
    let (database, is_sim) = (context.database()?, context.is_sim());
    let facts = move |answer| status::facts(database.clone(), is_sim, answer);
    let verbs = PromptVerbs::new(context.again());
    output::at_prompt(verbs.all().iter().map(|(name, _)| name.clone()).collect());
    let setting = Setting {
        place: places::host(is_sim),
        history: places::prompt_history(),
        startup: places::startup(),
        facts: Box::new(facts),
        names: match is_sim {
            true => Names::of_debian(),
            false => Names::of_this_host(),
        },
        snapshots: Box::new(context.snapshots_at_hand()),
        verbs: Rc::new(verbs),
    };
    Shell::new(interpreter, context.out, setting)?.run()
}
