//! Removals that look like an accident: refused unless asked for by name.
//!
//! A service that nobody manages counts like one of ours: `--exact` removes many at once. An entry
//! that was in the kernel before ipvsh managed it goes only where the change names it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::model::{
    EntryKey, FoundValues, MarkRule, Ruleset, ServerKey, ServiceKey, SettingKey, VirtualService,
    Weight, count,
};
use crate::plan::{Plan, Step};

/// The number of services from which the removal of more than half is refused.
const HALF_FROM: usize = 10;

/// The number of services from which the removal of all is refused.
const ALL_FROM: usize = 3;

/// Returns true if the removal of so many of so many services is refused.
pub(super) fn is_much(removed: usize, all: usize) -> bool {
    (all >= HALF_FROM && removed * 2 > all) || (all >= ALL_FROM && removed >= all)
}

/// What is known where a plan is judged.
pub(super) struct Judged<'a> {
    /// The head's rules and those that are recorded.
    pub turn: (&'a Ruleset, &'a Ruleset),
    pub plan: &'a Plan,
    /// The values found of the head's entries.
    pub found: &'a FoundValues,
    /// Says whether the change names an entry that it removes.
    pub is_named: &'a dyn Fn(&EntryKey) -> bool,
    /// Says whether the head has a service.
    pub is_ours: &'a dyn Fn(&ServiceKey) -> bool,
    /// How many services the head has.
    pub ours: usize,
    /// How many services the kernel has, where all of it was looked at.
    pub live: Option<usize>,
}

/// Refuses to remove much, or what ipvsh did not put there, by accident.
///
/// # Errors
/// `guarded`.
pub(super) fn refuse_removals(judged: &Judged) -> Result<()> {
    let removed: BTreeSet<ServiceKey> = judged.plan.steps.iter().filter_map(service).collect();
    let ours = removed.iter().filter(|key| (judged.is_ours)(key)).count();
    let much = [(ours, Some(judged.ours)), (removed.len(), judged.live)]
        .into_iter()
        .find_map(|(removed, all)| {
            all.filter(|all| is_much(removed, *all))
                .map(|all| (removed, all))
        });
    if let Some((removed, all)) = much {
        return Err(refusal(format!(
            "this would remove {removed} of {all} virtual services"
        )));
    }
    refuse_used_vips(judged)?;
    refuse_unchecked(judged)?;
    let theirs: Vec<EntryKey> = judged
        .plan
        .steps
        .iter()
        .flat_map(entries)
        .filter(|entry| judged.found.has(entry) && !(judged.is_named)(entry))
        .collect();
    let Some(first) = theirs.first() else {
        return Ok(());
    };
    let what = match theirs.len() {
        1 => first.to_string(),
        more => format!(
            "{first} and {} more",
            count(more.saturating_sub(1), "object")
        ),
    };
    Err(refusal(format!(
        "this would remove {what} from the kernel, where it was before ipvsh managed it"
    ))
    .hint(format!(
        "to let go of it and leave the kernel as it is: ipvsh forget \"{}\"",
        name_of(first)
    )))
}

/// The first service that listens at an address: its own, or that of a rule of its mark.
fn listener(rules: &Ruleset, addr: IpAddr) -> Option<ServiceKey> {
    let is_marked = |rule: &&MarkRule| rule.to.is_some_and(|to| to.contains(&addr));
    let marked = rules.marks.iter().filter(is_marked);
    let marked: BTreeSet<ServiceKey> = marked.map(|rule| rule.key().service()).collect();
    let mut services = rules.services.keys();
    services
        .find(|key| key.addr() == Some(addr) || marked.contains(key))
        .copied()
}

/// Returns true if one of the VIPs has an address.
fn has_vip(rules: &Ruleset, addr: IpAddr) -> bool {
    rules.settings.vips().any(|(vip, _)| vip.addr == addr)
}

/// Refuses to remove a VIP that a service still uses.
fn refuse_used_vips(judged: &Judged) -> Result<()> {
    let after = &judged.plan.target.rules;
    let settings = judged.plan.steps.iter().flat_map(Step::settings_of_host);
    for key in settings {
        let SettingKey::Vip(vip) = key else { continue };
        if has_vip(after, vip.addr) {
            continue;
        }
        if let Some(service) = listener(after, vip.addr) {
            return Err(refusal(format!(
                "this would remove {key} from this host, where {service} still listens"
            )));
        }
    }
    Ok(())
}

