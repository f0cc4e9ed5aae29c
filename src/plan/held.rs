//! Whether a kernel holds what was planned.

use super::Plan;
use super::examined::has_examined;
use crate::model::differing_servers;
use crate::model::live::Live;
use crate::model::{EntryKey, EntryValue, MarkSupport, ServiceKey, SettingKey, VirtualService};

impl Plan {
    /// Says whether an entry was looked at.
    pub fn has_examined(&self, entry: &EntryKey) -> bool {
        has_examined(&self.examined, &self.target.rules, entry)
    }

    /// The settings of the host that were looked at.
    pub fn examined_of_host(&self) -> impl Iterator<Item = SettingKey> {
        self.examined.entries.iter().filter_map(EntryKey::of_host)
    }

    /// The first entry that was looked at, and is not in a kernel as planned; what was not read of
    /// the kernel is not compared.
    pub fn first_difference(&self, live: &Live) -> Option<EntryKey> {
        let target = &self.target.rules;
        let differs = |entry: &EntryKey| match (target.get(entry), live.rules.get(entry)) {
            (Some(target), Some(live)) => !target.satisfied_by(&live),
            (None, None) => false,
            // What is always there may have any value where none was planned.
            (None, Some(EntryValue::Setting(_))) => !matches!(
                entry,
                EntryKey::Setting(key) if key.is_always_there()
            ),
            _ => true,
        };
        let was_read = |entry: &EntryKey| match entry {
            EntryKey::Service(key) | EntryKey::Server(key, _) => live.extent.covers(key),
            EntryKey::Marks(key) => *live.marks(key.family) != MarkSupport::Unread,
            EntryKey::Setting(_) => true,
            EntryKey::ServicePolicy(_) | EntryKey::ServerPolicy(_, _) => false,
        };
        let mut entries = self.examined.entries.iter();
        let of_entries = entries.find(|entry| was_read(entry) && differs(entry));
        let back = self.examined.back.iter();
        let of_services = back
            .filter(|key| live.extent.covers(key))
            .filter_map(|key| Some((key, target.services.get(key)?, live.rules.services.get(key))))
            .filter_map(|(key, planned, live)| first_part(key, planned, live))
            .min();
        of_entries.copied().into_iter().chain(of_services).min()
    }
}

/// The first part of a service that is not as planned; servers beside those are not looked at.
fn first_part(
    key: &ServiceKey,
    planned: &VirtualService,
    live: Option<&VirtualService>,
) -> Option<EntryKey> {
    if live == Some(planned) {
        return None;
    }
    if live.map(|live| &live.options) != Some(&planned.options) {
        return Some(EntryKey::Service(*key));
    }
    differing_servers(Some(planned), live)
        .find(|(_, planned, _)| planned.is_some())
        .map(|(server, _, _)| EntryKey::Server(*key, *server))
}
