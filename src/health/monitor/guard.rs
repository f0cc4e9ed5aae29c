//! The guard: where nearly all servers fail at once, this host itself is suspect.
//!
//! Servers are counted by address, over all services. An address begins to fail when a proven check of
//! it fails for the first time in a row while the server is up; any check of it that passes ends that.
//!
//! A server that refuses reaches `fall` failures within `(fall - 1) * retry_interval` of its first
//! failure, which may be before any other server was asked. So a server falls only with evidence that
//! this host is not at fault: a server of another address has passed since, or the window of the check
//! is over and the guard did not come on. Servers that fell before the guard came on stay out: a dead
//! server put back would get new connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::probe::Failing;

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
    /// When it last ended: what failed before then falls without further evidence.
    ended: Option<Duration>,
    /// The latest passes, of two different addresses.
    latest_passes: [Option<(Duration, IpAddr)>; 2],
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
            ended: None,
            latest_passes: [None, None],
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
        let (failed, of) = (self.fresh.len(), self.counted());
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

    /// All checks of a server of the address passed, in runs that began at this time or later.
    pub(super) fn server_passed(&mut self, addr: IpAddr, began: Duration) {
        let [first, second] = &mut self.latest_passes;
        if let Some(known) = first.as_mut().filter(|known| known.1 == addr) {
            known.0 = known.0.max(began);
        } else if first.is_none_or(|known| known.0 <= began) {
            *second = first.replace((began, addr));
        } else if second.is_none_or(|known| known.0 <= began) {
            *second = Some((began, addr));
        }
    }

    /// Returns true if a server of the address whose check fails may go down: nothing says that this
    /// host is at fault.
    pub(super) fn may_fall(&self, addr: IpAddr, failing: Failing, now: Duration) -> bool {
        let passes = self.latest_passes.iter().flatten();
        let mut others = passes.filter(|pass| pass.1 != addr);
        !self.can_come_on()
            || now >= failing.until
            || self.ended.is_some_and(|ended| failing.began <= ended)
            || others.any(|pass| pass.0 >= failing.began)
    }

    /// Returns true if it is not switched off and there are enough addresses for it.
    pub(super) fn can_come_on(&self) -> bool {
        !self.length.is_zero() && self.counted() >= ALL_OF
    }

    /// Returns true if a server of the address is up, and the address does not fail already.
    pub(super) fn is_good(&self, addr: IpAddr) -> bool {
        self.up.contains_key(&addr) && !self.fresh.contains_key(&addr)
    }

    /// The addresses that are up, or were until they began to fail.
    fn counted(&self) -> usize {
        self.up.len() + self.fallen.len()
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
    pub(super) fn end(&mut self, now: Duration) -> Option<usize> {
        let active = self.active.take()?;
        self.ended = Some(now);
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
