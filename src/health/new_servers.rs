//! Servers that a commit adds and that wait for their first pass.

use super::finding::Target;
use super::overlay::Overlay;
use super::state::{Deviation, Knowledge, Situation};
use crate::model::policy::check::Start;
use crate::model::{Ruleset, ServiceKey, VirtualService, Weight};

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
                let waits = service
                    .checks_of(server)
                    .iter()
                    .any(|check| match check.start {
                        Start::Wait => true,
                        Start::Auto => has_good,
                        Start::Up => false,
                    });
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
        before.servers.iter().any(|(server, options)| {
            options.weight != Weight::ZERO
                && after.servers.contains_key(server)
                && !before.checks_of(server).is_empty()
                && self.held(head, &key, server).is_none()
        })
    }
}
