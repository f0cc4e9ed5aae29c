//! Texts that are written where they are wanted, and made only where somebody keeps them.

use std::fmt;

/// The text that something writes.
pub(super) fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    // A String takes everything.
    let _ = write(&mut text);
    text
}
