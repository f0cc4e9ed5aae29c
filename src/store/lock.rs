//! The lock: one process at a time has the database open, for the moment of one operation.
//!
//! An flock on the file `LOCK` goes with the process that holds it, however that ends, and covers
//! the mirror as well as sled's files. Who holds it says /proc/locks; nothing is written down that
//! could be out of date.
//!
//! The file itself witnesses how many writes the database has seen, and its head: `WRITES HEAD
//! CHECKSUM`, each number with 20 digits, written in place after each write, when that is on disk
//! already. A database that knows of fewer writes has lost some, which sled itself does not notice;
//! a mirror that ends before that head has lost its last lines. It needs no sync: a number that is
//! too small, or none, proves nothing.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::{FlockOperation, flock};
use rustix::param::clock_ticks_per_second;

use super::address::Address;
use super::files::{LOCK, failed, location, private};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Kind, Result};
use crate::model::moment::local;

/// How long to sleep between two attempts.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held; dropping it lets go.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// The wait after which the user is told what it is for.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// How long to wait, what ends the wait early, and who is told of it.
pub(super) struct Patience<'a> {
    clock: &'a dyn Clock,
    began: Duration,
    wait: Duration,
    interrupted: &'a dyn Fn() -> bool,
    tell: &'a dyn Fn(&str),
    is_told: Cell<bool>,
}

impl<'a> Patience<'a> {
    /// Starts to wait now.
    pub(super) fn new(wait: Duration, interrupted: &'a dyn Fn() -> bool) -> Patience<'a> {
        Patience::by(&SystemClock, wait, interrupted)
    }

    /// The same by another clock.
    fn by(clock: &'a dyn Clock, wait: Duration, interrupted: &'a dyn Fn() -> bool) -> Patience<'a> {
        Patience {
            began: clock.monotonic(),
            clock,
            wait,
            interrupted,
            tell: &|_| (),
            is_told: Cell::new(false),
        }
    }

    /// The same, which calls `tell` once with what it waits for.
    pub(super) fn telling(self, tell: &'a dyn Fn(&str)) -> Patience<'a> {
        Patience { tell, ..self }
    }

    /// Sleeps a little; false where the time is over. `lock` is the file whose lock another process
    /// holds, where it is that which is waited for.
    ///
    /// # Errors
    /// `interrupted`.
    pub(super) fn pause(&self, lock: Option<&Path>) -> Result<bool> {
        let waited = self.clock.monotonic().saturating_sub(self.began);
        if waited >= TOLD_AFTER && !self.is_told.replace(true) {
            let holder = lock.and_then(Holder::of);
            let holder = holder.map_or_else(|| "another process".to_owned(), |h| h.waited_for());
            (self.tell)(&format!("waiting for {holder}"));
        }
        if (self.interrupted)() {
            return Err(Error::new(Kind::Interrupted, "interrupted")
                .attempt("cannot wait for the database"));
        }
        let left = self.wait.saturating_sub(waited);
        if left.is_zero() {
            return Ok(false);
        }
        self.clock.sleep(left.min(PAUSE));
        Ok(true)
    }

    /// The error for when the time is over, of the lock on this file.
    pub(super) fn busy(&self, lock: &Path) -> Error {
        let holder = Holder::of(lock);
        let holder = holder.map_or_else(|| "another process".to_owned(), |h| h.named());
        let waited = if self.wait.as_secs() == 0 {
            String::new()
        } else {
            format!(" (waited {} s)", self.wait.as_secs())
        };
        Error::new(Kind::Busy, format!("{holder} holds it{waited}"))
            .hint("try again when that has ended")
    }
}

impl Lock {
    /// Takes the lock, waiting for it where another process holds it.
    ///
    /// # Errors
    /// `busy` naming the holder, `interrupted`, `not_permitted`, `system`.
    pub(super) fn acquire(dir: &Path, patience: &Patience<'_>) -> Result<Lock> {
        let taken = take(&dir.join(LOCK), patience);
        let file = taken.map_err(|error| match error.kind() {
            Kind::Busy => error.of_database(location(dir)),
            _ => error,
        })?;
        Ok(Lock { file })
    }
}

/// Takes the lock on a file, which is made where it is missing; dropping the file lets go.
///
/// # Errors
/// `busy` naming the holder, `interrupted`, `not_permitted`, `system`.
pub(super) fn take(path: &Path, patience: &Patience<'_>) -> Result<File> {
    let mut options = private();
    let options = options.create(true).truncate(false).read(true).write(true);
    let file = options
        .open(path)
        .map_err(|error| failed("open", path, &error))?;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !patience.pause(Some(path))? {
                    return Err(patience.busy(path));
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("lock", path, &error.into())),
        }
    }
}

