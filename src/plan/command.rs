//! Steps as lines that an operator can run by hand: for what an undo could not finish.
//!
//! Source of truth: ipvsadm(8), iptables(8). Only typed values become words.

use super::Step;
use crate::format::ipvsadm::{daemon_line, selector, server_line, service_line, timeouts_line};

/// The runnable lines of a step.
pub fn command_lines(step: &Step) -> Vec<String> {
    let line = match step {
        Step::AddService { key, options } => service_line("-A", key, options),
        Step::ChangeService { key, to, .. } => service_line("-E", key, to),
        Step::RemoveService { key, .. } => format!("-D {}", selector(key)),
        Step::AddServer {
            service,
            key,
            options,
        } => server_line("-a", service, key, options),
        Step::ChangeServer {
            service, key, to, ..
        } => server_line("-e", service, key, to),
        Step::RemoveServer { service, key, .. } => format!("-d {} -r {key}", selector(service)),
        // The chain is more than one line; restore makes it what the head says.
        Step::SetChain { .. } => return vec!["ipvsh restore".to_owned()],
        Step::SetTimeouts { to, .. } => timeouts_line(to),
        Step::StartDaemon { role, daemon } => daemon_line(*role, daemon),
        Step::StopDaemon { role, .. } => format!("--stop-daemon {role}"),
    };
    vec![format!("ipvsadm {line}")]
}
