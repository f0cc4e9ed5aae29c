//! When a server begins to fail: runs checks of other servers at once, whose results show whether this
//! host is at fault.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::super::finding::Target;
use super::super::now::Now;
use super::super::transition::Standing;
use super::early_runs::Address;
use super::machine::Monitor;

/// The most addresses to ask for one failure.
const ASKED: usize = 5;
/// The most addresses to look at for one failure.
const LOOKED_AT: usize = 64;
/// The most servers of one address to look at.
const SERVERS_LOOKED_AT: usize = 8;

impl Monitor {
    /// Runs the checks of a server each of a few other addresses at once, no address more than once in
    /// its interval. Where nearly all servers fail, each that fails has others asked, until all were.
    pub(super) fn ask_others(&mut self, failing: &BTreeSet<IpAddr>, now: Now) {
        if !self.guard.can_come_on() || self.guard.until().is_some() {
            return;
        }
        let mut asked = 0;
        for _ in 0..self.early_runs.len().min(LOOKED_AT) {
            let Some(mut address) = self.early_runs.take_first() else {
                return;
            };
            let may_ask = !failing.contains(&address.addr)
                && address.next_at <= now.monotonic
                && self.guard.is_good(address.addr);
            if may_ask && let Some(target) = self.passing_server(&address) {
                address.next_at = now.monotonic + self.ask(target, now);
                asked += 1;
            }
            self.early_runs.put_last(address);
            if asked == ASKED {
                return;
            }
        }
    }

    /// A server of the address that is up and passed all its checks when they last ran.
    fn passing_server(&mut self, address: &Address) -> Option<Target> {
        let count = address.targets.len();
        let start = self.schedule.below(count);
        let targets = address.targets.iter().cycle().skip(start).copied();
        let mut targets = targets.take(count.min(SERVERS_LOOKED_AT));
        targets.find(|target| {
            let server = self.servers.get(target);
            server.is_some_and(|server| server.standing == Standing::Up)
                && self.passed_since(*target).is_some()
        })
    }

    /// Runs all checks of a server at once; returns the longest of their intervals.
    fn ask(&mut self, target: Target, now: Now) -> Duration {
        let checks = self.servers.get(&target).map(|server| &server.checks);
        let ids: Vec<_> = checks.into_iter().flatten().map(|it| it.probe).collect();
        let mut longest = Duration::ZERO;
        for id in ids {
            let interval = self.probes.get(&id).map(|probe| probe.interval());
            longest = longest.max(interval.unwrap_or_default());
            self.run_at_once(id, now);
        }
        longest
    }
}
