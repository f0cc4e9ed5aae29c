//! Commands in what users are told, as they have to be typed for the same database and kernel.
//!
//! A hint is pasted where it is printed. One that lost `--sim` or `--db` would change the real
//! director: both stand right after `ipvsh` wherever the user gave them. What the environment says
//! holds for the pasted command too, and is not repeated.

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

/// Remembers the global options that were given on the command line, for all that is told from now
/// on; the first call counts.
pub fn invoked_with(is_sim: bool, database: Option<&Path>, verbs: Vec<String>) {
    let sim = if is_sim { " --sim" } else { "" };
    let database = database.map(|dir| format!(" --db {}", quoted(&dir.to_string_lossy())));
    let globals = format!("{sim}{}", database.unwrap_or_default());
    INVOCATION.get_or_init(|| Invocation { globals, verbs });
}

/// A text whose commands have the global options.
pub(super) fn with_globals(text: &str) -> Cow<'_, str> {
    match INVOCATION.get() {
        Some(invocation) if !invocation.globals.is_empty() => Cow::Owned(invocation.complete(text)),
        _ => Cow::Borrowed(text),
    }
}

impl Invocation {
    fn complete(&self, text: &str) -> String {
        const PROGRAM: &str = "ipvsh ";
        let mut told = String::with_capacity(text.len() + self.globals.len());
        let mut rest = text;
        while let Some(at) = rest.find(PROGRAM) {
            let (before, found) = rest.split_at(at);
            let behind = found.get(PROGRAM.len()..).unwrap_or_default();
            told.push_str(before);
            told.push_str("ipvsh");
            if self.is_command(&told, behind) {
                told.push_str(&self.globals);
            }
            told.push(' ');
            rest = behind;
        }
        told.push_str(rest);
        told
    }

    /// Says whether what stands behind the program's name is a verb or code, and the name is not the
    /// end of another word or part of what a user wrote, which stands in quotes.
    fn is_command(&self, told: &str, behind: &str) -> bool {
        let before = told.strip_suffix("ipvsh").unwrap_or(told);
        let is_name = |c: char| c.is_alphanumeric() || "-_/.".contains(c);
        let is_quoted = before.matches('"').count() % 2 == 1;
        let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
        let word = behind.split(end).next().unwrap_or_default();
        !before.ends_with(is_name)
            && !is_quoted
            && (word == "-e" || self.verbs.iter().any(|verb| verb == word))
    }
}

/// A word as a POSIX shell reads it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
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
        assert_eq!(quoted("/var/lib/ipvsh"), "/var/lib/ipvsh");
        assert_eq!(quoted("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
