//! What the tests of scripts share: a simulated machine, and a session on it.

#![allow(dead_code)] // every test binary uses its own part

use std::cell::RefCell;
use std::rc::Rc;

use chrono::{DateTime, TimeZone, Utc};
use ipvsh::director::{ChangeOptions, Director, Session};
use ipvsh::error::Error;
use ipvsh::kernel::Sim;
use ipvsh::model::Ruleset;
use ipvsh::script::{Ended, Interpreter, Shown, Source};
use ipvsh::store::MemoryStores;

/// A simulated kernel and a history in memory, which sessions come and go on.
pub struct Lab {
    pub sim: Sim,
    stores: MemoryStores,
}

/// What a script printed.
#[derive(Clone, Default)]
pub struct Printed(Rc<RefCell<Vec<u8>>>);

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Printed {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// What a run came to.
pub struct Run {
    pub ended: Result<Ended, Error>,
    pub printed: String,
    pub effects: Vec<String>,
    /// The sentence of the commit at the end, or its error.
    pub commit: Result<Option<String>, Error>,
    /// The sentences of all commits.
    pub reports: Vec<String>,
    pub writes: u64,
}

impl Run {
    /// The value, where the script ended well.
    #[track_caller]
    pub fn value(self) -> Shown {
        match self.ended.unwrap_or_else(|e| panic!("{}", render(&e))) {
            Ended::Value(shown) => shown,
            other => panic!("{other:?}"),
        }
    }

    /// What was printed, where script and commit ended well.
    #[track_caller]
    pub fn printed(self) -> String {
        if let Err(error) = &self.ended {
            panic!("{}", render(error));
        }
        if let Err(error) = &self.commit {
            panic!("commit: {}", render(error));
        }
        self.printed
    }

    /// The error of the script, or else of its commit, as a user sees it.
    #[track_caller]
    pub fn error(self) -> String {
        match (self.ended, self.commit) {
            (Err(error), _) | (_, Err(error)) => render(&error),
            (Ok(ended), Ok(_)) => panic!("it ended well: {ended:?}"),
        }
    }
}

fn clock() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 1, 2, 3, 4, 5).unwrap()
}

impl Lab {
    pub fn new() -> Lab {
        Lab {
            sim: Sim::new(&Ruleset::default()),
            stores: MemoryStores::new(),
        }
    }

    pub fn session(&self) -> Session {
        self.session_with(ChangeOptions::default())
    }

    pub fn session_with(&self, options: ChangeOptions) -> Session {
        let director = Director::new(
            Box::new(self.sim.clone()),
            Rc::new(self.stores.clone()),
            "tester".to_owned(),
        )
        .with_clock(clock);
        Session::new(director, options)
    }

    pub fn interpreter(&self) -> Interpreter {
        Interpreter::new(self.session(), Vec::new())
    }

    /// Runs some code as `-e` does, and commits.
    pub fn run(&self, code: &str) -> Run {
        self.run_source(&Source::inline(code), &[])
    }

    pub fn run_source(&self, source: &Source, args: &[&str]) -> Run {
        run_on(self.session(), source, args)
    }

    pub fn run_dry(&self, code: &str) -> Run {
        run_on(self.session().dry(), &Source::inline(code), &[])
    }

    /// What the candidate would be: the ruleset after the code, as JSON.
    pub fn json(&self) -> serde_json::Value {
        ipvsh::model::json::ruleset(&self.sim.live().rules)
    }
}

pub fn run_on(session: Session, source: &Source, args: &[&str]) -> Run {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut interpreter = Interpreter::new(session, args);
    let printed = Printed::default();
    interpreter.set_output(printed.clone());
    // Nobody sits before the screen: it is read once.
    interpreter.on_top(|director, _| director.load().map(|_| ()));
    let ended = interpreter.run(source);
    let commit = match &ended {
        Ok(ended) => interpreter.finish(ended).map(|r| r.map(|r| r.sentence())),
        Err(_) => Ok(None),
    };
    let effects = interpreter.effects();
    let reports = interpreter.session().take_reports();
    let writes = interpreter.session().director().writes();
    Run {
        ended,
        printed: printed.text(),
        effects,
        commit,
        reports: reports.iter().map(|report| report.sentence()).collect(),
        writes,
    }
}

/// An error as commands print it.
pub fn render(error: &Error) -> String {
    let mut text = String::new();
    if let Some(place) = error.place() {
        text.push_str(&format!("{}:{}:{}\n", place.file, place.line, place.column));
        text.push_str(&format!("  {}\n", place.source));
        if place.column > 0 {
            text.push_str(&format!("  {:>1$}\n", '^', place.column));
        }
    }
    text.push_str(&format!("{}: {error}", error.kind().name()));
    for hint in error.hints() {
        text.push_str(&format!("\nHint: {hint}"));
    }
    text
}