/// What was on disk at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Witness {
    /// How many writes there were.
    pub(super) writes: u64,
    /// The number of the head; 0 where there was none.
    pub(super) head: u64,
}

impl Witness {
    fn text(self) -> String {
        let numbers = format!("{:020} {:020}", self.writes, self.head);
        format!("{numbers} {}\n", Address::of(&[numbers.as_bytes()]))
    }

    fn parse(text: &[u8]) -> Option<Witness> {
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let witness = Witness {
            writes: words.next()?.parse().ok()?,
            head: words.next()?.parse().ok()?,
        };
        (text == witness.text().as_bytes()).then_some(witness)
    }

    fn read(file: &File) -> Witness {
        let mut text = vec![0; Witness::default().text().len()];
        let read = file.read_exact_at(&mut text, 0);
        let witness = read.ok().and_then(|()| Witness::parse(&text));
        witness.unwrap_or_default()
    }

    /// Reads it from a directory, whoever holds the lock.
    pub(super) fn of(dir: &Path) -> Witness {
        let file = private().read(true).open(dir.join(LOCK));
        file.map_or_else(|_| Witness::default(), |file| Witness::read(&file))
    }
}

impl Lock {
    /// Holds it until this is dropped too.
    pub(super) fn hold(&self) -> Option<File> {
        self.file.try_clone().ok()
    }

    /// What was on disk at least.
    pub(super) fn witness(&self) -> Witness {
        Witness::read(&self.file)
    }

    /// Notes what is on disk; a failure only leaves the numbers too small.
    pub(super) fn bear_witness(&self, witness: Witness) {
        let _ = self.file.write_all_at(witness.text().as_bytes(), 0);
    }
}

/// When a process began.
fn began(pid: &str) -> Option<DateTime<Utc>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: state, 18 other fields, the start in clock ticks.
    let fields = stat.rsplit(')').next()?;
    let ticks: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let begun = Duration::from_secs(ticks.checked_div(clock_ticks_per_second())?);
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let age = Duration::try_from_secs_f64(uptime)
        .ok()?
        .saturating_sub(begun);
    SystemClock
        .utc()
        .checked_sub_signed(TimeDelta::from_std(age).ok()?)
}

/// A process that holds the lock.
struct Holder {
    pid: String,
    /// Its command line; `a process` where it has none.
    command: String,
    since: Option<DateTime<Utc>>,
}

impl Holder {
    /// `ipvsh run site.rhai (pid 4711, since 2026-11-21 22:00:00)`.
    fn named(&self) -> String {
        let since = self.since.map(|time| format!(", since {}", local(time)));
        let (pid, since) = (&self.pid, since.unwrap_or_default());
        format!("{} (pid {pid}{since})", self.command)
    }

    /// `process 4711 (ipvsh run site.rhai, since 2026-11-21 22:00:00)`.
    fn waited_for(&self) -> String {
        let since = self.since.map(|time| format!(", since {}", local(time)));
        format!(
            "process {} ({}{})",
            self.pid,
            self.command,
            since.unwrap_or_default()
        )
    }

