//! From one state to another in a safe order: add, then change, then remove.
//!
//! Settings are changed in the phase that their kind says. Mark rules come after the services that they feed were added and
//! before those that they fed are removed.

use crate::model::live::Live;
use crate::model::setting::{Phase, Replacement};
use crate::model::{
    Differing, Family, Ruleset, Setting, SettingKey, SysctlName, differing_servers,
};

use super::step::{SettingChange, Step};

/// The steps that bring `live` to `target`.
pub fn steps(live: &Live, target: &Live) -> Vec<Step> {
    let (from, to) = (&live.rules, &target.rules);
    let services: Vec<Differing> = from.differing_services(to).collect();
    // Of a large table a vector that grows would be there twice.
    let most = services.iter().map(most_steps).sum();
    let mut steps = Vec::with_capacity(most);
    for phase in [
        Phase::Setup,
        Phase::Devices,
        Phase::VipRemoval,
        Phase::BeforeServices,
    ] {
        settings(phase, from, to, &mut steps);
    }
    add(&services, &mut steps);
    change(&services, &mut steps);
    settings(Phase::BeforeMarks, from, to, &mut steps);
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
    for phase in [Phase::VipAddition, Phase::Teardown, Phase::Last] {
        settings(phase, from, to, &mut steps);
    }
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

/// The steps of one phase for settings. Neighbours of one kind that are one object travel together.
fn settings(phase: Phase, from: &Ruleset, to: &Ruleset, steps: &mut Vec<Step>) {
    let mut together: Vec<SettingChange> = Vec::new();
    for (key, before, after) in from.settings.differing(&to.settings) {
        let facts = key.facts();
        let in_place = facts.replacement == Replacement::InPlace;
        let change = match (before, after) {
            _ if facts.is_of_the_record => None,
            // The kernel removes it together with the device that it is a setting of.
            (_, None) if key.is_always_there() && facts.is_of_host => None,
            (Some(_), Some(_)) if in_place => {
                (phase_of(key, before, after, to) == phase).then_some((before, after))
            }
            _ if after.is_some() && phase_of(key, None, after, to) == phase => Some((None, after)),
            _ if before.is_some() && key.phase(before, None) == phase => Some((before, None)),
            _ => None,
        };
        let Some((before, after)) = change else {
            continue;
        };
        let is_next = together
            .last()
            .is_some_and(|last| facts.are_one_object && last.key.kind() == key.kind());
        if !is_next {
            push(&mut together, steps);
        }
        together.push(SettingChange {
            key,
            from: before.cloned(),
            to: after.cloned(),
        });
        if let (SettingKey::Sysctl(name), Some(after)) = (key, after) {
            let change = together.pop();
            push(&mut together, steps);
            let (first, again) = around(name, after, phase, (from, to));
            let all = first.into_iter().chain(change).chain(again);
            steps.extend(all.map(|change| Step::Set {
                settings: vec![change],
            }));
        }
    }
    push(&mut together, steps);
}

/// Returns the phase in which a setting is set. A kernel setting of a tunnel device is set after the
/// device was set up, because the kernel has it only then.
fn phase_of(
    key: SettingKey,
    from: Option<&Setting>,
    to: Option<&Setting>,
    target: &Ruleset,
) -> Phase {
    let of_device = |key: SettingKey| {
        let device = key.interface().map(SettingKey::TunnelDevice);
        device.is_some_and(|device| target.settings.has(device))
    };
    match key.phase(from, to) {
        Phase::Setup if of_device(key) => Phase::Devices,
        phase => phase,
    }
}

/// The steps around the change of a setting that rewrites others: one value for the forwarding of all
/// interfaces becomes that of each (`devinet_sysctl_forward`). Before it each of the others is set to
/// the value that it has, so that an undo from anywhere knows that value; behind it to the one that is
/// wanted, unless that happens behind it anyway.
fn around(
    name: SysctlName,
    after: &Setting,
    phase: Phase,
    (from, to): (&Ruleset, &Ruleset),
) -> (Vec<SettingChange>, Vec<SettingChange>) {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (key, wanted) in to.settings.iter() {
        let is_rewritten = matches!(key, SettingKey::Sysctl(other) if name.rewrites(*other));
        let Some(was) = from.settings.get(*key).filter(|_| is_rewritten) else {
            continue;
        };
        let own = phase_of(*key, Some(was), Some(wanted), to);
        let change = |value: &Setting| SettingChange {
            key: *key,
            from: Some(was.clone()),
            to: Some(value.clone()),
        };
        if was == wanted || own >= phase {
            first.push(change(was));
        }
        if wanted != after && (was == wanted || own < phase) {
            again.push(change(wanted));
        }
    }
    (first, again)
}

fn push(together: &mut Vec<SettingChange>, steps: &mut Vec<Step>) {
    if !together.is_empty() {
        steps.push(Step::Set {
            settings: std::mem::take(together),
        });
    }
}
