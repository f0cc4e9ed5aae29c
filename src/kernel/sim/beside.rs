//! Owns the file that keeps what a simulated kernel holds beside the head of its history: what was
//! changed by another tool, as on a real kernel, outlives the process.
//!
//! The file stands beside the database's directory, not in it: a directory that holds something
//! else is no database. Its first line is `ipvsh-sim-kernel VERSION SHA256`, the rest is JSON. A
//! process holds the lock on `DIR.kernel.lock` while it replaces the file; a reader takes no lock, and
//! sees the old file or the new one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, EntryValue};

/// The version of the form.
const VERSION: &str = "1";

/// The first word of the file.
const NAME: &str = "ipvsh-sim-kernel";

/// What stands behind the name of the database's directory.
const SUFFIX: &str = ".kernel";

/// What stands behind the name of the file, in the name of the file that the lock is on.
const LOCK_SUFFIX: &str = ".lock";

/// How long the file may be: some hundred thousand entries.
const LONGEST: u64 = 64 << 20;

/// What to do about a file that is not read.
const REMEDY: &str = "the simulated kernel holds the head alone without this file: remove it";

/// An entry that is not as the head has it, with its live value; none where it is gone.
pub type Deviation = (EntryKey, Option<EntryValue>);

/// The file of one simulated database.
#[derive(Debug, Clone)]
pub struct KernelFile {
    path: PathBuf,
}

impl KernelFile {
    /// The file of a database; nothing is touched yet.
    pub fn beside(database: &Path) -> KernelFile {
        let mut path = OsString::from(database);
        path.push(SUFFIX);
        KernelFile { path: path.into() }
    }

    /// The file whose lock is held from reading this one to replacing it.
    pub fn lock(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(LOCK_SUFFIX);
        path.into()
    }

    /// What it is called in messages.
    pub fn object(&self) -> String {
        format!("simulated kernel {}", self.path.display())
    }

