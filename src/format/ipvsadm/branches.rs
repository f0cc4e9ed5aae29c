//! The `case "$1" in` of a start script, of which the branch `start)` is read.
//!
//! Nothing else of `case` is understood: a script that looks at anything but its first word, or
//! whose branch is not plain, is refused.

use super::words::Trouble;
use super::words::run_it;
use crate::error::Error;

/// The word with which a system starts such a script.
const START: &str = "start";

/// Where in a `case` a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    #[default]
    Outside,
    /// In front of a branch.
    Between,
    /// In the branch that is read.
    Reading,
    /// In another branch, in so many `case`s of its own.
    Skipping(usize),
}

/// What becomes of a line.
#[derive(Debug)]
pub(super) enum Step {
    /// It stands in no `case`.
    Outside,
    /// It is not run at a start, or only a word of the `case` itself.
    Skipped,
    /// So much of it is run, from this column on (counted from 0).
    Run(String, usize),
    /// It cannot be told.
    Refused(Trouble),
}

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct Branches {
    at: At,
    /// The line of the `case`.
    line: usize,
    has_start: bool,
    skipped: Vec<String>,
    notes: Vec<String>,
}

impl Branches {
    /// What is to be told of the branches that were not read.
    pub(super) fn notes(self, name: &str) -> Vec<String> {
        let notes = self.notes.into_iter();
        notes.map(|note| format!("{name}:{note}")).collect()
    }

    /// Says where a `case` began that has no end.
    pub(super) fn open(&self) -> Option<(usize, Trouble)> {
        let trouble = || Trouble::open("an esac is missing".to_owned());
        (self.at != At::Outside).then(|| (self.line, trouble()))
    }

    /// Looks at the next line of a script.
    pub(super) fn step(&mut self, number: usize, text: &str) -> Step {
        let bare = uncommented(text).trim();
        let first = bare.split_whitespace().next().unwrap_or("");
        match self.at {
            At::Outside => {
                let Some(rest) = after_case(bare) else {
                    return Step::Outside;
                };
                self.at = At::Between;
                self.line = number;
                self.has_start = false;
                self.skipped.clear();
                self.between(text, rest)
            }
            At::Between => self.between(text, bare),
            At::Reading if first == "esac" => self.end(),
            At::Reading => self.read(text, bare),
            At::Skipping(depth) => {
                self.skip(depth, bare);
                match self.at {
                    At::Outside => self.end(),
                    _ => Step::Skipped,
                }
            }
        }
    }

    fn skip(&mut self, depth: usize, bare: &str) {
        let words = || bare.split(|c: char| c.is_whitespace() || c == ';');
        let opens = words().filter(|word| *word == "case").count();
        let closes = words().filter(|word| *word == "esac").count();
        self.at = match (depth + opens).checked_sub(closes) {
            Some(0) if bare.ends_with(";;") => At::Between,
            Some(depth) => At::Skipping(depth),
            None => At::Outside,
        };
    }

    fn end(&mut self) -> Step {
        self.at = At::Outside;
        if !self.has_start {
            return refused(format!(
                "the case of line {} has no branch {START})",
                self.line
            ));
        }
        if !self.skipped.is_empty() {
            self.notes.push(format!(
                "{}: read as it is run with the word {START}; not read: {}",
                self.line,
                self.skipped.join(", ")
            ));
        }
        Step::Skipped
    }

    /// A line where a branch may begin.
    fn between(&mut self, text: &str, bare: &str) -> Step {
        if bare.is_empty() {
            return Step::Skipped;
        }
        if bare.split_whitespace().next() == Some("esac") {
            return self.end();
        }
        let Some((pattern, rest)) = bare.split_once(')') else {
            return refused(format!("\"{bare}\" begins no branch of a case"));
        };
        let words: Vec<&str> = pattern
            .trim_start_matches('(')
            .split('|')
            .map(|word| word.trim().trim_matches(['"', '\'']))
            .collect();
        let is_start = words.contains(&START);
        if !is_start && !self.has_start && words.iter().any(|word| word.contains(['*', '?', '['])) {
            return refused(format!(
                "{pattern}) stands in front of {START}), and may be what runs"
            ));
        }
        if !is_start || self.has_start {
            self.skipped.push(format!("{})", pattern.trim()));
            self.at = At::Skipping(0);
            self.skip(0, rest.trim());
            return match self.at {
                At::Outside => self.end(),
                _ => Step::Skipped,
            };
        }
        self.has_start = true;
        self.at = At::Reading;
        self.read(text, rest.trim())
    }

