//! The real kernel: IPVS through generic netlink, mark rules through iptables.
//!
//! May import: `error`, `model`, `plan`, `ipvs`, `marks`, siblings. Source of truth:
//! net/netfilter/ipvs/ip_vs_ctl.c; network_namespaces(7), proc(5).

mod failure;
mod host;
mod request;
mod settings;
mod source_nat;
mod sync_daemon;
mod sysctl;
mod timeout;
mod tunnel_device;
mod vip;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use rustix::thread::CapabilitySet;

use super::convert;
use super::names::Names;
use super::read::{FEW, ReadError};
use super::refusal::Refusal;
use super::servers;
use super::table::{self, Table};
use super::verify;
use super::{Kernel, Outcome, Part, Place, proc};
use crate::error::{Error, Kind, Result};
use crate::ipvs::{self, Detail, ExchangeError, IpvsClient, IpvsError, KernelError, OnError};
use crate::marks::{Chains, Iptables};
use crate::model::{
    Connection, Extent, Family, Info, Live, LiveServer, Load, MarkSupport, Ruleset, ServerKey,
    ServiceKey, ServiceLoad, ServiceTraffic, SettingKind, Settings, Traffic, VirtualService,
};
use crate::plan::{SettingChange, Step};
use failure::Failure;
use host::HostSettings;

/// The kernel of this host, in the network namespace of the thread that uses it first.
///
/// Opens nothing before it is used.
pub struct Linux {
    client: Option<IpvsClient>,
    /// Messages sent by clients that were given up.
    past_writes: u64,
    chains: Box<dyn Chains>,
    host: HostSettings,
    /// Settings of the host that were set or removed.
    host_writes: u64,
    /// Modules that could not be loaded.
    missing: BTreeSet<String>,
}

impl std::fmt::Debug for Linux {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linux")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Default for Linux {
    fn default() -> Self {
        Linux::new()
    }
}

impl Linux {
    /// The kernel, with the iptables of the distribution.
    pub fn new() -> Linux {
        Linux::with_chains(Box::new(Iptables::new()))
    }

    /// The kernel, with rules for packets kept elsewhere.
    pub fn with_chains(chains: Box<dyn Chains>) -> Linux {
        Linux {
            client: None,
            past_writes: 0,
            chains,
            host: HostSettings::default(),
            host_writes: 0,
            missing: BTreeSet::new(),
        }
    }

    /// The open client; loads the module where that is possible.
    fn client(&mut self) -> Result<&mut IpvsClient> {
        match &mut self.client {
            Some(client) => Ok(client),
            empty => {
                check_rights()?;
                let opened = IpvsClient::open_or_load().map_err(unreachable_ipvs)?;
                Ok(empty.insert(opened))
            }
        }
    }

    /// Returns true if the kernel has no IPVS now; its module is not loaded for that.
    fn lacks_ipvs(&mut self) -> bool {
        self.client.is_none() && !std::path::Path::new(table::FILE).exists()
    }

    /// Gives the client up: the family's number changes where the module is loaded anew.
    fn close(&mut self) {
        self.past_writes = self.ipvs_writes();
        self.client = None;
    }

    fn ipvs_writes(&self) -> u64 {
        let open = self.client.as_ref();
        self.past_writes + open.map_or(0, |client| client.counters().writes)
    }

    /// Services and settings, with their connections.
    fn read_ipvs(&mut self, part: &Part) -> Result<Live, ReadError> {
        let mut live = Live::default();
        if part.may_lack_ipvs && self.lacks_ipvs() {
            return Ok(live);
        }
        let records = match self.all_if_few(part.or_whole)? {
            Some(all) => all,
            None => {
                live.extent = part.services.clone();
                records(self.client().map_err(ReadError::Ours)?, &part.services)?
            }
        };
        let client = self.client().map_err(ReadError::Ours)?;
        let ids: Vec<ipvs::ServiceId> = records.iter().map(|record| record.id).collect();
        for (record, read) in records.iter().zip(servers::read(client, &ids)?) {
            let key = convert::service_key(&record.id);
            let options = convert::service_options(record).map_err(ReadError::Ours)?;
            let service = VirtualService::of_kernel(options, read.options.into());
            live.rules.services.insert(key, service);
            if !read.counts.is_empty() {
                live.counts.insert(key, read.counts);
            }
        }
        for kind in SettingKind::ALL {
            settings::read(kind, client, &mut live.rules.settings)?;
        }
        Ok(live)
    }

