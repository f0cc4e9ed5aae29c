//! Notes about two rules that give the same packets different marks.
//!
//! MARK does not end the traversal of a chain: the last rule that a packet matches decides
//! (iptables-extensions(8)). A rule for all with an exception behind it is written on purpose and
//! is no note.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Facts, Fix, Note, Topic};
use crate::model::{ForeignMark, MarkKey, MarkRule, PortRange, Protocol, Ruleset};

/// So many pairs of rules are compared; a note less is better than a slow commit.
const MOST_PAIRS: usize = 1_000_000;

pub(super) fn notes(named: &BTreeSet<MarkKey>, rules: &Ruleset, facts: &Facts) -> Vec<Note> {
    let is_named: Vec<bool> = rules
        .marks
        .iter()
        .map(|rule| named.contains(&rule.key()))
        .collect();
    let all = || rules.marks.iter().zip(&is_named).enumerate();
    let mut pairs = 0_usize;
    let mut notes = Vec::new();
    for (place, (rule, _)) in all().filter(|(_, (_, is_named))| **is_named) {
        for (other_place, (other, is_named)) in all() {
            // Two rules that are both named are compared once, from the first of them.
            if other_place == place || *is_named && other_place < place {
                continue;
            }
            pairs = pairs.saturating_add(1);
            if pairs > MOST_PAIRS {
                return notes;
            }
            notes.extend(match place < other_place {
                true => of_ours(rule, other),
                false => of_ours(other, rule),
            });
        }
        let theirs = facts.foreign_marks(rule.family);
        let theirs = theirs.iter().flat_map(|all| all.iter());
        notes.extend(theirs.filter_map(|theirs| of_theirs(rule, theirs)).next());
    }
    notes
}

/// Two rules of our chain, in its order.
fn of_ours(first: &MarkRule, second: &MarkRule) -> Option<Note> {
    if !contradict(first, second) || !overlap(first, second) {
        return None;
    }
    let which = match (covers(second, first), covers(first, second)) {
        (true, _) => "all its packets",
        // The exception behind the rule.
        (false, true) => return None,
        (false, false) => "packets that both rules fit",
    };
    Some(Note {
        topic: Topic::Overlap,
        object: format!("{} ({})", first.key(), first.summary()),
        what: format!(
            "{which} get mark {} from a rule behind it ({}): the last rule decides",
            second.mark,
            second.summary()
        ),
        fix: Fix::Verb("ipvsh show marks".to_owned()),
    })
}

/// One of our rules and one of another program; which comes last is not known here.
fn of_theirs(ours: &MarkRule, theirs: &ForeignMark) -> Option<Note> {
    let rule = theirs.rule.as_ref()?;
    let same_hook = (theirs.table.as_str(), theirs.chain.as_str()) == ("mangle", "PREROUTING");
    if !same_hook || !contradict(ours, rule) || !overlap(ours, rule) {
        return None;
    }
    let iptables = ours.family.iptables();
    Some(Note {
        topic: Topic::Overlap,
        object: format!("{} ({})", ours.key(), ours.summary()),
        what: format!(
            "a rule of another program gives the same packets mark {} ({}): the last rule decides",
            rule.mark,
            rule.summary()
        ),
        fix: Fix::Shell(format!("{iptables} -t mangle -S PREROUTING")),
    })
}

/// Whether what one rule sets undoes what the other does.
fn contradict(a: &MarkRule, b: &MarkRule) -> bool {
    a.family == b.family && (a.mark.value() ^ b.mark.value()) & a.mask & b.mask != 0
}

/// Whether some packet may fit both rules.
fn overlap(a: &MarkRule, b: &MarkRule) -> bool {
    a.protocol
        .is_none_or(|one| b.protocol.is_none_or(|other| one == other))
        && nets_overlap(a.to.as_ref(), b.to.as_ref())
        && nets_overlap(a.from.as_ref(), b.from.as_ref())
        && ports_overlap(&a.ports, &b.ports)
        && ports_overlap(&a.from_ports, &b.from_ports)
        && interfaces_overlap(a.interface.as_deref(), b.interface.as_deref())
}

