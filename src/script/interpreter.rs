//! Runs scripts and prompt lines on a session.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use super::{Ended, Shown, Source};
use crate::director::{Report, Session};
use crate::error::Result;

/// A session, shared with the functions that a script calls.
pub type Shared = Rc<RefCell<Session>>;

/// A Rhai engine on a session.
pub struct Interpreter {
    session: Shared,
}

impl Interpreter {
    /// An interpreter whose scripts see `args` as `ARGS`.
    pub fn new(session: Session, _args: Vec<String>) -> Interpreter {
        Interpreter {
            session: Rc::new(RefCell::new(session)),
        }
    }

    /// The session.
    pub fn session(&self) -> RefMut<'_, Session> {
        self.session.borrow_mut()
    }

    /// Runs a whole script. What it staged is not committed yet: see [`Interpreter::finish`].
    ///
    /// # Errors
    /// What the script raised and did not catch, with its place.
    pub fn run(&mut self, _source: &Source) -> Result<Ended> {
        Ok(Ended::Value(Shown::Nothing))
    }

    /// Runs a line of the prompt: variables and functions stay for the next.
    ///
    /// # Errors
    /// What the line raised and did not catch, with its place.
    pub fn line(&mut self, _text: &str) -> Result<Ended> {
        Ok(Ended::Value(Shown::Nothing))
    }

    /// Ends a run: commits what is staged, as `run`, `-e` and piped input do; `None` where
    /// nothing was named or the script wanted no commit.
    ///
    /// # Errors
    /// As [`Session::commit`], naming the explicit commits that stand.
    pub fn finish(&mut self, _ended: &Ended) -> Result<Option<Report>> {
        Ok(None)
    }

    /// Parses a script without running it.
    ///
    /// # Errors
    /// `script`, with the place.
    pub fn check_syntax(&self, _source: &Source) -> Result<()> {
        Ok(())
    }

    /// What was only shown of a dry run's effects since this was last asked, a line each.
    pub fn effects(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Names of the variables that a prompt line can use.
    pub fn variables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Calls `listener` with the report of each explicit commit, rollback, restore and adoption
    /// at the moment when it is done; they also stay in [`Session::take_reports`].
    pub fn on_report(&mut self, _listener: impl FnMut(&Report) + 'static) {}
}

/// Says whether a text is the beginning of something: the prompt then asks for another line.
pub fn is_incomplete(_text: &str) -> bool {
    false
}
