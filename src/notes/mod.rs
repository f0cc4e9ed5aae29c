//! What a kernel accepts and an operator regrets, each with its fix. Pure, but for the questions
//! that it asks of a [`Host`].
//!
//! Layer 1. A note is never an error, and where the host cannot tell there is none. Only what was
//! named is looked at, and the host is asked only what that needs. Source of truth: ip_vs_core.c
//! (what becomes of a packet), ip_vs_xmit.c (how it is forwarded).

mod answers;
mod daemon;
mod facts;
mod find;
mod fix;
mod fold;
mod host;
mod marks;
mod network;
mod note;
mod overlap;
mod port;
mod removal;
mod scheduler;
mod service;
mod vip;

use std::collections::BTreeSet;

pub use facts::feeds;
use facts::{Facts, Part, parts};
pub use find::set_sysctl;
pub use fix::Fix;
pub use fold::fold;
pub use host::{Host, Interface, ManagedAddress, Manager, NextKernel, NoHost, Route};
pub use network::shared_network;
pub use note::{Note, Notes, Situation, Topic};
pub use removal::{EXPIRE_NODEST, silence};

use crate::model::{DaemonRole, EntryKey, MarkKey, SettingKey};

/// Says what may be regretted.
pub fn notes(situation: &Situation, host: &dyn Host) -> Notes {
    let Situation { rules, named, .. } = situation;
    let facts = Facts::of(host, rules);
    let mut notes = Vec::new();
    for (key, part) in parts(named) {
        if let Some(service) = rules.services.get(&key) {
            let standby =
                || rules.settings.daemon(DaemonRole::Backup).is_some() || facts.has_manager();
            notes.extend(service::notes(
                &key,
                service,
                &part,
                &facts,
                &standby,
                (&situation.quiesced, situation.held),
            ));
            notes.extend(port::notes(&key, &part, rules));
        }
    }
    let mark = |entry: &EntryKey| match entry {
        EntryKey::Marks(key) => Some(*key),
        EntryKey::Service(key) => MarkKey::of_service(key),
        _ => None,
    };
    let named_marks: BTreeSet<MarkKey> = named.iter().filter_map(mark).collect();
    for key in &named_marks {
        notes.extend(marks::note(*key, rules, &facts));
    }
    notes.extend(overlap::notes(&named_marks, rules, &facts));
    let role = |entry: &EntryKey| match entry {
        EntryKey::Setting(SettingKey::SyncDaemon(role)) => Some(*role),
        _ => None,
    };
    let daemons = named.iter().filter_map(role);
    notes.extend(daemons.filter_map(|role| daemon::note(role, rules, &facts)));
    let vip = |entry: &EntryKey| match entry {
        EntryKey::Setting(SettingKey::Vip(key)) => Some(*key),
        _ => None,
    };
    let vips = named.iter().filter_map(vip);
    notes.extend(vips.filter_map(|key| vip::note(key, rules, &facts)));
    notes.extend(removal::notes(situation.cuts, situation.undo, &facts));
    Notes {
        all: notes,
        is_cut: facts.is_cut.get(),
    }
}
