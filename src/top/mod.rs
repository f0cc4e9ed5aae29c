//! `top`: services and servers, live, full screen.
//!
//! Layer 6. A pure model ([`Top`]: what was read, what its user wants to see, keys) and its
//! drawing on a ratatui frame do no input or output; [`run`] reads the kernel and the keys and
//! owns the terminal. Reads cheaply: per look one dump and one file for all services, and what
//! goes through the servers of those only that are seen unfolded.

mod column;
mod draw;
mod keys;
mod picture;
mod run;
mod state;
mod terminal;
#[cfg(test)]
mod tests;

pub use column::{Column, Order, Showing};
pub use draw::{draw, fit};
pub use keys::{Action, KEYS};
pub use picture::{Picture, Server, Service};
pub use run::{Options, run};
pub use state::{Dialog, Notice, Row, Top};
