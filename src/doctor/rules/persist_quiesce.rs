//! `persist-quiesce`: persistence that goes on sending clients to a quiesced real server.
//!
//! Source of truth: `ip_vs_check_template` in ip_vs_conn.c; expire_quiescent_template in
//! ipvs-sysctl.rst.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::policy::{OnFail, on_fail_of};
use crate::model::{Ruleset, ServiceKey, VirtualService, Weight};
use crate::notes::{Fix, set_sysctl};
use crate::plan::HeldServers;

const SETTING: &str = "expire_quiescent_template";

pub(in super::super) static RULE: Rule = Rule {
    id: "persist-quiesce",
    title: "persistent clients stay at a real server that was quiesced",
    why: "weight 0 keeps only new clients away: a client that persistence knows goes on to the \
          server, even where it is dead, until its persistence ends",
    seen: "sysctl net.ipv4.vs.expire_quiescent_template: 0; ipvsh show persistent: clients at a server \
           of weight 0",
    severity: Severity::Risk,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let (head, held) = (inspection.observed.head, inspection.observed.held);
    let affected = inspection.services().find_map(|(key, live, of_head)| {
        live.options.persistent?;
        let zero = live
            .servers
            .iter()
            .find(|(_, server)| server.weight == Weight::ZERO);
        let why = match zero {
            Some((server, _)) => format!("real server {server} has weight 0"),
            None if quiesces(key, of_head?, held, head) => {
                "a real server that fails its checks gets weight 0".to_owned()
            }
            None => return None,
        };
        Some((key, why))
    });
    let Some((key, why)) = affected else {
        return Vec::new();
    };
    if inspection.of_ipvs(SETTING).as_deref() != Some("0") {
        return Vec::new();
    }
    vec![Found {
        object: key.to_string(),
        what: format!(
            "is persistent, {why}, and net.ipv4.vs.{SETTING} is 0: known clients still go there"
        ),
        fix: Fix::Script(set_sysctl(&format!("net.ipv4.vs.{SETTING}"), 1)),
    }]
}

/// Returns true if the checks of a service quiesce its servers.
fn quiesces(
    key: &ServiceKey,
    service: &VirtualService,
    held: &HeldServers,
    head: &Ruleset,
) -> bool {
    let is_held = held.keys().any(|(of, _)| of == key);
    (service.is_checked() || is_held) && on_fail_of(head, key, service) == OnFail::Quiesce
}
