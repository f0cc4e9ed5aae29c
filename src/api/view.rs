//! What a handle's name stands for: the candidate's object, or else the kernel's.

use crate::director::Session;
use crate::error::{Error, Result};
use crate::model::server::server_name;
use crate::model::{
    EntryKey, RealServer, ServerKey, ServiceKey, Setting, SettingKey, VirtualService,
};

/// Reads a service.
///
/// # Errors
/// `not_found` where it was removed, or never was.
pub fn service<T>(
    session: &mut Session,
    key: &ServiceKey,
    read: impl FnOnce(&VirtualService) -> T,
) -> Result<T> {
    let entry = EntryKey::Service(*key);
    let candidate = session.candidate_with(key)?;
    if let Some(service) = candidate.rules().services.get(key) {
        return Ok(read(service));
    }
    let removed = candidate.is_removed(&entry);
    let gone = || gone("virtual service", removed).object(entry);
    if removed {
        return Err(gone());
    }
    session
        .live_with(key)?
        .rules
        .services
        .get(key)
        .map(read)
        .ok_or_else(gone)
}

/// Reads a server.
///
/// # Errors
/// `not_found` where it or its service was removed, or never was.
pub fn server<T>(
    session: &mut Session,
    service_key: &ServiceKey,
    key: &ServerKey,
    read: impl FnOnce(&RealServer) -> T,
) -> Result<T> {
    let object = || server_name(service_key, key);
    let candidate = session.candidate_with(service_key)?;
    if let Ok(server) = candidate.server(service_key, key) {
        return Ok(read(server));
    }
    let removed = candidate.is_removed(&EntryKey::Service(*service_key))
        || candidate.is_removed(&EntryKey::Server(*service_key, *key));
    if removed {
        return Err(gone("real server", true).object(object()));
    }
    session
        .live_with(service_key)?
        .rules
        .services
        .get(service_key)
        .and_then(|service| service.servers.get(key))
        .map(read)
        .ok_or_else(|| gone("real server", false).object(object()))
}

/// Reads a sync daemon, a VIP, a kernel setting or a tunnel device of the candidate.
///
/// # Errors
/// `not_found`.
pub fn setting(session: &mut Session, key: SettingKey) -> Result<Setting> {
    let candidate = session.settings()?;
    let removed = candidate.is_removed(&EntryKey::Setting(key));
    let found = candidate.rules().settings.get(key).cloned();
    found.ok_or_else(|| gone(key.facts().noun, removed).object(key))
}

fn gone(what: &str, removed: bool) -> Error {
    match removed {
        true => Error::not_found("it was removed in this script")
            .hint("a handle is a name: declare the object again to use it again"),
        false => Error::not_found(format!("there is no such {what}")),
    }
}