    /// The servers of one service: one dump. The kernel answers with none also where there is no
    /// such service, so that is asked then.
    fn read_servers(
        &mut self,
        service: &ServiceKey,
    ) -> Result<Option<BTreeMap<ServerKey, LiveServer>>, ReadError> {
        let id = convert::service_id(service);
        let client = self.client().map_err(ReadError::Ours)?;
        let destinations = client.destinations_in(&id, Detail::WithoutStats)?;
        if destinations.is_empty() && client.service(&id)?.is_none() {
            return Ok(None);
        }
        let servers = destinations.iter().map(|destination| {
            let (key, options, counts) = convert::server(destination);
            (key, LiveServer { options, counts })
        });
        Ok(Some(servers.collect()))
    }

    /// All services, where there are at most so many.
    fn all_if_few(&mut self, most: usize) -> Result<Option<Vec<ipvs::Service>>, ReadError> {
        if most == 0 {
            return Ok(None);
        }
        let client = self.client().map_err(ReadError::Ours)?;
        let few = client.services_up_to(most, Detail::WithoutStats)?;
        if few.is_none() {
            // The rest of a list that was given up would have to be read: another socket is cheaper.
            self.close();
        }
        Ok(few)
    }

    /// The traffic of one service, or of all.
    fn read_traffic(&mut self, only: Option<&ServiceKey>) -> Result<Traffic, ReadError> {
        let client = self.client().map_err(ReadError::Ours)?;
        let records = match only.map(convert::service_id) {
            Some(id) => client.service(&id)?.into_iter().collect(),
            None => client.services()?,
        };
        let mut traffic = Traffic::new();
        for record in records {
            let mut one = ServiceTraffic {
                total: convert::usage(&record.stats),
                ..ServiceTraffic::default()
            };
            for destination in client.destinations(&record.id)? {
                let (server, _, _) = convert::server(&destination);
                one.servers
                    .insert(server, convert::usage(&destination.stats));
            }
            traffic.insert(convert::service_key(&record.id), one);
        }
        Ok(traffic)
    }

    /// How services are doing: one dump, and one file for their servers; those that the file leaves
    /// out are asked for.
    fn read_load(&mut self) -> Result<Load, ReadError> {
        let records = self.client().map_err(ReadError::Ours)?.services()?;
        let mut table = Table::read().map_err(|e| {
            ReadError::Ours(Error::system("cannot read the servers", &e).object(table::FILE))
        })?;
        let mut load = Load::new();
        for record in records {
            let key = convert::service_key(&record.id);
            let options = convert::service_options(&record).map_err(ReadError::Ours)?;
            let servers = match table.take(&key) {
                Some(servers) => servers,
                None => servers::load(self.client().map_err(ReadError::Ours)?, &record.id)?,
            };
            let one = ServiceLoad {
                scheduler: options.scheduler,
                usage: convert::usage(&record.stats),
                servers,
            };
            load.insert(key, one);
        }
        Ok(load)
    }

    /// Reads, and reads again where the family's number changed: the module was loaded anew.
    fn reading<T>(
        &mut self,
        mut read: impl FnMut(&mut Linux) -> Result<T, ReadError>,
    ) -> Result<T> {
        match read(self) {
            Err(ReadError::Kernel(IpvsError::NoFamily)) => {
                self.close();
                read(self)
            }
            read => read,
        }
        .map_err(unread)
    }

    /// Loads the modules that steps need: for the kernel to do it on the way is dangerous. What
    /// cannot be loaded the kernel itself will refuse.
    fn preload(&mut self, steps: &[Step]) {
        let mut named = BTreeSet::new();
        for step in steps {
            if let Step::AddService { options, .. } | Step::ChangeService { to: options, .. } = step
            {
                named.insert(("ip_vs_", options.scheduler.name()));
                let engine = options.engine.as_ref();
                named.extend(engine.map(|engine| ("ip_vs_pe_", engine.name())));
            }
        }
        // No scheduler at all, to the kernel.
        named.remove(&("ip_vs_", "none"));
        for module in named.iter().map(|(kind, name)| format!("{kind}{name}")) {
            if !self.missing.contains(&module) && ipvs::preload_module(&module).is_err() {
                self.missing.insert(module);
            }
        }
    }

