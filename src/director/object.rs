//! What a user names as an object of a history or of `adopt`.

use std::collections::BTreeSet;

use super::maintained::servers_on;
use crate::error::Result;
use crate::model::address::Endpoint;
use crate::model::setting::SettingName;
use crate::model::{EntryKey, Fwmark, MaintenanceKey, Ruleset, ServiceName, SettingKind};

/// A service, a server (of one service or of any), a mark, the timeouts, the sync daemons.
pub(super) enum Object {
    /// `tcp 192.0.2.10:80`: its options, servers and marks.
    Service(ServiceName),
    /// `server 10.0.0.11`, `tcp 192.0.2.10:80 10.0.0.11:80`.
    Server(Option<ServiceName>, Endpoint),
    /// `mark 666`
    Mark(Fwmark),
    /// `timeouts`, `daemons`
    Settings(SettingKind),
    /// `vip 192.0.2.10`, `sysctl net.ipv4.ip_forward`, `tunnel-device tunl0`
    Setting(SettingName),
}

impl Object {
    /// Parses a name.
    ///
    /// # Errors
    /// `invalid`.
    pub(super) fn parse(text: &str) -> Result<Object> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if let [word] = words.as_slice()
            && let Some(kind) = SettingKind::named(word)
        {
            return Ok(Object::Settings(kind));
        }
        if let Some(name) = SettingName::parse(&words)? {
            return Ok(Object::Setting(name));
        }
        match words.as_slice() {
            ["mark", number] => Fwmark::parse(number).map(Object::Mark),
            ["server", server] => Ok(Object::Server(None, Endpoint::parse(server)?)),
            [service @ .., server] => match server_of(service, server) {
                Some(server) => Ok(server),
                None => ServiceName::parse(text).map(Object::Service),
            },
            [] => ServiceName::parse(text).map(Object::Service),
        }
    }

    /// The objects that a name means to a command that looks: one, or the real servers on a host of a
    /// ruleset.
    ///
    /// # Errors
    /// `invalid`; `not_found` for a host that no server is on.
    pub(super) fn all_named(text: &str, rules: &Ruleset) -> Result<Vec<Object>> {
        let invalid = match Object::parse(text) {
            Ok(object) => return Ok(vec![object]),
            Err(error) => error,
        };
        let Ok(MaintenanceKey::Host(host)) = MaintenanceKey::parse(text) else {
            return Err(invalid);
        };
        let servers = servers_on(rules, host)?.into_iter();
        let of_service = servers.map(|(service, server)| {
            let endpoint = Endpoint {
                addr: server.addr,
                port: Some(server.port),
            };
            Object::Server(Some(ServiceName::Key(service)), endpoint)
        });
        Ok(of_service.collect())
    }

    /// Says whether an entry is the object, or part of it.
    pub(super) fn fits(&self, entry: &EntryKey) -> bool {
        match (self, entry) {
            (Object::Service(name), EntryKey::Service(key) | EntryKey::Server(key, _)) => {
                name.fits(key)
            }
            (Object::Service(name), EntryKey::Marks(key)) => name.fits(&key.service()),
            (Object::Server(service, server), EntryKey::Server(key, one)) => {
                service.as_ref().is_none_or(|name| name.fits(key))
                    && server.fits(one.addr, one.port)
            }
            (Object::Mark(mark), EntryKey::Marks(key)) => *mark == key.mark,
            (Object::Settings(kind), EntryKey::Setting(key)) => *kind == key.kind(),
            (Object::Setting(name), EntryKey::Setting(key)) => name.fits(*key),
            _ => false,
        }
    }

    /// Returns true if it may name settings of the host.
    pub(super) fn may_be_of_host(&self) -> bool {
        match self {
            Object::Settings(kind) => kind.facts().is_of_host,
            Object::Setting(_) => true,
            _ => false,
        }
    }

    /// Returns true if it names what no kernel holds: maintenance.
    pub(super) fn is_of_the_record(&self) -> bool {
        match self {
            Object::Settings(kind) => kind.facts().is_of_the_record,
            Object::Setting(name) => matches!(name, SettingName::Maintenance(_)),
            _ => false,
        }
    }

    /// The real servers at an address that was given bare, which may name services too.
    fn as_server(&self) -> Option<Object> {
        match *self {
            Object::Service(ServiceName::Bare { addr, port }) => {
                Some(Object::Server(None, Endpoint { addr, port }))
            }
            _ => None,
        }
    }

    /// Returns true if an entry is the object, or part of it, or a real server at its bare address.
    pub(super) fn fits_anywhere(&self, entry: &EntryKey) -> bool {
        self.fits(entry) || self.as_server().is_some_and(|server| server.fits(entry))
    }

    /// The hint for a bare address that no service has and some real server does: a change is to
    /// name which of the two it means.
    pub(super) fn server_hint(&self, entries: &BTreeSet<EntryKey>) -> Option<String> {
        let server = self.as_server()?;
        let Object::Server(_, address) = &server else {
            return None;
        };
        let fitting = entries.iter().filter(|entry| server.fits(entry)).count();
        (fitting > 0).then(|| {
            let has = match fitting {
                1 => "a real server has".to_owned(),
                many => format!("{many} real servers have"),
            };
            format!("{has} that address; a real server is named \"server {address}\"")
        })
    }
}

/// A server of a service, where the words are the names of both.
fn server_of(service: &[&str], server: &str) -> Option<Object> {
    let service = ServiceName::parse(&service.join(" ")).ok()?;
    Some(Object::Server(Some(service), Endpoint::parse(server).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServerKey, ServiceKey};

    #[test]
    fn names_fit_what_they_name() {
        let service = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
        let server = ServerKey::parse("10.0.0.11:80", &service).unwrap();
        let server = EntryKey::Server(service, server);
        let service = EntryKey::Service(service);
        let fits = |name: &str, entry| Object::parse(name).unwrap().fits(entry);
        for name in ["tcp 192.0.2.10:80", "192.0.2.10:80"] {
            assert!(fits(name, &service) && fits(name, &server), "{name}");
        }
        for name in [
            "server 10.0.0.11",
            "server 10.0.0.11:80",
            "tcp 192.0.2.10:80 10.0.0.11:80",
            "192.0.2.10:80 10.0.0.11",
        ] {
            assert!(fits(name, &server) && !fits(name, &service), "{name}");
        }
        for name in [
            "tcp 192.0.2.10:80 10.0.0.12",
            "server 10.0.0.11:81",
            "timeouts",
        ] {
            assert!(!fits(name, &server), "{name}");
        }
    }
}
