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
mod cuts;
mod deltas;
mod examined;
mod found;
mod held;
mod lines;
mod request;
mod step;
mod steps;
mod summary;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use change::{Action, Change, Detail, Object, Part};
pub use changes::between;
pub use command::command_lines;
pub use cuts::Cut;
pub use deltas::{Deltas, TakenBack};
pub use examined::Examined;
pub use found::{Recorded, Return};
pub use lines::{Line, Lines, lines};
pub use request::{Request, Scope};
pub use step::{SettingChange, Step};
pub use steps::steps;
pub use summary::{LINE, described, summary, tally};

use crate::health::{Held, Overlay};
use crate::model::live::Live;
use crate::model::setting::derived_keys;
use crate::model::{
    Differing, EntryKey, EntryValue, Family, MarkKey, MarkSupport, Ruleset, ServerKey, ServiceKey,
    SettingKey, SettingKind, Weight, with_derived,
};

/// What is live and neither in the head nor wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreign {
    /// Whole services.
    pub services: usize,
    /// Servers within services of ours.
    pub servers: usize,
    /// Marks with rules in our chain.
    pub marks: usize,
    /// Settings, by their kind.
    pub settings: BTreeMap<SettingKind, usize>,
}

impl Foreign {
    /// Says it in words: `2 services, 1 real server`; `None` where there is nothing.
    pub fn words(&self) -> Option<String> {
        let settings = self.settings.iter().filter_map(|(kind, count)| {
            let (one, many) = kind.facts().foreign?;
            Some((*count, one, many))
        });
        let parts: Vec<String> = [
            (self.services, "service", "services"),
            (self.servers, "real server", "real servers"),
            (self.marks, "mark", "marks"),
        ]
        .into_iter()
        .chain(settings)
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Servers that are not to be in the kernel as they were declared, and why.
pub type HeldServers = BTreeMap<(ServiceKey, ServerKey), Held>;

/// The smallest changes from live to what is wanted, in a safe order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The steps for the kernel.
    pub steps: Vec<Step>,
    /// The same as a reader sees it.
    pub changes: Vec<Change>,
    /// The live state when all steps are done, without counts.
    pub target: Live,
    /// The entries that were looked at.
    pub examined: Examined,
    /// What is foreign and stays.
    pub foreign: Foreign,
    /// Entries that differ between head and kernel and were not looked at.
    pub left_alone: BTreeSet<EntryKey>,
    /// Servers that stay at the kernel's weight 0, where another weight is wanted.
    pub kept_weights: usize,
    /// Marks that are wanted and cannot be managed on this host, with the reason.
    pub unavailable: Vec<(MarkKey, String)>,
    /// What is removed while clients are connected to it.
    pub cuts: Vec<Cut>,
    /// Servers that were looked at and are not to be as they were declared.
    pub held: HeldServers,
}

impl Plan {
    /// The plan that takes changes back, as far as the kernel still shows them.
    pub fn to_take_back<'a>(
        live: &Live,
        back: TakenBack,
        entries: impl Iterator<Item = &'a EntryKey>,
    ) -> Plan {
        let steps = steps(live, &back.target);
        let mut entries: Vec<EntryKey> = entries.copied().collect();
        entries.sort_unstable();
        Plan {
            changes: changes::between(&live.rules, &back.target.rules),
            cuts: cuts::cuts(&steps, live),
            steps,
            target: back.target,
            examined: Examined {
                entries,
                ..Examined::default()
            },
            ..Plan::default()
        }
    }

    /// Says whether the kernel is as wanted.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The real servers whose weight becomes 0.
    pub fn quiesced(&self) -> impl Iterator<Item = (ServiceKey, ServerKey)> {
        self.steps.iter().filter_map(|step| match step {
            Step::ChangeServer {
                service,
                key,
                from,
                to,
            } if from.weight != Weight::ZERO && to.weight == Weight::ZERO => Some((*service, *key)),
            _ => None,
        })
    }

