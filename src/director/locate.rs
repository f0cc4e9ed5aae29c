//! Where an address is used: the services that have it as VIP, and those that have it as server.

use std::collections::{BTreeMap, BTreeSet};

use super::Director;
use super::filter::Filter;
use super::maintained::{maintenance_of, servers_on};
use super::weigh::ServerOf;
use crate::error::{Error, Result, did_you_mean};
use crate::model::{
    Counts, EntryKey, EntryValue, Live, Maintenance, MaintenanceKey, MarkKey, RealServer, Ruleset,
    ServerKey, ServiceKey,
};

/// What an address is to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Its virtual address.
    Vip,
    /// The address of a rule that sets its mark.
    Mark,
    /// One of its real servers.
    Server(ServerKey),
}

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// In the record and in the kernel.
    Managed,
    /// In the kernel alone.
    Foreign,
    /// In the record alone.
    Missing,
    /// In the kernel; the record could not be read.
    Unknown,
}

/// One use of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressUse {
    /// The service.
    pub service: ServiceKey,
    /// What the address is to it.
    pub role: Role,
    /// The server's options, where it is one.
    pub options: Option<RealServer>,
    /// The server's connections.
    pub counts: Counts,
    /// Whose it is.
    pub ownership: Ownership,
    /// The maintenance that it is in as a server, with the name that it is so by.
    pub maintenance: Option<(MaintenanceKey, Maintenance)>,
}

/// The uses of an address, and why the record could not be read, where it could not.
#[derive(Debug)]
pub struct Located {
    /// The uses: per service, as VIP first.
    pub uses: Vec<AddressUse>,
    /// Why nothing says whose they are.
    pub unread: Option<Error>,
}

impl Director {
    /// Finds every service that an address, or an address of a network, is VIP or server of; by the name
    /// of a host the services of the real servers on it.
    ///
    /// # Errors
    /// `not_found` with a "did you mean" where there is none; as the kernel refuses.
    pub fn locate(&mut self, text: &str) -> Result<Located> {
        let (head, unread) = match self.head_rules() {
            Ok(head) => (Some(head), None),
            Err(error) => (None, Some(error)),
        };
        let wanted = Wanted::parse(text, head.as_ref())?;
        let named: Vec<&Ruleset> = head.iter().collect();
        let live = self.observe(&named)?;
        let mut uses = BTreeMap::new();
        for rules in [Some(&live.rules), head.as_ref()].into_iter().flatten() {
            for (service, role, entry) in roles(rules, &wanted) {
                uses.entry((service, role))
                    .or_insert_with(|| usage(service, role, &entry, &live, head.as_ref()));
            }
        }
        let now = self.now();
        for one in uses.values_mut() {
            if let (Role::Server(server), Some(head)) = (one.role, &head) {
                let found = maintenance_of(head, &(one.service, server), now);
                one.maintenance = found.map(|(key, value)| (key, value.clone()));
            }
        }
        match uses.is_empty() {
            false => Ok(Located {
                uses: uses.into_values().collect(),
                unread,
            }),
            true => Err(nowhere(text, &wanted, &live, head.as_ref())),
        }
    }
}

/// What is looked for.
enum Wanted {
    /// An address, a port or a network.
    Address(Filter),
    /// The real servers on a host.
    Host(BTreeSet<ServerOf>),
}

impl Wanted {
    fn parse(text: &str, head: Option<&Ruleset>) -> Result<Wanted> {
        let invalid = match Filter::parse(text) {
            Ok(filter) => return Ok(Wanted::Address(filter)),
            Err(error) => error,
        };
        match (MaintenanceKey::parse(text), head) {
            (Ok(MaintenanceKey::Host(host)), Some(head)) => {
                Ok(Wanted::Host(servers_on(head, host)?.into_iter().collect()))
            }
            _ => Err(invalid),
        }
    }

    fn address(&self) -> Option<&Filter> {
        match self {
            Wanted::Address(filter) => Some(filter),
            Wanted::Host(_) => None,
        }
    }

    fn fits_server(&self, service: &ServiceKey, server: &ServerKey) -> bool {
        match self {
            Wanted::Address(filter) => filter.fits(server.addr, server.port),
            Wanted::Host(servers) => servers.contains(&(*service, *server)),
        }
    }
}

/// What an address is to the services of a ruleset, with the entry that says so.
fn roles(rules: &Ruleset, wanted: &Wanted) -> Vec<(ServiceKey, Role, EntryKey)> {
    let mut roles = Vec::new();
    for (key, service) in &rules.services {
        if wanted.address().is_some_and(|one| one.fits_service(key)) {
            roles.push((*key, Role::Vip, EntryKey::Service(*key)));
        }
        let servers = service.servers.keys();
        roles.extend(
            servers
                .filter(|server| wanted.fits_server(key, server))
                .map(|server| (*key, Role::Server(*server), EntryKey::Server(*key, *server))),
        );
    }
    let marks: BTreeSet<MarkKey> = rules
        .marks
        .iter()
        .filter(|rule| wanted.address().is_some_and(|one| one.fits_rule(rule)))
        .map(|rule| rule.key())
        .collect();
    roles.extend(
        marks
            .into_iter()
            .map(|key| (key.service(), Role::Mark, EntryKey::Marks(key))),
    );
    roles
}

fn usage(
    service: ServiceKey,
    role: Role,
    entry: &EntryKey,
    live: &Live,
    head: Option<&Ruleset>,
) -> AddressUse {
    let is_live = live.rules.has(entry);
    let ownership = match (head.map(|head| head.has(entry)), is_live) {
        (Some(true), true) => Ownership::Managed,
        (Some(true), false) => Ownership::Missing,
        (Some(false), _) => Ownership::Foreign,
        (None, _) => Ownership::Unknown,
    };
    let value = match is_live {
        true => live.rules.get(entry),
        false => head.and_then(|head| head.get(entry)),
    };
    let counts = match role {
        Role::Server(server) => live.counts_of(&service, &server),
        Role::Vip | Role::Mark => live.service_counts(&service),
    };
    AddressUse {
        service,
        role,
        options: match value {
            Some(EntryValue::Server(options)) => Some(options),
            _ => None,
        },
        counts,
        ownership,
        maintenance: None,
    }
}

/// The error where nothing has an address.
fn nowhere(text: &str, wanted: &Wanted, live: &Live, head: Option<&Ruleset>) -> Error {
    let mut known = BTreeSet::new();
    let both = || [Some(&live.rules), head].into_iter().flatten();
    let error = Error::not_found("no service has it as VIP or as real server").object(text);
    let mut vips = both().flat_map(|rules| rules.settings.vips());
    let is_it = |addr| wanted.address().is_some_and(|one| one.fits(addr, 0));
    if let Some((key, _)) = vips.find(|(key, _)| is_it(key.addr)) {
        return error.hint(format!(
            "it is a vip on {}, and no service listens there: ipvsh show vips",
            key.interface
        ));
    }
    for rules in both() {
        for (key, service) in &rules.services {
            known.extend(key.addr());
            known.extend(service.servers.keys().map(|server| server.addr));
        }
    }
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let close = did_you_mean(text, known.iter().map(String::as_str));
    error.hint(match close {
        Some(close) => format!("did you mean \"{close}\"?"),
        None => "ipvsh show lists services and their real servers".to_owned(),
    })
}
