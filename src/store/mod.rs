//! The history: snapshots, the head, tags, and the intent of a commit under way.
//!
//! Layer 2: imports `error`, `model`, `plan` and the `Place` of `kernel`. A [`Store`] is open for
//! the moment of one operation only (one process at a time can have it open); [`Stores`] opens it,
//! with a bounded wait. [`SledStores`] keeps it in a directory, [`MemoryStores`] in memory.
//!
//! # On disk: format 1
//!
//! | file | |
//! |---|---|
//! | `FORMAT` | `ipvsh 1 sled-0.34 linux` (or `sim`); looked at before anything else (`directory`) |
//! | `LOCK` | the file that the lock is on, how many writes there were, and the head (`lock`) |
//! | `sled/` | sled 0.34's own files (`table`): one tree of names and values (`record`) |
//! | `mirror.base`, `mirror.log` | what boot would restore, without sled (`mirror`) |
//! | `damaged-TIME/` | what a repair found, kept as it was (`repair`); yours to remove |
//! | `building/`, `next/`, `old/` | for the moment of a prune or a repair (`swap`) |
//! | `KERNEL`, `DAEMON` | the files that the locks of the kernel and of the daemon are on (`other_locks`) |
//! | `health-state` | what checks found, for the next boot; `run/`, `events/`: see `runtime` |
//! | `INTENT` | there while a commit is under way: its steps, and how far they came (`intent`) |
//! | `PENDING` | there while the head awaits confirmation; for a look without the lock (`notice`) |
//!
//! The directory has mode 0700, its files 0600. Rulesets are content-addressed trees (`content`,
//! `trie`, `pieces`, `node`): what two snapshots share is stored once, and a change stores one
//! path. Every record carries a checksum, every node is found under its own; the manifest says
//! which records there must be (`record`).
//!
//! # When a commit is done
//!
//! 1. its line is in the mirror, on its way, and synced;
//! 2. its nodes, its snapshot and the new manifest are in the database: one batch, flushed and
//!    synced; from then on the intent, which names the head before it, counts no more;
//! 3. the intent is removed, and its line marked as done.
//!
//! | dies or fails | database, mirror | the next to open it |
//! |---|---|---|
//! | before 1 | old, old | finds nothing to do |
//! | in 1 | old, a cut line | ignores the line |
//! | in 2, dies | old, on its way | drops the line; the intent is still there, and is undone |
//! | in 2, dies | new, on its way | marks the line as done |
//! | in 2, an error | unknown, void | drops the line, and the record where it is there |
//! | in 3 | new, on its way | marks the line as done |
//!
//! A mirror that is done with more than the database has is proof that the database lost something
//! (sled opens a damaged file with a part of its records), and so is a count of writes in `LOCK`
//! beyond the manifest's; it is refused then as damaged, and the mirror is what can be restored. A
//! mirror that has less, or is damaged, is written anew from the database. A mirror that ends before
//! the head that `LOCK` names has lost lines, and is refused. What nothing can tell is two damages
//! at once that fit together, such as a mirror cut at the end of a line and an older `LOCK`.
//!
//! Boot reads the mirror alone where nothing is open or in doubt (`settled`): no intent, no line on its
//! way, no wait for a confirmation, no exchange of files, and a `LOCK` that names the mirror's head.
//!
//! That the head awaits confirmation is in its own record and line, and so in the same transaction.
//! A confirmation is done when the manifest says so on disk; then the line does. The mirror keeps
//! the parent of such a head apart (it is never made a base), because boot may have to restore it.

mod address;
mod carve;
mod change_mark;
mod contain;
mod content;
mod contents;
#[cfg(test)]
mod damage;
mod directory;
mod files;
mod found_values;
mod fsck;
mod history;
mod intent;
mod lock;
mod memory;
mod mirror;
mod node;
mod notice;
mod other_locks;
mod pending;
mod pieces;
mod place;
mod rebuild;
mod record;
mod salvage;
mod scratch;
mod settle;
mod settled;
mod stores;
mod swap;
mod table;
#[cfg(test)]
mod tests;
mod trie;
mod untouched;
mod whole;

