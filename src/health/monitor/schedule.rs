//! When probes run: a queue by time, and the random spread between them.

use std::collections::BTreeSet;
use std::time::Duration;

/// Names one probe of one monitor. A number is never used again: a result of a probe that is gone finds
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub(super) u64);

/// The probes that wait for their time.
#[derive(Debug)]
pub(super) struct Schedule {
    queue: BTreeSet<(Duration, ProbeId)>,
    /// The state of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
    random: u64,
}

impl Schedule {
    /// An empty queue.
    pub(super) fn new(seed: u64) -> Schedule {
        Schedule {
            queue: BTreeSet::new(),
            random: seed,
        }
    }

    /// Puts a probe into the queue.
    pub(super) fn add(&mut self, at: Duration, id: ProbeId) {
        self.queue.insert((at, id));
    }

    /// Takes a probe out of the queue.
    pub(super) fn remove(&mut self, at: Duration, id: ProbeId) {
        self.queue.remove(&(at, id));
    }

    /// Takes out the first probe whose time has come.
    pub(super) fn next(&mut self, now: Duration) -> Option<(Duration, ProbeId)> {
        let first = self.queue.first().copied().filter(|(at, _)| *at <= now)?;
        self.queue.remove(&first);
        Some(first)
    }

    /// When the first probe has to run.
    pub(super) fn first(&self) -> Option<Duration> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// A random part of a span: from nothing to just under all of it.
    pub(super) fn part(&mut self, span: Duration) -> Duration {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let micros = (span.as_micros() * u128::from(z)) >> 64;
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// A random number below a limit; 0 if the limit is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let span = Duration::from_micros(u64::try_from(limit).unwrap_or(u64::MAX));
        usize::try_from(self.part(span).as_micros()).unwrap_or_default()
    }

    /// A span, 10 % shorter to 10 % longer.
    pub(super) fn jittered(&mut self, span: Duration) -> Duration {
        span - span / 10 + self.part(span / 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_ten_percent_and_fills_its_range() {
        let mut schedule = Schedule::new(1);
        let span = Duration::from_secs(3);
        let all: Vec<_> = (0..1000).map(|_| schedule.jittered(span)).collect();
        let (least, most) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        assert!((2_700..2_710).contains(&least.as_millis()), "{least:?}");
        assert!((3_290..3_300).contains(&most.as_millis()), "{most:?}");
        let mean = all.iter().sum::<Duration>() / 1000;
        assert!((2_970..3_030).contains(&mean.as_millis()), "{mean:?}");
    }
}
