//! `nodest`: real servers are removed, and the kernel then drops their clients' packets silently.
//!
//! Source of truth: `ip_vs_in` in ip_vs_core.c; expire_nodest_conn in ipvs-sysctl.rst. The words are
//! those of the note of a removal.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::policy::{OnFail, on_fail_of};
use crate::notes::{EXPIRE_NODEST, silence};

pub(in super::super) static RULE: Rule = Rule {
    id: "nodest",
    title: "clients of a removed real server wait instead of being refused",
    why: "the client of a server that its check removed learns nothing: it waits for its own timeout \
          before it connects again",
    seen: "sysctl net.ipv4.vs.expire_nodest_conn: 0",
    severity: Severity::Risk,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let head = inspection.observed.head;
    let removes = head.services.iter().any(|(key, service)| {
        service.is_checked() && on_fail_of(head, key, service) == OnFail::Remove
    });
    if !removes || inspection.of_ipvs(EXPIRE_NODEST).as_deref() != Some("0") {
        return Vec::new();
    }
    let note = silence();
    vec![Found {
        object: note.object,
        what: note.what,
        fix: note.fix,
    }]
}