pub use change_mark::ChangeMark;
pub use files::{EVENTS, HEALTH_STATE, RUN};
pub(crate) use files::{is_in_place, private};
pub use fsck::{Checkup, Counts, Repaired};
pub use memory::MemoryStores;
pub use other_locks::{DaemonLock, KernelLock};
pub use pending::{Confirm, Mirrored, Pending, Unconfirmed};
pub use salvage::Losses;
pub use stores::{Faults, SledStores, WAIT};

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::kernel::Place;
use crate::model::{
    Event, Extent, FoundValues, Origin, Ruleset, ServiceKey, Snapshot, SnapshotId, Tally,
    VirtualService,
};
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// When, UTC.
    pub time: DateTime<Utc>,
    /// Who.
    pub author: String,
    /// Why.
    pub message: String,
    /// The snapshot whose content it repeats, for a rollback.
    pub rollback_of: Option<SnapshotId>,
    /// The snapshot whose changes it undoes, for a revert.
    pub revert_of: Option<SnapshotId>,
    /// All that it adds was in the kernel already.
    pub adopted: bool,
    /// How many changes it made to the kernel, by what happened.
    pub tally: Tally,
    /// Where it was made, and by what.
    pub origin: Origin,
    /// How long changing the kernel and verifying it took, in milliseconds.
    pub took: u64,
}

/// A commit under way: flushed before its first step, gone with its record. One that is found
/// belongs to a process that died between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent<'a> {
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
    pub steps: Cow<'a, [Step]>,
    /// How far it came.
    pub reached: Reached,
}

/// How far the steps of an intent came, as far as it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The kernel answered all steps before this one.
    pub answered: usize,
    /// No step from this one on was handed to the kernel.
    pub sent: usize,
    /// Steps before `sent` that were not done: refused, or not sent.
    pub not_done: BTreeSet<usize>,
}

impl Reached {
    /// Nothing was sent.
    pub fn nothing() -> Reached {
        Reached {
            answered: 0,
            sent: 0,
            not_done: BTreeSet::new(),
        }
    }

    /// The kernel acknowledged all of them.
    pub fn all(steps: &[Step]) -> Reached {
        Reached {
            answered: steps.len(),
            sent: steps.len(),
            not_done: BTreeSet::new(),
        }
    }

    /// Nobody noted how far it came: every step may have been sent.
    pub fn unknown() -> Reached {
        Reached {
            answered: 0,
            sent: usize::MAX,
            not_done: BTreeSet::new(),
        }
    }

    /// The steps that may have been done, each with whether the kernel acknowledged it.
    pub fn of<'a>(&self, steps: &'a [Step]) -> impl Iterator<Item = (&'a Step, bool)> {
        let may_be_done = |(at, _): &(usize, _)| *at < self.sent && !self.not_done.contains(at);
        let steps = steps.iter().enumerate().filter(may_be_done);
        steps.map(|(at, step)| (step, at < self.answered))
    }
}

/// The rules of a commit: how a part of the head's ruleset becomes another. Services that neither
/// side names stay as the head has them; marks, timeouts and sync daemons are all named.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// What the head has.
    pub from: &'a Ruleset,
    /// What the new one has.
    pub to: &'a Ruleset,
    /// What was found of the entries of this part: for the head, and for the new one.
    pub found: (&'a FoundValues, &'a FoundValues),
    /// How it is to be confirmed, and what the kernel is to hold again where it is not.
    pub unless: Option<(&'a Confirm, &'a Ruleset)>,
}

/// Where it stands that a commit is under way, so that the next one can undo it.
pub trait Journal {
    /// Writes the intent; on disk when this returns.
    ///
    /// # Errors
    /// `system`.
    fn set_intent(&mut self, intent: &Intent) -> Result<()>;

    /// Notes how far the steps of the intent came. It outlives the process, and need not outlive the
    /// boot: after that nothing of the steps is left.
    ///
    /// # Errors
    /// `system`.
    fn note_reached(&mut self, reached: &Reached) -> Result<()>;

    /// Removes the intent; on disk when this returns.
    ///
    /// # Errors
    /// `system`.
    fn clear_intent(&mut self) -> Result<()>;
}

