//! Policies: what a ruleset says of a service or a server that IPVS itself does not hold.
//!
//! A policy is an entry of its own: the kernel never has one, so neither `adopt` nor a comparison with
//! the kernel touches it. The overlay of `health` turns policies and the state of the checks
//! into what the kernel should hold.

mod applied;
pub mod check;
mod host_name;
mod server;
mod service;

pub use applied::{carries_udp, on_fail_of};
pub use check::Check;
pub use host_name::HostName;
pub use server::{ServerPolicies, ServerPolicy};
pub use service::{OnFail, ServicePolicy};
