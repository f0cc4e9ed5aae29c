//! A look at a script's text that the parser does not give: what is code and what is not.
//!
//! [`super::token`] takes the text apart.

use std::collections::BTreeSet;

use super::pinpoint::place;
use super::token::{Kind, Pieces, Token, pieces};

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

/// Looks at a text.
pub fn scan(text: &str) -> Scan {
    let Pieces {
        tokens,
        has_open_backticks,
    } = pieces(text);
    let is_open = |token: &&Token| token.kind == Kind::Comment && !token.closed;
    let mut code = String::with_capacity(text.len());
    let mut done = 0;
    for token in tokens.iter().filter(|token| is_hidden(text, token)) {
        code += text.get(done..token.range.start).unwrap_or_default();
        let blanks = token.text(text).chars();
        code.extend(blanks.map(|c| if c == '\n' { c } else { ' ' }));
        done = token.range.end;
    }
    code += text.get(done..).unwrap_or_default();
    Scan {
        code,
        open_comment: tokens
            .iter()
            .find(is_open)
            .map(|token| place(text, token.range.start)),
        has_open_backticks,
    }
}

/// Returns true for comments and texts; a lone quote is left for the parser to complain about.
fn is_hidden(text: &str, token: &Token) -> bool {
    matches!(token.kind, Kind::Comment | Kind::Text) && token.text(text) != "'"
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
