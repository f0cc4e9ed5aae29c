//! Notes about what a scheduler makes of flags and of weight 0.
//!
//! Source of truth: ip_vs_sh.c, ip_vs_mh.c, ip_vs_dh.c.

use std::collections::BTreeSet;

use super::find::{find, find_server};
use super::{Fix, Note, Part, Topic};
use crate::model::service::SCHEDULERS;
use crate::model::{SchedulerFlags, ServerKey, ServiceKey, VirtualService, Weight};

/// Flags that the scheduler does not look at; of a scheduler that is not in the kernel's tree
/// nobody knows.
pub(super) fn flags(key: &ServiceKey, service: &VirtualService) -> Option<Note> {
    let (scheduler, set) = (service.options.scheduler.name(), service.options.flags);
    let known = match scheduler {
        "sh" | "mh" => SchedulerFlags::SCHED1 | SchedulerFlags::SCHED2,
        other if SCHEDULERS.contains(&other) => 0,
        _ => return None,
    };
    let ignored = SchedulerFlags(set.0 & !known);
    (!ignored.is_empty()).then(|| Note {
        topic: Topic::Flags,
        object: key.to_string(),
        what: format!(
            "the scheduler {scheduler} ignores {}",
            ignored.names(&service.options.scheduler).join(", ")
        ),
        fix: set_flags(key, service, set.0 & known),
    })
}

fn set_flags(key: &ServiceKey, service: &VirtualService, flags: u32) -> Fix {
    let names = SchedulerFlags(flags).names(&service.options.scheduler);
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    Fix::Script(format!(
        "{}.set(#{{ flags: [{}] }})",
        find(key),
        names.join(", ")
    ))
}

/// A server of weight 0 keeps its place in the hash table, and the clients that hash to it are
/// refused; with the fallback flag the scheduler looks for another server (`ip_vs_sh_get_fallback`,
/// `ip_vs_mh_get_fallback`). dh has no such flag. mh has a place for a server only if it had a
/// weight before (`last_weight`), which the kernel does not show: only a change tells.
pub(super) fn hashed_away(
    key: &ServiceKey,
    service: &VirtualService,
    part: &Part,
    quiesced_now: &BTreeSet<(ServiceKey, ServerKey)>,
) -> Option<Note> {
    let (scheduler, flags) = (service.options.scheduler.name(), service.options.flags.0);
    let has_flag = match scheduler {
        "sh" | "mh" if flags & SchedulerFlags::SCHED1 == 0 => true,
        "dh" => false,
        _ => return None,
    };
    let quiesced = |weight: Weight| weight == Weight::ZERO;
    if service.servers.values().all(|one| quiesced(one.weight)) {
        return None;
    }
    let mut servers = service.servers.iter().filter(|(server, options)| {
        quiesced(options.weight)
            && (part.service || part.servers.contains(server))
            && (scheduler != "mh" || quiesced_now.contains(&(*key, **server)))
    });
    let (first, _) = servers.next()?;
    let more = match servers.count() {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let (hashes, fix) = match has_flag {
        true => (
            "clients",
            set_flags(key, service, flags | SchedulerFlags::SCHED1),
        ),
        false => (
            "destinations",
            Fix::Script(format!(
                "drain({}, #{{ then: \"remove\" }})",
                find_server(key, first)
            )),
        ),
    };
    Some(Note {
        topic: Topic::HashedAway,
        object: format!("{key}: real server {first}{more}"),
        what: format!(
            "weight 0, and the scheduler {scheduler} still maps {hashes} to it: they are refused \
             instead of going to another server"
        ),
        fix,
    })
}
