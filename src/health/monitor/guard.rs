//! The guard: where nearly all servers fail at once, this host itself is suspect.
//!
//! Servers are counted by address, over all services. An address begins to fail when a proven check of
//! it fails for the first time in a row while the server is up; any check of it that passes ends that.
//!
//! A server that refuses falls within `(fall - 1) * retry_interval` of its first failure, which may be
//! before the last of the others was asked. Servers that fell before the guard came on stay out: that
//! they fail together was not known then, and a dead server put back would get new connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// The fewest addresses of which all must fail.
const ALL_OF: usize = 3;
/// The fewest addresses of which 80 % are enough.
const MOST_OF: usize = 5;

/// What the guard knows.
#[derive(Debug)]
pub(super) struct Guard {
    /// How long it stays on; zero: never on.
    length: Duration,
    /// Addresses with servers that are up, and how many.
    up: BTreeMap<IpAddr, usize>,
    /// Addresses that began to fail, and until when they count as failing together.
    fresh: BTreeMap<IpAddr, Duration>,
    /// The same, by time.
    by_time: BTreeSet<(Duration, IpAddr)>,
    /// Those of them that have no server up any more.
    fallen: BTreeSet<IpAddr>,
    /// While it is on.
    active: Option<Active>,
}

/// A guard that is on.
#[derive(Debug)]
struct Active {
    until: Duration,
    /// The addresses that failed since it came on, or made it come on.
    suspects: BTreeSet<IpAddr>,
    /// Those that still fail.
    failing: BTreeSet<IpAddr>,
}

/// The guard came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm {
    /// The addresses that failed within one interval.
    pub(super) failed: usize,
    /// The addresses that were up before.
    pub(super) of: usize,
}

impl Guard {
    /// A guard that is not on.
    pub(super) fn new(length: Duration) -> Guard {
        Guard {
            length,
            up: BTreeMap::new(),
            fresh: BTreeMap::new(),
            by_time: BTreeSet::new(),
            fallen: BTreeSet::new(),
            active: None,
        }
    }

    /// One more server of the address is up.
    pub(super) fn came_up(&mut self, addr: IpAddr) {
        *self.up.entry(addr).or_default() += 1;
        self.fallen.remove(&addr);
    }

    /// One server of the address is up no more.
    pub(super) fn went_down(&mut self, addr: IpAddr) {
        let Some(count) = self.up.get_mut(&addr) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.up.remove(&addr);
            if self.fresh.contains_key(&addr) {
                self.fallen.insert(addr);
            }
        }
    }

    /// No server of the address is checked any more.
    pub(super) fn forget(&mut self, addr: IpAddr) {
        self.up.remove(&addr);
        self.clear(addr);
        if let Some(active) = &mut self.active {
            active.suspects.remove(&addr);
            active.failing.remove(&addr);
        }
    }

    /// A check of the address passed.
    pub(super) fn passed(&mut self, addr: IpAddr) {
        self.clear(addr);
        if let Some(active) = &mut self.active {
            active.failing.remove(&addr);
        }
    }

    /// The address began to fail; it counts as failing together with others until `fresh_until`.
    /// Returns what there is to tell if the guard comes on.
    pub(super) fn failed(
        &mut self,
        addr: IpAddr,
        now: Duration,
        fresh_until: Duration,
    ) -> Option<Alarm> {
        if self.length.is_zero() {
            return None;
        }
        if let Some(active) = &mut self.active {
            active.suspects.insert(addr);
            active.failing.insert(addr);
        }
        if let Some(before) = self.fresh.get(&addr).copied() {
            self.by_time.remove(&(before, addr));
        }
        self.fresh.insert(addr, fresh_until);
        self.by_time.insert((fresh_until, addr));
        while let Some((until, addr)) = self.by_time.first().copied().filter(|it| it.0 < now) {
            self.by_time.remove(&(until, addr));
            self.fresh.remove(&addr);
            self.fallen.remove(&addr);
        }
        let (failed, of) = (self.fresh.len(), self.up.len() + self.fallen.len());
        let is_all = of >= ALL_OF && failed >= of;
        let is_most = of >= MOST_OF && failed * 5 >= of * 4;
        if self.active.is_some() || !(is_all || is_most) {
            return None;
        }
        let suspects: BTreeSet<IpAddr> = self.fresh.keys().copied().collect();
        self.active = Some(Active {
            until: now + self.length,
            failing: suspects.clone(),
            suspects,
        });
        Some(Alarm { failed, of })
    }

    /// Until when it is on.
    pub(super) fn until(&self) -> Option<Duration> {
        self.active.as_ref().map(|active| active.until)
    }

    /// Returns true if fewer than half of the suspects still fail.
    pub(super) fn is_recovered(&self) -> bool {
        let halves = |active: &Active| active.failing.len() * 2 < active.suspects.len().max(1);
        self.active.as_ref().is_some_and(halves)
    }

    /// Ends it; returns how many addresses still fail if it was on. They set it off no second time.
    pub(super) fn end(&mut self) -> Option<usize> {
        let active = self.active.take()?;
        self.fresh.clear();
        self.by_time.clear();
        self.fallen.clear();
        Some(active.failing.len())
    }

    /// The address fails no more, or is gone.
    fn clear(&mut self, addr: IpAddr) {
        if let Some(until) = self.fresh.remove(&addr) {
            self.by_time.remove(&(until, addr));
        }
        self.fallen.remove(&addr);
    }
}
