//! Steps from text.

use ipvsh::model::{
    DaemonRole, Forwarding, RealServer, Scheduler, ServerKey, ServiceKey, ServiceOptions, Setting,
    SettingKey, SyncDaemon, TimeoutKind, Timeouts, VirtualService,
};
use ipvsh::plan::{SettingChange, Step};

pub fn key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

pub fn scheduler(name: &str) -> Scheduler {
    Scheduler::parse(name).unwrap()
}

pub fn options(name: &str, edit: impl FnOnce(&mut ServiceOptions)) -> ServiceOptions {
    let mut options = ServiceOptions::defaults(key(name).family());
    edit(&mut options);
    options
}

/// Adds a service with default options.
pub fn add(name: &str) -> Step {
    add_with(name, |_| {})
}

pub fn add_with(name: &str, edit: impl FnOnce(&mut ServiceOptions)) -> Step {
    Step::AddService {
        key: key(name),
        options: options(name, edit),
    }
}

/// Changes a service from its defaults.
pub fn change_with(name: &str, edit: impl FnOnce(&mut ServiceOptions)) -> Step {
    Step::ChangeService {
        key: key(name),
        from: options(name, |_| {}),
        to: options(name, edit),
    }
}

/// Removes a service with default options that has no servers.
pub fn remove(name: &str) -> Step {
    Step::RemoveService {
        key: key(name),
        service: VirtualService::new(key(name).family()),
    }
}

pub fn server_key(service: &str, server: &str) -> ServerKey {
    ServerKey::parse(server, &key(service)).unwrap()
}

/// A masquerading server, as changed.
pub fn server_with(edit: impl FnOnce(&mut RealServer)) -> RealServer {
    let mut server = RealServer {
        forward: Forwarding::Masq,
        ..RealServer::default()
    };
    edit(&mut server);
    server
}

pub fn serve(service: &str, server: &str) -> Step {
    serve_with(service, server, |_| {})
}

pub fn serve_with(service: &str, server: &str, edit: impl FnOnce(&mut RealServer)) -> Step {
    Step::AddServer {
        service: key(service),
        key: server_key(service, server),
        options: server_with(edit),
    }
}

/// Changes a server from a plain masquerading one.
pub fn reserve_with(service: &str, server: &str, edit: impl FnOnce(&mut RealServer)) -> Step {
    Step::ChangeServer {
        service: key(service),
        key: server_key(service, server),
        from: server_with(|_| {}),
        to: server_with(edit),
    }
}

pub fn unserve(service: &str, server: &str) -> Step {
    Step::RemoveServer {
        service: key(service),
        key: server_key(service, server),
        options: server_with(|_| {}),
    }
}

/// Timeouts before and after; one that is not given stays as it is.
pub fn set_timeouts(from: &Timeouts, to: &Timeouts) -> Step {
    let change = |kind: TimeoutKind| {
        Some(SettingChange {
            key: SettingKey::Timeout(kind),
            from: from.get(kind).map(Setting::Timeout),
            to: Some(Setting::Timeout(to.get(kind)?)),
        })
    };
    Step::Set {
        settings: TimeoutKind::ALL.into_iter().filter_map(change).collect(),
    }
}

/// A sync daemon that starts or stops.
pub fn set_daemon(role: DaemonRole, from: Option<SyncDaemon>, to: Option<SyncDaemon>) -> Step {
    Step::Set {
        settings: vec![SettingChange {
            key: SettingKey::SyncDaemon(role),
            from: from.map(Setting::SyncDaemon),
            to: to.map(Setting::SyncDaemon),
        }],
    }
}
