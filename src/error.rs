//! The one error type: what was concerned, what was attempted, what the system said, what to do.
//!
//! Layer 0: imports nothing of ours. Every layer above raises this type; `commands` turns its
//! [`Kind`] into the exit status, `script` into a value that a script can catch.

use std::fmt;
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Classifies an error; scripts see its name as `err.kind`, shells its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The command line could not be understood.
    Usage,
    /// A value is malformed, out of range, or contradicts another.
    Invalid,
    /// A named object does not exist.
    NotFound,
    /// A name fits more than one object.
    Ambiguous,
    /// Somebody else changed the same field since the base was taken.
    Conflict,
    /// The object belongs to somebody else and differs from what was declared.
    Foreign,
    /// A safety rule forbids it unless asked for by name (`allow_removals`).
    Guarded,
    /// The operation does not fit the present state (staged changes, an unfinished commit).
    State,
    /// The kernel refused a request.
    Refused,
    /// The caller lacks a right (CAP_NET_ADMIN, a file's mode).
    NotPermitted,
    /// The kernel or the host lacks a feature (no `ip_vs`, no `iptables`).
    Unsupported,
    /// A system call failed.
    System,
    /// Standard output did not take what was printed.
    Output,
    /// Another process holds the database.
    Busy,
    /// The database is damaged or written by something else.
    Damaged,
    /// A signal asked for an end.
    Interrupted,
    /// A wait ended before what it waited for came about.
    Timeout,
    /// A check of the user's said no half-way, and what was done was taken back.
    Aborted,
    /// A script failed by itself: syntax, a thrown value, a limit.
    Script,
    /// A change was sent, then refused or failed, and everything was undone.
    Undone,
    /// Undoing failed too: something is left half-way.
    UndoFailed,
    /// Some parts were done, others could not be.
    Partial,
    /// Everything was done, but the report could not be written.
    Unreported,
    /// A bug of ours: an invariant did not hold.
    Bug,
}

impl Kind {
    /// The name that scripts see as `err.kind`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Invalid => "invalid",
            Kind::NotFound => "not_found",
            Kind::Ambiguous => "ambiguous",
            Kind::Conflict => "conflict",
            Kind::Foreign => "foreign",
            Kind::Guarded => "guarded",
            Kind::State => "state",
            Kind::Refused => "refused",
            Kind::NotPermitted => "not_permitted",
            Kind::Unsupported => "unsupported",
            Kind::System => "system",
            Kind::Output => "output",
            Kind::Busy => "busy",
            Kind::Damaged => "damaged",
            Kind::Interrupted => "interrupted",
            Kind::Timeout => "timeout",
            Kind::Aborted => "aborted",
            Kind::Script => "script",
            Kind::Undone => "undone",
            Kind::UndoFailed => "undo_failed",
            Kind::Partial => "partial",
            Kind::Unreported => "unreported",
            Kind::Bug => "bug",
        }
    }

    /// The exit status that a command ending in this error has (documented in `--help`).
    pub fn exit_status(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::NotPermitted | Kind::Unsupported => 3,
            Kind::Undone => 4,
            Kind::UndoFailed => 5,
            Kind::Partial => 6,
            Kind::Unreported => 7,
            Kind::Bug => 255,
            _ => 1,
        }
    }
}

/// Says where in a script an error was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The script's name as the user gave it, `-e`, or `<stdin>`.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1; 0 where only the line is known.
    pub column: usize,
    /// The text of that line, for the caret.
    pub source: String,
}

/// What was attempted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Attempt {
    /// In words: "cannot add".
    Words(String),
    /// A safety rule refused the change before it began.
    Guarded,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Attempt::Words(words) => words,
            Attempt::Guarded => "refused",
        })
    }
}

/// The error of a lower layer or another crate. It does not count in comparisons: two errors are
/// equal if they tell the user the same.
#[derive(Debug, Clone, Default)]
struct Source(Option<Arc<dyn std::error::Error + Send + Sync>>);

impl PartialEq for Source {
    fn eq(&self, _: &Source) -> bool {
        true
    }
}

impl Eq for Source {}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    kind: Kind,
    object: Option<String>,
    is_of_database: bool,
    attempt: Option<Attempt>,
    cause: String,
    source: Source,
    subjects: Vec<String>,
    hints: Vec<String>,
    leftovers: Vec<String>,
    place: Option<Place>,
    others: Vec<Error>,
}

