//! Which changes there are between two rulesets, in the order in which they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use serde_json::Value;

use super::Request;
use super::change::{Action, Change, Detail, Object, Part};
use crate::model::live::{ChainRule, ChainState, Live};
use crate::model::patch::Named;
use crate::model::service::Field;
use crate::model::{
    EntryKey, Family, MarkKey, MarkRule, Options, Ruleset, ServerPolicy, ServiceKey, Setting,
    SettingKey, VirtualService, differing_servers, json, pairs,
};

/// The changes between two rulesets.
pub fn between(from: &Ruleset, to: &Ruleset) -> Vec<Change> {
    let mut telling = Telling::default();
    telling.all(from, to);
    telling.changes
}

/// The changes of a plan, with resets of options that were not named, foreign servers that go
/// with their service, and repairs of our chain. `steps` is how many steps it takes.
pub(super) fn of_plan(request: &Request, target: &Live, steps: usize) -> Vec<Change> {
    let mut telling = Telling {
        request: Some(request),
        changes: Vec::with_capacity(steps),
    };
    telling.all(&request.live.rules, &target.rules);
    for family in Family::ALL {
        if let (Some(from), Some(to)) = (
            request.live.marks(family).chain(),
            target.marks(family).chain(),
        ) {
            telling.chain(family, from, to);
        }
    }
    telling.changes
}

/// Changes while they are told; where they are a plan's, of what was asked for.
#[derive(Default)]
struct Telling<'a> {
    request: Option<&'a Request<'a>>,
    changes: Vec<Change>,
}

impl<'a> Telling<'a> {
    fn push(&mut self, action: Action, object: Object, part: Option<Part>, detail: Detail) {
        let is_foreign = action == Action::Remove && self.is_foreign(&object, part);
        self.changes.push(Change {
            action,
            object,
            part,
            detail: detail.foreign(is_foreign),
        });
    }

    /// What goes although the head never had it is somebody else's.
    fn is_foreign(&self, object: &Object, part: Option<Part>) -> bool {
        let Some(Request { head, .. }) = self.request else {
            return false;
        };
        match (object, part) {
            (Object::Service(key), None) => !head.services.contains_key(key),
            (Object::Service(key), Some(Part::Server(server))) => {
                !head.has(&EntryKey::Server(*key, server))
            }
            (Object::Service(key), Some(_)) => {
                MarkKey::of_service(key).is_none_or(|mark| !head.has(&EntryKey::Marks(mark)))
            }
            (Object::Setting(key), _) => !head.settings.has(*key),
            // A stray rule in our own chain: its words say whose it is not.
            (Object::Settings(_) | Object::Chain(_), _) => false,
        }
    }

    fn all(&mut self, from: &Ruleset, to: &Ruleset) {
        // Marks are shown with the service that they feed, also where there is none.
        let mut fed = rules_by_service(from, to);
        for (key, before, after) in from.differing_services(to) {
            while let Some(first) = fed.first_entry().filter(|first| first.key() < key) {
                let (service, rules) = first.remove_entry();
                self.marks(service, &rules);
            }
            self.service(key, before, after);
            if let Some(rules) = fed.remove(key) {
                self.marks(*key, &rules);
            }
        }
        for (service, rules) in fed {
            self.marks(service, &rules);
        }
        self.settings(from, to);
    }

    fn service(
        &mut self,
        key: &ServiceKey,
        before: Option<&VirtualService>,
        after: Option<&VirtualService>,
    ) {
        let (family, object) = (key.family(), Object::Service(*key));
        match (before, after) {
            (None, Some(after)) => {
                let detail = Detail::of_service(family, &after.options);
                self.push(Action::Add, object, None, detail);
            }
            (Some(before), None) => {
                let detail = Detail::of_service(family, &before.options);
                self.push(Action::Remove, object, None, detail);
            }
            (Some(before), Some(after)) if before.options != after.options => {
                let named = self.declared(&EntryKey::Service(*key));
                let (old, new) = (before.options.fields(family), after.options.fields(family));
                let from = json::service_options(&before.options, family);
                let to = json::service_options(&after.options, family);
                for (name, turn) in differing(old, new, named) {
                    let detail = Detail::text(turn.to_string());
                    let detail = detail.with_sides(value(&from, name), value(&to, name));
                    self.push(Action::Change, object, Some(Part::Option(name)), detail);
                }
            }
            _ => {}
        }
        for (server, old, new) in differing_servers(before, after) {
            let part = Some(Part::Server(*server));
            match (old, new) {
                (None, Some(new)) => {
                    self.push(Action::Add, object, part, Detail::of_server(*new));
                }
                (Some(old), None) => {
                    self.push(Action::Remove, object, part, Detail::of_server(*old));
                }
                (Some(old), Some(new)) => {
                    let named = self.declared(&EntryKey::Server(*key, *server));
                    let turns = differing(old.values(), new.values(), named);
                    let mut text = String::new();
                    for (name, turn) in turns {
                        let gap = if text.is_empty() { "" } else { ", " };
                        // A String takes everything.
                        let _ = write!(text, "{gap}{name} {turn}");
                    }
                    let detail = Detail::between_servers(text, *old, *new);
                    self.push(Action::Change, object, part, detail);
                }
                (None, None) => {}
            }
        }
        self.policies(key, before, after);
    }

