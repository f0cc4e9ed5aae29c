//! Health: what checks find out, and what the kernel should hold because of it. Pure.
//!
//! Layer 1. The head is what people wrote; [`State`] is what checks found; [`Overlay`] turns both into
//! what the kernel should hold. `probe` carries checks out, `runtime` keeps the state, and the daemon
//! brings the three together.

mod finding;
mod overlay;
mod state;

pub use finding::{Finding, Target, Verdict};
pub use overlay::{Held, Overlay};
pub use state::{Deviation, Knowledge, Situation, State};
