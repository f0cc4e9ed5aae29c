//! Syntax errors in the user's words, with what to write instead.

use rhai::{LexError, ParseError, ParseErrorType, Position};

use super::pinpoint::offset;
use super::token::tokens;
use crate::api::types::words_of_name;
use crate::error::{Error, Kind};
use crate::format::{Seen, Translated, translate};

/// A syntax error; `line` is the text of the line that it is in, `column` its place there.
pub fn describe(kind: &ParseErrorType, line: &str, column: usize) -> Error {
    let (cause, hint) = words(kind, line, column);
    let error = Error::new(Kind::Script, cause);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Says whether a text that failed to parse is the beginning of one that would.
pub fn is_incomplete(error: &ParseError, text: &str) -> bool {
    let end = text.trim_end().lines().count();
    let at_end = error.position().line().is_none_or(|line| line >= end);
    match error.err_type() {
        ParseErrorType::UnexpectedEOF => true,
        ParseErrorType::MissingToken(token, _) => {
            // In a block that is not closed a statement may end with the next line.
            at_end && matches!(token.as_str(), "}" | ")" | "]")
                || token == ";" && is_behind_all(error.position(), text) && is_open(text)
        }
        _ => false,
    }
}

/// Says whether a position is behind everything that a text holds.
fn is_behind_all(position: Position, text: &str) -> bool {
    match (position.line(), position.position()) {
        (Some(line), Some(column)) => {
            offset(text, line, column).is_none_or(|at| at >= text.trim_end().len())
        }
        _ => true,
    }
}

/// Says whether a bracket of a text is not closed.
fn is_open(text: &str) -> bool {
    let mut depth = 0i32;
    for token in tokens(text) {
        match token.text(text) {
            "(" | "[" | "{" | "#{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}

fn words(kind: &ParseErrorType, line: &str, column: usize) -> (String, Option<String>) {
    use ParseErrorType as P;
    match kind {
        P::UnexpectedEOF => (
            "the script ends in the middle of something".to_owned(),
            Some("a \"}\", \")\" or \"]\" may be missing".to_owned()),
        ),
        P::BadInput(LexError::UnterminatedString) => (
            "a text is not closed".to_owned(),
            Some("end it with a quote; a text over several lines stands in backticks".to_owned()),
        ),
        P::BadInput(LexError::UnexpectedInput(input)) => unexpected(input),
        P::BadInput(LexError::ImproperSymbol(symbol, _)) if symbol == "eval" => reserved(symbol),
        P::BadInput(LexError::MalformedChar(_)) => (
            "single quotes hold one character".to_owned(),
            Some("text stands in double quotes".to_owned()),
        ),
        P::BadInput(other) => (lower(&other.to_string()), None),
        P::Reserved(word) => reserved(word),
        P::AssignmentToInvalidLHS(_) => (
            "the result of a call cannot be assigned to".to_owned(),
            Some(assignment(line).unwrap_or_else(|| {
                "write object.set(#{ option: value }), or first let x = ...;".to_owned()
            })),
        ),
        P::AssignmentToConstant(name) => (
            format!("{name} is a constant"),
            Some("a variable that changes is declared with let".to_owned()),
        ),
        P::MissingToken(token, why) => (
            format!("\"{token}\" is missing {why}")
                .trim_end()
                .replace('\'', "\""),
            missing(token, line),
        ),
        P::MismatchedType(wanted, given) => (
            format!("expected {}, not {}", phrase(wanted), phrase(given)),
            None,
        ),
        P::UnknownOperator(sign) => reserved(sign),
        P::ExprTooDeep => (
            "it is nested too deep".to_owned(),
            Some("give a part of it a name: let part = ...;".to_owned()),
        ),
        P::VariableExpected => (
            "the name of a variable is missing".to_owned(),
            reserved_after(line, column)
                .map(|word| format!("\"{word}\" cannot be a name: it is a word of the language")),
        ),
        P::LiteralTooLarge(what, most) => (
            format!("{} is larger than {most}", lower(what)),
            Some("keep data in a file of its own: parse_json(read(path))".to_owned()),
        ),
        P::DuplicatedProperty(name) => (format!("\"{name}\" is given twice"), None),
        other => (lower(&other.to_string()).replace('\'', "\""), None),
    }
}

/// The parser's words for what stands there.
fn phrase(text: &str) -> &str {
    match text {
        "a boolean expression" | "a boolean" => "true or false",
        "an iterable value" => "an array, a range or text",
        "a floating-point number" => "a number",
        "a string" => "text",
        "an object map" => "a map",
        other if other.starts_with("a ") || other.starts_with("an ") => other,
        name => words_of_name(name),
    }
}

fn unexpected(input: &str) -> (String, Option<String>) {
    let hint = match input {
        "'" | "'''" => Some("text stands in double quotes"),
        "\u{201c}" | "\u{201d}" | "\u{201e}" => Some("these are not plain double quotes: \""),
        "\\" => Some("a call may go on in the next line without a sign"),
        _ => None,
    };
    (
        format!("\"{input}\" is not understood here"),
        hint.map(str::to_owned),
    )
}

fn reserved(word: &str) -> (String, Option<String>) {
    let is_word = word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let hint = match word {
        "++" => Some("write x += 1".to_owned()),
        "--" => Some("write x -= 1".to_owned()),
        "===" | "!==" => Some("write == or !=".to_owned()),
        "->" | "<-" => Some("call a method with a dot".to_owned()),
        "eval" => Some("code in text is not run; call a function".to_owned()),
        "var" => Some("a variable is declared with let".to_owned()),
        "null" | "nil" => Some("nothing is written ()".to_owned()),
        word if is_word => Some(format!("choose another name, like {word}_ or my_{word}")),
        _ => None,
    };
    match is_word {
        true if word == "eval" => ("eval is not available".to_owned(), hint),
        true => (
            format!("\"{word}\" is a word of the language and cannot be a name"),
            hint,
        ),
        false => (format!("\"{word}\" has no meaning in a script"), hint),
    }
}

/// The word of the language that stands where a name was expected: `let if = 1`.
fn reserved_after(line: &str, column: usize) -> Option<&str> {
    let start = line.char_indices().nth(column.checked_sub(1)?)?.0;
    super::scan::first_word(line.get(start..)?)
}

fn missing(token: &str, line: &str) -> Option<String> {
    let trimmed = line.trim_start();
    match token {
        ";" if trimmed.starts_with("-") || trimmed.starts_with("ipvsadm") => {
            Some(match translate(trimmed) {
                Ok(Translated::Change(code) | Translated::View(Seen { code, .. })) => {
                    format!("this looks like a line for ipvsadm: in a script it is {code}")
                }
                _ => "this looks like a line for ipvsadm: help(\"-A\") has the same in words"
                    .to_owned(),
            })
        }
        ";" => Some("statements are separated by \";\"".to_owned()),
        "{" if trimmed.starts_with("if") || trimmed.starts_with("else") => {
            Some("what follows a condition stands in braces".to_owned())
        }
        _ => None,
    }
}

/// `tcp("a").weight = 1` as what can be written: `tcp("a").set(#{ weight: 1 })`.
fn assignment(line: &str) -> Option<String> {
    let code = super::scan::scan(line).code;
    let equals = code.match_indices('=').map(|(at, _)| at).find(|at| {
        let before = code.get(..*at).and_then(|c| c.chars().next_back());
        let after = code.get(at + 1..).and_then(|c| c.chars().next());
        !matches!(before, Some('=' | '!' | '<' | '>')) && after != Some('=')
    })?;
    let operator = code
        .get(..equals)?
        .chars()
        .next_back()
        .filter(|c| "+-*/%&|^".contains(*c));
    // The scan keeps positions by character; what is before them may be longer in bytes.
    let nth = |index: usize| {
        let characters = code.get(..index)?.chars().count();
        line.char_indices()
            .nth(characters)
            .map(|(at, _)| at)
            .or(Some(line.len()))
    };
    let left_end = equals - operator.map_or(0, char::len_utf8);
    let left_code = code.get(..left_end)?;
    let dot = left_code.rfind('.')?;
    let object = line.get(..nth(dot)?)?.trim();
    let property = left_code.get(dot + 1..)?.trim();
    let value_end = code
        .get(equals..)?
        .find(';')
        .map_or(code.len(), |at| equals + at);
    let value = line.get(nth(equals + 1)?..nth(value_end)?)?.trim();
    let plain = !property.is_empty()
        && property
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
    if object.is_empty() || !plain || value.is_empty() {
        return None;
    }
    Some(match operator {
        None => format!("write {object}.set(#{{ {property}: {value} }})"),
        Some(sign) => {
            format!("write let x = {object}; x.set(#{{ {property}: x.{property} {sign} {value} }})")
        }
    })
}

/// Rhai's sentences begin with a capital letter; ours are parts of a line.
pub fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_to_calls_are_rewritten() {
        for (line, hint) in [
            (
                "tcp(\"a\").weight = 1",
                "write tcp(\"a\").set(#{ weight: 1 })",
            ),
            (
                "  find(\"é = b\").scheduler = \"rr\"; // x",
                "write find(\"é = b\").set(#{ scheduler: \"rr\" })",
            ),
            (
                "web.find(\"a\").weight += 2;",
                "write let x = web.find(\"a\"); x.set(#{ weight: x.weight + 2 })",
            ),
        ] {
            assert_eq!(assignment(line).as_deref(), Some(hint));
        }
        assert_eq!(assignment("f() = 1"), None);
    }
}
