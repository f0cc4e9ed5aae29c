//! The state machine: runs are handed out, results come in, servers go down and come up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::super::finding::{Finding, Target, Verdict};
use super::super::now::Now;
use super::super::state::{Deviation, State};
use super::super::transition::{Decisions, GuardChange, GuardNews, Standing, Transition};
use super::early_runs::EarlyRuns;
use super::guard::Guard;
use super::pending_falls::PendingFalls;
use super::probe::{Job, LATENESS, Probe, ProbeKey, Run};
use super::schedule::{ProbeId, Schedule};
use super::server::{CheckResult, ProofId, Server, ServerCheck, failing, judge};
use super::tally::Counted;
use crate::model::{Check, ServerKey, Servers, ServiceKey};

/// The least time from the start of a run to the next one of the same probe.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// The first of all servers of a service, in their order.
const FIRST_SERVER: ServerKey = ServerKey {
    addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    port: 0,
};

/// What the operator chooses for all checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorOptions {
    /// How long the guard keeps servers in where nearly all fail at once; default 60 s, 0 turns it off.
    pub guard: Duration,
    /// What the random spread of runs begins with.
    pub seed: u64,
}

impl Default for MonitorOptions {
    fn default() -> MonitorOptions {
        MonitorOptions {
            guard: Duration::from_secs(60),
            seed: 0,
        }
    }
}

/// What the daemon knows of all checks.
#[derive(Debug)]
pub struct Monitor {
    /// The checked servers.
    pub(super) servers: BTreeMap<Target, Server>,
    /// The probes that they take results from.
    pub(super) probes: BTreeMap<ProbeId, Probe>,
    /// The same, by what they run.
    pub(super) probe_ids: BTreeMap<ProbeKey, ProbeId>,
    /// The probes that have not finished a run yet.
    pub(super) unfinished: BTreeSet<ProbeId>,
    /// The checks of services, and whether they passed on some server.
    pub(super) proofs: BTreeMap<ProofId, bool>,
    /// The same, by service and check.
    pub(super) proof_ids: BTreeMap<(ServiceKey, Arc<Check>), ProofId>,
    /// The number of the next probe or proof.
    pub(super) next_id: u64,
    /// When probes run.
    pub(super) schedule: Schedule,
    /// Whether this host is suspect.
    pub(super) guard: Guard,
    /// The servers that would be down but for the guard.
    pub(super) held: BTreeSet<Target>,
    /// The servers that failed often enough to be down, without evidence that this host is not at fault.
    pub(super) pending_falls: PendingFalls,
    /// Which servers to ask for that evidence.
    pub(super) early_runs: EarlyRuns,
    /// What happened to the guard and was not told yet.
    guard_changes: Vec<GuardChange>,
    /// The servers that are not up.
    pub(super) state: State,
    /// The servers whose standing the daemon has to write.
    pub(super) pending: BTreeSet<Target>,
    /// Servers that lost their checks while they were not up.
    pub(super) leaving: BTreeMap<Target, Transition>,
    /// All servers of the last rules, checked or not; none before the first.
    pub(super) known: Option<BTreeMap<ServiceKey, Servers>>,
    /// How often a server was judged.
    #[cfg(test)]
    pub(super) judged: u64,
}

impl Monitor {
    /// A monitor without rules.
    pub fn new(options: MonitorOptions) -> Monitor {
        Monitor {
            servers: BTreeMap::new(),
            probes: BTreeMap::new(),
            probe_ids: BTreeMap::new(),
            unfinished: BTreeSet::new(),
            proofs: BTreeMap::new(),
            proof_ids: BTreeMap::new(),
            next_id: 0,
            schedule: Schedule::new(options.seed),
            guard: Guard::new(options.guard),
            held: BTreeSet::new(),
            pending_falls: PendingFalls::default(),
            early_runs: EarlyRuns::default(),
            guard_changes: Vec::new(),
            state: State::default(),
            pending: BTreeSet::new(),
            leaving: BTreeMap::new(),
            known: None,
            #[cfg(test)]
            judged: 0,
        }
    }