    /// Sends steps of IPVS that may travel together; adds an outcome for each, up to the last that
    /// was sent.
    fn send(&mut self, steps: &[Step], outcomes: &mut Vec<Outcome>) {
        if self.client().is_ok() {
            self.preload(steps);
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return outcomes.push(Outcome::Failed(error)),
        };
        let mut malformed = None;
        let requests = steps.iter().map_while(|step| match request::of(step) {
            Ok(request) => request,
            Err(error) => {
                malformed = Some(in_step(step, error));
                None
            }
        });
        let first = outcomes.len();
        let mut sent = steps.iter();
        let broken = client.execute_each(requests, OnError::Stop, |answer| {
            let Some(step) = sent.next() else { return };
            outcomes.push(match answer {
                ipvs::Outcome::Done => Outcome::Done,
                ipvs::Outcome::Refused(error) => Outcome::Failed(refused(&error, Some(step))),
                ipvs::Outcome::Unknown => Outcome::Unknown(in_step(step, lost())),
                ipvs::Outcome::NotSent => Outcome::NotSent,
            });
        });
        let told_of = outcomes.get_mut(first..).unwrap_or_default();
        let failed = told_of.iter().any(|outcome| *outcome != Outcome::Done);
        if let Some(error) = broken {
            explain(told_of, steps, &told(error, None));
        }
        if let (Some(error), false) = (malformed, failed) {
            outcomes.push(Outcome::Failed(error));
        }
    }

    /// Sets or removes settings of the host, one after the other.
    fn set_on_host(&mut self, step: &Step, settings: &[SettingChange]) -> Outcome {
        if settings.iter().any(|change| change.key.is_of_ipvs())
            && let Err(error) = self.client()
        {
            return Outcome::Failed(error);
        }
        for change in settings {
            // What chains write they count themselves.
            self.host_writes += u64::from(change.key.kind() != SettingKind::SourceNat);
            let failure = match self.host.set(change, self.chains.as_mut()) {
                Ok(()) => continue,
                Err(failure) => failure,
            };
            return match failure {
                Failure::Refused(errno, said) => {
                    let names = Names::of_debian();
                    let refusal = Refusal {
                        errno,
                        said: said.as_deref(),
                        names: &names,
                    };
                    Outcome::Failed(refusal.of_step(step))
                }
                Failure::Announcement(why) => {
                    let error = Error::new(Kind::Refused, why)
                        .hint("to add it without telling the neighbours: announce: false");
                    Outcome::Failed(in_step(step, error))
                }
                Failure::Rules(error) => failed_in_chain(step, error),
                Failure::Unanswered(why) => {
                    Outcome::Unknown(in_step(step, Error::new(Kind::System, why)))
                }
            };
        }
        Outcome::Done
    }

    fn set_chain(&mut self, step: &Step) -> Outcome {
        let Step::SetChain { family, to, .. } = step else {
            return Outcome::NotSent;
        };
        match self.chains.set(*family, to) {
            Ok(()) => Outcome::Done,
            Err(error) => failed_in_chain(step, error),
        }
    }
}

