//! What must change to bring a kernel to what is wanted. Pure: no input, no output.
//!
//! Layer 1. The three-way rule of ownership, per entry, with h = in the head, l = live,
//! w = wanted:
//!
//! | | |
//! |---|---|
//! | w, not l | add |
//! | w and l differ | change l to w |
//! | w equals l | nothing; ours from now on |
//! | not w, h, l | remove |
//! | not w, not h, l | foreign: stays, and is counted |

mod chain;
mod change;
mod changes;
mod command;
mod lines;
mod step;
mod steps;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

pub use change::{Action, Change, Detail, Object, Part};
pub use changes::between;
pub use command::command_lines;
pub use lines::{Line, Lines, lines};
pub use step::Step;
pub use steps::steps;
pub use summary::{LINE, summary, tally};

use crate::model::live::Live;
use crate::model::patch::Named;
use crate::model::{
    EntryKey, EntryValue, Family, MarkKey, MarkSupport, Ruleset, ServiceKey, TimeoutKind,
    VirtualService, Weight,
};

/// Which entries a change looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them (`plan`, `restore`, `rollback`).
    Everything,
    /// All of them, and what is foreign goes (`--exact`).
    Exact,
    /// Those that a script named or changed; everything else stays as the kernel has it.
    Named(BTreeSet<EntryKey>),
}

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The head's rules: what is ours.
    pub head: &'a Ruleset,
    /// What the kernel holds.
    pub live: &'a Live,
    /// What is wanted.
    pub wanted: &'a Ruleset,
    /// Which entries are looked at.
    pub scope: Scope,
    /// Services whose servers were given as a complete list.
    pub exact_servers: &'a BTreeSet<ServiceKey>,
    /// For entries declared with options: the options that were named. A change of another
    /// option is shown as a reset.
    pub declared: &'a BTreeMap<EntryKey, Named>,
    /// A real server that the kernel has at weight 0 stays there: whoever watches over its health
    /// put it there, and knows when it may come back.
    pub keep_weights: bool,
}

/// What is live and neither in the head nor wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Foreign {
    /// Whole services.
    pub services: usize,
    /// Servers within services of ours.
    pub servers: usize,
    /// Marks with rules in our chain.
    pub marks: usize,
    /// Sync daemons.
    pub daemons: usize,
}

impl Foreign {
    /// Says it in words: `2 services, 1 real server`; `None` where there is nothing.
    pub fn words(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.services, "service", "services"),
            (self.servers, "real server", "real servers"),
            (self.marks, "mark", "marks"),
            (self.daemons, "sync daemon", "sync daemons"),
        ]
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The smallest changes from live to what is wanted, in a safe order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The steps for the kernel.
    pub steps: Vec<Step>,
    /// The same as a reader sees it.
    pub changes: Vec<Change>,
    /// The live state when all steps are done.
    pub target: Live,
    /// The entries that were looked at. Where that was all of them: those that are not as wanted
    /// already, and all marks, timeouts and daemons.
    pub examined: BTreeSet<EntryKey>,
    /// What is foreign and stays.
    pub foreign: Foreign,
    /// Entries that differ between head and kernel and were not looked at.
    pub left_alone: BTreeSet<EntryKey>,
    /// Servers that stay at the kernel's weight 0, where another weight is wanted.
    pub kept_weights: usize,
    /// Marks that are wanted and cannot be managed on this host, with the reason.
    pub unavailable: Vec<(MarkKey, String)>,
}

impl Plan {
    /// Says whether the kernel is as wanted.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Says how many servers stay quiesced, where some do.
    pub fn kept_words(&self) -> Option<String> {
        let plural = if self.kept_weights == 1 { "" } else { "s" };
        (self.kept_weights > 0).then(|| {
            format!(
                "{} real server{plural} left at weight 0, as the kernel has them",
                self.kept_weights
            )
        })
    }

    /// Services of the head that this plan removes.
    pub fn removed_services(&self, head: &Ruleset) -> usize {
        self.steps
            .iter()
            .filter(|step| {
                matches!(step, Step::RemoveService { key, .. } if head.services.contains_key(key))
            })
            .count()
    }
}

