//! A kernel that fails where a test says: refuses, loses answers, or ends the process.
//!
//! May import: `error`, `model`, `plan`, `ipvs` (error numbers), siblings. Wraps either kernel,
//! and hands it the steps one at a time.
//!
//! Debug builds read `IPVSH_FAULT` ([`Faults::parse`]); release builds do not contain that.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::names::Names;
use super::refusal::Refusal;
use super::{Kernel, Outcome, Part, Place};
use rustix::process::Signal;

use crate::error::{Error, Kind, Result};
use crate::ipvs::Errno;
use crate::model::{
    Connection, Info, Live, LiveServer, Load, ServerKey, ServiceKey, Settings, Traffic,
};
use crate::plan::Step;

/// Where a fault strikes; each strikes once. All count from 1, over the kernel's whole life.
pub enum Point {
    /// At the n-th step that is handed over.
    Step(usize),
    /// At the n-th step after the first one that failed: those that take the others back.
    Undo(usize),
    /// At the first step that fits.
    Matching(Box<dyn Fn(&Step) -> bool + Send>),
    /// When the state is read for the n-th time; every [`Effect`] fails it there.
    Observe(usize),
}

/// What happens there.
pub enum Effect {
    /// The step is refused, without effect.
    Fail(Errno),
    /// The step is not done, and the answer is lost.
    LoseBefore,
    /// The step is done, and the answer is lost.
    LoseAfter,
    /// The process ends by SIGKILL before the step.
    KillBefore,
    /// The process ends by SIGKILL after the step.
    KillAfter,
    /// The process stops before the step, until somebody sends it SIGCONT.
    StopBefore,
    /// Something else happens before the step.
    Before(Box<dyn FnMut() + Send>),
    /// Something else happens after the step.
    After(Box<dyn FnMut() + Send>),
}

/// Faults that are to happen. Clones are the same list, so that a test can add to it later.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    faults: Vec<(Point, Effect)>,
    steps: usize,
    undos: Option<usize>,
    observations: usize,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Faults")
            .field("faults", &state.faults.len())
            .field("steps", &state.steps)
            .field("undos", &state.undos)
            .finish_non_exhaustive()
    }
}

impl Faults {
    /// No faults.
    pub fn new() -> Faults {
        Faults::default()
    }

    /// Adds a fault.
    pub fn add(&self, point: Point, effect: Effect) {
        self.state().faults.push((point, effect));
    }

    /// Adds: the n-th step is refused.
    #[must_use]
    pub fn fail_step(self, number: usize, errno: Errno) -> Faults {
        self.add(Point::Step(number), Effect::Fail(errno));
        self
    }

    /// Adds: the n-th step after the first failure is refused.
    #[must_use]
    pub fn fail_undo(self, number: usize, errno: Errno) -> Faults {
        self.add(Point::Undo(number), Effect::Fail(errno));
        self
    }

    /// Adds: the first step that fits is refused.
    #[must_use]
    pub fn fail_matching(
        self,
        fits: impl Fn(&Step) -> bool + Send + 'static,
        errno: Errno,
    ) -> Faults {
        self.add(Point::Matching(Box::new(fits)), Effect::Fail(errno));
        self
    }

