//! The smallest changes that a kernel knows, each with its inverse.

use serde::{Deserialize, Serialize};

use crate::model::live::{ChainState, Live};
use crate::model::{
    EntryKey, EntryValue, Family, RealServer, ServerKey, ServiceKey, ServiceOptions, Setting,
    SettingKey, VirtualService,
};

/// One change; it holds what was there before, so that it can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Adds a service without servers.
    AddService {
        /// The service.
        key: ServiceKey,
        /// Its options.
        options: ServiceOptions,
    },
    /// Replaces a service's own options.
    ChangeService {
        /// The service.
        key: ServiceKey,
        /// The options before.
        from: ServiceOptions,
        /// The options after.
        to: ServiceOptions,
    },
    /// Removes a service; the kernel removes its servers with it.
    RemoveService {
        /// The service.
        key: ServiceKey,
        /// All that goes.
        service: VirtualService,
    },
    /// Adds a real server.
    AddServer {
        /// The service.
        service: ServiceKey,
        /// The server.
        key: ServerKey,
        /// Its options.
        options: RealServer,
    },
    /// Replaces a real server's options.
    ChangeServer {
        /// The service.
        service: ServiceKey,
        /// The server.
        key: ServerKey,
        /// The options before.
        from: RealServer,
        /// The options after.
        to: RealServer,
    },
    /// Removes a real server.
    RemoveServer {
        /// The service.
        service: ServiceKey,
        /// The server.
        key: ServerKey,
        /// Its options.
        options: RealServer,
    },
    /// Makes our chain of mark rules what it must be; the rules that stay are not touched.
    SetChain {
        /// The family.
        family: Family,
        /// The chain before.
        from: ChainState,
        /// The chain after.
        to: ChainState,
    },
    /// Sets or removes settings of one kind that one message to the kernel carries.
    Set {
        /// The settings; at least one.
        settings: Vec<SettingChange>,
    },
}

/// A setting before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The setting.
    pub key: SettingKey,
    /// The value before; `None`: there was none.
    pub from: Option<Setting>,
    /// The value after; `None`: there is none.
    pub to: Option<Setting>,
}

impl SettingChange {
    /// The change back.
    fn inverse(self) -> SettingChange {
        SettingChange {
            key: self.key,
            from: self.to,
            to: self.from,
        }
    }
}

impl Step {
    /// The steps that add a service with its servers.
    pub fn adding(key: ServiceKey, service: &VirtualService) -> Vec<Step> {
        let itself = Step::AddService {
            key,
            options: service.options.clone(),
        };
        let servers = service
            .servers
            .iter()
            .map(|(server, options)| Step::AddServer {
                service: key,
                key: *server,
                options: *options,
            });
        std::iter::once(itself).chain(servers).collect()
    }

    /// The service that it changes, or is part of.
    pub fn service(&self) -> Option<ServiceKey> {
        match self {
            Step::AddService { key, .. }
            | Step::ChangeService { key, .. }
            | Step::RemoveService { key, .. } => Some(*key),
            Step::AddServer { service, .. }
            | Step::ChangeServer { service, .. }
            | Step::RemoveServer { service, .. } => Some(*service),
            Step::SetChain { .. } | Step::Set { .. } => None,
        }
    }

    /// Returns true if the step sets nothing and removes something.
    pub fn removes_settings(&self) -> bool {
        match self {
            Step::Set { settings } => settings.iter().all(|change| change.to.is_none()),
            _ => false,
        }
    }

    /// The settings of the host that it sets or removes.
    pub fn settings_of_host(&self) -> impl Iterator<Item = SettingKey> {
        let settings = match self {
            Step::Set { settings } => settings.as_slice(),
            _ => &[],
        };
        let keys = settings.iter().map(|change| change.key);
        keys.filter(|key| key.facts().is_of_host)
    }

    /// Returns true if it goes to IPVS, or needs its module.
    pub fn is_of_ipvs(&self) -> bool {
        match self {
            Step::Set { settings } => settings.iter().any(|change| change.key.is_of_ipvs()),
            _ => true,
        }
    }

