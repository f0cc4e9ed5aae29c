//! Where things are on this host: the database, the prompt's history, what boot does.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::error::{Error, Kind, Result};
use crate::kernel::enabled_by;
use crate::model::remedy::BOOT_UNIT;

/// The database of the host: root's.
const OF_THE_HOST: &str = "/var/lib/ipvsh";

/// The database's directory where none is named: the host's for root, else the user's own.
///
/// # Errors
/// `usage` where nothing says where the user's own would be.
pub(super) fn database(sim: bool) -> Result<PathBuf> {
    if geteuid().is_root() {
        let root = if sim {
            "/var/lib/ipvsh-sim"
        } else {
            OF_THE_HOST
        };
        return Ok(root.into());
    }
    let name = if sim { "ipvsh-sim" } else { "ipvsh" };
    Ok(state()
        .ok_or_else(|| {
            Error::new(Kind::Usage, "neither XDG_STATE_HOME nor HOME says where")
                .object("database")
                .hint("name one: --db DIR (IPVSH_DB)")
        })?
        .join(name))
}

/// Tells a user who is not root, and has no history of their own yet, that this host has one: what
/// the user is shown is the own, empty one. `command` is what shows the host's.
pub(super) fn other_history(own: &Path, command: &str) -> Option<String> {
    let host = Path::new(OF_THE_HOST);
    (!geteuid().is_root())
        .then(|| other_history_at(own, host, command))
        .flatten()
}

fn other_history_at(own: &Path, host: &Path, command: &str) -> Option<String> {
    (!own.exists() && host.exists()).then(|| {
        format!(
            "this is your own history, {}, and it does not exist yet; the host's is {}: sudo {command}",
            own.display(),
            host.display()
        )
    })
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
    enabled_by(systemd, BOOT_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_history_is_told_of_the_hosts() {
        let dir = tempfile::tempdir().unwrap();
        let (own, host) = (dir.path().join("own"), dir.path().join("host"));
        let told = || other_history_at(&own, &host, "ipvsh history");
        assert_eq!(told(), None, "the host has none either");
        std::fs::create_dir(&host).unwrap();
        let note = format!(
            "this is your own history, {}, and it does not exist yet; the host's is {}: sudo ipvsh \
             history",
            own.display(),
            host.display()
        );
        assert_eq!(told(), Some(note));
        std::fs::create_dir(&own).unwrap();
        assert_eq!(told(), None, "what is shown is what is there");
    }

    #[test]
    fn an_enabled_unit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(boot_unit(dir.path()), None);
        let wants = dir.path().join("multi-user.target.wants");
        std::fs::create_dir(&wants).unwrap();
        std::os::unix::fs::symlink("/nowhere", wants.join(BOOT_UNIT)).unwrap();
        assert_eq!(boot_unit(dir.path()), Some(wants.join(BOOT_UNIT)));
    }
}
