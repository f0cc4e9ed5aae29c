//! The candidate: the working copy that a script or the shell edits. Pure.
//!
//! Layer 1. It starts as a copy of the head (its base) and remembers what was named, because a
//! commit touches only that: entries that differ from the base, and those that were declared or
//! set, even to the same value.

mod merge;

pub use merge::Clash;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::model::check::{check_daemons, check_server, check_service};
use crate::model::patch::Named;
use crate::model::{
    EntryKey, EntryValue, Extent, Family, Forwarding, Fwmark, MarkKey, MarkRule, RealServer,
    Ruleset, ServerKey, ServerPatch, ServiceKey, ServicePatch, SnapshotId, TimeoutKind, Timeouts,
    VirtualService,
};

/// How an entry was named.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Touch {
    /// Declared with options: those that were given; the others are at their defaults.
    Declared(Named),
    /// Set, created or removed: the options that were named.
    Set(Named),
    /// Taken over as the kernel has it.
    Taken,
    /// As a file or another tool has it: whatever a kernel accepts.
    Loaded,
}

impl Touch {
    /// Set as a whole, created or removed.
    fn unnamed() -> Touch {
        Touch::Set(Named::new())
    }
}

/// A working copy of a ruleset.
#[derive(Debug, Clone)]
pub struct Candidate {
    base_id: Option<SnapshotId>,
    /// The services that `base` and `rules` know of.
    extent: Extent,
    base: Ruleset,
    rules: Ruleset,
    touched: BTreeMap<EntryKey, Touch>,
    taken: BTreeSet<EntryKey>,
    exact_servers: BTreeSet<ServiceKey>,
    forwards: BTreeMap<ServiceKey, Forwarding>,
}

impl Candidate {
    /// A candidate on a head; without one, on nothing.
    pub fn new(base_id: Option<SnapshotId>, base: Ruleset) -> Candidate {
        Candidate::part(base_id, base, Extent::Whole)
    }

    /// A candidate on a part of a head: it knows nothing of other services until it learns of them.
    pub fn part(base_id: Option<SnapshotId>, base: Ruleset, extent: Extent) -> Candidate {
        Candidate {
            base_id,
            extent,
            rules: base.clone(),
            base,
            touched: BTreeMap::new(),
            taken: BTreeSet::new(),
            exact_servers: BTreeSet::new(),
            forwards: BTreeMap::new(),
        }
    }

    /// A candidate that leads from one ruleset to another, as if it had been edited so.
    pub fn between(base_id: Option<SnapshotId>, base: Ruleset, rules: Ruleset) -> Candidate {
        Candidate {
            rules,
            ..Candidate::new(base_id, base)
        }
    }

    /// The services that it knows of.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Learns of more services, as its head has them; of those that it knows it keeps what it has.
    pub fn learn(&mut self, extent: &Extent, base: Ruleset) {
        for (key, service) in base.services {
            if !self.extent.covers(&key) {
                self.base.services.insert(key, service.clone());
                self.rules.services.insert(key, service);
            }
        }
        self.extent.extend(extent);
    }

    /// The same candidate, knowing only some of the services that it does: all that were edited.
    #[must_use]
    pub fn within(&self, extent: Extent) -> Candidate {
        Candidate {
            base: extent.within(&self.base),
            rules: extent.within(&self.rules),
            touched: self.touched.clone(),
            taken: self.taken.clone(),
            exact_servers: self.exact_servers.clone(),
            forwards: self.forwards.clone(),
            base_id: self.base_id,
            extent,
        }
    }

    /// A candidate with nothing staged, where this one was committed.
    #[must_use]
    pub fn committed(&self, head: Option<SnapshotId>) -> Candidate {
        Candidate::part(head, self.rules.clone(), self.extent.clone())
    }

    /// The services that a commit looks at: those in scope, and those of the marks in scope.
    pub fn looks_at(&self) -> BTreeSet<ServiceKey> {
        let mut services = BTreeSet::new();
        for entry in self.scope() {
            match entry {
                EntryKey::Marks(key) => services.insert(key.service()),
                entry => entry.service().is_some_and(|key| services.insert(key)),
            };
        }
        services
    }