/// An open history.
pub trait Store: Journal {
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

    /// What is known of a snapshot's ruleset within an extent; other services are not read.
    ///
    /// # Errors
    /// `not_found`, `damaged`.
    fn part(&self, id: SnapshotId, extent: &Extent) -> Result<Ruleset> {
        Ok(extent.within(&self.ruleset(id)?))
    }

    /// How many services a snapshot has.
    ///
    /// # Errors
    /// `not_found`, `damaged`.
    fn count_services(&self, id: SnapshotId) -> Result<usize> {
        Ok(self.ruleset(id)?.services.len())
    }

    /// Records a snapshot as the new head and removes the intent, in one transaction; on disk,
    /// in database and mirror, when this returns.
    ///
    /// # Errors
    /// `system` (disk full, I/O), with the old state intact.
    fn record_turn(&mut self, draft: &Draft, turn: &Turn) -> Result<Snapshot>;

    /// What was found of a snapshot's entries within an extent.
    ///
    /// # Errors
    /// `not_found`, `damaged`.
    fn found(&self, id: SnapshotId, extent: &Extent) -> Result<FoundValues>;

    /// The number that the next snapshot gets.
    fn next(&self) -> SnapshotId;

    /// Records a snapshot with a whole ruleset; what was found of the head's entries passes on.
    ///
    /// # Errors
    /// As [`Store::record_turn`].
    fn record(&mut self, draft: &Draft, rules: &Ruleset) -> Result<Snapshot> {
        let from = self.rules_of_head()?;
        let nothing = FoundValues::default();
        let turn = Turn {
            from: &from,
            to: rules,
            found: (&nothing, &nothing),
            unless: None,
        };
        self.record_turn(draft, &turn)
    }

    /// Records a snapshot as [`Store::record`] does, as one that awaits confirmation; `back` is what
    /// the kernel is to hold again where none comes.
    ///
    /// # Errors
    /// As [`Store::record_turn`].
    fn record_unconfirmed(
        &mut self,
        draft: &Draft,
        rules: &Ruleset,
        confirm: &Confirm,
        back: &Ruleset,
    ) -> Result<Snapshot> {
        let from = self.rules_of_head()?;
        let nothing = FoundValues::default();
        let turn = Turn {
            from: &from,
            to: rules,
            found: (&nothing, &nothing),
            unless: Some((confirm, back)),
        };
        self.record_turn(draft, &turn)
    }

    /// The head's ruleset; without a head, no rules.
    ///
    /// # Errors
    /// `damaged`.
    fn rules_of_head(&self) -> Result<Rc<Ruleset>> {
        let head = self.head()?.map(|head| self.ruleset(head.id)).transpose()?;
        Ok(Rc::new(head.unwrap_or_default()))
    }

    /// The head, where it awaits confirmation.
    ///
    /// # Errors
    /// `damaged`.
    fn pending(&self) -> Result<Option<Pending>>;

    /// The head's rules, but for what its commit changed in the kernel: that as the kernel held it
    /// before. It returns there where the head is not confirmed.
    ///
    /// # Errors
    /// `damaged`; `state` where the head awaits no confirmation.
    fn back(&self) -> Result<Ruleset>;

    /// Lets the head stand: it awaits confirmation no more; on disk when this returns.
    ///
    /// # Errors
    /// `system`.
    fn keep(&mut self) -> Result<()>;

    /// The intent that is there, if any.
    ///
    /// # Errors
    /// `damaged`.
    fn intent(&self) -> Result<Option<Intent<'static>>>;

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

    /// Takes a tag away; says whether there was one.
    ///
    /// # Errors
    /// `system`, `damaged`.
    fn remove_tag(&mut self, tag: &str) -> Result<bool>;

    /// Notes what a recovery, a repair or a prune did; on disk when this returns. The newest
    /// hundred are kept.
    ///
    /// # Errors
    /// `system`, `damaged`.
    fn note(&mut self, event: &Event) -> Result<()>;

    /// What was noted, oldest first.
    ///
    /// # Errors
    /// `damaged`.
    fn events(&self) -> Result<Vec<Event>>;

