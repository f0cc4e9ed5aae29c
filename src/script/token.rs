//! The pieces of a text as a reader sees them: for colours, completion and what `check` looks at.
//!
//! Unlike Rhai's own tokenizer it never fails: a line that is being typed is half a script. Every
//! byte but white space is in a token. Source of truth: rhai's tokenizer (src/tokenizer.rs).

use std::ops::Range;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `// ...`, `/* ... */`.
    Comment,
    /// `"..."`, `'c'`, `#"..."#`, and what stands in backticks beside `${ }`.
    Text,
    /// `42`, `0x2a`, `0.5`.
    Number,
    /// A name.
    Word,
    /// A word of the language.
    Keyword,
    /// Anything else: a bracket, `#{`, an operator.
    Sign,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it is, in bytes.
    pub range: Range<usize>,
    /// A text or comment has its end.
    pub closed: bool,
}

impl Token {
    /// The piece itself.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.range.clone()).unwrap_or_default()
    }

    /// Says whether it is a certain sign or keyword.
    pub fn is(&self, text: &str, sign: &str) -> bool {
        matches!(self.kind, Kind::Sign | Kind::Keyword) && self.text(text) == sign
    }
}

/// The words of the language.
pub const KEYWORDS: [&str; 27] = [
    "as", "break", "catch", "const", "continue", "do", "else", "export", "false", "fn", "for",
    "global", "if", "import", "in", "let", "loop", "private", "return", "switch", "this", "throw",
    "true", "try", "until", "while", "Fn",
];

/// Signs of two characters that mean something to a reader of tokens.
const PAIRS: [&str; 11] = [
    "#{", "::", "=>", "..", "==", "!=", "<=", ">=", "&&", "||", "?.",
];

/// A text, taken apart.
#[derive(Debug)]
pub struct Pieces {
    /// Everything but white space.
    pub tokens: Vec<Token>,
    /// The text ends within backticks, or within the code of a `${` of theirs.
    pub has_open_backticks: bool,
}

/// Takes a text apart.
pub fn tokens(text: &str) -> Vec<Token> {
    pieces(text).tokens
}

/// Takes a text apart, and says whether backticks are open at its end.
pub fn pieces(text: &str) -> Pieces {
    let mut reader = Reader {
        text,
        at: 0,
        tokens: Vec::new(),
        templates: Vec::new(),
    };
    while reader.next() {}
    let is_open = |last: &Token| {
        let is_template = last.text(text).starts_with(['`', '}']);
        last.kind == Kind::Text && is_template && !last.closed
    };
    Pieces {
        has_open_backticks: !reader.templates.is_empty()
            || reader.tokens.last().is_some_and(is_open),
        tokens: reader.tokens,
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// For each `${` that is open, how many braces are open in it.
    templates: Vec<usize>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, length: usize, closed: bool) {
        let end = (self.at + length).min(self.text.len());
        self.tokens.push(Token {
            kind,
            range: self.at..end,
            closed,
        });
        self.at = end;
    }

    fn next(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return false;
        };
        match first {
            blank if blank.is_whitespace() => {
                let blanks = rest.len() - rest.trim_start().len();
                self.at += blanks;
            }
            '/' if rest.starts_with("//") => {
                let length = rest.find('\n').unwrap_or(rest.len());
                self.push(Kind::Comment, length, true);
            }
            '/' if rest.starts_with("/*") => {
                let (length, closed) = comment(rest);
                self.push(Kind::Comment, length, closed);
            }
            '"' => {
                let (length, closed) = quoted(rest);
                self.push(Kind::Text, length, closed);
            }
            '\'' => {
                let length = character(rest);
                self.push(Kind::Text, length, true);
            }
            '#' => match raw(rest) {
                Some((length, closed)) => self.push(Kind::Text, length, closed),
                None => self.sign(first),
            },
            '`' => self.template(1),
            digit if digit.is_ascii_digit() => {
                let length = number(rest);
                self.push(Kind::Number, length, true);
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let is_name = |c: char| c.is_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default();
                let kind = match (2..=8).contains(&length) && KEYWORDS.contains(&word) {
                    true => Kind::Keyword,
                    false => Kind::Word,
                };
                self.push(kind, length, true);
            }
            sign => self.sign(sign),
        }
        true
    }

    fn sign(&mut self, first: char) {
        match (first, self.templates.last_mut()) {
            ('}', Some(0)) => {
                self.templates.pop();
                return self.template(1);
            }
            ('}', Some(open)) => *open -= 1,
            ('{', Some(open)) => *open += 1,
            _ => {}
        }
        let rest = self.rest();
        // Most signs stand alone, and a text may have a hundred thousand.
        let second = rest.as_bytes().get(first.len_utf8());
        let pair = match second {
            Some(b'{' | b':' | b'>' | b'.' | b'=' | b'&' | b'|') => {
                PAIRS.into_iter().find(|pair| rest.starts_with(pair))
            }
            _ => None,
        };
        if pair == Some("#{")
            && let Some(open) = self.templates.last_mut()
        {
            *open += 1;
        }
        self.push(Kind::Sign, pair.map_or(first.len_utf8(), str::len), true);
    }

    /// A piece within backticks: up to the closing one, or through the next `${`.
    fn template(&mut self, skip: usize) {
        let rest = self.rest();
        let body = rest.get(skip..).unwrap_or_default();
        // Not looked for behind the end: a large text with many of them would take minutes.
        let end = body.find('`');
        let code = body.get(..end.unwrap_or(body.len()));
        match (code.and_then(|code| code.find("${")), end) {
            (Some(code), _) => {
                self.push(Kind::Text, skip + code + 2, true);
                self.templates.push(0);
            }
            (None, Some(end)) => self.push(Kind::Text, skip + end + 1, true),
            (None, None) => self.push(Kind::Text, rest.len(), false),
        }
    }
}

