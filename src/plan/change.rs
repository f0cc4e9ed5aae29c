//! A plan as a reader sees it: objects, and what happens to each (`+`, `-`, `~`).

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use crate::model::live::{ChainRule, ChainState, Live};
use crate::model::patch::Named;
use crate::model::service::Field;
use crate::model::{
    DaemonRole, EntryKey, Family, MarkKey, MarkRule, Ruleset, ServerKey, ServiceKey, TimeoutKind,
    VirtualService, pairs,
};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `+`
    Add,
    /// `-`
    Remove,
    /// `~`
    Change,
}

impl Action {
    /// The sign in front of a line.
    pub fn sign(self) -> char {
        match self {
            Action::Add => '+',
            Action::Remove => '-',
            Action::Change => '~',
        }
    }

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Action::Add => "add",
            Action::Remove => "remove",
            Action::Change => "change",
        }
    }
}

/// One change to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// The object: a service's name, `timeouts`, `sync daemons`, `mark chain`.
    pub object: String,
    /// The part of the object (`server 10.0.0.13:80`, `scheduler`); `None` is the object itself.
    pub part: Option<String>,
    /// The rest of the line: `masq weight 1`, `wlc -> rr`.
    pub detail: String,
}

impl Change {
    fn of(action: Action, object: impl ToString, part: &str, detail: impl ToString) -> Change {
        Change {
            action,
            object: object.to_string(),
            part: Some(part.to_owned()),
            detail: detail.to_string(),
        }
    }

    fn whole(action: Action, object: impl ToString, detail: impl ToString) -> Change {
        Change {
            action,
            object: object.to_string(),
            part: None,
            detail: detail.to_string(),
        }
    }
}

/// A line of changes as readers see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What happens; `None` is the name of an object, above what happens to its parts.
    pub action: Option<Action>,
    /// How deep it stands, in spaces.
    pub indent: usize,
    /// `+ server 10.0.0.13:80  masq weight 1`
    pub text: String,
}

/// The lines of changes, one by one: each object's below its name.
pub fn lines(changes: &[Change]) -> impl Iterator<Item = Line> {
    let mut under: Option<&str> = None;
    changes.iter().flat_map(move |change| {
        let (name, indent) = match &change.part {
            None => (&change.object, 0),
            Some(part) => (part, 2),
        };
        let above = (indent > 0 && under != Some(&change.object)).then(|| Line {
            action: None,
            indent: 0,
            text: change.object.clone(),
        });
        under = Some(&change.object);
        // A name stands apart from what is said of it, a field beside its value.
        let gap = match name.contains(' ') {
            _ if change.detail.is_empty() => "",
            true => "  ",
            false => " ",
        };
        let line = Line {
            action: Some(change.action),
            indent,
            text: format!("{} {name}{gap}{}", change.action.sign(), change.detail),
        };
        above.into_iter().chain([line])
    })
}

/// What a daemon leaves to the kernel is not compared, and is no change by itself. Where something
/// else makes the daemon start anew, what had been set otherwise is lost, and that is told.
fn is_told(change: &mut Change) -> bool {
    let is_daemon = change.object.starts_with("sync daemon");
    let Some(old) = change.detail.strip_suffix(" -> any").filter(|_| is_daemon) else {
        return true;
    };
    let default = match change.part.as_deref() {
        Some("group") => "224.0.0.81",
        Some("port") => "8848",
        Some("ttl") => "1",
        // The longest message of a backup follows its interface, of a master the group's family.
        _ => return false,
    };
    let told = old != default;
    change.detail = format!("{old} -> {default} (not named: default)");
    told
}

/// The changes of a plan, with resets of options that were not named, foreign servers that go
/// with their service, and repairs of our chain.
pub(super) fn of_plan(request: &Request, target: &Live) -> Vec<Change> {
    let live = &request.live.rules;
    let mut changes = changes(live, &target.rules, request.declared);
    changes.retain_mut(is_told);
    for change in &mut changes {
        note_foreign(request, change);
    }
    for family in Family::ALL {
        if let (Some(from), Some(to)) = (
            request.live.marks(family).chain(),
            target.marks(family).chain(),
        ) {
            chain(family, from, to, &mut changes);
        }
    }
    changes
}

