//! A line in colours: what is a word of the language, a text, a number; which brackets belong
//! together, and which to none.

use std::slice;

use crate::api::{checks, functions, names, options};
use crate::output::{Paint, Style};
use crate::script::token::{Kind, Token, tokens};

/// The line with its colours; the cursor is before the byte `cursor`.
pub(super) fn paint(line: &str, cursor: Option<usize>, paint: Paint) -> String {
    let all = tokens(line);
    let brackets = Brackets::of(line, &all, cursor);
    let mut text = String::with_capacity(line.len() * 2);
    let mut end = 0;
    for (at, token) in all.iter().enumerate() {
        text.push_str(line.get(end..token.range.start).unwrap_or_default());
        let piece = token.text(line);
        let style = match brackets.style(at) {
            None => style(token, piece, all.get(at + 1), line),
            styled => styled,
        };
        match style {
            Some(style) => text.push_str(&paint.paint(style, piece)),
            None => text.push_str(piece),
        }
        end = token.range.end;
    }
    text.push_str(line.get(end..).unwrap_or_default());
    text
}

fn style(token: &Token, piece: &str, next: Option<&Token>, line: &str) -> Option<Style> {
    match token.kind {
        Kind::Comment => Some(Style::Faint),
        Kind::Text => Some(Style::Text),
        Kind::Number => Some(Style::Number),
        Kind::Keyword => Some(Style::Keyword),
        Kind::Word if next.is_some_and(|next| next.is(line, "(")) => {
            let is_ours = functions().any(|function| function.name == piece);
            is_ours.then_some(Style::Strong)
        }
        Kind::Word if next.is_some_and(|next| next.is(line, ":")) => is_option(piece),
        _ => None,
    }
}

fn is_option(piece: &str) -> Option<Style> {
    let lists = [
        options::SERVICE,
        options::SERVER,
        options::MARK,
        options::TUNNEL,
        slice::from_ref(&names::ADDRESS),
    ];
    let of_functions = functions().map(|function| function.options());
    let mut all = lists.into_iter().chain(of_functions).flatten();
    let is_known = all.any(|option| option.name == piece) || checks::is_option(piece);
    is_known.then_some(Style::Strong)
}

/// The brackets of a line that are to be seen.
#[derive(Default)]
struct Brackets {
    /// The pair at the cursor.
    pair: Option<(usize, usize)>,
    /// Closing ones that close nothing, or something else.
    wrong: Vec<usize>,
}

impl Brackets {
    fn of(line: &str, all: &[Token], cursor: Option<usize>) -> Brackets {
        let mut found = Brackets::default();
        let mut open: Vec<(usize, &str)> = Vec::new();
        // The bracket under the cursor, or the one just before it.
        let is_at = |token: &Token| {
            cursor.is_some_and(|cursor| token.range.start == cursor || token.range.end == cursor)
        };
        for (at, token) in all.iter().enumerate().filter(|(_, t)| t.kind == Kind::Sign) {
            let closes = match token.text(line) {
                "(" => {
                    open.push((at, ")"));
                    continue;
                }
                "[" => {
                    open.push((at, "]"));
                    continue;
                }
                "{" | "#{" => {
                    open.push((at, "}"));
                    continue;
                }
                sign @ (")" | "]" | "}") => sign,
                _ => continue,
            };
            match open.last() {
                Some((opening, wanted)) if *wanted == closes => {
                    let opened = all.get(*opening);
                    if found.pair.is_none() && (is_at(token) || opened.is_some_and(is_at)) {
                        found.pair = Some((*opening, at));
                    }
                    open.pop();
                }
                _ => found.wrong.push(at),
            }
        }
        found
    }

    fn style(&self, at: usize) -> Option<Style> {
        if self.wrong.contains(&at) {
            return Some(Style::Wrong);
        }
        let (open, close) = self.pair?;
        (at == open || at == close).then_some(Style::Match)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours' codes made readable.
    fn painted(line: &str, cursor: Option<usize>) -> String {
        let text = paint(line, cursor, Paint::new(true));
        text.replace("\x1b[0m", ">").replace("\x1b[", "<")
    }

    #[test]
    fn each_kind_has_its_colour() {
        assert_eq!(
            painted("let w = tcp(\"a\", #{ weight: 1 }); // x", None),
            "<35mlet> w = <1mtcp>(<32m\"a\">, #{ <1mweight>: <36m1> }); <2m// x>"
        );
        assert_eq!(painted("nobody(x)", None), "nobody(x)");
    }

    #[test]
    fn brackets_at_the_cursor_and_wrong_ones_are_seen() {
        assert_eq!(painted("f(1])", Some(5)), "f<1;4m(><36m1><4;31m]><1;4m)>");
        assert_eq!(painted("f((1))", Some(2)), "f(<1;4m(><36m1><1;4m)>)");
        assert_eq!(painted("{a}", None), "{a}");
    }
}
