//! A look at a script's text that the parser does not give: what is code and what is not.
//!
//! Source of truth: rhai's tokenizer (src/tokenizer.rs): `//`, nested `/* */`, `"..."` with
//! escapes, `#"..."#`, `'c'`, and backticks, which hold code in `${ }`.

use std::collections::BTreeSet;

/// What is code in a text.
#[derive(Debug, Default)]
pub struct Scan {
    /// The text with everything that is not code replaced by spaces: positions stay.
    pub code: String,
    /// Line and column of a `/*` that is never closed.
    pub open_comment: Option<(usize, usize)>,
    /// The text ends within backticks.
    pub has_open_backticks: bool,
}

/// What encloses the code at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// `${ ... }` in backticks: code again, with so many braces open.
    Template { braces: usize },
}

/// Looks at a text.
pub fn scan(text: &str) -> Scan {
    let characters: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        characters: &characters,
        at: 0,
        line: 1,
        column: 1,
        is_open: false,
        code: String::with_capacity(text.len()),
    };
    let mut stack: Vec<Inside> = Vec::new();
    let mut open_comment = None;
    while let Some(character) = reader.peek(0) {
        match (character, reader.peek(1)) {
            ('/', Some('/')) => reader.skip_line(),
            ('/', Some('*')) => {
                let start = (reader.line, reader.column);
                if !reader.skip_comment() {
                    open_comment = Some(start);
                }
            }
            ('"', _) => reader.skip_quoted('"'),
            ('\'', _) => reader.skip_character(),
            ('#', Some('"' | '#')) => reader.skip_raw(),
            ('`', _) => {
                reader.hide();
                if reader.skip_template() {
                    stack.push(Inside::Template { braces: 0 });
                }
            }
            ('{', _) => {
                if let Some(Inside::Template { braces }) = stack.last_mut() {
                    *braces += 1;
                }
                reader.keep();
            }
            ('}', _) => match stack.last_mut() {
                Some(Inside::Template { braces: 0 }) => {
                    stack.pop();
                    reader.hide();
                    if reader.skip_template() {
                        stack.push(Inside::Template { braces: 0 });
                    }
                }
                Some(Inside::Template { braces }) => {
                    *braces -= 1;
                    reader.keep();
                }
                None => reader.keep(),
            },
            _ => reader.keep(),
        }
    }
    Scan {
        has_open_backticks: reader.is_open || !stack.is_empty(),
        code: reader.code,
        open_comment,
    }
}

struct Reader<'a> {
    characters: &'a [char],
    at: usize,
    line: usize,
    column: usize,
    /// The text ended within backticks.
    is_open: bool,
    code: String,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn step(&mut self, hidden: bool) {
        let Some(character) = self.peek(0) else {
            return;
        };
        self.at += 1;
        if character == '\n' {
            self.line += 1;
            self.column = 1;
            self.code.push('\n');
        } else {
            self.column += 1;
            self.code.push(if hidden { ' ' } else { character });
        }
    }

    fn keep(&mut self) {
        self.step(false);
    }

    fn hide(&mut self) {
        self.step(true);
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.hide();
        }
    }

    /// Skips a comment with those inside it; says whether it is closed.
    fn skip_comment(&mut self) -> bool {
        let mut depth = 0usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return false,
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.hide();
                    self.hide();
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.hide();
                    self.hide();
                    if depth == 0 {
                        return true;
                    }
                }
                _ => self.hide(),
            }
        }
    }

    fn skip_quoted(&mut self, quote: char) {
        self.hide();
        while let Some(character) = self.peek(0) {
            self.hide();
            match character {
                '\\' => self.hide(),
                '\n' => return,
                other if other == quote => return,
                _ => {}
            }
        }
    }

    /// Skips `'x'`; a lone quote is left for the parser to complain about.
    fn skip_character(&mut self) {
        let line_end = |reader: &Self, ahead| reader.peek(ahead).is_none_or(|c| c == '\n');
        let mut ahead = 1;
        while !line_end(self, ahead) && ahead < 12 {
            match self.peek(ahead) {
                Some('\\') => ahead += 2,
                Some('\'') => {
                    (0..=ahead).for_each(|_| self.hide());
                    return;
                }
                _ => ahead += 1,
            }
        }
        self.keep();
    }

    /// Skips `#"..."#`; other uses of `#` (`#{`) are kept.
    fn skip_raw(&mut self) {
        let mut hashes = 0;
        while self.peek(hashes) == Some('#') {
            hashes += 1;
        }
        if self.peek(hashes) != Some('"') {
            self.keep();
            return;
        }
        (0..=hashes).for_each(|_| self.hide());
        while let Some(character) = self.peek(0) {
            self.hide();
            if character == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                (0..hashes).for_each(|_| self.hide());
                return;
            }
        }
    }

    /// Skips text of backticks up to its end or `${`; says whether code follows.
    fn skip_template(&mut self) -> bool {
        while let Some(character) = self.peek(0) {
            match (character, self.peek(1)) {
                ('`', Some('`')) => {
                    self.hide();
                    self.hide();
                }
                ('`', _) => {
                    self.hide();
                    return false;
                }
                ('$', Some('{')) => {
                    self.hide();
                    self.hide();
                    return true;
                }
                _ => self.hide(),
            }
        }
        self.is_open = true;
        false
    }
}

/// The words of some code with what follows each.
fn words(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_')?;
        let from = rest.get(start..)?;
        let length = from
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(from.len());
        let (word, after) = from.split_at_checked(length)?;
        rest = after;
        Some((word, after))
    })
}

/// The first word of a text, where it begins with one.
pub fn first_word(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let length = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    text.get(..length).filter(|word| !word.is_empty())
}

/// The variables of `catch (err)`.
pub fn catch_variables(code: &str) -> BTreeSet<String> {
    words(code)
        .filter(|(word, _)| *word == "catch")
        .filter_map(|(_, after)| after.trim_start().strip_prefix('('))
        .filter_map(first_word)
        .map(str::to_owned)
        .collect()
}

/// The names that a script declares: variables, constants, loop variables, parameters.
pub fn declared(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (word, after) in words(code) {
        match word {
            "let" | "const" | "as" => names.extend(first_word(after).map(str::to_owned)),
            "for" | "fn" => {
                let list = after.split(['{', ')']).next().unwrap_or_default();
                let list = list.split(" in ").next().unwrap_or_default();
                names.extend(
                    words(list)
                        .map(|(name, _)| name.to_owned())
                        .filter(|name| name != "in"),
                );
            }
            _ => {}
        }
    }
    names.extend(catch_variables(code));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_kept() {
        for (text, code) in [
            ("a // b", "a     "),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x // \" y", 'z') g"#, "f(           ,    ) g"),
            ("`a ${b + `c`} d` e", "     b +         e"),
            ("x = #\"a\"b\"#; y", "x =        ; y"),
            ("#{ a: 1 }", "#{ a: 1 }"),
        ] {
            assert_eq!(scan(text).code.trim_end(), code.trim_end(), "{text}");
        }
    }

    #[test]
    fn an_open_comment_is_found_where_it_begins() {
        assert_eq!(scan("a\n  /* b").open_comment, Some((2, 3)));
        assert_eq!(scan("\"/*\" `/*` // /*\n").open_comment, None);
    }

    #[test]
    fn names_are_found() {
        let code = "let a = 1; const B = 2; for (c, i) in x {} fn f(d, e) {} try {} catch (err) {}";
        let names: Vec<String> = declared(code).into_iter().collect();
        assert_eq!(names, ["B", "a", "c", "d", "e", "err", "f", "i"]);
    }
}
