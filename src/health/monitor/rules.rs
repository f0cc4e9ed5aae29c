//! From rules to probes: what is checked, and what of it was known before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::finding::Target;
use super::super::now::Now;
use super::super::state::State;
use super::super::transition::{Standing, Transition};
use super::machine::Monitor;
use super::probe::{Probe, ProbeKey, User, without_start};
use super::schedule::ProbeId;
use super::server::{ProofId, Server, ServerCheck};
use super::tally::Tally;
use crate::model::{Check, Ruleset, ServiceKey, VirtualService};

/// The checks of one server, as declared.
type Declared = Vec<Arc<Check>>;

impl Monitor {
    /// Takes the rules, at the start and after each commit, with the state as it was last written. What
    /// is the same as before keeps its counters, its schedule and its standing. Of a server that is new
    /// here, the state says where it stands; else it is up, or waits if its checks say so.
    pub fn set_rules(&mut self, rules: &Ruleset, state: &State, now: Now) {
        let wanted = checked_servers(rules);
        let is_first = self.known.is_none();
        let known = self.known.take().unwrap_or_default();
        let mut old = std::mem::take(&mut self.servers);
        let still_up: BTreeSet<ServiceKey> = old
            .iter()
            .filter(|(target, server)| {
                server.standing == Standing::Up && wanted.contains_key(target)
            })
            .map(|(target, _)| target.service)
            .collect();
        let mut checks = self.set_probes(&wanted, now);
        for (target, declared) in &wanted {
            let checks = checks.remove(target).unwrap_or_default();
            if let Some(mut server) = old.remove(target) {
                server.checks = checks;
                self.servers.insert(*target, server);
                continue;
            }
            let deviation = state.servers.get(target);
            let mut server = Server::new(deviation, now, checks);
            if let Some(left) = self.leaving.remove(target) {
                server.written = left.from;
            }
            let is_known = known
                .get(&target.service)
                .is_some_and(|servers| servers.contains_key(&target.server));
            if deviation.is_none() && !is_first && !is_known {
                let has_good = still_up.contains(&target.service);
                if declared.iter().any(|check| check.start.waits(has_good)) {
                    let reason = "new: it waits for its first pass".to_owned();
                    server.move_to(Standing::Waiting, reason, now);
                }
            }
            if server.standing == Standing::Up {
                self.guard.came_up(target.server.addr);
            }
            self.servers.insert(*target, server);
        }
        self.drop_servers(old, rules, now);
        self.state.servers.clear();
        self.pending.clear();
        self.held.retain(|target| wanted.contains_key(target));
        // Each server is judged below, and waits again if it has to.
        self.pending_falls.take();
        self.early_runs.set(wanted.keys(), &mut self.schedule);
        for target in wanted.keys() {
            self.note(*target);
            self.judge(*target, now);
        }
        let services = rules.services.iter();
        self.known = Some(
            services
                .map(|(key, service)| (*key, service.servers.clone()))
                .collect(),
        );
    }

    /// Makes the probes and proofs that the rules need, and drops those that they do not need.
    fn set_probes(
        &mut self,
        wanted: &BTreeMap<Target, Declared>,
        now: Now,
    ) -> BTreeMap<Target, Vec<ServerCheck>> {
        for probe in self.probes.values_mut() {
            probe.users.clear();
        }
        let mut used = BTreeSet::new();
        let mut all = BTreeMap::new();
        for (target, declared) in wanted {
            let mut checks = Vec::with_capacity(declared.len());
            for check in declared {
                let proof = self.proof(target.service, check);
                let probe = self.probe(check, *target, now);
                used.insert(proof);
                checks.push(ServerCheck {
                    probe,
                    proof,
                    check: Arc::clone(check),
                });
                let Some(probe) = self.probes.get_mut(&probe) else {
                    continue;
                };
                probe.users.push(User {
                    target: *target,
                    check: Arc::clone(check),
                });
                // Another service's runs prove the check for this one, too.
                if probe.tally.is_passing() {
                    self.proofs.insert(proof, true);
                }
            }
            all.insert(*target, checks);
        }
        self.proofs.retain(|id, _| used.contains(id));
        self.proof_ids.retain(|_, id| used.contains(id));
        let unused = self
            .probes
            .extract_if(.., |_, probe| probe.users.is_empty());
        for (id, probe) in unused {
            self.probe_ids.remove(&probe.key);
            self.unfinished.remove(&id);
            if let Some(due) = probe.due {
                self.schedule.remove(due, id);
            }
        }
        all
    }

    /// The proof of a check of a service: the one that there is, or a new one.
    fn proof(&mut self, service: ServiceKey, check: &Check) -> ProofId {
        let key = (service, Arc::new(without_start(check)));
        if let Some(id) = self.proof_ids.get(&key) {
            return *id;
        }
        let id = ProofId(self.number());
        self.proof_ids.insert(key, id);
        self.proofs.insert(id, false);
        id
    }

    /// The probe of a check of a server: the one that there is, or a new one.
    fn probe(&mut self, check: &Check, target: Target, now: Now) -> ProbeId {
        let key = ProbeKey::of(check, target);
        if let Some(id) = self.probe_ids.get(&key) {
            return *id;
        }
        let id = ProbeId(self.number());
        let probe = Probe {
            key: key.clone(),
            users: Vec::new(),
            tally: Tally::default(),
            run: None,
            due: None,
            again: false,
            passed: None,
            failing: None,
        };
        self.probe_ids.insert(key, id);
        self.probes.insert(id, probe);
        self.unfinished.insert(id);
        self.plan_first_run(id, now);
        id
    }

    /// A number that nothing here has.
    fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Lets go of servers that are checked no more. One that stays in the rules goes up, as declared.
    fn drop_servers(&mut self, old: BTreeMap<Target, Server>, rules: &Ruleset, now: Now) {
        let is_declared = |target: &Target| {
            let service = rules.services.get(&target.service);
            service.is_some_and(|service| service.servers.contains_key(&target.server))
        };
        self.leaving.retain(|target, _| is_declared(target));
        let addresses: BTreeSet<_> = self.servers.keys().map(|it| it.server.addr).collect();
        for (target, server) in old {
            if server.standing == Standing::Up {
                self.guard.went_down(target.server.addr);
            }
            if !addresses.contains(&target.server.addr) {
                self.guard.forget(target.server.addr);
            }
            if server.written != Standing::Up && is_declared(&target) {
                let transition = Transition {
                    time: now.utc,
                    target,
                    from: server.written,
                    to: Standing::Up,
                    reason: "it is checked no more".to_owned(),
                };
                self.leaving.insert(target, transition);
            }
        }
    }
}

/// The servers that have checks, with them.
fn checked_servers(rules: &Ruleset) -> BTreeMap<Target, Declared> {
    let shared = |checks: &[Check]| checks.iter().cloned().map(Arc::new).collect::<Vec<_>>();
    let of_service = |(key, service): (&ServiceKey, &VirtualService)| {
        let common = shared(&service.policy.checks);
        let mut all = Vec::new();
        for server in service.servers.keys() {
            let checks = match service.checks_of(server) {
                checks if std::ptr::eq(checks, &*service.policy.checks) => common.clone(),
                own => shared(own),
            };
            let target = Target {
                service: *key,
                server: *server,
            };
            if !checks.is_empty() {
                all.push((target, checks));
            }
        }
        all
    };
    rules.services.iter().flat_map(of_service).collect()
}