    /// The head that it started from.
    pub fn base_id(&self) -> Option<SnapshotId> {
        self.base_id
    }

    /// The rules that it started from.
    pub fn base(&self) -> &Ruleset {
        &self.base
    }

    /// The rules as edited.
    pub fn rules(&self) -> &Ruleset {
        &self.rules
    }

    /// The entries that a commit looks at.
    pub fn scope(&self) -> BTreeSet<EntryKey> {
        let mut scope = self.base.differences(&self.rules);
        // Both are sorted: to join them is faster than to look for the place of each.
        scope.append(&mut self.touched.keys().copied().collect());
        scope
    }

    /// Services whose servers were given as a complete list.
    pub fn exact_servers(&self) -> &BTreeSet<ServiceKey> {
        &self.exact_servers
    }

    /// Entries declared with options, and the options that were named.
    pub fn declared(&self) -> BTreeMap<EntryKey, Named> {
        self.touched
            .iter()
            .filter_map(|(entry, touch)| match touch {
                Touch::Declared(named) => Some((*entry, named.clone())),
                Touch::Set(_) | Touch::Taken | Touch::Loaded => None,
            })
            .collect()
    }

    /// Says whether an entry was taken over as the kernel has it.
    pub fn is_taken(&self, entry: &EntryKey) -> bool {
        self.taken.contains(entry)
    }

    /// Says whether an entry was taken out: of the base, or of what somebody else made.
    pub fn is_removed(&self, entry: &EntryKey) -> bool {
        self.rules.get(entry).is_none()
            && (self.touched.contains_key(entry) || self.base.get(entry).is_some())
    }

    /// How many entries differ from the base: what the prompt shows.
    pub fn staged(&self) -> usize {
        let mut staged = self.base.differences(&self.rules);
        // A service that comes or goes counts once, not once more per server.
        let whole: BTreeSet<ServiceKey> = staged
            .iter()
            .filter_map(|entry| match entry {
                EntryKey::Service(key)
                    if !self.base.services.contains_key(key)
                        || !self.rules.services.contains_key(key) =>
                {
                    Some(*key)
                }
                _ => None,
            })
            .collect();
        staged.retain(|entry| match entry {
            EntryKey::Server(service, _) => !whole.contains(service),
            _ => true,
        });
        staged.len()
    }

    /// Says whether anything was named at all.
    pub fn is_untouched(&self) -> bool {
        self.touched.is_empty() && self.base == self.rules
    }

    /// Forgets all edits.
    pub fn discard(&mut self) {
        let base = std::mem::take(&mut self.base);
        *self = Candidate::part(self.base_id, base, self.extent.clone());
    }

    /// A service of the candidate.
    ///
    /// # Errors
    /// `not_found`.
    pub fn service(&self, key: &ServiceKey) -> Result<&VirtualService> {
        self.rules.services.get(key).ok_or_else(|| {
            Error::not_found("there is no such virtual service in the candidate")
                .object(format!("virtual service {key}"))
        })
    }

    /// A server of the candidate.
    ///
    /// # Errors
    /// `not_found`.
    pub fn server(&self, service: &ServiceKey, key: &ServerKey) -> Result<&RealServer> {
        self.service(service)?.servers.get(key).ok_or_else(|| {
            Error::not_found("there is no such real server in the candidate")
                .object(crate::model::server::server_name(service, key))
        })
    }

    /// Declares a service: options left out get their defaults; servers stay unless they are
    /// given.
    pub fn declare_service(&mut self, key: ServiceKey, patch: &ServicePatch) {
        let mut options = VirtualService::new(key.family()).options;
        patch.apply(&mut options);
        self.rules
            .put(&EntryKey::Service(key), Some(EntryValue::Service(options)));
        self.touched
            .insert(EntryKey::Service(key), Touch::Declared(patch.named()));
        // Left out, `forward` is at its default too: what the servers have, not an older wish.
        self.forwards.remove(&key);
        self.rest_of_patch(key, patch);
    }

