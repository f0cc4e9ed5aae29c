//! The one place that knows sled: names and bytes, written in batches.
//!
//! All of it is one tree, because a batch is atomic within a tree. sled's `flush` asks the kernel
//! to write the data (`sync_file_range`) but not the file's length, so a power cut could take what
//! it called flushed: every batch is followed by an fsync of our own. Values stay below 8 KiB, so
//! that no node grows past 128 KiB, where sled would begin to use files beside its log.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::address::damaged;
use super::contain::contain;
use super::files::{LOCK, check_room, close_to_others, failed, location, sync_directory};
use super::lock::Patience;
use crate::error::{Error, Kind, Result};

/// The name of sled's directory within ours.
pub(super) const ENGINE: &str = "sled";

/// What a batch does to names: a value, or `None` to remove it.
pub(super) type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Is shown a name and its value, and says whether to go on.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool> + 'a;

/// An open tree.
pub(super) struct Table {
    db: Option<sled::Db>,
    dir: PathBuf,
    file: File,
    /// Why sled's state in memory is not to be trusted any more.
    broken: OnceLock<Error>,
    /// Bytes of names and values written by the last batch, for measuring.
    pub(super) written: u64,
}

fn translate(error: sled::Error, dir: &Path) -> Error {
    match error {
        sled::Error::Io(error)
            if [ErrorKind::UnexpectedEof, ErrorKind::InvalidData].contains(&error.kind()) =>
        {
            damaged("sled's files end too early").caused_by(error)
        }
        // sled passes a write's error on as the debug form of the first one.
        sled::Error::Io(error) if error.raw_os_error().is_none() => {
            failed("write", dir, &error.kind().into())
        }
        sled::Error::Io(error) => failed("read or write", dir, &error),
        sled::Error::Unsupported(text) => damaged(format!("sled refuses its files: {text}")),
        // The texts of the others are for sled's authors ("please open an issue").
        other => damaged("sled finds its files corrupted").caused_by(other),
    }
}

