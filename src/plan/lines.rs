//! Changes as lines, grouped by object.

use std::fmt;

use super::change::{Action, Change, Object, Part};

/// The lines of changes, one by one: each object's below its name.
pub fn lines(changes: &[Change]) -> Lines<'_> {
    Lines {
        changes: changes.iter(),
        under: None,
        named: None,
    }
}

/// What [`lines`] gives.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    changes: std::slice::Iter<'a, Change>,
    /// The object that the last line was about.
    under: Option<Object>,
    /// The change whose object's name was the last line.
    named: Option<&'a Change>,
}

/// A line of changes as readers see it; its text is what it prints:
/// `+ server 10.0.0.13:80  masq weight 1`.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// What happens; `None` is the name of an object, above what happens to its parts.
    pub action: Option<Action>,
    /// How deep it stands, in spaces.
    pub indent: usize,
    change: &'a Change,
}

impl<'a> Line<'a> {
    fn of(change: &'a Change) -> Line<'a> {
        Line {
            action: Some(change.action),
            indent: if change.part.is_some() { 2 } else { 0 },
            change,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if let Some(change) = self.named.take() {
            return Some(Line::of(change));
        }
        let change = self.changes.next()?;
        let before = self.under.replace(change.object);
        if change.part.is_none() || before == Some(change.object) {
            return Some(Line::of(change));
        }
        self.named = Some(change);
        Some(Line {
            action: None,
            indent: 0,
            change,
        })
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change {
            object,
            part,
            detail,
            ..
        } = self.change;
        let Some(action) = self.action else {
            return object.fmt(f);
        };
        fmt::Write::write_char(f, action.sign())?;
        f.write_str(" ")?;
        match part {
            None => object.fmt(f)?,
            Some(part) => part.fmt(f)?,
        }
        if detail.is_empty() {
            return Ok(());
        }
        // A name stands apart from what is said of it, a field beside its value.
        f.write_str(match part {
            None | Some(Part::Server(_)) => "  ",
            Some(_) => " ",
        })?;
        detail.fmt(f)
    }
}
