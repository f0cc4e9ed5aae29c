//! What a kernel does with steps: one list of cases for the simulated kernel and the real one.
//!
//! Each case gets a kernel that holds nothing (a new network namespace, `lo` up and no other
//! interface). What users see is compared: the state read back, and the words of refusals.

pub mod accepted;
pub mod daemons;
pub mod host;
pub mod marks;
pub mod order;
pub mod random;
pub mod servers;
pub mod services;
pub mod steps;
pub mod timeouts;
pub mod views;

use ipvsh::kernel::{Kernel, Outcome};
use ipvsh::model::{Live, MarkSupport, Ruleset};
use ipvsh::plan::Step;

/// A case: its name, and what it does to a kernel.
pub type Case = (&'static str, fn(&mut Bench));

/// What of a live state is compared: everything but connections.
pub type State = (Ruleset, MarkSupport, MarkSupport);

/// A kernel under test.
pub struct Bench {
    pub kernel: Box<dyn Kernel>,
}

impl Bench {
    pub fn new(kernel: impl Kernel + 'static) -> Bench {
        Bench {
            kernel: Box::new(kernel),
        }
    }

    pub fn live(&mut self) -> Live {
        self.kernel.observe().unwrap()
    }

    pub fn state(&mut self) -> State {
        state(&self.live())
    }

    /// The steps are all done, and the state read back is what they say.
    #[track_caller]
    pub fn does(&mut self, steps: &[Step]) {
        let mut expected = self.live();
        let outcomes = self.kernel.apply(steps);
        for (step, outcome) in steps.iter().zip(&outcomes) {
            assert_eq!(*outcome, Outcome::Done, "{step:?}");
            step.apply_to(&mut expected);
        }
        assert_eq!(outcomes.len(), steps.len());
        assert_eq!(self.state(), state(&expected));
    }

    /// The steps are done, and taking them back from last to first returns to the start.
    #[track_caller]
    pub fn does_and_undoes(&mut self, steps: &[Step]) {
        let start = self.state();
        self.does(steps);
        self.does(&inverses(steps));
        assert_eq!(self.state(), start);
    }

    /// The step is refused in these words (after the object), and changes nothing.
    #[track_caller]
    pub fn refuses(&mut self, step: Step, message: &str) {
        let before = self.state();
        let outcomes = self.kernel.apply(std::slice::from_ref(&step));
        let [Outcome::Failed(error)] = outcomes.as_slice() else {
            panic!("{step:?}: {outcomes:?}")
        };
        assert_eq!(error.message(), message, "{step:?}");
        assert_eq!(error.object_name(), Some(step.object().as_str()));
        assert_eq!(self.state(), before, "{step:?}");
    }
}

pub fn state(live: &Live) -> State {
    (live.rules.clone(), live.ipv4.clone(), live.ipv6.clone())
}

pub fn inverses(steps: &[Step]) -> Vec<Step> {
    steps.iter().rev().flat_map(Step::inverse).collect()
}
