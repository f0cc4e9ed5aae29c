//! `next-boot`: what the next boot would not bring back.
//!
//! Source of truth: systemctl(1) (links of enabled units); the module names `ip_vs_NAME`
//! (`ip_vs_scheduler_get` in ip_vs_sched.c).

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use super::scheduler::in_use;
use crate::model::remedy::{BOOT_UNIT, DAEMON_UNIT};
use crate::model::{count, shell_word};
use crate::notes::{Fix, Host};

pub(in super::super) static RULE: Rule = Rule {
    id: "next-boot",
    title: "the next boot does not bring the head back",
    why: "the kernel forgets everything at a boot: what nothing restores is gone, and clients are \
          refused",
    seen: "ipvsh status: boot, pending; systemctl is-enabled ipvsh-restore",
    severity: Severity::Risk,
    is_safe: false,
    is_quick: true,
    look: Look::InStatus(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let observed = inspection.observed;
    if observed.head.services.is_empty() && observed.head.settings.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut needs = |unit: &str, what: String| {
        if inspection.host.enables(unit) == Some(false) {
            found.push(Found {
                object: unit.to_owned(),
                what: format!("is not enabled: after a boot {what}"),
                fix: Fix::Shell(format!("systemctl enable {unit}")),
            });
        }
    };
    needs(BOOT_UNIT, "the kernel holds nothing of the head".to_owned());
    if observed.checked > 0 {
        let servers = count(observed.checked, "checked server");
        needs(DAEMON_UNIT, format!("nothing watches over {servers}"));
    }
    if let Some(snapshot) = observed.awaiting {
        found.push(Found {
            object: format!("snapshot {snapshot}"),
            what: "awaits confirmation: a boot before that rolls it back".to_owned(),
            fix: Fix::Verb("ipvsh confirm".to_owned()),
        });
    }
    found.extend(next_kernel(inspection));
    found
}

/// The schedulers that the newest installed kernel lacks.
fn next_kernel(inspection: &Inspection) -> Vec<Found> {
    let in_use = in_use(inspection.observed.head);
    if in_use.is_empty() {
        return Vec::new();
    }
    let Some(next) = inspection.host.schedulers_of_next_kernel() else {
        return Vec::new();
    };
    let lacking = in_use
        .into_iter()
        .filter(|(name, _)| !next.schedulers.contains(*name));
    let found = lacking.map(|(name, key)| Found {
        object: format!("kernel {}", next.release),
        what: format!("has no module ip_vs_{name}: after a boot into it {key} cannot be restored"),
        fix: Fix::Shell(format!(
            "find {} -name 'ip_vs*'",
            shell_word(&format!("/lib/modules/{}", next.release))
        )),
    });
    found.collect()
}