    /// The policies of a service and its servers. What goes takes its policy along untold.
    fn policies(
        &mut self,
        key: &ServiceKey,
        before: Option<&VirtualService>,
        after: Option<&VirtualService>,
    ) {
        let Some(after) = after else { return };
        let plain = VirtualService::new(key.family());
        let (old, new) = (before.unwrap_or(&plain), after);
        let object = Object::Service(*key);
        if old.policy != new.policy {
            let fields = (old.policy.fields(), new.policy.fields());
            let sides = (old.policy.json(), new.policy.json());
            let named = self.declared(&EntryKey::ServicePolicy(*key));
            self.policy(
                object,
                Part::Option,
                (fields, sides),
                (before.is_none(), named),
            );
        }
        let plain = ServerPolicy::default();
        for (server, from, to) in pairs(&old.server_policies, &new.server_policies) {
            let (from, to) = (from.unwrap_or(&plain), to.unwrap_or(&plain));
            if from == to || !new.servers.contains_key(server) {
                continue;
            }
            let is_new = !old.servers.contains_key(server);
            let named = self.declared(&EntryKey::ServerPolicy(*key, *server));
            self.policy(
                object,
                |name| Part::ServerOption(*server, name),
                ((from.fields(), to.fields()), (from.json(), to.json())),
                (is_new, named),
            );
        }
    }

    /// The options of one policy that differ. Of a policy that comes with what it is a policy of, what
    /// it says.
    fn policy(
        &mut self,
        object: Object,
        part: impl Fn(&'static str) -> Part,
        ((old, new), (from, to)): ((Vec<Field>, Vec<Field>), (Options, Options)),
        (is_new, named): (bool, Option<&Named>),
    ) {
        for (name, turn) in differing(old, new, named) {
            let (action, said) = match is_new {
                true => (Action::Add, turn.new),
                false => (Action::Change, turn.to_string()),
            };
            let detail = Detail::text(said).with_sides(value(&from, name), value(&to, name));
            self.push(action, object, Some(part(name)), detail);
        }
    }

    /// The options that an entry was declared with, where it was.
    fn declared(&self, entry: &EntryKey) -> Option<&'a Named> {
        self.request?.declared.get(entry)
    }

    fn marks(&mut self, service: ServiceKey, (old, new): &Sides) {
        if old == new {
            return;
        }
        let (object, part) = (Object::Service(service), Some(Part::Mark));
        let before = self.changes.len();
        for rule in old.iter().filter(|rule| !new.contains(rule)) {
            let detail = Detail::text(rule.summary()).with_sides(mark(rule), Value::Null);
            self.push(Action::Remove, object, part, detail);
        }
        for rule in new.iter().filter(|rule| !old.contains(rule)) {
            let detail = Detail::text(rule.summary()).with_sides(Value::Null, mark(rule));
            self.push(Action::Add, object, part, detail);
        }
        if self.changes.len() == before {
            let order = Detail::text("order of rules");
            self.push(Action::Change, object, part, order);
        }
    }

    fn settings(&mut self, from: &Ruleset, to: &Ruleset) {
        for (key, old, new) in from.settings.differing(&to.settings) {
            // It goes with what it is a setting of, which is told.
            let goes_along = key.facts().is_of_host && key.is_always_there() && new.is_none();
            if goes_along && self.request.is_some() {
                continue;
            }
            match key.facts().are_one_object {
                true => self.part_of_settings(key, old, new),
                false => self.setting(key, old, new),
            }
        }
    }

    fn part_of_settings(&mut self, key: SettingKey, old: Option<&Setting>, new: Option<&Setting>) {
        let text = |value: Option<&Setting>| {
            value.map_or("not managed".to_owned(), |value| value.summary(key))
        };
        let form = |value: Option<&Setting>| value.map_or(Value::Null, |value| value.json(key));
        let detail = Detail::text(format!("{} -> {}", text(old), text(new)));
        let detail = detail.with_sides(form(old), form(new));
        let (object, part) = (Object::Settings(key.kind()), Some(Part::Setting(key)));
        self.push(Action::Change, object, part, detail);
    }

