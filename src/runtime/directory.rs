//! Where the runtime files of a database are.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use sha2::{Digest as _, Sha256};

use super::files::make_directory;
use crate::error::Result;
use crate::kernel::Place;
use crate::store::{DatabaseKind, EVENTS, RUN};

/// The environment variable that replaces the base of all runtime directories.
const BASE: &str = "IPVSH_RUNTIME_DIR";

/// The directories of one database outside its history: one for the time of a boot, one for events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDir {
    dir: PathBuf,
    events: PathBuf,
}

/// What decides where the directories are.
struct Surroundings {
    is_root: bool,
    /// `IPVSH_RUNTIME_DIR`.
    base: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    user: Option<OsString>,
}

impl RuntimeDir {
    /// Finds the directories of a database. `IPVSH_RUNTIME_DIR` names the base of both; else they are
    /// below /run/ipvsh and /var/log/ipvsh for root, below `$XDG_RUNTIME_DIR/ipvsh` and in the
    /// database for others, and both in the database where that variable is not set. Nothing is made.
    pub fn of(database: &Path) -> RuntimeDir {
        let surroundings = Surroundings {
            is_root: geteuid().is_root(),
            base: std::env::var_os(BASE),
            user: std::env::var_os("XDG_RUNTIME_DIR"),
        };
        RuntimeDir::within(database, &surroundings)
    }

    fn within(database: &Path, surroundings: &Surroundings) -> RuntimeDir {
        let absolute = |value: &Option<OsString>| {
            let path = value.as_ref().map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        if let Some(base) = absolute(&surroundings.base) {
            return RuntimeDir::below(&base, database);
        }
        let name = name_of(database);
        if surroundings.is_root {
            return RuntimeDir {
                dir: Path::new("/run/ipvsh").join(&name),
                events: Path::new("/var/log/ipvsh").join(&name),
            };
        }
        RuntimeDir {
            dir: match absolute(&surroundings.user) {
                Some(user) => user.join("ipvsh").join(&name),
                None => database.join(RUN),
            },
            events: database.join(EVENTS),
        }
    }

    /// The directories of a database below a base, as `IPVSH_RUNTIME_DIR` names one.
    pub fn below(base: &Path, database: &Path) -> RuntimeDir {
        let dir = base.join(name_of(database));
        let events = dir.join(EVENTS);
        RuntimeDir { dir, events }
    }

    /// The directory for the time of a boot.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The directory of the events.
    pub fn events(&self) -> &Path {
        &self.events
    }

    /// Makes the directory for the time of a boot, with mode 0700; the daemon calls it.
    ///
    /// # Errors
    /// `not_permitted`, `system`.
    pub fn make(&self) -> Result<()> {
        make_directory(&self.dir)
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub(super) fn heartbeat(&self) -> PathBuf {
        self.dir.join("heartbeat")
    }

    pub(super) fn readiness(&self) -> PathBuf {
        self.dir.join("ready")
    }

    pub(super) fn control(&self) -> PathBuf {
        self.dir.join("control")
    }
}

/// The place that a database's state belongs to. The simulated kernel of a database is a file that
/// outlives processes and boots, so that its place has a fixed name.
///
/// # Errors
/// `system` where /proc cannot be read.
pub fn place_of(kind: DatabaseKind) -> Result<Place> {
    match kind {
        DatabaseKind::Linux => Place::here(),
        DatabaseKind::Sim => Ok(Place {
            boot: "sim".to_owned(),
            namespace: "sim".to_owned(),
        }),
    }
}

/// The directory's name: 16 hexadecimal digits of the SHA-256 of the database's canonical path.
fn name_of(database: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let digest = Sha256::digest(canonical(database).as_os_str().as_bytes());
    let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

/// The path without links, of which the last parts need not be there yet.
fn canonical(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in absolute.ancestors() {
        if let Ok(real) = fs::canonicalize(there)
            && let Ok(rest) = absolute.strip_prefix(there)
        {
            return match rest.as_os_str().is_empty() {
                true => real,
                false => real.join(rest),
            };
        }
    }
    absolute
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn within(database: &Path, is_root: bool, base: &str, user: &str) -> RuntimeDir {
        let given = |text: &str| Some(OsString::from(text)).filter(|text| !text.is_empty());
        let surroundings = Surroundings {
            is_root,
            base: given(base),
            user: given(user),
        };
        RuntimeDir::within(database, &surroundings)
    }

    #[test]
    fn the_directories_follow_the_user_and_the_environment() {
        let database = Path::new("/nowhere/db");
        let name = name_of(database);
        assert_eq!(name.len(), 16);
        let paths = |dir: RuntimeDir| {
            let text = |path: &Path| path.display().to_string().replace(&name, "HEX");
            (text(dir.path()), text(dir.events()))
        };
        let expect = |dir: &str, events: &str| (dir.to_owned(), events.to_owned());
        assert_eq!(
            paths(within(database, true, "", "/run/user/0")),
            expect("/run/ipvsh/HEX", "/var/log/ipvsh/HEX")
        );
        assert_eq!(
            paths(within(database, false, "", "/run/user/7")),
            expect("/run/user/7/ipvsh/HEX", "/nowhere/db/events")
        );
        assert_eq!(
            paths(within(database, false, "relative", "")),
            expect("/nowhere/db/run", "/nowhere/db/events")
        );
        assert_eq!(
            paths(within(database, true, "/tmp/base", "")),
            expect("/tmp/base/HEX", "/tmp/base/HEX/events")
        );
    }

    #[test]
    fn a_database_has_one_directory_whatever_the_way_to_it() {
        let lab = tempfile::tempdir().unwrap();
        let (real, link) = (lab.path().join("real"), lab.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        // Before the database is made, and after.
        assert_eq!(name_of(&link.join("db")), name_of(&real.join("db")));
        fs::create_dir(real.join("db")).unwrap();
        assert_eq!(name_of(&link.join("db")), name_of(&real.join("db")));
        assert_ne!(name_of(&real.join("db")), name_of(&real.join("other")));
    }
}
