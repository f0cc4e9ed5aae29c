//! `conn-reuse`: a client port that is used again goes to a quiesced real server.
//!
//! Source of truth: `ip_vs_in_hook` in ip_vs_core.c; conn_reuse_mode in ipvs-sysctl.rst.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::Weight;
use crate::notes::{Fix, set_sysctl};

const SETTING: &str = "net.ipv4.vs.conn_reuse_mode";

pub(in super::super) static RULE: Rule = Rule {
    id: "conn-reuse",
    title: "a client port that is used again reaches a quiesced real server",
    why: "a proxy or gateway uses its ports again soon, and each new connection from a known port then \
          goes to the server that is drained or dead",
    seen: "sysctl net.ipv4.vs.conn_reuse_mode: 0; the active connections of a server of weight 0 do not \
           go down",
    severity: Severity::Risk,
    is_safe: true,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let quiesced = inspection.services().find_map(|(key, service, _)| {
        let mut servers = service.servers.iter();
        let (server, _) = servers.find(|(_, server)| server.weight == Weight::ZERO)?;
        Some((key, server))
    });
    let Some((key, server)) = quiesced else {
        return Vec::new();
    };
    if inspection.of_ipvs("conn_reuse_mode").as_deref() != Some("0") {
        return Vec::new();
    }
    vec![Found {
        object: format!("{key}: real server {server}"),
        what: format!(
            "weight 0, and {SETTING} is 0: a client that uses its port again still goes there"
        ),
        fix: Fix::Script(set_sysctl(SETTING, 1)),
    }]
}
