//! Owns the loading of kernel modules.
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
    load("ip_vs")
}

/// Loads the module of a scheduler (`ip_vs_NAME`) or of a persistence engine (`ip_vs_pe_NAME`)
/// ahead of the request that needs it; does nothing where it is loaded.
///
/// The kernel would load it by itself, but holding the one mutex of IPVS. A module that wants to
/// know of every network namespace (lblc, lblcr) waits there for a namespace that is just being
/// removed, which waits for the mutex: IPVS, and whatever makes or removes namespaces, hang for
/// good. Seen on Linux 6.1 with ipvsadm: `ip netns del` beside the first use of lblc
/// (ip_vs_add_service and ip_vs_service_nets_cleanup in ip_vs_ctl.c, ip_vs_lblc_init).
///
/// # Errors
/// As [`load_module`]; the kernel may have the scheduler all the same, built in.
pub fn preload_module(module: &str) -> Result<(), ModuleError> {
    if Path::new("/sys/module").join(module).exists() {
        return Ok(());
    }
    load(module)
}

fn load(module: &str) -> Result<(), ModuleError> {
    let program = CANDIDATES
        .into_iter()
        .find(|path| Path::new(path).exists())
        .ok_or(ModuleError::NoModprobe)?;
    let output = Command::new(program)
        .args(["--", module])
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
