//! Locks beside that of the database: one for writing the kernel, one for being its daemon.
//!
//! Each is an flock on a file of the database's directory; it ends with the process that holds it.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use super::directory::{self, Found};
use super::files::{DAEMON, KERNEL, is_in_place};
use super::{DatabaseKind, SledStores, place};
use crate::error::{Error, Kind, Result};

/// The lock of the kernel: its holder alone writes the kernel and the state of the checks. A commit
/// holds it from observing to recording, the daemon for one batch of transitions. Dropping it lets go.
#[derive(Debug)]
pub struct KernelLock {
    /// None for a history in memory, which no other process shares.
    _file: Option<File>,
}

impl KernelLock {
    /// The lock of a kernel that no other process writes by this history.
    pub fn unshared() -> KernelLock {
        KernelLock { _file: None }
    }
}

/// The lock of the daemon: a database has one. Dropping it lets go.
#[derive(Debug)]
pub struct DaemonLock {
    path: PathBuf,
    file: File,
}

impl DaemonLock {
    /// Returns true if the lock is that of the directory that has the database's name now.
    pub fn is_in_place(&self) -> bool {
        is_in_place(&self.path, &self.file)
    }
}

impl SledStores {
    /// Waits for the lock of the kernel. Whoever needs the database too takes this lock first.
    ///
    /// # Errors
    /// `busy` naming the holder, `interrupted`, `not_permitted`, `system`.
    pub(super) fn acquire_kernel(&self) -> Result<KernelLock> {
        let file = self.lock_in_directory(KERNEL, "lock of the kernel", self)?;
        Ok(KernelLock { _file: Some(file) })
    }

    /// Takes the lock of the daemon, without waiting.
    ///
    /// # Errors
    /// `state` naming the daemon that runs already; `not_permitted`, `system`.
    pub fn lock_daemon(&self) -> Result<DaemonLock> {
        let hasty = self.clone().waiting(Duration::ZERO);
        let taken = self.lock_in_directory(DAEMON, "daemon", &hasty);
        let file = taken.map_err(|error| match error.kind() {
            Kind::Busy => Error::new(Kind::State, error.message())
                .object("daemon")
                .attempt("a daemon runs already for this database")
                .hint("ipvsh health shows what it knows"),
            _ => error,
        })?;
        Ok(DaemonLock {
            path: self.dir.join(DAEMON),
            file,
        })
    }

    fn lock_in_directory(&self, name: &str, what: &str, by: &SledStores) -> Result<File> {
        if directory::look(&self.dir, self.kind)? == Found::Nothing {
            if self.kind == DatabaseKind::Linux {
                place::check_parents(&self.dir)?;
            }
            directory::make(&self.dir)?;
        }
        by.lock_beside(&self.dir.join(name), what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MemoryStores, Stores};
    use super::*;

    fn stores(dir: &std::path::Path) -> SledStores {
        SledStores::new(dir.join("db"), DatabaseKind::Sim).waiting(Duration::from_millis(20))
    }

    #[test]
    fn one_process_writes_the_kernel_at_a_time() {
        let lab = tempfile::tempdir().unwrap();
        let stores = stores(lab.path());
        let held = stores.lock_kernel().unwrap();
        let error = stores.lock_kernel().unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        let me = format!("(pid {}", std::process::id());
        assert!(
            error.to_string().starts_with("lock of the kernel: "),
            "{error}"
        );
        assert!(error.to_string().contains(&me), "{error}");
        // Whoever reads the database needs another lock; whoever writes it needs this one, too.
        drop(stores.open().unwrap());
        let error = stores.open_to_write().err().unwrap();
        assert_eq!(error.kind(), Kind::Busy);
        drop(held);
        drop(stores.lock_kernel().unwrap());
        // Nobody shares what is in memory.
        let memory = MemoryStores::new();
        let _one = memory.lock_kernel().unwrap();
        drop(memory.lock_kernel().unwrap());
    }

    #[test]
    fn a_wait_for_the_kernel_names_its_holder() {
        let lab = tempfile::tempdir().unwrap();
        let told = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let tell = std::rc::Rc::clone(&told);
        let stores = stores(lab.path())
            .waiting(Duration::from_millis(200))
            .telling(move |text| tell.borrow_mut().push(text.to_owned()));
        let _held = stores.lock_kernel().unwrap();
        stores.lock_kernel().unwrap_err();
        let told = told.borrow();
        let begin = format!("waiting for process {} (", std::process::id());
        assert!(told.len() == 1 && told[0].starts_with(&begin), "{told:?}");
    }

    #[test]
    fn a_second_daemon_is_refused_and_a_check_finds_nothing_wrong() {
        let lab = tempfile::tempdir().unwrap();
        let stores = stores(lab.path());
        let held = stores.lock_daemon().unwrap();
        let error = stores.lock_daemon().unwrap_err();
        assert_eq!(error.kind(), Kind::State);
        let text = "daemon: a daemon runs already for this database: ";
        assert!(error.to_string().starts_with(text), "{error}");
        drop(held);
        drop(stores.lock_daemon().unwrap());
        drop(stores.open_to_write().unwrap());
        let checkup = stores.check().unwrap();
        assert_eq!(
            (checkup.notes, checkup.problems),
            (Vec::new(), Vec::<String>::new())
        );
    }
}
