//! Steps as lines that an operator can run by hand: for what an undo could not finish.
//!
//! Source of truth: ipvsadm(8), iptables(8). Only typed values become words.

use super::Step;
use crate::format::ipvsadm::{removal_line, selector, server_line, service_line, settings_lines};
use crate::model::Settings;

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
        Step::Set { settings } => {
            let mut set = Settings::default();
            for change in settings {
                set.put(change.key, change.to.clone());
            }
            let gone = settings.iter().filter(|change| change.to.is_none());
            let lines = settings_lines(&set).into_iter();
            let lines = lines.chain(gone.filter_map(|change| removal_line(change.key)));
            return lines.map(|line| format!("ipvsadm {line}")).collect();
        }
    };
    vec![format!("ipvsadm {line}")]
}
