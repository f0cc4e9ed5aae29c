//! sled's files as they were before it opened them.
//!
//! Where sled meets damage in the part of its log that it reads when it is opened, it takes it for a
//! write that a crash cut off, and overwrites the rest of that segment with zeros (advance_snapshot
//! in sled's snapshot.rs). In a small database that is all of it. So an open that ends with damage
//! puts the bytes back: what is whole is there to be saved.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::directory::private;

/// The name of sled's log.
const LOG: &str = "db";

/// The bytes of a segment of the log: sled's default.
const SEGMENT: u64 = 512 << 10;

/// The bytes that are remembered at most: to remember more would make every command slower.
const MOST: u64 = 16 << 20;

/// Bytes of a file, and where they stand in it.
struct Piece {
    path: PathBuf,
    at: u64,
    bytes: Vec<u8>,
    /// The length of the file.
    length: u64,
}

/// The bytes of one directory that sled may write over.
#[derive(Default)]
pub(super) struct Untouched {
    pieces: Vec<Piece>,
}

impl Untouched {
    /// Remembers them; none where they are many or cannot be read.
    pub(super) fn of(engine: &Path) -> Untouched {
        let pieces = pieces_of(engine).unwrap_or_default();
        Untouched { pieces }
    }

    /// Puts them back, as far as that works: the caller has an error to tell already.
    pub(super) fn put_back(&self) {
        for piece in &self.pieces {
            let _ = piece.put_back();
        }
    }
}

fn pieces_of(engine: &Path) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut room = MOST;
    let mut take = |path: &Path, at: u64, most: u64| -> io::Result<()> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let size = length.saturating_sub(at).min(most);
        room = room
            .checked_sub(size)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        file.read_exact_at(&mut bytes, at)?;
        pieces.push(Piece {
            path: path.to_owned(),
            at,
            bytes,
            length,
        });
        Ok(())
    };
    let mut read_from = 0;
    for entry in fs::read_dir(engine)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == LOG || !entry.metadata()?.is_file() {
            continue;
        }
        read_from = read_from.max(summarised(&name.to_string_lossy()).unwrap_or(0));
        take(&entry.path(), 0, u64::MAX)?;
    }
    let path = engine.join(LOG);
    let log = File::open(&path)?;
    for at in (0..log.metadata()?.len()).step_by(SEGMENT as usize) {
        if first_of(&log, at)?.is_some_and(|first| first.saturating_add(SEGMENT) > read_from) {
            take(&path, at, SEGMENT)?;
        }
    }
    Ok(pieces)
}

/// Up to where in the log a summary goes: behind that the log is read. `snap.000000000089AD2C`
fn summarised(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix("snap.")?, 16).ok()
}

/// The place in the log at which a segment begins, as its header says (`SegmentHeader` in sled's
/// logger.rs), far behind all others where it cannot be understood; none for one that is free.
fn first_of(log: &File, at: u64) -> io::Result<Option<u64>> {
    let mut place = [0; 8];
    match log.read_exact_at(&mut place, at.saturating_add(4)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(u64::MAX)),
        Ok(()) if place == [0; 8] => Ok(None),
        read => {
            read?;
            let place = i64::from_le_bytes(place) ^ i64::MAX;
            Ok(Some(u64::try_from(place).unwrap_or(u64::MAX)))
        }
    }
}

impl Piece {
    fn put_back(&self) -> io::Result<()> {
        let file = private()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&self.path)?;
        let mut now = vec![0; self.bytes.len()];
        let is_same = file.read_exact_at(&mut now, self.at).is_ok() && now == self.bytes;
        let length = file.metadata()?.len();
        if is_same && length == self.length {
            return Ok(());
        }
        file.set_len(self.length)?;
        file.write_all_at(&self.bytes, self.at)?;
        (&file).flush()?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that this thread has read so far.
    fn read_so_far() -> u64 {
        let counts = fs::read_to_string("/proc/thread-self/io").unwrap();
        let count = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
        count.unwrap().parse().unwrap()
    }

    #[test]
    fn what_is_not_remembered_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let large = File::create(dir.path().join(LOG)).unwrap();
        large.set_len(MOST + 1).unwrap();
        let before = read_so_far();
        let remembered: usize = pieces_of(dir.path())
            .unwrap()
            .iter()
            .map(|piece| piece.bytes.len())
            .sum();
        let read = read_so_far() - before;
        assert!(remembered <= 1 && read < 1 << 20, "{read} bytes");
    }

    #[test]
    fn what_was_changed_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let (log, other) = (dir.path().join(LOG), dir.path().join("conf"));
        fs::write(&log, "long enough to have a header").unwrap();
        fs::write(&other, "c").unwrap();
        let untouched = Untouched::of(dir.path());
        fs::write(&log, "short").unwrap();
        fs::remove_file(&other).unwrap();
        untouched.put_back();
        assert_eq!(
            fs::read_to_string(&log).unwrap(),
            "long enough to have a header"
        );
        assert_eq!(fs::read_to_string(&other).unwrap(), "c");
    }

    #[test]
    fn only_what_is_read_when_it_is_opened_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let segment = |number: u64| {
            let place = (number * SEGMENT).cast_signed() ^ i64::MAX;
            let mut bytes = vec![number as u8; SEGMENT as usize];
            bytes[4..12].copy_from_slice(&place.to_le_bytes());
            bytes
        };
        // As a log that went round: the newest segment stands in the place of an old one, and one is
        // free.
        let mut log: Vec<u8> = [4, 1, 2, 3].into_iter().flat_map(segment).collect();
        log.extend(vec![0; SEGMENT as usize]);
        fs::write(dir.path().join(LOG), log).unwrap();
        let snap = format!("snap.{:016X}", 3 * SEGMENT + 100);
        fs::write(dir.path().join(snap), "summary").unwrap();
        let mut places: Vec<u64> = Untouched::of(dir.path())
            .pieces
            .iter()
            .filter(|piece| piece.path.ends_with(LOG))
            .map(|piece| piece.at / SEGMENT)
            .collect();
        places.sort_unstable();
        assert_eq!(places, [0, 3]);
    }
}
