//! Carrying checks out: one file per type of check.
//!
//! Layer 2; imports `model` and `health`'s data. All of it runs on one thread; nothing blocks but the
//! look-up of a program's user, which a thread of its own does.

mod authorities;
mod errors;
mod exchange;
mod exec;
mod http;
mod outcome;
mod patterns;
mod ping;
mod program;
mod request;
mod run;
mod socket;
mod tcp;
mod tls;
mod trust;
mod udp;

pub use authorities::authorities;
pub use program::examine;
pub use request::{Asked, Asker, Reply};
pub use run::{run, run_now};

#[cfg(test)]
mod tests;