impl Kernel for Linux {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        if part.marks {
            self.chains.begin();
        }
        check_rights()?;
        let mut live = self.reading(|kernel| kernel.read_ipvs(part))?;
        let chains = self.chains.as_mut();
        let settings = &mut live.rules.settings;
        let read = self.host.read(&part.settings, chains, settings);
        read.map_err(unreadable_host)?;
        for family in Family::ALL {
            let support = match part.marks {
                true => self.chains.observe(family)?,
                false => MarkSupport::Unread,
            };
            live.set_marks(family, support);
        }
        Ok(live)
    }

    fn servers(&mut self, service: &ServiceKey) -> Result<Option<BTreeMap<ServerKey, LiveServer>>> {
        self.reading(|kernel| kernel.read_servers(service))
    }

    fn holds(&mut self, services: &Extent, acknowledged: &Ruleset) -> Result<bool> {
        let Extent::Services(keys) = services else {
            return Ok(false);
        };
        // The list is of all services: for a few of them it is dearer than asking.
        if keys.len() <= FEW {
            return Ok(false);
        }
        self.reading(|kernel| {
            let client = kernel.client().map_err(ReadError::Ours)?;
            verify::holds(client, keys, acknowledged)
        })
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        for together in steps.chunk_by(may_travel_together) {
            let before = outcomes.len();
            match together {
                [step @ Step::SetChain { .. }] => outcomes.push(self.set_chain(step)),
                [step @ Step::Set { settings }] if is_of_host(step) => {
                    outcomes.push(self.set_on_host(step, settings));
                }
                steps => self.send(steps, &mut outcomes),
            }
            let sent = outcomes.get(before..).unwrap_or_default();
            if sent.iter().any(|outcome| *outcome != Outcome::Done) {
                break;
            }
        }
        outcomes.resize(steps.len(), Outcome::NotSent);
        outcomes
    }

    fn host_settings(&mut self) -> Result<Settings> {
        let all = self.host.read_all();
        all.map_err(unreadable_host)
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        let id = service.map(convert::service_id);
        match self.client()?.zero(id.as_ref()) {
            Err(IpvsError::Kernel(error)) => {
                let names = Names::of_debian();
                Err(refusal(&error, &names).of_zero(service))
            }
            done => done.map_err(|e| told(e, Some("cannot zero the counters"))),
        }
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        self.reading(|kernel| kernel.read_traffic(service))
    }

    fn load(&mut self) -> Result<Load> {
        self.reading(Linux::read_load)
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        let opened = match ipvs::open_connections() {
            // The module makes the file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.client()?;
                ipvs::open_connections()
            }
            opened => opened,
        };
        let list = opened.map_err(|e| {
            let [_, file] = ipvs::CONNECTION_FILES;
            Error::system("cannot list the connections", &e).object(file)
        })?;
        proc::connections(list, visit)
    }

    fn info(&mut self) -> Result<Info> {
        let info = self.reading(|kernel| {
            let client = kernel.client().map_err(ReadError::Ours)?;
            Ok(client.info()?)
        })?;
        let loaded = Names::loaded();
        Ok(Info {
            version: info.version_text().to_string(),
            connection_table_size: info.connection_table_size,
            schedulers: loaded.schedulers.into_iter().collect(),
            engines: loaded.engines.into_iter().collect(),
            total: proc::total(),
            settings: proc::settings(),
        })
    }

    fn place(&self) -> Result<Place> {
        Place::here()
    }

    fn writes(&self) -> u64 {
        self.ipvs_writes() + self.chains.writes() + self.host_writes
    }

    fn names(&self) -> Option<Names> {
        Names::all_of_this_host()
    }
}

/// The records of services that are there: one by one while they are few, else out of all.
fn records(client: &mut IpvsClient, extent: &Extent) -> Result<Vec<ipvs::Service>, IpvsError> {
    match extent {
        Extent::Services(keys) if keys.len() <= FEW => {
            let mut records = Vec::with_capacity(keys.len());
            for key in keys {
                records.extend(client.service(&convert::service_id(key))?);
            }
            Ok(records)
        }
        extent => {
            let mut records = client.services_in(Detail::WithoutStats)?;
            records.retain(|record| extent.covers(&convert::service_key(&record.id)));
            Ok(records)
        }
    }
}

/// Says whether two neighbours may be in one datagram: the kernel runs all of a datagram, also
/// what comes behind a refusal. Adding and changing too much is easily taken back; removing what
/// the refusal should have saved would cost its connections.
fn may_travel_together(one: &Step, next: &Step) -> bool {
    fn removes(step: &Step) -> bool {
        matches!(step, Step::RemoveService { .. } | Step::RemoveServer { .. })
            || step.removes_settings()
    }
    let alone = |step: &Step| matches!(step, Step::SetChain { .. }) || is_of_host(step);
    !alone(one) && !alone(next) && removes(one) == removes(next)
}

/// Returns true if a step sets something of the host, which netlink of IPVS does not carry.
fn is_of_host(step: &Step) -> bool {
    step.settings_of_host().next().is_some()
}

fn unreadable_host(failure: Failure) -> Error {
    let why = match failure {
        Failure::Refused(errno, _) => errno.to_string(),
        Failure::Announcement(why) | Failure::Unanswered(why) => why,
        Failure::Rules(error) => return error,
    };
    Error::new(Kind::System, why).attempt("cannot read the settings of this host")
}

/// Turns a failure to read into an error of this crate.
fn unread(error: ReadError) -> Error {
    match error {
        ReadError::Kernel(error) => told(error, Some("cannot read the IPVS table")),
        ReadError::Ours(error) => error,
    }
}