    /// Hands out the runs whose time has come. A probe runs again only after its result was given to
    /// [`Monitor::finish`].
    pub fn due(&mut self, now: Now) -> Vec<Job> {
        let mut jobs = Vec::new();
        while let Some((at, id)) = self.schedule.next(now.monotonic) {
            let Some(probe) = self.probes.get_mut(&id) else {
                continue;
            };
            probe.due = None;
            probe.run = Some(Run {
                started: now.monotonic,
                is_late: now.monotonic.saturating_sub(at) > LATENESS,
            });
            if let Some(user) = probe.users.first() {
                jobs.push(Job {
                    id,
                    check: Arc::clone(&user.check),
                    target: user.target,
                });
            }
        }
        jobs
    }

    /// When [`Monitor::due`] or [`Monitor::decide`] next has something to do, on the monotonic clock.
    pub fn next_due(&self) -> Option<Duration> {
        let all = [
            self.schedule.first(),
            self.guard.until(),
            self.pending_falls.first_end(),
        ];
        all.into_iter().flatten().min()
    }

    /// Takes the result of a run. The result of a probe that is gone, or that was not handed out, is
    /// ignored; so is one that came so late that this host cannot have timed it.
    pub fn finish(&mut self, id: ProbeId, now: Now, mut finding: Finding) {
        let Some(probe) = self.probes.get_mut(&id) else {
            return;
        };
        let Some(run) = probe.run.take() else {
            return;
        };
        let latest = run.started + probe.timeout() + LATENESS;
        if run.is_late || now.monotonic > latest {
            finding.verdict = Verdict::NoResult("this host was late".to_owned());
        }
        let counted = probe.tally.add(finding);
        probe.count(counted, run.started, now.monotonic);
        self.unfinished.remove(&id);
        let window = probe.window();
        let users: Vec<Target> = probe.users.iter().map(|user| user.target).collect();
        match counted {
            Counted::Nothing => {}
            Counted::Pass => self.passed(id, &users, now),
            Counted::FirstFailure => self.failed(id, &users, window, now),
            Counted::Failure => {}
        }
        if counted != Counted::Nothing {
            for target in users {
                self.judge(target, now);
            }
            if counted == Counted::Pass {
                for target in self.pending_falls.begun_by(run.started) {
                    self.judge(target, now);
                }
            }
            if self.guard.is_recovered() {
                self.end_guard(now, |failing| GuardNews::Recovered { failing });
            }
        }
        self.plan_next_run(id, run.started, now);
    }

    /// The transitions to write, and what happened to the guard.
    pub fn decide(&mut self, now: Now) -> Decisions {
        if self
            .guard
            .until()
            .is_some_and(|until| until <= now.monotonic)
        {
            self.end_guard(now, |failing| GuardNews::Expired { failing });
        }
        for target in self.pending_falls.take_ended(now.monotonic) {
            self.judge(target, now);
        }
        let of_servers = self.pending.iter().filter_map(|target| {
            let server = self.servers.get(target)?;
            Some(Transition {
                time: server.since,
                target: *target,
                from: server.written,
                to: server.standing,
                reason: server.reason.clone().unwrap_or_default(),
            })
        });
        let mut transitions: Vec<_> = of_servers.chain(self.leaving.values().cloned()).collect();
        transitions.sort_by_key(|transition| transition.target);
        Decisions {
            transitions,
            guard: std::mem::take(&mut self.guard_changes),
        }
    }

    /// Takes note that the daemon wrote a transition, to the state and to the kernel. One that was not
    /// written comes again, unless the server is back where it was.
    pub fn written(&mut self, transition: &Transition) {
        let target = transition.target;
        if let Some(server) = self.servers.get_mut(&target) {
            server.written = transition.to;
            server.taken_out_by_hand &= transition.to != Standing::Up;
            if server.written == server.standing {
                self.pending.remove(&target);
            } else {
                self.pending.insert(target);
            }
        } else if self.leaving.get(&target) == Some(transition) {
            self.leaving.remove(&target);
        }
    }

    /// Takes note that somebody else had taken a server out before it went down: it stays out when its
    /// checks pass.
    pub fn taken_out_by_hand(&mut self, target: Target) {
        if let Some(server) = self.servers.get_mut(&target) {
            server.taken_out_by_hand = true;
            self.note(target);
        }
    }

