//! What the functions of a script share: the session, the arguments, what was done so far.

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rhai::{EvalAltResult, Position};

use crate::director::{Director, News, Report, Session};
use crate::error::{Error, Kind, Place, Result};
use crate::model::{Live, ServiceName, SnapshotId};

/// How old counters may be that a property shows: reading `active` of every server of a large
/// table must not read the table once per server, and a loop that waits must see them move.
const COUNTERS_AGE: Duration = Duration::from_secs(1);

/// The last column that a position of Rhai's can say.
const COLUMNS: usize = u16::MAX as usize;

/// How many effects a dry run lists.
const MAX_EFFECTS: usize = 10_000;

/// Called with each report when it is made.
pub type Listener = Box<dyn FnMut(&Report)>;

/// Called with what a use case tells on its way, reports and effects excepted.
pub type Teller = Box<dyn FnMut(News)>;

/// Shows how services are doing, full screen, until its user leaves.
pub type Viewer = Box<dyn FnMut(&mut Director, Option<ServiceName>) -> Result<()>>;

/// Puts an error of Rhai's into our words; the text is the name of the script.
pub type Translator = Box<dyn Fn(EvalAltResult, &str) -> Error>;

/// A commit that a script made by itself.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The snapshot.
    pub id: SnapshotId,
    /// Where it was made.
    pub place: Option<Place>,
}

/// What the functions of a script share.
pub struct Context {
    session: RefCell<Session>,
    output: RefCell<Box<dyn Write>>,
    closed: Cell<bool>,
    unwritten: RefCell<Option<Error>>,
    exit: Cell<Option<i64>>,
    effects: RefCell<Vec<String>>,
    standing: RefCell<Vec<Standing>>,
    listener: RefCell<Option<Listener>>,
    teller: RefCell<Option<Teller>>,
    viewer: RefCell<Option<Viewer>>,
    translator: OnceCell<Translator>,
    sources: RefCell<BTreeMap<String, Rc<str>>>,
    live: RefCell<Option<Live>>,
    counted: Cell<Option<Instant>>,
}

impl Context {
    /// A context that prints to standard output.
    pub fn new(session: Session) -> Context {
        Context {
            session: RefCell::new(session),
            output: RefCell::new(Box::new(std::io::stdout())),
            closed: Cell::new(false),
            unwritten: RefCell::new(None),
            exit: Cell::new(None),
            effects: RefCell::default(),
            standing: RefCell::default(),
            listener: RefCell::new(None),
            teller: RefCell::new(None),
            viewer: RefCell::new(None),
            translator: OnceCell::new(),
            sources: RefCell::default(),
            live: RefCell::new(None),
            counted: Cell::new(None),
        }
    }

