//! Services and servers of a session: found, taken over from the kernel, declared, changed.

use std::collections::BTreeSet;

use super::super::filter::Filter;
use super::{Session, lost};
use crate::error::{Error, Result, did_you_mean};
use crate::model::address::Endpoint;
use crate::model::server::server_name;
use crate::model::{
    EntryKey, Options, Ruleset, ServerKey, ServerPatch, ServiceKey, ServiceName, ServiceOptions,
    ServicePatch, VirtualService,
};

impl Session {
    /// Declares a service with options.
    ///
    /// # Errors
    /// `invalid`, as [`ServicePatch::parse`].
    pub fn declare_service(&mut self, key: ServiceKey, options: &Options) -> Result<()> {
        let patch = self.service_patch(&key, options)?;
        self.candidate_with(&key)?.declare_service(key, &patch);
        Ok(())
    }

    /// Reads a service's options; a scheduler or an engine that nobody has is refused where it is
    /// named. What some live service uses, the kernel has.
    fn service_patch(&mut self, key: &ServiceKey, options: &Options) -> Result<ServicePatch> {
        let patch = ServicePatch::parse(key, options).map_err(|e| e.object(service_name(key)))?;
        let mut named = ServiceOptions::defaults(key.family());
        patch.apply(&mut named);
        let Err(error) = self.director.check_names(key, &named) else {
            return Ok(patch);
        };
        let mut live = self.live()?.rules.services.values();
        let is_used = |one: &VirtualService| {
            (patch.scheduler.is_none() || one.options.scheduler == named.scheduler)
                && (patch.engine.is_none() || one.options.engine == named.engine)
        };
        match live.any(is_used) {
            true => Ok(patch),
            false => Err(error),
        }
    }

    /// Finds a service, takes it over from the kernel, or creates it.
    ///
    /// # Errors
    /// As the kernel refuses to be read.
    pub fn find_or_create_service(&mut self, key: ServiceKey) -> Result<()> {
        if !self.take_over(&key)? {
            self.candidate_with(&key)?.create_service(key);
        }
        Ok(())
    }

    /// Finds a service by name: in the candidate, or else in the kernel.
    ///
    /// # Errors
    /// `not_found` with a "did you mean", `ambiguous`, `invalid`.
    pub fn find_service(&mut self, name: &str) -> Result<ServiceKey> {
        let name = ServiceName::parse(name)?;
        if let Some(found) = self.find_exactly(&name)? {
            return Ok(found);
        }
        let staged = name.resolve(self.candidate()?.rules().services.keys());
        let error = match staged {
            Err(error) if error.kind() == crate::error::Kind::NotFound => error,
            found => return found,
        };
        let mut live: Vec<ServiceKey> = self.live()?.rules.services.keys().copied().collect();
        let candidate = self.candidate()?;
        live.retain(|key| !candidate.is_removed(&EntryKey::Service(*key)));
        match name.resolve(&live) {
            Err(other) if error.hints().is_empty() => Err(other),
            Err(_) => Err(error),
            found => found,
        }
    }

    /// The one service of the candidate that a whole name means, without looking at others: a name
    /// that leaves the protocol out may mean three.
    fn find_exactly(&mut self, name: &ServiceName) -> Result<Option<ServiceKey>> {
        let keys: BTreeSet<ServiceKey> = name.keys().collect();
        if keys.is_empty() {
            return Ok(None);
        }
        let candidate = self.candidate_within(keys.clone().into())?;
        let mut found = keys
            .into_iter()
            .filter(|key| candidate.rules().services.contains_key(key));
        Ok(match (found.next(), found.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        })
    }

    /// Says whether the candidate has a service, after taking it over from the kernel where only
    /// that has it.
    ///
    /// # Errors
    /// As the kernel refuses to be read.
    pub fn take_over(&mut self, key: &ServiceKey) -> Result<bool> {
        let candidate = self.candidate_with(key)?;
        if candidate.rules().services.contains_key(key) {
            return Ok(true);
        }
        // What was removed is not overlooked: it must not come back from the kernel.
        if candidate.is_removed(&EntryKey::Service(*key))
            || !self.live_with(key)?.rules.services.contains_key(key)
        {
            return Ok(false);
        }
        let live = self.live.take().ok_or_else(lost)?;
        let taken = self
            .candidate_with(key)
            .map(|candidate| candidate.take_over(*key, &live.rules));
        self.live = Some(live);
        taken.map(|()| true)
    }

    /// Changes the options named of a service.
    ///
    /// # Errors
    /// `not_found`, `invalid`.
    pub fn set_service(&mut self, key: ServiceKey, options: &Options) -> Result<()> {
        let patch = self.service_patch(&key, options)?;
        self.take_over(&key)?;
        self.candidate_with(&key)?.set_service(key, &patch)
    }

    /// Removes a service with its servers and marks.
    ///
    /// # Errors
    /// `not_found`.
    pub fn remove_service(&mut self, key: ServiceKey) -> Result<()> {
        self.take_over(&key)?;
        self.candidate_with(&key)?.remove_service(key)
    }

    /// Declares a server with options.
    ///
    /// # Errors
    /// `not_found` where its service is not there; `invalid`.
    pub fn declare_server(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        options: &Options,
    ) -> Result<()> {
        let patch = server_patch(&service, &key, options)?;
        self.take_over(&service)?;
        self.candidate_with(&service)?
            .declare_server(service, key, &patch)
    }

