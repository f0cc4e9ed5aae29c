//! Changes in a few words: what a snapshot's message is where nobody gave one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change, Object, Part};
use super::{HeldServers, between};
use crate::model::origin::cut;
use crate::model::{Ruleset, Tally};

/// The most characters of a message that is made: a line of a history.
pub const LINE: usize = 72;

/// The order in which a summary counts.
const ACTIONS: [Action; 3] = [Action::Add, Action::Change, Action::Remove];

/// The changes that a snapshot's message and counts describe: those of the kernel or, where the
/// kernel needed none, those of the record. What the record alone has is described in any case: the
/// host's settings that needed no change, policies, maintenance, and what was declared of servers that are held.
pub fn described<'a>(
    in_kernel: &'a [Change],
    held: &HeldServers,
    from: &Ruleset,
    to: &Ruleset,
) -> Cow<'a, [Change]> {
    if in_kernel.is_empty() {
        let mut all = between(from, to);
        say_held(held, &mut all);
        return Cow::Owned(all);
    }
    let has_policies = |rules: &Ruleset| {
        let mut services = rules.services.values();
        services.any(|service| !service.is_without_policies())
    };
    if from.settings == to.settings && !has_policies(from) && !has_policies(to) {
        return Cow::Borrowed(in_kernel);
    }
    let told: BTreeSet<(Object, Option<Part>)> = in_kernel.iter().map(place).collect();
    let is_told = |change: &Change| match change.object {
        Object::Setting(_) => told.iter().any(|(object, _)| *object == change.object),
        _ => told.contains(&place(change)),
    };
    let is_of_the_record = |change: &Change| match (change.object, change.part) {
        (Object::Setting(key), _) => key.facts().is_beside_ipvs(),
        (_, Some(Part::Option(name))) => ["check", "on_fail", "snat"].contains(&name),
        (_, Some(Part::ServerOption(..))) => true,
        (Object::Service(key), Some(Part::Server(server))) => held.contains_key(&(key, server)),
        _ => false,
    };
    let mut all = in_kernel.to_vec();
    let of_the_record = between(from, to).into_iter();
    for change in of_the_record.filter(|change| is_of_the_record(change) && !is_told(change)) {
        // Behind what is said of the same object.
        let place = all.iter().rposition(|other| other.object == change.object);
        let place = place.map_or(all.len(), |place| place.saturating_add(1));
        all.insert(place, change);
    }
    say_held(held, &mut all);
    Cow::Owned(all)
}

fn place(change: &Change) -> (Object, Option<Part>) {
    (change.object, change.part)
}

/// Says of servers that are not to be as they were declared why, and until when.
fn say_held(held: &HeldServers, changes: &mut [Change]) {
    for change in changes {
        if let (Object::Service(key), Some(Part::Server(server))) = (change.object, change.part)
            && let Some(held) = held.get(&(key, server))
        {
            change.detail = std::mem::take(&mut change.detail).held(*held);
        }
    }
}

/// Counts changes by what happens.
pub fn tally(changes: &[Change]) -> Tally {
    let count = |action| changes.iter().filter(|c| c.action == action).count();
    Tally {
        added: count(Action::Add),
        changed: count(Action::Change),
        removed: count(Action::Remove),
    }
}

/// Says changes in a line: `+1 server in tcp 192.0.2.10:80`, `+2 services, ~3 servers`.
pub fn summary(changes: &[Change]) -> String {
    let text = match changes {
        [] => "recorded as it stands".to_owned(),
        [one] => of_one(one),
        many => of_many(many),
    };
    cut(&text, LINE)
}

fn of_one(change: &Change) -> String {
    let (sign, object) = (change.action.sign(), change.object);
    match change.part {
        None => format!("{sign}{object}"),
        Some(part) if change.action == Action::Change => {
            format!("{object}: {part} {}", change.detail.clone().without_held())
        }
        Some(part) => format!("{sign}1 {} in {object}", noun(part)),
    }
}

fn of_many(changes: &[Change]) -> String {
    let first = changes.first().map(|change| change.object);
    let object = first.filter(|first| changes.iter().all(|change| change.object == *first));
    let whole = |change: &&Change| change.part.is_none();
    match (object, changes.iter().find(whole)) {
        (Some(object), Some(whole)) => {
            // The options of its policy come with it.
            let is_own = |part: Part| !matches!(part, Part::Option(_) | Part::ServerOption(..));
            let parts = changes.iter().filter(|c| c.part.is_some_and(is_own));
            let nouns = counts(parts, false);
            match nouns.is_empty() {
                true => format!("{}{object}", whole.action.sign()),
                false => format!("{}{object} with {nouns}", whole.action.sign()),
            }
        }
        (Some(object), None) => format!("{} in {object}", counts(changes, true)),
        (None, _) => {
            // What comes or goes with its service is not counted beside it.
            let wholes: BTreeSet<Object> = changes
                .iter()
                .filter(whole)
                .map(|change| change.object)
                .collect();
            counts(
                changes
                    .iter()
                    .filter(|c| c.part.is_none() || !wholes.contains(&c.object)),
                true,
            )
        }
    }
}