    /// The servers that are not up, by what the checks say now: what the kernel has to follow.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The servers that are not up, by what the daemon last wrote: what the kernel was last told. It
    /// differs from [`Monitor::state`] by the transitions of [`Monitor::decide`].
    pub fn written_state(&self) -> State {
        let mut state = self.state.clone();
        let mut put = |target: Target, written: Standing, since, reason| match written.situation() {
            Some(situation) => {
                let server = self.servers.get(&target);
                let deviation = Deviation {
                    situation,
                    since,
                    reason,
                    taken_out_by_hand: server.is_some_and(|server| server.taken_out_by_hand),
                };
                state.servers.insert(target, deviation);
            }
            None => {
                state.servers.remove(&target);
            }
        };
        for target in &self.pending {
            if let Some(server) = self.servers.get(target) {
                let reason = server.reason.clone().unwrap_or_default();
                put(*target, server.written, server.since, reason);
            }
        }
        for (target, left) in &self.leaving {
            put(*target, left.from, left.time, left.reason.clone());
        }
        state
    }

    /// Ends the guard: servers that still fail go down at the next [`Monitor::decide`]. Returns false
    /// if it was not on.
    pub fn unfreeze(&mut self, now: Now) -> bool {
        self.end_guard(now, |failing| GuardNews::Unfrozen { failing })
    }

    /// Returns true once there are rules and every probe has finished a run.
    pub fn is_ready(&self) -> bool {
        self.known.is_some() && self.unfinished.is_empty()
    }

    /// Puts a probe into the queue for its first run, somewhere within its interval.
    pub(super) fn plan_first_run(&mut self, id: ProbeId, now: Now) {
        if let Some(probe) = self.probes.get_mut(&id) {
            let at = now.monotonic + self.schedule.part(probe.interval());
            probe.due = Some(at);
            self.schedule.add(at, id);
        }
    }

    /// Puts a probe into the queue again after a run.
    fn plan_next_run(&mut self, id: ProbeId, started: Duration, now: Now) {
        let Some(probe) = self.probes.get_mut(&id) else {
            return;
        };
        let is_long_down = probe.users.iter().all(|user| {
            let server = self.servers.get(&user.target);
            server.is_some_and(|server| server.is_long_down(now.monotonic))
        });
        let is_early = std::mem::take(&mut probe.again) && probe.tally.is_passing();
        let span = if is_early {
            Duration::ZERO
        } else if probe.is_undecided() {
            probe.retry_interval()
        } else {
            let interval = probe.interval();
            let slow = if is_long_down { interval * 2 } else { interval };
            self.schedule.jittered(slow)
        };
        let at = (started + span.max(LEAST_INTERVAL)).max(now.monotonic);
        probe.due = Some(at);
        self.schedule.add(at, id);
    }

    /// Puts a probe that waits for its next run to the head of the queue. One that runs now may have
    /// begun before a fault: if that run passes, another follows at once.
    pub(super) fn run_at_once(&mut self, id: ProbeId, now: Now) {
        let Some(probe) = self.probes.get_mut(&id) else {
            return;
        };
        match probe.due {
            None => probe.again = true,
            Some(due) if due > now.monotonic => {
                probe.due = Some(now.monotonic);
                self.schedule.remove(due, id);
                self.schedule.add(now.monotonic, id);
            }
            Some(_) => {}
        }
    }

    /// If all checks of a server passed when they last ran: the earliest start of these runs.
    pub(super) fn passed_since(&self, target: Target) -> Option<Duration> {
        let mut since = None;
        for check in &self.servers.get(&target)?.checks {
            let probe = self.probes.get(&check.probe)?;
            let began = probe.passed.filter(|_| probe.tally.is_passing())?;
            since = Some(since.map_or(began, |since: Duration| since.min(began)));
        }
        since
    }

    /// A probe passed: its check is proven for all services that share it.
    fn passed(&mut self, id: ProbeId, users: &[Target], now: Now) {
        let mut services = BTreeSet::new();
        for target in users {
            self.guard.passed(target.server.addr);
            if let Some(began) = self.passed_since(*target) {
                self.guard.server_passed(target.server.addr, began);
            }
            let checks = self.servers.get(target).map(|server| &server.checks);
            for check in checks
                .into_iter()
                .flatten()
                .filter(|check| check.probe == id)
            {
                if let Some(is_proven) = self.proofs.get_mut(&check.proof)
                    && !*is_proven
                {
                    *is_proven = true;
                    services.insert(target.service);
                }
            }
        }
        for service in services {
            for target in self.targets_of(service) {
                self.judge(target, now);
            }
        }
    }

