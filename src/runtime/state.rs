//! The state file: written by the daemon before the kernel, read by every command.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::copier::Copier;
use super::directory::RuntimeDir;
use super::files::{failed, open_regular, replace};
use super::format::{Content, StateRead, decode, encode, encode_change, encode_done};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::health::State;
use crate::kernel::Place;
use crate::model::shell_word;
use crate::store::HEALTH_STATE;

/// How often the log is folded, and the copy written, at most.
const PAUSE: Duration = Duration::from_secs(1);

/// How often an unchanged copy is written again, so that its age says when the machine went down.
const REFRESH: Duration = Duration::from_secs(60);

/// A log shorter than this is not folded.
const SHORT: u64 = 64 * 1024;

/// How long before a boot a server may have been down to start down after it.
const ACROSS_BOOTS: TimeDelta = TimeDelta::hours(1);

/// Reads the state of a database; makes nothing.
pub fn read_state(dir: &RuntimeDir, place: &Place) -> StateRead {
    let path = dir.state();
    match read(&path) {
        Ok(Some(content)) => match foreign(&content, place) {
            Some(why) => StateRead::Foreign(why),
            None => StateRead::Read(content.state, content.written_at),
        },
        Ok(None) => StateRead::Missing,
        Err(error) => StateRead::Unreadable(error),
    }
}

/// Why a state does not belong to a place; none where it does.
fn foreign(content: &Content, place: &Place) -> Option<String> {
    if content.place.boot != place.boot {
        return Some("it was written before this boot".to_owned());
    }
    (content.place.namespace != place.namespace).then(|| {
        format!(
            "it belongs to the network namespace {}; this is {}",
            content.place.namespace, place.namespace
        )
    })
}

/// Returns true if a daemon ever left a state, or a copy of it, that may still count.
pub fn has_state(dir: &RuntimeDir, database: &Path) -> bool {
    let files = [dir.state(), database.join(HEALTH_STATE)];
    // What cannot be looked at is read, and the reading says why.
    let is_missing = |path: &PathBuf| {
        let looked = std::fs::symlink_metadata(path);
        looked.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    !files.iter().all(is_missing)
}

/// What a daemon starts from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Starting {
    /// The servers that start down or waiting.
    pub state: State,
    /// The state that the kernel was last written by: a daemon that died may have written one and not
    /// the other.
    pub kernel: State,
    /// When the daemon last wrote in this boot, UTC.
    pub written_at: Option<DateTime<Utc>>,
    /// What an operator should know of it, a sentence each.
    pub notes: Vec<String>,
}

/// Finds what a daemon starts from: the state of this boot, else what the copy in the database says
/// was down less than an hour ago.
///
/// # Errors
/// `damaged`, `not_permitted`, `system`: the state of this boot is unreadable.
pub fn starting_state(
    dir: &RuntimeDir,
    database: &Path,
    place: &Place,
    now: DateTime<Utc>,
) -> Result<Starting> {
    let content = read(&dir.state())?;
    match content.filter(|content| foreign(content, place).is_none()) {
        Some(content) => Ok(Starting {
            state: content.state,
            kernel: content.kernel,
            written_at: Some(content.written_at),
            notes: Vec::new(),
        }),
        None => Ok(from_copy(database, place, now)),
    }
}

fn from_copy(database: &Path, place: &Place, now: DateTime<Utc>) -> Starting {
    // Another network namespace of this boot has a table of its own.
    let is_of_another =
        |copy: &Content| copy.place.boot == place.boot && copy.place.namespace != place.namespace;
    match read(&database.join(HEALTH_STATE)) {
        Ok(Some(copy)) if is_of_another(&copy) => Starting::default(),
        Ok(Some(mut copy)) if now.signed_duration_since(copy.written_at).abs() < ACROSS_BOOTS => {
            for deviation in copy.state.servers.values_mut() {
                // What was done by hand is gone with the boot.
                deviation.taken_out_by_hand = false;
            }
            let count = copy.state.servers.len();
            let notes = match count {
                0 => Vec::new(),
                1 => vec!["1 server starts down, as before this boot".to_owned()],
                _ => vec![format!("{count} servers start down, as before this boot")],
            };
            Starting {
                state: copy.state,
                notes,
                // Boot restores what was declared.
                ..Starting::default()
            }
        }
        Ok(_) => Starting::default(),
        // The copy only saves a few checks.
        Err(error) => Starting {
            notes: vec![format!("{error}; all servers start up")],
            ..Starting::default()
        },
    }
}