/// Makes the plan.
pub fn plan(request: &Request) -> Plan {
    let examined = examined(request);
    let mut target = request.live.clone();
    let mut kept_weights = 0;
    for entry in &examined {
        if let Some(whole) = comes_back(request, entry) {
            // With its servers, which are examined as well.
            if let EntryKey::Service(key) = entry {
                target.rules.services.insert(*key, whole.clone());
            }
            continue;
        }
        let mut wanted = request.wanted.get(entry);
        if let (true, Some(wanted)) = (request.keep_weights, &mut wanted) {
            kept_weights += usize::from(keep_weight(wanted, request.live.rules.get(entry)));
        }
        if !matches!(entry, EntryKey::Marks(_)) {
            settle(request, &mut target.rules, entry, wanted);
        }
    }
    let mut unavailable = Vec::new();
    for family in Family::ALL {
        let wanted = examined.iter().filter_map(|entry| match entry {
            EntryKey::Marks(key) if key.family == family => Some(*key),
            _ => None,
        });
        let wanted: BTreeSet<MarkKey> = wanted.collect();
        match request.live.marks(family) {
            MarkSupport::Available(chain) => {
                let chain = chain::target(request, family, chain, &wanted);
                target.set_marks(family, MarkSupport::Available(chain));
            }
            MarkSupport::Unavailable(why) => unavailable.extend(
                wanted
                    .into_iter()
                    .filter(|key| !request.wanted.rules_of(*key).is_empty())
                    .map(|key| (key, why.clone())),
            ),
            MarkSupport::Unread => {}
        }
    }
    let left_alone = match request.scope {
        Scope::Everything | Scope::Exact => BTreeSet::new(),
        Scope::Named(_) => drift(request.head, request.live)
            .difference(&examined)
            .copied()
            .collect(),
    };
    let steps = steps(request.live, &target);
    Plan {
        changes: changes::of_plan(request, &target, steps.len()),
        steps,
        foreign: foreign(request.head, &target.rules, request.wanted),
        target,
        examined,
        left_alone,
        kept_weights,
        unavailable,
    }
}

/// The entries of the head that the kernel does not hold as the head has them.
pub fn drift(head: &Ruleset, live: &Live) -> BTreeSet<EntryKey> {
    head.differences(&live.rules)
        .into_iter()
        .filter(|entry| match (head.get(entry), live.rules.get(entry)) {
            (Some(EntryValue::Marks(_)), None) => match entry {
                EntryKey::Marks(key) => live.marks(key.family).chain().is_some(),
                _ => true,
            },
            (Some(ours), Some(theirs)) => !ours.satisfied_by(&theirs),
            (Some(_), None) => true,
            (None, _) => false,
        })
        .collect()
}

/// What a kernel holds that is neither in the head nor wanted.
pub fn foreign(head: &Ruleset, live: &Ruleset, wanted: &Ruleset) -> Foreign {
    let mut foreign = Foreign::default();
    for (key, service) in &live.services {
        let ours = head.services.get(key);
        let asked = wanted.services.get(key);
        if ours.is_none() && asked.is_none() {
            foreign.services += 1;
            continue;
        }
        if asked == Some(service) {
            continue;
        }
        foreign.servers += service
            .servers
            .keys()
            .filter(|server| !ours.is_some_and(|s| s.servers.contains_key(server)))
            .filter(|server| !asked.is_some_and(|s| s.servers.contains_key(server)))
            .count();
    }
    let known: BTreeSet<MarkKey> = head
        .mark_keys()
        .into_iter()
        .chain(wanted.mark_keys())
        .collect();
    foreign.marks = live
        .mark_keys()
        .iter()
        .filter(|key| !known.contains(key))
        .count();
    foreign.daemons = live
        .daemons
        .keys()
        .filter(|role| !head.daemons.contains_key(role) && !wanted.daemons.contains_key(role))
        .count();
    foreign
}

