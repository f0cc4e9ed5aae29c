//! `ipvsh doctor`: what is misconfigured on this host, why it matters, and what ends it.
//!
//! Layer 3. May import: `error`, `model`, `notes`, `plan`. One file per rule, in `rules/`; a finding
//! that is a note of commits already comes from `notes`, and has a row in `rules/noted.rs`. Nothing
//! here reads the host: rules ask a [`Host`](crate::notes::Host), and a question that it does not
//! answer is reported, never taken for "all is well".

mod answers;
mod diagnosis;
mod examine;
mod inspection;
mod repair;
mod rule;
mod rules;
mod table;

pub use diagnosis::{Diagnosis, Finding, NotLooked};
pub use examine::examine;
pub use inspection::{ConnectionTable, Observed};
pub use repair::Repair;
pub use rule::{Rule, Severity};
pub use table::{RULES, selected, shown_by_status};