    /// Reads what is not as the head has it; nothing where there is no file.
    ///
    /// # Errors
    /// `damaged` where the file was cut or changed, is of another version, or is no file that only
    /// this user writes; `system`.
    pub fn read(&self) -> Result<Vec<Deviation>> {
        let Some(file) = self.open()? else {
            return Ok(Vec::new());
        };
        let mut text = String::new();
        match file.take(LONGEST + 1).read_to_string(&mut text) {
            Ok(read) if u64::try_from(read).is_ok_and(|read| read <= LONGEST) => {}
            Ok(_) => return Err(self.damaged("it is longer than 64 MiB")),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(self.damaged("it is no text"));
            }
            Err(error) => return Err(self.failed("cannot read", &error)),
        }
        let (title, json) = text.split_once('\n').unwrap_or((&text, ""));
        match title.split(' ').collect::<Vec<_>>().as_slice() {
            [NAME, VERSION, sum] if *sum == checksum(json) => {}
            [NAME, VERSION, ..] => return Err(self.damaged("its checksum is wrong")),
            [NAME, version, ..] => {
                return Err(self.damaged(&format!("it has version {version} of its form")));
            }
            _ => return Err(self.damaged("its first line is not one of ipvsh")),
        }
        serde_json::from_str(json)
            .map_err(|error| self.damaged(&error.to_string()).caused_by(error))
    }

    /// Opens the file, which nobody else may have put there or changed; none where there is none.
    fn open(&self) -> Result<Option<File>> {
        // A FIFO would be waited for, a link is another's file.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path);
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::NOENT) => Ok(None),
                    Some(Errno::LOOP) => Err(self.damaged("it is a symbolic link")),
                    Some(Errno::NXIO) => Err(self.damaged("it is no regular file")),
                    Some(Errno::ACCESS) => Err(self.failed("cannot read", &error).hint(REMEDY)),
                    _ => Err(self.failed("cannot read", &error)),
                };
            }
        };
        let facts = file
            .metadata()
            .map_err(|error| self.failed("cannot read", &error))?;
        let (owner, user) = (facts.uid(), geteuid().as_raw());
        if facts.is_dir() {
            return Err(self.damaged("it is a directory"));
        }
        if !facts.is_file() {
            return Err(self.damaged("it is no regular file"));
        }
        if owner != user {
            let why = format!("it belongs to user {owner}, and this is user {user}");
            return Err(self.damaged(&why));
        }
        if facts.mode() & 0o022 != 0 {
            let mode = facts.mode() & 0o777;
            return Err(self.damaged(&format!("others may write it (mode {mode:o})")));
        }
        Ok(Some(file))
    }

    /// Writes what is not as the head has it; without anything there is no file.
    ///
    /// # Errors
    /// `system`, `not_permitted`.
    pub fn write(&self, deviations: &[Deviation]) -> Result<()> {
        if deviations.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(self.failed("cannot remove", &error))
                }
                _ => Ok(()),
            };
        }
        let json = serde_json::to_string(deviations).map_err(|error| {
            let error = std::io::Error::other(error);
            self.failed("cannot write", &error)
        })?;
        let text = format!("{NAME} {VERSION} {}\n{json}", checksum(&json));
        self.replace(&text)
            .map_err(|error| self.failed("cannot write", &error))
    }

    /// Replaces the file as a whole: a reader sees the old one or the new one.
    fn replace(&self, text: &str) -> std::io::Result<()> {
        if let Some(parent) = self.path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(parent)?;
        }
        let mut new = self.path.clone().into_os_string();
        new.push(format!(".{}", std::process::id()));
        let new = PathBuf::from(new);
        // What a process of this number left behind when it was killed.
        let _ = fs::remove_file(&new);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, &self.path));
        written.inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })
    }

    fn damaged(&self, why: &str) -> Error {
        Error::new(Kind::Damaged, why)
            .object(self.object())
            .attempt("cannot be read")
            .hint(REMEDY)
    }

    fn failed(&self, attempt: &str, error: &std::io::Error) -> Error {
        Error::system(attempt, error).object(self.object())
    }
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::model::ServiceKey;

    fn deviations() -> Vec<Deviation> {
        let key = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
        vec![(EntryKey::Service(key), None)]
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = KernelFile::beside(&dir.path().join("new").join("db"));
        assert_eq!(file.read().unwrap(), []);
        file.write(&deviations()).unwrap();
        assert_eq!(file.read().unwrap(), deviations());
        assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
        file.write(&[]).unwrap();
        assert!(!file.path.exists());
        file.write(&[]).unwrap();
    }

    #[test]
    fn only_a_file_that_nobody_else_writes_is_read_and_nothing_is_waited_for() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let file = KernelFile::beside(&dir.path().join("db"));
        let refused = |why: &str| {
            let error = file.read().unwrap_err();
            assert_eq!(error.kind(), Kind::Damaged);
            let text = format!("{error:?} {error}");
            assert!(text.contains(why), "{text}");
            assert_eq!(error.hints(), [REMEDY]);
        };
        file.write(&deviations()).unwrap();
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).unwrap();
            refused(&format!("others may write it (mode {mode:o})"));
        }
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(file.read().unwrap(), deviations());
        let other = dir.path().join("other");
        fs::rename(&file.path, &other).unwrap();
        std::os::unix::fs::symlink(&other, &file.path).unwrap();
        refused("it is a symbolic link");
        fs::remove_file(&file.path).unwrap();
        fs::create_dir(&file.path).unwrap();
        refused("it is a directory");
        fs::remove_dir(&file.path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &file.path, 0o600.into()).unwrap();
        refused("it is no regular file");
        fs::remove_file(&file.path).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&file.path).unwrap();
        refused("it is no regular file");
        fs::remove_file(&file.path).unwrap();
        File::create(&file.path)
            .unwrap()
            .set_len(LONGEST + 1)
            .unwrap();
        refused("it is longer than 64 MiB");
    }

    #[test]
    fn damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = KernelFile::beside(&dir.path().join("db"));
        file.write(&deviations()).unwrap();
        let whole = fs::read_to_string(&file.path).unwrap();
        for (text, why) in [
            (
                whole.replace("192.0.2.10", "192.0.2.11"),
                "its checksum is wrong",
            ),
            (whole[..whole.len() - 1].to_owned(), "its checksum is wrong"),
            (
                whole.replacen(" 1 ", " 2 ", 1),
                "it has version 2 of its form",
            ),
            (String::new(), "its first line is not one of ipvsh"),
        ] {
            fs::write(&file.path, text).unwrap();
            let error = file.read().unwrap_err();
            assert_eq!(error.kind(), Kind::Damaged);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