/// More of a file is not read: every check of the largest ruleset down takes less.
const MOST: u64 = 64 << 20;

fn read(path: &Path) -> Result<Option<Content>> {
    let mut bytes = Vec::new();
    let opened = open_regular(path);
    match opened.and_then(|file| file.take(MOST).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
    }
    let named = |error: Error| {
        let hint = format!(
            "with all servers up, start afresh: rm {}, then start the daemon again",
            shell_word(&path.to_string_lossy())
        );
        error
            .object(format!("state of the checks in {}", path.display()))
            .hint(hint)
    };
    decode(&bytes).map(Some).map_err(named)
}

/// The state file, open to be written; one daemon has it.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    place: Place,
    file: File,
    /// What the file says.
    state: State,
    /// The state that the kernel was last written by.
    kernel: State,
    /// The bytes of the file that count.
    length: u64,
    /// The bytes of it after the last fold.
    folded: u64,
    folded_at: Duration,
    /// The file may hold bytes that do not count: it can only be replaced.
    is_torn: bool,
    copier: Copier,
    copied_at: Option<Duration>,
    is_copied: bool,
}

impl StateFile {
    /// Makes the file anew with a state to start from. The copy goes into the database's directory.
    ///
    /// # Errors
    /// `system`, `not_permitted`.
    pub fn create(
        dir: &RuntimeDir,
        database: &Path,
        place: Place,
        starting: Starting,
        clock: &dyn Clock,
    ) -> Result<StateFile> {
        let path = dir.state();
        let Starting { state, kernel, .. } = starting;
        let bytes = encode(&place, (&kernel, &state), clock.utc())?;
        let file = replace(&path, &bytes, false)?;
        let length = length(&bytes);
        Ok(StateFile {
            path,
            place,
            file,
            state,
            kernel,
            length,
            folded: length,
            folded_at: clock.monotonic(),
            is_torn: false,
            copier: Copier::start(database.join(HEALTH_STATE))?,
            copied_at: None,
            is_copied: false,
        })
    }

    /// What the file says.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state that the kernel was last written by.
    pub fn kernel(&self) -> &State {
        &self.kernel
    }

    /// Notes that the kernel was written by what the file says, now.
    ///
    /// # Errors
    /// `system`; after a death of the daemon, the next one writes the kernel again.
    pub fn kernel_written(&mut self, clock: &dyn Clock) -> Result<()> {
        self.kernel = self.state.clone();
        match self.is_torn {
            // The next write replaces the file.
            true => Ok(()),
            false => self.append(&encode_done(clock.utc())?),
        }
    }

    /// Writes a state, before the kernel is written. Where nothing changed, nothing is written.
    ///
    /// # Errors
    /// `system`, with the path; the file says what it said before.
    pub fn write(&mut self, state: &State, clock: &dyn Clock) -> Result<()> {
        if *state == self.state && !self.is_torn {
            return Ok(());
        }
        let (now, utc) = (clock.monotonic(), clock.utc());
        let appended = self.length.saturating_sub(self.folded);
        let is_long = appended > self.folded.max(SHORT);
        let is_due = is_long && now.saturating_sub(self.folded_at) >= PAUSE;
        if self.is_torn || is_due {
            let bytes = encode(&self.place, (&self.kernel, state), utc)?;
            self.file = replace(&self.path, &bytes, false)?;
            self.length = length(&bytes);
            (self.folded, self.folded_at, self.is_torn) = (self.length, now, false);
        } else {
            self.append(&encode_change(&self.state, state, utc)?)?;
        }
        self.state = state.clone();
        self.is_copied = false;
        Ok(())
    }