/// An error in four parts; one pointer wide, so that results stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Parts>);

impl Error {
    /// Makes an error from its kind and what the system said.
    pub fn new(kind: Kind, cause: impl Into<String>) -> Error {
        Error(Box::new(Parts {
            kind,
            object: None,
            is_of_database: false,
            attempt: None,
            cause: cause.into(),
            source: Source::default(),
            subjects: Vec::new(),
            hints: Vec::new(),
            leftovers: Vec::new(),
            place: None,
            others: Vec::new(),
        }))
    }

    /// Makes an error about a value that is malformed or out of range.
    pub fn invalid(cause: impl Into<String>) -> Error {
        Error::new(Kind::Invalid, cause)
    }

    /// Makes an error about an object that does not exist.
    pub fn not_found(cause: impl Into<String>) -> Error {
        Error::new(Kind::NotFound, cause)
    }

    /// Makes an error of a safety rule that refuses a change; `cause` says what the change would
    /// do.
    pub fn guarded(cause: impl Into<String>) -> Error {
        let mut error = Error::new(Kind::Guarded, cause);
        error.0.attempt = Some(Attempt::Guarded);
        error
    }

    /// Makes an error from a failed system call, which becomes its source; `attempt` says what was
    /// tried on what.
    pub fn system(attempt: impl Into<String>, error: &std::io::Error) -> Error {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Kind::NotPermitted,
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::System,
        };
        // An I/O error cannot be cloned; number, kind and text are all that it has.
        let source = match error.raw_os_error() {
            Some(errno) => std::io::Error::from_raw_os_error(errno),
            None => std::io::Error::new(error.kind(), error.to_string()),
        };
        Error::new(kind, error.to_string())
            .attempt(attempt)
            .caused_by(source)
    }

    /// Keeps the error that led to this one, for [`std::error::Error::source`]. The text of this
    /// error says already what the source says, so that no output prints the source.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.0.source = Source(Some(Arc::new(source)));
        self
    }

    /// Names a word of the user's input, or the option that the user gave, that the error is about.
    /// The first call names the likeliest word.
    #[must_use]
    pub fn about(mut self, word: impl fmt::Display) -> Error {
        self.0.subjects.push(word.to_string());
        self
    }

    /// Names the object that was concerned, unless an inner layer already did.
    #[must_use]
    pub fn object(mut self, object: impl fmt::Display) -> Error {
        if self.0.object.is_none() {
            self.0.object = Some(object.to_string());
        }
        self
    }

    /// Names the database that was concerned, unless an inner layer already named an object.
    #[must_use]
    pub fn of_database(mut self, location: impl fmt::Display) -> Error {
        if self.0.object.is_none() {
            self.0.object = Some(location.to_string());
            self.0.is_of_database = true;
        }
        self
    }

    /// Says what was attempted ("cannot add"), unless an inner layer already did.
    #[must_use]
    pub fn attempt(mut self, attempt: impl Into<String>) -> Error {
        if self.0.attempt.is_none() {
            self.0.attempt = Some(Attempt::Words(attempt.into()));
        }
        self
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds a hint before the others: it is likelier.
    #[must_use]
    pub fn likelier_hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hints.insert(0, hint.into());
        self
    }

    /// Adds a hint where there is one.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<impl Into<String>>) -> Error {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds a runnable line for something that is left half-way.
    #[must_use]
    pub fn leftover(mut self, line: impl Into<String>) -> Error {
        self.0.leftovers.push(line.into());
        self
    }

    /// Adds problems that were found beside this one: all are told, the first one decides.
    #[must_use]
    pub fn beside(mut self, others: impl IntoIterator<Item = Error>) -> Error {
        self.0.others.extend(others);
        self
    }

    /// Says where in a script it happened, unless that is known already.
    #[must_use]
    pub fn at(mut self, place: Place) -> Error {
        if self.0.place.is_none() {
            self.0.place = Some(place);
        }
        self
    }

    /// Says more precisely where in a script it happened.
    #[must_use]
    pub fn moved_to(mut self, place: Place) -> Error {
        self.0.place = Some(place);
        self
    }

    /// Replaces the kind: the same failure seen from a layer that knows more.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Error {
        self.0.kind = kind;
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The object's name, where one was concerned.
    pub fn object_name(&self) -> Option<&str> {
        self.0.object.as_deref()
    }

    /// Returns true if the object is the database itself.
    pub fn is_of_database(&self) -> bool {
        self.0.is_of_database
    }

    /// What was attempted and what the system said, without the object.
    pub fn message(&self) -> String {
        match &self.0.attempt {
            Some(attempt) => format!("{attempt}: {}", self.0.cause),
            None => self.0.cause.clone(),
        }
    }

    /// What a refused change would do, for a question whether to make it all the same: the message
    /// without the word "refused".
    pub fn risk(&self) -> String {
        match &self.0.attempt {
            Some(Attempt::Guarded) => self.0.cause.clone(),
            _ => self.message(),
        }
    }

    /// The words of the user's input that the error is about, likeliest first.
    pub fn subjects(&self) -> &[String] {
        &self.0.subjects
    }

    /// What to do about it, in order of likelihood.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// Runnable lines for what is left half-way (status 5).
    pub fn leftovers(&self) -> &[String] {
        &self.0.leftovers
    }

    /// What else was found, where several problems were looked for at once.
    pub fn others(&self) -> &[Error] {
        &self.0.others
    }

    /// Where in a script it happened.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.0.object {
            write!(f, "{object}: ")?;
        }
        write!(f, "{}", self.message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.0.as_ref()?;
        Some(source.as_ref())
    }
}

