//! How services are doing: what can be read cheaply of all of them, once a second.
//!
//! Source of truth: ip_vs_info_seq_show in net/netfilter/ipvs/ip_vs_ctl.c for the servers, the
//! statistics of the services themselves for the rest.

use std::collections::BTreeMap;

use super::key::{ServerKey, ServiceKey};
use super::live::Live;
use super::server::{Forwarding, Weight};
use super::service::Scheduler;
use super::traffic::{Traffic, Usage};

/// How one service is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceLoad {
    /// How it chooses a server.
    pub scheduler: Scheduler,
    /// What went through it; removed servers are in it.
    pub usage: Usage,
    /// Its servers.
    pub servers: BTreeMap<ServerKey, ServerLoad>,
}

/// How one server is doing; what went through it is not known so cheaply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLoad {
    /// How packets reach it.
    pub forward: Forwarding,
    /// Its weight; 0: no new connections.
    pub weight: Weight,
    /// Active connections.
    pub active: u32,
    /// Inactive connections.
    pub inactive: u32,
}

/// How services are doing.
pub type Load = BTreeMap<ServiceKey, ServiceLoad>;

/// The load, from what costs more to read.
pub fn load(live: &Live, traffic: &Traffic) -> Load {
    let services = live.rules.services.iter();
    let one = services.map(|(key, service)| {
        let servers = live.servers_of(key).unwrap_or_default().into_iter();
        let servers = servers.map(|(key, server)| {
            let load = ServerLoad {
                forward: server.options.forward,
                weight: server.options.weight,
                active: server.counts.active,
                inactive: server.counts.inactive,
            };
            (key, load)
        });
        let load = ServiceLoad {
            scheduler: service.options.scheduler.clone(),
            usage: traffic.get(key).map(|one| one.total).unwrap_or_default(),
            servers: servers.collect(),
        };
        (*key, load)
    });
    one.collect()
}
