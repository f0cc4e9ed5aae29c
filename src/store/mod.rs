//! The history: snapshots, the head, tags, and the intent of a commit under way.
//!
//! Layer 2. A [`Store`] is open for the moment of one operation only (sled's lock is exclusive
//! per process); [`Stores`] opens it, with a bounded wait. `sled` is the one place that knows
//! sled; `memory` serves dry runs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::kernel::Place;
use crate::model::{Ruleset, Snapshot, SnapshotId};
use crate::plan::Step;

/// What a database was made for; it refuses the other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// The real kernel.
    Linux,
    /// The simulator.
    Sim,
}

/// What is recorded with a new snapshot; number and parent are the store's to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// When, UTC.
    pub time: DateTime<Utc>,
    /// Who.
    pub author: String,
    /// Why.
    pub message: String,
    /// The snapshot whose content it repeats, for a rollback.
    pub rollback_of: Option<SnapshotId>,
    /// How many changes it made to the kernel.
    pub changes: usize,
}

/// A commit under way: flushed before its first step, gone with its record. One that is found
/// belongs to a process that died between the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it began, UTC.
    pub time: DateTime<Utc>,
    /// Who made it.
    pub author: String,
    /// Its message.
    pub message: String,
    /// The head that it was made on.
    pub head: Option<SnapshotId>,
    /// Where it was made.
    pub place: Place,
    /// The process that made it.
    pub pid: u32,
    /// The steps that it would take; each knows its inverse.
    pub steps: Vec<Step>,
}

/// An open history.
pub trait Store {
    /// The newest snapshot, if there is one.
    ///
    /// # Errors
    /// `damaged` where the record does not fit its checksum.
    fn head(&self) -> Result<Option<Snapshot>>;

    /// One snapshot's record, with its tags.
    ///
    /// # Errors
    /// `not_found`, saying which numbers there are; `damaged`.
    fn snapshot(&self, id: SnapshotId) -> Result<Snapshot>;

    /// All records, newest first, with their tags.
    ///
    /// # Errors
    /// `damaged`.
    fn snapshots(&self) -> Result<Vec<Snapshot>>;

    /// A snapshot's ruleset.
    ///
    /// # Errors
    /// `not_found`, `damaged`.
    fn ruleset(&self, id: SnapshotId) -> Result<Ruleset>;

    /// Records a snapshot as the new head and removes the intent, in one transaction; on disk,
    /// in database and mirror, when this returns.
    ///
    /// # Errors
    /// `system` (disk full, I/O), with the old state intact.
    fn record(&mut self, draft: &Draft, rules: &Ruleset) -> Result<Snapshot>;

    /// The intent that is there, if any.
    ///
    /// # Errors
    /// `damaged`.
    fn intent(&self) -> Result<Option<Intent>>;

    /// Writes the intent; on disk when this returns.
    ///
    /// # Errors
    /// `system`.
    fn set_intent(&mut self, intent: &Intent) -> Result<()>;

    /// Removes the intent; on disk when this returns.
    ///
    /// # Errors
    /// `system`.
    fn clear_intent(&mut self) -> Result<()>;

    /// The snapshot of a tag, if there is such a tag.
    ///
    /// # Errors
    /// `damaged`.
    fn tagged(&self, tag: &str) -> Result<Option<SnapshotId>>;

    /// Gives a snapshot a tag; a tag that is there moves.
    ///
    /// # Errors
    /// `not_found` where there is no such snapshot; `system`.
    fn set_tag(&mut self, tag: &str, id: SnapshotId) -> Result<()>;
}

/// Opens a history.
pub trait Stores {
    /// Opens it to read. A database that does not exist reads as an empty one and is not made.
    ///
    /// # Errors
    /// `busy` naming the holder, `not_permitted`, `damaged`, `system`.
    fn open(&self) -> Result<Box<dyn Store>>;

    /// Opens it to write; makes it where it does not exist (directory 0700, files 0600).
    ///
    /// # Errors
    /// As [`Stores::open`].
    fn open_to_write(&self) -> Result<Box<dyn Store>>;

    /// What boot would restore, from the plain-file mirror: for when the database does not open.
    ///
    /// # Errors
    /// `not_found` where there is no mirror, `damaged` where it cannot be trusted.
    fn mirror(&self) -> Result<(SnapshotId, Ruleset)>;

    /// Where it is, for messages.
    fn location(&self) -> String;
}
