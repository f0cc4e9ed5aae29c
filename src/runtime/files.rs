//! How the runtime files are made, replaced and reported.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use crate::error::{Error, Kind, Result};
use crate::store::private;

/// The error for a failed system call on a file; a missing file is no missing object of the user's.
pub(super) fn failed(attempt: &str, path: &Path, error: &std::io::Error) -> Error {
    let named = Error::system(format!("cannot {attempt} {}", path.display()), error);
    match error.kind() {
        ErrorKind::PermissionDenied => named.hint("run it as root (sudo ipvsh ...)"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => named
            .with_kind(Kind::System)
            .hint("make room on that file system"),
        ErrorKind::NotFound => named.with_kind(Kind::System),
        _ => named,
    }
}

/// Opens a file of ours to read it: a regular file, never through a link, and never waiting for the
/// other end of a pipe.
///
/// # Errors
/// The system's; `InvalidInput` for what is no regular file.
pub(super) fn open_regular(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::new(
            ErrorKind::InvalidInput,
            "it is no regular file",
        )),
    }
}

/// The longest line that [`read_line`] reads.
const LONGEST_LINE: u64 = 256;

/// Reads a file of one line, without the end of the line; none where it is not there, or is no such
/// file.
pub(super) fn read_line(path: &Path) -> Option<String> {
    let file = open_regular(path).ok()?;
    let mut text = String::new();
    file.take(LONGEST_LINE).read_to_string(&mut text).ok()?;
    text.strip_suffix('\n').map(str::to_owned)
}

/// Makes a directory with mode 0700, and its parents; takes one that is there where it belongs to
/// this user.
///
/// # Errors
/// `not_permitted` where it belongs to another user; `system`.
pub(super) fn make_directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| failed("make", path, &error))?;
    let look = |error| failed("look at", path, &error);
    let metadata = fs::symlink_metadata(path).map_err(look)?;
    if !metadata.is_dir() || metadata.uid() != geteuid().as_raw() {
        return Err(Error::new(
            Kind::NotPermitted,
            format!("{} is not a directory of this user", path.display()),
        )
        .attempt("cannot write there")
        .hint(format!(
            "look at it, and move it away: ls -ld {}",
            path.display()
        )));
    }
    if metadata.mode() & 0o077 != 0 {
        let closed = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        closed.map_err(|error| failed("change the mode of", path, &error))?;
    }
    Ok(())
}

/// The name under which a file is written before it takes the place of the old one.
fn new_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Replaces a file in one step, and returns the new one. With `is_synced` the content is on disk
/// before the old one goes.
///
/// # Errors
/// `system`, `not_permitted`; the old file stays then.
pub(super) fn replace(path: &Path, bytes: &[u8], is_synced: bool) -> Result<File> {
    let new = new_name(path);
    let write = || {
        let mut options = private();
        let mut file = options.create(true).write(true).truncate(true).open(&new)?;
        file.write_all(bytes)?;
        if is_synced {
            file.sync_all()?;
        }
        fs::rename(&new, path)?;
        Ok(file)
    };
    write().map_err(|error| {
        // What is left of a failed attempt would only take up the room that was missing.
        let _ = fs::remove_file(&new);
        failed("write", path, &error)
    })
}
