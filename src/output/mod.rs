//! What users see: tables, changes, errors, JSON, colour. Decides nothing.
//!
//! Layer 6. Results go to standard output, words about them to standard error. A closed pipe
//! ends quietly: what is under way is still done, nobody reads of it.

mod changes;
mod connections;
mod counted;
mod database;
mod doctor;
mod error;
mod events;
mod health;
mod history;
mod invocation;
mod json;
mod live;
mod located;
mod observed;
mod pager;
mod paint;
mod progress;
mod rows;
mod status;
mod table;
mod trial;
pub mod value;
mod welcome;
mod written;

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;

pub use changes::{changes, report};
pub use connections::{Form, Listing};
pub use counted::{counted, counted_json};
pub use database::{checkup, pruned, pruned_as_planned, repaired};
pub use doctor::{diagnosis, diagnosis_json, diagnosis_sentence, left_to_fix, not_looked};
pub use error::error;
pub use events::events;
pub use health::{check_runs, check_runs_json, health, health_json, timeline, timeline_json};
pub use history::{history, patches};
pub use invocation::{at_prompt, invoked_with};
pub use live::{Origin, Remark, daemons, foreign, marks, of_host, services, timeouts};
pub use located::{located, located_json};
pub use paint::{Paint, Style, clean, is_utf8};
pub use progress::Teller;
pub use rows::{Look, info, rows};
pub use status::{Facts, status};
pub use table::Table;
pub use trial::{trial, trial_json};
pub use welcome::{lines_to_type, paragraph};
pub use written::{Effect, did, effects, is_closed, written};

pub use crate::model::count;

use serde::Serializer as _;

use invocation::{warning, with_globals};

use crate::director::{Awaiting, Difference, News, Outcome, Report};
use crate::error::Error;
use crate::health::Event;
use crate::model::{Connection, moment};
use crate::plan::{Change, Plan};
use written::unwritten;

/// How much of a long list is written at once.
const BUFFER: usize = 64 << 10;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that has colours, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is said beside results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Results and errors only.
    Quiet,
    /// Notes and sentences too.
    #[default]
    Normal,
    /// Timings and counts too.
    Verbose,
}

/// Where and how things are printed; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON instead of tables.
    pub json: bool,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Colours of standard output.
    pub paint: Paint,
    /// Colours of standard error.
    pub paint_err: Paint,
    /// The width of the terminal that standard output is, if it is one.
    pub width: Option<u16>,
    /// Long results may go through a pager.
    may_page: bool,
    /// Results go through a pager where they are long.
    pages: bool,
}

impl Output {
    /// Looks at the streams and the environment.
    pub fn new(json: bool, verbosity: Verbosity, color: ColorWhen) -> Output {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_light = paint::is_light(std::env::var("COLORFGBG").ok().as_deref());
        let paint = |terminal: bool| {
            let is_on = match color {
                ColorWhen::Always => true,
                ColorWhen::Never => false,
                ColorWhen::Auto => terminal && !plain,
            };
            Paint::new(is_on).on_light(is_light)
        };
        let width = std::io::stdout().is_terminal().then(columns).flatten();
        Output {
            json,
            verbosity,
            paint: paint(std::io::stdout().is_terminal()),
            paint_err: paint(std::io::stderr().is_terminal()),
            width,
            may_page: std::io::stdout().is_terminal() && pager::is_wanted(),
            pages: false,
        }
    }

    /// The same without a pager, where none is wanted.
    #[must_use]
    pub fn paging(self, wanted: bool) -> Output {
        Output {
            may_page: self.may_page && wanted,
            ..self
        }
    }

    /// The same for a result that may be long: it goes through the pager where it is.
    #[must_use]
    pub fn long(self) -> Output {
        Output {
            pages: self.may_page,
            ..self
        }
    }

    /// Looks how wide the terminal is now.
    pub fn measure(&mut self) {
        self.width = std::io::stdout().is_terminal().then(columns).flatten();
    }

    /// Prints a result: a line, or several.
    pub fn print(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        if self.pages && is_long(text) && pager::show(&format!("{text}{end}")) {
            return;
        }
        let mut out = std::io::stdout().lock();
        if let Err(error) = write!(out, "{text}{end}").and_then(|()| out.flush()) {
            unwritten(&error);
        }
    }

