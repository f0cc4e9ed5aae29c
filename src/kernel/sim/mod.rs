//! The kernel in memory, with the kernel's own refusals.
//!
//! May import: `error`, `model`, `plan`, `ipvs` (error numbers), `marks` (what a chain can hold),
//! siblings. Source of truth: net/netfilter/ipvs/ip_vs_ctl.c and ip_vs_sync.c; where it differs
//! from the real thing, `tests/conformance` finds it.
//!
//! It accepts what ipvsadm refuses and the kernel does not: port 0 without persistence, a direct
//! server on another port, protocol 99. Connections do not happen in it: counters are zeros,
//! unless clients visit it (`clients`) or a test says otherwise.

mod beside;
mod clients;
mod machine;
mod rules;
mod settings;
mod sync_daemon;
mod sysctl;
mod timeout;
mod vip;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::refusal::Refusal;
use super::{Kernel, Names, Outcome, Part, Place};
use crate::error::Result;
use crate::ipvs::Errno;
use crate::model::{
    ChainRule, ChainState, Connection, Family, Info, Live, MarkSupport, Ruleset, ServiceKey,
    ServiceTraffic, Settings, Traffic,
};
use crate::plan::Step;
pub use beside::{Deviation, KernelFile};
pub use clients::Clients;
pub use machine::Machine;

/// IP_VS_VERSION_CODE of include/uapi/linux/ip_vs.h.
const IPVS_VERSION: &str = "1.2.1";

/// CONFIG_IP_VS_TAB_BITS of Debian's kernels.
const CONNECTION_TABLE_SIZE: u32 = 4096;

static INSTANCES: AtomicU64 = AtomicU64::new(1);

/// A simulated kernel. Clones are the same kernel: one can be given away and the other looked
/// through and tampered with.
#[derive(Debug, Clone)]
pub struct Sim(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    machine: Machine,
    live: Live,
    /// What differs from zeros; services that are gone count nothing.
    traffic: Traffic,
    connections: Vec<Connection>,
    /// The clients that make connections, in the demonstration.
    clients: Option<Clients>,
    place: Place,
    writes: u64,
}

impl Sim {
    /// Starts a kernel that holds these rules; each is a machine of its own ([`Kernel::place`]).
    pub fn new(rules: &Ruleset) -> Sim {
        Sim::on(Machine::default(), rules)
    }

    /// Starts a kernel on a machine with certain schedulers, interfaces and families. The rules
    /// are taken as they are: a kernel that has them has accepted them.
    pub fn on(machine: Machine, rules: &Ruleset) -> Sim {
        let mut live = Live {
            rules: rules.clone(),
            ..Live::default()
        };
        settings::fill(&machine, &mut live.rules.settings);
        hold_marks(&mut live);
        let number = INSTANCES.fetch_add(1, Ordering::Relaxed);
        Sim(Arc::new(Mutex::new(State {
            machine,
            live,
            traffic: Traffic::new(),
            connections: Vec::new(),
            clients: None,
            place: Place {
                boot: format!("sim-{}-{number}", std::process::id()),
                namespace: "sim".to_owned(),
            },
            writes: 0,
        })))
    }

    /// Another network namespace of the same machine, which holds nothing yet.
    #[must_use]
    pub fn another_namespace(&self, namespace: &str) -> Sim {
        let machine = self.state().machine.clone();
        let boot = self.state().place.boot.clone();
        let other = Sim::on(machine, &Ruleset::default());
        other.state().place = Place {
            boot,
            namespace: namespace.to_owned(),
        };
        other
    }

    /// What the kernel holds, without asking it as a [`Kernel`].
    pub fn live(&self) -> Live {
        self.state().live.clone()
    }

    /// Changes the kernel's state behind everybody's back, as another tool or a busy network
    /// would. Mark rules and chains follow each other: change either.
    pub fn edit(&self, change: impl FnOnce(&mut Live)) {
        let mut state = self.state();
        let chains = (state.live.ipv4.clone(), state.live.ipv6.clone());
        let marks = state.live.rules.marks.clone();
        change(&mut state.live);
        let live = &mut state.live;
        if live.rules.marks != marks && (&live.ipv4, &live.ipv6) == (&chains.0, &chains.1) {
            hold_marks(live);
        } else {
            let chain = live.ipv4.clone();
            live.set_marks(Family::Ipv4, chain);
        }
    }

