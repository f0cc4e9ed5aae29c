//! The user's own script, read before the first line: functions for every prompt.
//!
//! It runs with all that the user may do, often as root: it is read only where nobody else could
//! have written it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open, openat};
use rustix::process::geteuid;

use crate::error::{Error, Kind, Result};
use crate::script::{Source, utf8};

/// The longest script that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the script; nothing where there is none.
///
/// # Errors
/// `not_permitted` where somebody else could have written it; `system`, `invalid`.
pub(super) fn read(path: &Path) -> Result<Option<Source>> {
    let object = || path.display().to_string();
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(None);
    };
    let failed = |e: std::io::Error| Error::system("cannot read", &e).object(object());
    // What is looked at is what is read: nobody can put another in its place between.
    let opened = open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).and_then(|dir| {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok((openat(&dir, name, flags, Mode::empty())?, dir))
    });
    let (file, dir) = match opened {
        Ok((file, dir)) => (File::from(file), File::from(dir)),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(failed(error.into())),
    };
    check(&dir, "its directory").map_err(|e| e.object(object()))?;
    check(&file, "it").map_err(|e| e.object(object()))?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::invalid("it is no regular file").object(object()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::invalid("it is longer than 1 MiB").object(object()));
    }
    let text = utf8(bytes).map_err(|error| error.object(object()))?;
    Ok(Some(Source {
        name: object(),
        text,
        dir: path.parent().map(Path::to_owned),
    }))
}

/// Refuses what another user owns or may write.
fn check(file: &File, what: &str) -> Result<()> {
    let facts = file
        .metadata()
        .map_err(|e| Error::system("cannot look at it", &e))?;
    let refuse = |why: String| {
        Err(Error::new(Kind::NotPermitted, why)
            .hint("it has to be yours, and writable by you alone"))
    };
    if facts.uid() != geteuid().as_raw() {
        return refuse(format!(
            "{what} belongs to somebody else (uid {})",
            facts.uid()
        ));
    }
    if facts.mode() & 0o022 != 0 {
        return refuse(format!(
            "{what} can be written by others (mode {:o})",
            facts.mode() & 0o777
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_what_nobody_else_could_have_written_is_read() {
        let lab = tempfile::tempdir().unwrap();
        let dir = lab.path().join("ipvsh");
        let file = dir.join("init.rhai");
        assert!(read(&file).unwrap().is_none());
        fs::create_dir(&dir).unwrap();
        assert!(read(&file).unwrap().is_none());
        fs::write(&file, "fn f() { 1 }").unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        let refused = |part: &str| {
            let text = read(&file).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        };
        mode(&dir, 0o755);
        mode(&file, 0o644);
        assert_eq!(read(&file).unwrap().unwrap().text, "fn f() { 1 }");
        fs::write(&file, b"fn f() { 1 }\n// caf\xe9\n").unwrap();
        refused("line 2 is not UTF-8 text");
        mode(&file, 0o664);
        refused("it can be written by others (mode 664)");
        mode(&file, 0o600);
        mode(&dir, 0o777);
        refused("its directory can be written by others");
        mode(&dir, 0o700);
        fs::remove_file(&file).unwrap();
        symlink("/dev/null", &file).unwrap();
        assert!(read(&file).is_err(), "a device is no script");
    }
}