    /// Changes the options given of a service that is there. `forward` changes all its servers.
    ///
    /// # Errors
    /// `not_found`.
    pub fn set_service(&mut self, key: ServiceKey, patch: &ServicePatch) -> Result<()> {
        let mut options = self.service(&key)?.options.clone();
        patch.apply(&mut options);
        if !patch.named().is_empty() {
            self.rules
                .put(&EntryKey::Service(key), Some(EntryValue::Service(options)));
            self.touch(EntryKey::Service(key), Touch::Set(patch.named()));
        }
        if let (Some(forward), None) = (patch.forward, &patch.servers) {
            let servers: Vec<ServerKey> = self.service(&key)?.servers.keys().copied().collect();
            let forward = ServerPatch {
                forward: Some(forward),
                ..ServerPatch::default()
            };
            for server in servers {
                self.set_server(key, server, &forward)?;
            }
        }
        self.rest_of_patch(key, patch);
        Ok(())
    }

    fn rest_of_patch(&mut self, key: ServiceKey, patch: &ServicePatch) {
        if let Some(forward) = patch.forward {
            self.forwards.insert(key, forward);
        }
        if let Some(servers) = &patch.servers {
            let listed: BTreeSet<ServerKey> = servers.iter().map(|(server, _)| *server).collect();
            let forward = self.forward_of(&key);
            let standing: Vec<ServerKey> = self
                .rules
                .services
                .get(&key)
                .into_iter()
                .flat_map(|s| s.servers.keys())
                .copied()
                .collect();
            for server in standing
                .into_iter()
                .filter(|server| !listed.contains(server))
            {
                self.put_server(key, server, None, Touch::unnamed());
            }
            for (server, patch) in servers {
                self.declare_server_with(key, *server, patch, forward);
            }
            self.exact_servers.insert(key);
        }
        if let (Some(rules), Some(mark)) = (&patch.marks, MarkKey::of_service(&key)) {
            self.declare_marks(mark, rules.clone());
        }
    }

    /// Creates a service with default options, if it is not there.
    pub fn create_service(&mut self, key: ServiceKey) {
        if let std::collections::btree_map::Entry::Vacant(place) = self.rules.services.entry(key) {
            place.insert(VirtualService::new(key.family()));
            self.touched
                .insert(EntryKey::Service(key), Touch::unnamed());
        }
    }

    /// Takes a live service over as it stands, with its servers and, for a mark, its rules.
    pub fn take_over(&mut self, key: ServiceKey, live: &Ruleset) {
        self.take_over_entry(EntryKey::Service(key), live);
        let servers = live.services.get(&key).map(|service| &service.servers);
        for server in servers.into_iter().flat_map(|servers| servers.keys()) {
            self.take_over_entry(EntryKey::Server(key, *server), live);
        }
        if let Some(mark) = MarkKey::of_service(&key) {
            self.take_over_entry(EntryKey::Marks(mark), live);
        }
    }

    /// Takes one live entry over as it stands, if the candidate does not have it.
    pub fn take_over_entry(&mut self, entry: EntryKey, live: &Ruleset) {
        if self.rules.get(&entry).is_none()
            && let Some(value) = live.get(&entry)
        {
            self.rules.put(&entry, Some(value));
            self.taken.insert(entry);
            self.touched.insert(entry, Touch::Taken);
        }
    }

    /// The forwarding method of a server that names none: the service's `forward`; else what all
    /// its servers use; else direct.
    pub fn forward_of(&self, key: &ServiceKey) -> Forwarding {
        if let Some(forward) = self.forwards.get(key) {
            return *forward;
        }
        let methods: BTreeSet<Forwarding> = self
            .rules
            .services
            .get(key)
            .into_iter()
            .flat_map(|service| service.servers.values())
            .map(|server| server.forward)
            .collect();
        match methods.into_iter().collect::<Vec<_>>().as_slice() {
            [one] => *one,
            _ => Forwarding::default(),
        }
    }

