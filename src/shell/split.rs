//! A line's words, as a POSIX shell would split them: quotes and backslashes, no expansion.
//!
//! Source of truth: POSIX.1-2024, Shell Command Language, 2.2 "Quoting".

use std::ops::Range;

use crate::error::{Error, Kind, Result};

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word without its quotes.
    pub text: String,
    /// Where it stands in the line, quotes included.
    pub range: Range<usize>,
    /// What the word lacks at its end, where something.
    pub open: Option<Open>,
}

/// What is not closed at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// A quote of this kind.
    Quote(char),
    /// A backslash with nothing behind it.
    Backslash,
}

/// Splits a line into words.
///
/// # Errors
/// `usage` for a quote that is not closed, and for what only a shell does: pipes, redirections,
/// several commands.
pub(super) fn split(line: &str) -> Result<Vec<String>> {
    let (words, sign) = words(line);
    let open = words.last().and_then(|word| word.open);
    match (open, sign) {
        (Some(Open::Quote(quote)), _) => Err(Error::new(
            Kind::Usage,
            format!("a quote is not closed: {quote}"),
        )),
        (Some(Open::Backslash), _) => Err(Error::new(Kind::Usage, "a backslash ends the line")),
        (None, Some(sign)) => Err(not_a_shell(sign)),
        (None, None) => Ok(words.into_iter().map(|word| word.text).collect()),
    }
}

fn not_a_shell(sign: char) -> Error {
    let (cause, hint) = match sign {
        '|' => (
            "the prompt has no pipes",
            "long results go through a pager, where / searches",
        ),
        '<' | '>' => (
            "the prompt has no redirections",
            "save(\"FILE\", \"json\") writes the rules to a file, staged changes included; \
             load(\"FILE\") stages those of one",
        ),
        _ => (
            "one line of the prompt is one command",
            "type the next one on a line of its own",
        ),
    };
    Error::new(Kind::Usage, cause)
        .object(sign)
        .hint(hint)
        .hint("where the sign belongs to a value, put that in quotes")
}

/// The words of a line, and the first sign that would mean something to a shell; what follows that
/// sign is not split. A `;` at the end means nothing.
pub(super) fn words(line: &str) -> (Vec<Word>, Option<char>) {
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let is_begun = word.is_some();
        match letter {
            c if c.is_whitespace() => words.extend(word.take()),
            '#' if !is_begun => break,
            ';' if line.get(at..).is_some_and(is_end) => break,
            '|' | '<' | '>' | '&' | ';' => {
                words.extend(word.take());
                return (words, Some(letter));
            }
            _ => {
                let word = word.get_or_insert_with(|| Word {
                    text: String::new(),
                    range: at..at,
                    open: None,
                });
                match letter {
                    '\'' | '"' => quoted(letter, &mut letters, word),
                    '\\' => match letters.next() {
                        Some((_, next)) => word.text.push(next),
                        None => word.open = Some(Open::Backslash),
                    },
                    plain => word.text.push(plain),
                }
                word.range.end = letters.peek().map_or(line.len(), |(next, _)| *next);
            }
        }
    }
    words.extend(word);
    (words, None)
}

fn is_end(rest: &str) -> bool {
    rest.chars().all(|c| c == ';' || c.is_whitespace())
}

/// Reads what stands between quotes. Between double quotes a backslash takes the meaning of a few
/// signs away, and stays before all others.
fn quoted(quote: char, letters: &mut impl Iterator<Item = (usize, char)>, word: &mut Word) {
    while let Some((_, letter)) = letters.next() {
        match letter {
            letter if letter == quote => return,
            '\\' if quote == '"' => match letters.next() {
                Some((_, next)) => {
                    if !matches!(next, '"' | '\\' | '$' | '`') {
                        word.text.push('\\');
                    }
                    word.text.push(next);
                }
                None => break,
            },
            letter => word.text.push(letter),
        }
    }
    word.open = Some(Open::Quote(quote));
}

/// A word as it has to be typed.
pub(super) fn typed(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+~[]*?".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (line, expected) in [
            ("rollback 2", &["rollback", "2"] as &[&str]),
            ("  a\tb  ; ", &["a", "b"]),
            (
                r#"-m "one 'two' \"three\" \n""#,
                &["-m", r#"one 'two' "three" \n"#],
            ),
            (r"-m 'a \ b'\''c'", &["-m", r"a \ b'c"]),
            (r"a\ b\|c ''", &["a b|c", ""]),
            ("tcp 192.0.2.1:80 # the web", &["tcp", "192.0.2.1:80"]),
            ("a#b", &["a#b"]),
            ("adopt '服务 1'", &["adopt", "服务 1"]),
            ("", &[]),
        ] {
            assert_eq!(split(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn what_only_a_shell_does_is_refused_in_words() {
        for (line, part) in [
            ("history | less", "|: the prompt has no pipes"),
            ("export > file", ">: the prompt has no redirections"),
            ("import <file", "<: the prompt has no redirections"),
            ("status && plan", "&: one line of the prompt is one command"),
            ("status; plan", ";: one line of the prompt is one command"),
            ("-m 'it", "a quote is not closed: '"),
            ("-m \"it\\", "a quote is not closed: \""),
            ("a \\", "a backslash ends the line"),
        ] {
            let error = split(line).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{line}");
            assert!(error.to_string().contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let line = "tag 'a b' c\\";
        let (words, _) = words(line);
        let places: Vec<&str> = words.iter().map(|word| &line[word.range.clone()]).collect();
        assert_eq!(places, ["tag", "'a b'", "c\\"]);
        assert_eq!(words[2].open, Some(Open::Backslash));
    }

    #[test]
    fn a_typed_word_is_that_word() {
        for word in ["head~2", "a b", "it's", "tcp", "x|y"] {
            assert_eq!(split(&typed(word)).unwrap(), [word]);
        }
    }
}
