//! A script as the description of a ruleset: what it declares, and nothing else of it.

use std::rc::Rc;

use super::{Ended, Interpreter, Source};
use crate::director::{ChangeOptions, Director, Session};
use crate::error::{Error, Kind, Result};
use crate::kernel::Sim;
use crate::model::Ruleset;
use crate::store::MemoryStores;

/// Runs a script on a simulated kernel that holds nothing, and gives what it declares.
///
/// # Errors
/// What the script raised; `invalid` for a combination that no script may declare, and for a
/// script that does more than declare: it has to be run to do that.
pub fn ruleset(source: &Source) -> Result<Ruleset> {
    ruleset_of(source, "an import")
}

/// The same for what reads the script, in words for errors: `an import`, `an edit`.
///
/// # Errors
/// As [`ruleset`].
pub fn ruleset_of(source: &Source, reader: &'static str) -> Result<Ruleset> {
    let does_more = |name: &str, what: &str| {
        Error::invalid(format!("{reader} only declares: {what}"))
            .object(name)
            .hint(format!("run it: ipvsh run {name}"))
    };
    let kernel = Sim::new(&Ruleset::default());
    let director = Director::new(
        Box::new(kernel),
        Rc::new(MemoryStores::new()),
        String::new(),
    )
    .only_declaring(reader);
    let session = Session::new(director, ChangeOptions::default()).dry();
    let mut interpreter = Interpreter::new(session, Vec::new());
    let ended = interpreter.run(source)?;
    let name = &source.name;
    if let Some(effect) = interpreter.effects().into_iter().next() {
        return Err(does_more(name, &effect));
    }
    let mut session = interpreter.session();
    if !session.take_reports().is_empty() {
        return Err(does_more(name, "it commits by itself"));
    }
    match ended {
        Ended::Exit(status) if status != 0 => {
            return Err(
                Error::new(Kind::Script, format!("it ends with exit({status})")).object(name),
            );
        }
        Ended::Closed => return Err(Error::new(Kind::Script, "it did not end").object(name)),
        _ => {}
    }
    let candidate = session.candidate()?;
    candidate.check()?;
    Ok(candidate.rules().clone())
}