/// The length of a comment, with those inside it.
fn comment(rest: &str) -> (usize, bool) {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
        if left.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if left.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return (at, true);
            }
        } else {
            at += left.chars().next().map_or(1, char::len_utf8);
        }
    }
    (rest.len(), false)
}

/// The length of `"..."`, which ends with its line.
fn quoted(rest: &str) -> (usize, bool) {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '\n' if !escaped => return (at, false),
            '"' if !escaped => return (at + 1, true),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (rest.len(), false)
}

/// The length of `'c'`; a lone quote is one character.
fn character(rest: &str) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1).take(11) {
        match character {
            '\n' => break,
            '\'' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    1
}

/// The length of `#"..."#`, where there is one.
fn raw(rest: &str) -> Option<(usize, bool)> {
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let body = rest.get(hashes..)?.strip_prefix('"')?;
    if hashes == 0 {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(match body.find(&end) {
        Some(at) => (hashes + 1 + at + end.len(), true),
        None => (rest.len(), false),
    })
}

fn number(rest: &str) -> usize {
    let mut end = 0;
    for (at, character) in rest.char_indices() {
        let next = rest.get(at + 1..).and_then(|after| after.chars().next());
        let is_part = character.is_ascii_alphanumeric()
            || character == '_'
            || (character == '.' && next.is_some_and(|c| c.is_ascii_digit()));
        if !is_part {
            break;
        }
        end = at + character.len_utf8();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(Kind, &str)> {
        tokens(text)
            .iter()
            .map(|t| (t.kind, t.text(text)))
            .collect()
    }

    #[test]
    fn a_line_is_taken_apart() {
        use Kind::{Comment, Keyword, Number, Sign, Text, Word};
        assert_eq!(
            pieces("let w = tcp(\"a \\\" b\", #{ weight: 0x1F, f: 0.5 }); // é"),
            [
                (Keyword, "let"),
                (Word, "w"),
                (Sign, "="),
                (Word, "tcp"),
                (Sign, "("),
                (Text, "\"a \\\" b\""),
                (Sign, ","),
                (Sign, "#{"),
                (Word, "weight"),
                (Sign, ":"),
                (Number, "0x1F"),
                (Sign, ","),
                (Word, "f"),
                (Sign, ":"),
                (Number, "0.5"),
                (Sign, "}"),
                (Sign, ")"),
                (Sign, ";"),
                (Comment, "// é"),
            ]
        );
        assert_eq!(
            pieces("`a ${#{ x: 1 }} b`"),
            [
                (Text, "`a ${"),
                (Sign, "#{"),
                (Word, "x"),
                (Sign, ":"),
                (Number, "1"),
                (Sign, "}"),
                (Text, "} b`"),
            ]
        );
        assert_eq!(
            pieces("1..4 #\"a\"b\"# 'x' '"),
            [
                (Number, "1"),
                (Sign, ".."),
                (Number, "4"),
                (Text, "#\"a\"b\"#"),
                (Text, "'x'"),
                (Text, "'"),
            ]
        );
    }

    #[test]
    fn the_short_cuts_miss_no_pair_and_no_keyword() {
        for pair in PAIRS {
            assert_eq!(pieces(pair), [(Kind::Sign, pair)]);
        }
        for word in KEYWORDS {
            assert_eq!(pieces(word), [(Kind::Keyword, word)]);
        }
    }

    #[test]
    fn what_is_open_is_known() {
        for (text, closed) in [
            ("\"abc", false),
            ("\"abc\\\"", false),
            ("\"abc\"", true),
            ("`abc ${x} d", false),
            ("/* a /* b */", false),
            ("/* a /* b */ */", true),
        ] {
            let all = tokens(text);
            assert_eq!(all.last().map(|t| t.closed), Some(closed), "{text}");
        }
    }
}