fn size_of(changes: &Batch) -> u64 {
    let sizes = changes.iter().map(|(name, value)| {
        name.len()
            .saturating_add(value.as_ref().map_or(0, Vec::len)) as u64
    });
    sizes.sum()
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// Removes what is left of a snapshot of sled's own (a summary of its log, made to open faster)
/// that was cut off: sled takes it for a whole one and refuses everything as corrupted. Whole
/// ones have been renamed.
fn remove_unfinished(own: &Path) -> Result<()> {
    let entries = std::fs::read_dir(own).map_err(|error| failed("read", own, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| failed("read", own, &error))?.path();
        if path.extension().is_some_and(|end| end == "generating") {
            std::fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
        }
    }
    Ok(())
}

/// Removes what a death left of sled's directory while it was made, before its log was there: sled
/// refuses its half-written settings as corrupted. The caller knows that nothing was ever written.
///
/// # Errors
/// `system`, `not_permitted`.
pub(super) fn remove_half_made(dir: &Path) -> Result<()> {
    let own = dir.join(ENGINE);
    if own.join("db").exists() || !own.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(&own).map_err(|error| failed("remove", &own, &error))
}

impl Table {
    /// Opens the tree below `dir`, making it where it is not there; the caller holds our lock.
    ///
    /// # Errors
    /// `damaged`, `busy`, `not_permitted`, `system`.
    pub(super) fn open(dir: &Path, patience: &Patience<'_>) -> Result<Table> {
        let own = dir.join(ENGINE);
        let new = match DirBuilder::new().mode(0o700).create(&own) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(failed("make", &own, &error)),
        };
        remove_unfinished(&own)?;
        let db = loop {
            let config = sled::Config::new()
                .path(&own)
                .cache_capacity(16 << 20)
                .flush_every_ms(None);
            match contain(|| config.open())? {
                Ok(db) => break db,
                // A thread of sled's may hold its own lock for a moment after the last use.
                Err(error) if is_locked(&error) => {
                    if !patience.pause(None)? {
                        return Err(patience.busy(&dir.join(LOCK)).of_database(location(dir)));
                    }
                }
                Err(error) => return Err(translate(error, &own)),
            }
        };
        let path = own.join("db");
        let table = Table {
            db: Some(db),
            file: File::open(&path).map_err(|error| failed("open", &path, &error))?,
            dir: own,
            broken: OnceLock::new(),
            written: 0,
        };
        close_to_others(&table.dir)?;
        if new {
            table.flush()?;
            sync_directory(&table.dir)?;
            sync_directory(dir)?;
        }
        Ok(table)
    }

    /// Names the database in an error.
    pub(super) fn named(&self, error: Error) -> Error {
        let dir = self.dir.parent().unwrap_or(&self.dir);
        error.of_database(location(dir))
    }

    /// Runs an operation of sled's. After a panic nothing more is asked of it, as after a write
    /// that failed; a read that failed says nothing about the next one.
    fn run<T>(&self, code: impl FnOnce(&sled::Db) -> Result<T, sled::Error>) -> Result<T> {
        if let Some(error) = self.broken.get() {
            return Err(error.clone());
        }
        let Some(db) = &self.db else {
            return Err(self.named(Error::new(Kind::Bug, "it is closed")));
        };
        let outcome = contain(|| code(db)).map_err(|error| {
            let error = self.named(error);
            self.give_up(&error);
            error
        })?;
        outcome.map_err(|error| self.named(translate(error, &self.dir)))
    }

    /// Reads one value.
    ///
    /// # Errors
    /// `damaged`, `system`.
    pub(super) fn get(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.run(|db| db.get(name))
            .map(|found| found.map(|value| value.to_vec()))
    }

    /// Reads all whose names begin so, sorted by name, and stops where `visit` says.
    ///
    /// # Errors
    /// `damaged`, `system`, and what `visit` returns.
    pub(super) fn scan(&self, prefix: &[u8], backwards: bool, visit: &mut Visit<'_>) -> Result<()> {
        let mut all = self.run(|db| Ok(db.scan_prefix(prefix)))?;
        loop {
            let next = self.run(|_| {
                let next = if backwards {
                    all.next_back()
                } else {
                    all.next()
                };
                next.transpose()
            })?;
            let Some((name, value)) = next else {
                return Ok(());
            };
            if !visit(&name, &value)? {
                return Ok(());
            }
        }
    }

    /// Says whether there is nothing at all.
    ///
    /// # Errors
    /// `damaged`, `system`.
    pub(super) fn is_empty(&self) -> Result<bool> {
        let mut empty = true;
        self.scan(b"", false, &mut |_, _| {
            empty = false;
            Ok(false)
        })?;
        Ok(empty)
    }

    /// Refuses what would fill the disk half-way.
    ///
    /// # Errors
    /// `system`, with nothing changed.
    pub(super) fn check_room(&self, changes: &Batch) -> Result<()> {
        check_room(&self.dir, &self.file, size_of(changes))
    }

    /// Writes a batch, all of it or nothing; on disk when this returns.
    ///
    /// # Errors
    /// `system`, `damaged`. Nobody can say then whether it was written, and the table is broken:
    /// it answers nothing more.
    pub(super) fn apply(&mut self, changes: Batch) -> Result<()> {
        self.written = size_of(&changes);
        let mut batch = sled::Batch::default();
        for (name, value) in changes {
            match value {
                Some(value) => batch.insert(name, value),
                None => batch.remove(name),
            }
        }
        let applied = self.run(|db| db.apply_batch(batch));
        applied
            .and_then(|()| self.flush())
            .inspect_err(|error| self.give_up(error))
    }

    fn flush(&self) -> Result<()> {
        self.run(|db| db.flush())?;
        let synced = self.file.sync_all();
        synced.map_err(|error| self.named(failed("sync", &self.dir, &error)))
    }

    /// Answers nothing more but this error: what is on disk is not known.
    pub(super) fn give_up(&self, error: &Error) {
        let _ = self.broken.set(error.clone());
    }

    /// Closes it: whatever is asked of it from now on is refused.
    pub(super) fn close(&mut self) {
        // sled writes when it is dropped, and panics where that fails. Everything that counts is
        // on disk already.
        let db = self.db.take();
        let _ = contain(move || drop(db));
    }

    /// The bytes that sled's files take.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let sizes = entries.filter_map(|entry| entry.metadata().ok());
        sizes.map(|metadata| metadata.len()).sum()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.close();
    }
}
