//! Units of systemd that are enabled: links in `NAME.wants` and `NAME.requires` (systemctl(1)).

use std::path::{Path, PathBuf};

/// Where an administrator's units and their links are.
pub const SYSTEMD: &str = "/etc/systemd/system";

/// Returns the link by which systemd starts a unit at boot.
pub fn enabled_by(systemd: &Path, unit: &str) -> Option<PathBuf> {
    let mut wants: Vec<PathBuf> = std::fs::read_dir(systemd)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "wants" || end == "requires")
        })
        .map(|path| path.join(unit))
        .filter(|link| link.symlink_metadata().is_ok())
        .collect();
    wants.sort();
    wants.into_iter().next()
}