fn nets_overlap(a: Option<&IpNet>, b: Option<&IpNet>) -> bool {
    a.is_none_or(|a| b.is_none_or(|b| a.contains(b) || b.contains(a)))
}

fn ports_overlap(a: &[PortRange], b: &[PortRange]) -> bool {
    let meet = |a: &PortRange, b: &PortRange| a.first() <= b.last() && b.first() <= a.last();
    a.is_empty() || b.is_empty() || a.iter().any(|a| b.iter().any(|b| meet(a, b)))
}

fn interfaces_overlap(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_none_or(|a| b.is_none_or(|b| takes(a, b) || takes(b, a)))
}

/// Whether a pattern of interfaces (`eth+`) takes all that another names.
fn takes(pattern: &str, other: &str) -> bool {
    match pattern.strip_suffix('+') {
        Some(begin) => other.starts_with(begin),
        None => pattern == other,
    }
}

/// Whether every packet that fits `b` fits `a`.
fn covers(a: &MarkRule, b: &MarkRule) -> bool {
    let protocol = |one: Protocol| b.protocol == Some(one);
    let net = |a: &Option<IpNet>, b: &Option<IpNet>| match (a, b) {
        (None, _) => true,
        (Some(a), Some(b)) => a.contains(b),
        (Some(_), None) => false,
    };
    let ports = |a: &[PortRange], b: &[PortRange]| {
        let held = |b: &PortRange| {
            let mut all = a.iter();
            all.any(|a| a.first() <= b.first() && b.last() <= a.last())
        };
        a.is_empty() || !b.is_empty() && b.iter().all(held)
    };
    let interface = a.interface.as_deref().is_none_or(|pattern| {
        let other = b.interface.as_deref();
        other.is_some_and(|other| takes(pattern, other))
    });
    a.protocol.is_none_or(protocol)
        && net(&a.to, &b.to)
        && net(&a.from, &b.from)
        && ports(&a.ports, &b.ports)
        && ports(&a.from_ports, &b.from_ports)
        && interface
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Fwmark};

    fn rule(mark: i64, text: &str) -> MarkRule {
        let mut rule = MarkRule::new(Fwmark::new(mark).unwrap(), Family::Ipv4);
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap();
            match name {
                "to" => rule.to = Some(value.parse().unwrap()),
                "from" => rule.from = Some(value.parse().unwrap()),
                "port" => rule.ports.push(PortRange::parse(value).unwrap()),
                "in" => rule.interface = Some(value.to_owned()),
                "mask" => rule.mask = value.parse().unwrap(),
                _ => rule.protocol = Some(Protocol::parse(value).unwrap()),
            }
        }
        rule
    }

    #[test]
    fn rules_are_compared_packet_by_packet() {
        for (first, second, noted) in [
            ("p=tcp port=80", "p=tcp port=80", Some("all its packets")),
            ("p=tcp port=80", "", Some("all its packets")),
            ("p=tcp port=80-90", "p=tcp port=85", None),
            ("", "p=tcp port=80", None),
            (
                "p=tcp port=80-90",
                "p=tcp port=85-95",
                Some("packets that both"),
            ),
            ("p=tcp port=80", "p=udp port=80", None),
            ("p=tcp port=80", "p=tcp port=443", None),
            ("to=192.0.2.0/25", "to=192.0.2.128/25", None),
            (
                "to=192.0.2.1/32",
                "to=192.0.2.0/24",
                Some("all its packets"),
            ),
            (
                "to=192.0.2.1/32",
                "from=10.0.0.0/8",
                Some("packets that both"),
            ),
            ("in=eth0", "in=eth+", Some("all its packets")),
            ("in=eth0", "in=eth1", None),
            // Other bits of the mark: both hold.
            ("mask=1", "mask=2", None),
        ] {
            let note = of_ours(&rule(1, first), &rule(2, second));
            let what = note.map(|note| note.what);
            match (noted, &what) {
                (None, None) => {}
                (Some(words), Some(what)) if what.starts_with(words) => {}
                _ => panic!("{first} / {second}: {what:?}"),
            }
        }
        // The same mark twice is no contradiction.
        assert_eq!(of_ours(&rule(1, ""), &rule(1, "")), None);
    }
}
