//! From one state to another in a safe order: add, then change, then remove.
//!
//! Sync daemons stop first and start last: the kernel refuses a daemon beside servers of the
//! other family (ip_vs_ctl.c). Mark rules come after the services that they feed were added and
//! before those that they fed are removed.

use crate::model::live::Live;
use crate::model::{Differing, Family, Ruleset, Timeouts, differing_servers};

use super::{Step, changed_timeouts};

/// The steps that bring `live` to `target`.
pub fn steps(live: &Live, target: &Live) -> Vec<Step> {
    let (from, to) = (&live.rules, &target.rules);
    let services: Vec<Differing> = from.differing_services(to).collect();
    // Of a large table a vector that grows would be there twice.
    let most = services.iter().map(most_steps).sum();
    let mut steps = Vec::with_capacity(most);
    stop_daemons(from, to, &mut steps);
    add(&services, &mut steps);
    change(&services, &mut steps);
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
    remove(&services, &mut steps);
    start_daemons(from, to, &mut steps);
    steps
}

/// How many steps it takes at the most to bring a service from one side to the other; where it
/// stays, few of its servers change as a rule.
fn most_steps((_, before, after): &Differing) -> usize {
    match (before, after) {
        (None, Some(service)) => 1 + service.servers.len(),
        _ => 1,
    }
}

fn add(services: &[Differing], steps: &mut Vec<Step>) {
    for (key, before, service) in services {
        let Some(service) = service else {
            continue;
        };
        if before.is_none() {
            steps.push(Step::AddService {
                key: **key,
                options: service.options.clone(),
            });
        }
        for (server, before, options) in differing_servers(*before, Some(service)) {
            if let (None, Some(options)) = (before, options) {
                steps.push(Step::AddServer {
                    service: **key,
                    key: *server,
                    options: *options,
                });
            }
        }
    }
}

fn change(services: &[Differing], steps: &mut Vec<Step>) {
    for (key, before, service) in services {
        let (Some(before), Some(service)) = (before, service) else {
            continue;
        };
        if before.options != service.options {
            steps.push(Step::ChangeService {
                key: **key,
                from: before.options.clone(),
                to: service.options.clone(),
            });
        }
        for (server, from, to) in differing_servers(Some(before), Some(service)) {
            if let (Some(from), Some(to)) = (from, to) {
                steps.push(Step::ChangeServer {
                    service: **key,
                    key: *server,
                    from: *from,
                    to: *to,
                });
            }
        }
    }
}

fn remove(services: &[Differing], steps: &mut Vec<Step>) {
    for (key, service, after) in services {
        let (Some(service), Some(after)) = (service, after) else {
            continue;
        };
        for (server, options, after) in differing_servers(Some(service), Some(after)) {
            if let (Some(options), None) = (options, after) {
                steps.push(Step::RemoveServer {
                    service: **key,
                    key: *server,
                    options: *options,
                });
            }
        }
    }
    for (key, service, after) in services {
        if let (Some(service), None) = (service, after) {
            steps.push(Step::RemoveService {
                key: **key,
                service: (*service).clone(),
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