    /// Reads faults from text, divided by commas: `kill-before-step=3`, `kill-after-step=3`,
    /// `fail-step=3:ENOMEM`, `lose-before-step=3`, `lose-after-step=3`, `stop-before-step=3`, the same
    /// with `undo` instead of `step`, and `fail-observe=2:EBUSY`.
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn parse(text: &str) -> Result<Faults> {
        let faults = Faults::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (point, effect) = parse_one(part).ok_or_else(|| {
                Error::invalid(format!("\"{part}\" is not a fault"))
                    .hint("a fault is like \"kill-before-step=3\" or \"fail-step=3:ENOMEM\"")
            })?;
            faults.add(point, effect);
        }
        Ok(faults)
    }

    /// Reads `IPVSH_FAULT`, where there is one.
    ///
    /// # Errors
    /// As [`Faults::parse`].
    #[cfg(debug_assertions)]
    pub fn from_env() -> Result<Option<Faults>> {
        match std::env::var("IPVSH_FAULT") {
            Ok(text) => Faults::parse(&text)
                .map(Some)
                .map_err(|e| e.object("IPVSH_FAULT")),
            Err(_) => Ok(None),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a step, and takes out the fault that strikes at it.
    fn strike(&self, step: &Step) -> Option<Effect> {
        let mut state = self.state();
        state.steps += 1;
        if let Some(undos) = &mut state.undos {
            *undos += 1;
        }
        let (steps, undos) = (state.steps, state.undos);
        let place = state.faults.iter().position(|(point, _)| match point {
            Point::Step(number) => *number == steps,
            Point::Undo(number) => Some(*number) == undos,
            Point::Matching(fits) => fits(step),
            Point::Observe(_) => false,
        })?;
        Some(state.faults.remove(place).1)
    }

    fn note(&self, outcome: &Outcome) {
        if *outcome != Outcome::Done {
            self.state().undos.get_or_insert(0);
        }
    }

    fn strike_reading(&self) -> Option<Effect> {
        let mut state = self.state();
        state.observations += 1;
        let number = state.observations;
        let strikes = |point: &Point| matches!(point, Point::Observe(at) if *at == number);
        let place = state.faults.iter().position(|(point, _)| strikes(point))?;
        Some(state.faults.remove(place).1)
    }
}

fn parse_one(part: &str) -> Option<(Point, Effect)> {
    let (name, value) = part.split_once('=')?;
    let (number, errno) = match value.split_once(':') {
        Some((number, errno)) => (number, Some(errno_named(errno)?)),
        None => (value, None),
    };
    let number: usize = number.parse().ok()?;
    let (what, point) = match name.rsplit_once('-')? {
        (what, "step") => (what, Point::Step(number)),
        (what, "undo") => (what, Point::Undo(number)),
        ("fail", "observe") => ("fail", Point::Observe(number)),
        _ => return None,
    };
    let effect = match (what, errno) {
        ("fail", Some(errno)) => Effect::Fail(errno),
        ("kill-before", None) => Effect::KillBefore,
        ("kill-after", None) => Effect::KillAfter,
        ("stop-before", None) => Effect::StopBefore,
        ("lose-before", None) => Effect::LoseBefore,
        ("lose-after", None) => Effect::LoseAfter,
        _ => return None,
    };
    Some((point, effect))
}

fn errno_named(name: &str) -> Option<Errno> {
    /// EHWPOISON, the highest number that Linux has.
    const LAST: i32 = 133;
    (1..=LAST)
        .map(Errno::from_raw)
        .find(|errno| errno.name() == Some(name))
}

/// A kernel with faults.
#[derive(Debug)]
pub struct Faulty<K> {
    kernel: K,
    faults: Faults,
}

impl<K: Kernel> Faulty<K> {
    /// Puts faults before a kernel.
    pub fn new(kernel: K, faults: Faults) -> Faulty<K> {
        Faulty { kernel, faults }
    }

    fn one(&mut self, step: &Step) -> Outcome {
        let effect = self.faults.strike(step);
        let lost = || {
            let error = Error::new(Kind::System, "the kernel's answer was lost");
            Outcome::Unknown(error.object(step.object()).attempt(step.attempt()))
        };
        let outcome = match effect {
            Some(Effect::Fail(errno)) => Outcome::Failed(
                Refusal {
                    errno,
                    said: None,
                    names: &Names::of_debian(),
                }
                .of_step(step),
            ),
            Some(Effect::LoseBefore) => lost(),
            Some(Effect::LoseAfter) => {
                self.pass(step);
                lost()
            }
            Some(Effect::KillBefore) => {
                die();
                self.pass(step)
            }
            Some(Effect::StopBefore) => {
                signal_ourselves(Signal::STOP);
                self.pass(step)
            }
            Some(Effect::KillAfter) => {
                let outcome = self.pass(step);
                die();
                outcome
            }
            Some(Effect::Before(mut act)) => {
                act();
                self.pass(step)
            }
            Some(Effect::After(mut act)) => {
                let outcome = self.pass(step);
                act();
                outcome
            }
            None => self.pass(step),
        };
        self.faults.note(&outcome);
        outcome
    }

    fn pass(&mut self, step: &Step) -> Outcome {
        let outcomes = self.kernel.apply(std::slice::from_ref(step));
        outcomes.into_iter().next().unwrap_or(Outcome::NotSent)
    }
}

/// Ends the process as `kill -9` would: nothing is flushed, nothing cleaned up.
fn die() {
    signal_ourselves(Signal::KILL);
}

fn signal_ourselves(signal: Signal) {
    // It cannot fail: a process may always signal itself.
    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
}

impl<K: Kernel> Kernel for Faulty<K> {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        match self.faults.strike_reading() {
            None => self.kernel.observe_part(part),
            Some(effect) => {
                let errno = match effect {
                    Effect::Fail(errno) => errno,
                    _ => Errno::NOBUFS,
                };
                Err(Refusal {
                    errno,
                    said: None,
                    names: &Names::of_debian(),
                }
                .of_observing())
            }
        }
    }

    fn servers(&mut self, service: &ServiceKey) -> Result<Option<BTreeMap<ServerKey, LiveServer>>> {
        self.kernel.servers(service)
    }

    fn host_settings(&mut self) -> Result<Settings> {
        self.kernel.host_settings()
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        for step in steps {
            let outcome = self.one(step);
            let done = outcome == Outcome::Done;
            outcomes.push(outcome);
            if !done {
                break;
            }
        }
        outcomes.resize(steps.len(), Outcome::NotSent);
        outcomes
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        self.kernel.zero(service)
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        self.kernel.traffic(service)
    }

    fn load(&mut self) -> Result<Load> {
        self.kernel.load()
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        self.kernel.connections(visit)
    }

    fn info(&mut self) -> Result<Info> {
        self.kernel.info()
    }

    fn place(&self) -> Result<Place> {
        self.kernel.place()
    }

    fn writes(&self) -> u64 {
        self.kernel.writes()
    }

    fn names(&self) -> Option<Names> {
        self.kernel.names()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::kernel::Sim;
    use crate::model::{Ruleset, ServiceOptions};

    fn add(port: u16) -> Step {
        let key = ServiceKey::parse(&format!("tcp 192.0.2.1:{port}")).unwrap();
        let options = ServiceOptions::defaults(key.family());
        Step::AddService { key, options }
    }

    fn kernel(faults: &str) -> (Sim, Faulty<Sim>) {
        let sim = Sim::new(&Ruleset::default());
        (
            sim.clone(),
            Faulty::new(sim, Faults::parse(faults).unwrap()),
        )
    }

    #[test]
    fn a_step_and_its_undoing_fail_where_they_are_told_to() {
        let (sim, mut kernel) = kernel("fail-step=2:ENOMEM,fail-undo=1:EBUSY");
        let outcomes = kernel.apply(&[add(1), add(2), add(3)]);
        assert_eq!(outcomes[0], Outcome::Done);
        let Outcome::Failed(error) = &outcomes[1] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(
            error.to_string(),
            "virtual service tcp 192.0.2.1:2: cannot add: the kernel is out of memory (ENOMEM)"
        );
        assert_eq!(outcomes[2], Outcome::NotSent);
        assert!(matches!(
            kernel.apply(&add(1).inverse())[0],
            Outcome::Failed(_)
        ));
        assert_eq!(kernel.apply(&add(1).inverse()), [Outcome::Done]);
        assert_eq!(sim.live().rules, Sim::new(&Ruleset::default()).live().rules);
    }

    #[test]
    fn a_lost_answer_says_nothing_about_the_step() {
        let (sim, mut kernel) = kernel("lose-before-step=1,lose-after-step=2");
        for (port, there) in [(1, false), (2, true)] {
            assert!(matches!(kernel.apply(&[add(port)])[0], Outcome::Unknown(_)));
            assert_eq!(!sim.live().rules.services.is_empty(), there);
        }
    }

    #[test]
    fn reading_fails_when_it_is_told_to() {
        let (_, mut kernel) = kernel("fail-observe=2:EPERM");
        kernel.observe().unwrap();
        let error = kernel.observe().unwrap_err();
        assert_eq!(error.kind(), Kind::NotPermitted);
        kernel.observe().unwrap();
    }

    #[test]
    fn anything_can_happen_around_a_step() {
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        let sim = Sim::new(&Ruleset::default());
        let faults = Faults::new();
        let mut kernel = Faulty::new(sim.clone(), faults.clone());
        let count = move || SEEN.store(sim.live().rules.services.len(), Ordering::SeqCst);
        let second = Point::Matching(Box::new(|step| step.object().ends_with(":2")));
        faults.add(second, Effect::Before(Box::new(count)));
        assert_eq!(
            kernel.apply(&[add(1), add(2)]),
            [const { Outcome::Done }; 2]
        );
        assert_eq!(SEEN.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn malformed_faults_are_refused() {
        for text in [
            "fail-step=1",
            "fail-step=1:EWHAT",
            "kill-step=1",
            "fail-step=x:EPERM",
            "x",
        ] {
            assert!(Faults::parse(text).is_err(), "{text}");
        }
        for text in [
            "",
            "kill-before-step=3",
            "kill-after-undo=1,fail-step=3:ERANGE",
        ] {
            Faults::parse(text).unwrap();
        }
    }
}
