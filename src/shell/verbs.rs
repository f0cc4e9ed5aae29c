//! The verbs of the command line, typed at the prompt: `rollback 2`, `ipvsh history -p`.
//!
//! What a verb means is the command line's to say: a prompt is given something that runs them.

use super::split;
use crate::error::Result;

/// A word that may stand somewhere, and what it is.
pub type Offer = (String, String);

/// The name that may stand before a verb.
pub(super) const PROGRAM: &str = "ipvsh";

/// The verbs that show the head or what is live, and nothing of what a prompt has staged.
pub(super) const LOOKING: [&str; 8] = [
    "status", "show", "where", "plan", "diff", "history", "export", "check",
];

/// Runs the verbs of the command line for a prompt.
pub trait Verbs {
    /// The verbs, each with what it does.
    fn all(&self) -> &[Offer];

    /// Runs a verb; what it has to show is shown.
    ///
    /// # Errors
    /// `usage` for words that are not understood; as the verb fails.
    fn run(&self, request: &TypedVerb) -> Result<()>;

    /// What the word behind these may become; `None` stands for names of files.
    fn complete(&self, before: &[String], begun: &str) -> Option<Vec<Offer>>;
}

/// A verb that was typed.
pub struct TypedVerb<'l> {
    /// The words behind the program's name.
    pub words: Vec<String>,
    /// The line as it was typed.
    pub typed: &'l str,
    /// Called before a verb that commits: fails where nothing may be committed now.
    pub may_commit: &'l dyn Fn() -> Result<()>,
}

/// The part of a line that holds a verb and its words; none where the line is a script's.
pub(super) fn command_of<'l>(
    line: &'l str,
    verbs: &[Offer],
    variables: &[String],
) -> Option<&'l str> {
    let line = line.trim();
    let is_variable = |word: &str| variables.iter().any(|name| name == word);
    if let Some(rest) = behind_program(line).filter(|_| !is_variable(PROGRAM)) {
        return Some(rest);
    }
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let (word, rest) = line.split_at(line.find(ends).unwrap_or(line.len()));
    let is_verb = verbs.iter().any(|(name, _)| name == word) && !is_variable(word);
    (is_verb && !is_script(word, rest)).then_some(line)
}

/// What stands behind `ipvsh`, where a line begins with that: `sudo ipvsh plan`.
pub(super) fn behind_program(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("sudo ").map_or(line, str::trim_start);
    let (first, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    let first = first.trim_end_matches(';');
    let is_program = first.rsplit('/').next() == Some(PROGRAM);
    // `ipvsh = 1` is a script's line.
    (is_program && !rest.trim_start().starts_with('=')).then(|| rest.trim_start())
}

/// Says whether what follows a word makes it a script's: a call, a member, an assignment, an import, a
/// block.
fn is_script(word: &str, rest: &str) -> bool {
    let next = rest.trim_start();
    if !rest.is_empty() && next.len() == rest.len() && !rest.starts_with(';') {
        return true;
    }
    let mut words = next.split_whitespace();
    next.starts_with(['(', '='])
        || (word == "try" && next.starts_with('{'))
        || (word == "import" && next.starts_with(['"', '`']))
        || (word == "export"
            && (matches!(words.next(), Some("let" | "const")) || words.next() == Some("as")))
}

/// The words before the one at the end of a command, and that word with the place where it begins.
pub(super) fn at_end(command: &str) -> Option<(Vec<String>, String, usize)> {
    let (mut words, sign) = split::words(command);
    if sign.is_some() {
        return None;
    }
    let is_begun = words
        .last()
        .is_some_and(|word| word.range.end == command.len());
    let last = is_begun.then(|| words.pop()).flatten();
    let before = words.into_iter().map(|word| word.text).collect();
    Some(match last {
        Some(word) => (before, word.text, word.range.start),
        None => (before, String::new(), command.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs() -> Vec<Offer> {
        let names = [
            "rollback",
            "history",
            "import",
            "export",
            "tag",
            "run",
            "install-dropin",
            "try",
        ];
        names.map(|name| (name.to_owned(), String::new())).into()
    }

    fn command(line: &str) -> Option<&str> {
        command_of(line, &verbs(), &["tag".to_owned()])
    }

    #[test]
    fn verbs_are_known_with_and_without_the_program() {
        for (line, expected) in [
            ("rollback 2", "rollback 2"),
            (" history -p ", "history -p"),
            ("rollback;", "rollback;"),
            ("ipvsh rollback 2", "rollback 2"),
            ("sudo /usr/sbin/ipvsh --sim plan", "--sim plan"),
            ("ipvsh", ""),
            ("ipvsh tag 1 x", "tag 1 x"),
            ("import /etc/ipvsadm.rules", "import /etc/ipvsadm.rules"),
            ("run ./x.rhai", "run ./x.rhai"),
            ("export 5", "export 5"),
            ("install-dropin", "install-dropin"),
            ("history | less", "history | less"),
            ("try 192.0.2.10", "try 192.0.2.10"),
        ] {
            assert_eq!(command(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_is_a_script_stays_one() {
        for line in [
            "rollback(2)",
            "rollback (2)",
            "history().len()",
            "history.len()",
            "run = 5",
            "import \"x\" as y",
            "export x as y",
            "export let x = 1",
            "tag",
            "tag 1 x",
            "try { commit() } catch { }",
            "try{ 1 } catch (e) { }",
            "rollback_all 2",
            "ipvsh = 1",
            "ipvshx 1",
            "40 + 2",
            "",
        ] {
            assert_eq!(command(line), None, "{line}");
        }
    }

    #[test]
    fn the_word_at_the_end_is_completed() {
        let at = |command| at_end(command).unwrap();
        assert_eq!(
            at("tag 1 a"),
            (vec!["tag".into(), "1".into()], "a".into(), 6)
        );
        assert_eq!(at("tag 'a b"), (vec!["tag".into()], "a b".into(), 4));
        assert_eq!(at("tag "), (vec!["tag".into()], String::new(), 4));
        assert_eq!(at_end("history | l"), None);
    }
}
