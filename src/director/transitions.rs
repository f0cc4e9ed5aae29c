//! Writing what the checks found to the kernel.

use std::collections::{BTreeMap, BTreeSet};

use super::transaction::carry_out;
use super::{Director, Silent};
use crate::error::Result;
use crate::health::{Overlay, Situation, State, Target};
use crate::kernel::Part;
use crate::model::{EntryKey, EntryValue, Extent, FoundValues, Ruleset, ServiceKey, Weight};
use crate::plan::{Change, Request, Scope, plan};

/// What became of transitions that were written to the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The changes of the kernel.
    pub changes: Vec<Change>,
    /// Servers that should come up and that the kernel does not have as the daemon left them: somebody
    /// else changed them, and they stay.
    pub left_alone: Vec<Target>,
    /// Servers that should go down and that the kernel had out already, though by the state before it
    /// should have had them in.
    pub found_out: Vec<Target>,
}

impl Director {
    /// Brings some servers to what the kernel should hold, where the state of the checks goes from one to
    /// another. Nothing else is looked at, and nothing else is repaired: a service that is gone stays so.
    /// A server that should get less than it has is written in any case; one that should get more only
    /// where the kernel has what it should hold by the state before. The caller holds the lock of the
    /// kernel, and wrote the new state down.
    ///
    /// # Errors
    /// As the kernel refuses, or cannot be read: to be tried again.
    pub fn write_transitions(
        &mut self,
        rules: &Ruleset,
        (before, after): (&State, &State),
        targets: &BTreeSet<Target>,
    ) -> Result<Written> {
        let now = self.clock.utc();
        let [before, after] = [before, after].map(|state| Overlay::new(state.clone(), now));
        self.write_overlay(rules, (&before, &after), targets)
    }

    /// The same where the time goes on, too, and with it the end of a maintenance.
    ///
    /// # Errors
    /// As [`Director::write_transitions`].
    pub fn write_overlay(
        &mut self,
        rules: &Ruleset,
        (before, after): (&Overlay, &Overlay),
        targets: &BTreeSet<Target>,
    ) -> Result<Written> {
        let services: BTreeSet<ServiceKey> = targets.iter().map(|target| target.service).collect();
        let rules = &Extent::Services(services.clone()).within(rules);
        let (from, to) = (before.apply(rules), after.apply(rules));
        let live = self.kernel.observe_part(&Part {
            services: Extent::Services(services),
            marks: false,
            ..Part::whole()
        })?;
        let mut written = Written::default();
        let mut entries = BTreeSet::new();
        for target in targets {
            let entry = EntryKey::Server(target.service, target.server);
            if !live.rules.services.contains_key(&target.service) || !rules.has(&entry) {
                continue;
            }
            let (wanted, standing) = (to.get(&entry), live.rules.get(&entry));
            let should = from.get(&entry);
            let (was, is) = (before.deviation(target), after.deviation(target));
            let falls = was.is_none() && is.is_some_and(|it| it.situation == Situation::Down);
            if falls && is_in(should.as_ref()) && !is_in(standing.as_ref()) {
                written.found_out.push(*target);
            }
            if wanted == standing {
                continue;
            }
            let is_free = !was.is_some_and(|it| it.taken_out_by_hand);
            match is.is_some() || (is_free && standing == should) {
                true => drop(entries.insert(entry)),
                false => written.left_alone.push(*target),
            }
        }
        if entries.is_empty() {
            return Ok(written);
        }
        let owned = without_policies(rules);
        let plan = plan(&Request {
            head: &owned,
            found: &FoundValues::default(),
            live: &live,
            wanted: &to,
            overlay: &Overlay::without_state(after.now),
            scope: Scope::Named(entries),
            exact_servers: &BTreeSet::new(),
            declared: &BTreeMap::new(),
            keep_weights: false,
        });
        carry_out(&mut *self.kernel, &plan, None, &Silent).map_err(|failure| failure.error)?;
        written.changes = plan.changes;
        Ok(written)
    }
}

/// Returns true for a server that gets new connections.
fn is_in(entry: Option<&EntryValue>) -> bool {
    matches!(entry, Some(EntryValue::Server(server)) if server.weight != Weight::ZERO)
}

/// The rules as they were declared, as a kernel could hold them.
fn without_policies(rules: &Ruleset) -> Ruleset {
    let mut all = rules.clone();
    for service in all.services.values_mut() {
        service.policy = Default::default();
        service.server_policies.clear();
    }
    all
}
