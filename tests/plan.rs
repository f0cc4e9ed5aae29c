//! The plan: cases as folders of data, and properties.
//!
//! A case is a folder `tests/plan/NAME` with `head.json`, `live.json`, `wanted.json` (rulesets;
//! one that is missing is empty), `scope.txt` and `plan.txt`. `UPDATE=1 cargo test --test plan`
//! writes `plan.txt` anew: read every line of it before you believe it.
//!
//! `live.json` may say of a family's chain: `"ipv4": "why it is unavailable"`, or
//! `"ipv4": { "jump": false, "strays": ["-p tcp -j ACCEPT"] }`; strays stand behind the marks.
//!
//! Lines of `scope.txt`: `exact`; `keep weights`; entries (`tcp 192.0.2.1:80`, with ` server 10.0.0.1:80`,
//! `timeout tcp`, `daemon master`, `rules of fwmark 666`); `servers of SERVICE` where a complete
//! list was given; `declared ENTRY: OPTION...`. Without entries everything is looked at. `down SERVER` and
//! `waiting SERVER`, a server as an entry, say what checks found; `unreadable` that nobody can say.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)] // a test

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::DateTime;
use ipvsh::health::{Deviation, Knowledge, Overlay, Situation, State, Target};
use ipvsh::model::live::{ChainRule, ChainState};
use ipvsh::model::patch::{Named, SERVER_OPTIONS, SERVICE_OPTIONS};
use ipvsh::model::setting::Phase;
use ipvsh::model::{
    DaemonRole, EntryKey, Family, Live, MarkKey, MarkSupport, Ruleset, ServerKey, ServiceKey,
    SettingKey, Stray, TimeoutKind, Timeouts, json, with_derived,
};
use ipvsh::plan::{Plan, Request, Scope, SettingChange, Step, command_lines, plan};
use proptest::prelude::*;
use serde_json::Value;

#[path = "common/arbitrary.rs"]
mod arbitrary;

