//! The simulated kernel of a process, which follows the history.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::{Error, Kind, Result};
use crate::kernel::Sim;
use crate::model::{Ruleset, SnapshotId};
use crate::store::Store;

/// The simulated kernel of a process, and how far it followed the history. Clones share both: the
/// directors of one process have one kernel.
#[derive(Clone)]
pub struct Simulated {
    sim: Sim,
    /// The head that it holds, with what its own process committed.
    head: Rc<Cell<Option<SnapshotId>>>,
}

impl Simulated {
    /// A simulated kernel that holds what a head says.
    pub fn new(sim: Sim, head: Option<SnapshotId>) -> Simulated {
        Simulated {
            sim,
            head: Rc::new(Cell::new(head)),
        }
    }

    /// The kernel.
    pub fn kernel(&self) -> &Sim {
        &self.sim
    }

    /// The head that it holds.
    pub fn head(&self) -> Option<SnapshotId> {
        self.head.get()
    }

    /// Notes the head that its own process committed: the kernel holds it already.
    pub(super) fn reach(&self, head: SnapshotId) {
        self.head.set(Some(head));
    }

    /// Follows what other processes committed meanwhile; says so in a sentence.
    ///
    /// # Errors
    /// As the store fails to read.
    pub fn follow(&self, store: &dyn Store) -> Result<Option<String>> {
        let head = store.head()?;
        let id = head.as_ref().map(|head| head.id);
        if id == self.head.get() {
            return Ok(None);
        }
        let (from, to) = between(store, self.head.get(), id)?;
        self.sim.follow(&from, &to);
        self.head.set(id);
        Ok(head.map(|head| {
            format!(
                "the simulated kernel follows {}, which another process made",
                super::change::named(&head)
            )
        }))
    }
}

/// What differs between two heads; of one that was pruned meanwhile nothing is known.
fn between(
    store: &dyn Store,
    from: Option<SnapshotId>,
    to: Option<SnapshotId>,
) -> Result<(Ruleset, Ruleset)> {
    let is_pruned = |error: &Error| error.kind() == Kind::NotFound;
    let whole = |id: Option<SnapshotId>| id.map_or(Ok(Ruleset::default()), |id| store.ruleset(id));
    match (from, to) {
        (Some(from), Some(to)) => match store.differing(from, to) {
            Err(error) if is_pruned(&error) => Ok((Ruleset::default(), store.ruleset(to)?)),
            sides => sides,
        },
        _ => Ok((whole(from)?, whole(to)?)),
    }
}
