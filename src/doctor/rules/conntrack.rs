//! `conntrack`: the kernel's connection tracking is nearly full.
//!
//! Source of truth: `nf_conntrack_alloc` in net/netfilter/nf_conntrack_core.c;
//! nf_conntrack-sysctl.rst.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::notes::{Fix, set_sysctl};

const MAX: &str = "net.netfilter.nf_conntrack_max";

/// So many percent of the entries may be in use.
const PERCENT: u64 = 80;

pub(in super::super) static RULE: Rule = Rule {
    id: "conntrack",
    title: "the connection tracking of the kernel is nearly full",
    why: "without a free entry the kernel drops new connections, also those of services that need no \
          tracking",
    seen: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max; dmesg: nf_conntrack: \
           table full, dropping packet",
    severity: Severity::Risk,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    if inspection.observed.live.services.is_empty() {
        return Vec::new();
    }
    let number = |name: &str| -> Option<u64> {
        let path = format!("net/netfilter/{name}");
        inspection.host.setting_of_module(&path)?.parse().ok()
    };
    let (Some(used), Some(most)) = (number("nf_conntrack_count"), number("nf_conntrack_max"))
    else {
        return Vec::new();
    };
    if most == 0 || used.saturating_mul(100) < most.saturating_mul(PERCENT) {
        return Vec::new();
    }
    let twice = u32::try_from(most.saturating_mul(2)).unwrap_or(u32::MAX);
    vec![Found {
        object: MAX.to_owned(),
        what: format!(
            "{used} of {most} connections are tracked: beyond {most} the kernel drops new ones"
        ),
        fix: Fix::Script(set_sysctl(MAX, twice)),
    }]
}