    /// A probe failed, and did not before. Where its check is not proven, the check is suspect, not
    /// this host.
    fn failed(&mut self, id: ProbeId, users: &[Target], window: Duration, now: Now) {
        let mut failing = BTreeSet::new();
        for target in users {
            let Some(server) = self.servers.get(target) else {
                continue;
            };
            let is_proven = |check: &ServerCheck| self.proofs.get(&check.proof) == Some(&true);
            let mut checks = server.checks.iter().filter(|check| check.probe == id);
            if server.standing != Standing::Up || !checks.any(is_proven) {
                continue;
            }
            let fresh_until = now.monotonic + window;
            let addr = target.server.addr;
            failing.insert(addr);
            if let Some(alarm) = self.guard.failed(addr, now.monotonic, fresh_until)
                && let Some(until) = self.guard.until()
            {
                self.guard_changes.push(GuardChange {
                    time: now.utc,
                    news: GuardNews::On {
                        failed: alarm.failed,
                        of: alarm.of,
                        until: now.utc_at(until),
                    },
                });
                for target in self.pending_falls.take() {
                    self.judge(target, now);
                }
            }
        }
        if !failing.is_empty() {
            self.ask_others(&failing, now);
        }
    }

    /// Ends the guard if it is on, and lets fall what still fails.
    fn end_guard(&mut self, now: Now, news: impl FnOnce(usize) -> GuardNews) -> bool {
        let Some(failing) = self.guard.end(now.monotonic) else {
            return false;
        };
        self.guard_changes.push(GuardChange {
            time: now.utc,
            news: news(failing),
        });
        for target in std::mem::take(&mut self.held) {
            self.judge(target, now);
        }
        true
    }

    /// The checked servers of a service.
    fn targets_of(&self, service: ServiceKey) -> Vec<Target> {
        let first = Target {
            service,
            server: FIRST_SERVER,
        };
        let from = self.servers.range(first..).map(|(target, _)| *target);
        from.take_while(|target| target.service == service)
            .collect()
    }

    /// Moves a server where its checks say that it stands.
    pub(super) fn judge(&mut self, target: Target, now: Now) {
        #[cfg(test)]
        {
            self.judged += 1;
        }
        let Some(server) = self.servers.get_mut(&target) else {
            return;
        };
        let mut results = Vec::with_capacity(server.checks.len());
        for check in &server.checks {
            let Some(probe) = self.probes.get(&check.probe) else {
                return;
            };
            results.push(CheckResult {
                check: &check.check,
                tally: &probe.tally,
                is_proven: self.proofs.get(&check.proof).copied().unwrap_or_default(),
                failing: probe.failing,
            });
        }
        self.pending_falls.remove(target);
        let from = server.standing;
        let Some((to, reason)) = judge(from, &results) else {
            self.held.remove(&target);
            return;
        };
        if (from, to) == (Standing::Up, Standing::Down) && self.guard.until().is_some() {
            self.held.insert(target);
            return;
        }
        if (from, to) == (Standing::Up, Standing::Down)
            && let Some(failing) = failing(&results)
            && !self
                .guard
                .may_fall(target.server.addr, failing, now.monotonic)
        {
            self.pending_falls.insert(target, failing);
            return;
        }
        server.move_to(to, reason, now);
        match (from, to) {
            (Standing::Up, _) => self.guard.went_down(target.server.addr),
            (_, Standing::Up) => self.guard.came_up(target.server.addr),
            _ => {}
        }
        self.note(target);
    }

    /// Brings the state and what has to be written in line with where a server stands.
    pub(super) fn note(&mut self, target: Target) {
        let Some(server) = self.servers.get(&target) else {
            return;
        };
        match server.standing.situation() {
            Some(situation) => {
                let deviation = Deviation {
                    situation,
                    since: server.since,
                    reason: server.reason.clone().unwrap_or_default(),
                    taken_out_by_hand: server.taken_out_by_hand,
                };
                self.state.servers.insert(target, deviation);
            }
            None => {
                self.state.servers.remove(&target);
            }
        }
        if server.standing == server.written {
            self.pending.remove(&target);
        } else {
            self.pending.insert(target);
        }
    }
}
