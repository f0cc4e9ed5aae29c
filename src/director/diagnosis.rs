//! What is misconfigured on this host: the doctor's rules on what the kernel and the head hold.

use std::collections::BTreeMap;

use super::health_summary::HealthSummary;
use super::{Awaiting, Director, head_of};
use crate::doctor::{
    ConnectionTable, Diagnosis, NotLooked, Observed, Rule, examine, selected, shown_by_status,
};
use crate::error::Result;
use crate::model::{Live, Ruleset, Setting, SettingKey};
use crate::notes::Host;
use crate::plan::HeldServers;

impl Director {
    /// Runs rules of the doctor. Where the kernel cannot be read, they look at the head alone, and all
    /// of them are reported as not having looked at everything.
    ///
    /// # Errors
    /// As the store fails.
    pub fn diagnose(&mut self, rules: &[&'static Rule]) -> Result<Diagnosis> {
        let store = self.stores.open()?;
        let (_, head) = head_of(&*store)?;
        let pending = self.awaiting(&*store)?;
        drop(store);
        let mut live = self.observe(&[&head]);
        if let Ok(live) = &mut live {
            declare_as_head(&mut live.rules, &head);
        }
        let overlay = self.overlay();
        let health = self.health_summary(&head, &overlay);
        let held = overlay.all_held(&head);
        let holds = live.as_ref().map_or(&head, |live| &live.rules);
        let connection_table = live
            .as_ref()
            .ok()
            .and_then(|live| self.connection_table(live));
        let observed = self.observed((holds, &head), &held, (&health, pending.as_ref()));
        let observed = Observed {
            connection_table,
            ..observed
        };
        let mut diagnosis = examine(&observed, &*self.host, rules);
        if let Err(error) = live {
            let why = format!("the kernel cannot be read: {error}");
            let rules = std::mem::take(&mut diagnosis.looked).into_iter();
            diagnosis.not_looked.extend(rules.map(|rule| NotLooked {
                rule,
                why: why.clone(),
            }));
            diagnosis.unread = Some(error);
        }
        Ok(diagnosis)
    }

    /// What the rules look at.
    pub(super) fn observed<'a>(
        &self,
        (live, head): (&'a Ruleset, &'a Ruleset),
        held: &'a HeldServers,
        (health, pending): (&HealthSummary, Option<&Awaiting>),
    ) -> Observed<'a> {
        Observed {
            live,
            head,
            held,
            now: self.clock.utc(),
            checked: health.checked,
            has_daemon: health.has_daemon(),
            awaiting: pending.map(|awaiting| awaiting.snapshot),
            connection_table: None,
        }
    }

    /// How many connections the kernel holds, in how many buckets.
    fn connection_table(&mut self, live: &Live) -> Option<ConnectionTable> {
        let servers = live.counts.values().flat_map(BTreeMap::values);
        let connections = servers.fold(0_u64, |sum, server| {
            let of_server = u64::from(server.active).saturating_add(server.inactive.into());
            sum.saturating_add(of_server)
        });
        Some(ConnectionTable {
            connections,
            buckets: self.info().ok()?.connection_table_size,
        })
    }
}

/// Gives what a kernel holds what only the head knows of it: whether VIPs are silent, and the source
/// NAT of services.
pub(super) fn declare_as_head(live: &mut Ruleset, head: &Ruleset) {
    for (key, service) in &head.services {
        if let Some(snat) = service.policy.snat
            && live.services.contains_key(key)
        {
            let value = Some(Setting::SourceNat(snat));
            live.settings.put(SettingKey::SourceNat(*key), value);
        }
    }
    for (key, vip) in head.settings.vips() {
        let key = SettingKey::Vip(key);
        if live.settings.has(key) {
            live.settings.put(key, Some(Setting::Vip(vip.clone())));
        }
    }
}

/// How many findings the quick rules have that a status does not show itself.
pub(super) fn quick_findings(observed: &Observed, host: &dyn Host) -> usize {
    let mut rules = selected(&[], true).unwrap_or_default();
    rules.retain(|rule| !shown_by_status(rule));
    examine(observed, host, &rules).findings.len()
}
