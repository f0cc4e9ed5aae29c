//! Changes in a few words: what a snapshot's message is where nobody gave one.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change};
use crate::model::Tally;
use crate::model::origin::cut;

/// The most characters of a message that is made: a line of a history.
pub const LINE: usize = 72;

/// The order in which a summary counts.
const ACTIONS: [Action; 3] = [Action::Add, Action::Change, Action::Remove];

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
    match &change.part {
        None => format!("{}{}", change.action.sign(), change.object),
        Some(part) if change.action == Action::Change => {
            format!("{}: {part} {}", change.object, change.detail)
        }
        Some(part) => format!(
            "{}1 {} in {}",
            change.action.sign(),
            noun(part),
            change.object
        ),
    }
}

fn of_many(changes: &[Change]) -> String {
    let objects: BTreeSet<&str> = changes.iter().map(|c| c.object.as_str()).collect();
    let whole = |change: &&Change| change.part.is_none();
    match (objects.first(), changes.iter().find(whole)) {
        (Some(object), Some(whole)) if objects.len() == 1 => {
            let parts: Vec<&Change> = changes.iter().filter(|c| c.part.is_some()).collect();
            let nouns = counts(parts, false);
            format!("{}{object} with {nouns}", whole.action.sign())
        }
        (Some(object), None) if objects.len() == 1 => {
            format!("{} in {object}", counts(changes, true))
        }
        _ => {
            // What comes or goes with its service is not counted beside it.
            let wholes: BTreeSet<&str> = changes
                .iter()
                .filter(whole)
                .map(|change| change.object.as_str())
                .collect();
            counts(
                changes
                    .iter()
                    .filter(|c| c.part.is_none() || !wholes.contains(c.object.as_str())),
                true,
            )
        }
    }
}

/// `+2 services, ~3 servers`; without signs where one action is told already.
fn counts<'a>(changes: impl IntoIterator<Item = &'a Change>, signed: bool) -> String {
    let mut of: BTreeMap<(usize, &'static str), usize> = BTreeMap::new();
    for change in changes {
        let noun = match &change.part {
            Some(part) => noun(part),
            None if change.object.starts_with("sync daemon") => "sync daemon",
            None => "service",
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
fn noun(part: &str) -> &'static str {
    match part {
        part if part.starts_with("server ") => "server",
        "mark" => "mark rule",
        "rule" => "stray rule",
        "tcp" | "tcp_fin" | "udp" => "timeout",
        _ => "option",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Change {
        let (sign, rest) = text.split_at(1);
        let (object, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (part, detail) = rest.split_once('=').unwrap_or((rest, ""));
        Change {
            action: ACTIONS
                .into_iter()
                .find(|action| action.sign().to_string() == sign)
                .unwrap(),
            object: object.to_owned(),
            part: (!part.is_empty()).then(|| part.to_owned()),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn a_message_is_one_short_line() {
        let said = |changes: &[&str]| {
            let changes: Vec<Change> = changes.iter().map(|text| change(text)).collect();
            summary(&changes)
        };
        assert_eq!(said(&[]), "recorded as it stands");
        assert_eq!(said(&["+tcp a:1"]), "+tcp a:1");
        assert_eq!(said(&["+tcp a:1/server x:1"]), "+1 server in tcp a:1");
        assert_eq!(
            said(&["~tcp a:1/server x:1=weight 1 -> 0"]),
            "tcp a:1: server x:1 weight 1 -> 0"
        );
        assert_eq!(
            said(&["~timeouts/tcp=900 -> 600"]),
            "timeouts: tcp 900 -> 600"
        );
        assert_eq!(
            said(&["+tcp a:1", "+tcp a:1/server x:1", "+tcp a:1/server y:1"]),
            "+tcp a:1 with 2 servers"
        );
        assert_eq!(
            said(&["~tcp a:1/scheduler=wlc -> rr", "-tcp a:1/server y:1"]),
            "~1 option, -1 server in tcp a:1"
        );
        assert_eq!(
            said(&[
                "-tcp a:1",
                "-tcp a:1/server x:1",
                "+tcp b:1",
                "+tcp b:1/server x:1",
                "+tcp c:1",
                "~tcp d:1/server x:1=weight 1 -> 0",
                "~timeouts/udp=300 -> 60",
                "-sync daemon master",
            ]),
            "+2 services, ~1 server, ~1 timeout, -1 service, -1 sync daemon"
        );
        let long = format!("+tcp a:1/server {}", "x".repeat(100));
        assert_eq!(said(&[&long]), "+1 server in tcp a:1");
        let long = format!("~tcp a:1/server {}=weight 1 -> 0", "x".repeat(100));
        assert_eq!(said(&[&long]).chars().count(), LINE);
    }
}
