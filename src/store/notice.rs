//! The notice `PENDING`: a file that is there while the head awaits confirmation.
//!
//! It saves a prompt, and the process that waits, from opening the database to know. It decides
//! nothing: who finds it missing or out of date looks at the database.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use super::Pending;
use super::directory::private;

/// Its name.
pub(super) const NOTICE: &str = "PENDING";
const NEW: &str = "PENDING.new";

/// The longest notice.
const LONGEST: u64 = 4096;

/// Reads it; what cannot be read or understood is none.
pub(super) fn read(dir: &Path) -> Option<Pending> {
    let file = private().read(true).open(dir.join(NOTICE)).ok()?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Writes it, or takes it away, where it does not say so already. Not synced: it is made anew
/// when the database is opened.
pub(super) fn write(dir: &Path, pending: Option<&Pending>) {
    if read(dir).as_ref() == pending {
        return;
    }
    let Some(pending) = pending else {
        // A notice that stays behind is found wrong by whoever believes it.
        let _ = fs::remove_file(dir.join(NOTICE));
        return;
    };
    let put = || -> std::io::Result<()> {
        let text = serde_json::to_vec(pending)?;
        let mut options = private();
        let mut file = options
            .create(true)
            .write(true)
            .truncate(true)
            .open(dir.join(NEW))?;
        file.write_all(&text)?;
        fs::rename(dir.join(NEW), dir.join(NOTICE))
    };
    let _ = put();
}