/// What goes although the head never had it is somebody else's: say so.
fn note_foreign(request: &Request, change: &mut Change) {
    if change.action != Action::Remove {
        return;
    }
    let head = request.head;
    let is_ours = match (ServiceKey::parse(&change.object), change.part.as_deref()) {
        (Ok(key), None) => head.services.contains_key(&key),
        (Ok(key), Some("mark")) => MarkKey::of_service(&key)
            .is_some_and(|mark| head.marks.iter().any(|rule| rule.key() == mark)),
        (Ok(key), Some(part)) => head.services.get(&key).is_some_and(|service| {
            let mut ours = service.servers.keys();
            ours.any(|server| part == server_part(server))
        }),
        (Err(_), None) => DaemonRole::ALL
            .into_iter()
            .any(|role| change.object == daemon_object(role) && head.daemons.contains_key(&role)),
        // A stray rule in our own chain: its words say whose it is not.
        (Err(_), Some(_)) => true,
    };
    if !is_ours {
        change.detail.push_str(" (not managed by ipvsh)");
    }
}

fn server_part(server: &ServerKey) -> String {
    ["server ", &server.to_string()].concat()
}

fn daemon_object(role: DaemonRole) -> String {
    format!("sync daemon {role}")
}

/// The changes between two rulesets.
pub fn between(from: &Ruleset, to: &Ruleset) -> Vec<Change> {
    changes(from, to, &BTreeMap::new())
}

fn changes(from: &Ruleset, to: &Ruleset, declared: &BTreeMap<EntryKey, Named>) -> Vec<Change> {
    let mut changes = Vec::new();
    let differing = pairs(&from.services, &to.services)
        .filter(|(_, before, after)| before != after)
        .map(|(key, _, _)| *key);
    // Marks are shown with the service that they feed, also where there is none.
    let fed = from.mark_keys().into_iter().chain(to.mark_keys());
    let keys: BTreeSet<ServiceKey> = differing.chain(fed.map(MarkKey::service)).collect();
    for key in keys {
        let (before, after) = (from.services.get(&key), to.services.get(&key));
        if before != after {
            service(&key, before, after, declared, &mut changes);
        }
        if let Some(mark) = MarkKey::of_service(&key) {
            marks(mark, &from.rules_of(mark), &to.rules_of(mark), &mut changes);
        }
    }
    timeouts(from, to, &mut changes);
    daemons(from, to, &mut changes);
    changes
}

fn service(
    key: &ServiceKey,
    before: Option<&VirtualService>,
    after: Option<&VirtualService>,
    declared: &BTreeMap<EntryKey, Named>,
    changes: &mut Vec<Change>,
) {
    let (family, object) = (key.family(), key.to_string());
    match (before, after) {
        (None, Some(after)) => {
            changes.push(Change::whole(
                Action::Add,
                &object,
                after.options.summary(family),
            ));
        }
        (Some(before), None) => {
            changes.push(Change::whole(
                Action::Remove,
                &object,
                before.options.summary(family),
            ));
        }
        (Some(before), Some(after)) => {
            let named = declared.get(&EntryKey::Service(*key));
            for (name, text) in fields(
                before.options.fields(family),
                after.options.fields(family),
                named,
            ) {
                changes.push(Change::of(Action::Change, &object, name, text));
            }
        }
        (None, None) => {}
    }
    let none = BTreeMap::new();
    let old = before.map_or(&none, |s| &s.servers);
    let new = after.map_or(&none, |s| &s.servers);
    for (server, old, new) in pairs(old, new).filter(|(_, old, new)| old != new) {
        let part = server_part(server);
        match (old, new) {
            (None, Some(new)) => {
                changes.push(Change::of(Action::Add, &object, &part, new.summary()));
            }
            (Some(old), None) => {
                changes.push(Change::of(Action::Remove, &object, &part, old.summary()));
            }
            (Some(old), Some(new)) => {
                let named = declared.get(&EntryKey::Server(*key, *server));
                let text: Vec<String> = fields(old.fields(), new.fields(), named)
                    .into_iter()
                    .map(|(name, text)| format!("{name} {text}"))
                    .collect();
                changes.push(Change::of(Action::Change, &object, &part, text.join(", ")));
            }
            (None, None) => {}
        }
    }
}

