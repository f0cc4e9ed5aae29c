//! The heartbeat: when the daemon's scheduler last ran, by a clock that nobody sets.
//!
//! The file holds `BOOT MILLISECONDS PID`: the boot id, CLOCK_BOOTTIME with 20 digits, and the
//! process. A heartbeat of another boot counts for nothing, because a runtime directory may lie on a
//! disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use super::directory::RuntimeDir;
use super::files::{failed, read_line, replace};
use crate::error::Result;
use crate::kernel::boot::{boot_id, boottime};
use crate::store::is_in_place;

/// A daemon whose heartbeat is younger than this runs.
pub const FRESH: Duration = Duration::from_secs(10);

/// The daemon's heartbeat, open to be written; dropping it takes it away.
#[derive(Debug)]
pub struct Heartbeat {
    path: PathBuf,
    file: File,
    boot: String,
}

impl Heartbeat {
    /// Starts a heartbeat.
    ///
    /// # Errors
    /// `system`, `not_permitted`.
    pub fn start(dir: &RuntimeDir) -> Result<Heartbeat> {
        let (path, boot) = (dir.heartbeat(), boot_id()?);
        let file = replace(&path, text(&boot, boottime()).as_bytes(), false)?;
        Ok(Heartbeat { path, file, boot })
    }

    /// Says that the scheduler runs.
    ///
    /// # Errors
    /// `system`.
    pub fn beat(&self) -> Result<()> {
        let text = text(&self.boot, boottime());
        let written = self.file.write_all_at(text.as_bytes(), 0);
        written.map_err(|error| failed("write", &self.path, &error))
    }

    /// Returns true if the file is still where commands look for it.
    pub fn is_in_place(&self) -> bool {
        is_in_place(&self.path, &self.file)
    }

    /// How long ago the daemon's scheduler last ran in this boot; none where that is not known.
    pub fn age(dir: &RuntimeDir) -> Option<Duration> {
        let (boot, beaten, _) = read(dir)?;
        if boot != boot_id().ok()? {
            return None;
        }
        boottime().checked_sub(beaten).map(Duration::from_millis)
    }

    /// Returns true if a daemon runs: its scheduler ran less than [`FRESH`] ago.
    pub fn is_fresh(dir: &RuntimeDir) -> bool {
        Heartbeat::age(dir).is_some_and(|age| age < FRESH)
    }

    /// The process of the daemon that wrote the heartbeat.
    pub fn pid(dir: &RuntimeDir) -> Option<u32> {
        read(dir).map(|(_, _, pid)| pid)
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        // A heartbeat that stays is out of date soon.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn text(boot: &str, now: u64) -> String {
    format!("{boot} {now:020} {:010}\n", std::process::id())
}

fn read(dir: &RuntimeDir) -> Option<(String, u64, u32)> {
    let line = read_line(&dir.heartbeat())?;
    let [boot, beaten, pid] = line.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    Some((boot.to_owned(), beaten.parse().ok()?, pid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::runtime_dir;
    use super::*;

    #[test]
    fn a_heartbeat_is_as_old_as_its_last_beat() {
        let (_lab, dir) = runtime_dir();
        assert_eq!(Heartbeat::age(&dir), None);
        let heartbeat = Heartbeat::start(&dir).unwrap();
        assert!(Heartbeat::is_fresh(&dir));
        assert_eq!(Heartbeat::pid(&dir), Some(std::process::id()));
        let set = |text: String| std::fs::write(dir.heartbeat(), text).unwrap();
        let boot = boot_id().unwrap();
        set(text(&boot, boottime() - 10_001));
        assert!(!Heartbeat::is_fresh(&dir), "ten seconds are too long");
        assert!(Heartbeat::age(&dir).unwrap() > FRESH);
        heartbeat.beat().unwrap();
        assert!(Heartbeat::is_fresh(&dir));
        drop(heartbeat);
        assert_eq!(Heartbeat::age(&dir), None);
        // Of another boot, of the future, cut, damaged.
        for text in [
            text("another", boottime()),
            text(&boot, boottime() + 100_000),
            format!("{boot} 1"),
            "x".repeat(1000),
        ] {
            set(text);
            assert!(!Heartbeat::is_fresh(&dir));
        }
    }
}
