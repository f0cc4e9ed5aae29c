//! Disable and enable: a real server at weight 0 in every service that has it, and its weights back.

use super::options::ChangeOptions;
use super::remaining::Remaining;
use super::report::Report;
use super::session::Session;
use super::weigh::ServerOf;
use crate::error::{Error, Kind, Result};
use crate::model::{Counts, EntryKey, EntryValue, Weight};

impl Session {
    /// Brings a real server to weight 0 in every service that has it, in one snapshot. Its
    /// connections go on; a note of the report counts them.
    ///
    /// # Errors
    /// `guarded` where a service would keep no real server with a weight above 0, unless that is
    /// allowed; `not_found`; as [`Session::set_weights`].
    pub fn disable(&mut self, address: &str, change: &ChangeOptions) -> Result<Report> {
        let servers = self.find_servers(address, None)?;
        let weights: Vec<(ServerOf, Weight)> = servers
            .iter()
            .map(|server| (*server, Weight::ZERO))
            .collect();
        let change = ChangeOptions {
            keep_serving: true,
            ..named(change, format!("disable real server {address}"))
        };
        let mut report = self
            .set_weights(&weights, &change)
            .map_err(|error| error.attempt("cannot disable"))?;
        report.notes.push(match self.connections_of(&servers) {
            Ok(counts) if counts == Counts::default() => {
                format!("no connections of {address} go on")
            }
            Ok(counts) => format!(
                "connections of {address} go on: {} (ipvsh drain {address} waits for them)",
                Remaining(counts)
            ),
            Err(error) => format!("its connections cannot be counted: {error}"),
        });
        Ok(report)
    }

    /// Gives a real server back the weight that it had before weight 0, in every service that has
    /// it, in one snapshot: the last weight above 0 in the history. Where it has a weight above 0
    /// it is left alone; where the history has none it stays at weight 0, and a note of the report
    /// says so.
    ///
    /// # Errors
    /// `state` where the history has a weight for none of them; `not_found`; as
    /// [`Session::set_weights`].
    pub fn enable(&mut self, address: &str, change: &ChangeOptions) -> Result<Report> {
        let servers = self.find_servers(address, None)?;
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
            .object(format!("real server {address}"))
            .attempt("cannot enable");
            return Err(unknown.iter().fold(error, |error, server| {
                error.hint(format!("say it: {}, N above 0", by_hand(server)))
            }));
        }
        let change = named(change, format!("enable real server {address}"));
        let mut report = self
            .set_weights(&weights, &change)
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