fn refusal<'a>(error: &'a KernelError, names: &'a Names) -> Refusal<'a> {
    Refusal {
        errno: error.errno,
        said: error.message.as_deref(),
        names,
    }
}

/// The kernel's refusal of a step, or of reading.
fn refused(error: &KernelError, step: Option<&Step>) -> Error {
    let refused = match step {
        Some(step) => refusal(error, &Names::of_this_host()).of_step(step),
        None => refusal(error, &Names::of_debian()).of_observing(),
    };
    refused.caused_by(error.clone())
}

/// What the client says, as an error of ours.
fn told(error: IpvsError, attempt: Option<&str>) -> Error {
    let error = match error {
        IpvsError::NoFamily | IpvsError::Module(_) => return unreachable_ipvs(error),
        IpvsError::Kernel(error) => return refused(&error, None),
        IpvsError::Exchange(ExchangeError::Socket { ref source, .. }) => {
            let kind = match source.kind() {
                std::io::ErrorKind::PermissionDenied => Kind::NotPermitted,
                _ => Kind::System,
            };
            Error::new(kind, error.to_string()).caused_by(error)
        }
        IpvsError::Unsteady(_) => Error::new(Kind::Busy, error.to_string())
            .caused_by(error)
            .hint("somebody else is changing it: try again"),
        other => Error::new(Kind::System, other.to_string()).caused_by(other),
    };
    match attempt {
        Some(attempt) => error.attempt(attempt),
        None => error,
    }
}

/// An error that a step ended in.
fn in_step(step: &Step, error: Error) -> Error {
    error.object(step.object()).attempt(step.attempt())
}

/// What becomes of a step whose change of a chain failed: the chain is as it was, or half-way.
fn failed_in_chain(step: &Step, error: Error) -> Outcome {
    let half_way = error.kind() == Kind::UndoFailed;
    let error = in_step(step, error);
    match half_way {
        true => Outcome::Unknown(error),
        false => Outcome::Failed(error),
    }
}

/// Says why steps were not answered, or not sent: the exchange with the kernel broke.
fn explain(outcomes: &mut [Outcome], steps: &[Step], error: &Error) {
    let open = outcomes.iter_mut().zip(steps);
    let open = open.skip_while(|(outcome, _)| **outcome == Outcome::Done);
    for (place, (outcome, step)) in open.enumerate() {
        match outcome {
            Outcome::Unknown(unknown) => *unknown = in_step(step, error.clone()),
            // The socket failed before it was sent, and nothing before it failed.
            Outcome::NotSent if place == 0 => {
                *outcome = Outcome::Failed(in_step(step, error.clone()));
            }
            _ => {}
        }
    }
}

/// What is known of a step whose answer did not come.
fn lost() -> Error {
    Error::new(Kind::System, "the kernel's answer was lost")
}

/// IPVS is not there.
fn unreachable_ipvs(error: IpvsError) -> Error {
    match error {
        IpvsError::NoFamily | IpvsError::Module(_) => {
            let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
            let release = release.unwrap_or_default();
            Error::new(Kind::Unsupported, error.to_string())
                .caused_by(error)
                .object("the kernel")
                .attempt("cannot use IPVS")
                .hint("load it: modprobe ip_vs (in a container: on the host)")
                .hint(format!(
                    "where there is no such module, install the package that has it for kernel {}: \
                     Debian linux-image-amd64, Ubuntu linux-modules-extra-{0}, Fedora \
                     kernel-modules",
                    release.trim()
                ))
                .hint("to try ipvsh without it: ipvsh --sim")
        }
        other => told(other, Some("cannot use IPVS")),
    }
}

/// Looks at the rights before the kernel does: without them a module cannot be loaded either,
/// and what the kernel would say then leads astray.
fn check_rights() -> Result<()> {
    let held = rustix::thread::capabilities(None)
        .map_err(|e| Error::system("cannot read the capabilities", &e.into()))?;
    if held.effective.contains(CapabilitySet::NET_ADMIN) {
        return Ok(());
    }
    Err(
        Error::new(Kind::NotPermitted, "not permitted: it needs CAP_NET_ADMIN")
            .attempt("cannot use IPVS")
            .hint("run it as root (sudo)")
            .hint("to try ipvsh without rights: ipvsh --sim"),
    )
}