    /// Prints changes. Those of a large table are megabytes as text: that is there as a whole only
    /// where a pager may want it.
    fn changes(&self, all: &[Change]) {
        if self.pages {
            return self.print(&changes(all, self.paint));
        }
        let mut out = std::io::stdout().lock();
        if let Err(error) = changes::write_changes(all, self.paint, BUFFER, &mut out) {
            unwritten(&error);
        }
    }

    /// Prints what would be changed; a long plan ends in a summary and goes through the pager with
    /// its sentence.
    fn planned(&self, all: &[Change], sentence: &str) {
        let summary = changes::summary(all);
        let long = self.long();
        if !long.pages || summary.is_empty() {
            self.changes(all);
            if !summary.is_empty() {
                self.print(&summary);
            }
            return self.sentence(sentence);
        }
        let said = match self.verbosity > Verbosity::Quiet {
            true => format!("{}\n", with_globals(sentence)),
            false => String::new(),
        };
        long.print(&format!("{}{summary}{said}", changes(all, self.paint)));
    }

    /// Prints a value as JSON.
    pub fn print_json(&self, value: &serde_json::Value) {
        // Serialising a `Value` cannot fail: its keys are strings.
        self.print(&serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// Prints values as one array of JSON, each as it comes.
    pub fn print_json_array(&self, values: impl Iterator<Item = serde_json::Value>) {
        if self.pages {
            return self.print_json(&values.collect());
        }
        let mut out = std::io::BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
        let array = serde_json::Serializer::pretty(&mut out).collect_seq(values);
        let written = array.map_err(std::io::Error::from);
        if let Err(error) = written
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush())
        {
            unwritten(&error);
        }
    }

    /// Prints connections as they come; says whether there were any.
    ///
    /// # Errors
    /// As they cannot be read.
    pub fn connections(
        &self,
        form: Form,
        walk: impl FnOnce(&mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let out = std::io::BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
        let mut listing = Listing::new(out, form);
        let walked = walk(&mut |connection| listing.add(&connection));
        let some = listing.end().unwrap_or_else(|error| {
            unwritten(&error);
            true
        });
        walked.map(|()| some)
    }

    /// Prints words about what can be typed, as it has to be typed here.
    pub fn help(&self, text: &str) {
        self.print(&with_globals(text));
    }

    /// Prints a sentence about a result, unless it is to be quiet.
    pub fn sentence(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.print(&with_globals(text));
        }
    }

    /// Says a line on standard error, unless it is to be quiet.
    pub fn say(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            to_stderr(&format!("{text}\n"));
        }
    }

    /// Says a note on standard error, unless it is to be quiet.
    pub fn note(&self, text: &str) {
        let word = self.paint_err.paint(Style::Faint, "note:");
        self.say(&format!("{word} {}", clean(&with_globals(text))));
    }

    /// Says that what is staged is not committed, where something is.
    pub fn not_committed(&self, staged: usize) {
        if staged > 0 {
            let changes = count(staged, "change");
            self.note(&format!("{changes} staged and not committed"));
        }
    }

    /// Says a detail on standard error where it is to be verbose.
    pub fn detail(&self, text: &str) {
        if self.verbosity == Verbosity::Verbose {
            self.note(text);
        }
    }

    /// Tells the error that a command ends with, on standard error: as JSON on one line where results
    /// are JSON.
    pub fn error(&self, failure: &Error) {
        self.error_with(failure, failure.kind().exit_status());
    }

    /// Tells the error of a command that ends with a status of its own.
    pub fn error_with(&self, failure: &Error, status: u8) {
        match self.json {
            true => to_stderr(&format!("{}\n", json::failure(failure, status))),
            false => self.error_in_words(failure),
        }
    }

    fn error_in_words(&self, failure: &Error) {
        let width = std::io::stderr().is_terminal().then(columns).flatten();
        to_stderr(&error(failure, self.paint_err, width));
    }

    /// Tells what a change did, or would do, in the shape that every change has.
    pub fn report(&self, told: &Report, dry: bool) {
        self.report_beside(told, dry, None);
    }

    /// Tells what a change did whose plan was shown before a question: its steps are not shown again
    /// where they are those of the plan.
    pub fn report_of_seen(&self, told: &Report, seen: &Plan) {
        self.report_beside(told, false, Some(seen));
    }