/// `1 -> 0` per field that differs; a field that was declared without being named is a reset.
fn fields(old: Vec<Field>, new: Vec<Field>, named: Option<&Named>) -> Vec<Field> {
    old.into_iter()
        .zip(new)
        .filter(|(old, new)| old.1 != new.1)
        .map(|((name, old), (_, new))| {
            let reset = named.is_some_and(|named| !named.contains(name));
            let note = if reset { " (not named: default)" } else { "" };
            (name, format!("{old} -> {new}{note}"))
        })
        .collect()
}

fn marks(key: MarkKey, old: &[MarkRule], new: &[MarkRule], changes: &mut Vec<Change>) {
    if old == new {
        return;
    }
    let object = key.service();
    let before = changes.len();
    for rule in old.iter().filter(|rule| !new.contains(rule)) {
        changes.push(Change::of(Action::Remove, object, "mark", rule.summary()));
    }
    for rule in new.iter().filter(|rule| !old.contains(rule)) {
        changes.push(Change::of(Action::Add, object, "mark", rule.summary()));
    }
    if changes.len() == before {
        changes.push(Change::of(Action::Change, object, "mark", "order of rules"));
    }
}

fn timeouts(from: &Ruleset, to: &Ruleset, changes: &mut Vec<Change>) {
    let text = |seconds: Option<u32>| seconds.map_or("not managed".to_owned(), |s| s.to_string());
    for kind in TimeoutKind::ALL {
        let (old, new) = (from.timeouts.get(kind), to.timeouts.get(kind));
        if old != new {
            let detail = format!("{} -> {}", text(old), text(new));
            changes.push(Change::of(Action::Change, "timeouts", kind.name(), detail));
        }
    }
}

fn daemons(from: &Ruleset, to: &Ruleset, changes: &mut Vec<Change>) {
    for role in DaemonRole::ALL {
        let (old, new) = (from.daemons.get(&role), to.daemons.get(&role));
        let object = daemon_object(role);
        match (old, new) {
            (None, Some(new)) => changes.push(Change::whole(Action::Add, object, new.summary())),
            (Some(old), None) => {
                changes.push(Change::whole(Action::Remove, object, old.summary()));
            }
            (Some(old), Some(new)) if old != new => {
                for (name, text) in fields(old.fields(), new.fields(), None) {
                    changes.push(Change::of(Action::Change, &object, name, text));
                }
            }
            _ => {}
        }
    }
}

/// What happens to our chain beyond the rules themselves.
fn chain(family: Family, from: &ChainState, to: &ChainState, changes: &mut Vec<Change>) {
    if from == to {
        return;
    }
    let object = format!("{family} mark chain");
    for rule in &from.rules {
        if let ChainRule::Stray(stray) = rule
            && !to.rules.contains(rule)
        {
            changes.push(Change::of(
                Action::Remove,
                &object,
                "rule",
                stray.words.join(" "),
            ));
        }
    }
    if from.exists && !from.jump && to.jump && !from.rules.is_empty() {
        changes.push(Change::of(
            Action::Change,
            &object,
            "jump",
            "missing -> PREROUTING",
        ));
    }
    let sorted = |chain: &ChainState| {
        let mut keys: Vec<String> = chain
            .marks()
            .iter()
            .map(|r| format!("{} {}", r.mark, r.summary()))
            .collect();
        keys.sort();
        keys
    };
    if from.marks() != to.marks() && sorted(from) == sorted(to) {
        let per_mark_same = to.marks().iter().all(|rule| {
            let of = |chain: &ChainState| -> Vec<MarkRule> {
                chain
                    .marks()
                    .into_iter()
                    .filter(|r| r.key() == rule.key())
                    .collect()
            };
            of(from) == of(to)
        });
        if per_mark_same {
            changes.push(Change::of(
                Action::Change,
                &object,
                "order",
                "rules of several marks",
            ));
        }
    }
}
