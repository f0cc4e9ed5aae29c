//! sled's files as they were before it opened them.
//!
//! Where sled meets damage in the newest segment of its log, it takes it for a write that a crash
//! cut off, and overwrites everything behind it with zeros. In a small database that is all of it.
//! So an open that ends with damage puts the bytes back: what is whole is there to be saved.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::directory::private;

/// Beyond this only a small part of a database is in the newest segment (512 KiB), and remembering
/// it would make every command slower.
const MOST: u64 = 16 << 20;

/// The files of one directory.
#[derive(Default)]
pub(super) struct Untouched {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Untouched {
    /// Remembers the files; none where they are large or cannot be read.
    pub(super) fn of(engine: &Path) -> Untouched {
        let entries = fs::read_dir(engine).into_iter().flatten().flatten();
        let mut files = Vec::new();
        let mut room = MOST;
        for entry in entries {
            let Ok(metadata) = entry.metadata() else {
                return Untouched::default();
            };
            if !metadata.is_file() {
                continue;
            }
            let Some(left) = room.checked_sub(metadata.len()) else {
                return Untouched::default();
            };
            let Ok(bytes) = fs::read(entry.path()) else {
                return Untouched::default();
            };
            room = left;
            files.push((entry.path(), bytes));
        }
        Untouched { files }
    }

    /// Puts them back, as far as that works: the caller has an error to tell already.
    pub(super) fn put_back(&self) {
        for (path, bytes) in &self.files {
            if fs::read(path).is_ok_and(|now| now == *bytes) {
                continue;
            }
            let file = private().create(true).write(true).truncate(true).open(path);
            let _ = file.and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            });
        }
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
    fn what_is_too_large_to_remember_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let large = fs::File::create(dir.path().join("db")).unwrap();
        large.set_len(MOST + 1).unwrap();
        let before = read_so_far();
        assert!(Untouched::of(dir.path()).files.is_empty());
        let read = read_so_far() - before;
        assert!(read < 1 << 20, "{read} bytes");
    }

    #[test]
    fn what_was_changed_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("db"), dir.path().join("conf"));
        fs::write(&one, "long enough").unwrap();
        fs::write(&other, "c").unwrap();
        let untouched = Untouched::of(dir.path());
        fs::write(&one, "short").unwrap();
        fs::remove_file(&other).unwrap();
        untouched.put_back();
        assert_eq!(fs::read_to_string(&one).unwrap(), "long enough");
        assert_eq!(fs::read_to_string(&other).unwrap(), "c");
    }
}