    /// Removes snapshots, and what only they hold, and gives their room back: the database is
    /// written anew without them and takes the place of the old one in one step. Their numbers are
    /// not given again. Gives the bytes on disk before and after.
    ///
    /// # Errors
    /// `not_found` where one is not there, `state` for the head, for one with a tag and for the one
    /// that an unconfirmed head rolls back to; nothing is removed then. `system`, `damaged`.
    fn prune(&mut self, ids: &BTreeSet<SnapshotId>) -> Result<(u64, u64)>;

    /// The newest so many records, newest first, with their tags; the others are not read.
    ///
    /// # Errors
    /// `damaged`.
    fn newest(&self, count: usize) -> Result<Vec<Snapshot>> {
        let mut snapshots = self.snapshots()?;
        snapshots.truncate(count);
        Ok(snapshots)
    }

    /// One service of a snapshot; the others are not read.
    ///
    /// # Errors
    /// `not_found` where there is no such snapshot, `damaged`.
    fn service(&self, id: SnapshotId, key: &ServiceKey) -> Result<Option<VirtualService>> {
        Ok(self.ruleset(id)?.services.remove(key))
    }

    /// Two snapshots' rulesets, reduced to what must be compared: services that are the same in
    /// both may be left out, and are not read then.
    ///
    /// # Errors
    /// `not_found`, `damaged`.
    fn differing(&self, one: SnapshotId, other: SnapshotId) -> Result<(Ruleset, Ruleset)> {
        Ok((self.ruleset(one)?, self.ruleset(other)?))
    }

    /// What was put right when it was opened, a sentence each, for the user.
    fn repairs(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The head of a history with which nothing is to be done first: no commit is under way, and none
/// awaits confirmation. Nobody else changes the history while this is there.
pub struct Settled {
    /// Its number.
    pub head: SnapshotId,
    /// What it holds.
    pub rules: Rc<Ruleset>,
    /// For what brings the kernel to it.
    pub journal: Box<dyn Journal>,
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

    /// The settled head, where that is known without opening the history; else it has to be opened.
    ///
    /// # Errors
    /// `busy` naming the holder, `interrupted`, `not_permitted`.
    fn settled(&self) -> Result<Option<Settled>> {
        Ok(None)
    }

    /// What boot would restore, from the plain-file mirror: for when the database does not open.
    /// Where the head awaits confirmation, also what was before it.
    ///
    /// # Errors
    /// `not_found` where there is no mirror, `damaged` where it cannot be trusted.
    fn mirrored(&self) -> Result<Mirrored>;

    /// The head that the mirror holds, confirmed or not, and its ruleset.
    ///
    /// # Errors
    /// As [`Stores::mirrored`].
    fn mirror(&self) -> Result<(SnapshotId, Ruleset)> {
        self.mirrored()
            .map(|mirrored| (mirrored.id, mirrored.rules))
    }

    /// Waits for the lock of the kernel, which keeps other processes from writing the kernel and the
    /// state of the checks. Whoever needs the database too takes this lock first.
    ///
    /// # Errors
    /// `busy` naming the holder, `interrupted`, `not_permitted`, `system`.
    fn lock_kernel(&self) -> Result<KernelLock> {
        Ok(KernelLock::unshared())
    }

    /// A look at whether the head awaits confirmation, without the lock and without waiting: for a
    /// prompt and for who waits. It may be a moment old.
    fn notice(&self) -> Option<Pending>;

    /// Where it is, for messages.
    fn location(&self) -> String;
}

/// The error for a directory whose mirror was asked for and is not there.
fn no_mirror(location: &str) -> Error {
    Error::not_found("there is no mirror: nothing was ever committed").of_database(location)
}

/// The error for a directory in which there is nothing to check.
fn no_database(location: &str) -> Error {
    Error::not_found("there is no database yet")
        .of_database(location)
        .hint("the first commit makes it; name another: --db DIR (IPVSH_DB)")
}

fn cannot_prune(id: SnapshotId, because: &str) -> Error {
    Error::new(Kind::State, format!("it {because}"))
        .object(format!("snapshot {id}"))
        .attempt("cannot prune")
}
