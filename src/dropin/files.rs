//! Paths of a file system, and what is said where a call on one fails.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// What the file that was in the way is called.
pub const KEPT: &str = ".ipvsh-saved";

/// A path of a file system, as this process reaches it.
pub(super) fn within(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

pub(super) fn failed(attempt: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::system(attempt, error).object(path.display())
}
