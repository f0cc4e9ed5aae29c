//! The names of the mirror's files, and what is said where one is broken.

use crate::error::{Error, Kind};

/// The file with the whole ruleset of one commit.
pub(in crate::store) const BASE: &str = "mirror.base";

/// The file with the commits since.
pub(in crate::store) const LOG: &str = "mirror.log";

pub(super) fn broken(cause: &str) -> Error {
    // Not `damaged`: its first advice is to use the mirror.
    Error::new(Kind::Damaged, cause)
        .hint("the next command that writes makes it anew from the database")
}
