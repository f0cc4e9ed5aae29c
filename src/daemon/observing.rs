//! `--observe`: nothing is written; what the daemon would have the kernel hold is compared with what it
//! holds.

use std::cell::RefCell;
use std::rc::Rc;

use super::recorder::Observer;
use crate::director::{ChangeOptions, Director, HealthStates};
use crate::health::{Knowledge, State};

/// The state that the daemon would write.
#[derive(Debug, Default)]
struct Unwritten(RefCell<State>);

impl HealthStates for Unwritten {
    fn knowledge(&self) -> Knowledge {
        Knowledge::Known(self.0.borrow().clone())
    }
}

/// Compares the kernel with what the checks say.
pub(super) struct Observing {
    director: Director,
    state: Rc<Unwritten>,
    is_begun: bool,
}

impl Observing {
    pub(super) fn new(director: Director) -> Observing {
        let state = Rc::new(Unwritten::default());
        Observing {
            director: director.with_health(Rc::clone(&state) as Rc<dyn HealthStates>),
            state,
            is_begun: false,
        }
    }

    /// Compares once at the beginning, and whenever the checks decided something.
    pub(super) fn look(&mut self, state: &State, is_new: bool, observer: &dyn Observer) {
        if self.is_begun && !is_new {
            return;
        }
        self.is_begun = true;
        self.state.0.replace(state.clone());
        match self.director.plan_to(None, &ChangeOptions::default()) {
            Ok(report) => observer.differences(&report),
            Err(error) => observer.note(&error.to_string()),
        }
    }
}