/// Refuses to take the checks of a service away that stays: a server that dies would keep its clients.
fn refuse_unchecked(judged: &Judged) -> Result<()> {
    let (head, rules) = judged.turn;
    let loses = |(key, before): (&ServiceKey, &VirtualService)| {
        let after = rules.services.get(key)?;
        let is_checked =
            |service: &VirtualService, server: &ServerKey| !service.checks_of(server).is_empty();
        let mut both = before
            .servers
            .keys()
            .filter(|server| after.servers.contains_key(server));
        let server = both.find(|server| is_checked(before, server) && !is_checked(after, server));
        let own = !before.policy.checks.is_empty() && after.policy.checks.is_empty();
        match (own, server) {
            (true, _) => Some(format!("virtual service {key}")),
            (false, Some(server)) => Some(format!("real server {server} of {key}")),
            (false, None) => None,
        }
    };
    match head.services.iter().find_map(loses) {
        None => Ok(()),
        Some(object) => Err(refusal(format!(
            "this would leave {object} without its health check"
        ))
        .hint(
            "a declaration that names no check removes it: name it again, or use .set(#{ ... })",
        )),
    }
}

/// Returns true if undoing a plan takes the checks of a service away.
pub(super) fn undoing_removes_checks(head: &Ruleset, rules: &Ruleset) -> bool {
    let mut services = rules.services.iter();
    services.any(|(key, after)| {
        let before = head.services.get(key);
        after.is_checked() && before.is_some_and(|before| !before.is_checked())
    })
}

/// Returns true if undoing a plan removes a VIP that a service used before it.
pub(super) fn undoing_removes_used_vip(plan: &Plan, head: &Ruleset) -> bool {
    let mut set = plan.steps.iter().flat_map(Step::settings_of_host);
    set.any(|key| match key {
        SettingKey::Vip(vip) => {
            has_vip(&plan.target.rules, vip.addr)
                && !has_vip(head, vip.addr)
                && listener(head, vip.addr).is_some()
        }
        _ => false,
    })
}

/// Refuses to leave a service without a real server that gets new connections.
///
/// # Errors
/// `guarded`.
pub(super) fn refuse_unserved(plan: &Plan) -> Result<()> {
    let quiesced = plan.steps.iter().filter_map(|step| match step {
        Step::ChangeServer {
            service, from, to, ..
        } if to.weight == Weight::ZERO && from.weight != Weight::ZERO => Some(*service),
        Step::RemoveServer {
            service, options, ..
        } if options.weight != Weight::ZERO => Some(*service),
        _ => None,
    });
    let quiesced: BTreeSet<ServiceKey> = quiesced.collect();
    let after = &plan.target.rules.services;
    let is_unserved = |key: &&ServiceKey| {
        let servers = after.get(key).map(|service| &service.servers);
        !servers.is_some_and(|all| all.values().any(|server| server.weight != Weight::ZERO))
    };
    let unserved: Vec<&ServiceKey> = quiesced.iter().filter(is_unserved).collect();
    let Some(first) = unserved.first() else {
        return Ok(());
    };
    let which = match unserved.len() {
        1 => first.to_string(),
        more => format!(
            "{first} and {}",
            count(more.saturating_sub(1), "more service")
        ),
    };
    Err(Error::guarded(format!(
        "this would leave {which} without a real server whose weight is above 0"
    ))
    .hint("look at it with --plan; if it is meant: --allow-removals"))
}

fn refusal(cause: String) -> Error {
    Error::guarded(cause)
        .hint("look at it with --plan; if it is meant: --allow-removals")
        .hint("in a script: commit(\"message\", #{ allow_removals: true })")
}

/// What `ipvsh forget` calls an entry.
fn name_of(entry: &EntryKey) -> String {
    match entry {
        EntryKey::Service(key) => key.to_string(),
        EntryKey::Server(service, server) => format!("{service} {server}"),
        other => other.to_string(),
    }
}

/// The service that a step removes.
fn service(step: &Step) -> Option<ServiceKey> {
    match step {
        Step::RemoveService { key, .. } => Some(*key),
        _ => None,
    }
}

/// The entries that a step removes. A server that goes with its service needs no other word.
fn entries(step: &Step) -> Vec<EntryKey> {
    match step {
        Step::RemoveService { key, .. } => vec![EntryKey::Service(*key)],
        Step::RemoveServer { service, key, .. } => vec![EntryKey::Server(*service, *key)],
        Step::Set { settings } => {
            let gone = settings.iter().filter(|change| change.to.is_none());
            let of_host = gone.filter(|change| change.key.facts().is_of_host);
            of_host
                .map(|change| EntryKey::Setting(change.key))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_is_more_than_half_of_ten_or_all_of_three() {
        for (removed, all, much) in [
            (0, 0, false),
            (2, 2, false),
            (2, 3, false),
            (3, 3, true),
            (8, 9, false),
            (9, 9, true),
            (5, 10, false),
            (6, 10, true),
            (500, 1000, false),
        ] {
            assert_eq!(is_much(removed, all), much, "{removed} of {all}");
        }
    }
}
