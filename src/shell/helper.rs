//! What rustyline asks while a line is typed: is it whole, what could it become.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter, MatchingBracketHighlighter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Hinter};

use super::words::WORDS;
use crate::output::{Paint, Style};
use crate::script::is_incomplete;

/// The helper of a line.
#[derive(Helper, Hinter)]
pub(super) struct LineHelper {
    brackets: MatchingBracketHighlighter,
    paint: Paint,
    names: Vec<String>,
    /// A question is being answered: what is typed is no script.
    pub answering: bool,
}

impl LineHelper {
    /// A helper that colours as told.
    pub fn new(paint: Paint) -> LineHelper {
        let names = WORDS.iter().map(|(name, _, _)| (*name).to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        LineHelper {
            brackets: MatchingBracketHighlighter::new(),
            paint,
            names,
            answering: false,
        }
    }
}

impl Validator for LineHelper {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        match !self.answering && is_incomplete(context.input()) {
            true => Ok(ValidationResult::Incomplete),
            false => Ok(ValidationResult::Valid(None)),
        }
    }
}

impl Completer for LineHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..place).unwrap_or(line);
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| {
                at + before
                    .get(at..)
                    .and_then(|s| s.chars().next())
                    .map_or(1, char::len_utf8)
            });
        let word = before.get(start..).unwrap_or("");
        let fitting = self.names.iter().filter(|name| name.starts_with(word));
        Ok((start, fitting.cloned().collect()))
    }
}

impl Highlighter for LineHelper {
    fn highlight<'l>(&self, line: &'l str, place: usize) -> Cow<'l, str> {
        match self.paint.is_on() {
            true => self.brackets.highlight(line, place),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Owned(self.paint.paint(Style::Strong, prompt))
    }

    fn highlight_char(&self, line: &str, place: usize, kind: CmdKind) -> bool {
        self.paint.is_on() && self.brackets.highlight_char(line, place, kind)
    }
}
