//! Reading the log of events, in the order of writing, while it is written.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::day::DayFile;
use super::directory::RuntimeDir;
use super::files::{failed, open_regular};
use crate::error::Result;

/// The longest line that is read; a longer one is unreadable.
const LONGEST: u64 = 1 << 20;

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLine {
    /// When, UTC.
    pub time: DateTime<Utc>,
    /// All of it, `time` included.
    pub event: Value,
}

#[derive(Deserialize)]
struct Timed {
    time: DateTime<Utc>,
}

/// Reads events; makes nothing.
#[derive(Debug)]
pub struct EventReader {
    dir: PathBuf,
    since: Option<DateTime<Utc>>,
    open: Option<Open>,
    /// Lines that could not be understood so far.
    unreadable: u64,
}

#[derive(Debug)]
struct Open {
    name: DayFile,
    file: BufReader<File>,
    /// The end of the last whole line.
    position: u64,
    /// A newer file was there before the last read: this one grows no more.
    is_over: bool,
}

impl EventReader {
    /// Reads the events of a database, from a time on where one is given.
    pub fn new(dir: &RuntimeDir, since: Option<DateTime<Utc>>) -> EventReader {
        EventReader {
            dir: dir.events().to_owned(),
            since,
            open: None,
            unreadable: 0,
        }
    }

    /// How many lines could not be understood so far.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The next event; none where there is no other by now. A later call may find more.
    ///
    /// # Errors
    /// `system`, `not_permitted`.
    pub fn read(&mut self) -> Result<Option<EventLine>> {
        loop {
            if self.open.is_none() && !self.advance(None)? {
                return Ok(None);
            }
            let Some(line) = self.line()? else {
                let over = self.open.as_mut().map(|open| (open.name, open.is_over));
                let Some((name, is_over)) = over else {
                    return Ok(None);
                };
                if is_over {
                    if !self.advance(Some(name))? {
                        return Ok(None);
                    }
                } else if self.next_file(Some(name))?.is_none() {
                    return Ok(None);
                } else if let Some(open) = self.open.as_mut() {
                    // The daemon may have written here since the last read.
                    open.is_over = true;
                }
                continue;
            };
            match understood(&line) {
                Some(line) if self.since.is_some_and(|since| line.time < since) => {}
                Some(line) => return Ok(Some(line)),
                None if line.is_empty() => {}
                None => self.unreadable = self.unreadable.saturating_add(1),
            }
        }
    }

    /// The file behind another one; no event in a file is of a later day than the file.
    fn next_file(&self, behind: Option<DayFile>) -> Result<Option<DayFile>> {
        let files = DayFile::list(&self.dir).map_err(|e| failed("read", &self.dir, &e))?;
        let first = self.since.map(|since| since.date_naive());
        Ok(files.into_iter().find(|file| {
            behind.is_none_or(|behind| *file > behind) && first.is_none_or(|day| file.day >= day)
        }))
    }

    /// Opens the file behind another one; says whether there is one.
    fn advance(&mut self, behind: Option<DayFile>) -> Result<bool> {
        let Some(name) = self.next_file(behind)? else {
            return Ok(false);
        };
        let path = self.dir.join(name.to_string());
        let file = match open_regular(&path) {
            Ok(file) => file,
            // It was removed for its age a moment ago.
            Err(error) if error.kind() == ErrorKind::NotFound => return self.advance(Some(name)),
            Err(error) => return Err(failed("open", &path, &error)),
        };
        self.open = Some(Open {
            name,
            file: BufReader::new(file),
            position: 0,
            is_over: false,
        });
        Ok(true)
    }

    /// The next whole line of the open file, without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(open) = self.open.as_mut() else {
            return Ok(None);
        };
        let mut line = Vec::new();
        let read = (&mut open.file).take(LONGEST).read_until(b'\n', &mut line);
        let read = read.map_err(|e| failed("read", &self.dir.join(open.name.to_string()), &e))?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        if line.last() != Some(&b'\n') && read < LONGEST {
            // The daemon writes it now, or takes back what did not fit on the disk.
            let _ = open.file.seek(SeekFrom::Start(open.position));
            return Ok(None);
        }
        open.position = open.position.saturating_add(read);
        line.pop();
        Ok(Some(line))
    }
}

fn understood(line: &[u8]) -> Option<EventLine> {
    let Timed { time } = serde_json::from_slice(line).ok()?;
    let event = serde_json::from_slice(line).ok()?;
    Some(EventLine { time, event })
}
