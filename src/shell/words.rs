//! Words that the prompt understands without parentheses.

use crate::api::functions;
use crate::api::help::{map, row};
use crate::api::synonyms::{self, Meaning};
use crate::error::{Error, Kind as ErrorKind};
use crate::model::remedy;
use crate::output::lines_to_type;
use crate::script::token::{KEYWORDS, Kind, tokens};
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
    /// Say what a commit would do or, where nothing is staged, what a restore would.
    Plan,
    /// The verb of that name.
    Verb,
}

/// The verbs of a group, with its title.
pub type VerbGroup = (String, Vec<String>);

/// How wide a screen is.
const WIDTH: usize = 80;

/// A view by its name.
const fn view(view: View, code: &'static str) -> (&'static str, Word, &'static str) {
    let facts = view.facts();
    (facts.name, Word::Code(code, facts.empty), facts.doc)
}

/// The words, with what they mean and say.
pub(super) const WORDS: [(&str, Word, &str); 27] = [
    ("help", Word::Help, "this"),
    ("status", Word::Status, "where things stand"),
    (
        "services",
        Word::Code("services()", "no virtual services"),
        "virtual services, staged ones included",
    ),
    ("show", Word::Code("live()", ""), "what the kernel holds"),
    view(View::Marks, "marks()"),
    view(View::Timeouts, "timeouts()"),
    view(View::Daemons, "sync_daemons()"),
    view(View::Vips, "vips()"),
    view(View::Sysctls, "sysctls()"),
    view(View::TunnelDevices, "tunnel_devices()"),
    view(View::Stats, "stats()"),
    view(View::Rates, "rates()"),
    view(View::Connections, "connections()"),
    view(View::Thresholds, "thresholds()"),
    view(View::Persistent, "persistent()"),
    view(View::Tunnels, "tunnels()"),
    view(View::Info, "info()"),
    (
        "top",
        Word::Code("top()", ""),
        "live rates and connections, full screen",
    ),
    ("plan", Word::Plan, "what commit() would do"),
    (
        "commit",
        Word::Code("commit()", ""),
        "do it, and record a snapshot",
    ),
    (
        "confirm",
        Word::Verb,
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
    ("history", Word::Verb, "snapshots, newest first"),
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

/// Returns true for a word that shows what is live or the head, without what is staged.
pub(super) fn leaves_staged_out(line: &str) -> bool {
    matches!(line.trim().trim_end_matches(';'), "show" | "diff")
}

/// Says whether a line calls `clear`, which removes everything in a script, and which at a prompt
/// is taken for the screen's.
pub(super) fn calls_clear(line: &str) -> bool {
    let all = tokens(line);
    let is = |at: Option<usize>, sign: &str| {
        at.and_then(|at| all.get(at))
            .is_some_and(|token| token.is(line, sign))
    };
    let names = all.iter().enumerate();
    names
        .filter(|(_, token)| token.kind == Kind::Word && token.text(line) == "clear")
        .any(|(at, _)| {
            is(at.checked_add(1), "(")
                && !is(at.checked_sub(1), ".")
                && !is(at.checked_sub(1), "fn")
        })
}

/// The answer to `clear()`.
pub(super) fn clear_is_no_call() -> Error {
    Error::new(ErrorKind::Script, "nothing was removed")
        .object("clear()")
        .hint("`remove_all()` stages the removal of everything")
        .hint("`clear` clears the screen")
}

/// The calls that change the kernel and may be refused for what they would remove.
const CHANGES: [&str; 4] = ["commit", "restore", "revert", "rollback"];

/// Says whether a line is one such call and nothing else: where it was refused it can be made again.
pub(super) fn is_one_change(line: &str) -> bool {
    let all = tokens(line);
    let [name, open, rest @ ..] = all.as_slice() else {
        return false;
    };
    if !CHANGES.contains(&name.text(line)) || !open.is(line, "(") {
        return false;
    }
    let mut depth = 1_usize;
    for token in rest {
        let is_one_of = |signs: &[&str]| signs.iter().any(|sign| token.is(line, sign));
        if depth == 0 && !token.is(line, ";") {
            return false;
        }
        if is_one_of(&["(", "[", "{", "#{"]) {
            depth += 1;
        } else if is_one_of(&[")", "]", "}"]) {
            depth = depth.saturating_sub(1);
        }
    }
    depth == 0
}

/// What the first word of a line means that is another tool's: `ls`, `backend web1`. A line that
/// goes on as a script does is one.
pub(super) fn meant<'l>(line: &'l str, variables: &[String]) -> Option<(&'l str, Meaning)> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == '-');
    let (word, rest) = line.split_at(line.find(ends).unwrap_or(line.len()));
    let next = rest.trim_start();
    let goes_on = |c: char| c.is_alphanumeric() || c == '"' || c == '[';
    let is_words = rest.is_empty() || (next.len() < rest.len() && next.starts_with(goes_on));
    let is_script = next.starts_with("in ") || variables.iter().any(|name| name == word);
    let is_function = functions().any(|function| function.name == word)
        && (rest.is_empty() || synonyms::of_table(word).is_none());
    // The parser says how such a call is written.
    let is_call = !rest.is_empty() && synonyms::function_meant(word).is_some();
    let is_language = KEYWORDS.contains(&word) || is_call;
    if word.is_empty() || !is_words || is_script || is_function || is_language {
        return None;
    }
    synonyms::meaning(word).map(|meaning| (word, meaning))
}

/// Says whether a line is a bare word with a sign behind it that means something to a shell only:
/// `services | grep web`.
pub(super) fn is_for_a_shell(line: &str, variables: &[String]) -> bool {
    let line = line.trim();
    let ends = |c: char| !(c.is_alphanumeric() || c == '_');
    let (word, rest) = line.split_at(line.find(ends).unwrap_or(line.len()));
    rest.trim_start().starts_with(['|', '<', '>', '&']) && Word::parse(word, variables).is_some()
}

/// Says whether a line is a word and nothing else.
pub(super) fn is_one_word(line: &str) -> bool {
    line.trim().trim_end_matches(';').split_whitespace().count() == 1
}

/// The answer to `commit` with options or a message as on a command line; none for another line.
pub(super) fn commit_with_words(line: &str, variables: &[String]) -> Option<Error> {
    let rest = line.trim().strip_prefix("commit")?;
    let words = rest.trim();
    let is_words = rest.starts_with(char::is_whitespace) && words.starts_with(['-', '"', '\'']);
    if !is_words || variables.iter().any(|name| name == "commit") {
        return None;
    }
    let error = Error::new(ErrorKind::Usage, "what is staged is committed by a call")
        .object("commit")
        .hint("with a message: commit(\"why\")");
    Some(
        error.hint(
            "with options: commit(\"why\", #{ confirm: 300 }); plan() shows what it would do",
        ),
    )
}

/// The answer to a word that means something else here, or something to others.
pub(super) fn is_elsewhere(word: &str, meaning: &Meaning) -> Error {
    Error::new(ErrorKind::Usage, "this is no word of the prompt")
        .object(word)
        .hint(&meaning.sentence)
        .hint(format!("`?{word}` says more"))
}

/// What help is asked about: `?server`, `help server`.
pub(super) fn topic(line: &str) -> Option<&str> {
    let line = line.trim();
    let topic = match line.strip_prefix('?') {
        Some(topic) => topic.trim(),
        None => line.strip_prefix("help ")?.trim(),
    };
    // `help ("x")` is a call.
    (!topic.starts_with('(')).then(|| topic.trim_matches(['"', ';']))
}

/// Says whether a line asks for help without being a call.
pub(super) fn is_topic(line: &str) -> bool {
    topic(line).is_some()
}

/// What to type first.
const FIRST_LINES: [(&str, &str); 3] = [
    (
        r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11"] })"#,
        "stages a service",
    ),
    ("plan", "what commit would do"),
    ("commit", "does it: a snapshot"),
];

/// What there is, on one screen: lines to copy, the verbs in groups, the functions of scripts, what
/// helps when something went wrong.
pub(super) fn help(groups: &[VerbGroup], width: usize) -> String {
    let width = width.min(WIDTH);
    let mut text = lines_to_type(&FIRST_LINES);
    text.push('\n');
    for (title, verbs) in groups {
        text.push_str(&row(title, &verbs.join(" "), width));
    }
    let is_verb = |name: &str| {
        groups
            .iter()
            .any(|(_, verbs)| verbs.iter().any(|v| v == name))
    };
    let is_view = |name: &str| View::ALL.iter().any(|view| view.facts().name == name);
    let words = WORDS.iter().map(|(name, _, _)| *name);
    let others: Vec<&str> = words
        .filter(|name| !is_verb(name) && !is_view(name))
        .collect();
    let more = format!("{}; ?tcp ?persist ?-m say more", others.join(" "));
    text.push_str(&row("prompt", &more, width));
    text.push_str(&map(width));
    let wrong = remedy::ALL.map(|remedy| format!("{}: {}", remedy.trouble, remedy.call));
    text.push_str(&row("went wrong", &wrong.join("; "), width));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_go_before_words() {
        assert_eq!(Word::parse(" plan ", &[]), Some(Word::Plan));
        assert_eq!(Word::parse("plan", &["plan".to_owned()]), None);
        assert_eq!(Word::parse("plan()", &[]), None);
        let stats = Word::Code("stats()", "no virtual services");
        assert_eq!(Word::parse("stats", &[]), Some(stats));
        assert_eq!(Word::parse("quit;", &[]), Some(Word::Leave));
    }

    #[test]
    fn a_change_alone_can_be_made_again() {
        for line in [
            "commit()",
            "commit(\"a)\", #{ confirm: 60 });",
            "rollback(3)",
        ] {
            assert!(is_one_change(line), "{line}");
        }
        for line in [
            "commit",
            "plan()",
            "commit(); commit()",
            "commit() + f()",
            "commit(",
            "x.commit()",
        ] {
            assert!(!is_one_change(line), "{line}");
        }
    }

    #[test]
    fn words_of_other_tools_are_answered() {
        for line in [
            "ls",
            " undo; ",
            "backend web1",
            "list services",
            "balance roundrobin",
            "权重",
        ] {
            assert!(meant(line, &[]).is_some(), "{line}");
        }
        for line in [
            "tcp \"192.0.2.1:80\"",
            "pool",
            "pool + 1",
            "ls()",
            "undo = 1",
            "tcp",
            "node.x",
            "for x",
            "frob",
            "mode in x",
        ] {
            assert_eq!(meant(line, &["pool".to_owned()]), None, "{line}");
        }
        assert!(is_one_word("ls;") && !is_one_word("ls -l"));
        let (word, meaning) = meant("undo", &[]).unwrap();
        let error = is_elsewhere(word, &meaning);
        assert_eq!(error.to_string(), "undo: this is no word of the prompt");
        assert!(error.hints()[0].contains("`ipvsh rollback`"));
    }

    #[test]
    fn pipes_behind_words_are_known() {
        let variables = ["plan".to_owned()];
        for line in ["services | grep x", "history > file", "status && services"] {
            assert!(is_for_a_shell(line, &variables), "{line}");
        }
        for line in ["plan | 1", "1 | 2", "services", "services()"] {
            assert!(!is_for_a_shell(line, &variables), "{line}");
        }
    }

    #[test]
    fn clear_with_brackets_is_known() {
        for line in [
            "clear()",
            "clear();",
            "if true { clear (); }",
            "x(); clear()",
        ] {
            assert!(calls_clear(line), "{line}");
        }
        for line in [
            "clear",
            "list.clear()",
            "fn clear() { 1 }",
            "\"clear()\"",
            "// clear()",
        ] {
            assert!(!calls_clear(line), "{line}");
        }
    }

    #[test]
    fn help_fits_one_screen() {
        let group = |title: &str, verbs: &str| {
            let verbs = verbs.split(' ').map(str::to_owned).collect();
            (title.to_owned(), verbs)
        };
        let groups = [
            group("look", "demo status show top where plan diff history"),
            group("change", "run check edit weight disable enable drain shift"),
            group("take back", "rollback revert restore confirm"),
            group("take over", "adopt forget import ipvsadm install-dropin"),
            group("more", "export tag prune fsck completions man help"),
        ];
        let text = help(&groups, 120);
        assert!(text.starts_with("  tcp("), "{text}");
        assert!(text.lines().count() < 24, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        let names = WORDS.iter().map(|(name, _, _)| *name);
        for name in names.chain(crate::api::functions().map(|function| function.name)) {
            // A view may have the name of its function, with a dash.
            let name = name.replace('-', "_");
            assert!(text.contains(&name), "{name}: {text}");
        }
        let narrow = help(&groups, 40);
        let fits = |line: &str| line.chars().count() <= 40 || line.starts_with("  tcp(");
        assert!(narrow.lines().skip(7).all(fits), "{narrow}");
    }

    #[test]
    fn help_is_asked_for_in_several_ways() {
        for line in ["?server", " ? server", "help server", "help \"server\";"] {
            assert_eq!(topic(line), Some("server"), "{line}");
        }
        assert_eq!(topic("?"), Some(""));
        for line in ["help", "help(\"server\")", "help (\"server\")", "server"] {
            assert_eq!(topic(line), None, "{line}");
        }
    }
}
