//! Notes about marks: a service that no rule feeds, a rule that feeds no service.

use super::{Facts, Fix, Note, Topic};
use crate::model::mark::may_give;
use crate::model::{Family, MarkKey, MarkRule, Ruleset, ServiceKey};

pub(super) fn note(key: MarkKey, rules: &Ruleset, facts: &Facts) -> Option<Note> {
    match rules.services.contains_key(&key.service()) {
        true => unfed(key, rules, facts),
        false => unused(key, rules),
    }
}

fn unfed(key: MarkKey, rules: &Ruleset, facts: &Facts) -> Option<Note> {
    let ours =
        |rule: &MarkRule| rule.family == key.family && may_give(rule.mark, rule.mask, key.mark);
    if rules.marks.iter().any(ours) || facts.feeds(key)? {
        return None;
    }
    let mark = key.mark;
    Some(Note {
        topic: Topic::Unfed,
        object: key.service().to_string(),
        what: format!(
            "no rule of iptables gives packets mark {mark} (rules of nft's own cannot be seen)"
        ),
        fix: Fix::Script(format!(
            "find(\"{}\").set(#{{ marks: [#{{ protocol: \"tcp\", to: \"ADDRESS\", ports: [PORT] }}] }})",
            key.service()
        )),
    })
}

fn unused(key: MarkKey, rules: &Ruleset) -> Option<Note> {
    let mine = rules.rules_of(key);
    // A rule that replaces some bits only may make the mark of another service.
    let takes = |service: &ServiceKey, rule: &MarkRule| {
        MarkKey::of_service(service).is_some_and(|other| {
            other.family == key.family && may_give(rule.mark, rule.mask, other.mark)
        })
    };
    let idle = |rule: &MarkRule| !rules.services.keys().any(|service| takes(service, rule));
    if mine.is_empty() || !mine.iter().all(idle) {
        return None;
    }
    let other = MarkKey {
        family: match key.family {
            Family::Ipv4 => Family::Ipv6,
            Family::Ipv6 => Family::Ipv4,
        },
        ..key
    };
    Some(Note {
        topic: Topic::Unused,
        object: key.to_string(),
        // A service without servers would refuse them all: it is no fix to declare one.
        what: format!(
            "there is no service {} to take its packets; an address service goes on serving those \
             that are for it",
            key.service()
        ),
        // `unmark` takes the rules of both families.
        fix: Fix::Script(match rules.rules_of(other).is_empty() {
            true => format!("unmark({})", key.mark),
            false => "print(marks())".to_owned(),
        }),
    })
}