    /// The steps that take this one back, in order.
    pub fn inverse(&self) -> Vec<Step> {
        match self.clone() {
            Step::AddService { key, options } => vec![Step::RemoveService {
                key,
                service: VirtualService::of_kernel(options, Default::default()),
            }],
            Step::ChangeService { key, from, to } => {
                vec![Step::ChangeService {
                    key,
                    from: to,
                    to: from,
                }]
            }
            Step::RemoveService { key, service } => Step::adding(key, &service),
            Step::AddServer {
                service,
                key,
                options,
            } => {
                vec![Step::RemoveServer {
                    service,
                    key,
                    options,
                }]
            }
            Step::ChangeServer {
                service,
                key,
                from,
                to,
            } => {
                vec![Step::ChangeServer {
                    service,
                    key,
                    from: to,
                    to: from,
                }]
            }
            Step::RemoveServer {
                service,
                key,
                options,
            } => {
                vec![Step::AddServer {
                    service,
                    key,
                    options,
                }]
            }
            Step::SetChain { family, from, to } => {
                vec![Step::SetChain {
                    family,
                    from: to,
                    to: from,
                }]
            }
            Step::Set { settings } => {
                let back = settings.into_iter().map(SettingChange::inverse);
                vec![Step::Set {
                    settings: back.collect(),
                }]
            }
        }
    }

    /// Does in a model what the kernel would do, without the kernel's refusals.
    pub fn apply_to(&self, live: &mut Live) {
        let rules = &mut live.rules;
        match self {
            Step::AddService { key, options }
            | Step::ChangeService {
                key, to: options, ..
            } => {
                rules.put(
                    &EntryKey::Service(*key),
                    Some(EntryValue::Service(options.clone())),
                );
            }
            Step::RemoveService { key, .. } => {
                rules.put(&EntryKey::Service(*key), None);
                live.counts.remove(key);
            }
            Step::AddServer {
                service,
                key,
                options,
            }
            | Step::ChangeServer {
                service,
                key,
                to: options,
                ..
            } => {
                rules.put(
                    &EntryKey::Server(*service, *key),
                    Some(EntryValue::Server(*options)),
                );
            }
            Step::RemoveServer { service, key, .. } => {
                rules.put(&EntryKey::Server(*service, *key), None);
                if let Some(counts) = live.counts.get_mut(service) {
                    counts.remove(key);
                }
            }
            Step::SetChain { family, to, .. } => {
                live.set_marks(*family, crate::model::MarkSupport::Available(to.clone()));
            }
            Step::Set { settings } => {
                for change in settings {
                    rules.settings.put(change.key, change.to.clone());
                }
            }
        }
    }

    /// The object that the step changes, for messages.
    pub fn object(&self) -> String {
        match self {
            Step::AddService { key, .. }
            | Step::ChangeService { key, .. }
            | Step::RemoveService { key, .. } => format!("virtual service {key}"),
            Step::AddServer { service, key, .. }
            | Step::ChangeServer { service, key, .. }
            | Step::RemoveServer { service, key, .. } => {
                crate::model::server::server_name(service, key)
            }
            Step::SetChain { family, .. } => format!("{family} mark rules"),
            Step::Set { settings } => match settings.first() {
                Some(first) => first.key.step_object(),
                None => String::new(),
            },
        }
    }

    /// What the step attempts, for messages: "cannot add".
    pub fn attempt(&self) -> &'static str {
        match self {
            Step::AddService { .. } | Step::AddServer { .. } => "cannot add",
            Step::ChangeService { .. } | Step::ChangeServer { .. } => "cannot change",
            Step::RemoveService { .. } | Step::RemoveServer { .. } => "cannot remove",
            Step::SetChain { .. } => "cannot set",
            Step::Set { settings } => {
                let first = settings.first();
                first.map_or("cannot set", |change| {
                    change.key.facts().attempts(change.to.is_some())
                })
            }
        }
    }
}
