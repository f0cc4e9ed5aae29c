//! Weights of real servers that are named by their address alone: in every service that has them.

use std::collections::{BTreeMap, BTreeSet};

use super::foreign::not_ours;
use super::options::ChangeOptions;
use super::report::Report;
use super::session::Session;
use crate::error::{Error, Result, did_you_mean};
use crate::model::address::Endpoint;
use crate::model::{
    EntryKey, EntryValue, MaintenanceKey, Options, ServerKey, ServiceKey, VirtualService, Weight,
    count,
};

/// A real server in one service.
pub type ServerOf = (ServiceKey, ServerKey);

impl Session {
    /// Finds a real server: in one service, or in every service that has it, in the record or in
    /// the kernel. Without a port, every server of that address fits. Without a service, the name of a
    /// host means the real servers on it.
    ///
    /// # Errors
    /// `invalid` for a malformed address; `not_found` with a "did you mean"; with a service, as
    /// [`Session::find_service`] and [`Session::find_server`].
    pub fn find_servers(&mut self, address: &str, service: Option<&str>) -> Result<Vec<ServerOf>> {
        if let Some(service) = service {
            let service = self.find_service(service)?;
            return Ok(vec![(service, self.find_server(service, address)?)]);
        }
        if let Ok(MaintenanceKey::Host(host)) = MaintenanceKey::parse(address) {
            return self.servers_on(host);
        }
        let endpoint = Endpoint::parse(address).map_err(|e| e.object(real_server(address)))?;
        let all = self.all_servers()?;
        let fits = |(_, server): &&ServerOf| endpoint.fits(server.addr, server.port);
        let found: Vec<ServerOf> = all.iter().filter(fits).copied().collect();
        match found.is_empty() {
            false => Ok(found),
            true => Err(self.nowhere(address, endpoint, &all)?),
        }
    }

    /// Every server of every service, of the candidate and of the kernel, in order.
    fn all_servers(&mut self) -> Result<Vec<ServerOf>> {
        let live = server_list(&self.live()?.rules.services);
        let candidate = self.candidate()?;
        let mut all: BTreeSet<ServerOf> = server_list(&candidate.rules().services)
            .into_iter()
            .collect();
        all.extend(live.into_iter().filter(|(service, server)| {
            !candidate.is_removed(&EntryKey::Server(*service, *server))
        }));
        Ok(all.into_iter().collect())
    }

    /// The error where no service has a server, with what it may be instead.
    fn nowhere(&mut self, address: &str, endpoint: Endpoint, all: &[ServerOf]) -> Result<Error> {
        let error =
            Error::not_found("no service has this real server").object(real_server(address));
        let is_vip = |key: &&ServiceKey| {
            let vip = key.addr();
            vip.is_some_and(|vip| endpoint.fits(vip, key.default_port()))
        };
        let staged = self
            .candidate()?
            .rules()
            .services
            .keys()
            .find(is_vip)
            .copied();
        let vip = match staged {
            Some(key) => Some(key),
            None => self.live()?.rules.services.keys().find(is_vip).copied(),
        };
        if let Some(service) = vip {
            return Ok(error.hint(format!(
                "it is the address of a virtual service: {service} (ipvsh show {service})"
            )));
        }
        let names: BTreeSet<String> = match endpoint.port {
            Some(_) => all.iter().map(|(_, server)| server.to_string()).collect(),
            None => all
                .iter()
                .map(|(_, server)| server.addr.to_string())
                .collect(),
        };
        let close = did_you_mean(address, names.iter().map(String::as_str));
        let hint = match (close, names.is_empty()) {
            (Some(close), _) => format!("did you mean \"{close}\"?"),
            (None, true) => "no service has a real server".to_owned(),
            (None, false) => "ipvsh show lists services and their real servers".to_owned(),
        };
        Ok(error.hint(hint))
    }

