//! The table of a simulated kernel, for `ipvsh --sim ipvsadm`.
//!
//! Records go through the conversions of the real kernel (`kernel::convert`), refusals are the
//! simulator's, which are the kernel's error numbers. Counters are zeros; it has no connections.

use super::kernel_table::KernelTable;
use crate::error::Error;
use crate::ipvs::{
    BatchReport, Daemon, DaemonState, Destination, Errno, ExchangeError, Info, IpvsError,
    KernelError, OnError, Outcome, Request, Service, ServiceId, Timeouts,
};
use crate::kernel::{Kernel, Sim, convert};
use crate::model::{
    DaemonRole, Live, ServerKey, ServiceKey, Setting, SettingKey, TimeoutKind, VirtualService,
};
use crate::plan::{SettingChange, Step};

/// What ipvsadm prints of Debian's kernel.
const INFO: Info = Info {
    version: 0x0001_0201,
    connection_table_size: 4096,
};

impl KernelTable for Sim {
    fn info(&mut self) -> Result<Info, IpvsError> {
        Ok(INFO)
    }

    fn services(&mut self) -> Result<Vec<Service>, IpvsError> {
        let live = self.live();
        let services = live.rules.services.iter();
        services
            .map(|(key, service)| convert::service(key, &service.options).map_err(unreadable))
            .collect()
    }

    fn service(&mut self, id: &ServiceId) -> Result<Option<Service>, IpvsError> {
        let services = KernelTable::services(self)?;
        Ok(services.into_iter().find(|service| service.id == *id))
    }

    fn destinations(&mut self, id: &ServiceId) -> Result<Vec<Destination>, IpvsError> {
        let key = convert::service_key(id);
        let servers = self.live().servers_of(&key).unwrap_or_default();
        let servers = servers.iter().map(|(key, server)| Destination {
            active_connections: server.counts.active,
            inactive_connections: server.counts.inactive,
            persistent_connections: server.counts.persistent,
            ..convert::destination(key, &server.options)
        });
        Ok(servers.collect())
    }

    fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        let settings = self.live().rules.settings;
        let seconds = |kind| settings.timeout(kind).unwrap_or_default();
        Ok(Timeouts {
            tcp: seconds(TimeoutKind::Tcp),
            tcp_fin: seconds(TimeoutKind::TcpFin),
            udp: seconds(TimeoutKind::Udp),
        })
    }

    fn daemons(&mut self) -> Result<Vec<Daemon>, IpvsError> {
        let live = self.live();
        let daemons = live.rules.settings.daemons();
        daemons
            .map(|(role, daemon)| convert::daemon_record(role, daemon).map_err(unreadable))
            .collect()
    }

    fn execute(&mut self, requests: &[Request], on_error: OnError) -> BatchReport {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(requests.len());
        for request in requests {
            let stopped = on_error == OnError::Stop && outcomes.iter().any(|o| !o.is_done());
            outcomes.push(match stopped {
                true => Outcome::NotSent,
                false => match make(self, request) {
                    Ok(()) => Outcome::Done,
                    Err(errno) => Outcome::Refused(KernelError {
                        command: request.command(),
                        errno,
                        message: None,
                        offset: None,
                    }),
                },
            });
        }
        BatchReport {
            outcomes,
            failure: None,
        }
    }

    fn has_connections(&self) -> bool {
        false
    }
}

fn unreadable(error: Error) -> IpvsError {
    let source = std::io::Error::other(error);
    IpvsError::Exchange(ExchangeError::Socket {
        action: "read",
        source,
    })
}

fn role(state: DaemonState) -> DaemonRole {
    match state {
        DaemonState::Master => DaemonRole::Master,
        DaemonState::Backup => DaemonRole::Backup,
    }
}

/// Makes one change. The step has made-up values before: it is never taken back.
fn make(sim: &mut Sim, request: &Request) -> Result<(), Errno> {
    let live = sim.live();
    match request {
        Request::Flush => {
            for key in live.rules.services.keys() {
                sim.attempt(&removal(&live, *key))?;
            }
            Ok(())
        }
        Request::Zero(id) => {
            let key = id.as_ref().map(convert::service_key);
            Kernel::zero(sim, key.as_ref()).map_err(|_| Errno::SRCH)
        }
        request => sim.attempt(&step(&live, request).ok_or(Errno::INVAL)?),
    }
}

fn removal(live: &Live, key: ServiceKey) -> Step {
    let service = live.rules.services.get(&key).cloned();
    Step::RemoveService {
        key,
        service: service.unwrap_or_else(|| VirtualService::new(key.family())),
    }
}

/// The step that a request is; none for values that the model does not know.
fn step(live: &Live, request: &Request) -> Option<Step> {
    Some(match request {
        Request::AddService(service) => Step::AddService {
            key: convert::service_key(&service.id),
            options: convert::service_options(service).ok()?,
        },
        Request::UpdateService(service) => {
            let options = convert::service_options(service).ok()?;
            Step::ChangeService {
                key: convert::service_key(&service.id),
                from: options.clone(),
                to: options,
            }
        }
        Request::RemoveService(id) => removal(live, convert::service_key(id)),
        Request::AddDestination(id, server) => {
            let (key, options, _) = convert::server(server);
            let service = convert::service_key(id);
            Step::AddServer {
                service,
                key,
                options,
            }
        }
        Request::UpdateDestination(id, server) => {
            let (key, options, _) = convert::server(server);
            Step::ChangeServer {
                service: convert::service_key(id),
                key,
                from: options,
                to: options,
            }
        }
        Request::RemoveDestination(id, server) => Step::RemoveServer {
            service: convert::service_key(id),
            key: ServerKey {
                addr: server.address,
                port: server.port,
            },
            options: Default::default(),
        },
        Request::SetTimeouts(timeouts) => {
            let seconds = [
                (TimeoutKind::Tcp, timeouts.tcp),
                (TimeoutKind::TcpFin, timeouts.tcp_fin),
                (TimeoutKind::Udp, timeouts.udp),
            ];
            let set = seconds.map(|(kind, seconds)| {
                (SettingKey::Timeout(kind), Some(Setting::Timeout(seconds)))
            });
            setting(live, set)
        }
        Request::StartDaemon(daemon) => {
            let (role, daemon) = convert::daemon(daemon);
            let daemon = Some(Setting::SyncDaemon(daemon));
            setting(live, [(SettingKey::SyncDaemon(role), daemon)])
        }
        Request::StopDaemon(state) => setting(live, [(SettingKey::SyncDaemon(role(*state)), None)]),
        Request::Zero(_) | Request::Flush => return None,
    })
}

fn setting<const N: usize>(live: &Live, set: [(SettingKey, Option<Setting>); N]) -> Step {
    let change = |(key, to)| SettingChange {
        key,
        from: live.rules.settings.get(key).cloned(),
        to,
    };
    Step::Set {
        settings: set.map(change).into(),
    }
}
