//! The order in which addresses are asked early, when a server of another address begins to fail.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::super::finding::Target;
use super::schedule::Schedule;

/// All checked addresses, in a random order; those that were asked early last are at the end.
#[derive(Debug, Default)]
pub(super) struct EarlyRuns {
    order: VecDeque<Address>,
}

/// An address with checked servers.
#[derive(Debug)]
pub(super) struct Address {
    /// The address.
    pub(super) addr: IpAddr,
    /// Its servers.
    pub(super) targets: Vec<Target>,
    /// When it may be asked early again.
    pub(super) next_at: Duration,
}

impl EarlyRuns {
    /// Takes the checked servers. Addresses that were known keep their time; new ones shuffle the order.
    pub(super) fn set<'a>(
        &mut self,
        targets: impl Iterator<Item = &'a Target>,
        schedule: &mut Schedule,
    ) {
        let mut by_addr: BTreeMap<IpAddr, Vec<Target>> = BTreeMap::new();
        for target in targets {
            by_addr.entry(target.server.addr).or_default().push(*target);
        }
        self.order.retain_mut(|address| {
            let targets = by_addr.remove(&address.addr);
            let is_known = targets.is_some();
            address.targets = targets.unwrap_or_default();
            is_known
        });
        if by_addr.is_empty() {
            return;
        }
        let new = by_addr.into_iter().map(|(addr, targets)| Address {
            addr,
            targets,
            next_at: Duration::ZERO,
        });
        self.order.extend(new);
        for last in (1..self.order.len()).rev() {
            self.order.swap(last, schedule.below(last + 1));
        }
    }

    /// How many addresses there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Takes the first address out.
    pub(super) fn take_first(&mut self) -> Option<Address> {
        self.order.pop_front()
    }

    /// Puts an address to the end.
    pub(super) fn put_last(&mut self, address: Address) {
        self.order.push_back(address);
    }
}
