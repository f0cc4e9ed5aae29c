//! Health: what checks find out, and what the kernel should hold because of it. Pure.
//!
//! Layer 1. The head is what people wrote; [`State`] is what checks found; [`Overlay`] turns both into
//! what the kernel should hold. `probe` carries checks out, `runtime` keeps the state, and the daemon
//! brings the three together: its [`Monitor`] says which checks are due and what their results mean.

mod event;
mod finding;
mod flaps;
mod monitor;
mod new_servers;
mod now;
mod overlay;
mod state;
mod transition;

pub use event::{Event, EventKind};
pub use finding::{Finding, Target, Verdict};
pub use flaps::Flaps;
pub use monitor::{
    CheckHealth, GuardHealth, Job, Monitor, MonitorOptions, ProbeId, Report, ServerHealth,
};
pub use now::Now;
pub use overlay::{Held, Overlay, covered_servers};
pub use state::{Deviation, Knowledge, Situation, State};
pub use transition::{Decisions, GuardChange, GuardNews, Standing, Transition};
