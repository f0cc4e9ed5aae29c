//! Opening a history on disk.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::address::damaged;
use super::directory::{self, Found};
use super::history::History;
use super::lock::{self, Lock, Patience, Witness};
use super::table::{self, ENGINE, Table};
use super::untouched::Untouched;
use super::{
    DatabaseKind, KernelLock, Mirrored, Pending, Settled, Store, Stores, memory, mirror, no_mirror,
    notice, place, settled, swap,
};
use crate::error::{Error, Kind, Result};

/// How long to wait for another process unless told otherwise.
pub const WAIT: Duration = Duration::from_secs(10);

/// Called at named points around every write, for tests: it may return an error in place of the
/// write, or end the process there.
pub type Faults = Rc<dyn Fn(&'static str) -> std::io::Result<()>>;

/// Opens a history in a directory.
#[derive(Clone)]
pub struct SledStores {
    /// The directory.
    pub dir: PathBuf,
    /// What it is for.
    pub kind: DatabaseKind,
    /// How long to wait for a process that has it open.
    pub wait: Duration,
    interrupted: Rc<dyn Fn() -> bool>,
    tell: Rc<dyn Fn(&str)>,
    pub(super) faults: Faults,
}

impl SledStores {
    /// Names a directory, or a link to one; nothing is touched yet.
    pub fn new(dir: impl Into<PathBuf>, kind: DatabaseKind) -> SledStores {
        SledStores {
            dir: place::resolve(dir.into()),
            kind,
            wait: WAIT,
            interrupted: Rc::new(|| false),
            tell: Rc::new(|_| ()),
            faults: Rc::new(|_| Ok(())),
        }
    }

    /// Sets how long to wait for a process that has it open.
    #[must_use]
    pub fn waiting(mut self, wait: Duration) -> SledStores {
        self.wait = wait;
        self
    }

    /// Ends a wait with `interrupted` once this says so; it is asked every 20 ms.
    #[must_use]
    pub fn interrupted_by(mut self, interrupted: impl Fn() -> bool + 'static) -> SledStores {
        self.interrupted = Rc::new(interrupted);
        self
    }

    /// Calls `tell` once a wait takes longer than a second, with the process that holds the lock.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(&str) + 'static) -> SledStores {
        self.tell = Rc::new(tell);
        self
    }

    /// Sets what happens at the points `intent`, `clear`, `mirror` (before a commit's line),
    /// `database` (before its record) and `recorded` (behind it).
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> SledStores {
        self.faults = faults;
        self
    }

    pub(super) fn open_history(&self, to_write: bool) -> Result<Option<History>> {
        if directory::look(&self.dir, self.kind)? == Found::Nothing {
            if !to_write {
                return Ok(None);
            }
            if self.kind == DatabaseKind::Linux {
                place::check_parents(&self.dir)?;
            }
            directory::make(&self.dir)?;
        }
        // Whoever needs both locks takes that of the kernel first.
        let kernel = match to_write {
            true => Some(self.acquire_kernel()?),
            false => None,
        };
        let patience = self.patience();
        let lock = Lock::acquire(&self.dir, &patience)?;
        swap::finish(&self.dir, &self.faults)?;
        // Somebody else may have made it, or removed it, meanwhile.
        if directory::look(&self.dir, self.kind)? == Found::Nothing {
            if !to_write {
                return Ok(None);
            }
            // What a creation that was cut short left may have any mode.
            directory::close_to_others(&self.dir)?;
            directory::mark(&self.dir, self.kind)?;
        } else {
            let was_written = lock.witness() != Witness::default() || mirror::exists(&self.dir);
            if !was_written {
                table::remove_half_made(&self.dir)?;
            } else if !self.dir.join(ENGINE).exists() {
                // Opening it would make an empty one.
                return Err(damaged(format!("its directory {ENGINE} is missing")));
            }
        }
        // Held a moment longer than by the history, which a failed open drops.
        let _held = lock.hold();
        let untouched = Untouched::of(&self.dir.join(ENGINE));
        let faults = Rc::clone(&self.faults);
        let opened = Table::open(&self.dir, &patience).and_then(|table| {
            History::open(table, lock, self.dir.clone(), self.kind, to_write, faults)
        });
        let opened = opened.inspect_err(|error| {
            if error.kind() == Kind::Damaged {
                untouched.put_back();
            }
        });
        opened.map(|mut history| {
            history.kernel = kernel;
            Some(history)
        })
    }

    /// Takes a lock on a file that stands beside the database, where there may be none yet, and
    /// waits for it as for the database, but longer: its holder may itself wait for the database.
    /// Dropping the file releases the lock. `what` is what the lock guards.
    ///
    /// # Errors
    /// `busy` naming the holder, `interrupted`, `not_permitted`, `system`.
    pub fn lock_beside(&self, path: &Path, what: &str) -> Result<File> {
        let named = |error: Error| error.object(what);
        if let Some(parent) = path.parent() {
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(0o700).create(parent);
            made.map_err(|error| named(directory::failed("make", parent, &error)))?;
        }
        let patient = self.clone().waiting(self.wait.saturating_mul(6));
        lock::take(path, &patient.patience()).map_err(named)
    }

    /// How long to wait for others, and what ends the wait.
    pub(super) fn patience(&self) -> Patience<'_> {
        Patience::new(self.wait, self.interrupted.as_ref()).telling(self.tell.as_ref())
    }
}

impl Stores for SledStores {
    fn open(&self) -> Result<Box<dyn Store>> {
        let named = |error: Error| error.of_database(self.location());
        Ok(match self.open_history(false).map_err(named)? {
            Some(history) => Box::new(history),
            None => memory::nothing(),
        })
    }

    fn open_to_write(&self) -> Result<Box<dyn Store>> {
        let named = |error: Error| error.of_database(self.location());
        Ok(match self.open_history(true).map_err(named)? {
            Some(history) => Box::new(history),
            None => memory::nothing(),
        })
    }

    fn settled(&self) -> Result<Option<Settled>> {
        let named = |error: Error| error.of_database(self.location());
        if !matches!(directory::look(&self.dir, self.kind), Ok(Found::Database)) {
            return Ok(None);
        }
        let kernel = self.acquire_kernel().map_err(named)?;
        settled::open(
            &self.dir,
            (self.kind, kernel),
            &self.patience(),
            &self.faults,
        )
        .map_err(named)
    }

    fn mirrored(&self) -> Result<Mirrored> {
        directory::check_dir(&self.dir)?;
        let patience = self.patience();
        // The lock keeps a writer from changing the files while they are read. Without it (a full
        // or read-only file system) reading still gives the whole or nothing.
        let lock = match Lock::acquire(&self.dir, &patience) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(_) => None,
        };
        // Where an exchange of files cannot be ended, the mirror may be whole all the same.
        let finished = match lock {
            Some(_) => swap::finish(&self.dir, &self.faults).map(drop),
            None => Ok(()),
        };
        let named = |error: Error| error.object(format!("mirror in {}", self.dir.display()));
        match mirror::read_newest(&self.dir, self.kind).map_err(named) {
            Ok(Some(held)) => Ok(held.told()),
            Ok(None) => finished.and(Err(no_mirror(&self.location()))),
            Err(error) => finished.and(Err(error)),
        }
    }

    fn lock_kernel(&self) -> Result<KernelLock> {
        self.acquire_kernel()
    }

    fn notice(&self) -> Option<Pending> {
        notice::read(&self.dir)
    }

    fn location(&self) -> String {
        directory::location(&self.dir)
    }
}
