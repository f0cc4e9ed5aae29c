//! What was read at one moment: services and servers with their numbers.

use std::collections::BTreeMap;

use crate::health::{Situation, State, Target};
use crate::model::{Forwarding, Load, ServerKey, ServiceKey, Usage, Weight};

/// What was read at one moment.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// The services, in the order of their keys.
    pub services: Vec<Service>,
    /// When: the time of day.
    pub time: String,
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// The service.
    pub key: ServiceKey,
    /// The scheduler's name.
    pub scheduler: String,
    /// Its numbers; its connections are those of its servers.
    pub figures: Figures,
    /// Its servers, in the order of their keys.
    pub servers: Vec<Server>,
}

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    /// The server.
    pub key: ServerKey,
    /// How packets reach it.
    pub forward: Forwarding,
    /// Its weight.
    pub weight: Weight,
    /// Where its checks say that it stands, where that is not up.
    pub situation: Option<Situation>,
    /// Its numbers.
    pub figures: Figures,
}

impl Picture {
    /// The picture of a load, with what the checks found.
    pub fn of(load: &Load, state: &State, time: String) -> Picture {
        let services = load.iter().map(|(key, one)| {
            let service = *key;
            let servers: Vec<Server> = one
                .servers
                .iter()
                .map(|(key, server)| Server {
                    key: *key,
                    forward: server.forward,
                    weight: server.weight,
                    situation: situation(state, service, *key),
                    figures: Figures {
                        usage: None,
                        active: server.active.into(),
                        inactive: server.inactive.into(),
                    },
                })
                .collect();
            Service {
                key: *key,
                scheduler: one.scheduler.to_string(),
                figures: Figures {
                    usage: Some(one.usage),
                    active: servers.iter().map(|s| s.figures.active).sum(),
                    inactive: servers.iter().map(|s| s.figures.inactive).sum(),
                },
                servers,
            }
        });
        Picture {
            services: services.collect(),
            time,
        }
    }

    /// A service of it.
    pub fn service(&self, key: &ServiceKey) -> Option<&Service> {
        let at = self.services.binary_search_by(|s| s.key.cmp(key)).ok()?;
        self.services.get(at)
    }

    /// Adds what went through the servers of a service.
    pub fn add(&mut self, key: &ServiceKey, usages: &BTreeMap<ServerKey, Usage>) {
        let at = self.services.binary_search_by(|s| s.key.cmp(key));
        let service = at.ok().and_then(|at| self.services.get_mut(at));
        for server in service.into_iter().flat_map(|s| &mut s.servers) {
            // One that came meanwhile counts from the next time on.
            server.figures.usage = Some(usages.get(&server.key).copied().unwrap_or_default());
        }
    }
}

impl Service {
    /// A server of it.
    pub fn server(&self, key: &ServerKey) -> Option<&Server> {
        self.servers.iter().find(|server| server.key == *key)
    }

    /// Says whether what went through its servers was read.
    pub fn is_known(&self) -> bool {
        self.servers.iter().all(|s| s.figures.usage.is_some())
    }
}

fn situation(state: &State, service: ServiceKey, server: ServerKey) -> Option<Situation> {
    let deviation = state.servers.get(&Target { service, server });
    deviation.map(|deviation| deviation.situation)
}

/// The numbers of many together.
pub fn sum<'a>(all: impl Iterator<Item = &'a Figures>) -> Figures {
    let mut sum = Figures::default();
    let mut usage = Usage::default();
    for one in all {
        sum.active += one.active;
        sum.inactive += one.inactive;
        let Some(more) = one.usage else { continue };
        let (stats, rates) = (&mut usage.stats, &mut usage.rates);
        for (into, number) in [
            (&mut stats.connections, more.stats.connections),
            (&mut stats.in_packets, more.stats.in_packets),
            (&mut stats.out_packets, more.stats.out_packets),
            (&mut stats.in_bytes, more.stats.in_bytes),
            (&mut stats.out_bytes, more.stats.out_bytes),
            (&mut rates.cps, more.rates.cps),
            (&mut rates.in_pps, more.rates.in_pps),
            (&mut rates.out_pps, more.rates.out_pps),
            (&mut rates.in_bps, more.rates.in_bps),
            (&mut rates.out_bps, more.rates.out_bps),
        ] {
            *into = into.saturating_add(number);
        }
    }
    sum.usage = Some(usage);
    sum
}

/// The numbers of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// What goes and went through; none where it was not read.
    pub usage: Option<Usage>,
    /// Active connections.
    pub active: u64,
    /// Inactive connections.
    pub inactive: u64,
}