#[test]
fn every_case_is_planned_as_written() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let mut names: Vec<_> = std::fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let folder = cases.join(name);
        let text = planned(&folder);
        let file = folder.join("plan.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if text != expected {
            wrong.push(format!("{name}: expected\n{expected}but planned\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() >= 25, "cases are missing");
}

fn planned(folder: &Path) -> String {
    let read = |name: &str| match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => {
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{folder:?} {name}: {e}"))
        }
        Err(_) => Value::Object(Default::default()),
    };
    let rules = |name: &str| json::parse_ruleset(read(name)).unwrap();
    let (head, wanted) = (rules("head.json"), rules("wanted.json"));
    let live = live_of(read("live.json"));
    let scope = std::fs::read_to_string(folder.join("scope.txt")).unwrap_or_default();
    let asked = Asked::parse(&scope);
    let plan = plan(&Request {
        head: &head,
        found: &Default::default(),
        live: &live,
        wanted: &wanted,
        overlay: &asked.overlay,
        scope: asked.scope,
        exact_servers: &asked.exact_servers,
        declared: &asked.declared,
        keep_weights: asked.keep_weights,
    });
    assert_eq!(
        carried_out(&live, &plan),
        plan.target,
        "{folder:?}: the steps miss the target"
    );
    show(&plan)
}

fn live_of(mut value: Value) -> Live {
    let map = value.as_object_mut().unwrap();
    let chains = Family::ALL.map(|family| (family, map.shift_remove(family.name())));
    let mut live = Live {
        rules: json::parse_ruleset(value).unwrap(),
        ..Live::default()
    };
    let defaults = Timeouts::kernel_defaults();
    for kind in TimeoutKind::ALL {
        let seconds = live.rules.settings.timeout(kind).or(defaults.get(kind));
        live.rules.settings.set_timeout(kind, seconds);
    }
    let marks = live.rules.marks.clone();
    for (family, said) in chains {
        let mine = marks.iter().filter(|rule| rule.family == family);
        let mut rules: Vec<ChainRule> = mine.cloned().map(ChainRule::Mark).collect();
        let support = match said {
            Some(Value::String(why)) => MarkSupport::Unavailable(why),
            Some(said) => {
                let strays = said.get("strays").and_then(Value::as_array);
                rules.extend(strays.into_iter().flatten().map(|line| {
                    let words = line.as_str().unwrap().split(' ').map(str::to_owned);
                    ChainRule::Stray(Stray {
                        words: words.collect(),
                    })
                }));
                let mut chain = ChainState::holding(rules);
                if let Some(jump) = said.get("jump").and_then(Value::as_bool) {
                    chain.is_passed = jump;
                    chain.is_there = true;
                }
                MarkSupport::Available(chain)
            }
            None => MarkSupport::Available(ChainState::holding(rules)),
        };
        live.set_marks(family, support);
    }
    live
}

struct Asked {
    scope: Scope,
    exact_servers: BTreeSet<ServiceKey>,
    declared: BTreeMap<EntryKey, Named>,
    keep_weights: bool,
    overlay: Overlay,
}

impl Asked {
    fn parse(text: &str) -> Asked {
        let mut named = BTreeSet::new();
        let mut asked = Asked {
            scope: Scope::Everything,
            exact_servers: BTreeSet::new(),
            declared: BTreeMap::new(),
            keep_weights: false,
            overlay: Overlay::without_state(DateTime::UNIX_EPOCH),
        };
        let mut state = State::default();
        for line in text.lines() {
            if line == "exact" {
                asked.scope = Scope::Exact;
            } else if line == "unreadable" {
                asked.overlay.knowledge = Knowledge::Unreadable("damaged".to_owned());
            } else if let Some(server) = line.strip_prefix("down ") {
                state.servers.extend(found(server, Situation::Down));
            } else if let Some(server) = line.strip_prefix("waiting ") {
                state.servers.extend(found(server, Situation::Waiting));
            } else if line == "keep weights" {
                asked.keep_weights = true;
            } else if let Some(service) = line.strip_prefix("servers of ") {
                asked
                    .exact_servers
                    .insert(ServiceKey::parse(service).unwrap());
            } else if let Some(declared) = line.strip_prefix("declared ") {
                let (name, options) = declared.split_once(": ").unwrap();
                let known = SERVICE_OPTIONS.iter().chain(&SERVER_OPTIONS);
                let options = options.split(' ').map(|option| {
                    let mut known = known.clone();
                    *known.find(|known| **known == option).expect(option)
                });
                named.insert(entry(name));
                asked.declared.insert(entry(name), options.collect());
            } else {
                named.insert(entry(line));
            }
        }
        if !state.servers.is_empty() {
            asked.overlay.knowledge = Knowledge::Known(state);
        }
        if !named.is_empty() {
            asked.scope = Scope::Named(named);
        }
        asked
    }
}

/// What checks found of a server.
fn found(name: &str, situation: Situation) -> Option<(Target, Deviation)> {
    let EntryKey::Server(service, server) = entry(name) else {
        panic!("{name} is no server");
    };
    let deviation = Deviation {
        situation,
        since: DateTime::UNIX_EPOCH,
        reason: "connection refused".to_owned(),
        taken_out_by_hand: false,
    };
    Some((Target { service, server }, deviation))
}

fn entry(name: &str) -> EntryKey {
    if let Some(kind) = name.strip_prefix("timeout ") {
        let mut all = TimeoutKind::ALL.into_iter();
        EntryKey::Setting(SettingKey::Timeout(
            all.find(|known| known.name() == kind).unwrap(),
        ))
    } else if let Some(role) = name.strip_prefix("daemon ") {
        EntryKey::Setting(SettingKey::SyncDaemon(DaemonRole::parse(role).unwrap()))
    } else if let Some(service) = name.strip_prefix("rules of ") {
        EntryKey::Marks(MarkKey::of_service(&ServiceKey::parse(service).unwrap()).unwrap())
    } else if let Some(service) = name.strip_prefix("policy of ") {
        EntryKey::ServicePolicy(ServiceKey::parse(service).unwrap())
    } else if let Some((service, server)) = name.split_once(" server ") {
        let service = ServiceKey::parse(service).unwrap();
        EntryKey::Server(service, ServerKey::parse(server, &service).unwrap())
    } else {
        EntryKey::Service(ServiceKey::parse(name).unwrap())
    }
}

fn show(plan: &Plan) -> String {
    let mut text = String::new();
    let mut object = None;
    for change in &plan.changes {
        let (sign, detail) = (change.action.sign(), &change.detail);
        match &change.part {
            None => text += &format!("{sign} {}  {detail}\n", change.object),
            Some(part) => {
                if object != Some(change.object) {
                    text += &format!("{}\n", change.object);
                }
                text += &format!("  {sign} {part}  {detail}\n");
            }
        }
        object = Some(change.object);
    }
    if plan.is_empty() {
        text += "nothing to change\n";
    } else {
        text += "steps\n";
    }
    for step in &plan.steps {
        match step {
            Step::SetChain { family, to, .. } => {
                text += &format!("  {family} chain {}\n", chain(to))
            }
            other => text += &format!("  {}\n", command_lines(other).join("; ")),
        }
    }
    if let Some(words) = plan.foreign.words() {
        text += &format!("foreign: {words}\n");
    }
    if let Some(words) = plan.kept_words() {
        text += &format!("kept: {words}\n");
    }
    for entry in &plan.left_alone {
        text += &format!("left alone: {entry}\n");
    }
    for (mark, why) in &plan.unavailable {
        text += &format!("unavailable: {mark}: {why}\n");
    }
    text
}

fn chain(state: &ChainState) -> String {
    if !state.is_there {
        return "gone".to_owned();
    }
    let rules = state.rules.iter().map(|rule| match rule {
        ChainRule::Mark(rule) => format!("{}: {}", rule.mark, rule.summary()),
        ChainRule::Stray(stray) => format!("stray {}", stray.words.join(" ")),
    });
    let jump = if state.is_passed {
        ""
    } else {
        " without a jump"
    };
    format!("[{}]{jump}", rules.collect::<Vec<_>>().join("; "))
}

fn carried_out(live: &Live, plan: &Plan) -> Live {
    let mut state = live.clone();
    for step in &plan.steps {
        step.apply_to(&mut state);
    }
    state
}

/// What a kernel may hold: every timeout known, daemons filled in, chains in any state.
fn live() -> impl Strategy<Value = Live> {
    let chain = (any::<bool>(), 0..4_u8);
    (arbitrary::ruleset(), chain.clone(), chain).prop_map(|(mut rules, v4, v6)| {
        for (kind, seconds) in TimeoutKind::ALL.into_iter().zip([900, 120, 300]) {
            let seconds = rules.settings.timeout(kind).unwrap_or(seconds);
            rules.settings.set_timeout(kind, Some(seconds));
        }
        for role in DaemonRole::ALL {
            let Some(mut daemon) = rules.settings.daemon(role).cloned() else {
                continue;
            };
            daemon.maxlen.get_or_insert(1472);
            daemon.port.get_or_insert(8848);
            daemon.ttl.get_or_insert(1);
            daemon.group.get_or_insert("224.0.0.81".parse().unwrap());
            rules.settings.set_daemon(role, Some(daemon));
        }
        let marks = rules.marks.clone();
        let mut live = Live {
            rules,
            ..Live::default()
        };
        for (family, (jump, stray)) in Family::ALL.into_iter().zip([v4, v6]) {
            let mine = marks.iter().filter(|rule| rule.family == family);
            let mut rules: Vec<ChainRule> = mine.cloned().map(ChainRule::Mark).collect();
            if stray == 0 {
                let words = vec!["-j".to_owned(), "ACCEPT".to_owned()];
                rules.insert(rules.len() / 2, ChainRule::Stray(Stray { words }));
            }
            let mut chain = ChainState::holding(rules);
            chain.is_passed &= jump;
            live.set_marks(family, MarkSupport::Available(chain));
        }
        live
    })
}

/// A head, what the kernel holds, and what is wanted: often much alike.
fn worlds() -> impl Strategy<Value = (Ruleset, Live, Ruleset)> {
    let picks = prop::collection::vec((any::<bool>(), any::<bool>()), 40);
    (arbitrary::ruleset(), live(), arbitrary::ruleset(), picks).prop_map(
        |(mut head, live, mut wanted, picks)| {
            // Without shared entries there would be little to compare.
            for (entry, (in_head, in_wanted)) in live.rules.entries().into_iter().zip(picks) {
                if in_head {
                    head.put(&entry, live.rules.get(&entry));
                }
                if in_wanted {
                    wanted.put(&entry, live.rules.get(&entry));
                }
            }
            (head, live, wanted)
        },
    )
}

fn make(head: &Ruleset, live: &Live, wanted: &Ruleset, scope: Scope) -> Plan {
    plan(&Request {
        head,
        found: &Default::default(),
        live,
        wanted,
        overlay: &Overlay::without_state(DateTime::UNIX_EPOCH),
        scope,
        exact_servers: &BTreeSet::new(),
        declared: &BTreeMap::new(),
        keep_weights: false,
    })
}

/// Says whether an entry went because its service did.
fn went_along(entry: &EntryKey, target: &Live) -> bool {
    matches!(entry, EntryKey::Server(service, _) if !target.rules.services.contains_key(service))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn looking_at_everything_follows_the_table_of_ownership((head, live, wanted) in worlds()) {
        let plan = make(&head, &live, &wanted, Scope::Everything);
        let target = carried_out(&live, &plan);
        prop_assert_eq!(&target, &plan.target);
        // What settings need of others belongs to both sides.
        let (head, wanted) = (with_derived(&head), with_derived(&wanted));
        let mut entries = head.entries();
        entries.extend(live.rules.entries());
        entries.extend(wanted.entries());
        for entry in entries {
            let (h, l) = (head.get(&entry), live.rules.get(&entry));
            let (w, t) = (wanted.get(&entry), target.rules.get(&entry));
            match (w, h, l.clone()) {
                (Some(w), _, _) => {
                    prop_assert!(t.is_some_and(|t| w.satisfied_by(&t)), "{} is not as wanted", entry);
                }
                (None, Some(_), _) => match entry {
                    // There is no default to return to; one of a device goes with it.
                    EntryKey::Setting(key) if key.is_always_there() && key.facts().is_of_host => {
                        prop_assert!(t == l || t.is_none(), "{} is neither", entry);
                    }
                    EntryKey::Setting(key) if key.is_always_there() => prop_assert_eq!(
                        target.rules.settings.get(key).cloned(), key.default_value()
                    ),
                    _ => prop_assert!(t.is_none(), "{} is still there", entry),
                },
                (None, None, l) => {
                    prop_assert!(t == l || went_along(&entry, &target), "{} was touched", entry);
                }
            }
        }
    }

    #[test]
    fn looking_exactly_leaves_nothing_else((head, live, wanted) in worlds()) {
        let plan = make(&head, &live, &wanted, Scope::Exact);
        let target = carried_out(&live, &plan);
        prop_assert_eq!(&target.rules.services, &wanted.services);
        for family in Family::ALL {
            let of = |rules: &Ruleset| -> Vec<_> {
                rules.marks.iter().filter(|rule| rule.family == family).cloned().collect()
            };
            prop_assert_eq!(of(&target.rules), of(&wanted));
        }
        let roles = |rules: &Ruleset| -> Vec<_> {
            rules.settings.daemons().map(|(role, _)| role).collect()
        };
        prop_assert_eq!(roles(&target.rules), roles(&wanted));
        prop_assert_eq!(plan.foreign, Default::default());
    }

    #[test]
    fn naming_touches_nothing_else(
        (head, live, wanted) in worlds(),
        picks in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut entries = head.entries();
        entries.extend(live.rules.entries());
        entries.extend(wanted.entries());
        let named: BTreeSet<EntryKey> = entries
            .iter()
            .zip(picks)
            .filter(|(_, picked)| *picked)
            .map(|(entry, _)| *entry)
            .collect();
        let plan = make(&head, &live, &wanted, Scope::Named(named.clone()));
        let target = carried_out(&live, &plan);
        prop_assert_eq!(&target, &plan.target);
        let (head, wanted) = (with_derived(&head), with_derived(&wanted));
        entries.extend(head.entries());
        entries.extend(wanted.entries());
        for entry in &entries {
            let (t, l) = (target.rules.get(entry), live.rules.get(entry));
            if !plan.has_examined(entry) {
                prop_assert!(t == l || went_along(entry, &target), "{} was touched", entry);
            } else if let Some(w) = wanted.get(entry) {
                // A server alone cannot stand where its service is not wanted.
                let stands = t.is_some_and(|t| w.satisfied_by(&t));
                prop_assert!(stands || went_along(entry, &target), "{} is not as wanted", entry);
            }
        }
        let marks = wanted.mark_keys();
        if marks.iter().all(|key| named.contains(&EntryKey::Marks(*key))) {
            for family in Family::ALL {
                let in_order = |keys: Vec<MarkKey>| -> Vec<MarkKey> {
                    let ours = |key: &MarkKey| key.family == family && marks.contains(key);
                    keys.into_iter().filter(ours).collect()
                };
                prop_assert_eq!(in_order(target.rules.mark_keys()), in_order(marks.clone()));
            }
        }
        let drifted = |entry: &&EntryKey| match (head.get(entry), live.rules.get(entry)) {
            (Some(h), Some(l)) => !h.satisfied_by(&l),
            (Some(_), None) => true,
            (None, _) => false,
        };
        let alone: BTreeSet<EntryKey> = entries
            .iter()
            .filter(drifted)
            .filter(|entry| !plan.has_examined(entry))
            .copied()
            .collect();
        prop_assert_eq!(&plan.left_alone, &alone);
    }

    #[test]
    fn what_was_reached_needs_no_plan((head, live, wanted) in worlds(), exact in any::<bool>()) {
        let scope = if exact { Scope::Exact } else { Scope::Everything };
        let target = carried_out(&live, &make(&head, &live, &wanted, scope.clone()));
        let again = make(&wanted, &target, &wanted, scope);
        prop_assert_eq!(again.steps, []);
        prop_assert_eq!(again.changes, []);
    }

    #[test]
    fn undoing_returns((head, live, wanted) in worlds(), done in 0..200_usize, exact in any::<bool>()) {
        let scope = if exact { Scope::Exact } else { Scope::Everything };
        let plan = make(&head, &live, &wanted, scope);
        let mut state = live.clone();
        let done: Vec<&Step> = plan.steps.iter().take(done).collect();
        for step in &done {
            step.apply_to(&mut state);
        }
        for inverse in done.iter().rev().flat_map(|step| step.inverse()) {
            inverse.apply_to(&mut state);
        }
        prop_assert_eq!(state, live);
    }

    #[test]
    fn what_a_step_left_out_is_found((head, live, wanted) in worlds(), skipped in 0..5_usize) {
        let plan = make(&head, &live, &wanted, Scope::Everything);
        let mut state = live.clone();
        for (at, step) in plan.steps.iter().enumerate() {
            if at % 5 != skipped {
                step.apply_to(&mut state);
            }
        }
        let mut entries = with_derived(&wanted).entries();
        entries.extend(live.rules.entries());
        let differs = |entry: &EntryKey| match (plan.target.rules.get(entry), state.rules.get(entry)) {
            (Some(target), Some(now)) => !target.satisfied_by(&now),
            (target, now) => target.is_some() || now.is_some(),
        };
        let mut examined = entries.into_iter().filter(|entry| plan.has_examined(entry));
        prop_assert_eq!(plan.first_difference(&state), examined.find(differs));
    }

    #[test]
    fn a_plan_with_steps_says_so((head, live, wanted) in worlds()) {
        let plan = make(&head, &live, &wanted, Scope::Everything);
        prop_assert_eq!(plan.steps.is_empty(), plan.changes.is_empty(), "{:?}", plan.steps);
    }

    #[test]
    fn additions_come_before_removals((head, live, wanted) in worlds()) {
        let rank = |step: &Step| match step {
            Step::Set { settings } => {
                let SettingChange { key, from, to } = &settings[0];
                match key.phase(from.as_ref(), to.as_ref()) {
                    Phase::Setup => 0,
                    Phase::Devices => 1,
                    Phase::VipRemoval => 2,
                    Phase::BeforeServices => 3,
                    Phase::BeforeMarks => 6,
                    Phase::VipAddition => 9,
                    Phase::Teardown => 10,
                    Phase::Last => 11,
                }
            }
            Step::AddService { .. } | Step::AddServer { .. } => 4,
            Step::ChangeService { .. } | Step::ChangeServer { .. } => 5,
            Step::SetChain { .. } => 7,
            Step::RemoveServer { .. } | Step::RemoveService { .. } => 8,
        };
        // A setting of a tunnel device comes behind the device; one that another rewrites, around it.
        let has_own_place = |step: &&Step| match step {
            Step::Set { settings } => match settings[0].key {
                SettingKey::Sysctl(name) => {
                    let interface = name.interface().map(|one| one.to_string());
                    !["tunl0", "gre0", "eth0"].contains(&interface.as_deref().unwrap_or("all"))
                }
                _ => true,
            },
            _ => true,
        };
        let plan = make(&head, &live, &wanted, Scope::Everything);
        let steps: Vec<&Step> = plan.steps.iter().filter(has_own_place).collect();
        prop_assert!(steps.is_sorted_by_key(|step| rank(step)), "{:?}", plan.steps);
    }
}
