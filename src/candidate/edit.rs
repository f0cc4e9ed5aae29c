//! What can be done to a candidate: each edit remembers what was named.

use std::collections::BTreeSet;

use super::{Candidate, Touch};
use crate::error::Result;
use crate::model::{
    EntryKey, EntryValue, Family, Forwarding, Fwmark, MarkKey, MarkRule, RealServer, Ruleset,
    ServerKey, ServerPatch, ServerPolicy, ServiceKey, ServicePatch, ServicePolicy, Settings,
    VirtualService,
};

impl Candidate {
    /// Declares a service: options left out get their defaults; servers stay unless they are
    /// given.
    pub fn declare_service(&mut self, key: ServiceKey, patch: &ServicePatch) {
        let mut options = VirtualService::new(key.family()).options;
        patch.apply(&mut options);
        self.rules
            .put(&EntryKey::Service(key), Some(EntryValue::Service(options)));
        self.touched
            .insert(EntryKey::Service(key), Touch::Declared(patch.named()));
        let mut policy = ServicePolicy::default();
        patch.apply_policy(&mut policy);
        self.put_service_policy(key, policy, Touch::Declared(patch.named_policy()));
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
        if !patch.named_policy().is_empty() {
            let mut policy = self.service(&key)?.policy.clone();
            patch.apply_policy(&mut policy);
            self.put_service_policy(key, policy, Touch::Set(patch.named_policy()));
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
            self.rules.put(&entry, Some(value.clone()));
            self.taken.insert(entry, value);
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
        let mut policy = ServerPolicy::default();
        patch.apply_policy(&mut policy);
        self.put_server_policy(service, key, policy, Touch::Declared(patch.named_policy()));
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
        let named = patch.named_policy();
        if named.is_empty() || !patch.named().is_empty() {
            self.put_server(service, key, Some(server), Touch::Set(patch.named()));
        }
        if !named.is_empty() {
            let policies = &self.service(&service)?.server_policies;
            let mut policy = policies.get(&key).cloned().unwrap_or_default();
            patch.apply_policy(&mut policy);
            self.put_server_policy(service, key, policy, Touch::Set(named));
        }
        Ok(())
    }

    /// Sets a policy that is named, or that becomes another one.
    fn put_service_policy(&mut self, key: ServiceKey, policy: ServicePolicy, touch: Touch) {
        let entry = EntryKey::ServicePolicy(key);
        let value = EntryValue::ServicePolicy(policy);
        self.put_policy(entry, value, touch);
    }

    /// The same of a server.
    fn put_server_policy(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        policy: ServerPolicy,
        touch: Touch,
    ) {
        let entry = EntryKey::ServerPolicy(service, key);
        let value = EntryValue::ServerPolicy(policy);
        self.put_policy(entry, value, touch);
    }

    fn put_policy(&mut self, entry: EntryKey, value: EntryValue, touch: Touch) {
        let before = self.rules.get(&entry);
        self.rules.put(&entry, Some(value));
        let is_named =
            matches!(&touch, Touch::Declared(named) | Touch::Set(named) if !named.is_empty());
        if is_named || self.rules.get(&entry) != before {
            self.touch(entry, touch);
        }
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

    /// Sets the settings given; others stay.
    pub fn set_settings(&mut self, settings: &Settings) {
        for (key, value) in settings.iter() {
            let entry = EntryKey::Setting(*key);
            self.rules
                .put(&entry, Some(EntryValue::Setting(value.clone())));
            self.touched.insert(entry, Touch::unnamed());
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

    /// Brings the marks of a ruleset into its order; their rules are set already.
    pub fn arrange_marks(&mut self, like: &Ruleset) {
        self.rules.arrange_marks(like);
    }

    /// Empties the candidate: everything of the base is removed.
    pub fn clear(&mut self) {
        self.rules = Ruleset::default();
        self.touched.clear();
        self.taken.clear();
        self.exact_servers.clear();
        self.forwards.clear();
    }
}
