//! The lines typed at a prompt that a snapshot is recorded with: those that staged something since
//! the last commit or discard, and the one that makes it. Answers to questions are not among them.

use crate::director::Session;
use crate::model::SnapshotId;
use crate::model::origin::TYPED_CHARS;
use crate::plan::Change;

/// The lines that staged something.
#[derive(Debug, Default)]
pub(super) struct Typed {
    lines: Vec<String>,
}

/// What was staged before a line ran.
pub(super) struct Before {
    base: Option<SnapshotId>,
    staged: Vec<Change>,
}

impl Typed {
    /// Lets a line's commits be recorded with what was typed for them.
    pub fn begin(&self, line: &str, session: &mut Session) -> Before {
        let own = (!is_bare_commit(line)).then_some(line);
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).chain(own).collect();
        session.director().set_typed(&lines.join("\n"));
        Before {
            base: base_of(session),
            staged: session.staged_changes(),
        }
    }

    /// Keeps a line that staged something; forgets all where nothing is staged any more.
    pub fn end(&mut self, line: &str, before: &Before, session: &Session) {
        let staged = session.staged_changes();
        if staged.is_empty() || (!before.staged.is_empty() && base_of(session) != before.base) {
            self.lines.clear();
        }
        if !staged.is_empty() && staged != before.staged {
            self.lines.push(line.trim_end().to_owned());
            self.forget_middle();
        }
    }

    /// Drops lines that a record has no place for, so that a long session does not keep them: the
    /// first ones and the last ones are recorded.
    fn forget_middle(&mut self) {
        let most = 2 * TYPED_CHARS;
        if self.lines.len() > most {
            self.lines.remove(TYPED_CHARS);
        }
    }
}

fn base_of(session: &Session) -> Option<SnapshotId> {
    session.loaded().and_then(|candidate| candidate.base_id())
}

/// Returns true for a line that says nothing but that what is staged is committed.
fn is_bare_commit(line: &str) -> bool {
    let line = line.trim().trim_end_matches(';').trim_end();
    matches!(line, "commit" | "commit()")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_commit_is_no_line_of_a_record() {
        for line in ["commit", " commit() ", "commit();", "commit() ;"] {
            assert!(is_bare_commit(line), "{line}");
        }
        for line in ["commit(\"why\")", "t.commit()", "commit(); commit()"] {
            assert!(!is_bare_commit(line), "{line}");
        }
    }
}
