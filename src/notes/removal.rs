//! Notes about a removal: the connections that it cuts, and what their clients then see.
//!
//! Source of truth: `ip_vs_in` in ip_vs_core.c (a connection whose server is gone), sysctl
//! `expire_nodest_conn` in Documentation/networking/ipvs-sysctl.rst.

use super::find::{find_server, set_sysctl};
use super::{Facts, Fix, Note, Topic};
use crate::model::{Protocol, ServiceKey, count};
use crate::plan::Cut;

/// The setting that says what becomes of a connection whose server is gone.
pub const EXPIRE_NODEST: &str = "expire_nodest_conn";

/// So many removals are told one by one.
const TOLD_APART: usize = 2;

/// `undo` is the command that takes the change back; `None` while it is only planned.
pub(super) fn notes(cuts: &[Cut], undo: Option<&str>, facts: &Facts) -> Vec<Note> {
    let costly: Vec<Cut> = cuts.iter().filter(|cut| is_costly(cut)).copied().collect();
    // Of many the sum counts.
    let together = match costly.len() > TOLD_APART {
        true => costly.len(),
        false => 1,
    };
    let told = costly.chunks(together);
    let mut notes: Vec<Note> = told.filter_map(|cuts| note(cuts, undo)).collect();
    let cuts_some = costly.iter().any(|cut| connections(cut) > 0);
    if cuts_some && facts.ipvs_setting(EXPIRE_NODEST).as_deref() == Some("0") {
        notes.push(silence());
    }
    notes
}

/// The note about connections whose server was removed, while the kernel keeps silent about them.
pub fn silence() -> Note {
    Note {
        topic: Topic::Silence,
        object: format!("net.ipv4.vs.{EXPIRE_NODEST}"),
        what: "it is 0, so the kernel drops the packets of connections whose real server was \
               removed, and clients wait in vain; with 1 they are refused at once"
            .to_owned(),
        fix: Fix::Script(set_sysctl(&format!("net.ipv4.vs.{EXPIRE_NODEST}"), 1)),
    }
}

/// The connections in use. The kernel counts those of UDP as inactive; of other protocols the inactive
/// ones are not open yet, or are being closed.
fn connections(cut: &Cut) -> usize {
    let is_udp = matches!(
        cut.service,
        ServiceKey::Address { protocol, .. } if protocol == Protocol::UDP
    );
    let inactive = if is_udp { cut.counts.inactive } else { 0 };
    number(cut.counts.active).saturating_add(number(inactive))
}

/// The clients that persistence keeps at what goes.
fn pinned(cut: &Cut) -> usize {
    number(cut.counts.persistent)
}

fn number(counted: u32) -> usize {
    usize::try_from(counted).unwrap_or(usize::MAX)
}

fn is_costly(cut: &Cut) -> bool {
    connections(cut) > 0 || pinned(cut) > 0
}

/// The note of removals that are told together.
fn note(cuts: &[Cut], undo: Option<&str>) -> Option<Note> {
    let (first, others) = cuts.split_first()?;
    let object = match first.server {
        Some(server) => format!("{}: real server {server}", first.service),
        None => first.service.to_string(),
    };
    let (object, whose) = match others.len() {
        0 => (object, "its"),
        more => (format!("{object} and {more} more"), "their"),
    };
    Some(Note {
        topic: Topic::Cut,
        object,
        what: format!("{whose} removal {}", costs(cuts)),
        fix: fix(first, undo),
    })
}

fn costs(cuts: &[Cut]) -> String {
    let sum = |of: fn(&Cut) -> usize| cuts.iter().map(of).fold(0, usize::saturating_add);
    let (all, pinned) = (sum(connections), sum(pinned));
    let mut costs = Vec::new();
    if all > 0 {
        costs.push(format!("cuts {}", count(all, "connection")));
    }
    if pinned > 0 {
        let pinned = count(pinned, "client");
        costs.push(format!("lets go of {pinned} that persistence keeps there"));
    }
    costs.join(" and ")
}

fn fix(cut: &Cut, undo: Option<&str>) -> Fix {
    match (undo, cut.server) {
        (Some(undo), _) => Fix::Verb(undo.to_owned()),
        (None, Some(server)) => {
            let server = find_server(&cut.service, &server);
            Fix::Script(format!("drain({server}, #{{ then: \"remove\" }})"))
        }
        (None, None) => Fix::Verb(format!("ipvsh show connections \"{}\"", cut.service)),
    }
}
