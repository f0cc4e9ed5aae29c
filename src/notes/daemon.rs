//! Notes about a sync daemon: an interface by which no other director hears it.

use super::{Facts, Fix, Note, Topic};
use crate::model::{DaemonRole, Ruleset, shell_word};

pub(super) fn note(role: DaemonRole, rules: &Ruleset, facts: &Facts) -> Option<Note> {
    let name = rules.settings.daemon(role)?.interface.as_str();
    let interface = facts.interfaces().iter().find(|one| one.name == name)?;
    let (what, fix) = if interface.is_loopback {
        (
            "reaches this host only: no other director sends or hears there",
            "ip -brief link".to_owned(),
        )
    } else if !interface.is_up {
        (
            "is down: nothing is sent or heard there",
            format!("ip link set {} up", shell_word(name)),
        )
    } else if !interface.has_carrier {
        (
            "has no carrier: nothing is sent or heard there",
            format!("ip -s link show dev {}", shell_word(name)),
        )
    } else {
        return None;
    };
    Some(Note {
        topic: Topic::DaemonLink,
        object: format!("sync daemon {role}"),
        what: format!("its interface {name} {what}"),
        fix: Fix::Shell(fix),
    })
}