    /// Commits one weight for a server, in the services that [`Session::find_servers`] found it in
    /// by its address.
    ///
    /// # Errors
    /// As [`Session::set_weights`].
    pub fn weigh_servers(
        &mut self,
        (address, servers): (&str, &[ServerOf]),
        weight: Weight,
        change: &ChangeOptions,
    ) -> Result<Report> {
        let services: BTreeSet<ServiceKey> = servers.iter().map(|(service, _)| *service).collect();
        // Of one server the change itself says more.
        let everywhere = (servers.len() > 1).then(|| {
            let services = count(services.len(), "service");
            let what = match MaintenanceKey::parse(address) {
                Ok(MaintenanceKey::Host(host)) => format!("host {host}"),
                _ => real_server(address),
            };
            format!("{what} of {services}: weight {weight}")
        });
        let change = ChangeOptions {
            message: change.message.clone().or(everywhere),
            ..change.clone()
        };
        let weights: Vec<(ServerOf, Weight)> =
            servers.iter().map(|server| (*server, weight)).collect();
        self.set_weights(&weights, &change)
    }

    /// Commits a weight for each of some servers, in one snapshot. Nothing stays staged. A server
    /// that is not ours and has its weight already is left alone, unless it is to be adopted.
    ///
    /// # Errors
    /// `state` while changes are staged; `foreign` for a server that is not ours and has another
    /// weight, unless it is to be adopted; as [`Session::commit`].
    pub fn set_weights(
        &mut self,
        weights: &[(ServerOf, Weight)],
        change: &ChangeOptions,
    ) -> Result<Report> {
        self.commit_alone("set a weight", change, |session| {
            let weights = session.changeable(weights, change)?;
            session.stage_weights(&weights)
        })
    }

    /// Stages a change and commits it. Nothing stays staged.
    ///
    /// # Errors
    /// `state` while changes are staged; as the staging, and [`Session::commit`].
    pub(super) fn commit_alone(
        &mut self,
        attempt: &'static str,
        change: &ChangeOptions,
        stage: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<Report> {
        self.refuse_staged(attempt)?;
        if self.is_untouched() {
            self.discard();
        }
        let result = stage(self).and_then(|()| self.commit(change));
        if result.is_err() || change.plan_only {
            self.discard();
        }
        result
    }

    /// Stages a weight for each of some servers.
    pub(super) fn stage_weights(&mut self, weights: &[(ServerOf, Weight)]) -> Result<()> {
        weights.iter().try_for_each(|((service, server), weight)| {
            let options = Options::from_iter([("weight".to_owned(), weight.value().into())]);
            self.set_server(*service, *server, &options)
        })
    }

    /// The weights that a change is to set: without those of others that stand already.
    ///
    /// # Errors
    /// `foreign`.
    pub(super) fn changeable(
        &mut self,
        weights: &[(ServerOf, Weight)],
        change: &ChangeOptions,
    ) -> Result<Vec<(ServerOf, Weight)>> {
        if change.adopt {
            return Ok(weights.to_vec());
        }
        let (mut ours, mut foreign) = (Vec::new(), Vec::new());
        for ((service, server), weight) in weights {
            let entry = EntryKey::Server(*service, *server);
            if self.candidate_with(service)?.base().has(&entry) {
                ours.push(((*service, *server), *weight));
            } else if self.weight_now(&entry)? != Some(*weight) {
                foreign.push(not_ours(&entry));
            }
        }
        let mut foreign = foreign.into_iter();
        let Some(first) = foreign.next() else {
            return Ok(ours);
        };
        let one = ours.first().map(|((service, server), _)| {
            format!("or change it in one service only: ipvsh weight {server} N {service}")
        });
        Err(first.maybe_hint(one).beside(foreign))
    }

    /// The weight that a server has in the kernel.
    fn weight_now(&mut self, entry: &EntryKey) -> Result<Option<Weight>> {
        match self.live()?.rules.get(entry) {
            Some(EntryValue::Server(server)) => Ok(Some(server.weight)),
            _ => Ok(None),
        }
    }
}

fn real_server(address: &str) -> String {
    format!("real server {address}")
}

fn server_list(services: &BTreeMap<ServiceKey, VirtualService>) -> Vec<ServerOf> {
    let of = |(key, service): (&ServiceKey, &VirtualService)| {
        let key = *key;
        let servers: Vec<ServerKey> = service.servers.keys().copied().collect();
        servers.into_iter().map(move |server| (key, server))
    };
    services.iter().flat_map(of).collect()
}
