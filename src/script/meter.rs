//! What a script takes of the host: memory, and time of the processor.
//!
//! Rhai measures a value only where some operators make it; what is put into a map or an array
//! element by element is never measured. So the process is looked at, between two operations of
//! the script: a commit is one operation, and no limit ends it half-way.
//! Source of truth: proc_pid_statm(5), proc_meminfo(5), cgroup-v2.rst (memory.max).

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};

use super::limits;

/// After how many operations the clock is looked at.
const OPERATIONS: u32 = 16;
/// How many more operations a script may take until it uses a variable.
const UNTIL_VARIABLE: u32 = 8;
/// How often the process is looked at.
const INTERVAL: Duration = Duration::from_millis(5);
/// How many bytes the answer of statm may have.
const STATM: usize = 256;

/// A limit that a script ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exceeded {
    /// Memory, in bytes.
    Memory(u64),
    /// Time of the processor.
    Time,
}

/// Looks at the process that a script runs in.
#[derive(Debug)]
pub(super) struct Meter {
    statm: Option<File>,
    /// What the process had before the first script, in bytes.
    before: u64,
    /// How much more it may have, in bytes.
    most: u64,
    /// How long a script may compute.
    computing: Duration,
    left: Cell<u32>,
    looked: Cell<Instant>,
    began: Cell<Duration>,
    found: Cell<Option<Exceeded>>,
}

impl Meter {
    /// A meter of this process and this thread. Where there is no /proc, memory is not limited.
    pub fn new() -> Meter {
        let statm = File::open("/proc/self/statm").ok();
        let before = statm.as_ref().and_then(data).unwrap_or(0);
        let spare = spare().map_or(u64::MAX, |spare| spare / 2);
        let most = limits::memory_for_stack().min(spare.max(limits::LEAST_MEMORY));
        Meter {
            statm,
            before,
            most,
            computing: limits::COMPUTING,
            left: Cell::new(OPERATIONS),
            looked: Cell::new(Instant::now()),
            began: Cell::new(computed()),
            found: Cell::new(None),
        }
    }

    /// A script begins: its computing time starts now. Its memory does not: the variables of the
    /// prompt stay.
    pub fn begin(&self) {
        self.began.set(computed());
        self.found.set(None);
    }

    /// What was found at an earlier operation: for whoever can say where the script is.
    pub fn found(&self) -> Option<Exceeded> {
        self.found.get()
    }

    /// Says at an operation whether a limit is exceeded, and was when [`Meter::found`] could be
    /// asked: Rhai knows no position for some operations, and knows one for every variable.
    pub fn exceeded(&self) -> Option<Exceeded> {
        if let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
            return None;
        }
        if self.found.get().is_some() {
            return self.found.get();
        }
        self.left.set(OPERATIONS);
        self.found.set(self.look());
        if self.found.get().is_some() {
            self.left.set(UNTIL_VARIABLE);
        }
        None
    }

    fn look(&self) -> Option<Exceeded> {
        let now = Instant::now();
        if now.duration_since(self.looked.get()) < INTERVAL {
            return None;
        }
        self.looked.set(now);
        let taken = self.statm.as_ref().and_then(data).unwrap_or(0);
        if taken.saturating_sub(self.before) > self.most {
            return Some(Exceeded::Memory(self.most));
        }
        let computing = computed().saturating_sub(self.began.get());
        (computing > self.computing).then_some(Exceeded::Time)
    }
}

/// The memory that the process may write to, in bytes: also what is swapped out.
fn data(statm: &File) -> Option<u64> {
    let mut text = [0; STATM];
    let length = statm.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let pages: u64 = text.split_whitespace().nth(5)?.parse().ok()?;
    pages.checked_mul(page_size() as u64)
}

/// The time that the processor gave to this thread.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The memory that the host and every control group above this process have to spare, in bytes.
fn spare() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let host: u64 = line.split_whitespace().next()?.parse().ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let least = group.and_then(|group| {
        let path = Path::new("/sys/fs/cgroup").join(group);
        path.ancestors().filter_map(spare_of_group).min()
    });
    Some(least.unwrap_or(u64::MAX).min(host << 10))
}

fn spare_of_group(path: &Path) -> Option<u64> {
    let number = |name| {
        fs::read_to_string(path.join(name))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    let (max, current) = (number("memory.max")?, number("memory.current")?);
    Some(max.saturating_sub(current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_and_the_host_can_be_read() {
        let statm = File::open("/proc/self/statm").unwrap();
        let before = data(&statm).unwrap();
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        let after = data(&statm).unwrap();
        assert!(after >= before + (32 << 20), "{before} {after}");
        drop(block);
        assert!(spare().unwrap() > 0);
    }

    #[test]
    fn computing_counts_and_waiting_does_not() {
        let meter = Meter {
            computing: Duration::from_millis(50),
            ..Meter::new()
        };
        let looks = || (0..=2 * OPERATIONS).find_map(|_| meter.exceeded());
        meter.begin();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(looks(), None);
        let start = Instant::now();
        let mut found = None;
        while found.is_none() && start.elapsed() < Duration::from_secs(30) {
            found = looks();
        }
        assert_eq!((found, meter.found()), (Some(Exceeded::Time), found));
        meter.begin();
        assert_eq!(looks(), None);
    }
}
