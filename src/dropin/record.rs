//! What was done, written down before it is done.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Diversion, failed, within};
use crate::error::{Error, Result};

/// Where it is written down. Not in the database: that may be another one the next time.
pub const RECORD: &str = "/var/lib/ipvsh-dropin.json";

/// What stands in ipvsadm's place, and what stood there before. Paths are those of the file
/// system in which they are, whatever it is called from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Where the links lead.
    pub program: PathBuf,
    /// The links.
    pub links: Vec<Link>,
    /// What dpkg was told; nothing where there is no dpkg.
    pub diversions: Vec<Diversion>,
}

/// A link in the place of one of ipvsadm's programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its place.
    pub path: PathBuf,
    /// Where the file that was there is kept; nothing where there was none.
    pub kept: Option<PathBuf>,
}

impl Record {
    /// The diversions of a link's place, under each name that it has.
    pub(super) fn diversions_of<'r>(
        &'r self,
        link: &'r Link,
    ) -> impl Iterator<Item = &'r Diversion> {
        let name = link.path.file_name();
        let all = self.diversions.iter();
        all.filter(move |diversion| diversion.from.file_name() == name)
    }

    /// Reads the record of a file system, where there is one.
    pub(super) fn read(root: &Path) -> Result<Option<Record>> {
        let path = within(root, Path::new(RECORD));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("cannot read", &path, &error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Error::invalid(format!("it is not as ipvsh wrote it: {error}"))
                .object(path.display())
                .hint("see what stands in ipvsadm's place: ls -l /usr/sbin/ipvsadm*")
        })
    }

    /// Writes it, on disk when this returns.
    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let path = within(root, Path::new(RECORD));
        let new = path.with_extension("new");
        let write = || {
            let text = serde_json::to_string_pretty(self)?;
            let mut file = File::create(&new)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            sync_parent(&path)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&new);
            failed("cannot write", &path, &error)
        })
    }

    /// Removes the record of a file system.
    pub(super) fn remove(root: &Path) -> Result<()> {
        let path = within(root, Path::new(RECORD));
        // What a run that was cut short left behind.
        let _ = fs::remove_file(path.with_extension("new"));
        fs::remove_file(&path)
            .and_then(|()| sync_parent(&path))
            .map_err(|error| failed("cannot remove", &path, &error))
    }
}

/// Makes what was done to a directory's entries last.
pub(super) fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
