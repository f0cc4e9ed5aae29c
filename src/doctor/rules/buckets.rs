//! `buckets`: the connection table of IPVS has too few buckets for its connections.
//!
//! Source of truth: `conn_tab_bits` in net/netfilter/ipvs/Kconfig and ip_vs_conn.c: the table keeps the
//! size that it got when the module was loaded.

use super::super::inspection::{ConnectionTable, Inspection};
use super::super::rule::{Found, Look, Rule, Severity};
use crate::notes::Fix;

/// So many connections per bucket are well.
const PER_BUCKET: u64 = 4;

/// The most that the module takes (`ip_vs_conn_init`).
const MOST_BITS: u32 = 20;

pub(in super::super) static RULE: Rule = Rule {
    id: "buckets",
    title: "the connection table has too few buckets for its connections",
    why: "each packet walks the list of its bucket: long lists cost processor time, and packets are \
          dropped under load",
    seen: "ipvsh show info: the connection table; ipvsh show services: the connections",
    severity: Severity::Advice,
    is_safe: false,
    is_quick: false,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let Some(ConnectionTable {
        connections,
        buckets,
    }) = inspection.observed.connection_table
    else {
        inspection.could_not_look("the size of the connection table is not known");
        return Vec::new();
    };
    if buckets == 0 || connections <= PER_BUCKET.saturating_mul(buckets.into()) {
        return Vec::new();
    }
    let bits = connections
        .next_power_of_two()
        .trailing_zeros()
        .min(MOST_BITS);
    if bits <= buckets.ilog2() {
        return Vec::new();
    }
    vec![Found {
        object: "connection table".to_owned(),
        what: format!(
            "{connections} connections in {buckets} buckets; the module takes another size when it is \
             loaded, at a boot"
        ),
        fix: Fix::Shell(format!(
            "echo options ip_vs conn_tab_bits={bits} >>/etc/modprobe.d/ip_vs.conf"
        )),
    }]
}
