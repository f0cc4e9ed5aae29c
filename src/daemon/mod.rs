//! The long-running process: it runs the checks and writes what follows from them to the kernel.
//!
//! Layer 3; imports `health`, `probe`, `runtime`, `store` and `director`. One thread schedules, owns the
//! director and writes the kernel ([`run`]); one thread carries checks out (`probes`); the control
//! socket and the hook have threads of their own. The others send `news::News` to the first.
//!
//! The daemon writes transitions only: presence and weight of checked servers, when its own verdict
//! changes, and once at its start. It never acts on less knowledge than before: where it cannot read
//! the state or the head, or this host cannot run checks, the kernel stays as it is.

mod answers;
mod head;
mod hook;
mod main_loop;
mod news;
mod observing;
mod on_demand;
mod probes;
mod recorder;
mod slots;
mod supervisor;
mod writer;

pub use main_loop::run;
pub use recorder::Observer;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::director::Director;
use crate::error::Result;
use crate::store::SledStores;

/// What the operator chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonOptions {
    /// Writes nothing, neither the kernel nor a file, and tells what it would do.
    pub observe: bool,
    /// How long the guard keeps servers in where nearly all fail at once; 0 turns it off.
    pub guard: Duration,
    /// A program that is told of all transitions of a second, as JSON on its standard input.
    pub hook: Option<PathBuf>,
}

/// What the daemon works on.
pub struct Setup {
    /// The history.
    pub stores: SledStores,
    /// The director of the same history and its kernel.
    pub director: Director,
    /// Shares what a simulated kernel holds with other processes; called before and after each change.
    pub share: Rc<dyn Fn() -> Result<()>>,
}
