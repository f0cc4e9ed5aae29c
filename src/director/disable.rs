//! Disable and enable: maintenance of a real server or a host, in every service that has it.

use super::maintained::{is_part_of, what};
use super::options::ChangeOptions;
use super::remaining::Remaining;
use super::report::Report;
use super::session::Session;
use super::weigh::ServerOf;
use crate::error::{Error, Kind, Result};
use crate::model::origin::cut;
use crate::model::setting::maintenance::WHY_CHARS;
use crate::model::{
    Counts, EntryKey, EntryValue, MaintenanceKey, Mode, Options, Setting, SettingKey, Weight,
};

/// How a server or a host is disabled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disable {
    /// It leaves the table at once; else it stays at weight 0, and its connections go on.
    pub now: bool,
    /// When it is over, as [`crate::model::Moment`] reads it; default: when it is enabled.
    pub until: Option<String>,
}

impl Session {
    /// Puts a real server or a host into maintenance, in every service that has it or gets it later, in
    /// one snapshot. Where it is in maintenance already, what is not said stays. A note of the report
    /// counts the connections that go on.
    ///
    /// # Errors
    /// `guarded` where a service would keep no real server that gets new connections, unless that is
    /// allowed; `not_found` for a name that no service has; `foreign` for a server that is not ours,
    /// unless it is to be adopted; `state` while changes are staged; as [`Session::commit`].
    pub fn disable(&mut self, name: &str, how: &Disable, change: &ChangeOptions) -> Result<Report> {
        let in_words = |error: Error| error.attempt("cannot disable");
        let key = MaintenanceKey::parse(name)?;
        let servers = self.servers_named(key, name)?;
        let options = self.options_of(how, change).map_err(in_words)?;
        let change = ChangeOptions {
            keep_serving: true,
            ..named(change, format!("disable {}", what(key, name)))
        };
        let mut report = self
            .commit_alone("disable", &change, |session| {
                session.take_ours(&servers, &change)?;
                session.put_into_maintenance(key, &options)
            })
            .map_err(in_words)?;
        if !how.now {
            report.notes.push(match self.connections_of(&servers) {
                Ok(counts) if counts == Counts::default() => {
                    format!("no connections of {name} go on")
                }
                Ok(counts) => format!(
                    "connections of {name} go on: {}{}",
                    Remaining(counts),
                    match key {
                        MaintenanceKey::Host(_) => String::new(),
                        _ => format!(" (ipvsh drain {name} waits for them)"),
                    }
                ),
                Err(error) => format!("its connections cannot be counted: {error}"),
            });
        }
        Ok(report)
    }

    /// Ends the maintenance of a real server or a host, in one snapshot. Where it is in none, its servers
    /// get back the weights that they had before weight 0, from the history.
    ///
    /// # Errors
    /// `state` where it is in maintenance by another name alone, or where nothing says a weight;
    /// `not_found`; as [`Session::commit`].
    pub fn enable(&mut self, name: &str, change: &ChangeOptions) -> Result<Report> {
        let in_words = |error: Error| error.attempt("cannot enable");
        let key = MaintenanceKey::parse(name)?;
        let standing: Vec<MaintenanceKey> = self
            .settings()?
            .rules()
            .settings
            .maintenance()
            .map(|(key, _)| key)
            .collect();
        let ended: Vec<MaintenanceKey> = standing
            .into_iter()
            .filter(|one| is_part_of(*one, key))
            .collect();
        let change = named(change, format!("enable {}", what(key, name)));
        if ended.is_empty() {
            let servers = self.servers_named(key, name)?;
            if let Some((server, other, _)) = self.in_maintenance(&servers)?.into_iter().next() {
                return Err(Error::new(
                    Kind::State,
                    format!("{} is in maintenance as part of {other}", server.1),
                )
                .object(what(key, name))
                .attempt("cannot enable")
                .hint(format!("to end that: ipvsh enable {other}")));
            }
            return self.enable_weights((key, name), servers, &change);
        }
        let mut report = self
            .commit_alone("enable", &change, |session| {
                let mut ended = ended.iter();
                ended.try_for_each(|key| session.put_maintenance(*key, None))
            })
            .map_err(in_words)?;
        // A server that is gone meanwhile has nothing to say.
        let servers = self.servers_named(key, name).unwrap_or_default();
        for (server, other, _) in self.in_maintenance(&servers)? {
            if !ended.contains(&other) {
                report.notes.push(format!(
                    "{} of {} stays in maintenance as part of {other} (ipvsh enable {other})",
                    server.1, server.0
                ));
            }
        }
        let rules = self.candidate()?.rules();
        let at_zero = servers.iter().filter(|(service, server)| {
            let value = rules.get(&EntryKey::Server(*service, *server));
            matches!(value, Some(EntryValue::Server(server)) if server.weight == Weight::ZERO)
        });
        report.notes.extend(at_zero.map(|(service, server)| {
            format!("{server} stays at weight 0 in {service}: that is its own weight there")
        }));
        Ok(report)
    }

