//! The monitor against simulated servers, in virtual time.

mod guard;
mod load;
mod properties;
mod results;
mod rules;
mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::finding::{Finding, Target, Verdict};
use super::super::now::Now;
use super::super::state::State;
use super::super::transition::Standing;
use super::machine::{Monitor, MonitorOptions};
use super::schedule::ProbeId;
use crate::model::policy::check::{CheckKind, Exec, Route, Start, Tcp, Timing};
use crate::model::{Check, Family, RealServer, Ruleset, ServerKey, ServiceKey, VirtualService};

/// What a server does with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Answer,
    Refuse,
    Hang,
    /// This host has no route.
    NoRoute,
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn secs(time: u64) -> Duration {
    Duration::from_secs(time)
}

fn tcp() -> Check {
    Check::of(CheckKind::Tcp(Tcp::default()))
}

fn target(service: &str, server: &str) -> Target {
    let service = ServiceKey::parse(service).unwrap();
    let server = ServerKey::parse(server, &service).unwrap();
    Target { service, server }
}

/// Rules with services that have these servers and checks.
fn rules(services: &[(&str, &[&str], &[Check])]) -> Ruleset {
    let mut rules = Ruleset::default();
    for (key, servers, checks) in services {
        let key = ServiceKey::parse(key).unwrap();
        let mut service = VirtualService::new(Family::Ipv4);
        service.policy.checks = checks.to_vec();
        for server in *servers {
            let server = ServerKey::parse(server, &key).unwrap();
            service.servers.insert(server, RealServer::default());
        }
        rules.services.insert(key, service);
    }
    rules
}

const WEB: &str = "tcp 192.0.2.1:80";
const WEB2: &str = "tcp 192.0.2.2:80";

/// Addresses 10.0.0.1, 10.0.0.2...
fn addresses(count: usize) -> Vec<String> {
    (1..=count)
        .map(|n| format!("10.0.{}.{}", n / 250, n % 250 + 1))
        .collect()
}

/// One service with so many servers.
fn web(count: usize, checks: &[Check]) -> Ruleset {
    let servers = addresses(count);
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    rules(&[(WEB, &servers, checks)])
}

/// A monitor, the servers, and a daemon that writes what the monitor decides.
struct Lab {
    monitor: Monitor,
    time: Duration,
    /// What the time of day is ahead of the monotonic clock, in seconds.
    utc: i64,
    does: BTreeMap<IpAddr, Does>,
    running: BTreeMap<(Duration, ProbeId), Finding>,
    busy: BTreeSet<ProbeId>,
    /// How late the daemon hands runs out.
    lateness: Duration,
    /// Whether the kernel takes what is written.
    is_writable: bool,
    jobs: Vec<(Duration, Target)>,
    /// Transitions that were written, and what happened to the guard.
    log: Vec<(Duration, String)>,
}

impl Lab {
    fn new(rules: &Ruleset) -> Lab {
        Lab::with(MonitorOptions::default(), rules, &State::default())
    }

    fn with(options: MonitorOptions, rules: &Ruleset, state: &State) -> Lab {
        let mut lab = Lab {
            monitor: Monitor::new(options),
            time: secs(1000),
            utc: 1_800_000_000,
            does: BTreeMap::new(),
            running: BTreeMap::new(),
            busy: BTreeSet::new(),
            lateness: Duration::ZERO,
            is_writable: true,
            jobs: Vec::new(),
            log: Vec::new(),
        };
        let now = lab.now();
        lab.monitor.set_rules(rules, state, now);
        lab
    }

    fn now(&self) -> Now {
        let start = DateTime::from_timestamp(self.utc, 0).unwrap();
        Now {
            monotonic: self.time,
            utc: start + TimeDelta::from_std(self.time).unwrap(),
        }
    }

    fn set(&mut self, rules: &Ruleset) {
        let state = self.monitor.state().clone();
        let now = self.now();
        self.monitor.set_rules(rules, &state, now);
        self.decide();
    }

    /// Makes servers do something from now on: `all`, or addresses.
    fn let_do(&mut self, servers: &[&str], does: Does) {
        for server in servers {
            self.does.insert(server.parse().unwrap(), does);
        }
    }

    fn decide(&mut self) {
        let now = self.now();
        let decisions = self.monitor.decide(now);
        for change in decisions.guard {
            let text = match change.news {
                news if news.is_on() => "guard on".to_owned(),
                news => format!("guard {news:?}"),
            };
            self.log.push((self.time, text));
        }
        for transition in decisions.transitions {
            if self.is_writable {
                let server = transition.target.server.addr;
                let (from, to) = (transition.from, transition.to);
                self.log
                    .push((self.time, format!("{server} {from} -> {to}")));
                self.monitor.written(&transition);
            }
        }
    }

    /// Lets time pass.
    fn run(&mut self, span: Duration) {
        let end = self.time + span;
        loop {
            let due = self.monitor.next_due().map(|due| due + self.lateness);
            let first = self.running.keys().next().map(|(at, _)| *at);
            let Some(next) = [due, first].into_iter().flatten().min() else {
                break;
            };
            let next = next.max(self.time);
            if next > end {
                break;
            }
            self.time = next;
            let now = self.now();
            while let Some(entry) = self.running.first_entry()
                && entry.key().0 <= next
            {
                let ((_, id), finding) = entry.remove_entry();
                self.busy.remove(&id);
                self.monitor.finish(id, now, finding);
            }
            self.hand_out();
            self.decide();
        }
        self.time = end;
    }

    fn hand_out(&mut self) {
        let now = self.now();
        for job in self.monitor.due(now) {
            assert!(self.busy.insert(job.id), "a probe overlaps itself");
            self.jobs.push((self.time, job.target));
            let addr = job.check.route.address.unwrap_or(job.target.server.addr);
            let does = self.does.get(&addr).copied().unwrap_or(Does::Answer);
            let timeout = ms(job.check.timing.timeout.into());
            let (verdict, took) = match does {
                Does::Answer => (Verdict::Passed, ms(10)),
                Does::Refuse => (Verdict::Failed("refused".to_owned()), ms(1)),
                Does::Hang => (Verdict::Failed("no answer".to_owned()), timeout),
                Does::NoRoute => (Verdict::NoResult("no route".to_owned()), ms(1)),
            };
            let finding = found(verdict, took);
            self.running.insert((self.time + took, job.id), finding);
        }
    }

    /// What was logged since the last call, without times.
    fn news(&mut self) -> Vec<String> {
        self.log.drain(..).map(|(_, text)| text).collect()
    }

    fn standing(&self, service: &str, server: &str) -> Standing {
        self.monitor.servers[&target(service, server)].standing
    }

    fn down(&self) -> usize {
        self.monitor.state().servers.len()
    }
}

fn found(verdict: Verdict, took: Duration) -> Finding {
    Finding {
        verdict,
        answer: String::new(),
        took,
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
