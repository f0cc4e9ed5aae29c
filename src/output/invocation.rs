//! Commands in what users are told, as they have to be typed for the same database and kernel.
//!
//! A hint is pasted where it is printed. One that lost `--sim` or `--db` would change the real
//! director: both stand right after `ipvsh` wherever the user gave them. What the environment says
//! holds for the pasted command too, and is not repeated. A prompt has its kernel and database, and
//! runs verbs as they are: what it prints begins with the verb.

use crate::model::shell_word;
use crate::notes::{Fix, Note};
use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

/// How this program was called, and what it can be called with.
#[derive(Debug)]
struct Invocation {
    /// The global options, each with a space in front.
    globals: String,
    /// The names of all verbs.
    verbs: Vec<String>,
}

static INVOCATION: OnceLock<Invocation> = OnceLock::new();

/// The names of all verbs, in a process that is a prompt.
static AT_PROMPT: OnceLock<Vec<String>> = OnceLock::new();

/// What keeps the program's name at a prompt: there `plan` alone means what is staged, `-e` alone is
/// a line for ipvsadm, and so is `ipvsadm`.
const KEPT: [&str; 3] = ["plan", "-e", "ipvsadm"];

/// Sets the global options that every command in a message gets from now on. Only the first call has
/// an effect.
pub fn invoked_with(is_sim: bool, database: Option<&Path>, verbs: Vec<String>) {
    let sim = if is_sim { " --sim" } else { "" };
    let database = database.map(|dir| format!(" --db {}", shell_word(&dir.to_string_lossy())));
    let globals = format!("{sim}{}", database.unwrap_or_default());
    INVOCATION.get_or_init(|| Invocation { globals, verbs });
}

/// Gives every command in a message the form that the prompt takes, from now on. Only the first call
/// has an effect.
pub fn at_prompt(verbs: Vec<String>) {
    AT_PROMPT.get_or_init(|| verbs);
}

/// A text whose commands can be typed where it is printed: with the global options or, at a prompt,
/// without the program's name.
pub(super) fn with_globals(text: &str) -> Cow<'_, str> {
    if let Some(verbs) = AT_PROMPT.get() {
        return Cow::Owned(prompted(text, verbs));
    }
    match INVOCATION.get() {
        Some(invocation) if !invocation.globals.is_empty() => Cow::Owned(invocation.complete(text)),
        _ => Cow::Borrowed(text),
    }
}

/// A note with its fix as it is typed here: into a shell or, at a prompt, there.
pub(super) fn warning(note: &Note) -> String {
    let told = match AT_PROMPT.get() {
        Some(_) => note.at_prompt(),
        None => note.to_string(),
    };
    with_globals(&told).into_owned()
}

/// A fix as it is typed here: into a shell or, at a prompt, there.
pub(super) fn fix_here(fix: &Fix) -> String {
    let told = match AT_PROMPT.get() {
        Some(_) => fix.at_prompt().to_owned(),
        None => fix.to_string(),
    };
    with_globals(&told).into_owned()
}

impl Invocation {
    fn complete(&self, text: &str) -> String {
        rewritten(text, &self.verbs, |_| format!("ipvsh{} ", self.globals))
    }
}

/// A text whose commands are in a prompt's form.
fn prompted(text: &str, verbs: &[String]) -> String {
    rewritten(text, verbs, |verb| match KEPT.contains(&verb) {
        true => "ipvsh ".to_owned(),
        false => String::new(),
    })
}

/// A text in which `begin` says what stands before the verb of each command.
fn rewritten(text: &str, verbs: &[String], begin: impl Fn(&str) -> String) -> String {
    const PROGRAM: &str = "ipvsh ";
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    // Of the original, for the quotes: what is told so far may be shorter.
    let mut before_len = 0;
    while let Some(at) = rest.find(PROGRAM) {
        let (before, found) = rest.split_at(at);
        let behind = found.get(PROGRAM.len()..).unwrap_or_default();
        before_len += at;
        told.push_str(before);
        let so_far = text.get(..before_len).unwrap_or_default();
        match verb_of(so_far, behind, verbs) {
            Some(verb) => told.push_str(&begin(verb)),
            None => told.push_str(PROGRAM),
        }
        before_len += PROGRAM.len();
        rest = behind;
    }
    told.push_str(rest);
    told
}