    /// The services whose option `snat` changes; a rule of it that is only put back changes none.
    pub fn changed_source_nats(&self) -> impl Iterator<Item = ServiceKey> {
        self.changes.iter().filter_map(|change| match change {
            Change {
                object: Object::Service(key),
                part: Some(Part::Option("snat")),
                ..
            } => Some(*key),
            _ => None,
        })
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

/// Makes the plan: the kernel is to hold what the overlay makes of what is wanted. The plan also
/// changes the settings that entries of the head, or wanted ones, need.
pub fn plan(request: &Request) -> Plan {
    let overlay = &*request
        .overlay
        .as_the_kernel_has(request.head, &request.live.rules);
    let (head, declared) = (with_derived(request.head), with_derived(request.wanted));
    let (head_held, wanted) = (overlay.apply(request.head), overlay.apply(request.wanted));
    let all = [&head, &declared, &head_held, &wanted];
    if all.iter().all(|rules| matches!(rules, Cow::Borrowed(_))) {
        return planned(request, request.head);
    }
    let scope = match &request.scope {
        Scope::Named(named) => {
            let examined = overlay.examined(named, [request.head, request.wanted]);
            Scope::Named(with_needed(named, examined, request))
        }
        whole => whole.clone(),
    };
    let request = Request {
        head: &head,
        wanted: &wanted,
        scope,
        ..request.clone()
    };
    let mut plan = planned(&request, &head_held);
    plan.held = held(overlay, &declared, &plan);
    plan
}

/// The servers that a plan changes or looked at and that are not to be as they were declared.
fn held(overlay: &Overlay, declared: &Ruleset, plan: &Plan) -> HeldServers {
    let back = plan.examined.back.iter().flat_map(|key| {
        let service = declared.services.get(key).into_iter();
        service.flat_map(move |service| service.servers.keys().map(move |server| (*key, *server)))
    });
    let named = plan
        .examined
        .entries
        .iter()
        .filter_map(|entry| match entry {
            EntryKey::Server(service, server) => Some((*service, *server)),
            _ => None,
        });
    let held = |(key, server)| Some(((key, server), overlay.held(declared, &key, &server)?));
    back.chain(named).filter_map(held).collect()
}

/// The entries that were named, with the settings that they need or needed. What other entries need
/// stays out: where that is impossible, those fail alone.
fn with_needed(
    named: &BTreeSet<EntryKey>,
    mut examined: BTreeSet<EntryKey>,
    request: &Request,
) -> BTreeSet<EntryKey> {
    let needed = derived_keys(request.head).chain(derived_keys(request.wanted));
    let is_named = |user: &EntryKey| match user {
        // What a service's policy needs follows from its options, too.
        EntryKey::ServicePolicy(key) => named.iter().any(|entry| entry.service() == Some(*key)),
        user => named.contains(user),
    };
    let theirs = needed.filter(|(user, _)| is_named(user));
    examined.extend(theirs.map(|(_, key)| EntryKey::Setting(key)));
    examined
}

/// Makes the plan of rules as the kernel should hold them. `head` is what it should hold of the head;
/// the request's head says what is ours.
fn planned(request: &Request, head: &Ruleset) -> Plan {
    let differing: Vec<Differing> = match request.scope {
        Scope::Everything | Scope::Exact => request
            .wanted
            .differing_services(&request.live.rules)
            .collect(),
        Scope::Named(_) => Vec::new(),
    };
    let examined = Examined::of(request, &differing);
    let mut target = without_counts(request.live);
    let back = examined.back.iter();
    let back = back.filter_map(|key| Some((*key, request.wanted.services.get(key)?.clone())));
    target.rules.services.extend(back);
    let mut kept_weights = 0;
    for entry in &examined.entries {
        if matches!(entry, EntryKey::Marks(_)) || entry.is_of_the_record() {
            continue;
        }
        let mut wanted = request.wanted.get(entry);
        if let (true, Some(wanted)) = (request.keep_weights, &mut wanted) {
            kept_weights += usize::from(keep_weight(wanted, request.live.rules.get(entry)));
        }
        settle(request, &mut target.rules, entry, wanted);
    }
    let mut unavailable = Vec::new();
    for family in Family::ALL {
        let wanted = examined.entries.iter().filter_map(|entry| match entry {
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
    let (foreign, left_alone) = match request.scope {
        // What is as wanted is not foreign.
        Scope::Everything | Scope::Exact => (
            foreign_among(
                differing.into_iter().map(|(key, _, _)| key),
                request.head,
                &target.rules,
                request.wanted,
            ),
            BTreeSet::new(),
        ),
        Scope::Named(_) => {
            let mut drift = drift((request.head, head), request.live);
            drift.retain(|entry| !examined::has_examined(&examined, &target.rules, entry));
            (foreign(request.head, &target.rules, request.wanted), drift)
        }
    };
    let_device_settings_go(request, &mut target.rules);
    let steps = steps(request.live, &target);
    Plan {
        changes: changes::of_plan(request, &target, steps.len()),
        cuts: cuts::cuts(&steps, request.live),
        steps,
        foreign,
        target,
        examined,
        left_alone,
        kept_weights,
        unavailable,
        held: BTreeMap::new(),
    }
}

/// The settings of a tunnel device that goes may go with it: nothing is planned for them, but for those
/// that are wanted, and those that were there before the device was.
fn let_device_settings_go(request: &Request, target: &mut Ruleset) {
    let devices = request
        .live
        .rules
        .settings
        .tunnel_devices()
        .map(|(name, _)| name);
    let gone: Vec<_> = devices
        .filter(|name| !target.settings.has(SettingKey::TunnelDevice(*name)))
        .collect();
    target.settings.retain(|key| {
        let its_device = key.interface().filter(|_| key.is_always_there());
        its_device.is_none_or(|device| !gone.contains(&device))
            || request.wanted.settings.has(key)
            || request.found.has(&EntryKey::Setting(key))
    });
}

/// The entries of the head that the kernel does not hold as it should: `head` is what the kernel should
/// hold of it, `declared` what is ours.
fn drift((declared, head): (&Ruleset, &Ruleset), live: &Live) -> BTreeSet<EntryKey> {
    head.differences(&live.rules)
        .into_iter()
        .filter(|entry| !entry.is_of_the_record())
        .filter(|entry| match (head.get(entry), live.rules.get(entry)) {
            (Some(EntryValue::Marks(_)), None) => match entry {
                EntryKey::Marks(key) => live.marks(key.family).chain().is_some(),
                _ => true,
            },
            (Some(ours), Some(theirs)) => !ours.satisfied_by(&theirs),
            (Some(_), None) => true,
            // A server that its checks took out, and that somebody put back.
            (None, Some(EntryValue::Server(_))) => declared.has(entry),
            (None, _) => false,
        })
        .collect()
}

/// What a kernel holds that is neither in the head nor wanted.
pub fn foreign(head: &Ruleset, live: &Ruleset, wanted: &Ruleset) -> Foreign {
    foreign_among(live.services.keys(), head, live, wanted)
}

/// The same where only some services can be foreign, or hold what is.
fn foreign_among<'a>(
    services: impl Iterator<Item = &'a ServiceKey>,
    head: &Ruleset,
    live: &Ruleset,
    wanted: &Ruleset,
) -> Foreign {
    let mut foreign = Foreign::default();
    let standing = services.filter_map(|key| Some((key, live.services.get(key)?)));
    for (key, service) in standing {
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
    for key in live.settings.keys() {
        let is_theirs = !head.settings.has(key) && !wanted.settings.has(key);
        if is_theirs && key.facts().foreign.is_some() {
            let count = foreign.settings.entry(key.kind()).or_default();
            *count = count.saturating_add(1);
        }
    }
    foreign
}

/// What a plan starts from: what is connected is not planned.
fn without_counts(live: &Live) -> Live {
    Live {
        extent: live.extent.clone(),
        rules: live.rules.clone(),
        counts: BTreeMap::new(),
        ipv4: live.ipv4.clone(),
        ipv6: live.ipv6.clone(),
    }
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
        // A setting that is always there returns to the value found; records of early versions have
        // none, and it returns to the kernel's default, where that is known.
        (None, Some(live)) => {
            let live = Some(live);
            let back = match entry {
                EntryKey::Setting(key) if key.is_always_there() => {
                    let default = || key.default_value().map(EntryValue::Setting);
                    let standing = || live.filter(|_| key.facts().is_of_host);
                    request.found.get(entry).or_else(default).or_else(standing)
                }
                _ => None,
            };
            target.put(entry, back);
        }
        (None, None) => {}
    }
}