    /// Finds the process that holds a lock on a file; none where /proc does not say.
    fn of(path: &Path) -> Option<Holder> {
        let inode = fs::metadata(path).ok()?.ino().to_string();
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let pid = locks.lines().find_map(|line| {
            // "1: FLOCK  ADVISORY  WRITE 4711 fe:00:123456 0 EOF"; a line with "->" only waits.
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, "FLOCK", _, _, pid, place, ..] = words.as_slice() else {
                return None;
            };
            (place.rsplit(':').next() == Some(inode.as_str())).then(|| (*pid).to_owned())
        })?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<String> = command
            .split(|byte| *byte == 0)
            .filter(|word| !word.is_empty())
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let mut text: String = words
            .join(" ")
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        if let Some((end, _)) = text.char_indices().nth(100) {
            text.truncate(end);
            text.push_str("...");
        }
        if text.is_empty() {
            text.push_str("a process");
        }
        Some(Holder {
            since: began(&pid),
            command: text,
            pid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_reads_back_or_says_nothing() {
        let witness = Witness {
            writes: 70,
            head: 12,
        };
        let text = witness.text();
        assert_eq!(Witness::parse(text.as_bytes()), Some(witness));
        assert_eq!(Witness::parse(text.replace("70", "71").as_bytes()), None);
        assert_eq!(Witness::parse(&text.as_bytes()[1..]), None);
        assert_eq!(Witness::of(Path::new("/nowhere")), Witness::default());
    }

    #[test]
    fn a_wait_says_once_what_it_is_for() {
        let dir = tempfile::tempdir().unwrap();
        let no = || false;
        let first = Lock::acquire(dir.path(), &Patience::new(Duration::ZERO, &no)).unwrap();
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |text: &str| told.borrow_mut().push(text.to_owned());
        let wait = |millis| {
            let patience = Patience::new(Duration::from_millis(millis), &no);
            Lock::acquire(dir.path(), &patience.telling(&tell)).unwrap_err();
        };
        wait(200);
        assert!(told.borrow().is_empty(), "not for a moment");
        wait(1300);
        let told = told.borrow();
        let begin = format!("waiting for process {} (", std::process::id());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&begin) && told[0].contains(", since 20"),
            "{told:?}"
        );
        drop(first);
    }

    /// A clock that moves only while somebody sleeps by it.
    struct Slept(Cell<Duration>);

    impl Clock for Slept {
        fn utc(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            self.0.get()
        }

        fn sleep(&self, duration: Duration) {
            self.0.set(self.0.get() + duration);
        }
    }

    #[test]
    fn a_minute_is_waited_by_the_clock_that_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let no = || false;
        let _first = Lock::acquire(dir.path(), &Patience::new(Duration::ZERO, &no)).unwrap();
        let told = Cell::new(0);
        let tell = |_: &str| told.set(told.get() + 1);
        let clock = Slept(Cell::new(Duration::from_secs(5)));
        let minute = Duration::from_secs(60);
        let patience = Patience::by(&clock, minute, &no).telling(&tell);
        let error = Lock::acquire(dir.path(), &patience).unwrap_err();
        assert!(
            error.to_string().ends_with("holds it (waited 60 s)"),
            "{error}"
        );
        assert_eq!(clock.0.get(), Duration::from_secs(65));
        assert_eq!(told.get(), 1);
    }

    #[test]
    fn a_holder_is_waited_for_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let no = || false;
        let first = Lock::acquire(dir.path(), &Patience::new(Duration::ZERO, &no)).unwrap();
        let began = std::time::Instant::now();
        let short = Patience::new(Duration::from_millis(60), &no);
        let error = Lock::acquire(dir.path(), &short).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        let pid = format!("(pid {}, since 20", std::process::id());
        assert!(error.to_string().contains(&pid), "{error}");
        assert!(began.elapsed() >= Duration::from_millis(60));
        let begun = super::began(&std::process::id().to_string()).unwrap();
        let age = (Utc::now() - begun).num_seconds();
        assert!((-2..600).contains(&age), "{age}");

        let yes = || true;
        let long = Patience::new(Duration::from_secs(60), &yes);
        let error = Lock::acquire(dir.path(), &long).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);

        drop(first);
        Lock::acquire(dir.path(), &Patience::new(Duration::ZERO, &no)).unwrap();
    }
}
