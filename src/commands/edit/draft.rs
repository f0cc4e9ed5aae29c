//! The file that an editor works on: readable by its user alone, in a directory of its own.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::SnapshotId;

/// How the names of the directories begin.
const PREFIX: &str = "ipvsh-edit.";

/// How many names are tried.
const NAMES: u32 = 100;

/// A text under edit.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    /// The directory that was made for it.
    dir: Option<PathBuf>,
    /// The text as it was handed out; none where it was edited before.
    handed_out: Option<String>,
}

impl Draft {
    /// Writes a text to a new file.
    ///
    /// # Errors
    /// As the system refuses.
    pub fn new(base: Option<SnapshotId>, text: &str) -> Result<Draft> {
        let dir = new_dir()?;
        let name = match base {
            Some(base) => format!("snapshot-{base}.rhai"),
            None => "new.rhai".to_owned(),
        };
        let draft = Draft {
            path: dir.join(name),
            dir: Some(dir),
            handed_out: Some(text.to_owned()),
        };
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft.path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| {
            draft.remove();
            Error::system("cannot write the text to edit", &error).object(draft.path.display())
        })?;
        Ok(draft)
    }

    /// A text that was kept.
    ///
    /// # Errors
    /// `not_found`, as the system refuses.
    pub fn kept(path: &Path) -> Result<Draft> {
        let path = path
            .canonicalize()
            .map_err(|error| Error::system("cannot read", &error).object(path.display()))?;
        let dir = path.parent().filter(|dir| is_ours(dir));
        Ok(Draft {
            dir: dir.map(Path::to_owned),
            path,
            handed_out: None,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if a text is not the one that was handed out; one that was kept always is
    /// another.
    pub fn is_changed(&self, text: &str) -> bool {
        self.handed_out.as_deref() != Some(text)
    }

    /// Returns true if the file holds something that its user wrote.
    pub fn is_worth_keeping(&self) -> bool {
        match fs::read(&self.path) {
            Ok(bytes) => {
                let handed_out = self.handed_out.as_ref().map(String::as_bytes);
                handed_out != Some(bytes.as_slice())
            }
            Err(error) => error.kind() != ErrorKind::NotFound,
        }
    }

    /// Removes the file with the directory that was made for it; a file elsewhere stays.
    pub fn remove(&self) {
        if let Some(dir) = &self.dir {
            // What an editor left beside it goes too. Where it cannot, only a file stays.
            let _ = fs::remove_dir_all(dir);
        }
    }
}

fn new_dir() -> Result<PathBuf> {
    let parent = std::env::temp_dir();
    let process = std::process::id();
    for number in 0..NAMES {
        let dir = parent.join(format!("{PREFIX}{process}.{number}"));
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(Error::system("cannot make a directory to edit in", &error)
                    .object(dir.display())
                    .hint("TMPDIR names the directory that it is made in"));
            }
        }
    }
    let all = format!("{PREFIX}{process}.0 to {PREFIX}{process}.{}", NAMES - 1);
    Err(Error::system(
        "cannot make a directory to edit in",
        &ErrorKind::AlreadyExists.into(),
    )
    .object(parent.join(all).display()))
}

/// Returns true if this program made a directory for an edit of this user's.
fn is_ours(dir: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let is_own = fs::symlink_metadata(dir).is_ok_and(|found| found.uid() == own);
    let name = dir.file_name().and_then(|name| name.to_str());
    let parent = std::env::temp_dir().canonicalize().ok();
    is_own && dir.parent() == parent.as_deref() && name.is_some_and(|name| name.starts_with(PREFIX))
}
