//! Files of a database directory: how they are opened, made to last and closed to others, and what is
//! said where a call on one fails.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// The file that the lock is on.
pub(super) const LOCK: &str = "LOCK";

/// The file that the lock of the kernel is on.
pub(super) const KERNEL: &str = "KERNEL";

/// The file that the lock of the daemon is on.
pub(super) const DAEMON: &str = "DAEMON";

/// The copy of the checks' state that outlives a boot.
pub const HEALTH_STATE: &str = "health-state";

/// The daemon's directory, where the host has no other one for it.
pub const RUN: &str = "run";

/// The directory of the daemon's events, where the host has no other one for them.
pub const EVENTS: &str = "events";

/// What the daemon, and whoever writes the kernel, keep in a database's directory. A database may
/// still have to be made there.
pub(super) const BESIDE: [&str; 5] = [KERNEL, DAEMON, HEALTH_STATE, RUN, EVENTS];

/// What a database is called in messages.
pub(super) fn location(dir: &Path) -> String {
    format!("database {}", dir.display())
}

/// A system call on a file failed; says what to do where a right is missing.
pub(super) fn failed(attempt: &str, path: &Path, error: &std::io::Error) -> Error {
    let named = Error::system(format!("cannot {attempt} {}", path.display()), error);
    match error.kind() {
        ErrorKind::PermissionDenied => named
            .hint("run it as root (sudo ipvsh ...)")
            .hint("or use a database of your own: --db DIR (IPVSH_DB), or --sim to practise"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => named
            .with_kind(Kind::System)
            .hint("make room on that file system"),
        ErrorKind::NotFound => named.with_kind(Kind::System),
        ErrorKind::ReadOnlyFilesystem => {
            named.hint("the database needs to be writable, even to be read")
        }
        _ => named,
    }
}

/// Options for a file of ours: only for its owner, never through a link.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Returns true if a path still names the open file.
pub(crate) fn is_in_place(path: &Path, file: &File) -> bool {
    let named = fs::symlink_metadata(path).map(|named| (named.dev(), named.ino()));
    let open = file.metadata().map(|open| (open.dev(), open.ino()));
    matches!((named, open), (Ok(named), Ok(open)) if named == open)
}

/// Makes what was done to a directory's entries last.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| failed("sync", path, &error))
}

/// Takes the rights of others from a file or a directory.
pub(super) fn close(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(metadata.mode() & 0o700))
        .map_err(|error| failed("change the mode of", path, &error))
}

/// Takes the rights of others from a directory and from the files in it, for those that sled
/// makes: it knows no modes, and the umask is the whole process's.
///
/// # Errors
/// `system`.
pub(super) fn close_to_others(dir: &Path) -> Result<()> {
    let mut waiting: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).map_err(|e| failed("look at", &path, &e))?;
        if metadata.file_type().is_symlink() {
            continue;
        }
        close(&path, &metadata)?;
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| failed("read", &path, &error))?;
            waiting.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())));
        }
    }
    Ok(())
}

/// Refuses a write that would fill the disk half-way: `needed` bytes, and some for sled.
///
/// # Errors
/// `system`, with nothing changed.
pub(super) fn check_room(dir: &Path, file: &File, needed: u64) -> Result<()> {
    // sled writes what it is given twice or more and grows by segments of 512 KiB.
    let wanted = needed.saturating_mul(3).saturating_add(2 << 20);
    let Ok(system) = rustix::fs::fstatvfs(file) else {
        return Ok(());
    };
    // File systems without a fixed size (btrfs, overlays) may report no blocks at all.
    let room = system.f_bavail.saturating_mul(system.f_frsize);
    if system.f_blocks == 0 || room >= wanted {
        return Ok(());
    }
    let full = std::io::Error::from(ErrorKind::StorageFull);
    Err(failed("write to", dir, &full).of_database(format!(
        "database {} ({} KiB free, {} KiB needed)",
        dir.display(),
        room / 1024,
        wanted / 1024
    )))
}
