//! The real servers of many services.
//!
//! May import: `model`, `ipvs`, siblings. Each service's servers are a dump of its own, and a
//! socket has room for one at a time. While the kernel answers on one, what came over the other is
//! taken apart: those of many services are read over two sockets at once.

use std::collections::BTreeMap;

use super::convert;
use crate::ipvs::{Detail, IpvsClient, IpvsError, ServiceId};
use crate::model::{Counts, RealServer, ServerKey, ServerLoad};
use crate::threads::{alone, beside};

/// From so many services on a second socket is worth a thread.
const MANY: usize = 256;

/// The servers of one service.
#[derive(Default)]
pub(super) struct Servers {
    pub(super) options: BTreeMap<ServerKey, RealServer>,
    /// Connections, of those that have some.
    pub(super) counts: BTreeMap<ServerKey, Counts>,
}

/// Reads the servers of services, in their order.
///
/// # Errors
/// As [`IpvsClient::destinations`], and where a second socket cannot be opened.
pub(super) fn read(
    client: &mut IpvsClient,
    services: &[ServiceId],
) -> Result<Vec<Servers>, IpvsError> {
    if alone() || services.len() < MANY {
        return one_by_one(client, services);
    }
    let (first, second) = services.split_at(services.len() / 2);
    // Here, not in the thread: a socket belongs to the network namespace of whoever opens it.
    let mut other = IpvsClient::open()?;
    let (read, rest) = beside(
        || one_by_one(client, first),
        || one_by_one(&mut other, second),
    );
    let mut read = read?;
    read.append(&mut rest?);
    Ok(read)
}

/// Reads how the servers of one service are doing.
///
/// # Errors
/// As [`IpvsClient::destinations`].
pub(super) fn load(
    client: &mut IpvsClient,
    service: &ServiceId,
) -> Result<BTreeMap<ServerKey, ServerLoad>, IpvsError> {
    let destinations = client.destinations_in(service, Detail::WithoutStats)?;
    let servers = destinations.iter().map(|destination| {
        let (key, options, counts) = convert::server(destination);
        let load = ServerLoad {
            forward: options.forward,
            weight: options.weight,
            active: counts.active,
            inactive: counts.inactive,
        };
        (key, load)
    });
    Ok(servers.collect())
}

fn one_by_one(client: &mut IpvsClient, services: &[ServiceId]) -> Result<Vec<Servers>, IpvsError> {
    let of_one = |service| {
        let mut servers = Servers::default();
        for destination in client.destinations_in(service, Detail::WithoutStats)? {
            let (key, options, counts) = convert::server(&destination);
            servers.options.insert(key, options);
            if counts != Counts::default() {
                servers.counts.insert(key, counts);
            }
        }
        Ok(servers)
    };
    services.iter().map(of_one).collect()
}