    /// Follows a change of the record that another process made: what differs between two rulesets
    /// is set as the second one has it, the rest stays as it is.
    pub fn follow(&self, from: &Ruleset, to: &Ruleset) {
        let mut state = self.state();
        let state = &mut *state;
        let rules = &mut state.live.rules;
        for entry in from.differences(to) {
            rules.put(&entry, to.get(&entry));
        }
        rules.arrange_marks(to);
        settings::fill(&state.machine, &mut rules.settings);
        hold_marks(&mut state.live);
    }

    /// Does a step, or says with which number the kernel refuses it.
    ///
    /// # Errors
    /// As IPVS refuses; EINVAL for what iptables refuses.
    pub fn attempt(&self, step: &Step) -> Result<(), Errno> {
        let mut state = self.state();
        let state = &mut *state;
        state.writes += 1;
        rules::run(&state.machine, &mut state.live, step).map_err(|refused| match refused {
            rules::Refused::Number(errno) => errno,
            rules::Refused::Marks(_) => Errno::INVAL,
        })
    }

    /// Sets what went through, as if it had.
    pub fn edit_traffic(&self, change: impl FnOnce(&mut Traffic)) {
        change(&mut self.state().traffic);
    }

    /// Sets the connections, as if clients had made them.
    pub fn edit_connections(&self, change: impl FnOnce(&mut Vec<Connection>)) {
        change(&mut self.state().connections);
    }

    /// Lets clients connect from now on: what is counted and which connections there are is
    /// theirs to say.
    pub fn visited_by(&self, clients: Clients) {
        let mut state = self.state();
        state.clients = Some(clients);
        state.let_time_pass();
    }

    /// Changes the machine that the kernel runs on.
    pub fn edit_machine(&self, change: impl FnOnce(&mut Machine)) {
        change(&mut self.state().machine);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has said what is wrong by then.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the chains hold the ruleset's mark rules, in the families that have chains.
fn hold_marks(live: &mut Live) {
    let marks = live.rules.marks.clone();
    for family in Family::ALL {
        if let MarkSupport::Available(_) = live.marks(family) {
            let rules = marks.iter().filter(|rule| rule.family == family);
            let rules: Vec<ChainRule> = rules.cloned().map(ChainRule::Mark).collect();
            let chain = ChainState::holding(crate::marks::normal(&rules));
            live.set_marks(family, MarkSupport::Available(chain));
        }
    }
}

impl State {
    /// Brings what clients do up to date.
    fn let_time_pass(&mut self) {
        if let Some(clients) = &mut self.clients {
            self.connections = clients.advance(&mut self.live, &mut self.traffic);
        }
    }

    fn refusal(&self, errno: Errno) -> Refusal<'_> {
        Refusal {
            errno,
            said: None,
            names: &self.machine.names,
        }
    }

    fn traffic_of(&self, key: &ServiceKey) -> ServiceTraffic {
        let counted = self.traffic.get(key);
        let service = self.live.rules.services.get(key);
        let servers = service.into_iter().flat_map(|s| s.servers.keys());
        ServiceTraffic {
            total: counted.map(|one| one.total).unwrap_or_default(),
            servers: servers
                .map(|server| {
                    let usage = counted.and_then(|one| one.servers.get(server));
                    (*server, usage.copied().unwrap_or_default())
                })
                .collect(),
        }
    }

    fn step(&mut self, step: &Step) -> Outcome {
        self.writes += 1;
        match rules::run(&self.machine, &mut self.live, step) {
            Ok(()) => Outcome::Done,
            Err(rules::Refused::Number(errno)) => {
                Outcome::Failed(self.refusal(errno).of_step(step))
            }
            Err(rules::Refused::Marks(error)) => {
                Outcome::Failed(error.object(step.object()).attempt(step.attempt()))
            }
        }
    }
}

impl Kernel for Sim {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        self.state().let_time_pass();
        let mut live = self.live();
        if live.rules.services.len() > part.or_whole {
            live.extent = part.services.clone();
            live.rules = live.extent.within(&live.rules);
            live.counts.retain(|key, _| live.extent.covers(key));
        }
        live.rules.settings = {
            let state = self.state();
            settings::observed(&state.machine, &state.live, &part.settings)
        };
        if !part.marks {
            for family in Family::ALL {
                live.set_marks(family, MarkSupport::Unread);
            }
        }
        Ok(live)
    }

