//! `sync-role`: both sync daemons run on a director that is told to be a backup only.
//!
//! Source of truth: `sysctl_backup_only` in ip_vs.h and `ip_vs_in_hook` in ip_vs_core.c: while the
//! backup daemon runs, IPVS passes every packet by; backup_only in ipvs-sysctl.rst.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::DaemonRole;
use crate::notes::{Fix, set_sysctl};

pub(in super::super) static RULE: Rule = Rule {
    id: "sync-role",
    title: "both sync daemons run, and backup_only is 1",
    why: "while the backup daemon runs, backup_only has IPVS pass every packet by: no service is balanced",
    seen: "sysctl net.ipv4.vs.backup_only: 1; ipvsh show daemons: master and backup",
    severity: Severity::Outage,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let settings = &inspection.observed.live.settings;
    let runs = |role| settings.daemons().any(|(of, _)| of == role);
    let run_both = DaemonRole::ALL.into_iter().all(runs);
    if !run_both || inspection.of_ipvs("backup_only").as_deref() != Some("1") {
        return Vec::new();
    }
    vec![Found {
        object: "net.ipv4.vs.backup_only".to_owned(),
        what: "it is 1 and both sync daemons run: IPVS ignores the packets of clients".to_owned(),
        fix: Fix::Script(set_sysctl("net.ipv4.vs.backup_only", 0)),
    }]
}
