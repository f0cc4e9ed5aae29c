//! A process of this program in the background: starting it, detaching it, and its log.
//!
//! Layer 2; imports `error`. The starting process calls [`start`]; the process in the background
//! calls [`detach`] and then, in its child, [`wait_for_start`]. It says that it is there before the
//! starting process goes on, and begins when that process says so, or has ended.

mod child;
mod program;
mod start;
pub mod syslog;

pub use child::{detach, wait_for_start};
pub use start::{Background, start};
