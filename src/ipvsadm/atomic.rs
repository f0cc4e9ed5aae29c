//! `--atomic`: all changes, or none.
//!
//! What the changes touch is read first. Where the kernel refuses one, everything that was touched
//! is brought back to what was read, without asking what had been done by then.

use std::collections::BTreeMap;

use super::changes::Change;
use super::kernel_table::KernelTable;
use super::words;
use crate::error::{Error, Kind, Result};
use crate::ipvs::{
    Daemon, Destination, IpvsClient, IpvsError, OnError, Outcome, Request, Service, ServiceId,
    Timeouts,
};
use crate::signals;

/// A service with its servers; none where it did not exist.
type Found = Option<(Service, Vec<Destination>)>;

/// What was there before.
struct Before {
    services: BTreeMap<ServiceId, Found>,
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
}

/// Makes all changes, in order.
///
/// # Errors
/// `undone` where the kernel refused one, with its line; `undo_failed` where the kernel refused to
/// bring something back, which is then named; as the kernel cannot be opened or read.
pub fn apply(changes: &[Change]) -> Result<()> {
    apply_to(&mut IpvsClient::open_or_load().map_err(failed)?, changes)
}

/// The same on another table than the kernel's.
///
/// # Errors
/// As [`apply`].
pub fn apply_to(client: &mut dyn KernelTable, changes: &[Change]) -> Result<()> {
    let _hold = signals::hold();
    let before = Before::read(client, changes).map_err(failed)?;
    let requests: Vec<Request> = changes.iter().map(|c| c.request.clone()).collect();
    let report = client.execute(&requests, OnError::Stop);
    let refused = report
        .outcomes
        .iter()
        .zip(changes)
        .find_map(|(outcome, change)| {
            let Outcome::Refused(error) = outcome else {
                return None;
            };
            Some(change.blame(Error::new(Kind::Undone, words::refusal(error))))
        });
    let error = match (refused, report.failure) {
        (Some(error), _) => error,
        (None, Some(failure)) => failed(failure).with_kind(Kind::Undone),
        (None, None) => return Ok(()),
    };
    let left = before.bring_back(client);
    if left.is_empty() {
        return Err(error.hint("nothing was changed"));
    }
    let error = error.with_kind(Kind::UndoFailed);
    Err(left.into_iter().fold(error, Error::leftover))
}

fn failed(error: IpvsError) -> Error {
    let kind = match error.errno() {
        Some(crate::ipvs::Errno::PERM) => Kind::NotPermitted,
        _ => Kind::System,
    };
    Error::new(kind, words::error(&error))
}

impl Before {
    fn read(client: &mut dyn KernelTable, changes: &[Change]) -> Result<Before, IpvsError> {
        let mut services = BTreeMap::new();
        for change in changes {
            let ids = match &change.request {
                Request::AddService(service) | Request::UpdateService(service) => vec![service.id],
                Request::RemoveService(id)
                | Request::AddDestination(id, _)
                | Request::UpdateDestination(id, _)
                | Request::RemoveDestination(id, _) => vec![*id],
                Request::Flush => client
                    .services()?
                    .iter()
                    .map(|service| service.id)
                    .collect(),
                _ => Vec::new(),
            };
            for id in ids {
                if let std::collections::btree_map::Entry::Vacant(place) = services.entry(id) {
                    place.insert(find(client, &id)?);
                }
            }
        }
        Ok(Before {
            services,
            timeouts: client.timeouts()?,
            daemons: client.daemons()?,
        })
    }

    /// Brings everything back; names what the kernel refused.
    fn bring_back(&self, client: &mut dyn KernelTable) -> Vec<String> {
        let mut requests = vec![Request::SetTimeouts(self.timeouts)];
        let mut left = Vec::new();
        match client.daemons() {
            Ok(now) => requests.extend(daemons(&self.daemons, &now)),
            Err(error) => left.push(format!("the sync daemons: {}", words::error(&error))),
        }
        for (id, before) in &self.services {
            match find(client, id) {
                Ok(now) => requests.extend(service(id, before.as_ref(), now.as_ref())),
                Err(error) => left.push(format!("{id}: {}", words::error(&error))),
            }
        }
        let report = client.execute(&requests, OnError::Continue);
        for (outcome, request) in report.outcomes.iter().zip(&requests) {
            let why = match outcome {
                Outcome::Done => continue,
                Outcome::Refused(error) => words::refusal(error),
                Outcome::NotSent | Outcome::Unknown => "the kernel did not answer".to_owned(),
            };
            left.push(format!("{}: {why}", named(request)));
        }
        left
    }
}

fn find(client: &mut dyn KernelTable, id: &ServiceId) -> Result<Found, IpvsError> {
    Ok(match client.service(id)? {
        Some(service) => Some((service, client.destinations(id)?)),
        None => None,
    })
}

fn daemons(before: &[Daemon], now: &[Daemon]) -> Vec<Request> {
    let gone = now.iter().filter(|daemon| !before.contains(daemon));
    let back = before.iter().filter(|daemon| !now.contains(daemon));
    gone.map(|daemon| Request::StopDaemon(daemon.state))
        .chain(back.cloned().map(Request::StartDaemon))
        .collect()
}

fn service(
    id: &ServiceId,
    before: Option<&(Service, Vec<Destination>)>,
    now: Option<&(Service, Vec<Destination>)>,
) -> Vec<Request> {
    let Some((wanted, servers)) = before else {
        return now
            .map(|_| Request::RemoveService(*id))
            .into_iter()
            .collect();
    };
    let mut requests = Vec::new();
    let mut present: &[Destination] = &[];
    match now {
        None => requests.push(Request::AddService(wanted.clone())),
        Some((found, found_servers)) => {
            if found.to_attributes() != wanted.to_attributes() {
                requests.push(Request::UpdateService(wanted.clone()));
            }
            present = found_servers;
        }
    }
    for server in present {
        if !servers.iter().any(|wanted| wanted.id == server.id) {
            requests.push(Request::RemoveDestination(*id, server.id));
        }
    }
    // New servers go to the front of the kernel's list: the last first keeps the order.
    for wanted in servers.iter().rev() {
        match present.iter().find(|server| server.id == wanted.id) {
            None => requests.push(Request::AddDestination(*id, wanted.clone())),
            Some(found) if found.to_attributes() != wanted.to_attributes() => {
                requests.push(Request::UpdateDestination(*id, wanted.clone()));
            }
            Some(_) => {}
        }
    }
    requests
}

fn named(request: &Request) -> String {
    match request {
        Request::AddService(service) | Request::UpdateService(service) => service.id.to_string(),
        Request::RemoveService(id) => id.to_string(),
        Request::AddDestination(id, server) | Request::UpdateDestination(id, server) => {
            format!("{id} server {}", server.id)
        }
        Request::RemoveDestination(id, server) => format!("{id} server {server}"),
        Request::SetTimeouts(_) => "the timeouts".to_owned(),
        _ => "the sync daemons".to_owned(),
    }
}
