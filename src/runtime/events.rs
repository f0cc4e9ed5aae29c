//! The log of events: files by day, one line of JSON for each event.
//!
//! At most 90 days and 256 MiB are kept. A clock that is set back writes on in the newest file, so that
//! the files stay in the order of writing; one that is set forward removes two old days at most.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use chrono::{DateTime, Days, Utc};
use serde::Serialize;

use super::day::DayFile;
use super::directory::RuntimeDir;
use super::files::{failed, make_directory};
use crate::error::{Error, Kind, Result};
use crate::store::private;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The days before today.
    pub(super) days: u64,
    /// The bytes of all files.
    pub(super) bytes: u64,
    /// The bytes of one file.
    pub(super) file: u64,
}

const LIMITS: Limits = Limits {
    days: 90,
    bytes: 256 << 20,
    file: 8 << 20,
};

/// How many old days go at most when a day begins.
const DAYS_AT_ONCE: usize = 2;

/// The log of events, open to be written; one daemon has it.
#[derive(Debug)]
pub struct EventLog {
    dir: PathBuf,
    limits: Limits,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    name: DayFile,
    file: File,
    length: u64,
}

impl EventLog {
    /// Names the log; nothing is touched before the first event.
    pub fn new(dir: &RuntimeDir) -> EventLog {
        EventLog::within(dir, LIMITS)
    }

    pub(super) fn within(dir: &RuntimeDir, limits: Limits) -> EventLog {
        EventLog {
            dir: dir.events().to_owned(),
            limits,
            current: None,
        }
    }

