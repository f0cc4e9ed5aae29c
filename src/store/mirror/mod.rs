//! The mirror: what boot would restore, in plain files that need no database to be read.
//!
//! - `mirror.base`: `ipvsh mirror 2 KIND`; the head as JSON (snapshot and content); a line `NAME JSON`
//!   per service, followed by such a line per real server, with a space in front; `found JSON`, the
//!   values found, where there are some; all else as JSON; then `end CRC-32`, of all before.
//! - `mirror.log`: `ipvsh mirror 2 KIND`, then a line per commit, `STATE LENGTH CHECKSUM JSON`:
//!   its snapshot, the content that results, the entries that it set and removed, and how many bytes
//!   of the log are before it.
//!
//! Lines up to the base's snapshot are history and skipped; every other line's parent is the
//! snapshot before it, and the last one's content is compared with what was put together.
//!
//! A line is on disk before its commit enters the database. `STATE` is the one byte that changes:
//!
//! | | |
//! |---|---|
//! | `?` | on its way: whether the commit was done, the database knows. Without a database it counts: it was applied and verified, and may have been reported |
//! | `+` | done: written once the database has it, and not synced, as nothing depends on it. A database that lacks it lost it |
//! | `=` | done, and confirmed, for one that had to be; synced. What stands in a base needs none |
//! | `-` | the database could not write it; it does not count |
//!
//! A crash can cut only a line that is on its way; such a line is ignored, because its commit never
//! reached the database. Any other line that is short or fails its checksum is damage.

mod base;
mod commit;
mod files;
mod format;
mod open;
mod read;

pub(super) use commit::{Head, State};
use files::broken;
pub(super) use files::{BASE, LOG};
pub(super) use open::Mirror;
pub(super) use read::{Replayed, exists, read, read_newest, read_quickly, replay, rules_of};
