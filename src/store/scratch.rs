//! A copy of a database to look at: opening sled writes to its files, and cuts what it does not
//! understand off a damaged one.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::directory::{FORMAT, LOCK, failed};
use super::intent::INTENT;
use super::mirror::{BASE, LOG};
use super::swap;
use super::table::ENGINE;
use crate::error::Result;

/// The name of the copy's directory.
pub(super) const SCRATCH: &str = "scratch";

/// A copy, removed when it is dropped.
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Copies what counts of a database; with `snap` sled's own summaries of its log too. The
    /// caller holds the lock.
    ///
    /// # Errors
    /// `system`: no room, an unreadable file.
    pub(super) fn of(dir: &Path, snap: bool) -> Result<Scratch> {
        let path = dir.join(SCRATCH);
        swap::remove(&path)?;
        let scratch = Scratch { path };
        copy(dir, &scratch.path, &|name| {
            [FORMAT, LOCK, ENGINE, BASE, LOG, INTENT].contains(&name)
        })?;
        if !snap {
            drop_summaries(&scratch.path.join(ENGINE))?;
        }
        Ok(scratch)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is named by the next check, and removed by the next one to need a copy.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let made = DirBuilder::new().mode(0o700).create(to);
    made.map_err(|error| failed("make", to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| failed("read", from, &error))? {
        let entry = entry.map_err(|error| failed("read", from, &error))?;
        let (name, path) = (entry.file_name(), entry.path());
        if !name.to_str().is_some_and(wanted) {
            continue;
        }
        let kind = entry
            .file_type()
            .map_err(|error| failed("look at", &path, &error))?;
        let to = to.join(&name);
        if kind.is_dir() {
            copy(&path, &to, &|_| true)?;
        } else if kind.is_file() {
            fs::copy(&path, &to).map_err(|error| failed("copy", &path, &error))?;
        }
    }
    Ok(())
}

/// sled makes them anew from its log; a damaged one keeps it from opening.
fn drop_summaries(engine: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(engine) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"snap.") {
            let path = entry.path();
            fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
        }
    }
    Ok(())
}