    /// Declares a server: options left out get their defaults.
    ///
    /// # Errors
    /// `not_found` where the service is not there.
    pub fn declare_server(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        patch: &ServerPatch,
    ) -> Result<()> {
        self.service(&service)?;
        let forward = self.forward_of(&service);
        self.declare_server_with(service, key, patch, forward);
        Ok(())
    }

    fn declare_server_with(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        patch: &ServerPatch,
        forward: Forwarding,
    ) {
        let mut server = RealServer {
            forward,
            ..RealServer::default()
        };
        patch.apply(&mut server);
        let mut named = patch.named();
        if self.forwards.contains_key(&service) {
            named.insert("forward");
        }
        self.put_server(service, key, Some(server), Touch::Declared(named));
    }

    /// Creates a server with default options, if it is not there.
    ///
    /// # Errors
    /// `not_found` where the service is not there.
    pub fn create_server(&mut self, service: ServiceKey, key: ServerKey) -> Result<()> {
        if !self.service(&service)?.servers.contains_key(&key) {
            let forward = self.forward_of(&service);
            let server = RealServer {
                forward,
                ..RealServer::default()
            };
            self.put_server(service, key, Some(server), Touch::unnamed());
        }
        Ok(())
    }

    /// Changes the options given of a server that is there.
    ///
    /// # Errors
    /// `not_found`.
    pub fn set_server(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        patch: &ServerPatch,
    ) -> Result<()> {
        let mut server = *self.server(&service, &key)?;
        patch.apply(&mut server);
        self.put_server(service, key, Some(server), Touch::Set(patch.named()));
        Ok(())
    }

    fn put_server(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        server: Option<RealServer>,
        touch: Touch,
    ) {
        let entry = EntryKey::Server(service, key);
        self.rules.put(&entry, server.map(EntryValue::Server));
        self.touch(entry, touch);
    }

    /// A declaration stays one when an option of it is set afterwards.
    fn touch(&mut self, entry: EntryKey, touch: Touch) {
        match (self.touched.get_mut(&entry), touch) {
            (Some(Touch::Declared(named)), Touch::Set(more))
                if self.rules.get(&entry).is_some() =>
            {
                named.extend(more);
            }
            (_, touch) => {
                self.touched.insert(entry, touch);
            }
        }
    }

    /// Removes a service with its servers and its marks.
    ///
    /// # Errors
    /// `not_found`.
    pub fn remove_service(&mut self, key: ServiceKey) -> Result<()> {
        let servers: Vec<ServerKey> = self.service(&key)?.servers.keys().copied().collect();
        self.rules.put(&EntryKey::Service(key), None);
        for server in servers {
            self.touched.remove(&EntryKey::Server(key, server));
        }
        self.touched
            .insert(EntryKey::Service(key), Touch::unnamed());
        self.exact_servers.remove(&key);
        self.forwards.remove(&key);
        if let Some(mark) = MarkKey::of_service(&key)
            && !self.rules.rules_of(mark).is_empty()
        {
            self.declare_marks(mark, Vec::new());
        }
        Ok(())
    }

    /// Removes a server.
    ///
    /// # Errors
    /// `not_found`.
    pub fn remove_server(&mut self, service: ServiceKey, key: ServerKey) -> Result<()> {
        self.server(&service, &key)?;
        self.put_server(service, key, None, Touch::unnamed());
        Ok(())
    }

    /// Makes these all the rules of one mark in one family.
    pub fn declare_marks(&mut self, key: MarkKey, rules: Vec<MarkRule>) {
        self.rules.set_rules(key, rules);
        self.touched.insert(EntryKey::Marks(key), Touch::unnamed());
    }

    /// Makes these all the rules of a mark: families without one lose theirs.
    pub fn declare_mark(&mut self, mark: Fwmark, rules: Vec<MarkRule>) {
        for family in Family::ALL {
            let key = MarkKey { family, mark };
            let mine: Vec<MarkRule> = rules
                .iter()
                .filter(|rule| rule.family == family)
                .cloned()
                .collect();
            if !mine.is_empty() || !self.rules.rules_of(key).is_empty() {
                self.declare_marks(key, mine);
            }
        }
    }

