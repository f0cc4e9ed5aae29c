//! A look at whether a history changed, and at its head, without its lock.
//!
//! A daemon looks once a second, and must neither wait for a commit nor keep one waiting.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::directory::{self, Found};
use super::{SledStores, Stores, mirror};
use crate::error::Result;
use crate::model::{Ruleset, SnapshotId};

/// What the mirror's files looked like at a moment; a commit, a confirmation and a rollback change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeMark([Option<FileMark>; 2]);

/// Inode, length, and time of the last change in seconds and nanoseconds.
type FileMark = (u64, u64, i64, i64);

impl SledStores {
    /// Takes a mark of the history. It costs two system calls; a mark that is equal to an older one
    /// means that the head is the same.
    pub fn change_mark(&self) -> ChangeMark {
        ChangeMark([mirror::BASE, mirror::LOG].map(|name| {
            let file = fs::metadata(self.dir.join(name)).ok()?;
            Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
        }))
    }

    /// Reads the head, confirmed or not, from the mirror and without a lock; `None` where nothing was
    /// committed. A commit that is being recorded counts already: the kernel holds what it wants.
    ///
    /// # Errors
    /// `damaged` where the mirror does not fit, which may be so while a commit replaces it;
    /// `not_permitted`, `system`.
    pub fn glance(&self) -> Result<Option<(SnapshotId, Ruleset)>> {
        if directory::look(&self.dir, self.kind)? == Found::Nothing {
            return Ok(None);
        }
        mirror::read_quickly(&self.dir, self.kind)
            .map_err(|error| error.object(format!("mirror in {}", self.dir.display())))
    }

    /// Reads the head from the database, for where the mirror is damaged.
    ///
    /// # Errors
    /// As [`Stores::open`].
    pub fn head_rules(&self) -> Result<Option<(SnapshotId, Ruleset)>> {
        let store = self.open()?;
        let head = store.head()?;
        head.map(|head| Ok((head.id, store.ruleset(head.id)?)))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::DatabaseKind;
    use super::super::tests::{draft, rules};
    use super::*;

    #[test]
    fn a_commit_changes_the_mark_and_is_seen_without_a_lock() {
        let lab = tempfile::tempdir().unwrap();
        let stores = SledStores::new(lab.path().join("db"), DatabaseKind::Sim);
        let mut marks = vec![stores.change_mark()];
        assert_eq!(stores.glance().unwrap(), None);
        assert_eq!(stores.head_rules().unwrap(), None);
        for count in 1..=3 {
            let mut store = stores.open_to_write().unwrap();
            let snapshot = store.record(&draft("m"), &rules(count, 2)).unwrap();
            // Somebody else has it open.
            assert_eq!(
                stores.glance().unwrap(),
                Some((snapshot.id, rules(count, 2)))
            );
            drop(store);
            let mark = stores.change_mark();
            assert!(!marks.contains(&mark));
            assert_eq!(mark, stores.change_mark());
            marks.push(mark);
        }
        assert_eq!(stores.head_rules().unwrap(), stores.glance().unwrap());
    }
}
