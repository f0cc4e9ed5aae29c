//! Temporary directories, and one for a database that is removed with it.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::signals;

/// How often a removal is tried: the process may be writing a file at that moment.
const ATTEMPTS: u32 = 3;

/// How many names of a directory are tried.
const NAMES: u32 = 1000;

/// A directory of this process alone. It is removed with what is in it when this is dropped, and
/// where SIGTERM or SIGHUP ends the process.
pub(super) struct Scratch {
    path: PathBuf,
    _hold: signals::Hold,
}

impl Scratch {
    /// Makes a directory below the system's place for temporary files (TMPDIR).
    ///
    /// # Errors
    /// `system` where that cannot be written.
    pub(super) fn new() -> Result<Scratch> {
        let path = private_dir("ipvsh-demo.").map_err(|(path, error)| {
            Error::system("cannot make a directory", &error)
                .object(path.display())
                .hint("name another place: TMPDIR=DIR ipvsh demo")
        })?;
        // The default action would leave the directory behind.
        let hold = signals::hold();
        remove_where_ended(path.clone());
        Ok(Scratch { path, _hold: hold })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory that its user alone can enter, below the system's place for temporary files
/// (TMPDIR). Its name begins with some text and goes on with the number of this process.
///
/// # Errors
/// As the system refuses, with the directory that was to be made.
pub(super) fn private_dir(begin: &str) -> std::result::Result<PathBuf, (PathBuf, std::io::Error)> {
    let parent = std::env::temp_dir();
    let mut number = 0_u32;
    loop {
        let path = parent.join(format!("{begin}{}.{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            // Another user's, or one that a killed process left.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < NAMES => number += 1,
            Err(error) => return Err((path, error)),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// What cannot be removed is a temporary file, which the system removes.
fn remove(path: &Path) {
    for _ in 0..ATTEMPTS {
        if fs::remove_dir_all(path).is_ok() {
            return;
        }
    }
}

/// Ends the process where a signal says so, also while it waits for a key: nothing that it does
/// is to be kept.
fn remove_where_ended(path: PathBuf) {
    std::thread::spawn(move || {
        loop {
            if let Some("SIGTERM" | "SIGHUP") = signals::interrupted() {
                remove(&path);
                std::process::exit(i32::from(Kind::Interrupted.exit_status()));
            }
            std::thread::sleep(signals::SLICE);
        }
    });
}
