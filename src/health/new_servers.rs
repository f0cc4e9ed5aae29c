//! Servers that a commit adds and that wait for their first pass.

use super::finding::Target;
use super::overlay::Overlay;
use super::state::{Deviation, Knowledge, Situation};
use crate::model::{Ruleset, ServerKey, ServiceKey, VirtualService, Weight};

impl Overlay {
    /// The overlay that a commit goes by where a daemon runs: servers that it adds wait where their checks
    /// say so. The daemon finds the same when it learns of the commit.
    #[must_use]
    pub fn with_new_servers(mut self, head: &Ruleset, wanted: &Ruleset) -> Overlay {
        let mut waiting = Vec::new();
        for (key, service) in &wanted.services {
            let before = head.services.get(key);
            let has_good = before.is_some_and(|before| self.has_good(head, *key, before, service));
            for (server, options) in service.servers.iter() {
                let is_new = before.is_none_or(|before| !before.servers.contains_key(server));
                let mut checks = service.checks_of(server).iter();
                let waits = checks.any(|check| check.start.waits(has_good));
                if is_new && waits && options.weight != Weight::ZERO {
                    waiting.push(Target {
                        service: *key,
                        server: *server,
                    });
                }
            }
        }
        if let Knowledge::Known(state) = &mut self.knowledge {
            for target in waiting {
                state.servers.entry(target).or_insert_with(|| Deviation {
                    situation: Situation::Waiting,
                    since: self.now,
                    reason: "new: no check has passed yet".to_owned(),
                    taken_out_by_hand: false,
                });
            }
        }
        self
    }

    /// Returns true if a service has a checked server that is up, and stays.
    fn has_good(
        &self,
        head: &Ruleset,
        key: ServiceKey,
        before: &VirtualService,
        after: &VirtualService,
    ) -> bool {
        let gets_new = |server: &ServerKey| {
            let declared = before.servers.get(server);
            declared.is_some_and(|one| one.weight != Weight::ZERO)
        };
        before.checked_servers().any(|server| {
            gets_new(server)
                && after.servers.contains_key(server)
                && self.held(head, &key, server).is_none()
        })
    }
}
