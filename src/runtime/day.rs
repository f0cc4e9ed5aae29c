//! The names of the event files: `2026-11-30-000.jsonl`, the day in UTC and a number.

use std::fmt;
use std::path::Path;

use chrono::NaiveDate;

/// The name of an event file; they sort as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DayFile {
    pub(super) day: NaiveDate,
    pub(super) number: u32,
}

impl DayFile {
    fn parse(name: &str) -> Option<DayFile> {
        let (day, number) = name.strip_suffix(".jsonl")?.rsplit_once('-')?;
        let file = DayFile {
            day: day.parse().ok()?,
            number: number.parse().ok()?,
        };
        // What another program put there with a similar name is not ours to remove.
        (file.to_string() == name).then_some(file)
    }

    /// Lists the event files of a directory, oldest first; none where it is not there.
    pub(super) fn list(dir: &Path) -> std::io::Result<Vec<DayFile>> {
        let entries = match std::fs::read_dir(dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.filter_map(|entry| DayFile::parse(entry.ok()?.file_name().to_str()?));
        let mut files: Vec<DayFile> = names.collect();
        files.sort_unstable();
        Ok(files)
    }
}

impl fmt::Display for DayFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:03}.jsonl", self.day, self.number)
    }
}
