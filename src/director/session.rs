//! A script's or a prompt's working session: a director and the candidate on top of it.
//!
//! Here live and staged state meet: a service that the candidate lacks is looked for in the
//! kernel, and taken over as it stands when it is named without options or changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::Director;
use super::change::ChangeOptions;
use super::confirm::Confirmed;
use super::report::{Outcome, Report};
use crate::candidate::Candidate;
use crate::error::{Error, Result, did_you_mean};
use crate::model::address::Endpoint;
use crate::model::grace;
use crate::model::remedy::DISCARD;
use crate::model::server::server_name;
use crate::model::{
    EntryKey, Extent, Grace, Live, Options, Ruleset, ServerKey, ServerPatch, ServiceKey,
    ServiceName, ServicePatch, SnapshotName,
};

/// How many times services are looked up one by one, in the head or in the kernel, before all are.
const LOOKUPS: usize = 16;

/// A director, a candidate that is loaded when first needed, as far as it is needed, and what was
/// committed so far.
pub struct Session {
    director: Director,
    candidate: Option<Candidate>,
    live: Option<Live>,
    /// How often the head was read.
    lookups: usize,
    defaults: ChangeOptions,
    dry: bool,
    reports: Vec<Report>,
}

impl Session {
    /// A session whose commits take `defaults` where a call does not say otherwise.
    pub fn new(director: Director, defaults: ChangeOptions) -> Session {
        Session {
            director,
            candidate: None,
            live: None,
            lookups: 0,
            defaults,
            dry: false,
            reports: Vec::new(),
        }
    }

    /// A session on a simulator: every effect is shown, none is done.
    #[must_use]
    pub fn dry(mut self) -> Session {
        self.dry = true;
        self
    }

    /// Says whether effects are only shown.
    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// The director.
    pub fn director(&mut self) -> &mut Director {
        &mut self.director
    }

    /// The options that commits have by default.
    pub fn defaults(&self) -> &ChangeOptions {
        &self.defaults
    }

    /// The options for commits that stand by themselves: a drain's, a shift's.
    pub fn unconditional_defaults(&self) -> ChangeOptions {
        unconditional(&self.defaults)
    }

    /// Lets commits remove as much as they are told to, or no longer.
    pub fn allow_removals(&mut self, allowed: bool) {
        self.defaults.allow_removals = allowed;
    }

    /// What was committed since this was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// The candidate, knowing all services of the head.
    ///
    /// # Errors
    /// As the store fails.
    pub fn candidate(&mut self) -> Result<&mut Candidate> {
        self.candidate_within(Extent::Whole)
    }

    /// The candidate, knowing a service of the head at least.
    ///
    /// # Errors
    /// As the store fails.
    pub fn candidate_with(&mut self, key: &ServiceKey) -> Result<&mut Candidate> {
        self.candidate_within(BTreeSet::from([*key]).into())
    }

    /// The candidate, of which only the marks, the timeouts and the sync daemons matter.
    ///
    /// # Errors
    /// As the store fails.
    pub fn settings(&mut self) -> Result<&mut Candidate> {
        self.candidate_within(Extent::nothing())
    }

    /// The candidate, knowing some services of the head at least. To open the database costs more
    /// than to read some services more: who asks often is given all.
    fn candidate_within(&mut self, extent: Extent) -> Result<&mut Candidate> {
        let lacks = match &self.candidate {
            Some(candidate) => candidate.extent().lacks(&extent),
            None => Some(extent),
        };
        if let Some(mut missing) = lacks {
            self.lookups += 1;
            if self.lookups > LOOKUPS {
                missing = Extent::Whole;
            }
            match &mut self.candidate {
                Some(candidate) => self.director.teach(candidate, &missing)?,
                None => self.candidate = Some(self.director.candidate_within(missing)?),
            }
        }
        self.candidate.as_mut().ok_or_else(lost)
    }

    /// The candidate where it is loaded already: for those who must not wait for the database.
    pub fn loaded(&self) -> Option<&Candidate> {
        self.candidate.as_ref()
    }

    /// What the kernel holds, read once until [`Session::refresh`].
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live(&mut self) -> Result<&Live> {
        if self
            .live
            .as_ref()
            .is_none_or(|live| live.extent != Extent::Whole)
        {
            self.live = Some(self.director.live()?);
        }
        self.live.as_ref().ok_or_else(lost)
    }

