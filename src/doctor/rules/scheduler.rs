//! `scheduler`: a service of the head whose scheduler this kernel does not have.
//!
//! Source of truth: `ip_vs_scheduler_get` in ip_vs_sched.c.

use std::collections::BTreeMap;

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::{Ruleset, ServiceKey};
use crate::notes::{Fix, Host};

pub(in super::super) static RULE: Rule = Rule {
    id: "scheduler",
    title: "this kernel lacks the scheduler of a service",
    why: "the kernel refuses the service, so that ipvsh restore cannot bring it back",
    seen: "find /lib/modules/$(uname -r) -name 'ip_vs_*': no module of that scheduler",
    severity: Severity::Risk,
    is_safe: false,
    is_quick: true,
    look: Look::Own(look),
};

/// The schedulers that services use, each with the first service that uses it.
pub(super) fn in_use(rules: &Ruleset) -> BTreeMap<&str, &ServiceKey> {
    let mut all = BTreeMap::new();
    for (key, service) in &rules.services {
        let name = service.options.scheduler.name();
        if name != "none" {
            all.entry(name).or_insert(key);
        }
    }
    all
}

fn look(inspection: &Inspection) -> Vec<Found> {
    // A scheduler that the kernel uses, it has.
    let mut wanted = in_use(inspection.observed.head);
    let used = in_use(inspection.observed.live);
    wanted.retain(|name, _| !used.contains_key(name));
    if wanted.is_empty() {
        return Vec::new();
    }
    let Some(known) = inspection.host.schedulers() else {
        return Vec::new();
    };
    let missing = wanted
        .into_iter()
        .filter(|(name, _)| !known.contains(*name));
    let found = missing.map(|(name, key)| Found {
        object: key.to_string(),
        what: format!("its scheduler is {name}, and this kernel has no module ip_vs_{name}"),
        fix: Fix::Shell("find /lib/modules/$(uname -r) -name 'ip_vs_*'".to_owned()),
    });
    found.collect()
}
