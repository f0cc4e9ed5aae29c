//! Random choices of a test, all from one number, which is printed.
#![allow(clippy::unwrap_used, dead_code)] // a test: what cannot be made is a failure

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A number from the environment.
pub fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a round's choices come from: `IPVSH_SEED`, or the same number every time.
pub fn seed() -> u64 {
    variable("IPVSH_SEED").unwrap_or(20_261_129)
}

/// Everything random comes from one number.
pub struct Random(TestRunner);

impl Random {
    pub fn new(seed: u64) -> Random {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Random(TestRunner::new_with_rng(Config::default(), rng))
    }

    pub fn one<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.0).unwrap().current()
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.one(0..end)
    }

    /// One of some things, if there are any.
    pub fn among<T: Clone>(&mut self, things: &[T]) -> Option<T> {
        match things.len() {
            0 => None,
            count => things.get(self.below(count)).cloned(),
        }
    }
}
