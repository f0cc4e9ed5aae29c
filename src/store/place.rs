//! Where a database is: behind a link, and below directories that others may write to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::directory::location;
use crate::error::{Error, Kind, Result};

/// The directory that a path names: where the path is a link, the directory behind it. Whose that
/// is, and which mode it has, is looked at there. A link to nothing stays as it is, and is refused
/// when it is opened.
pub(super) fn resolve(dir: PathBuf) -> PathBuf {
    match fs::symlink_metadata(&dir) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(&dir).unwrap_or(dir),
        _ => dir,
    }
}

/// The nearest directory above in which every user may put another one in the place of this, or of
/// one of its parents, with the mode of it.
pub(super) fn open_parent(dir: &Path) -> Option<(PathBuf, u32)> {
    const EVERYBODY_WRITES: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let there = dir.ancestors().find(|path| path.exists());
    let absolute = match there {
        // A relative name ends with the empty one: the directory of the process.
        None => std::env::current_dir().ok()?,
        Some(there) if there == dir => fs::canonicalize(dir).ok()?.parent()?.to_owned(),
        Some(there) => fs::canonicalize(there).ok()?,
    };
    absolute.ancestors().find_map(|path| {
        let mode = fs::metadata(path).ok()?.mode();
        let is_open = mode & EVERYBODY_WRITES != 0 && mode & STICKY == 0;
        is_open.then(|| (path.to_owned(), mode & 0o7777))
    })
}

/// Refuses a place for a new database in which every user could put another one in its place. One
/// that is there already is not refused for that: a boot without rules would be worse.
///
/// # Errors
/// `not_permitted`.
pub(super) fn check_parents(dir: &Path) -> Result<()> {
    match open_parent(dir) {
        None => Ok(()),
        Some((parent, mode)) => Err(Error::new(
            Kind::NotPermitted,
            format!(
                "every user can put another directory in its place: {} has mode {mode:o}",
                parent.display()
            ),
        )
        .of_database(location(dir))
        .attempt("cannot make it")
        .hint(format!(
            "chmod o-w {}, or name another: --db DIR",
            parent.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_followed_once() {
        let lab = tempfile::tempdir().unwrap();
        let (link, target) = (lab.path().join("link"), lab.path().join("target"));
        symlink("target", &link).unwrap();
        assert_eq!(resolve(link.clone()), link);
        fs::create_dir(&target).unwrap();
        let real = fs::canonicalize(&target).unwrap();
        assert_eq!(resolve(link), real);
        assert_eq!(resolve(target.clone()), target);
    }

    #[test]
    fn a_parent_that_everybody_writes_is_found() {
        let lab = tempfile::tempdir().unwrap();
        let dir = lab.path().join("a/b/db");
        let mode = |mode| {
            fs::set_permissions(lab.path(), Permissions::from_mode(mode)).unwrap();
        };
        // The directory for temporary files is sticky.
        assert_eq!(open_parent(&dir), None);
        for is_there in [false, true] {
            if is_there {
                fs::create_dir_all(&dir).unwrap();
            }
            mode(0o777);
            let real = fs::canonicalize(lab.path()).unwrap();
            assert_eq!(open_parent(&dir), Some((real, 0o777)));
            assert!(check_parents(&dir).is_err());
            mode(0o1777);
            assert_eq!(open_parent(&dir), None);
            mode(0o770);
            assert_eq!(open_parent(&dir), None);
        }
        assert_eq!(open_parent(Path::new("db")), open_parent(Path::new("./db")));
    }
}
