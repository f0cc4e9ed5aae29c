//! Where a script comes from: a file, the command line, standard input, the prompt.

use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::model::ScriptFile;
use crate::signals::{self, Patient};

/// The longest script that is read, in bytes.
pub const MAX_BYTES: u64 = 4 << 20;

/// The name of a script that came on standard input.
const STDIN: &str = "<stdin>";

/// A script's text and where it came from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in errors: the path as the user gave it, `-e`, `<stdin>`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where its imports are; `None` refuses them.
    pub dir: Option<PathBuf>,
}

impl Source {
    /// Reads a script from a file.
    ///
    /// # Errors
    /// `not_found`, `not_permitted`, `system`; `invalid` where it is not UTF-8 text or too long.
    pub fn file(path: &Path) -> Result<Source> {
        let name = path.display().to_string();
        let failed = |error: &std::io::Error| {
            Error::system("cannot read", error).object(format!("script {name}"))
        };
        let file = signals::open(path).map_err(|e| {
            let error = failed(&e);
            match e.kind() {
                std::io::ErrorKind::NotFound if looks_like_code(&name) => {
                    error.hint("to run code from the command line: ipvsh -e 'CODE'")
                }
                _ => error,
            }
        })?;
        let text = text_of(file, &name)?;
        let dir = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let dir = dir.canonicalize().map_err(|e| failed(&e))?;
        Ok(Source {
            name,
            text,
            dir: Some(dir),
        })
    }

    /// A script given on the command line.
    pub fn inline(code: &str) -> Source {
        Source {
            name: "-e".to_owned(),
            text: code.to_owned(),
            dir: None,
        }
    }

    /// Reads a script from standard input.
    ///
    /// # Errors
    /// `system`; `invalid` where it is not UTF-8 text or too long.
    pub fn stdin() -> Result<Source> {
        let name = STDIN.to_owned();
        let text = text_of(Patient::new(std::io::stdin().lock()), &name)?;
        Ok(Source {
            name,
            text,
            dir: None,
        })
    }

    /// The script as a snapshot's record names it: its path and the digest of its text. Code from
    /// the command line or the prompt has no path, and none.
    pub fn file_name(&self) -> Option<ScriptFile> {
        let path = match (&self.dir, self.name.as_str()) {
            (Some(dir), name) => dir.join(Path::new(name).file_name()?).display().to_string(),
            (None, STDIN) => self.name.clone(),
            (None, _) => return None,
        };
        let digest = Sha256::digest(self.text.as_bytes());
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(ScriptFile { path, sha256 })
    }

    /// A line of the prompt.
    pub fn prompt(line: &str) -> Source {
        Source {
            name: "<prompt>".to_owned(),
            text: line.to_owned(),
            dir: None,
        }
    }
}

fn looks_like_code(name: &str) -> bool {
    name.contains(['(', ';', '{'])
}

/// Reads a whole script, bounded.
pub(super) fn text_of(from: impl Read, name: &str) -> Result<String> {
    let object = || format!("script {name}");
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| signals::unread(&e).object(object()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(
            Error::invalid(format!("it is longer than {} MiB", MAX_BYTES >> 20))
                .object(object())
                .hint("keep data in a file of its own: read(path)"),
        );
    }
    utf8(bytes).map_err(|error| error.object(object()))
}

/// A script's bytes as text.
///
/// # Errors
/// `invalid`, with the number of the first line that is none.
pub fn utf8(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|e| {
        let line = e
            .as_bytes()
            .iter()
            .take(e.utf8_error().valid_up_to())
            .filter(|b| **b == b'\n')
            .count();
        Error::invalid(format!("line {} is not UTF-8 text", line + 1))
    })
}
