//! Help as text, from the table: what there is, one function, or whatever a word may mean.

use std::collections::BTreeSet;

use super::checks;
use super::fact::{Function, Group, On, Opt, is_same};
use super::functions;
use super::options::{SERVER, SERVICE};
use super::properties::READ_ONLY;
use super::synonyms;
use super::values::{self, OptionValue, VALUES};
use crate::error::did_you_mean;
use crate::model::remedy;

/// How wide a text is where nothing tells how wide it may be.
pub const WIDTH: usize = 80;

/// The least and the most columns of a text: longer lines are hard to read.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=100;

/// The groups as the map has them: a screen has no more lines.
const MAP: [(&str, &[Group]); 7] = [
    ("services", &[Group::Services]),
    ("servers", &[Group::Servers]),
    (
        "marks, timeouts",
        &[Group::Marks, Group::Timeouts, Group::Daemons],
    ),
    ("this host", &[Group::Host]),
    ("change control", &[Group::Change]),
    ("live", &[Group::Live]),
    ("script", &[Group::Script]),
];

/// Names that scripts may still use: there is a newer one for the same.
const OLD: [&str; 1] = ["clear"];

/// Words of a question that say nothing of what it is about.
const FILLERS: [&str; 22] = [
    "a", "an", "and", "can", "do", "does", "for", "how", "i", "in", "is", "my", "of", "on", "or",
    "the", "to", "what", "when", "which", "with", "why",
];

/// How many words of a question are answered.
const ANSWERED: usize = 3;

/// All functions in their groups, within a width; a method has a dot in front, and stands once.
pub fn map(width: usize) -> String {
    let mut text = String::new();
    let mut methods: Vec<String> = Vec::new();
    for (title, groups) in MAP {
        let mut names: Vec<String> = Vec::new();
        let current = functions().filter(|function| !OLD.contains(&function.name));
        for function in current.filter(|function| groups.contains(&function.group)) {
            names.push(match function.on {
                On::Nothing => function.name.to_owned(),
                _ => format!(".{}", function.name),
            });
        }
        names.dedup();
        names.retain(|name| !methods.contains(name));
        methods.extend(names.iter().filter(|name| name.starts_with('.')).cloned());
        text.push_str(&row(title, &names.join(" "), width));
    }
    text
}

/// A title with words beside it, or below it where there is little room.
pub fn row(title: &str, words: &str, width: usize) -> String {
    const INDENT: usize = 16;
    const FEW: usize = 24;
    match width.checked_sub(INDENT) {
        Some(room) if room > FEW => {
            let list = wrap(words, room).join(&format!("\n{:INDENT$}", ""));
            format!("{title:INDENT$}{list}\n")
        }
        _ => {
            let list = wrap(words, width.saturating_sub(2)).join("\n  ");
            format!("{title}\n  {list}\n")
        }
    }
}

/// What there is, on one screen.
pub fn overview() -> String {
    let mut text = map(WIDTH);
    text.push_str(&format!(
        "\nWhen something went wrong:\n{}\n",
        remedy::lines(|remedy| remedy.call)
    ));
    text.push_str(
        "\nA call with options declares; without them it finds or creates; .set(#{ ... })\n\
         changes only what it names. Nothing happens before commit() or a script's end:\n\
         plan() shows it. help(\"tcp\") says more, and any word will do: help(\"persist\"),\n\
         help(\"-m\").",
    );
    text
}

/// What a topic is about: a function, an option, a value, a property, or what it may mean; of
/// several words, what each of them is about. `width` is how wide the terminal is.
pub fn topic(topic: &str, width: usize) -> String {
    let wanted = topic.trim().trim_end_matches("()").trim_start_matches('.');
    if let Some(text) = exactly(wanted, width) {
        return text;
    }
    let found = search(wanted, width);
    if !found.is_empty() {
        return found.join("\n");
    }
    if let Some(text) = of_words(wanted, width) {
        return text;
    }
    let names: Vec<&str> = functions()
        .map(|function| function.name)
        .chain(VALUES.iter().map(|value| value.name))
        .chain(synonyms::words())
        .collect();
    match did_you_mean(wanted, names) {
        Some(name) => format!("nothing is known about \"{topic}\"; did you mean help(\"{name}\")?"),
        None => format!("nothing is known about \"{topic}\"; help() says what there is"),
    }
}

