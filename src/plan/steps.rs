//! From one state to another in a safe order: add, then change, then remove.
//!
//! Sync daemons stop first and start last: the kernel refuses a daemon beside servers of the
//! other family (ip_vs_ctl.c). Mark rules come after the services that they feed were added and
//! before those that they fed are removed.

use crate::model::live::Live;
use crate::model::{Family, Ruleset, Timeouts, pairs};

use super::{Step, changed_timeouts};

/// The steps that bring `live` to `target`.
pub fn steps(live: &Live, target: &Live) -> Vec<Step> {
    let (from, to) = (&live.rules, &target.rules);
    let mut steps = Vec::new();
    stop_daemons(from, to, &mut steps);
    add(from, to, &mut steps);
    change(from, to, &mut steps);
    timeouts(from, to, &mut steps);
    for family in Family::ALL {
        if let (Some(from), Some(to)) = (live.marks(family).chain(), target.marks(family).chain())
            && from != to
        {
            steps.push(Step::SetChain {
                family,
                from: from.clone(),
                to: to.clone(),
            });
        }
    }
    remove(from, to, &mut steps);
    start_daemons(from, to, &mut steps);
    steps
}

fn add(from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    for (key, before, service) in pairs(&from.services, &to.services) {
        let Some(service) = service.filter(|service| before != Some(*service)) else {
            continue;
        };
        if before.is_none() {
            steps.push(Step::AddService {
                key: *key,
                options: service.options.clone(),
            });
        }
        for (server, options) in &service.servers {
            if !before.is_some_and(|s| s.servers.contains_key(server)) {
                steps.push(Step::AddServer {
                    service: *key,
                    key: *server,
                    options: *options,
                });
            }
        }
    }
}

fn change(from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    for (key, before, service) in pairs(&from.services, &to.services) {
        let (Some(before), Some(service)) = (before, service) else {
            continue;
        };
        if before == service {
            continue;
        }
        if before.options != service.options {
            steps.push(Step::ChangeService {
                key: *key,
                from: before.options.clone(),
                to: service.options.clone(),
            });
        }
        for (server, options) in &service.servers {
            match before.servers.get(server) {
                Some(from) if from != options => steps.push(Step::ChangeServer {
                    service: *key,
                    key: *server,
                    from: *from,
                    to: *options,
                }),
                _ => {}
            }
        }
    }
}

fn remove(from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    for (key, service, after) in pairs(&from.services, &to.services) {
        let (Some(service), Some(after)) = (service, after) else {
            continue;
        };
        if service == after {
            continue;
        }
        for (server, options) in &service.servers {
            if !after.servers.contains_key(server) {
                steps.push(Step::RemoveServer {
                    service: *key,
                    key: *server,
                    options: *options,
                });
            }
        }
    }
    for (key, service) in &from.services {
        if !to.services.contains_key(key) {
            steps.push(Step::RemoveService {
                key: *key,
                service: service.clone(),
            });
        }
    }
}

fn timeouts(from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    let (mut before, mut after) = (Timeouts::default(), Timeouts::default());
    for (kind, from, to) in changed_timeouts(from, to) {
        before.set(kind, Some(from));
        after.set(kind, Some(to));
    }
    if after != Timeouts::default() {
        steps.push(Step::SetTimeouts {
            from: before,
            to: after,
        });
    }
}

fn stop_daemons(from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    for (role, daemon) in &from.daemons {
        if to.daemons.get(role) != Some(daemon) {
            steps.push(Step::StopDaemon {
                role: *role,
                daemon: daemon.clone(),
            });
        }
    }
}

fn start_daemons(from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    for (role, daemon) in &to.daemons {
        if from.daemons.get(role) != Some(daemon) {
            steps.push(Step::StartDaemon {
                role: *role,
                daemon: daemon.clone(),
            });
        }
    }
}