    fn host_settings(&mut self) -> Result<Settings> {
        let state = self.state();
        Ok(settings::of_host(&state.machine, &state.live))
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome> {
        let mut state = self.state();
        state.let_time_pass();
        let mut failed = false;
        let one = |step| {
            if failed {
                return Outcome::NotSent;
            }
            let outcome = state.step(step);
            failed = outcome != Outcome::Done;
            outcome
        };
        steps.iter().map(one).collect()
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        let mut state = self.state();
        state.writes += 1;
        match service {
            Some(key) if !state.live.rules.services.contains_key(key) => {
                Err(state.refusal(Errno::SRCH).of_zero(service))
            }
            Some(key) => {
                state.traffic.remove(key);
                Ok(())
            }
            None => {
                state.traffic.clear();
                Ok(())
            }
        }
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        let mut state = self.state();
        state.let_time_pass();
        let fits = |key: &&ServiceKey| service.is_none_or(|only| only == *key);
        let there = state.live.rules.services.keys().filter(fits);
        Ok(there.map(|key| (*key, state.traffic_of(key))).collect())
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        // A copy: whoever visits may ask this kernel for something else.
        self.state().let_time_pass();
        let all = self.state().connections.clone();
        // Whether it was stopped half way matters to nobody.
        let _ = all.into_iter().try_for_each(visit);
        Ok(())
    }

    fn info(&mut self) -> Result<Info> {
        let state = self.state();
        let services = state.live.rules.services.values();
        let used = services.clone().map(|s| s.options.scheduler.to_string());
        let engines = services.filter_map(|s| Some(s.options.engine.as_ref()?.name().to_owned()));
        Ok(Info {
            version: IPVS_VERSION.to_owned(),
            connection_table_size: CONNECTION_TABLE_SIZE,
            schedulers: used.collect::<BTreeSet<_>>().into_iter().collect(),
            engines: engines.collect::<BTreeSet<_>>().into_iter().collect(),
            settings: state.machine.settings.clone(),
            ..Info::default()
        })
    }

    fn place(&self) -> Result<Place> {
        Ok(self.state().place.clone())
    }

    fn writes(&self) -> u64 {
        self.state().writes
    }

    fn names(&self) -> Option<Names> {
        Some(self.state().machine.names.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fwmark, MarkRule, TimeoutKind};

    #[test]
    fn clones_are_one_kernel_and_instances_are_not() {
        let sim = Sim::new(&Ruleset::default());
        let mut given_away = sim.clone();
        let tcp = TimeoutKind::Tcp;
        sim.edit(|live| live.rules.settings.set_timeout(tcp, Some(7)));
        let live = given_away.observe().unwrap();
        assert_eq!(live.rules.settings.timeout(tcp), Some(7));
        assert_eq!(given_away.place(), sim.place());
        assert_ne!(Sim::new(&Ruleset::default()).place(), sim.place());
    }

    #[test]
    fn marks_and_chains_follow_each_other() {
        let rule = MarkRule::new(Fwmark::new(1).unwrap(), Family::Ipv6);
        let sim = Sim::new(&Ruleset {
            marks: vec![rule.clone()],
            ..Ruleset::default()
        });
        let held = ChainState::holding(vec![ChainRule::Mark(rule)]);
        assert_eq!(sim.live().ipv6.chain(), Some(&held));

        sim.edit(|live| live.rules.marks.clear());
        assert_eq!(sim.live().ipv6.chain(), Some(&ChainState::default()));
        sim.edit(|live| live.ipv6 = MarkSupport::Available(held.clone()));
        assert_eq!(sim.live().rules.marks.len(), 1);
        sim.edit(|live| live.ipv6 = MarkSupport::Unavailable("no ip6tables".to_owned()));
        assert!(sim.live().rules.marks.is_empty());
    }
}