/// What a word is, where it is the name of something or means exactly one thing.
pub fn exactly(word: &str, width: usize) -> Option<String> {
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let named: Vec<String> = functions()
        .filter(|function| function.name == word || function.full_name() == word)
        .map(|function| of_function(function, width))
        .collect();
    if !named.is_empty() {
        return Some(named.join("\n\n"));
    }
    let mut found: Vec<String> = values::named(word)
        .map(|value| of_value(word, value, width))
        .collect();
    if let Some(meaning) = synonyms::of_table(word) {
        found.push(wrap(&format!("{word}: {}", meaning.sentence), width).join("\n"));
        let topics = meaning.topics.iter().filter(|topic| **topic != word);
        found.extend(topics.filter_map(|topic| exactly(topic, width)));
    } else {
        found.extend(
            ranked(word, width)
                .into_iter()
                .filter(|(rank, _)| *rank < 2)
                .map(|(_, line)| line),
        );
    }
    found.dedup();
    (!found.is_empty()).then(|| found.join("\n"))
}

/// What several words are about, the first few that are known.
fn of_words(text: &str, width: usize) -> Option<String> {
    let is_sign = |c: char| !c.is_alphanumeric() && !"-_".contains(c);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || is_sign(c))
        .filter(|word| !word.is_empty() && !FILLERS.contains(&word.to_lowercase().as_str()))
        .collect();
    let pairs = words.windows(2).map(|pair| pair.join("_"));
    let mut found: Vec<String> = pairs
        .chain(words.iter().map(|word| (*word).to_owned()))
        .filter_map(|word| {
            exactly(&word, width).or_else(|| exactly(word.strip_suffix('s')?, width))
        })
        .collect();
    let mut seen = BTreeSet::new();
    found.retain(|text| seen.insert(text.clone()));
    found.truncate(ANSWERED);
    (!found.is_empty()).then(|| found.join("\n\n"))
}

/// A value of an option, as a word named it.
fn of_value(word: &str, value: &OptionValue, width: usize) -> String {
    let first = match value.name == word {
        true => value.written(),
        false => format!("{word} is written {}", value.written()),
    };
    let doc = wrap(value.doc, width.saturating_sub(2));
    format!("{first}\n  {}", doc.join("\n  "))
}

