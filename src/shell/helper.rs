//! What rustyline asks while a line is typed: is it whole, what could it become.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter, MatchingBracketHighlighter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Hinter};

use super::words::WORDS;
use crate::api::functions;
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
        let words = WORDS.iter().map(|(name, _, _)| *name);
        let functions = functions().map(|function| function.name);
        let mut names: Vec<String> = words.chain(functions).map(str::to_owned).collect();
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
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let start = before.trim_end_matches(is_name).len();
        let word = before.get(start..).unwrap_or("");
        if word.is_empty() || is_in_text(before) {
            return Ok((start, Vec::new()));
        }
        let fitting = self.names.iter().filter(|name| name.starts_with(word));
        Ok((start, fitting.cloned().collect()))
    }
}

/// Says whether what was typed so far ends inside quotes.
fn is_in_text(before: &str) -> bool {
    before.chars().filter(|c| *c == '"').count() % 2 == 1
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