    /// A line of the branch that is read: `rest` is what of `text` is run.
    fn read(&mut self, text: &str, rest: &str) -> Step {
        let column = text.find(rest).map_or(0, |at| {
            text.get(..at).map_or(0, |before| before.chars().count())
        });
        let run = match rest.strip_suffix(";;") {
            Some(run) => {
                self.at = At::Between;
                run.trim_end()
            }
            None => rest,
        };
        match run.is_empty() {
            true => Step::Skipped,
            false => Step::Run(run.to_owned(), column),
        }
    }
}

fn refused(cause: String) -> Step {
    Step::Refused(Trouble {
        error: run_it(Error::invalid(cause)),
        column: 0,
        open: true,
    })
}

/// What stands behind `case "$1" in`.
fn after_case(bare: &str) -> Option<&str> {
    let rest = bare.strip_prefix("case")?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let (subject, rest) = rest.split_once(char::is_whitespace)?;
    let subject = subject.trim_matches('"');
    if !["$1", "${1}", "${1-}", "${1:-}"].contains(&subject) {
        return None;
    }
    let rest = rest.trim_start().strip_prefix("in")?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

/// A line without the comment at its end.
fn uncommented(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return text.get(..at).unwrap_or(text),
            (None, '\'' | '"') if before != '\\' => quote = Some(c),
            (Some(open), c) if c == open && (open == '\'' || before != '\\') => quote = None,
            _ => {}
        }
        before = c;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is run of a script, or why that cannot be told.
    fn run(script: &str) -> Result<Vec<String>, String> {
        let mut branches = Branches::default();
        let mut lines = Vec::new();
        for (index, line) in script.lines().enumerate() {
            match branches.step(index + 1, line) {
                Step::Outside => lines.push(line.to_owned()),
                Step::Skipped => {}
                Step::Run(text, _) => lines.push(text),
                Step::Refused(trouble) => return Err(trouble.error.message()),
            }
        }
        match branches.open() {
            Some((line, trouble)) => Err(format!("{line}: {}", trouble.error.message())),
            None => Ok(lines),
        }
    }

    #[test]
    fn the_branch_that_starts_is_run() {
        for (script, wanted) in [
            (
                "a\ncase \"$1\" in\nstart)\n  b # x;;\n  c\n  ;;\nstop)\n d\n ;;\n*)\n e\nesac\nf",
                vec!["a", "b", "c", "f"],
            ),
            (
                "case $1 in\n stop) x ;;\n start|restart) b;;\n *) y\nesac",
                vec!["b"],
            ),
            ("case \"$1\" in start) b ;;\nesac", vec!["b"]),
            (
                "case \"$1\" in\nstop)\n case x in\n start) no ;;\n esac\n;;\n\"start\")\nb\nesac",
                vec!["b"],
            ),
            (
                "case $2 in\nstart) b;;\nesac",
                vec!["case $2 in", "start) b;;", "esac"],
            ),
        ] {
            assert_eq!(
                run(script),
                Ok(wanted.iter().map(|w| (*w).to_owned()).collect())
            );
        }
    }

    #[test]
    fn what_may_run_is_not_guessed() {
        for (script, cause) in [
            ("case $1 in\nstop) x;;\nesac", "has no branch start)"),
            ("case $1 in\n*) x;;\nstart) b;;\nesac", "may be what runs"),
            ("case $1 in\nst*) x;;\nstart) b;;\nesac", "may be what runs"),
            ("case $1 in\nstart) b", "1: an esac is missing"),
            ("case $1 in\nx\nesac", "begins no branch"),
        ] {
            let said = run(script).unwrap_err();
            assert!(said.contains(cause), "{script}: {said}");
        }
    }
}
