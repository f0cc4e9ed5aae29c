//! The program that the links lead to: ours, at a place that only root can change.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{failed, within};
use crate::error::{Error, Kind, Result};

/// Where an image may have it.
const PLACES: [&str; 3] = ["/usr/bin/ipvsh", "/usr/local/bin/ipvsh", "/usr/sbin/ipvsh"];

/// Bits of a mode: who else may write; only an entry's owner may remove it.
const BY_ANYBODY: u32 = 0o002;
const BY_GROUP: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Finds the program: the one that is running, or below another root the one installed there.
///
/// # Errors
/// `not_found` where an image has none; `not_permitted` where somebody else could change it.
pub fn program(root: &Path) -> Result<PathBuf> {
    if root != Path::new("/") {
        let found = PLACES
            .iter()
            .find(|path| within(root, Path::new(path)).is_file());
        let path = found.map(PathBuf::from).ok_or_else(|| {
            Error::not_found(format!("none of {}", PLACES.join(", ")))
                .object(format!("ipvsh in {}", root.display()))
                .attempt("cannot take ipvsadm's place")
                .hint("install it there first")
        })?;
        check(&within(root, &path))?;
        return Ok(path);
    }
    let path =
        std::env::current_exe().map_err(|e| Error::system("cannot find this program", &e))?;
    check(&path)?;
    Ok(path)
}

/// Refuses a program that somebody but root and the caller could replace: root runs it as ipvsadm.
fn check(program: &Path) -> Result<()> {
    for path in program.ancestors() {
        let facts = fs::metadata(path).map_err(|e| failed("cannot look at it", path, &e))?;
        let is_ours = facts.uid() == 0 || facts.uid() == geteuid().as_raw();
        let is_sticky = facts.is_dir() && facts.mode() & STICKY != 0;
        // Debian's group staff may write /usr/local, where root finds programs anyway.
        let others = match facts.uid() {
            0 => BY_ANYBODY,
            _ => BY_ANYBODY | BY_GROUP,
        };
        if is_ours && (facts.mode() & others == 0 || is_sticky) {
            continue;
        }
        let who = match is_ours {
            true => format!("others can write it (mode {:o})", facts.mode() & 0o7777),
            false => format!("it belongs to somebody else (uid {})", facts.uid()),
        };
        return Err(Error::new(Kind::NotPermitted, who)
            .object(path.display())
            .attempt("cannot take ipvsadm's place with this program")
            .hint(format!(
                "put it where only root can change it: install -m 755 {} /usr/local/bin/ipvsh",
                program.display()
            ))
            .hint("then: /usr/local/bin/ipvsh install-dropin"));
    }
    Ok(())
}
