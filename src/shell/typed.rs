//! What was typed that is no text: bytes that are not UTF-8, on the terminal or in the file that
//! keeps the lines.
//!
//! rustyline ends a line at the first such byte, and does not say what was typed before it. The
//! rest of the line is still to come: it must not be run as a line of its own.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::termios::{QueueSelector, tcflush};
use rustyline::error::ReadlineError;

use crate::error::Error;

/// How long nothing more of a paste has to come until it is over.
const QUIET: Duration = Duration::from_millis(50);

/// How many such pauses it may take.
const PAUSES: u32 = 40;

/// The longest file with lines that is put right, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Says whether a line could not be read because it is no text.
pub(super) fn is_no_text(error: &ReadlineError) -> bool {
    matches!(error, ReadlineError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData)
}

/// The error for such a line.
pub(super) fn no_text() -> Error {
    Error::invalid("it holds a byte that is not UTF-8 text")
        .object("this line")
        .hint("nothing of it was run, and what is staged stays; the terminal has to send UTF-8")
}

/// Drops what was typed or pasted ahead, until nothing more comes.
pub(super) fn drop_typed_ahead() {
    let terminal = std::io::stdin();
    for _ in 0..PAUSES {
        // Without a terminal there is nothing to drop.
        let _ = tcflush(&terminal, QueueSelector::IFlush);
        std::thread::sleep(QUIET);
        if rustix::io::ioctl_fionread(&terminal).unwrap_or(0) == 0 {
            break;
        }
    }
    let _ = tcflush(&terminal, QueueSelector::IFlush);
}

/// Puts a file with lines right that holds bytes which are no text: rustyline reads such a file up
/// to the first of them, and adds nothing to it any more. Says whether it was put right.
///
/// # Errors
/// As the file cannot be read or written; it is as it was then.
pub(super) fn mend_lines(path: &Path) -> std::io::Result<bool> {
    if std::fs::metadata(path)?.len() > MAX_BYTES {
        return Ok(false);
    }
    let bytes = std::fs::read(path)?;
    if std::str::from_utf8(&bytes).is_ok() {
        return Ok(false);
    }
    let text = String::from_utf8_lossy(&bytes);
    let new = path.with_extension("new");
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        // What is half written must not stay.
        let _ = std::fs::remove_file(&new);
    }
    written.map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_lines_keeps_its_text() {
        let lab = tempfile::tempdir().unwrap();
        let path = lab.path().join("history");
        assert!(mend_lines(&path).is_err());
        std::fs::write(&path, "#V2\nstatus\n").unwrap();
        assert!(!mend_lines(&path).unwrap());
        std::fs::write(&path, b"#V2\nstatus\nprint(\"caf\xe9\")\nplan\n").unwrap();
        assert!(mend_lines(&path).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "#V2\nstatus\nprint(\"caf\u{fffd}\")\nplan\n");
        assert_eq!(lab.path().read_dir().unwrap().count(), 1);
    }
}
