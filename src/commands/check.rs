//! `ipvsh check SCRIPT`: what a script would do, touching nothing.

use clap::Args;

use super::context::Context;
use super::objects::is_kind;
use super::run;
use crate::director::{ChangeOptions, Session};
use crate::error::{Error, Kind, Result};
use crate::model::ServiceName;
use crate::script::Interpreter;
use crate::signals;

/// Parse a script and dry-run it on a simulated kernel; touches nothing
///
/// The simulated kernel holds what the head says. Every problem that can be found is told, also in
/// branches that this run does not take. Status 0 where the script ran, 1 where not.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The script's file, or `-` for standard input
    script: String,
    /// What the script finds in ARGS
    #[arg(allow_negative_numbers = true)]
    args: Vec<String>,
}

/// Where no file is found, what was named may be a service: others check those.
fn no_script(args: &CheckArgs, error: Error) -> Error {
    let name = args.script.as_str();
    let is_object = is_kind(name) || ServiceName::parse(name).is_ok();
    if error.kind() != Kind::NotFound || !is_object {
        return error;
    }
    let words = std::iter::once(name).chain(args.args.iter().map(String::as_str));
    let object = words.collect::<Vec<_>>().join(" ");
    error
        .with_kind(Kind::Usage)
        .hint("check dry-runs a script, and looks at no service: ipvsh check SCRIPT")
        .hint(format!("what is live of it: ipvsh show {object}"))
}

/// Runs `ipvsh check`.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<u8> {
    let source = run::source(&args.script).map_err(|error| no_script(args, error))?;
    let _hold = signals::hold();
    let options = ChangeOptions::default();
    let session = Session::new(context.detached_director(), options).dry();
    let mut interpreter = Interpreter::new(session, args.args.clone());
    if let Some(error) = run::no_script(&interpreter, &source) {
        return Err(error);
    }
    let mut problems = interpreter.problems(&source);
    let ended = match interpreter.check_syntax(&source) {
        Ok(()) => run::run_in(context, &mut interpreter, &source, false),
        // It is among the problems already.
        Err(_) => Ok(1),
    };
    let ended = ended.or_else(|error| {
        // What ran into it says more of a problem than what only read it.
        problems.retain(|problem| problem.place() != error.place());
        problems.push(error);
        Ok(1)
    })?;
    let Some(last) = problems.pop() else {
        return Ok(ended);
    };
    for problem in &problems {
        context.out.error(problem);
    }
    Err(last)
}
