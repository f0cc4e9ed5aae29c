//! What rustyline asks while a line is typed: is it whole, what could it become, how it looks.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use rustyline::completion::{self, Completer};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::complete::{Candidate, command_of, complete, variables};
use super::words::is_topic;
use super::world::World;
use super::{highlight, hints, ipvsadm};
use crate::output::{Paint, Style, columns, is_utf8};
use crate::script::is_incomplete;

/// The helper of a line.
#[derive(Helper)]
pub(super) struct LineHelper {
    paint: Paint,
    world: Rc<dyn World>,
    history: HistoryHinter,
    /// The line is done: the cursor's bracket is no longer of interest.
    is_done: Cell<bool>,
    /// A question is being answered: what is typed is no script.
    pub answering: bool,
    /// How many columns the prompt takes.
    pub indent: usize,
    /// The lines of a block that was begun, each with its newline: the line goes on from there.
    pub before: String,
}

impl LineHelper {
    /// A helper that knows a world and colours as told.
    pub fn new(paint: Paint, world: Rc<dyn World>) -> LineHelper {
        LineHelper {
            paint,
            world,
            history: HistoryHinter::new(),
            is_done: Cell::new(false),
            answering: false,
            indent: 0,
            before: String::new(),
        }
    }

    /// Returns true for text that ends in the middle of a block.
    pub fn is_unfinished(&self, text: &str) -> bool {
        let is_script = !self.answering
            && !is_topic(text)
            && !ipvsadm::is_line(text, &variables(&*self.world))
            && command_of(text, &*self.world).is_none();
        is_script && is_incomplete(text)
    }

    /// A line with what was typed before it, in the same block.
    fn whole<'l>(&self, line: &'l str) -> Cow<'l, str> {
        match self.before.is_empty() {
            true => Cow::Borrowed(line),
            false => Cow::Owned(format!("{}{line}", self.before)),
        }
    }

    /// How many columns are left behind the end of a line.
    fn room(&self, line: &str) -> usize {
        let width = columns().map_or(80, usize::from).max(1);
        let (indent, last) = match line.rsplit_once('\n') {
            Some((_, last)) => (0, last),
            None => (self.indent, line),
        };
        width - (indent + last.chars().count()) % width - 1
    }
}

/// A line is always taken: what is unfinished goes on behind a prompt of its own.
impl Validator for LineHelper {}

impl completion::Candidate for Candidate {
    fn display(&self) -> &str {
        &self.shown
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

impl Completer for LineHelper {
    type Candidate = Candidate;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Candidate>)> {
        if self.answering {
            return Ok((place, Vec::new()));
        }
        let before = self.before.len();
        let (start, found) = complete(&self.whole(line), before + place, &*self.world);
        // What was sent off is not to be replaced any more.
        Ok(match start.checked_sub(before) {
            Some(start) => (start, found),
            None => (place, Vec::new()),
        })
    }
}

/// What is shown behind the cursor.
pub(super) struct Hint {
    shown: String,
    /// What the right arrow puts in; a signature is only to be read.
    taken: Option<String>,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.taken.as_deref()
    }
}

impl Hinter for LineHelper {
    type Hint = Hint;

    fn hint(&self, line: &str, place: usize, context: &Context<'_>) -> Option<Hint> {
        // Without colours it would look like what was typed.
        let is_plain = self.answering || !self.paint.is_on();
        if is_plain || place < line.len() || line.trim().is_empty() {
            return None;
        }
        if let Some(shown) = hints::signature(&self.whole(line), &*self.world) {
            let shown = hints::fitting(&shown, self.room(line), is_utf8())?;
            return Some(Hint { shown, taken: None });
        }
        // Of several lines only the last would be looked for.
        let earlier = self.history.hint(line, place, context);
        let shown = earlier.filter(|rest| !rest.contains('\n'))?;
        Some(Hint {
            taken: Some(shown.clone()),
            shown,
        })
    }
}

impl Highlighter for LineHelper {
    fn highlight<'l>(&self, line: &'l str, place: usize) -> Cow<'l, str> {
        match self.paint.is_on() && !self.answering {
            true => Cow::Owned({
                let cursor = (!self.is_done.get()).then_some(self.before.len() + place);
                let painted = highlight::paint(&self.whole(line), cursor, self.paint);
                let above = self.before.matches('\n').count();
                let own = painted.splitn(above + 1, '\n').last();
                own.unwrap_or_default().to_owned()
            }),
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

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.paint.paint(Style::Faint, hint))
    }

    fn highlight_char(&self, _line: &str, _place: usize, kind: CmdKind) -> bool {
        self.is_done.set(kind == CmdKind::ForcedRefresh);
        self.paint.is_on()
    }
}
