//! The simulated kernel of a process, which follows the history.

use std::cell::RefCell;
use std::rc::Rc;

use super::health_states::HealthStates;
use crate::clock::{Clock, SystemClock};
use crate::error::{Kind, Result};
use crate::health::{Knowledge, Overlay};
use crate::kernel::Sim;
use crate::model::{Ruleset, SnapshotId};
use crate::store::Store;

/// The simulated kernel of a process, and how far it followed the history and the checks. Clones share
/// all of it: the directors of one process have one kernel.
#[derive(Clone)]
pub struct Simulated {
    sim: Sim,
    followed: Rc<RefCell<Followed>>,
    health: Rc<dyn HealthStates>,
}

/// What a simulated kernel holds, but for what was changed in it beside that.
struct Followed {
    /// The head, with what its own process committed.
    head: Option<SnapshotId>,
    /// What the checks had found.
    knowledge: Knowledge,
}

impl Simulated {
    /// A simulated kernel that holds what a head and the checks say.
    pub fn new(
        rules: &Ruleset,
        head: Option<SnapshotId>,
        health: Rc<dyn HealthStates>,
    ) -> Simulated {
        let knowledge = health.knowledge();
        Simulated {
            sim: Sim::new(&held(rules, &knowledge)),
            followed: Rc::new(RefCell::new(Followed { head, knowledge })),
            health,
        }
    }

    /// The kernel.
    pub fn kernel(&self) -> &Sim {
        &self.sim
    }

    /// The head that it holds.
    pub fn head(&self) -> Option<SnapshotId> {
        self.followed.borrow().head
    }

    /// What it should hold of the head's rules.
    pub fn held(&self, rules: &Ruleset) -> Ruleset {
        held(rules, &self.followed.borrow().knowledge)
    }

    /// Returns true if it holds this head, and what the checks say now.
    pub fn is_at(&self, head: Option<SnapshotId>) -> bool {
        let followed = self.followed.borrow();
        followed.head == head && followed.knowledge == self.health.knowledge()
    }

    /// Notes the head that its own process committed, or what its own process wrote of the checks: the
    /// kernel holds it already.
    pub(super) fn reach(&self, head: Option<SnapshotId>) {
        self.followed.replace(Followed {
            head,
            knowledge: self.health.knowledge(),
        });
    }

    /// Follows what other processes committed and found out meanwhile; says in a sentence what was
    /// committed.
    ///
    /// # Errors
    /// As the store fails to read.
    pub fn follow(&self, store: &dyn Store) -> Result<Option<String>> {
        let head = store.head()?;
        let id = head.as_ref().map(|head| head.id);
        if self.is_at(id) {
            return Ok(None);
        }
        let before = self.head();
        // Whole: a maintenance alone changes what is held of services that do not differ.
        let (from, to) = (rules_of(store, before)?, rules_of(store, id)?);
        let now = self.health.knowledge();
        let (from, to) = (self.held(&from), held(&to, &now));
        self.sim.follow(&from, &to);
        self.reach(id);
        Ok(head.filter(|_| before != id).map(|head| {
            format!(
                "the simulated kernel follows {}, which another process made",
                super::change::named(&head)
            )
        }))
    }
}

/// What a kernel should hold of rules.
fn held(rules: &Ruleset, knowledge: &Knowledge) -> Ruleset {
    let overlay = Overlay {
        knowledge: knowledge.clone(),
        now: SystemClock.utc(),
    };
    overlay.apply(rules).into_owned()
}

/// The rules of a head; of one that was pruned meanwhile nothing is known.
fn rules_of(store: &dyn Store, id: Option<SnapshotId>) -> Result<Ruleset> {
    match id.map(|id| store.ruleset(id)) {
        None => Ok(Ruleset::default()),
        Some(Err(error)) if error.kind() == Kind::NotFound => Ok(Ruleset::default()),
        Some(rules) => rules,
    }
}
