//! How a run ended, before it is timed.

use std::time::Duration;

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
}

impl Missed {
    /// The server failed.
    pub fn failed(reason: impl Into<String>) -> Missed {
        Missed {
            verdict: Verdict::Failed(reason.into()),
            answer: String::new(),
        }
    }

    /// This host could not run the check.
    pub fn no_result(reason: impl Into<String>) -> Missed {
        Missed {
            verdict: Verdict::NoResult(reason.into()),
            answer: String::new(),
        }
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
    let is_text = |line: &&[u8]| !line.trim_ascii().is_empty();
    let line = bytes.split(|byte| *byte == b'\n').find(is_text);
    // A character of UTF-8 has four bytes at most.
    let line = line.unwrap_or_default().trim_ascii();
    let line = line.get(..4 * LONGEST).unwrap_or(line);
    let text = String::from_utf8_lossy(line);
    let shown = |c: char| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    let mut shown: String = text.chars().map(shown).collect();
    if let Some((at, _)) = shown.char_indices().nth(LONGEST) {
        shown.truncate(at);
        shown.push('…');
    }
    shown
}