    /// The session.
    ///
    /// # Errors
    /// `bug` where it is in use: a function of the table called another.
    pub fn session(&self) -> Result<RefMut<'_, Session>> {
        self.session
            .try_borrow_mut()
            .map_err(|_| Error::new(Kind::Bug, "the session is in use"))
    }

    /// The session, for the owner of the interpreter, when no script runs.
    pub fn session_at_rest(&self) -> RefMut<'_, Session> {
        self.session.borrow_mut()
    }

    /// The session with counters that are fresh enough to be shown.
    ///
    /// # Errors
    /// As [`Context::session`].
    pub fn session_with_counters(&self) -> Result<RefMut<'_, Session>> {
        let mut session = self.session()?;
        let now = Instant::now();
        let stale = self
            .counted
            .get()
            .is_none_or(|then| now.duration_since(then) > COUNTERS_AGE);
        if stale {
            session.refresh();
            self.counted.set(Some(now));
        }
        Ok(session)
    }

    /// Forgets what was read of the kernel: time passed.
    ///
    /// # Errors
    /// As [`Context::session`].
    pub fn refresh(&self) -> Result<()> {
        self.counted.set(None);
        self.session()?.refresh();
        Ok(())
    }

    /// Prints to another place than standard output.
    pub fn set_output(&self, output: Box<dyn Write>) {
        self.output.replace(output);
    }

    /// Prints a line. Where that fails the script is to end: quietly where its reader went away,
    /// else with the error that [`Context::take_unwritten`] gives.
    pub fn print(&self, text: &str) {
        let mut output = self.output.borrow_mut();
        match writeln!(output, "{text}").and_then(|()| output.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => self.closed.set(true),
            Err(error) => {
                let error = Error::system("cannot write to standard output", &error);
                self.unwritten
                    .borrow_mut()
                    .get_or_insert(error.with_kind(Kind::Output));
            }
        }
    }

    /// Says whether whoever read the output went away.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Says whether a line could not be printed.
    pub fn is_unwritten(&self) -> bool {
        self.unwritten.borrow().is_some()
    }

    /// Why a line could not be printed, once.
    pub fn take_unwritten(&self) -> Option<Error> {
        self.unwritten.take()
    }

    /// Remembers the status of `exit(status)`.
    pub fn set_exit(&self, status: i64) {
        self.exit.set(Some(status));
    }

    /// The status of `exit(status)`, once.
    pub fn take_exit(&self) -> Option<i64> {
        self.exit.take()
    }

    /// Says whether `exit` was called.
    pub fn is_exiting(&self) -> bool {
        self.exit.get().is_some()
    }

    /// Remembers an effect that was only shown.
    pub fn effect(&self, line: impl Into<String>) {
        let line = line.into();
        let mut effects = self.effects.borrow_mut();
        // A loop that waits would say the same for ever.
        if effects.last() != Some(&line) && effects.len() < MAX_EFFECTS {
            effects.push(line);
        }
    }

    /// The effects that were only shown since this was last asked.
    pub fn take_effects(&self) -> Vec<String> {
        self.effects.take()
    }

    /// Tells whoever listens of a report.
    pub fn tell(&self, report: &Report) {
        if let Some(listener) = self.listener.borrow_mut().as_mut() {
            listener(report);
        }
    }

    /// Sets who listens.
    pub fn set_listener(&self, listener: Listener) {
        self.listener.replace(Some(listener));
    }

    /// Tells whoever listens what a use case tells on its way.
    pub fn news(&self, news: News) {
        if let Some(teller) = self.teller.borrow_mut().as_mut() {
            teller(news);
        }
    }

    /// Sets who listens to that.
    pub fn set_teller(&self, teller: Teller) {
        self.teller.replace(Some(teller));
    }

    /// Shows how services are doing, full screen, until its user leaves.
    ///
    /// # Errors
    /// `state` where there is no terminal for it; as the kernel refuses.
    pub fn view(&self, service: Option<ServiceName>) -> Result<()> {
        match self.viewer.borrow_mut().as_mut() {
            Some(viewer) => viewer(self.session()?.director(), service),
            None => Err(Error::new(Kind::State, "there is no terminal")
                .attempt("cannot show top")
                .hint("rates() reads them once")),
        }
    }

    /// Sets who shows that.
    pub fn set_viewer(&self, viewer: Viewer) {
        self.viewer.replace(Some(viewer));
    }

    /// An error that a function of the script's raised, in our words.
    pub fn translate(&self, error: EvalAltResult, source: Option<&str>) -> Error {
        match self.translator.get() {
            Some(translator) => translator(error, source.unwrap_or_default()),
            None => Error::new(Kind::Script, error.to_string()),
        }
    }

    /// Sets, once, who puts errors of Rhai's into our words.
    pub fn set_translator(&self, translator: Translator) {
        // The first one stays: an interpreter sets it, and has its context for itself.
        let _ = self.translator.set(translator);
    }

    /// Remembers a snapshot that stands whatever the script does next.
    pub fn stands(&self, id: SnapshotId, place: Option<Place>) {
        self.standing.borrow_mut().push(Standing { id, place });
    }

    /// The snapshots that stand.
    pub fn standing(&self) -> Vec<Standing> {
        self.standing.borrow().clone()
    }

    /// Forgets the snapshots that stand: another script begins.
    pub fn forget_standing(&self) {
        self.standing.borrow_mut().clear();
    }

    /// Remembers a script's text, for errors that show a line of it.
    pub fn add_source(&self, name: &str, text: &str) {
        self.sources
            .borrow_mut()
            .insert(name.to_owned(), Rc::from(text));
    }

    /// The text of a script.
    pub fn source(&self, name: &str) -> Option<Rc<str>> {
        self.sources.borrow().get(name).cloned()
    }

    /// A position as a place in a file, where it is known.
    pub fn place(&self, file: Option<&str>, position: Position) -> Option<Place> {
        // Rhai counts no further: what is at its limit may be anywhere behind it.
        let column = position.position().filter(|column| *column < COLUMNS);
        self.place_at(file?, position.line()?, column.unwrap_or(0))
    }

    /// A line and column as a place in a file, where it is known.
    pub fn place_at(&self, file: &str, line: usize, column: usize) -> Option<Place> {
        let text = self.source(file)?;
        let source = text
            .lines()
            .nth(line.checked_sub(1)?)
            .unwrap_or_default()
            .to_owned();
        // Rhai points at the dot of a method or property: the name behind it says more.
        let at_dot = column > 0 && source.chars().nth(column - 1) == Some('.');
        Some(Place {
            file: file.to_owned(),
            line,
            column: column + usize::from(at_dot),
            source,
        })
    }

    /// Keeps the live state whose map was handed to the script, so that it can be shown as what
    /// it is.
    pub fn keep_live(&self, live: Live) {
        self.live.replace(Some(live));
    }

    /// The live state that was last handed out.
    pub fn kept_live(&self) -> Option<Live> {
        self.live.borrow().clone()
    }
}