    /// Writes an event, which has a member `time`.
    ///
    /// # Errors
    /// `system`, `not_permitted`, with the path. The log stays readable, and the next event is tried
    /// again.
    pub fn append(&mut self, time: DateTime<Utc>, event: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(event)
            .map_err(|error| Error::new(Kind::Bug, error.to_string()).caused_by(error))?;
        line.push(b'\n');
        let size = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.newest(time)?,
        };
        let is_full = current.length > 0 && current.length.saturating_add(size) > self.limits.file;
        if current.name.day < time.date_naive() {
            let name = DayFile {
                day: time.date_naive(),
                number: 0,
            };
            current = self.begin(name)?;
        } else if is_full {
            let number = current.name.number.saturating_add(1);
            let name = DayFile {
                number,
                ..current.name
            };
            current = self.begin(name)?;
        }
        if let Err(error) = current.file.write_all(&line) {
            // A part of a line would make the next one unreadable, too; opening mends what stays.
            let _ = current.file.set_len(current.length);
            return Err(failed("write", &self.path(current.name), &error));
        }
        current.length = current.length.saturating_add(size);
        self.current = Some(current);
        Ok(())
    }

    fn path(&self, name: DayFile) -> PathBuf {
        self.dir.join(name.to_string())
    }

    /// Opens the newest file; makes the first one where there is none.
    fn newest(&self, time: DateTime<Utc>) -> Result<Current> {
        make_directory(&self.dir)?;
        let newest = self.list()?.pop().unwrap_or(DayFile {
            day: time.date_naive(),
            number: 0,
        });
        self.open(newest)
    }

    fn list(&self) -> Result<Vec<DayFile>> {
        DayFile::list(&self.dir).map_err(|error| failed("read", &self.dir, &error))
    }

    fn open(&self, name: DayFile) -> Result<Current> {
        let path = self.path(name);
        let open = || {
            let mut options = private();
            let mut file = options.create(true).read(true).append(true).open(&path)?;
            let mut length = file.metadata()?.len();
            let mut last = [b'\n'];
            if let Some(at) = length.checked_sub(1) {
                file.read_exact_at(&mut last, at)?;
            }
            if last != *b"\n" {
                file.write_all(b"\n")?;
                length = length.saturating_add(1);
            }
            Ok(Current { name, file, length })
        };
        open().map_err(|error| failed("open", &path, &error))
    }

    /// Begins a file, and removes what is too old or too much.
    fn begin(&self, name: DayFile) -> Result<Current> {
        self.prune(name);
        self.open(name)
    }

    /// What cannot be removed is tried again with the next file.
    fn prune(&self, newest: DayFile) {
        let files = self.list().unwrap_or_default();
        let oldest = newest.day.checked_sub_days(Days::new(self.limits.days));
        let mut days: Vec<_> = files.iter().map(|file| file.day).collect();
        days.dedup();
        days.retain(|day| oldest.is_some_and(|oldest| *day < oldest));
        days.truncate(DAYS_AT_ONCE);
        let size = |name: &DayFile| fs::metadata(self.path(*name)).map_or(0, |data| data.len());
        let mut total: u64 = files.iter().map(size).sum();
        let room = self.limits.bytes.saturating_sub(self.limits.file);
        for name in files {
            if !days.contains(&name.day) && total <= room {
                break;
            }
            total = total.saturating_sub(size(&name));
            let _ = fs::remove_file(self.path(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::EventReader;
    use super::super::tests::runtime_dir;
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn append(log: &mut EventLog, time: &str, number: u64) {
        let time = at(time);
        log.append(time, &json!({ "time": time, "number": number }))
            .unwrap();
    }

    fn numbers(reader: &mut EventReader) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some(line) = reader.read().unwrap() {
            numbers.push(line.event["number"].as_u64().unwrap());
        }
        numbers
    }

    fn files(log: &EventLog) -> Vec<String> {
        let files = DayFile::list(&log.dir).unwrap();
        files.iter().map(DayFile::to_string).collect()
    }

    #[test]
    fn events_are_read_in_order_from_a_time_on_and_while_they_come() {
        let (_lab, dir) = runtime_dir();
        let mut log = EventLog::new(&dir);
        let mut follower = EventReader::new(&dir, None);
        assert!(numbers(&mut follower).is_empty());
        append(&mut log, "2026-11-30T23:59:58Z", 1);
        assert_eq!(numbers(&mut follower), [1]);
        append(&mut log, "2026-11-30T23:59:59Z", 2);
        append(&mut log, "2026-12-01T00:00:00Z", 3);
        // The clock was set back: the order stays that of writing.
        append(&mut log, "2026-11-30T12:00:00Z", 4);
        append(&mut log, "2026-12-02T00:00:00Z", 5);
        assert_eq!(numbers(&mut follower), [2, 3, 4, 5]);
        let since = |time| numbers(&mut EventReader::new(&dir, Some(at(time))));
        assert_eq!(since("2026-11-30T23:59:59Z"), [2, 3, 5]);
        assert_eq!(since("2026-11-30T00:00:00Z"), [1, 2, 3, 4, 5]);
        assert!(since("2027-01-01T00:00:00Z").is_empty());
        assert_eq!(
            files(&log),
            [
                "2026-11-30-000.jsonl",
                "2026-12-01-000.jsonl",
                "2026-12-02-000.jsonl"
            ]
        );
        use std::os::unix::fs::PermissionsExt;
        let file = fs::metadata(log.dir.join("2026-11-30-000.jsonl")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn another_daemon_goes_on_behind_a_cut_line() {
        let (_lab, dir) = runtime_dir();
        append(&mut EventLog::new(&dir), "2026-11-30T10:00:00Z", 1);
        let path = dir.events().join("2026-11-30-000.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"time\":\"2026-11-30T10:0");
        fs::write(&path, text).unwrap();
        let mut follower = EventReader::new(&dir, None);
        assert_eq!(numbers(&mut follower), [1]);
        append(&mut EventLog::new(&dir), "2026-11-30T10:00:02Z", 2);
        assert_eq!(numbers(&mut follower), [2]);
        assert_eq!(follower.unreadable(), 1);
    }

    #[test]
    fn a_full_disk_loses_events_and_nothing_else() {
        let (_lab, dir) = runtime_dir();
        let mut log = EventLog::new(&dir);
        append(&mut log, "2026-11-30T10:00:00Z", 1);
        if let Some(current) = log.current.as_mut() {
            current.file = File::options().write(true).open("/dev/full").unwrap();
        }
        let time = at("2026-11-30T10:00:01Z");
        let error = log.append(time, &json!({ "time": time })).unwrap_err();
        assert!(
            error.to_string().contains("2026-11-30-000.jsonl"),
            "{error}"
        );
        append(&mut log, "2026-11-30T10:00:02Z", 3);
        assert_eq!(numbers(&mut EventReader::new(&dir, None)), [1, 3]);
    }

    #[test]
    fn old_days_and_too_many_bytes_go() {
        let (_lab, dir) = runtime_dir();
        let limits = Limits {
            days: 2,
            bytes: 1000,
            file: 200,
        };
        let mut log = EventLog::within(&dir, limits);
        for day in 1..=9 {
            append(&mut log, &format!("2026-11-0{day}T10:00:00Z"), day);
        }
        assert_eq!(numbers(&mut EventReader::new(&dir, None)), [7, 8, 9]);
        fs::write(log.dir.join("notes.jsonl"), "of an operator").unwrap();
        for number in 10..100 {
            append(&mut log, "2026-11-09T10:00:00Z", number);
        }
        let size: u64 = DayFile::list(&log.dir)
            .unwrap()
            .iter()
            .map(|name| fs::metadata(log.path(*name)).unwrap().len())
            .sum();
        assert!((500..=1000).contains(&size), "{size}");
        let kept = numbers(&mut EventReader::new(&dir, None));
        let newest: Vec<u64> = (100 - kept.len() as u64..100).collect();
        assert_eq!(kept, newest);
        assert!(log.dir.join("notes.jsonl").exists());
        // A clock that is set years ahead for a moment takes two days at most.
        for day in 10..=14 {
            append(&mut log, &format!("2026-11-{day}T10:00:00Z"), 0);
        }
        let before = files(&log).len();
        append(&mut log, "2030-01-01T00:00:00Z", 0);
        assert_eq!(files(&log).len(), before - 1, "{:?}", files(&log));
    }
}
