//! Notes about a removal: the connections that it cuts, and what their clients then see.
//!
//! Source of truth: `ip_vs_in` in ip_vs_core.c (a connection whose server is gone), sysctl
//! `expire_nodest_conn` in Documentation/networking/ipvs-sysctl.rst.

use super::find::find_server;
use super::{Facts, Note, Topic};
use crate::model::{Protocol, ServiceKey};
use crate::plan::Cut;

/// The setting that says what becomes of a connection whose server is gone.
const EXPIRE: &str = "expire_nodest_conn";

/// So many removals are told one by one.
const TOLD_APART: usize = 2;

/// `undo` is the command that takes the change back; `None` while it is only planned.
pub(super) fn notes(cuts: &[Cut], undo: Option<&str>, facts: &Facts) -> Vec<Note> {
    let costly: Vec<Cut> = cuts.iter().filter(|cut| is_costly(cut)).copied().collect();
    let cuts = costly.as_slice();
    let mut notes: Vec<Note> = match cuts {
        [first, others @ ..] if others.len() >= TOLD_APART => vec![all(first, cuts, undo)],
        few => few.iter().map(|cut| one(cut, undo)).collect(),
    };
    let cuts_some = cuts.iter().any(|cut| connections(cut) > 0);
    if cuts_some && facts.ipvs_setting(EXPIRE).as_deref() == Some("0") {
        notes.push(Note {
            topic: Topic::Silence,
            object: format!("net.ipv4.vs.{EXPIRE}"),
            what: "it is 0, so the kernel drops the packets of connections whose real server was \
                   removed, and clients wait in vain; with 1 they are refused at once"
                .to_owned(),
            fix: format!("sysctl -w net.ipv4.vs.{EXPIRE}=1"),
        });
    }
    notes
}

/// Connections that somebody uses. The kernel counts those of UDP as inactive; of other protocols
/// the inactive ones are not open yet, or are being closed.
fn connections(cut: &Cut) -> u64 {
    let is_udp = matches!(
        cut.service,
        ServiceKey::Address { protocol, .. } if protocol == Protocol::UDP
    );
    let inactive = if is_udp { cut.counts.inactive } else { 0 };
    u64::from(cut.counts.active) + u64::from(inactive)
}

fn is_costly(cut: &Cut) -> bool {
    connections(cut) > 0 || cut.counts.persistent > 0
}

fn object(cut: &Cut) -> String {
    match cut.server {
        Some(server) => format!("{}: real server {server}", cut.service),
        None => cut.service.to_string(),
    }
}

fn one(cut: &Cut, undo: Option<&str>) -> Note {
    Note {
        topic: Topic::Cut,
        object: object(cut),
        what: format!("its removal {}", costs(&[*cut])),
        fix: fix(cut, undo),
    }
}

/// Many at once: what counts is the sum.
fn all(first: &Cut, cuts: &[Cut], undo: Option<&str>) -> Note {
    Note {
        topic: Topic::Cut,
        object: format!(
            "{} and {} more",
            object(first),
            cuts.len().saturating_sub(1)
        ),
        what: format!("their removal {}", costs(cuts)),
        fix: fix(first, undo),
    }
}

fn costs(cuts: &[Cut]) -> String {
    let plural = |count: u64, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let sum = |of: fn(&Cut) -> u64| cuts.iter().map(of).fold(0, u64::saturating_add);
    let all = sum(connections);
    let pinned = sum(|cut| cut.counts.persistent.into());
    let mut costs = Vec::new();
    if all > 0 {
        costs.push(format!("cuts {}", plural(all, "connection")));
    }
    if pinned > 0 {
        let pinned = plural(pinned, "client");
        costs.push(format!("lets go of {pinned} that persistence keeps there"));
    }
    costs.join(" and ")
}

fn fix(cut: &Cut, undo: Option<&str>) -> String {
    match (undo, cut.server) {
        (Some(undo), _) => undo.to_owned(),
        (None, Some(server)) => {
            let server = find_server(&cut.service, &server);
            format!("drain({server}, #{{ then: \"remove\" }})")
        }
        (None, None) => format!("ipvsh show connections \"{}\"", cut.service),
    }
}