/// The longest word that is compared with others, in characters; to compare one of a megabyte with
/// every name takes a minute.
const LONGEST_WORD: usize = 256;

/// Finds the word that was probably meant, for "did you mean".
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if typed.chars().nth(LONGEST_WORD).is_some() {
        return None;
    }
    let typed = typed.to_lowercase();
    let allowed = (typed.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(&typed, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_has_object_attempt_and_cause() {
        let error = Error::new(Kind::Refused, "unknown scheduler \"rrr\"")
            .object("virtual service tcp 192.0.2.1:80")
            .attempt("cannot add")
            .hint("did you mean \"rr\"?");
        assert_eq!(
            error.to_string(),
            "virtual service tcp 192.0.2.1:80: cannot add: unknown scheduler \"rrr\""
        );
        assert_eq!(error.hints(), ["did you mean \"rr\"?"]);
    }

    #[test]
    fn inner_layers_know_best() {
        let error = Error::invalid("x").object("inner").object("outer");
        assert_eq!(error.object_name(), Some("inner"));
    }

    #[test]
    fn the_system_error_is_the_source() {
        use std::error::Error as _;
        let full = std::io::Error::from_raw_os_error(28);
        let error = Error::system("cannot write", &full).with_kind(Kind::Busy);
        let outer = Error::new(Kind::Undone, "not committed").caused_by(error);
        let chain = std::iter::successors(outer.source(), |&error| error.source());
        let errno: Vec<Option<i32>> = chain
            .map(|error| error.downcast_ref::<std::io::Error>()?.raw_os_error())
            .collect();
        assert_eq!(errno, [None, Some(28)]);
        assert_eq!(outer.to_string(), "not committed");
    }

    #[test]
    fn a_risk_has_no_word_of_the_refusal() {
        let error = Error::guarded("this would remove it");
        assert_eq!(error.message(), "refused: this would remove it");
        assert_eq!(error.clone().attempt("cannot commit"), error);
        assert_eq!(error.risk(), "this would remove it");
        let other = Error::new(Kind::Guarded, "it is empty").attempt("cannot import");
        assert_eq!(other.risk(), "cannot import: it is empty");
    }

    #[test]
    fn suggestions_stay_close() {
        assert_eq!(did_you_mean("rrr", ["rr", "wrr", "sed"]), Some("rr"));
        assert_eq!(
            did_you_mean("shceduler", ["scheduler", "weight"]),
            Some("scheduler")
        );
        assert_eq!(did_you_mean("banana", ["scheduler", "weight"]), None);
        let long = "x".repeat(LONGEST_WORD + 1);
        assert_eq!(did_you_mean(&long, [long.as_str()]), None);
    }
}
