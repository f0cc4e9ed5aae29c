//! The counters of IPVS before and after the requests, on a host that has services of their addresses.
//!
//! Source of truth: ip_vs_in_stats and ip_vs_out_stats in ip_vs_core.c, ip_vs_est.c
//! (net/netfilter/ipvs/).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::url::Target;
use crate::error::{Error, Kind, Result};
use crate::kernel::{self, Kernel, Part};
use crate::model::{Counters, Extent, Forwarding, Protocol, ServerKey, ServiceKey, count};
use crate::signals::SLICE;

/// The kernel sums the counters of its processors up every two seconds.
const SUMMED_UP: Duration = Duration::from_millis(2300);

/// What the counters of IPVS did.
#[derive(Debug, Default)]
pub struct Counted {
    /// The services that the requests went to, as far as this host has them.
    pub services: Vec<ServiceChange>,
    /// Why the counters could not be read, where this host has such a service.
    pub unread: Option<Error>,
}

/// What the counters of a service did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChange {
    /// The service.
    pub service: ServiceKey,
    /// Its servers.
    pub servers: Vec<ServerChange>,
}

/// What the counters of a real server did. Other clients count too, and what came up to two seconds
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerChange {
    /// The server.
    pub server: ServerKey,
    /// How packets reach it.
    pub forward: Forwarding,
    /// Connections given to it.
    pub connections: u64,
    /// Packets of clients.
    pub in_packets: u64,
    /// Packets of the server; none where its answers do not pass this host.
    pub out_packets: Option<u64>,
}

impl ServerChange {
    /// Returns true if it got packets and sent none, where its packets would have passed this host.
    pub fn is_silent(&self) -> bool {
        self.in_packets > 0 && self.out_packets == Some(0)
    }

    /// What is wrong with it: `10.0.0.12:80 got 5 connections and sent nothing back`.
    pub fn finding(&self) -> Option<String> {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let got = match self.connections {
            0 => count(number(self.in_packets), "packet"),
            connections => count(number(connections), "connection"),
        };
        self.is_silent()
            .then(|| format!("{} got {got} and sent nothing back", self.server))
    }
}

impl Counted {
    /// Returns true if there is a server that got packets and whose answers do not pass this host.
    pub fn has_unseen_answers(&self) -> bool {
        let mut servers = self.services.iter().flat_map(|one| &one.servers);
        servers.any(|server| server.in_packets > 0 && server.out_packets.is_none())
    }
}

type Servers = BTreeMap<ServerKey, (Forwarding, Counters)>;
type Services = BTreeMap<ServiceKey, Servers>;

/// The counters before the requests.
#[derive(Debug)]
pub(super) struct Before(Result<Services>);

impl Before {
    /// Reads the counters of the services that the requests go to, where there are such services.
    pub fn read(kernel: &mut dyn Kernel, targets: &[Target]) -> Before {
        let possible: BTreeSet<ServiceKey> = targets.iter().flat_map(services_of).collect();
        let services = read(kernel, &possible).map(|mut services| {
            let taken: BTreeSet<ServiceKey> = targets
                .iter()
                .filter_map(|target| services_of(target).find(|key| services.contains_key(key)))
                .collect();
            services.retain(|key, _| taken.contains(key));
            services
        });
        // Without rights only the table that every user may read says whether this is a director.
        Before(match services {
            Err(error) if error.kind() == Kind::NotPermitted && !kernel::lists(&possible) => {
                Ok(Services::new())
            }
            services => services,
        })
    }

    /// Reads the counters again and compares, as soon as the kernel has summed them up.
    pub fn compare(self, kernel: &mut dyn Kernel, is_over: &dyn Fn() -> bool) -> Counted {
        let after = self.0.and_then(|before| match before.is_empty() {
            true => Ok(Vec::new()),
            false => {
                let keys = before.keys().copied().collect();
                wait(is_over);
                Ok(changes(&before, &read(kernel, &keys)?))
            }
        });
        match after {
            Ok(services) => Counted {
                services,
                unread: None,
            },
            Err(error) => Counted {
                services: Vec::new(),
                unread: Some(error.object("counters of the servers")),
            },
        }
    }
}

/// The services of IPVS that a request may go to, the one that the kernel prefers first
/// (ip_vs_service_find in ip_vs_ctl.c).
fn services_of(target: &Target) -> impl Iterator<Item = ServiceKey> + use<> {
    let addr = target.addr.ip();
    [target.addr.port(), 0]
        .into_iter()
        .map(move |port| ServiceKey::Address {
            protocol: Protocol::TCP,
            addr,
            port,
        })
}

/// The counters of those of some services that the kernel has.
fn read(kernel: &mut dyn Kernel, keys: &BTreeSet<ServiceKey>) -> Result<Services> {
    let part = Part {
        services: Extent::Services(keys.clone()),
        marks: false,
        may_lack_ipvs: true,
        ..Part::whole()
    };
    let live = kernel.observe_part(&part)?;
    let mut services = Services::new();
    for key in keys {
        let Some(service) = live.rules.services.get(key) else {
            continue;
        };
        for (key, traffic) in kernel.traffic(Some(key))? {
            let forward = |server: &ServerKey| service.servers.get(server).map(|one| one.forward);
            let servers = traffic
                .servers
                .iter()
                .filter_map(|(server, usage)| Some((*server, (forward(server)?, usage.stats))));
            services.insert(key, servers.collect());
        }
    }
    Ok(services)
}

/// What became of the counters; those of a server that is new began at 0.
fn changes(before: &Services, after: &Services) -> Vec<ServiceChange> {
    let none = Servers::new();
    let of_service = |(service, servers): (&ServiceKey, &Servers)| {
        let then = before.get(service).unwrap_or(&none);
        let of_server = |(server, (forward, now)): (&ServerKey, &(Forwarding, Counters))| {
            let then = then.get(server).map_or_else(Counters::default, |one| one.1);
            // Only masquerading has the answers pass this host.
            let is_seen = *forward == Forwarding::Masq;
            let sent = now.out_packets.saturating_sub(then.out_packets);
            ServerChange {
                server: *server,
                forward: *forward,
                connections: now.connections.saturating_sub(then.connections),
                in_packets: now.in_packets.saturating_sub(then.in_packets),
                out_packets: is_seen.then_some(sent),
            }
        };
        ServiceChange {
            service: *service,
            servers: servers.iter().map(of_server).collect(),
        }
    };
    after.iter().map(of_service).collect()
}

fn wait(is_over: &dyn Fn() -> bool) {
    let began = Instant::now();
    while began.elapsed() < SUMMED_UP && !is_over() {
        std::thread::sleep(SLICE);
    }
}
