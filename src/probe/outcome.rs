//! How a run ended, before it is timed.

use std::io;
use std::time::Duration;

use nix::errno::Errno;

use crate::health::Verdict;

/// The most characters of an answer that are shown.
const LONGEST: usize = 80;

/// A run that passed.
#[derive(Debug)]
pub(super) struct Passed {
    /// What came back, in a few words.
    pub answer: String,
}

impl Passed {
    /// A run that passed with this answer.
    pub fn with(answer: impl Into<String>) -> Passed {
        Passed {
            answer: answer.into(),
        }
    }
}

/// A run that did not pass.
#[derive(Debug)]
pub(super) struct Missed {
    /// Whose fault it is, and why.
    pub verdict: Verdict,
    /// What came back, in a few words.
    pub answer: String,
    /// The error of the system that ended the run, if one did.
    pub errno: Option<Errno>,
}

impl Missed {
    /// The server failed.
    pub fn failed(reason: impl Into<String>) -> Missed {
        Missed {
            verdict: Verdict::Failed(reason.into()),
            answer: String::new(),
            errno: None,
        }
    }

    /// This host could not run the check.
    pub fn no_result(reason: impl Into<String>) -> Missed {
        Missed {
            verdict: Verdict::NoResult(reason.into()),
            answer: String::new(),
            errno: None,
        }
    }

    /// The same with the error of the system.
    pub fn by(mut self, error: &io::Error) -> Missed {
        self.errno = error.raw_os_error().map(Errno::from_raw);
        self
    }

    /// The same with what came back.
    pub fn with(mut self, answer: impl Into<String>) -> Missed {
        self.answer = answer.into();
        self
    }
}

/// How a run ended.
pub(super) type Outcome = Result<Passed, Missed>;

/// How far a run came; what a timeout says depends on it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// A server accepted the connection, or there is none to accept.
    pub is_connected: bool,
    /// What came back so far.
    pub answer: Vec<u8>,
}

impl Progress {
    /// The run was not over in time.
    pub fn overdue(&self, limit: Duration) -> Missed {
        let limit = seconds(limit);
        if !self.is_connected {
            return Missed::failed(format!("no connection in {limit}"));
        }
        match self.answer.is_empty() {
            true => Missed::failed(format!("no answer in {limit}")),
            false => Missed::failed(format!("the answer was not complete in {limit}"))
                .with(excerpt(&self.answer)),
        }
    }
}

/// A time in seconds: `2 s`, `0.5 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// The first line of an answer, so far as it can be shown.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let replaced = |c: char| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    cut(first_line(bytes, LONGEST).chars().map(replaced), LONGEST)
}

/// The first line of an answer in so many characters at most; what would move a terminal's cursor or
/// turn its text around is escaped.
pub(super) fn excerpt_of(bytes: &[u8], longest: usize) -> String {
    let line = first_line(bytes, longest);
    let escaped = line.chars().flat_map(|c| {
        let plain = (!is_unsafe(c)).then_some(c);
        let escape = is_unsafe(c).then(|| c.escape_default());
        plain.into_iter().chain(escape.into_iter().flatten())
    });
    cut(escaped, longest)
}

/// Returns true for control characters, and for those of Unicode that change the direction of text.
fn is_unsafe(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// The first line with something in it; what is no UTF-8 is replaced.
fn first_line(bytes: &[u8], longest: usize) -> String {
    let is_text = |line: &&[u8]| !line.trim_ascii().is_empty();
    let line = bytes.split(|byte| *byte == b'\n').find(is_text);
    let line = line.unwrap_or_default().trim_ascii();
    // A character of UTF-8 has four bytes at most; one more character says that there are more.
    let line = line.get(..4 * (longest + 1)).unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// So many characters at most, and a sign where there are more.
fn cut(characters: impl Iterator<Item = char>, longest: usize) -> String {
    let mut shown: String = characters.take(longest + 1).collect();
    if let Some((at, _)) = shown.char_indices().nth(longest) {
        shown.truncate(at);
        shown.push('…');
    }
    shown
}