    /// What the kernel holds, of which one service matters; as old as [`Session::live`].
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_with(&mut self, key: &ServiceKey) -> Result<&Live> {
        let read = self.live.as_ref().map(|live| &live.extent);
        let known = match read {
            Some(Extent::Services(keys)) if !keys.contains(key) => keys.len(),
            Some(_) => return self.live.as_ref().ok_or_else(lost),
            None => 0,
        };
        if known >= LOOKUPS {
            return self.live();
        }
        let one = self.director.live_part(BTreeSet::from([*key]))?;
        match &mut self.live {
            Some(live) => live.learn(one),
            empty => *empty = Some(one),
        }
        self.live.as_ref().ok_or_else(lost)
    }

    /// Forgets what was read of the kernel.
    pub fn refresh(&mut self) {
        self.live = None;
    }

    /// How many changes are staged; loads nothing.
    pub fn staged(&self) -> usize {
        self.candidate.as_ref().map_or(0, Candidate::staged)
    }

    /// Says whether anything was named that a commit would look at; loads nothing.
    pub fn is_untouched(&self) -> bool {
        self.candidate.as_ref().is_none_or(Candidate::is_untouched)
    }

    /// Forgets all edits; the candidate is read anew from the head.
    pub fn discard(&mut self) {
        self.candidate = None;
        self.lookups = 0;
        self.refresh();
    }

    /// Declares a service with options.
    ///
    /// # Errors
    /// `invalid`, as [`ServicePatch::parse`].
    pub fn declare_service(&mut self, key: ServiceKey, options: &Options) -> Result<()> {
        let patch = ServicePatch::parse(&key, options).map_err(|e| e.object(service_name(&key)))?;
        self.candidate_with(&key)?.declare_service(key, &patch);
        Ok(())
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
        let patch = ServicePatch::parse(&key, options).map_err(|e| e.object(service_name(&key)))?;
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
        let patch =
            ServerPatch::parse(options).map_err(|e| e.object(server_name(&service, &key)))?;
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
        let fits = |key: &&ServerKey| {
            key.addr == endpoint.addr && endpoint.port.is_none_or(|port| port == key.port)
        };
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
        let patch =
            ServerPatch::parse(options).map_err(|e| e.object(server_name(&service, &key)))?;
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

    /// Plans what a commit would do now.
    ///
    /// # Errors
    /// As [`Director::plan`].
    pub fn plan(&mut self) -> Result<Report> {
        let candidate = self.candidate()?.clone();
        self.refresh();
        self.director.plan(&candidate, &self.defaults)
    }

    /// Commits the candidate and remembers the report.
    ///
    /// # Errors
    /// As [`Director::commit`].
    pub fn commit(&mut self, options: &ChangeOptions) -> Result<Report> {
        self.settings()?;
        let mut candidate = self.candidate.take().ok_or_else(lost)?;
        self.refresh();
        let result = self.director.commit(&mut candidate, options);
        self.candidate = Some(candidate);
        self.remember(result)
    }

    /// Rolls back; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::rollback`].
    pub fn rollback(
        &mut self,
        name: Option<&SnapshotName>,
        options: &ChangeOptions,
    ) -> Result<Report> {
        self.refuse_staged("rollback")?;
        self.discard();
        let result = self.director.rollback(name, options);
        self.remember(result)
    }

    /// Undoes one snapshot; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::revert`].
    pub fn revert(&mut self, name: &SnapshotName, options: &ChangeOptions) -> Result<Report> {
        self.refuse_staged("revert")?;
        self.discard();
        let result = self.director.revert(name, options);
        self.remember(result)
    }

    /// Restores the head; staged changes stay staged.
    ///
    /// # Errors
    /// As [`Director::restore`].
    pub fn restore(&mut self, options: &ChangeOptions) -> Result<Report> {
        self.refresh();
        let result = self.director.restore(false, &unconditional(options));
        self.remember(result)
    }

    /// Adopts live objects; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::adopt`].
    pub fn adopt(&mut self, objects: &[String], options: &ChangeOptions) -> Result<Report> {
        self.refuse_staged("adopt")?;
        self.discard();
        let result = self.director.adopt(objects, false, &unconditional(options));
        self.remember(result)
    }

    /// Lets objects go; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::forget`].
    pub fn forget(&mut self, names: &[String], options: &ChangeOptions) -> Result<Report> {
        self.refuse_staged("forget")?;
        self.discard();
        let result = self.director.forget(names, &unconditional(options));
        self.remember(result)
    }

    /// Lets the head stand, which awaited confirmation; what is staged stays staged.
    ///
    /// # Errors
    /// As [`Director::confirm`].
    pub fn confirm(&mut self) -> Result<Confirmed> {
        self.director.confirm()
    }

    /// For how many seconds the kernel keeps clients with a server that is at weight 0; none where
    /// it does not.
    ///
    /// # Errors
    /// As the store and the kernel fail to be read.
    pub fn persistence(&mut self, service: &ServiceKey) -> Result<Option<u32>> {
        let rules = &self.candidate()?.rules().services;
        let Some(seconds) = rules.get(service).and_then(|s| s.options.persistent) else {
            return Ok(None);
        };
        let settings = self.director.info()?.settings;
        let expires = settings.get("expire_quiescent_template");
        let expires = expires.is_some_and(|setting| setting != "0");
        Ok((!expires).then_some(seconds))
    }

    pub(super) fn refuse_staged(&self, what: &str) -> Result<()> {
        match self.staged() {
            0 => Ok(()),
            staged => Err(Error::new(
                crate::error::Kind::State,
                format!(
                    "{} staged and not committed",
                    super::report::count(staged, "change")
                ),
            )
            .attempt(format!("cannot {what}"))
            .hint(format!("commit() keeps them, {} drops them", DISCARD.call))),
        }
    }

    fn remember(&mut self, result: Result<Report>) -> Result<Report> {
        if let Ok(report) = &result
            && report.outcome != Outcome::Planned
        {
            self.reports.push(report.clone());
        }
        result
    }
}

/// What is not confirmed at all does not take the session's time to confirm.
fn unconditional(options: &ChangeOptions) -> ChangeOptions {
    ChangeOptions {
        confirm: None,
        ..options.clone()
    }
}

fn lost() -> Error {
    Error::new(crate::error::Kind::Bug, "what was just loaded is gone")
}

fn service_name(key: &ServiceKey) -> String {
    format!("virtual service {key}")
}

/// What `services(...)` and `servers(...)` select by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// A port.
    Port(u16),
    /// An address, with or without a port.
    Endpoint(Endpoint),
    /// A network.
    Net(IpNet),
}