    /// Sets the timeouts given.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) {
        for kind in TimeoutKind::ALL {
            if let Some(seconds) = timeouts.get(kind) {
                self.rules.timeouts.set(kind, Some(seconds));
                self.touched
                    .insert(EntryKey::Timeout(kind), Touch::unnamed());
            }
        }
    }

    /// Sets or removes any entry.
    pub fn put(&mut self, entry: EntryKey, value: Option<EntryValue>) {
        self.rules.put(&entry, value);
        self.touched.insert(entry, Touch::unnamed());
    }

    /// Sets or removes any entry to what a file or another tool says: whatever a kernel accepts.
    pub fn hold(&mut self, entry: EntryKey, value: Option<EntryValue>) {
        self.rules.put(&entry, value);
        self.touched.insert(entry, Touch::Loaded);
    }

    /// Stages all of a ruleset, merged with what is there; its marks keep their order. It may
    /// hold whatever a kernel accepts: [`Candidate::check`] does not look at it.
    pub fn put_all(&mut self, rules: &Ruleset) {
        for entry in rules.entries() {
            self.hold(entry, rules.get(&entry));
        }
        self.rules.set_marks_like(rules);
    }

    /// Empties the candidate: everything of the base is removed.
    pub fn clear(&mut self) {
        self.rules = Ruleset::default();
        self.touched.clear();
        self.taken.clear();
        self.exact_servers.clear();
        self.forwards.clear();
    }

    /// Checks combinations of what was declared or set; what was loaded or taken over as it
    /// stands is the kernel's to judge.
    ///
    /// # Errors
    /// `invalid`, for the first that the kernel or good sense would refuse.
    pub fn check(&self) -> Result<()> {
        let mut with_daemons = false;
        for entry in self.spoken() {
            match (entry, self.rules.get(entry)) {
                (EntryKey::Service(key), Some(EntryValue::Service(options))) => {
                    check_service(key, &options)?;
                }
                (EntryKey::Server(service, key), Some(EntryValue::Server(server))) => {
                    check_server(service, key, &server)?;
                    with_daemons |= Family::of(key.addr) != service.family();
                }
                (EntryKey::Daemon(_), Some(_)) => with_daemons = true,
                _ => {}
            }
        }
        match with_daemons {
            true => check_daemons(&self.rules),
            false => Ok(()),
        }
    }

    /// The services whose options were declared or set in so many words.
    pub fn spoken_services(&self) -> impl Iterator<Item = (&ServiceKey, &VirtualService)> {
        self.spoken().filter_map(|entry| match entry {
            EntryKey::Service(key) => self.rules.services.get_key_value(key),
            _ => None,
        })
    }

    /// The entries that somebody declared or set in so many words.
    fn spoken(&self) -> impl Iterator<Item = &EntryKey> {
        let spoken = |(entry, touch): &(&EntryKey, &Touch)| {
            !matches!(touch, Touch::Taken | Touch::Loaded) && !self.taken.contains(entry)
        };
        self.touched.iter().filter(spoken).map(|(entry, _)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key() -> ServiceKey {
        ServiceKey::parse("tcp 192.0.2.1:80").unwrap()
    }

    fn declare(candidate: &mut Candidate, options: serde_json::Value) {
        let patch = ServicePatch::parse(&key(), options.as_object().unwrap()).unwrap();
        candidate.declare_service(key(), &patch);
    }

    fn server(text: &str) -> ServerKey {
        ServerKey::parse(text, &key()).unwrap()
    }

    #[test]
    fn declaring_resets_what_is_not_named_and_keeps_servers() {
        let mut candidate = Candidate::new(None, Ruleset::default());
        declare(
            &mut candidate,
            json!({"scheduler": "rr", "persistent": 60, "servers": ["10.0.0.1"]}),
        );
        declare(&mut candidate, json!({"scheduler": "sh"}));
        let service = candidate.service(&key()).unwrap();
        assert_eq!(service.options.summary(Family::Ipv4), "sh");
        assert_eq!(service.servers.len(), 1);
    }

    #[test]
    fn servers_without_a_method_follow_the_others() {
        let mut candidate = Candidate::new(None, Ruleset::default());
        declare(
            &mut candidate,
            json!({"forward": "masq", "servers": ["10.0.0.1"]}),
        );
        let mut candidate = Candidate::new(None, candidate.rules().clone());
        candidate.create_server(key(), server("10.0.0.2")).unwrap();
        assert_eq!(
            candidate
                .server(&key(), &server("10.0.0.2"))
                .unwrap()
                .forward,
            Forwarding::Masq
        );
    }

    #[test]
    fn the_scope_is_what_was_named() {
        let mut candidate = Candidate::new(None, Ruleset::default());
        declare(&mut candidate, json!({"servers": ["10.0.0.1", "10.0.0.2"]}));
        let mut candidate = Candidate::new(Some(SnapshotId(1)), candidate.rules().clone());
        assert!(candidate.is_untouched());
        let same = ServerPatch {
            weight: Some(Default::default()),
            ..ServerPatch::default()
        };
        candidate
            .set_server(key(), server("10.0.0.1"), &same)
            .unwrap();
        assert_eq!(candidate.staged(), 0);
        assert_eq!(
            candidate.scope().into_iter().collect::<Vec<_>>(),
            [EntryKey::Server(key(), server("10.0.0.1"))]
        );
    }

    #[test]
    fn a_services_forward_names_that_of_its_servers() {
        let mut candidate = Candidate::new(None, Ruleset::default());
        declare(
            &mut candidate,
            json!({"forward": "masq", "servers": ["10.0.0.1"]}),
        );
        let entry = EntryKey::Server(key(), server("10.0.0.1"));
        assert!(candidate.declared()[&entry].contains("forward"));
    }

    #[test]
    fn what_is_set_after_a_declaration_is_named_too() {
        let mut candidate = Candidate::new(None, Ruleset::default());
        declare(
            &mut candidate,
            json!({"scheduler": "rr", "servers": ["10.0.0.1"]}),
        );
        let weight = ServerPatch {
            weight: Some(crate::model::Weight::ZERO),
            ..ServerPatch::default()
        };
        candidate
            .set_server(key(), server("10.0.0.1"), &weight)
            .unwrap();
        let persistent = json!({"persistent": 60});
        let patch = ServicePatch::parse(&key(), persistent.as_object().unwrap()).unwrap();
        candidate.set_service(key(), &patch).unwrap();
        let declared = candidate.declared();
        assert!(declared[&EntryKey::Server(key(), server("10.0.0.1"))].contains("weight"));
        assert!(declared[&EntryKey::Service(key())].contains("scheduler"));
        assert!(declared[&EntryKey::Service(key())].contains("persistent"));
    }

    #[test]
    fn marks_keep_their_order_on_another_head() {
        let mark = |value| MarkKey {
            family: Family::Ipv4,
            mark: Fwmark::new(value).unwrap(),
        };
        let rule = |value| MarkRule::new(mark(value).mark, Family::Ipv4);
        let mut candidate = Candidate::new(None, Ruleset::default());
        candidate.declare_marks(mark(666), vec![rule(666)]);
        candidate.declare_marks(mark(7), vec![rule(7)]);
        let head = Ruleset {
            marks: vec![rule(1)],
            ..Ruleset::default()
        };
        let moved = candidate.rebase(Some(SnapshotId(1)), &head).unwrap();
        assert_eq!(moved.rules().mark_keys(), [mark(1), mark(666), mark(7)]);
    }

    #[test]
    fn marks_of_a_file_keep_their_order() {
        let mark = |value| MarkRule::new(Fwmark::new(value).unwrap(), Family::Ipv4);
        let file = Ruleset {
            marks: vec![mark(666), mark(7)],
            ..Ruleset::default()
        };
        let mut candidate = Candidate::new(None, Ruleset::default());
        candidate.put_all(&file);
        assert_eq!(candidate.rules(), &file);
    }
}