    /// Finds a server, takes it over from the kernel, or creates it.
    ///
    /// # Errors
    /// `not_found` where its service is not there.
    pub fn find_or_create_server(&mut self, service: ServiceKey, key: ServerKey) -> Result<()> {
        self.take_over(&service)?;
        if !self.take_over_server(&service, &key)? {
            self.candidate_with(&service)?.create_server(service, key)?;
        }
        Ok(())
    }

    fn take_over_server(&mut self, service: &ServiceKey, key: &ServerKey) -> Result<bool> {
        let entry = EntryKey::Server(*service, *key);
        let candidate = self.candidate_with(service)?;
        if candidate.rules().get(&entry).is_some() {
            return Ok(true);
        }
        if candidate.is_removed(&entry) || self.live_with(service)?.rules.get(&entry).is_none() {
            return Ok(false);
        }
        let live = self.live.take().ok_or_else(lost)?;
        let taken = self
            .candidate_with(service)
            .map(|candidate| candidate.take_over_entry(entry, &live.rules));
        self.live = Some(live);
        taken.map(|()| true)
    }

    /// Finds a server of a service by address; without a port, the one server of that address.
    ///
    /// # Errors
    /// `not_found` with a "did you mean"; `ambiguous` where several ports fit.
    pub fn find_server(&mut self, service: ServiceKey, address: &str) -> Result<ServerKey> {
        let endpoint = Endpoint::parse(address)
            .map_err(|e| e.object(format!("virtual service {service}: real server {address}")))?;
        let staged = self.candidate_with(&service)?.rules();
        let mut known: Vec<ServerKey> = match staged.services.get(&service) {
            Some(staged) => staged.servers.keys().copied().collect(),
            None => Vec::new(),
        };
        let fits = |key: &&ServerKey| endpoint.fits(key.addr, key.port);
        if !known.iter().any(|key| fits(&key)) {
            let live = self.live_with(&service)?.rules.services.get(&service);
            let live: Vec<ServerKey> = live
                .into_iter()
                .flat_map(|s| s.servers.keys())
                .copied()
                .collect();
            let candidate = self.candidate_with(&service)?;
            known.extend(
                live.into_iter()
                    .filter(|key| !candidate.is_removed(&EntryKey::Server(service, *key))),
            );
            known.sort();
            known.dedup();
        }
        let object = format!("real server {endpoint} of {service}");
        match known.iter().filter(fits).collect::<Vec<_>>().as_slice() {
            [one] => Ok(**one),
            [] => {
                let names: Vec<String> = known.iter().map(ServerKey::to_string).collect();
                let close = did_you_mean(address, names.iter().map(String::as_str));
                Err(Error::not_found("there is no such real server")
                    .object(object)
                    .hint(match (close, names.is_empty()) {
                        (Some(name), _) => format!("did you mean \"{name}\"?"),
                        (None, true) => "the service has no servers".to_owned(),
                        (None, false) => {
                            let some: Vec<&str> =
                                names.iter().map(String::as_str).take(8).collect();
                            format!("it has {}", some.join(", "))
                        }
                    }))
            }
            many => {
                let names: Vec<String> = many.iter().map(|key| format!("\"{key}\"")).collect();
                Err(Error::new(
                    crate::error::Kind::Ambiguous,
                    "the address fits several servers",
                )
                .object(object)
                .hint(format!("name one of {}", names.join(", "))))
            }
        }
    }

    /// Changes the options named of a server.
    ///
    /// # Errors
    /// `not_found`, `invalid`.
    pub fn set_server(
        &mut self,
        service: ServiceKey,
        key: ServerKey,
        options: &Options,
    ) -> Result<()> {
        let patch = server_patch(&service, &key, options)?;
        self.take_over(&service)?;
        self.take_over_server(&service, &key)?;
        self.candidate_with(&service)?
            .set_server(service, key, &patch)
    }

    /// Removes a server.
    ///
    /// # Errors
    /// `not_found`.
    pub fn remove_server(&mut self, service: ServiceKey, key: ServerKey) -> Result<()> {
        self.take_over(&service)?;
        self.take_over_server(&service, &key)?;
        self.candidate_with(&service)?.remove_server(service, key)
    }

    /// The candidate's services that fit.
    ///
    /// # Errors
    /// As the store fails.
    pub fn services(&mut self, filter: Option<&Filter>) -> Result<Vec<ServiceKey>> {
        let keys = self.candidate()?.rules().services.keys();
        Ok(keys
            .filter(|key| filter.is_none_or(|f| f.fits_service(key)))
            .copied()
            .collect())
    }

    /// The candidate's servers that fit, over all services.
    ///
    /// # Errors
    /// As the store fails.
    pub fn servers(&mut self, filter: Option<&Filter>) -> Result<Vec<(ServiceKey, ServerKey)>> {
        let rules = self.candidate()?.rules();
        let all = rules.services.iter();
        Ok(all
            .flat_map(|(key, service)| service.servers.keys().map(|server| (*key, *server)))
            .filter(|(_, server)| filter.is_none_or(|f| f.fits(server.addr, server.port)))
            .collect())
    }

    /// Stages every entry of a ruleset, as `load` does: merged with what is there.
    ///
    /// # Errors
    /// As the store fails.
    pub fn stage(&mut self, rules: &Ruleset) -> Result<()> {
        self.candidate()?.put_all(rules);
        Ok(())
    }
}

/// What was said about a server.
fn server_patch(service: &ServiceKey, key: &ServerKey, options: &Options) -> Result<ServerPatch> {
    ServerPatch::parse(options).map_err(|e| e.object(server_name(service, key)))
}

fn service_name(key: &ServiceKey) -> String {
    format!("virtual service {key}")
}
