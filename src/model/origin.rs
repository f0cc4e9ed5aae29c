//! Where a snapshot came from, and how much it changed: the part of its record that answers
//! "who, when, why" beyond author, time and message.

use serde::{Deserialize, Serialize};

/// The most characters of a command line that are recorded.
pub const COMMAND_CHARS: usize = 160;

/// The most characters of a path that are recorded.
pub const PATH_CHARS: usize = 160;

/// The most characters of a host's name that are recorded.
pub const HOST_CHARS: usize = 64;

/// The most characters of the lines typed at a prompt that are recorded.
pub const TYPED_CHARS: usize = 2_000;

/// What stands where lines were cut.
const CUT: &str = "\n...\n";

/// Where a change was made, and by what. All of it is bounded, and may hold anything: whoever
/// prints it cleans it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The host's name; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The command line, cut to [`COMMAND_CHARS`]; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The script that ran, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptFile>,
    /// The lines typed at a prompt that led to the change, cut in the middle to [`TYPED_CHARS`];
    /// empty elsewhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub typed: String,
}

impl Origin {
    /// An origin whose parts are cut to what is recorded.
    pub fn new(host: &str, command: &str, script: Option<ScriptFile>) -> Origin {
        Origin {
            host: cut(host, HOST_CHARS),
            command: cut(command, COMMAND_CHARS),
            script: script.map(|script| ScriptFile {
                path: cut(&script.path, PATH_CHARS),
                ..script
            }),
            typed: String::new(),
        }
    }

    /// The same for a change that was typed at a prompt.
    pub fn set_typed(&mut self, lines: &str) {
        self.typed = cut_middle(lines, TYPED_CHARS);
    }

    /// Says whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Origin::default()
    }
}

/// A script, so that it can be told later whether a file is still what ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptFile {
    /// Its path, absolute, or `<stdin>`.
    pub path: String,
    /// The SHA-256 of its text, in hexadecimal digits.
    pub sha256: String,
}

/// How many changes a snapshot made to the kernel, by what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// `+`
    pub added: usize,
    /// `~`
    pub changed: usize,
    /// `-`
    pub removed: usize,
}

impl Tally {
    /// All of them.
    pub fn all(&self) -> usize {
        self.added + self.changed + self.removed
    }
}

/// Text of at most so many characters; what was cut off is shown by three dots.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            text.chars()
                .take(most.saturating_sub(3))
                .collect::<String>()
                + "..."
        }
    }
}

/// Text of at most so many characters, without its middle where it is longer.
fn cut_middle(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(CUT.len());
    let (front, back) = (kept.div_ceil(2), kept / 2);
    let front = text.chars().take(front);
    let back = text.chars().skip(length - back);
    front.chain(CUT.chars()).chain(back).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_lose_their_middle() {
        assert_eq!(cut_middle("äöü", 3), "äöü");
        assert_eq!(cut_middle("abcdefghijkl", 9), "ab\n...\nkl");
        let mut origin = Origin::default();
        origin.set_typed(&"ä".repeat(9_000));
        assert_eq!(origin.typed.chars().count(), TYPED_CHARS);
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("äöüäöü", 5), "äö...");
        let long = "x".repeat(1000);
        let script = ScriptFile {
            path: long.clone(),
            sha256: String::new(),
        };
        let origin = Origin::new(&long, &long, Some(script));
        assert_eq!(origin.host.len(), HOST_CHARS);
        assert_eq!(origin.command.len(), COMMAND_CHARS);
        assert_eq!(origin.script.unwrap().path.len(), PATH_CHARS);
    }
}