    fn setting(&mut self, key: SettingKey, old: Option<&Setting>, new: Option<&Setting>) {
        let object = Object::Setting(key);
        match (old, new) {
            (None, Some(new)) => {
                let detail = Detail::text(new.summary(key));
                let detail = detail.with_sides(Value::Null, new.json(key));
                self.push(Action::Add, object, None, detail);
            }
            (Some(old), None) => {
                let detail = Detail::text(old.summary(key));
                let detail = detail.with_sides(old.json(key), Value::Null);
                self.push(Action::Remove, object, None, detail);
            }
            (Some(old), Some(new)) => {
                let part_of = |setting: &Setting, name: &str| match setting.json(key) {
                    Value::Object(options) => value(&options, name),
                    whole => whole,
                };
                if let (Setting::Sysctl(_), Setting::Sysctl(_)) = (old, new) {
                    let detail =
                        Detail::text(format!("{} -> {}", old.summary(key), new.summary(key)));
                    let detail = detail.with_sides(old.json(key), new.json(key));
                    self.push(Action::Change, object, None, detail);
                }
                for (name, turn) in differing(old.fields(key), new.fields(key), None) {
                    // What is left to the kernel is not compared, and is no change by itself. Where
                    // something else makes the setting start anew, what had been set is lost.
                    let told = match self.request {
                        Some(_) if turn.new == Setting::LEFT_OPEN => new.lost(name, &turn.old),
                        _ => Some(turn.to_string()),
                    };
                    if let Some(text) = told {
                        let part = Some(Part::Option(name));
                        let (from, to) = (part_of(old, name), part_of(new, name));
                        let detail = Detail::text(text).with_sides(from, to);
                        self.push(Action::Change, object, part, detail);
                    }
                }
            }
            (None, None) => {}
        }
    }

    /// What happens to our chain beyond the rules themselves.
    fn chain(&mut self, family: Family, from: &ChainState, to: &ChainState) {
        if from == to {
            return;
        }
        let object = Object::Chain(family);
        for rule in &from.rules {
            if let ChainRule::Stray(stray) = rule
                && !to.rules.contains(rule)
            {
                let words = stray.words.join(" ");
                let words = Detail::text(words.clone()).with_sides(words.into(), Value::Null);
                self.push(Action::Remove, object, Some(Part::Stray), words);
            }
        }
        if from.is_there && !from.is_passed && to.is_passed && !from.rules.is_empty() {
            let detail = Detail::text("missing -> PREROUTING");
            self.push(Action::Change, object, Some(Part::Option("jump")), detail);
        }
        if are_marks_reordered(from, to) {
            let detail = Detail::text("rules of several marks");
            self.push(Action::Change, object, Some(Part::Option("order")), detail);
        }
    }
}

/// The rules of one mark on two sides.
type Sides<'a> = (Vec<&'a MarkRule>, Vec<&'a MarkRule>);

/// The rules of two rulesets by the service that they feed.
fn rules_by_service<'a>(from: &'a Ruleset, to: &'a Ruleset) -> BTreeMap<ServiceKey, Sides<'a>> {
    let mut fed: BTreeMap<ServiceKey, Sides> = BTreeMap::new();
    for rule in &from.marks {
        fed.entry(rule.key().service()).or_default().0.push(rule);
    }
    for rule in &to.marks {
        fed.entry(rule.key().service()).or_default().1.push(rule);
    }
    fed
}

/// The value of an option as JSON; null where it is not set.
fn value(options: &Options, name: &str) -> Value {
    options.get(name).cloned().unwrap_or_default()
}

fn mark(rule: &MarkRule) -> Value {
    Value::Object(json::mark(rule))
}

/// A field that differs: `1 -> 0`.
struct Turn<T> {
    old: T,
    new: T,
    /// It was declared without being named.
    is_reset: bool,
}

impl<T: fmt::Display> fmt::Display for Turn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = match self.is_reset {
            true => " (not named: default)",
            false => "",
        };
        write!(f, "{} -> {}{note}", self.old, self.new)
    }
}

/// The fields that differ.
fn differing<T: PartialEq>(
    old: impl IntoIterator<Item = (&'static str, T)>,
    new: impl IntoIterator<Item = (&'static str, T)>,
    named: Option<&Named>,
) -> impl Iterator<Item = (&'static str, Turn<T>)> {
    old.into_iter()
        .zip(new)
        .filter(|(old, new)| old.1 != new.1)
        .map(move |((name, old), (_, new))| {
            let is_reset = named.is_some_and(|named| !named.contains(name));
            (name, Turn { old, new, is_reset })
        })
}

/// Says whether marks changed places while the rules of each stay as they are.
fn are_marks_reordered(from: &ChainState, to: &ChainState) -> bool {
    let (from, to) = (from.marks(), to.marks());
    let sorted = |rules: &[MarkRule]| {
        let mut keys: Vec<String> = rules
            .iter()
            .map(|rule| format!("{} {}", rule.mark, rule.summary()))
            .collect();
        keys.sort();
        keys
    };
    let of = |rules: &[MarkRule], key: MarkKey| -> Vec<MarkRule> {
        let its = rules.iter().filter(|rule| rule.key() == key);
        its.cloned().collect()
    };
    let keys: BTreeSet<MarkKey> = to.iter().map(MarkRule::key).collect();
    from != to
        && sorted(&from) == sorted(&to)
        && keys.into_iter().all(|key| of(&from, key) == of(&to, key))
}
