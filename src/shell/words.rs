//! Words that the prompt understands without parentheses.

use crate::api::help::overview;
use crate::views::View;

/// What a bare word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The same as this code; what to say where it gives an empty list.
    Code(&'static str, &'static str),
    /// Leave the prompt.
    Leave,
    /// Clear the screen.
    Clear,
    /// Say what there is.
    Help,
    /// Say where things stand.
    Status,
}

/// A view by its name.
const fn view(view: View, code: &'static str) -> (&'static str, Word, &'static str) {
    let facts = view.facts();
    (facts.name, Word::Code(code, facts.empty), facts.doc)
}

/// The words, with what they mean and say.
pub(super) const WORDS: [(&str, Word, &str); 20] = [
    ("help", Word::Help, "this"),
    ("status", Word::Status, "where things stand"),
    (
        "services",
        Word::Code("services()", "no virtual services"),
        "virtual services, staged ones included",
    ),
    ("show", Word::Code("live()", ""), "what the kernel holds"),
    view(View::Stats, "stats()"),
    view(View::Rates, "rates()"),
    view(View::Connections, "connections()"),
    view(View::Thresholds, "thresholds()"),
    view(View::Persistent, "persistent()"),
    view(View::Tunnels, "tunnels()"),
    view(View::Info, "info()"),
    ("plan", Word::Code("plan()", ""), "what commit() would do"),
    (
        "commit",
        Word::Code("commit()", ""),
        "do it, and record a snapshot",
    ),
    (
        "confirm",
        Word::Code("print(`snapshot ${confirm()} is confirmed`)", ""),
        "keep a commit that rolls back by itself",
    ),
    (
        "discard",
        Word::Code("discard()", ""),
        "forget what is staged",
    ),
    (
        "diff",
        Word::Code("diff()", ""),
        "from the head to what is live",
    ),
    (
        "history",
        Word::Code("history()", "no snapshots yet"),
        "snapshots, newest first",
    ),
    ("clear", Word::Clear, "clear the screen"),
    ("exit", Word::Leave, "leave (Ctrl-D)"),
    ("quit", Word::Leave, "leave"),
];

impl Word {
    /// Reads a line that is nothing but a word; a variable of that name goes first.
    pub fn parse(line: &str, variables: &[String]) -> Option<Word> {
        let line = line.trim().trim_end_matches(';');
        if variables.iter().any(|name| name == line) {
            return None;
        }
        WORDS
            .iter()
            .find(|(name, _, _)| *name == line)
            .map(|(_, word, _)| *word)
    }
}

/// What there is: words, and the functions of scripts.
pub(super) fn help() -> String {
    let mut text = String::new();
    for (name, _, what) in WORDS {
        text += &format!("{name:<16}{what}\n");
    }
    format!("{text}\n{}", overview())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_go_before_words() {
        assert_eq!(Word::parse(" plan ", &[]), Some(Word::Code("plan()", "")));
        assert_eq!(Word::parse("plan", &["plan".to_owned()]), None);
        assert_eq!(Word::parse("plan()", &[]), None);
        let stats = Word::Code("stats()", "no virtual services");
        assert_eq!(Word::parse("stats", &[]), Some(stats));
        assert_eq!(Word::parse("quit;", &[]), Some(Word::Leave));
    }
}