/// Everything about a function.
pub fn of_function(function: &Function, width: usize) -> String {
    let mut text = String::new();
    for signature in signatures(function) {
        // What the language itself has, such as `import`, gives nothing that a sign could name.
        match function.forms.is_empty() {
            true => text.push_str(&format!("{signature}\n")),
            false => text.push_str(&format!("{signature} -> {}\n", function.result.words())),
        }
    }
    for line in function.doc.lines() {
        for line in wrap(line, width.saturating_sub(2)) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    if !function.options().is_empty() {
        text.push_str("options:\n");
        for option in function.options() {
            text.push_str(&of_option(option, width));
        }
    }
    if !function.errors.is_empty() {
        let kinds: Vec<&str> = function.errors.iter().map(|kind| kind.name()).collect();
        text.push_str(&hanging(&format!("errors: {}", kinds.join(", ")), width));
        text.push('\n');
    }
    text.push_str("example:\n");
    for line in function.example.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text.trim_end().to_owned()
}

/// How a function is written.
pub fn signatures(function: &Function) -> Vec<String> {
    match function.forms.is_empty() {
        true => vec![function.full_name()],
        false => function.signatures(),
    }
}

/// One option: its name, type, default, unit, range, and what it is for.
fn of_option(option: &Opt, width: usize) -> String {
    let room = width.saturating_sub(17);
    let doc = wrap(option.doc, room).join(&format!("\n{:17}", ""));
    let mut text = format!("  {:<14} {doc}", option.name);
    let mut facts = vec![option.takes.words().to_owned()];
    if !option.unit.is_empty() {
        facts.push(option.unit.to_owned());
    }
    facts.push(option.default_words());
    if !option.range.is_empty() {
        facts.push(option.range.to_owned());
    }
    text.push('\n');
    for line in wrap(&facts.join("; "), room) {
        text.push_str(&format!("{:17}{line}\n", ""));
    }
    text
}

/// Says whether a word is one of these. `-m` and `-M` are different things to ipvsadm: flags count
/// only as they are written.
fn is_among(word: &str, words: &[&str]) -> bool {
    words.contains(&word)
        || !word.starts_with('-') && words.iter().any(|one| one.eq_ignore_ascii_case(word))
}

/// Lines for what a word may mean: options and functions whose words hold it, best first.
fn search(word: &str, width: usize) -> Vec<String> {
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let found = ranked(word, width);
    let best = found.first().map_or(0, |(rank, _)| *rank);
    found
        .into_iter()
        .filter(|(rank, _)| *rank <= best.max(1))
        .map(|(_, line)| line)
        .collect()
}

/// The same with how well each fits: 0 for a name, 1 for another tool's word, then parts of them.
fn ranked(word: &str, width: usize) -> Vec<(u8, String)> {
    let lower = word.to_lowercase();
    let mut found: Vec<(u8, String)> = Vec::new();
    let rank = |name: &str, words: &[&str], doc: &str| -> Option<u8> {
        let flag = word.starts_with('-');
        if name == lower {
            Some(0)
        } else if is_among(word, words) {
            Some(1)
        } else if flag || lower.len() < 3 {
            None
        } else if name.contains(&lower) || words.iter().any(|w| w.to_lowercase().contains(&lower)) {
            Some(2)
        } else {
            doc.to_lowercase().contains(&lower).then_some(3)
        }
    };
    for (what, options) in option_lists() {
        for option in options {
            if let Some(rank) = rank(option.name, option.words, option.doc) {
                found.push((rank, format!("{what}\n{}", of_option(option, width))));
            }
        }
    }
    for property in READ_ONLY {
        if let Some(rank) = rank(property.name, &[], property.doc) {
            let owner = property.on.word().unwrap_or_default();
            let line = format!(
                "property {owner}.{} ({}): {}",
                property.name,
                property.gives.words(),
                property.doc
            );
            found.push((rank, hanging(&line, width)));
        }
    }
    for [name, types, range, default, doc] in checks::rows() {
        if let Some(rank) = rank(&name, &[], &doc) {
            let line =
                format!("option of a check ({types}) {name}: {doc} ({range}; default {default})");
            found.push((rank, hanging(&line, width)));
        }
    }
    for function in functions() {
        if let Some(rank) = rank(function.name, function.words, function.doc) {
            let line = format!(
                "{}: {}",
                signatures(function).join(", "),
                function.sentence()
            );
            found.push((rank, hanging(&line, width)));
        }
    }
    found.sort_by_key(|(rank, _)| *rank);
    let trimmed = |(rank, line): (u8, String)| (rank, line.trim_end().to_owned());
    found.into_iter().map(trimmed).collect()
}

/// Every list of options with a word for what they belong to.
fn option_lists() -> Vec<(String, &'static [Opt])> {
    let mut lists = vec![
        ("option of a virtual service".to_owned(), SERVICE),
        ("option of a real server".to_owned(), SERVER),
        ("option of a tunnel".to_owned(), super::options::TUNNEL),
    ];
    for function in functions() {
        let options = function.options();
        let known = lists.iter().any(|(_, list)| is_same(list, options));
        if !options.is_empty() && !known {
            lists.push((format!("option of {}", function.full_name()), options));
        }
    }
    lists
}

/// Lines of which all but the first stand further in.
fn hanging(text: &str, width: usize) -> String {
    wrap(text, width.saturating_sub(4)).join("\n    ")
}

/// Breaks a text into lines of a width at most; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
