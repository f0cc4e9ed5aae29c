//! Checks: how the daemon finds out whether a real server answers.
//!
//! A check is data; `probe` carries it out. Source of truth for names, ranges and defaults:
//! [`OPTIONS`].

mod definition;
mod facts;
mod http;
mod json;
mod kind;
mod pattern;
mod payload;
mod placeholder;
mod read;
mod reply;
mod route;
mod status;
mod timing;
mod tls;

pub use definition::{Check, Start, json_of, summary};
pub use facts::{MOST_CHECKS, MOST_IN_ALL, OPTIONS, OptionFact, TYPES, TypeFact, Values};
pub use kind::{CheckKind, Exec, Http, Tcp, Tls, Udp};
pub use pattern::Pattern;
pub use payload::Payload;
pub use placeholder::{PLACEHOLDERS, fill_in};
pub use reply::{HexPattern, Reply};
pub use route::Route;
pub use status::StatusSet;
pub use timing::Timing;

#[cfg(test)]
mod tests;
