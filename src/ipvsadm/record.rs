//! `--record`: changes staged as a commit's, with ipvsadm's meaning of each command.

use super::changes::Change;
use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result};
use crate::ipvs::{Destination, Request, Service, ServiceId, Timeouts as Seconds};
use crate::kernel::convert;
use crate::model::{
    DaemonRole, EntryKey, EntryValue, Ruleset, ServerKey, ServiceKey, Setting, SettingKey,
    TimeoutKind,
};

/// Stages changes on top of what is live. Services of somebody else that are changed are taken
/// over, as `ipvsh adopt` does.
///
/// # Errors
/// `refused` where the kernel would refuse, in ipvsadm's words; `usage` for what no snapshot holds.
pub fn stage(changes: &[Change], live: &Ruleset, candidate: &mut Candidate) -> Result<()> {
    let mut staging = Staging {
        now: live.clone(),
        live,
        candidate,
    };
    changes.iter().try_for_each(|change| {
        staging
            .take(&change.request)
            .map_err(|error| change.blame(error))
    })
}

struct Staging<'a> {
    /// What would be live by now.
    now: Ruleset,
    live: &'a Ruleset,
    candidate: &'a mut Candidate,
}

impl Staging<'_> {
    fn take(&mut self, request: &Request) -> Result<()> {
        match request {
            Request::AddService(service) => self.service(service, false),
            Request::UpdateService(service) => self.service(service, true),
            Request::RemoveService(id) => {
                let key = self.existing(id, "No such service")?;
                self.remove(key)
            }
            Request::AddDestination(id, server) => self.server(id, server, false),
            Request::UpdateDestination(id, server) => self.server(id, server, true),
            Request::RemoveDestination(id, server) => {
                let key = self.existing(id, "Service not defined")?;
                let server = ServerKey {
                    addr: server.address,
                    port: server.port,
                };
                let entry = EntryKey::Server(key, server);
                if self.now.get(&entry).is_none() {
                    return Err(refused("No such destination"));
                }
                self.put(entry, None);
                Ok(())
            }
            Request::Flush => {
                let keys: Vec<ServiceKey> = self.now.services.keys().copied().collect();
                keys.into_iter().try_for_each(|key| self.remove(key))
            }
            Request::SetTimeouts(seconds) => {
                self.timeouts(seconds);
                Ok(())
            }
            Request::StartDaemon(daemon) => {
                let (role, daemon) = convert::daemon(daemon);
                let entry = EntryKey::Setting(SettingKey::SyncDaemon(role));
                if self.now.get(&entry).is_some() {
                    return Err(refused("Daemon has already run"));
                }
                self.put(
                    entry,
                    Some(EntryValue::Setting(Setting::SyncDaemon(daemon))),
                );
                Ok(())
            }
            Request::StopDaemon(state) => {
                let entry = EntryKey::Setting(SettingKey::SyncDaemon(match state {
                    crate::ipvs::DaemonState::Master => DaemonRole::Master,
                    crate::ipvs::DaemonState::Backup => DaemonRole::Backup,
                }));
                if self.now.get(&entry).is_none() {
                    return Err(refused("No daemon is running"));
                }
                self.candidate.take_over_entry(entry, self.live);
                self.put(entry, None);
                Ok(())
            }
            Request::Zero(_) => Err(Error::new(Kind::Usage, "counters are in no snapshot")
                .hint("zero them without --record")),
        }
    }

    fn put(&mut self, entry: EntryKey, value: Option<EntryValue>) {
        self.now.put(&entry, value.clone());
        self.candidate.hold(entry, value);
    }

    /// A service that would be live; where it is somebody else's, it is ours from now on.
    fn existing(&mut self, id: &ServiceId, words: &str) -> Result<ServiceKey> {
        let key = convert::service_key(id);
        if !self.now.services.contains_key(&key) {
            return Err(refused(words));
        }
        if !self.candidate.rules().services.contains_key(&key) {
            self.candidate.take_over(key, self.live);
        }
        Ok(key)
    }

    fn service(&mut self, service: &Service, exists: bool) -> Result<()> {
        let key = convert::service_key(&service.id);
        if exists {
            self.existing(&service.id, "No such service")?;
        } else if self.now.services.contains_key(&key) {
            return Err(refused("Service already exists"));
        }
        let options = convert::service_options(service)?;
        self.put(EntryKey::Service(key), Some(EntryValue::Service(options)));
        Ok(())
    }

    fn server(&mut self, id: &ServiceId, server: &Destination, exists: bool) -> Result<()> {
        let service = self.existing(id, "Service not defined")?;
        let (key, server, _) = convert::server(server);
        let entry = EntryKey::Server(service, key);
        match (self.now.get(&entry).is_some(), exists) {
            (true, false) => Err(refused("Destination already exists")),
            (false, true) => Err(refused("No such destination")),
            _ => {
                self.put(entry, Some(EntryValue::Server(server)));
                Ok(())
            }
        }
    }

    fn remove(&mut self, key: ServiceKey) -> Result<()> {
        if !self.candidate.rules().services.contains_key(&key) {
            self.candidate.take_over(key, self.live);
        }
        self.now.put(&EntryKey::Service(key), None);
        self.candidate.remove_service(key)
    }

    /// 0 leaves a timeout as it is.
    fn timeouts(&mut self, seconds: &Seconds) {
        for (kind, seconds) in [
            (TimeoutKind::Tcp, seconds.tcp),
            (TimeoutKind::TcpFin, seconds.tcp_fin),
            (TimeoutKind::Udp, seconds.udp),
        ] {
            if seconds != 0 {
                let entry = EntryKey::Setting(SettingKey::Timeout(kind));
                self.put(entry, Some(EntryValue::Setting(Setting::Timeout(seconds))));
            }
        }
    }
}

fn refused(words: &str) -> Error {
    Error::new(Kind::Refused, words)
}