    fn append(&mut self, line: &[u8]) -> Result<()> {
        if let Err(error) = self.file.write_all_at(line, self.length) {
            // A part of the line may be there; a reader ignores it until the next write.
            self.is_torn = self.file.set_len(self.length).is_err();
            return Err(failed("write", &self.path, &error));
        }
        self.length = self.length.saturating_add(length(line));
        Ok(())
    }

    /// Has the copy written where that is due; the scheduler calls it about once a second.
    ///
    /// # Errors
    /// `system`: an earlier copy could not be written. The next call tries again.
    pub fn copy(&mut self, clock: &dyn Clock) -> Result<()> {
        let failed = self.copier.take_error();
        self.is_copied &= failed.is_none();
        let now = clock.monotonic();
        let age = self.copied_at.map(|at| now.saturating_sub(at));
        let pause = match self.is_copied {
            true if self.state.servers.is_empty() => Duration::MAX,
            true => REFRESH,
            false => PAUSE,
        };
        if age.is_none_or(|age| age >= pause) {
            let bytes = encode(&self.place, (&self.state, &self.state), clock.utc())?;
            self.copier.give(bytes);
            (self.copied_at, self.is_copied) = (Some(now), true);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Writes the copy for the last time, and waits until it is on disk.
    ///
    /// # Errors
    /// `system`.
    pub fn close(self, clock: &dyn Clock) -> Result<()> {
        let StateFile {
            place,
            state,
            copier,
            ..
        } = self;
        copier.give(encode(&place, (&state, &state), clock.utc())?);
        copier.finish()
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::tests::{down, moment, place, runtime_dir};
    use super::*;

    /// A clock that tests move.
    #[derive(Default)]
    struct Hand(Cell<i64>);

    impl Clock for Hand {
        fn utc(&self) -> DateTime<Utc> {
            moment(self.0.get())
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.get().unsigned_abs())
        }
    }

    fn create(dir: &RuntimeDir, database: &Path, clock: &Hand) -> StateFile {
        StateFile::create(dir, database, place(), Starting::default(), clock).unwrap()
    }

    fn read_back(dir: &RuntimeDir) -> State {
        match read_state(dir, &place()) {
            StateRead::Read(state, _) => state,
            read => panic!("{read:?}"),
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_the_old_state_stays_readable() {
        let (lab, dir) = runtime_dir();
        let clock = Hand::default();
        let mut file = create(&dir, lab.path(), &clock);
        file.write(&down([1]), &clock).unwrap();
        file.file = File::options().write(true).open("/dev/full").unwrap();
        let error = file.write(&down([2]), &clock).unwrap_err();
        let path = dir.state().display().to_string();
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot write {path}: ")),
            "{error}"
        );
        assert_eq!(error.hints(), ["make room on that file system"]);
        assert_eq!((read_back(&dir), file.state()), (down([1]), &down([1])));
        // A part of a line that stayed does not count, and goes with the next write.
        let mut torn = std::fs::read(dir.state()).unwrap();
        torn.extend(b"0000");
        std::fs::write(dir.state(), torn).unwrap();
        assert_eq!(read_back(&dir), down([1]));
        file.write(&down([2]), &clock).unwrap();
        assert_eq!(read_back(&dir), down([2]));
        // A directory that went away.
        std::fs::remove_dir_all(dir.path()).unwrap();
        file.is_torn = true;
        assert!(file.write(&down([3]), &clock).is_err());
    }

    #[test]
    fn the_next_daemon_knows_what_the_kernel_was_last_written_by() {
        let (lab, dir) = runtime_dir();
        let clock = Hand::default();
        let start = || starting_state(&dir, lab.path(), &place(), moment(0)).unwrap();
        let mut file = create(&dir, lab.path(), &clock);
        file.write(&down([1, 2]), &clock).unwrap();
        assert_eq!((start().state, start().kernel), (down([1, 2]), down([])));
        file.kernel_written(&clock).unwrap();
        assert_eq!(
            (start().state, start().kernel),
            (down([1, 2]), down([1, 2]))
        );
        file.write(&down([2, 3]), &clock).unwrap();
        file.write(&down([3, 4]), &clock).unwrap();
        assert_eq!(
            (start().state, start().kernel),
            (down([3, 4]), down([1, 2]))
        );
        // A file that is written anew keeps both.
        file.is_torn = true;
        file.write(&down([4]), &clock).unwrap();
        assert_eq!((start().state, start().kernel), (down([4]), down([1, 2])));
        let again = StateFile::create(&dir, lab.path(), place(), start(), &clock).unwrap();
        assert_eq!((again.state(), again.kernel()), (&down([4]), &down([1, 2])));
        assert_eq!((start().state, start().kernel), (down([4]), down([1, 2])));
    }

    #[test]
    fn a_long_log_is_folded_once_a_second_at_most() {
        let (lab, dir) = runtime_dir();
        let clock = Hand::default();
        let mut file = create(&dir, lab.path(), &clock);
        let size = || std::fs::metadata(dir.state()).unwrap().len();
        let mut flap = |count: usize, clock: &Hand| {
            for number in 0..count {
                let state = if number % 2 == 0 {
                    down(1..=200)
                } else {
                    down([])
                };
                file.write(&state, clock).unwrap();
            }
        };
        flap(20, &clock);
        let long = size();
        assert!(long > 2 * SHORT, "{long}");
        flap(2, &clock);
        assert!(size() > long, "not twice in a second");
        clock.0.set(2);
        flap(2, &clock);
        assert!(size() < long / 2, "{}", size());
        assert_eq!(read_back(&dir), down([]));
        file.kernel_written(&clock).unwrap();
    }

    #[test]
    fn what_was_down_an_hour_ago_starts_down_after_a_boot() {
        let (lab, dir) = runtime_dir();
        let clock = Hand::default();
        let mut file = create(&dir, lab.path(), &clock);
        file.write(&down([1, 2]), &clock).unwrap();
        file.copy(&clock).unwrap();
        file.write(&down([1]), &clock).unwrap();
        file.close(&clock).unwrap();
        let start = |boot: &str, seconds| {
            let place = Place {
                boot: boot.to_owned(),
                ..place()
            };
            starting_state(&dir, lab.path(), &place, moment(seconds)).unwrap()
        };
        // In the same boot the age does not matter.
        assert_eq!(start("boot", 1_000_000).state, down([1]));
        assert_eq!(start("next", 3599).state, down([1]));
        assert_eq!(
            start("next", 3599).notes,
            ["1 server starts down, as before this boot"]
        );
        assert_eq!(start("next", 3601), Starting::default());
        assert_eq!(start("next", -3601), Starting::default());
        std::fs::remove_file(dir.state()).unwrap();
        assert_eq!(start("next", 10).state, down([1]));
        std::fs::write(lab.path().join(HEALTH_STATE), "damaged").unwrap();
        let start = start("next", 10);
        assert_eq!(start.state, State::default());
        assert!(
            start.notes[0].ends_with("; all servers start up"),
            "{:?}",
            start.notes
        );
    }

    #[test]
    fn a_copy_that_fails_is_told_and_tried_again() {
        let (lab, dir) = runtime_dir();
        let clock = Hand::default();
        let database = lab.path().join("db");
        let mut file = create(&dir, &database, &clock);
        let mut step = || {
            clock.0.set(clock.0.get() + 1);
            let told = file.copy(&clock);
            std::thread::sleep(Duration::from_millis(50));
            told
        };
        step().unwrap();
        let told = (0..100).find_map(|_| step().err()).unwrap();
        assert!(told.to_string().contains(HEALTH_STATE), "{told}");
        std::fs::create_dir(&database).unwrap();
        let is_there = (0..100).any(|_| {
            let _ = step();
            database.join(HEALTH_STATE).exists()
        });
        assert!(is_there);
    }
}
