//! The file that an editor works on: readable by its user alone, in a directory of its own.

use std::ffi::OsStr;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::super::scratch::private_dir;
use super::text::is_empty;
use crate::error::{Error, Result};
use crate::model::SnapshotId;
use crate::script::{MAX_BYTES, Source, utf8};

/// How the names of the directories begin.
const PREFIX: &str = "ipvsh-edit.";

/// The file of a text that was made from no snapshot.
const NEW: &str = "new.rhai";

/// A text under edit.
#[derive(Debug)]
pub(super) struct EditFile {
    path: PathBuf,
    /// The text as it was handed out; none where it was edited before.
    handed_out: Option<String>,
    /// Whether `ipvsh edit` made the file.
    is_ours: bool,
}

/// What an edit leaves in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    /// Nothing of the user's: the text as it was handed out, one without a statement, or no file.
    Nothing,
    /// A text that the user wrote.
    Text,
    /// Something that this program does not read: no regular file, or one that is too long.
    Unreadable,
}

impl EditFile {
    /// Writes a text to a new file.
    ///
    /// # Errors
    /// As the system refuses.
    pub fn new(base: Option<SnapshotId>, text: &str) -> Result<EditFile> {
        let dir = new_dir()?;
        let name = base.map_or_else(|| NEW.to_owned(), |base| format!("snapshot-{base}.rhai"));
        let file = EditFile {
            path: dir.join(name),
            handed_out: Some(text.to_owned()),
            is_ours: true,
        };
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file.path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| {
            file.remove();
            Error::system("cannot write the text to edit", &error).object(file.path.display())
        })?;
        Ok(file)
    }

    /// A text that was kept, with the text as far as it is UTF-8.
    ///
    /// # Errors
    /// `not_found`, as the system refuses; `invalid` where it is no regular file or too long.
    pub fn kept(path: &Path) -> Result<(EditFile, String)> {
        let object = || path.display().to_string();
        let failed = |error: &std::io::Error| cannot_read(error).object(object());
        let Some(name) = path.file_name() else {
            return Err(not_regular("a directory").object(object()));
        };
        let dir = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // The file itself is never followed: it may be a symbolic link.
        let dir = dir.canonicalize().map_err(|error| failed(&error))?;
        let file = EditFile {
            is_ours: is_dir_of_edit(&dir) && name.to_str().is_some_and(is_name_of_edit),
            path: dir.join(name),
            handed_out: None,
        };
        let bytes = file.bytes()?;
        Ok((file, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file as a script.
    ///
    /// # Errors
    /// As [`EditFile::kept`]; `invalid` where it is not UTF-8 text.
    pub fn source(&self) -> Result<Source> {
        let name = self.path.display().to_string();
        let text = utf8(self.bytes()?).map_err(|error| error.object(&name))?;
        Ok(Source {
            name,
            text,
            dir: self.path.parent().map(Path::to_owned),
        })
    }

    /// Returns true if a text is not the one that was handed out; one that was kept always is
    /// another.
    pub fn is_changed(&self, text: &str) -> bool {
        self.handed_out.as_deref() != Some(text)
    }

    /// Looks at what the file holds now.
    pub fn state(&self) -> FileState {
        let handed_out = self.handed_out.as_ref().map(String::as_bytes);
        match self.bytes() {
            Ok(bytes) if handed_out == Some(bytes.as_slice()) => FileState::Nothing,
            Ok(bytes) if is_empty(&String::from_utf8_lossy(&bytes)) => FileState::Nothing,
            Ok(_) => FileState::Text,
            Err(_) => match fs::symlink_metadata(&self.path) {
                Err(error) if error.kind() == ErrorKind::NotFound => FileState::Nothing,
                _ => FileState::Unreadable,
            },
        }
    }

    /// Removes the file that `ipvsh edit` made, the editor's backups of it, and its directory where
    /// nothing else is in it. A file of another name or place stays.
    pub fn remove(&self) {
        if self.is_ours {
            // Where one of them cannot be removed, only that stays.
            let _ = fs::remove_file(&self.path);
            if let Some(dir) = self.path.parent() {
                for backup in self.backups(dir) {
                    let _ = fs::remove_file(backup);
                }
                let _ = fs::remove_dir(dir);
            }
        }
    }

    /// The older versions of the file that an editor keeps beside it: `x~` (vi, nano, emacs),
    /// `x.~1~` (emacs, nano), `.x.un~` (vi's undo file). What an editor could not save, such as
    /// `.x.swp` and `#x#`, is no backup.
    fn backups(&self, dir: &Path) -> Vec<PathBuf> {
        let Some(own) = self.path.file_name().and_then(OsStr::to_str) else {
            return Vec::new();
        };
        let is_backup = |name: &OsStr| {
            let name = name.to_str().and_then(|name| name.strip_suffix('~'));
            name.is_some_and(|name| {
                let name = name.strip_prefix('.').unwrap_or(name);
                let kind = name.strip_prefix(own);
                kind.is_some_and(|kind| kind.is_empty() || kind.starts_with('.'))
            })
        };
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let found = entries.filter(|entry| is_backup(&entry.file_name()));
        found.map(|entry| entry.path()).collect()
    }

    /// Reads the file. It must be a regular one: a FIFO would keep the program waiting, a device may
    /// have no end, a symbolic link leads to a file of another owner.
    fn bytes(&self) -> Result<Vec<u8>> {
        let object = || self.path.display().to_string();
        let failed = |error: &std::io::Error| cannot_read(error).object(object());
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let opened = File::options()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path);
        let file = opened.map_err(|error| {
            // The system's own words for a link or a socket do not say what it is.
            let found = fs::symlink_metadata(&self.path).map(|found| found.file_type());
            match found.ok().and_then(kind) {
                Some(kind) => not_regular(kind).object(object()),
                None => failed(&error),
            }
        })?;
        let found = file.metadata().map_err(|error| failed(&error))?;
        if !found.is_file() {
            let kind = kind(found.file_type()).unwrap_or("of an unknown kind");
            return Err(not_regular(kind).object(object()));
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(&error))?;
        match bytes.len() as u64 > MAX_BYTES {
            false => Ok(bytes),
            true => Err(
                Error::invalid(format!("it is longer than {} MiB", MAX_BYTES >> 20))
                    .attempt("cannot be edited")
                    .object(object())
                    .hint("nothing was changed; the file stays as it is"),
            ),
        }
    }
}

fn cannot_read(error: &std::io::Error) -> Error {
    let failed = Error::system("cannot read", error);
    match error.kind() {
        ErrorKind::NotFound => failed.hint("nothing was changed; to begin anew: ipvsh edit"),
        _ => failed.hint("nothing was changed"),
    }
}

fn not_regular(kind: &str) -> Error {
    Error::invalid(format!("it is {kind}, and no regular file"))
        .attempt("cannot be edited")
        .hint("nothing was changed; to begin anew: ipvsh edit")
}

/// What a file is, where it is no regular one.
fn kind(of: FileType) -> Option<&'static str> {
    let kinds = [
        (of.is_symlink(), "a symbolic link"),
        (of.is_dir(), "a directory"),
        (of.is_fifo(), "a FIFO"),
        (of.is_socket(), "a socket"),
        (of.is_char_device() || of.is_block_device(), "a device"),
    ];
    let found = kinds.into_iter().find(|(is_it, _)| *is_it);
    found.map(|(_, words)| words)
}

fn new_dir() -> Result<PathBuf> {
    let dir = private_dir(PREFIX).map_err(|(dir, error)| {
        Error::system("cannot make a directory to edit in", &error)
            .object(dir.display())
            .hint("TMPDIR names the directory that it is made in")
    })?;
    // An import of the script is looked for beside it, from whatever directory.
    Ok(dir.canonicalize().unwrap_or(dir))
}

/// Returns true if `ipvsh edit` made this directory for this user.
fn is_dir_of_edit(dir: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let is_own = fs::symlink_metadata(dir).is_ok_and(|found| found.uid() == own);
    let name = dir.file_name().and_then(|name| name.to_str());
    let parent = std::env::temp_dir().canonicalize().ok();
    is_own && dir.parent() == parent.as_deref() && name.is_some_and(|name| name.starts_with(PREFIX))
}

/// Returns true if `ipvsh edit` gives its files such a name.
fn is_name_of_edit(name: &str) -> bool {
    let number = name
        .strip_prefix("snapshot-")
        .and_then(|rest| rest.strip_suffix(".rhai"));
    name == NEW || number.is_some_and(|number| number.parse::<u64>().is_ok())
}
