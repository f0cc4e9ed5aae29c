//! The servers that failed often enough to go down, while nothing shows yet that this host is not at
//! fault.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::finding::Target;
use super::probe::Failing;

/// The servers, by the two times that let them fall.
#[derive(Debug, Default)]
pub(super) struct PendingFalls {
    servers: BTreeMap<Target, Failing>,
    /// By when they began to fail.
    by_start: BTreeSet<(Duration, Target)>,
    /// By when they fall without evidence.
    by_end: BTreeSet<(Duration, Target)>,
}

impl PendingFalls {
    /// Adds a server, or changes its times.
    pub(super) fn insert(&mut self, target: Target, failing: Failing) {
        self.remove(target);
        self.servers.insert(target, failing);
        self.by_start.insert((failing.began, target));
        self.by_end.insert((failing.until, target));
    }

    /// Removes a server, if it is there.
    pub(super) fn remove(&mut self, target: Target) {
        if let Some(failing) = self.servers.remove(&target) {
            self.by_start.remove(&(failing.began, target));
            self.by_end.remove(&(failing.until, target));
        }
    }

    /// Removes all servers and returns them.
    pub(super) fn take(&mut self) -> Vec<Target> {
        self.by_start.clear();
        self.by_end.clear();
        std::mem::take(&mut self.servers).into_keys().collect()
    }

    /// Removes the servers whose time is over and returns them.
    pub(super) fn take_ended(&mut self, now: Duration) -> Vec<Target> {
        let ended = self.by_end.iter().take_while(|(end, _)| *end <= now);
        let targets: Vec<_> = ended.map(|(_, target)| *target).collect();
        for target in &targets {
            self.remove(*target);
        }
        targets
    }

    /// When the first of them falls without evidence.
    pub(super) fn first_end(&self) -> Option<Duration> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// The servers that began to fail at this time or before.
    pub(super) fn begun_by(&self, time: Duration) -> Vec<Target> {
        let begun = self.by_start.iter().take_while(|(start, _)| *start <= time);
        begun.map(|(_, target)| *target).collect()
    }

    /// Returns true if the server is among them.
    #[cfg(test)]
    pub(super) fn contains(&self, target: Target) -> bool {
        self.servers.contains_key(&target)
    }
}
