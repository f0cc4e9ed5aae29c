//! One screen: where things stand, and one thing to do about it.

use super::diagnosis::{declare_as_head, quick_findings};
use super::health_summary::HealthSummary;
use super::options::ChangeOptions;
use super::{Awaiting, Director, Left, head_of, plan_of_everything};
use crate::error::{Error, Result};
use crate::model::remedy::RESTORE;
use crate::model::{FoundValues, Live, Snapshot};
use crate::notes::{self, Note, Situation};
use crate::plan::{Change, Object, Plan, between};

/// Where things stand.
#[derive(Debug)]
pub struct Status {
    /// Where the database is.
    pub database: String,
    /// The head, if there is one.
    pub head: Option<Snapshot>,
    /// The head's confirmation, where it is awaited.
    pub pending: Option<Awaiting>,
    /// An unfinished commit, in words.
    pub unfinished: Option<String>,
    /// What it would take to bring the kernel to the head; or why the kernel cannot be read.
    pub drift: Result<Plan, Error>,
    /// The same the other way round: what became of the head in the kernel.
    pub changed: Vec<Change>,
    /// What does not work, or will not, although it is as the head has it; each with its fix.
    pub warnings: Vec<Note>,
    /// How many findings the quick rules of the doctor have that this screen does not show itself.
    pub findings: usize,
    /// What the checks of the head say, and who keeps servers out.
    pub health: HealthSummary,
    /// Services and servers that the kernel holds, where it can be read.
    pub live: Option<(usize, usize)>,
    /// Services and servers of the head.
    pub ours: (usize, usize),
}

impl Status {
    /// The one command that makes most sense now, with the reason.
    pub fn suggestion(&self) -> Option<(&'static str, &'static str)> {
        let drift = self.drift.as_ref().ok();
        if self.unfinished.is_some() {
            Some((RESTORE.command, "undo the unfinished commit"))
        } else if let Some(awaiting) = &self.pending {
            Some(match awaiting.left {
                Left::Seconds(_) => (
                    "ipvsh confirm",
                    "keep the head; ipvsh rollback takes it back",
                ),
                _ => (
                    RESTORE.command,
                    "roll back the head, which was not confirmed",
                ),
            })
        } else if self.head.is_none() && drift.is_some_and(|plan| plan.foreign.services > 0) {
            Some(("ipvsh adopt", "record what is live as the first snapshot"))
        } else if self.head.is_none() {
            Some(("ipvsh run SCRIPT", "make the first snapshot"))
        } else if drift.is_some_and(|plan| !plan.is_empty()) {
            Some((
                RESTORE.command,
                "bring the kernel back to the head (ipvsh plan shows it; ipvsh adopt OBJECT keeps what is live)",
            ))
        } else if self.health.lacks_daemon() {
            Some((
                "ipvsh daemon",
                "run the checks (as a service: systemctl enable --now ipvsh-daemon)",
            ))
        } else if !self.health.down.is_empty() {
            Some(("ipvsh health", "look at what the checks say"))
        } else if !self.warnings.is_empty() {
            Some((
                "ipvsh plan",
                "look at all that does not work, with its fixes",
            ))
        } else if drift.is_some_and(|plan| plan.foreign.services > 0) {
            Some((
                "ipvsh adopt",
                "make what is not managed by ipvsh ours (ipvsh adopt OBJECT: only that)",
            ))
        } else {
            None
        }
    }

    /// Returns true if something is not as it should be.
    pub fn has_findings(&self) -> bool {
        let differs = self
            .drift
            .as_ref()
            .is_ok_and(|plan| !plan.changes.is_empty());
        let is_overdue = self.pending.as_ref().is_some_and(Awaiting::is_overdue);
        let is_unwell = self.health.has_findings();
        differs || is_overdue || is_unwell || self.unfinished.is_some() || !self.warnings.is_empty()
    }
}

/// The changes of a plan, told from the head to the kernel: what the kernel lost or changed. What is
/// strange in our own chain of mark rules is the kernel's alone.
fn changed(plan: &Plan, live: &Live) -> Vec<Change> {
    let mut changed = between(&plan.target.rules, &live.rules);
    let of_chain = |change: &&Change| matches!(change.object, Object::Chain(_));
    changed.extend(plan.changes.iter().filter(of_chain).cloned());
    changed
}

impl Director {
    /// Says where things stand. A kernel that cannot be read is part of the answer.
    ///
    /// # Errors
    /// As the store fails.
    pub fn status(&mut self, options: &ChangeOptions) -> Result<Status> {
        let store = self.stores.open()?;
        let (head, rules) = head_of(&*store)?;
        let unfinished = self.unfinished(&*store)?;
        let pending = self.awaiting(&*store)?;
        drop(store);
        let live = self.observe(&[&rules]);
        let counts = live
            .as_ref()
            .ok()
            .map(|live| (live.rules.services.len(), live.rules.server_count()));
        let ours = (rules.services.len(), rules.server_count());
        let (mut lost, mut warnings, mut findings) = (Vec::new(), Vec::new(), 0);
        let overlay = self.overlay();
        let health = self.health_summary(&rules, &overlay);
        let drift = live.map(|mut live| {
            let now = (&rules, &FoundValues::default());
            let plan = plan_of_everything(now, (&live, &overlay), &rules, options);
            lost = changed(&plan, &live);
            declare_as_head(&mut live.rules, &rules);
            let entries = rules.entries();
            let held = overlay.all_held(&rules);
            let standing = Situation {
                held: &held,
                ..Situation::standing(&live.rules, &entries)
            };
            let found = notes::notes(&standing, &*self.host);
            warnings = notes::fold(&found);
            let observed = self.observed((&live.rules, &rules), &held, (&health, pending.as_ref()));
            findings = quick_findings(&observed, &*self.host);
            plan
        });
        Ok(Status {
            database: self.stores.location(),
            head,
            pending,
            unfinished,
            live: counts,
            ours,
            health,
            drift,
            changed: lost,
            warnings,
            findings,
        })
    }
}