impl Filter {
    /// Parses `80`, `192.0.2.10`, `192.0.2.10:80` or `192.0.2.0/24`.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Filter> {
        let hint = "a filter is an address, a port or a network";
        if text.contains('/') {
            return crate::model::mark::parse_net(text)
                .map(Filter::Net)
                .map_err(|e| e.hint(hint));
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return crate::model::address::parse_port(text).map(Filter::Port);
        }
        Endpoint::parse(text)
            .map(Filter::Endpoint)
            .map_err(|e| e.hint(hint))
    }

    /// Says whether it selects an address and port.
    pub fn fits(&self, addr: IpAddr, port: u16) -> bool {
        match self {
            Filter::Port(wanted) => *wanted == port,
            Filter::Endpoint(wanted) => {
                wanted.addr == addr && wanted.port.is_none_or(|wanted| wanted == port)
            }
            Filter::Net(net) => net.contains(&addr),
        }
    }

    fn fits_service(&self, key: &ServiceKey) -> bool {
        match *key {
            ServiceKey::Address { addr, port, .. } => self.fits(addr, port),
            ServiceKey::Fwmark { .. } => false,
        }
    }
}

/// Reads the options map of `commit(...)` over a session's defaults.
///
/// # Errors
/// `invalid` for unknown names and wrong types.
pub fn change_options(defaults: &ChangeOptions, options: &Options) -> Result<ChangeOptions> {
    let mut result = defaults.clone();
    let mut flags: BTreeMap<&str, &mut bool> = BTreeMap::from([
        ("adopt", &mut result.adopt),
        ("exact", &mut result.exact),
        ("allow_removals", &mut result.allow_removals),
    ]);
    for (name, value) in options {
        if name == "confirm" {
            result.confirm = Some(match value.as_i64() {
                Some(seconds) => Grace::new(seconds)?,
                None => return Err(grace::refused(&value.to_string())),
            });
            continue;
        }
        let known: Vec<&str> = flags.keys().copied().chain(["confirm"]).collect();
        match (flags.get_mut(name.as_str()), value.as_bool()) {
            (Some(flag), Some(value)) => **flag = value,
            (Some(_), None) => {
                return Err(Error::invalid(format!("{name} must be true or false")));
            }
            (None, _) => {
                let close = did_you_mean(name, known.iter().copied());
                return Err(Error::invalid(format!("unknown option \"{name}\"")).hint(
                    match close {
                        Some(close) => format!("did you mean \"{close}\"?"),
                        None => format!("commit has the options {}", known.join(", ")),
                    },
                ));
            }
        }
    }
    Ok(result)
}
