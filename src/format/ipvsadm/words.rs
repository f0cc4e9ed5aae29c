//! A text's lines, and the words of a line as a shell splits them.

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
    fn open(cause: String) -> Trouble {
        Trouble {
            error: Error::invalid(cause),
            column: 0,
            open: true,
        }
    }

    fn shell(found: char, at: usize) -> Trouble {
        let error = Error::invalid(format!("\"{found}\" is for a shell, and this is none"));
        Trouble {
            error: super::shell::run_it(error),
            column: at + 1,
            open: false,
        }
    }
}

type Chars<'a> = std::iter::Enumerate<std::str::Chars<'a>>;

fn split(line: &str) -> Result<Vec<String>, Trouble> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        match c {
            '#' if word.is_none() => break,
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => quoted(&mut chars, '\'', word.get_or_insert_default())?,
            '"' => quoted(&mut chars, '"', word.get_or_insert_default())?,
            '\\' => word
                .get_or_insert_default()
                .extend(chars.next().map(|(_, c)| c)),
            '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                return Err(Trouble::shell(c, at));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(chars: &mut Chars<'_>, quote: char, word: &mut String) -> Result<(), Trouble> {
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => word.extend(chars.next().map(|(_, c)| c)),
            '$' | '`' if quote == '"' => return Err(Trouble::shell(c, at)),
            other => word.push(other),
        }
    }
    Err(Trouble::open(format!("a closing {quote} is missing")))
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
