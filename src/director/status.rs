//! One screen: where things stand, and one thing to do about it.

use super::options::ChangeOptions;
use super::{Awaiting, Director, Left, head_of, plan_of_everything};
use crate::error::{Error, Result};
use crate::model::remedy::RESTORE;
use crate::model::{FoundValues, Snapshot};
use crate::plan::Plan;

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
                "bring the kernel back to the head (ipvsh plan shows it; ipvsh adopt keeps what is live)",
            ))
        } else {
            None
        }
    }
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
        let live = self.kernel.observe();
        let counts = live
            .as_ref()
            .ok()
            .map(|live| (live.rules.services.len(), live.rules.server_count()));
        Ok(Status {
            database: self.stores.location(),
            head,
            pending,
            unfinished,
            live: counts,
            ours: (rules.services.len(), rules.server_count()),
            drift: live.map(|live| {
                let now = (&rules, &FoundValues::default());
                plan_of_everything(now, &live, &rules, options)
            }),
        })
    }
}
