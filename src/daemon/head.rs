//! The head, as the daemon follows it: without the database, where its mirror is whole.

use std::rc::Rc;
use std::time::Duration;

use crate::error::Result;
use crate::model::{Ruleset, SnapshotId};
use crate::store::{ChangeMark, SledStores};

/// How long to wait for the database where the mirror is damaged.
const PATIENCE: Duration = Duration::from_millis(200);

/// The head that the daemon knows.
pub(super) struct Head {
    stores: SledStores,
    mark: Option<ChangeMark>,
    id: Option<SnapshotId>,
    rules: Rc<Ruleset>,
}

impl Head {
    pub(super) fn new(stores: &SledStores) -> Head {
        Head {
            stores: stores.clone().waiting(PATIENCE),
            mark: None,
            id: None,
            rules: Rc::default(),
        }
    }

    pub(super) fn id(&self) -> Option<SnapshotId> {
        self.id
    }

    pub(super) fn rules(&self) -> &Rc<Ruleset> {
        &self.rules
    }

    /// Looks whether there is another head; returns true if there is. Where it cannot be read, the
    /// head that is known stays, and the next look tries again.
    ///
    /// # Errors
    /// `damaged`, `busy`, `not_permitted`, `system`.
    pub(super) fn look(&mut self) -> Result<bool> {
        // Taken first: what is written meanwhile makes another mark.
        let mark = self.stores.change_mark();
        if self.mark == Some(mark) {
            return Ok(false);
        }
        let read = self.stores.glance().or_else(|error| {
            // A mirror that is damaged is written anew by the next commit.
            self.stores.head_rules().map_err(|_| error)
        })?;
        let (id, rules) = match read {
            Some((id, rules)) => (Some(id), rules),
            None => (None, Ruleset::default()),
        };
        let is_new = self.mark.is_none() || self.id != id || *self.rules != rules;
        (self.mark, self.id) = (Some(mark), id);
        if is_new {
            self.rules = Rc::new(rules);
        }
        Ok(is_new)
    }
}
