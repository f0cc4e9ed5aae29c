//! Reads the lines of a prompt: with an editor, or plainly where the terminal has no editing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::helper::LineHelper;
use crate::signals::{self, Patient};

/// Terminals that rustyline does not edit a line on (`UNSUPPORTED_TERM` in its tty/mod.rs).
const WITHOUT_EDITING: [&str; 3] = ["dumb", "cons25", "emacs"];

/// Reads lines from the terminal.
pub(super) struct LineReader {
    /// The editor; it keeps the lines that were typed, also where it does not read them.
    pub editor: Editor<LineHelper, FileHistory>,
    /// Standard input, where the terminal has no editing. There Ctrl-C is a signal, not a key, and
    /// rustyline neither sees it nor says that it came.
    plain: Option<BufReader<Patient<File>>>,
}

impl LineReader {
    /// Makes a reader for the terminal that TERM names.
    ///
    /// # Errors
    /// As the terminal cannot be used.
    pub fn new(config: Config, helper: LineHelper) -> rustyline::Result<LineReader> {
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(helper));
        let term = std::env::var("TERM").unwrap_or_default();
        let plain = match WITHOUT_EDITING
            .iter()
            .any(|name| term.eq_ignore_ascii_case(name))
        {
            true => {
                let input = io::stdin().as_fd().try_clone_to_owned()?;
                Some(BufReader::new(Patient::new(File::from(input))))
            }
            false => None,
        };
        Ok(LineReader { editor, plain })
    }

    /// Returns true if a line can be edited: what it is to begin with can be put there.
    pub fn can_edit(&self) -> bool {
        self.plain.is_none()
    }

    /// Reads a line; `offered` is what it begins with, where it can be edited.
    ///
    /// # Errors
    /// `Interrupted` for Ctrl-C, `Eof` for Ctrl-D; as the terminal fails.
    pub fn read(&mut self, prompt: &str, offered: Option<&str>) -> rustyline::Result<String> {
        match (&mut self.plain, offered) {
            (Some(lines), _) => read_plainly(lines, prompt),
            (None, Some(text)) => self.editor.readline_with_initial(prompt, (text, "")),
            (None, None) => self.editor.readline(prompt),
        }
    }
}

/// Reads a line that the terminal itself lets the user edit. A signal ends the wait for it; the
/// terminal has dropped what was typed when Ctrl-C is one.
fn read_plainly(lines: &mut impl BufRead, prompt: &str) -> rustyline::Result<String> {
    let _hold = signals::hold();
    let mut out = io::stdout();
    out.write_all(prompt.as_bytes())?;
    out.flush()?;
    let mut line = String::new();
    match lines.read_line(&mut line) {
        Ok(0) => Err(ReadlineError::Eof),
        Ok(_) => Ok(without_backspaces(line.trim_end_matches(['\n', '\r']))),
        Err(_) if signals::interrupted() == Some("SIGINT") => {
            signals::forget();
            writeln!(out)?;
            Err(ReadlineError::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

/// A line in which each backspace has taken away the character before it: some programs that type
/// for the user send them.
fn without_backspaces(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            '\u{8}' => drop(text.pop()),
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backspace_takes_the_character_before_it_away() {
        assert_eq!(without_backspaces("plam\u{8}n"), "plan");
        assert_eq!(without_backspaces("\u{8}é\u{8}x"), "x");
    }
}
