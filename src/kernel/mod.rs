//! The kernel at domain level: steps in, state out.
//!
//! Layer 2. Two implementations: `linux` (generic netlink and iptables) and `sim` (in memory,
//! with the kernel's own refusals). One conformance suite, `tests/conformance`, runs against
//! both. Source of truth: net/netfilter/ipvs/ip_vs_ctl.c.
//!
//! Beside them: `refusal` (the words for what both refuse), `convert` (records of the model and
//! of the kernel), `proc` and `table` (what /proc alone says of IPVS, or more cheaply), `names`
//! (which modules there are), `boot`
//! (which boot this is, and its clock), `namespace` (whether another one is still there), `verify` (whether the kernel holds what it acknowledged),
//! `host` (what else this host says of itself), `fault` (faults for tests).

pub mod boot;
mod contract;
pub(crate) mod convert;
pub mod fault;
pub mod host;
pub mod linux;
mod names;
pub mod namespace;
pub mod proc;
mod read;
pub mod refusal;
mod servers;
pub mod sim;
mod table;
mod verify;

pub use contract::{Kernel, Outcome, Part, Place};
pub use fault::{Faults, Faulty};
pub use host::{LinuxHost, SYSTEMD, enabled_by};
pub use linux::Linux;
pub use names::Names;
pub use sim::{Clients, Deviation, KernelFile, Machine, Sim};
pub use table::lists;

use crate::error::Result;

/// Opens the kernel of this host, or gives a simulated one.
///
/// Nothing is asked of the kernel yet. Debug builds put the faults of `IPVSH_FAULT` before it.
///
/// # Errors
/// `invalid` for a malformed `IPVSH_FAULT` (debug builds only).
pub fn open(simulated: Option<&Sim>) -> Result<Box<dyn Kernel>> {
    let kernel: Box<dyn Kernel> = match simulated {
        Some(sim) => Box::new(sim.clone()),
        None => Box::new(Linux::new()),
    };
    #[cfg(debug_assertions)]
    if let Some(faults) = Faults::from_env()? {
        return Ok(Box::new(Faulty::new(kernel, faults)));
    }
    Ok(kernel)
}
