//! What the daemon knows of all checks, and what it decides by them. Pure: the time is passed in.
//!
//! [`Monitor::set_rules`] makes probes of policies, [`Monitor::due`] hands out runs,
//! [`Monitor::finish`] takes results, [`Monitor::decide`] says which servers go down or come up.

mod early_runs;
mod evidence;
mod guard;
mod machine;
mod pending_falls;
mod probe;
mod report;
mod rules;
mod schedule;
mod server;
mod tally;
#[cfg(test)]
mod tests;

pub use machine::{Monitor, MonitorOptions};
pub use probe::Job;
pub use report::{CheckHealth, GuardHealth, Report, ServerHealth};
pub use schedule::ProbeId;