/// The entries to look at: those in scope, and those without which they could not be.
fn examined(request: &Request) -> BTreeSet<EntryKey> {
    let mut entries = match &request.scope {
        Scope::Everything | Scope::Exact => all_that_may_differ(request),
        Scope::Named(named) => named.clone(),
    };
    for key in request.exact_servers {
        let servers = request
            .live
            .rules
            .services
            .get(key)
            .into_iter()
            .flat_map(|s| s.servers.keys());
        entries.extend(servers.map(|server| EntryKey::Server(*key, *server)));
    }
    if matches!(request.scope, Scope::Everything | Scope::Exact) {
        // A service that is gone differs with all its servers.
        return entries;
    }
    // A service that is gone comes back whole: its options alone would refuse every client, and a
    // server cannot stand without it.
    let gone: BTreeSet<ServiceKey> = entries
        .iter()
        .filter(|entry| request.wanted.has(entry))
        .filter_map(EntryKey::service)
        .filter(|key| !request.live.rules.services.contains_key(key))
        .collect();
    for key in gone {
        entries.insert(EntryKey::Service(key));
        let servers = request
            .wanted
            .services
            .get(&key)
            .into_iter()
            .flat_map(|s| s.servers.keys());
        entries.extend(servers.map(|server| EntryKey::Server(key, *server)));
    }
    entries
}

/// The service that an entry is or is part of, where the kernel lacks it and it is wanted.
fn comes_back<'a>(request: &Request<'a>, entry: &EntryKey) -> Option<&'a VirtualService> {
    let (EntryKey::Service(key) | EntryKey::Server(key, _)) = entry else {
        return None;
    };
    let is_gone = !request.live.rules.services.contains_key(key);
    request.wanted.services.get(key).filter(|_| is_gone)
}

/// Of a whole table the services and servers that are not as wanted, and all else.
fn all_that_may_differ(request: &Request) -> BTreeSet<EntryKey> {
    let Request {
        head, live, wanted, ..
    } = request;
    let exact = request.scope == Scope::Exact;
    let is_ours = |entry: &EntryKey| exact || wanted.has(entry) || head.has(entry);
    let differing = wanted.differences(&live.rules).into_iter();
    let ours = differing.filter(|entry| match entry {
        EntryKey::Timeout(_) => wanted.has(entry) || head.has(entry),
        entry => is_ours(entry),
    });
    let of_others = exact.then_some(&live.rules);
    let marks = [*head, *wanted].into_iter().chain(of_others);
    let marks = marks.flat_map(Ruleset::mark_keys).map(EntryKey::Marks);
    ours.chain(marks).collect()
}

/// Wants the kernel's weight 0 in place of another; says whether that is another.
fn keep_weight(wanted: &mut EntryValue, live: Option<EntryValue>) -> bool {
    match (wanted, live) {
        (EntryValue::Server(wanted), Some(EntryValue::Server(live)))
            if live.weight == Weight::ZERO && wanted.weight != Weight::ZERO =>
        {
            wanted.weight = Weight::ZERO;
            true
        }
        _ => false,
    }
}

/// Brings one entry of the target to what the table of ownership says.
fn settle(request: &Request, target: &mut Ruleset, entry: &EntryKey, wanted: Option<EntryValue>) {
    let live = request.live.rules.get(entry);
    match (wanted, live) {
        (Some(wanted), Some(live)) if wanted.satisfied_by(&live) => {}
        (Some(wanted), _) => target.put(entry, Some(wanted)),
        // A timeout that is no longer wanted returns to the kernel's default.
        (None, Some(_)) if matches!(entry, EntryKey::Timeout(_)) => {
            if let EntryKey::Timeout(kind) = entry {
                target.timeouts.set(*kind, Some(kind.default_seconds()));
            }
        }
        (None, Some(_)) => target.put(entry, None),
        (None, None) => {}
    }
}

/// The timeouts of a ruleset that differ from the kernel's.
pub(crate) fn changed_timeouts(from: &Ruleset, to: &Ruleset) -> Vec<(TimeoutKind, u32, u32)> {
    TimeoutKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, from.timeouts.get(kind)?, to.timeouts.get(kind)?)))
        .filter(|(_, from, to)| from != to)
        .collect()
}