/// The verb, or `-e`, that stands behind the program's name; none where the name is the end of
/// another word, or part of what a user wrote, which stands in quotes.
fn verb_of<'t>(before: &str, behind: &'t str, verbs: &[String]) -> Option<&'t str> {
    let is_name = |c: char| c.is_alphanumeric() || "-_/.".contains(c);
    let is_quoted = before.matches('"').count() % 2 == 1;
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let word = behind.split(end).next().unwrap_or_default();
    let is_verb = word == "-e" || verbs.iter().any(|verb| verb == word);
    (!before.ends_with(is_name) && !is_quoted && is_verb).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let verbs = ["rollback", "revert", "adopt", "restore", "fsck"];
        let invocation = Invocation {
            globals: " --sim --db /tmp/x".to_owned(),
            verbs: verbs.map(str::to_owned).to_vec(),
        };
        invocation.complete(text)
    }

    #[test]
    fn commands_get_the_global_options() {
        for (text, expected) in [
            (
                "Undo: ipvsh rollback 41",
                "Undo: ipvsh --sim --db /tmp/x rollback 41",
            ),
            (
                "(ipvsh restore), or ipvsh fsck --repair",
                "(ipvsh --sim --db /tmp/x restore), or ipvsh --sim --db /tmp/x fsck --repair",
            ),
            (
                "run `ipvsh -e 'remove(\"tcp 192.0.2.1:80\")'`; then ipvsh adopt \"x\"",
                "run `ipvsh --sim --db /tmp/x -e 'remove(\"tcp 192.0.2.1:80\")'`; then \
                 ipvsh --sim --db /tmp/x adopt \"x\"",
            ),
        ] {
            assert_eq!(told(text), expected);
        }
    }

    #[test]
    fn a_prompt_is_told_its_own_form() {
        let verbs = ["rollback", "plan", "adopt", "restore", "ipvsadm", "confirm"];
        let verbs = verbs.map(str::to_owned);
        for (text, expected) in [
            ("Undo: ipvsh rollback 41", "Undo: rollback 41"),
            (
                "undone in 240 s unless: ipvsh confirm",
                "undone in 240 s unless: confirm",
            ),
            (
                "2 differences left alone (ipvsh plan); `ipvsh adopt \"x\"`, or ipvsh restore",
                "2 differences left alone (ipvsh plan); `adopt \"x\"`, or restore",
            ),
            (
                "ipvsh -e 'remove(\"x\")', ipvsh ipvsadm -Ln",
                "ipvsh -e 'remove(\"x\")', ipvsh ipvsadm -Ln",
            ),
            (
                "1 service not managed by ipvsh",
                "1 service not managed by ipvsh",
            ),
            (
                "the commit \"ipvsh restore\" by ada",
                "the commit \"ipvsh restore\" by ada",
            ),
        ] {
            assert_eq!(prompted(text, &verbs), expected);
        }
    }

    #[test]
    fn other_words_stay() {
        for text in [
            "1 service not managed by ipvsh",
            "ipvsh manages it",
            "systemctl start ipvsh-restore",
            "/usr/bin/ipvsh restore",
            "the commit \"ipvsh restore\" by ada",
            "ipvsh",
            "",
        ] {
            assert_eq!(told(text), text);
        }
    }

    #[test]
    fn a_directory_is_quoted_where_a_shell_would_split_it() {
        assert_eq!(shell_word("/var/lib/ipvsh"), "/var/lib/ipvsh");
        assert_eq!(shell_word("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
