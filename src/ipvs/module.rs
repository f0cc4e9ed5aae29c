//! Owns the loading of the kernel module.
//!
//! May import: nothing of this crate. Source of truth: modprobe(8).

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where modprobe lives; never looked up in PATH, since this runs as root.
const CANDIDATES: [&str; 4] = [
    "/sbin/modprobe",
    "/usr/sbin/modprobe",
    "/bin/modprobe",
    "/usr/bin/modprobe",
];

/// Says why the module could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// There is no modprobe on this host.
    #[error("cannot load the module ip_vs: there is no modprobe (package kmod)")]
    NoModprobe,
    /// modprobe could not be run.
    #[error("cannot load the module ip_vs: cannot run {program}: {source}")]
    CannotRun {
        /// What was run.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// modprobe ran and failed.
    #[error("cannot load the module ip_vs: {0}")]
    Refused(String),
}

/// Loads the module `ip_vs` with modprobe, directly (no shell) and with an empty environment.
///
/// Does nothing where it is loaded or built in. Note that [`super::IpvsClient::open`] asks the
/// kernel for the family, which makes it load the module by itself where module and modprobe are
/// found and the module has the alias.
///
/// # Errors
/// [`ModuleError`]: no modprobe, no rights, or no such module for this kernel.
pub fn load_module() -> Result<(), ModuleError> {
    let program = CANDIDATES
        .into_iter()
        .find(|path| Path::new(path).exists())
        .ok_or(ModuleError::NoModprobe)?;
    let output = Command::new(program)
        .arg("ip_vs")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ModuleError::CannotRun { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.trim();
    Err(ModuleError::Refused(if words.is_empty() {
        format!("{program}: {}", output.status)
    } else {
        words.to_owned()
    }))
}