/// `+2 services, ~3 servers`; without signs where one action is told already.
fn counts<'a>(changes: impl IntoIterator<Item = &'a Change>, signed: bool) -> String {
    let mut of: BTreeMap<(usize, &'static str), usize> = BTreeMap::new();
    for change in changes {
        let noun = match (change.part, change.object) {
            (Some(part), _) => noun(part),
            (None, Object::Setting(key)) => key.facts().noun,
            (None, _) => "service",
        };
        let order = ACTIONS.iter().position(|action| *action == change.action);
        *of.entry((order.unwrap_or_default(), noun)).or_default() += 1;
    }
    let words: Vec<String> = of
        .into_iter()
        .map(|((order, noun), count)| {
            let sign = ACTIONS.get(order).filter(|_| signed);
            let sign = sign.map_or_else(String::new, |action| action.sign().to_string());
            let plural = if count == 1 { "" } else { "s" };
            format!("{sign}{count} {noun}{plural}")
        })
        .collect();
    words.join(", ")
}

/// What a part of an object is.
fn noun(part: Part) -> &'static str {
    match part {
        Part::Server(_) => "server",
        Part::Mark => "mark rule",
        Part::Stray => "stray rule",
        Part::Setting(key) => key.facts().noun,
        Part::Option(_) | Part::ServerOption(..) => "option",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::{DaemonRole, ServerKey, ServiceKey, SettingKey, SettingKind, TimeoutKind};
    use crate::plan::Detail;

    const A: &str = "tcp 192.0.2.1:80";

    fn object(text: &str) -> Object {
        match text {
            "timeouts" => Object::Settings(SettingKind::Timeout),
            "sync daemon master" => Object::Setting(SettingKey::SyncDaemon(DaemonRole::Master)),
            service => Object::Service(ServiceKey::parse(service).unwrap()),
        }
    }

    fn part(object: Object, text: &str) -> Part {
        match (object, text.strip_prefix("server ")) {
            (Object::Service(key), Some(server)) => {
                Part::Server(ServerKey::parse(server, &key).unwrap())
            }
            _ => TimeoutKind::ALL
                .into_iter()
                .find(|kind| kind.name() == text)
                .map_or(Part::Option("scheduler"), |kind| {
                    Part::Setting(SettingKey::Timeout(kind))
                }),
        }
    }

    /// `+OBJECT/PART=DETAIL`
    fn change(text: &str) -> Change {
        let (sign, rest) = text.split_at(1);
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (of, detail) = rest.split_once('=').unwrap_or((rest, ""));
        let object = object(name);
        Change {
            action: ACTIONS
                .into_iter()
                .find(|action| action.sign().to_string() == sign)
                .unwrap(),
            object,
            part: (!of.is_empty()).then(|| part(object, of)),
            detail: Detail::text(detail),
        }
    }

    #[test]
    fn a_message_is_one_short_line() {
        let said = |changes: &[&str]| {
            let changes: Vec<Change> = changes.iter().map(|text| change(text)).collect();
            summary(&changes)
        };
        assert_eq!(said(&[]), "recorded as it stands");
        assert_eq!(said(&["+tcp 192.0.2.1:80"]), "+tcp 192.0.2.1:80");
        assert_eq!(
            said(&["+tcp 192.0.2.1:80/server 10.0.0.1:80"]),
            "+1 server in tcp 192.0.2.1:80"
        );
        assert_eq!(
            said(&["~tcp 192.0.2.1:80/server 10.0.0.1:80=weight 1 -> 0"]),
            "tcp 192.0.2.1:80: server 10.0.0.1:80 weight 1 -> 0"
        );
        assert_eq!(
            said(&["~timeouts/tcp=900 -> 600"]),
            "timeouts: tcp 900 -> 600"
        );
        assert_eq!(
            said(&[
                "+tcp 192.0.2.1:80",
                "+tcp 192.0.2.1:80/server 10.0.0.1:80",
                "+tcp 192.0.2.1:80/server 10.0.0.2:80"
            ]),
            "+tcp 192.0.2.1:80 with 2 servers"
        );
        assert_eq!(
            said(&[
                "~tcp 192.0.2.1:80/scheduler=wlc -> rr",
                "-tcp 192.0.2.1:80/server 10.0.0.2:80"
            ]),
            "~1 option, -1 server in tcp 192.0.2.1:80"
        );
        assert_eq!(
            said(&[
                "-tcp 192.0.2.1:80",
                "-tcp 192.0.2.1:80/server 10.0.0.1:80",
                "+tcp 192.0.2.2:80",
                "+tcp 192.0.2.2:80/server 10.0.0.1:80",
                "+tcp 192.0.2.3:80",
                "~tcp 192.0.2.4:80/server 10.0.0.1:80=weight 1 -> 0",
                "~timeouts/udp=300 -> 60",
                "-sync daemon master",
            ]),
            "+2 services, ~1 server, ~1 timeout, -1 service, -1 sync daemon"
        );
        let long = "x".repeat(100);
        let text = said(&[&format!("~{A}/scheduler=wlc -> {long}")]);
        assert_eq!(text.chars().count(), LINE);
    }
}