    fn report_beside(&self, told: &Report, dry: bool, seen: Option<&Plan>) {
        self.did(told, dry);
        if self.json {
            // It holds the notes and the failures too.
            return self.print_json(&json::report(told, dry));
        }
        match dry {
            true => self.planned(&told.plan.changes, &report(told, dry)),
            false => {
                if seen.is_none_or(|seen| seen.changes != told.plan.changes) {
                    self.changes(&told.plan.changes);
                }
                self.sentence(&report(told, dry));
            }
        }
        for note in told.all_notes(warning) {
            self.note(&note);
        }
        if let Outcome::Partly { failures, .. } = &told.outcome {
            for failure in failures {
                self.error_in_words(failure);
            }
        }
    }

    /// Remembers what a change did, before it is told.
    pub fn did(&self, told: &Report, dry: bool) {
        if let (false, Some(effect)) = (dry, Effect::of(told)) {
            did(effect);
        }
    }

    /// Prints an event of the daemon: a line in words, or one of JSON.
    pub fn event(&self, event: &Event) {
        self.print(&observed::line(event, self.json));
    }

    /// Prints an event of the log: a line in words with its time, or one of JSON.
    pub fn past_event(&self, event: &Event) {
        let line = observed::line(event, self.json);
        self.print(&match self.json {
            true => line,
            false => format!(
                "{}  {line}",
                self.paint.paint(Style::Faint, &moment::local(event.time))
            ),
        });
    }

    /// Tells what a use case that takes its time has to say on its way.
    pub fn news(&self, news: News, dry: bool) {
        match news {
            News::Note(text) | News::Would(text) => self.note(text),
            News::Warning(note) => self.note(&warning(note)),
            News::Change(report) => self.report(report, dry),
            // Among documents of JSON it would be in the way.
            News::Done(text) if !self.json => self.sentence(text),
            News::Done(_) => {}
            News::Did(text) => did(Effect::Other(text.to_owned())),
        }
    }

    /// Shows what would be done, before a question.
    pub fn preview(&self, plan: &Plan) {
        to_stderr(&changes(&plan.changes, self.paint_err));
    }

    /// Shows what brings the kernel to a snapshot; `sentence` says what that means.
    pub fn plan(&self, report: &Report, awaiting: Option<&Awaiting>, sentence: &str) {
        let plan = &report.plan;
        if self.json {
            self.print_json(&json::plan(report, awaiting));
        } else {
            self.planned(&plan.changes, sentence);
        }
        if let (Some(kept), false) = (plan.kept_words(), self.json) {
            self.note(&kept);
        }
        self.notes_of(&plan.foreign, &report.notes);
        let warnings = report.warnings.iter().filter(|_| !self.json);
        warnings.for_each(|note| self.note(&warning(note)));
        for (key, why) in &plan.unavailable {
            self.note(&format!("{key}: marks are not available: {why}"));
        }
    }

    /// Shows how two states differ.
    pub fn difference(&self, difference: &Difference) {
        if self.json {
            self.print_json(&json::difference(difference));
        } else if difference.changes.is_empty() {
            self.sentence(&format!(
                "no differences between {} and {}",
                difference.from, difference.to
            ));
        } else {
            self.changes(&difference.changes);
        }
        self.notes_of(&difference.foreign, &difference.notes);
    }

    /// Says what is foreign, and the notes; results in JSON hold both.
    fn notes_of(&self, foreign: &crate::plan::Foreign, notes: &[String]) {
        if self.json {
            return;
        }
        if let Some(words) = foreign.words() {
            self.note(&format!("{words} not managed by ipvsh"));
        }
        for note in notes {
            self.note(note);
        }
    }
}

/// Says whether a text is longer than the terminal is high.
fn is_long(text: &str) -> bool {
    let rows = rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_row))
        .filter(|rows| *rows > 0)
        .unwrap_or(24);
    text.lines().count() >= rows
}

/// How wide the terminal is now, where there is one.
pub fn columns() -> Option<u16> {
    let stdout = std::io::stdout();
    let size = match stdout.is_terminal() {
        true => rustix::termios::tcgetwinsize(stdout),
        false => rustix::termios::tcgetwinsize(std::io::stderr()),
    };
    size.ok().map(|size| size.ws_col).filter(|wide| *wide > 0)
}

/// JSON forms.
pub mod forms {
    pub use super::database::{
        checkup_json as checkup, pruned_json as pruned, repaired_json as repaired,
    };
    pub use super::events::with_events;
    pub use super::json::{drain, exited, history, shift, snapshot, status};
}

fn to_stderr(text: &str) {
    // Where standard error is gone there is nobody left to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
