//! Which servers a name of maintenance means, and which are in maintenance.

use chrono::{DateTime, Utc};

use super::session::Session;
use super::weigh::ServerOf;
use crate::error::{Error, Result, did_you_mean};
use crate::model::{
    HostName, Maintenance, MaintenanceKey, Mode, Ruleset, ServiceKey, VirtualService,
};

impl Session {
    /// The servers that a name of maintenance means, in every service that has them.
    pub(super) fn servers_named(
        &mut self,
        key: MaintenanceKey,
        name: &str,
    ) -> Result<Vec<ServerOf>> {
        match key {
            MaintenanceKey::Host(host) => self.servers_on(host),
            _ => self.find_servers(name, None),
        }
    }

    /// The servers on a host, in every service that has them.
    ///
    /// # Errors
    /// `not_found` with a "did you mean".
    pub(super) fn servers_on(&mut self, host: HostName) -> Result<Vec<ServerOf>> {
        servers_on(self.candidate()?.rules(), host)
    }

    /// Those of some servers that are in maintenance, each with the name that it is so by, and the mode.
    pub(super) fn in_maintenance(
        &mut self,
        servers: &[ServerOf],
    ) -> Result<Vec<(ServerOf, MaintenanceKey, Mode)>> {
        let now = self.director().now();
        let rules = self.candidate()?.rules();
        let found = servers.iter().filter_map(|one| {
            let (key, maintenance) = maintenance_of(rules, one, now)?;
            Some((*one, key, maintenance.mode))
        });
        Ok(found.collect())
    }
}

/// The error where no server is on a host.
fn no_host(host: HostName, hosts: &[(ServerOf, HostName)]) -> Error {
    let names = hosts.iter().map(|(_, host)| host.as_str());
    let error =
        Error::not_found("no real server is on a host of that name").object(format!("host {host}"));
    error.hint(match did_you_mean(host.as_str(), names) {
        Some(close) => format!("did you mean \"{close}\"?"),
        None => {
            "names are not looked up: write the address, or say which machine a real server is \
                 on by its option `host`"
                .to_owned()
        }
    })
}

/// The servers of a ruleset on a host that a user named.
///
/// # Errors
/// `not_found` with a "did you mean".
pub(super) fn servers_on(rules: &Ruleset, host: HostName) -> Result<Vec<ServerOf>> {
    let hosts = hosts(rules);
    let on_it = hosts.iter().filter(|(_, one)| *one == host);
    let found: Vec<ServerOf> = on_it.map(|(server, _)| *server).collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(no_host(host, &hosts)),
    }
}

/// What a name of maintenance is called: `real server 10.0.0.12`, `host web12`.
pub(super) fn what(key: MaintenanceKey, name: &str) -> String {
    match key {
        MaintenanceKey::Host(host) => format!("host {host}"),
        _ => format!("real server {name}"),
    }
}

/// Returns true if one name means the same servers as another, or some of them.
pub(super) fn is_part_of(one: MaintenanceKey, other: MaintenanceKey) -> bool {
    match (one, other) {
        (MaintenanceKey::Server(addr, _), MaintenanceKey::Address(whole)) => addr == whole,
        (one, other) => one == other,
    }
}

/// The maintenance that a server of a ruleset is in at a moment.
pub(super) fn maintenance_of<'a>(
    rules: &'a Ruleset,
    (service, server): &ServerOf,
    now: DateTime<Utc>,
) -> Option<(MaintenanceKey, &'a Maintenance)> {
    let host = rules
        .services
        .get(service)
        .and_then(|one| one.host_of(server));
    rules.settings.maintenance_of(server, host, now)
}

/// The servers whose policies name a host, each with it.
fn hosts(rules: &Ruleset) -> Vec<(ServerOf, HostName)> {
    let of = |(key, service): (&ServiceKey, &VirtualService)| {
        let key = *key;
        let named = service.server_policies.iter();
        let named = named.filter_map(move |(server, policy)| Some(((key, *server), policy.host?)));
        named.collect::<Vec<_>>()
    };
    rules.services.iter().flat_map(of).collect()
}