    /// The options of the maintenance that a command asks for.
    fn options_of(&mut self, how: &Disable, change: &ChangeOptions) -> Result<Options> {
        let mut options = Options::new();
        if how.now {
            options.insert("mode".into(), Mode::Out.name().into());
        }
        if let Some(until) = &how.until {
            let expires = self.coming(until)?;
            options.insert("expires".into(), expires.into());
        }
        if let Some(message) = &change.message {
            let line = message.lines().next().unwrap_or_default().trim();
            options.insert("why".into(), cut(line, WHY_CHARS).into());
        }
        Ok(options)
    }

    /// Stages maintenance: with options in the place of those of the maintenance that stands, where that
    /// keeps servers out already.
    fn put_into_maintenance(&mut self, key: MaintenanceKey, options: &Options) -> Result<()> {
        let now = self.director().now();
        let standing = self.maintenance_of(key)?;
        match standing.filter(|one| one.mode != Mode::Up && !one.is_over(now)) {
            None => self.declare_maintenance(key, options),
            Some(one) => {
                let setting = Setting::Maintenance(one);
                let entry = SettingKey::Maintenance(key);
                match self.changed_setting(entry, &setting, options)? {
                    Setting::Maintenance(one) => self.put_maintenance(key, Some(one)),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Takes over the servers that are not ours, where that is allowed; refuses them elsewhere, unless
    /// they have weight 0 already.
    fn take_ours(&mut self, servers: &[ServerOf], change: &ChangeOptions) -> Result<()> {
        let zeros: Vec<(ServerOf, Weight)> =
            servers.iter().map(|one| (*one, Weight::ZERO)).collect();
        for ((service, server), _) in self.changeable(&zeros, change)? {
            let entry = EntryKey::Server(service, server);
            if !self.candidate_with(&service)?.base().has(&entry) {
                self.set_server(service, server, &Options::new())?;
            }
        }
        Ok(())
    }

    /// Gives servers back the weights that they had before weight 0, in one snapshot: of each the last
    /// weight above 0 in the history. Where one has a weight above 0
    /// it is left alone; where the history has none it stays at weight 0, and a note of the report
    /// says so.
    ///
    /// # Errors
    /// `state` where the history has a weight for none of them; `not_found`; as
    /// [`Session::set_weights`].
    fn enable_weights(
        &mut self,
        (key, address): (MaintenanceKey, &str),
        servers: Vec<ServerOf>,
        change: &ChangeOptions,
    ) -> Result<Report> {
        let mut at_zero = Vec::new();
        for server in servers {
            if self.is_at_zero(&server)? {
                at_zero.push(server);
            }
        }
        let before = self.director().last_weights(&at_zero)?;
        let mut weights: Vec<(ServerOf, Weight)> = Vec::new();
        let mut unknown: Vec<ServerOf> = Vec::new();
        for (server, before) in at_zero.into_iter().zip(before) {
            match before {
                Some(weight) => weights.push((server, weight)),
                None => unknown.push(server),
            }
        }
        let by_hand = |(service, server): &ServerOf| format!("ipvsh weight {server} N {service}");
        if let (true, false) = (weights.is_empty(), unknown.is_empty()) {
            let error = Error::new(
                Kind::State,
                "nothing in the history says which weight it had",
            )
            .object(what(key, address))
            .attempt("cannot enable");
            return Err(unknown.iter().fold(error, |error, server| {
                error.hint(format!("say it: {}, N above 0", by_hand(server)))
            }));
        }
        let mut report = self
            .set_weights(&weights, change)
            .map_err(|error| error.attempt("cannot enable"))?;
        report.notes.extend(unknown.iter().map(|server| {
            format!(
                "{} stays at weight 0 in {}: nothing in the history says which weight it had ({})",
                server.1,
                server.0,
                by_hand(server)
            )
        }));
        Ok(report)
    }

    /// Returns true if a server has weight 0, in the record or in the kernel.
    fn is_at_zero(&mut self, (service, server): &ServerOf) -> Result<bool> {
        let entry = EntryKey::Server(*service, *server);
        let is_zero = |value: Option<EntryValue>| matches!(value, Some(EntryValue::Server(server)) if server.weight == Weight::ZERO);
        let ours = is_zero(self.candidate_with(service)?.rules().get(&entry));
        Ok(ours || is_zero(self.live_with(service)?.rules.get(&entry)))
    }

    /// The connections of some servers now, together.
    fn connections_of(&mut self, servers: &[ServerOf]) -> Result<Counts> {
        let mut sum = Counts::default();
        let mut of_service = None;
        for (service, server) in servers {
            if of_service.as_ref().is_none_or(|(key, _)| key != service) {
                let standing = self.director().servers(service)?.unwrap_or_default();
                of_service = Some((*service, standing));
            }
            let standing = of_service.as_ref().and_then(|(_, all)| all.get(server));
            if let Some(standing) = standing {
                sum += standing.counts;
            }
        }
        Ok(sum)
    }
}

/// The same options, with a message where none is given.
fn named(change: &ChangeOptions, message: String) -> ChangeOptions {
    ChangeOptions {
        message: Some(change.message.clone().unwrap_or(message)),
        ..change.clone()
    }
}
