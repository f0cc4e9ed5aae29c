//! `managers`: another program writes the same table.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::notes::{Fix, Host, Manager};

pub(in super::super) static RULE: Rule = Rule {
    id: "managers",
    title: "another program manages IPVS on this host too",
    why: "two owners undo each other's changes: each service needs one",
    seen: "pgrep -a 'keepalived|ldirectord|kube-proxy|kube-router|kube-vip|lvscare'",
    severity: Severity::Risk,
    is_safe: false,
    is_quick: false,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let head = inspection.observed.head;
    // A host of which ipvsh manages nothing has one owner.
    if head.services.is_empty() && head.settings.is_empty() {
        return Vec::new();
    }
    let found = |manager: Manager| Found {
        object: manager.to_string(),
        what: Manager::IS_SECOND.to_owned(),
        fix: Fix::Shell(format!("systemctl status {}", manager.name)),
    };
    inspection.host.managers().into_iter().map(found).collect()
}
