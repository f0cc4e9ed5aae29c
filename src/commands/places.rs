//! Where things are on this host: the database, the prompt's history, what boot does.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::error::{Error, Kind, Result};

/// The unit that restores at boot.
const UNIT: &str = "ipvsh-restore.service";

/// The database's directory where none is named: the host's for root, else the user's own.
///
/// # Errors
/// `usage` where nothing says where the user's own would be.
pub(super) fn database(sim: bool) -> Result<PathBuf> {
    let name = if sim { "ipvsh-sim" } else { "ipvsh" };
    if geteuid().is_root() {
        return Ok(Path::new("/var/lib").join(name));
    }
    Ok(state()
        .ok_or_else(|| {
            Error::new(Kind::Usage, "neither XDG_STATE_HOME nor HOME says where")
                .object("database")
                .hint("name one: --db DIR (IPVSH_DB)")
        })?
        .join(name))
}

/// The user's directory for state (XDG base directories: only absolute paths count).
fn state() -> Option<PathBuf> {
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}

fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// The file with the prompt's history; not in the database's directory, which is not the user's
/// to fill.
pub(super) fn prompt_history() -> Option<PathBuf> {
    Some(state()?.join("ipvsh-shell").join("history"))
}

/// The script that a prompt reads first.
pub(super) fn startup() -> Option<PathBuf> {
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    Some(config?.join("ipvsh").join("init.rhai"))
}

/// What a prompt calls this place: the host's name without its domain, or the simulator.
pub(super) fn host(sim: bool) -> String {
    if sim {
        return "sim".to_owned();
    }
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    match name.split('.').next() {
        Some(first) if !first.is_empty() => first.to_owned(),
        _ => "ipvsh".to_owned(),
    }
}

/// The size of a directory's files, where it can be read.
pub(super) fn size(dir: &Path) -> Option<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        match entry.metadata() {
            Ok(data) if data.is_dir() => total += size(&entry.path()).unwrap_or(0),
            Ok(data) => total += data.len(),
            Err(_) => {}
        }
    }
    Some(total)
}

/// The link by which systemd restores at boot, where somebody enabled it.
pub(super) fn boot_unit(systemd: &Path) -> Option<PathBuf> {
    let mut wants: Vec<PathBuf> = std::fs::read_dir(systemd)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "wants" || end == "requires")
        })
        .map(|path| path.join(UNIT))
        .filter(|link| link.symlink_metadata().is_ok())
        .collect();
    wants.sort();
    wants.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enabled_unit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(boot_unit(dir.path()), None);
        let wants = dir.path().join("multi-user.target.wants");
        std::fs::create_dir(&wants).unwrap();
        std::os::unix::fs::symlink("/nowhere", wants.join(UNIT)).unwrap();
        assert_eq!(boot_unit(dir.path()), Some(wants.join(UNIT)));
    }
}
