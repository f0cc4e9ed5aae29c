//! `checks`: checks are declared, and no daemon runs them.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::count;
use crate::notes::Fix;

pub(in super::super) static RULE: Rule = Rule {
    id: "checks",
    title: "checks are declared, and no daemon runs them",
    why: "a real server that dies stays in service: its share of the clients is lost",
    seen: "ipvsh status: the daemon does not run; systemctl status ipvsh-daemon",
    severity: Severity::Risk,
    is_safe: false,
    is_quick: true,
    look: Look::InStatus(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let checked = inspection.observed.checked;
    if checked == 0 || inspection.observed.has_daemon {
        return Vec::new();
    }
    vec![Found {
        object: "daemon".to_owned(),
        what: format!(
            "does not run: nothing watches over {}",
            count(checked, "checked server")
        ),
        fix: Fix::Verb("ipvsh daemon".to_owned()),
    }]
}
