//! A text's lines, and the words of a line as a shell splits them.

use std::collections::BTreeMap;

use crate::error::Error;

/// One command of a text.
#[derive(Debug)]
pub(super) struct Line {
    /// The number of its first line.
    pub number: usize,
    /// Its text; where backslashes join lines, all of them.
    pub text: String,
    /// Its words, or what keeps it from being only words.
    pub words: Result<Vec<String>, Trouble>,
}

/// Why a line is more than words.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What is wrong.
    pub error: Error,
    /// The column where it begins, counted from 1; 0 where no column is to blame.
    pub column: usize,
    /// Says whether the next lines may belong to it, so that they cannot be read either.
    pub open: bool,
}

/// Splits a text into commands and words: quotes and backslashes as a shell has them, comments
/// and blank lines left out, a backslash at the end joins the next line.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut whole) = open.take().unwrap_or((index + 1, String::new()));
        whole.push_str(line.trim_end_matches('\r'));
        if let Some(begun) = whole.strip_suffix('\\')
            && !begun.trim_start().starts_with('#')
        {
            open = Some((number, format!("{begun} ")));
            continue;
        }
        let words = split(&whole);
        if !words.as_ref().is_ok_and(Vec::is_empty) {
            lines.push(Line {
                number,
                text: whole,
                words,
            });
        }
    }
    if let Some((number, text)) = open {
        let words = Err(Trouble::open("the last line is not finished".to_owned()));
        lines.push(Line {
            number,
            text,
            words,
        });
    }
    lines
}

impl Trouble {
    /// A whole line is wrong.
    pub(super) fn line(error: Error) -> Trouble {
        Trouble {
            error,
            column: 0,
            open: false,
        }
    }

    pub(super) fn open(cause: String) -> Trouble {
        Trouble {
            error: Error::invalid(cause),
            column: 0,
            open: true,
        }
    }

    pub(super) fn shell(found: char, at: usize) -> Trouble {
        let error = Error::invalid(format!("\"{found}\" is for a shell, and this is none"));
        Trouble {
            error: run_it(error),
            column: at + 1,
            open: false,
        }
    }
}

/// Variables whose values are known, by name.
pub(super) type Variables = BTreeMap<String, String>;

type Chars<'a> = std::iter::Peekable<std::iter::Enumerate<std::str::Chars<'a>>>;

fn split(line: &str) -> Result<Vec<String>, Trouble> {
    split_with(line, &Variables::new())
}

/// Splits a command into words; variables that are known give their values.
pub(super) fn split_with(line: &str, variables: &Variables) -> Result<Vec<String>, Trouble> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '#' if word.is_none() => break,
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => quoted(&mut chars, '\'', word.get_or_insert_default(), variables)?,
            '"' => quoted(&mut chars, '"', word.get_or_insert_default(), variables)?,
            '$' => {
                let value = variable(&mut chars, at, variables)?;
                if word.as_deref().is_some_and(is_assignment) {
                    word.get_or_insert_default().push_str(value);
                    continue;
                }
                // Without quotes a value falls into words where it has blanks.
                for c in value.chars() {
                    match c.is_whitespace() {
                        true => words.extend(word.take()),
                        false => word.get_or_insert_default().push(c),
                    }
                }
            }
            '\\' => word
                .get_or_insert_default()
                .extend(chars.next().map(|(_, c)| c)),
            '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                return Err(Trouble::shell(c, at));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads the name behind a `$` and gives its value.
fn variable<'a>(
    chars: &mut Chars<'_>,
    at: usize,
    variables: &'a Variables,
) -> Result<&'a str, Trouble> {
    let in_braces = chars.next_if(|(_, c)| *c == '{').is_some();
    let mut name = String::new();
    while let Some((_, c)) = chars.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    // `${NAME:-default}` and its like are for a shell.
    if in_braces && chars.next_if(|(_, c)| *c == '}').is_none() {
        return Err(Trouble::shell('$', at));
    }
    let value = variables.get(&name).map(String::as_str);
    value.ok_or_else(|| Trouble::shell('$', at))
}

fn quoted(
    chars: &mut Chars<'_>,
    quote: char,
    word: &mut String,
    variables: &Variables,
) -> Result<(), Trouble> {
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            // Between double quotes a backslash is one, except before these.
            '\\' if quote == '"' => match chars.next() {
                Some((_, c @ ('$' | '`' | '"' | '\\'))) => word.push(c),
                other => word.extend(std::iter::once('\\').chain(other.map(|(_, c)| c))),
            },
            '$' if quote == '"' => word.push_str(variable(chars, at, variables)?),
            '`' if quote == '"' => return Err(Trouble::shell(c, at)),
            other => word.push(other),
        }
    }
    Err(Trouble::open(format!("a closing {quote} is missing")))
}

/// Adds what to do about a script that only a shell can run.
pub(super) fn run_it(error: Error) -> Error {
    error.hint("run the script and read what it made: ipvsadm -Sn, iptables-save -t mangle")
}

/// Says whether a word sets a variable.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(
            split("  a 'b c' \"d \\\" e\"f g\\ h # i").unwrap(),
            ["a", "b c", "d \" ef", "g h"]
        );
        assert_eq!(split("a#b ''").unwrap(), ["a#b", ""]);
        for (bad, column) in [
            ("$VIP", 1),
            ("a; b", 2),
            ("\"$(x)\"", 2),
            ("`x`", 1),
            ("a > b", 3),
            ("'a", 0),
        ] {
            assert_eq!(split(bad).unwrap_err().column, column, "{bad}");
        }
    }

    #[test]
    fn lines_join_and_keep_their_number() {
        let all = lines("# x\\\n\na \\\n b\r\nc\n");
        let numbers: Vec<usize> = all.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [3, 5]);
        assert_eq!(all[0].words.as_ref().unwrap(), &["a", "b"]);
        for (text, number) in [("a\n b \\", 2), ("a\n'b", 2)] {
            let last = lines(text).pop().unwrap();
            assert_eq!(last.number, number);
            assert!(last.words.unwrap_err().open, "{text}");
        }
    }
}
