//! The interactive prompt.
//!
//! Layer 6. A line is a script's, or a bare word (`plan`, `status`); what it gives is shown as
//! the right table. The database is open only while a line runs. Ctrl-C clears the line or
//! interrupts what runs, Ctrl-D leaves.

mod helper;
mod words;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use serde_json::json;

use crate::director::{ChangeOptions, Status};
use crate::error::{Error, Kind, Result};
use crate::output::{Facts, Output, count, status, value};
use crate::script::{Ended, Interpreter, Shown};
use crate::signals;

use helper::LineHelper;
use words::Word;

/// How many lines the history keeps.
const HISTORY: usize = 10_000;

/// Adds what the host says to a director's status.
pub type FactsOf = Box<dyn Fn(Result<Status>) -> Facts>;

/// A prompt on an interpreter.
pub struct Shell {
    interpreter: Interpreter,
    out: Output,
    editor: Editor<LineHelper, FileHistory>,
    history: Option<PathBuf>,
    facts: FactsOf,
}

fn failed(error: &ReadlineError) -> Error {
    Error::new(Kind::System, error.to_string()).attempt("cannot read the terminal")
}

/// What follows a line.
enum Next {
    Line,
    Leave(u8),
}

impl Shell {
    /// A prompt that keeps its lines in a file, where there is one.
    ///
    /// # Errors
    /// `system` where the terminal cannot be used.
    pub fn new(
        mut interpreter: Interpreter,
        out: Output,
        history: Option<PathBuf>,
        facts: FactsOf,
    ) -> Result<Shell> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY)
            .and_then(|builder| builder.history_ignore_dups(true))
            .map_err(|e| failed(&e))?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(|e| failed(&e))?;
        editor.set_helper(Some(LineHelper::new(out.paint)));
        interpreter.on_report(move |report| out.report(report, false));
        interpreter.on_news(move |news| out.news(news, false));
        Ok(Shell {
            interpreter,
            out,
            editor,
            history,
            facts,
        })
    }

    /// Reads and runs lines until the user leaves; gives the exit status.
    ///
    /// # Errors
    /// `system` where the terminal fails, `interrupted` by SIGTERM or SIGHUP.
    pub fn run(&mut self) -> Result<u8> {
        self.open_history();
        self.out.say("`help` says what there is, Ctrl-D leaves.");
        loop {
            let next = match self.editor.readline(&self.prompt()) {
                Ok(line) => self.line(&line)?,
                Err(ReadlineError::Interrupted) => Next::Line,
                Err(ReadlineError::Eof) => Next::Leave(0),
                Err(error) => return Err(failed(&error)),
            };
            if let Next::Leave(status) = next
                && self.may_leave()
            {
                return Ok(status);
            }
        }
    }

    /// `ipvsh>`, or `ipvsh*3>` with three changes staged, or `ipvsh (confirm: 240 s)>` while a
    /// commit awaits confirmation.
    fn prompt(&self) -> String {
        let mut session = self.interpreter.session();
        let staged = match session.staged() {
            0 => String::new(),
            staged => format!("*{staged}"),
        };
        let awaiting = session.director().glance();
        let awaiting = awaiting.map_or(String::new(), |awaiting| {
            format!(" (confirm: {})", awaiting.time())
        });
        format!("ipvsh{staged}{awaiting}> ")
    }

    fn line(&mut self, line: &str) -> Result<Next> {
        if line.trim().is_empty() {
            return Ok(Next::Line);
        }
        self.remember(line);
        let _hold = signals::hold();
        let next = match self.execute(line) {
            Ok(next) => next,
            Err(error) => {
                self.out.error(&error);
                Next::Line
            }
        };
        if signals::interrupted() == Some("SIGINT") {
            signals::forget();
        }
        signals::check()?;
        Ok(next)
    }

    fn execute(&mut self, line: &str) -> Result<Next> {
        {
            let mut session = self.interpreter.session();
            // Others may have changed the kernel, and, while nothing is staged, the head.
            match session.is_untouched() {
                true => session.discard(),
                false => session.refresh(),
            }
        }
        let variables = self.interpreter.variables();
        let (code, empty) = match Word::parse(line, &variables) {
            None => (line, ""),
            Some(Word::Code(code, empty)) => (code, empty),
            Some(Word::Leave) => return Ok(Next::Leave(0)),
            Some(Word::Clear) => {
                self.editor.clear_screen().map_err(|e| failed(&e))?;
                return Ok(Next::Line);
            }
            Some(Word::Help) => {
                self.out.print(&words::help());
                return Ok(Next::Line);
            }
            Some(Word::Status) => {
                self.status();
                return Ok(Next::Line);
            }
        };
        let ended = self.interpreter.line(code)?;
        match ended {
            Ended::Value(Shown::Json(list)) if list == json!([]) && !empty.is_empty() => {
                self.out.sentence(empty);
                Ok(Next::Line)
            }
            Ended::Value(shown) => {
                let mut session = self.interpreter.session();
                value::show(&self.out, &shown, &mut session)?;
                Ok(Next::Line)
            }
            Ended::Exit(status) => Ok(Next::Leave(u8::try_from(status).unwrap_or(1))),
            Ended::Closed => Ok(Next::Leave(1)),
        }
    }

    fn status(&mut self) {
        let answer = self
            .interpreter
            .session()
            .director()
            .status(&ChangeOptions::default());
        let facts = (self.facts)(answer);
        self.out.print(&status(&facts, self.out.paint));
        let staged = self.interpreter.session().staged();
        if staged > 0 {
            let changes = count(staged, "change");
            self.out
                .print(&format!("{changes} staged: plan() shows, commit() keeps"));
        }
    }

    /// Asks where changes are staged; Ctrl-D once more is a yes.
    fn may_leave(&mut self) -> bool {
        let staged = self.interpreter.session().staged();
        if staged == 0 {
            return true;
        }
        let changes = count(staged, "change");
        let question = format!("{changes} staged and not committed: leave without? [y/N] ");
        if let Some(helper) = self.editor.helper_mut() {
            helper.answering = true;
        }
        let answer = self.editor.readline(&question);
        if let Some(helper) = self.editor.helper_mut() {
            helper.answering = false;
        }
        match answer {
            Ok(answer) => matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"),
            Err(ReadlineError::Interrupted) => false,
            Err(_) => true,
        }
    }

    /// The directory is the user's alone; rustyline gives the file mode 0600.
    fn open_history(&mut self) {
        let Some(path) = &self.history else {
            return;
        };
        if let Some(dir) = path.parent() {
            // What cannot be made or read is no history; the prompt works without.
            let _ = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        }
        let _ = self.editor.load_history(path);
    }

    /// At once, so that a lost terminal loses no line.
    fn remember(&mut self, line: &str) {
        if self.editor.add_history_entry(line).unwrap_or(false)
            && let Some(path) = &self.history
        {
            let _ = self.editor.append_history(path);
        }
    }
}
