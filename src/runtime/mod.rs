//! What the daemon and the commands share while the machine runs: the state of the checks, the
//! heartbeat, the control socket, and the log of events.
//!
//! Layer 2; imports `error`, `clock`, `health`'s data, `kernel`'s `Place` and `boot`, and `store`'s file
//! options. The lock of the kernel is a file of the database: [`crate::store::KernelLock`].
//!
//! | file | below | |
//! |---|---|---|
//! | `state` | the runtime directory | the servers that are not up at their declared weight ([`StateFile`]) |
//! | `heartbeat` | the runtime directory | when the daemon's scheduler last ran ([`Heartbeat`]) |
//! | `control` | the runtime directory | the socket that answers commands ([`ControlServer`], [`ask`]) |
//! | `health-state` | the database | the copy of `state` that outlives a boot |
//! | `DAY-NUMBER.jsonl` | the event directory | what the daemon saw and did ([`EventLog`]) |
//! | `ready` | the runtime directory | that `ipvsh ready` said yes once in this boot ([`ready_since`]) |
//!
//! The daemon makes these files, but for the last one; a reader never makes one.

mod address;
mod control;
mod copier;
mod day;
mod directory;
mod events;
mod files;
mod follow;
mod format;
mod heartbeat;
mod message;
mod name;
mod readiness;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod wire;

pub use control::ask;
pub use directory::{RuntimeDir, place_of};
pub use events::EventLog;
pub use follow::{EventLine, EventReader};
pub use format::StateRead;
pub use heartbeat::{FRESH, Heartbeat};
pub use message::{Answer, Request};
pub use name::TargetName;
pub use readiness::{ready_since, remember_ready};
pub use server::{Asked, ControlServer};
pub use state::{Starting, StateFile, has_state, read_state, starting_state};
