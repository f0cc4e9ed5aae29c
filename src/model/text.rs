//! Pieces of text: one that is written where it is wanted, and a number with its noun.

use std::fmt;

/// The text that something writes.
pub(super) fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    // A String takes everything.
    let _ = write(&mut text);
    text
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
