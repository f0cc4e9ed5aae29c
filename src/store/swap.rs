//! Exchanges a database's files for new ones: all of them or none, whatever happens meanwhile.
//!
//! The new files are made in `building/`, which counts for nothing. Renaming it to `next/` is the
//! decision; the file `PLACE` in it says where the old files go and which parts are new. Then, part
//! by part, the old one moves there and the new one takes its place. Who opens the database and
//! finds a `next/` goes on where the other one stopped.
//!
//! The old files of a repair are kept (`damaged-...`), those of a prune (`old`) are removed.
//!
//! A `next/` that does not say what it is for is set aside, as `damaged-next`: what stands in the
//! database's own place is read, and checked, as if there had been no exchange.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Faults;
use super::directory::{FORMAT, close_to_others, failed, replace, sync_directory};
use super::mirror::{BASE, LOG};
use super::table::ENGINE;
use crate::error::{Error, Result};

const BUILDING: &str = "building";
const NEXT: &str = "next";
const PLACE: &str = "PLACE";
/// Where the old files of a prune go, to be removed.
pub(super) const OLD: &str = "old";
/// What the names of directories with damaged files begin with.
pub(super) const DAMAGED: &str = "damaged-";

/// All that is exchanged; the marker first, because nothing is looked at without it.
const PARTS: [&str; 4] = [FORMAT, ENGINE, BASE, LOG];

/// Names in a database's directory that belong to an exchange.
pub(super) fn is_ours(name: &str) -> bool {
    [BUILDING, NEXT, OLD].contains(&name)
}

fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("look at", path, &error)),
    }
}

/// Removes a directory with all that is in it, or whatever else has its name.
///
/// # Errors
/// `system`, `not_permitted`.
pub(super) fn remove(path: &Path) -> Result<()> {
    let is_directory = fs::symlink_metadata(path).map(|metadata| metadata.is_dir());
    let removed = match is_directory {
        Ok(false) => fs::remove_file(path),
        _ => fs::remove_dir_all(path),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path, &error)),
        _ => Ok(()),
    }
}

fn make(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed("make", path, &error)),
        _ => Ok(()),
    }
}

/// Makes an empty directory to build in; the caller holds the lock.
///
/// # Errors
/// `system`, `not_permitted`.
pub(super) fn begin(dir: &Path) -> Result<PathBuf> {
    let building = dir.join(BUILDING);
    remove(&building)?;
    remove(&dir.join(OLD))?;
    make(&building)?;
    Ok(building)
}

/// Drops what was built.
pub(super) fn abandon(dir: &Path) {
    // What stays counts for nothing, and the next `begin` removes it.
    let _ = remove(&dir.join(BUILDING));
}

/// A name under which damaged files can be kept: that of the moment, never one that is taken.
///
/// # Errors
/// `system` where it cannot be looked for.
pub(super) fn place_for_damaged(dir: &Path, moment: &str) -> Result<String> {
    let mut name = format!("{DAMAGED}{moment}");
    let mut number = 1u32;
    while exists(&dir.join(&name))? {
        number = number.saturating_add(1);
        name = format!("{DAMAGED}{moment}-{number}");
    }
    Ok(name)
}

/// Puts what was built, and synced, in the place of what is there; the old files go to `keep`.
///
/// # Errors
/// `system`. Until the decision everything is as before; after it the next one to open the
/// database ends what was begun, and the error says so.
pub(super) fn commit(dir: &Path, keep: &str, faults: &Faults) -> Result<()> {
    let building = dir.join(BUILDING);
    let mut place = format!("{keep}\n");
    for part in PARTS {
        if exists(&building.join(part))? {
            place.push_str(part);
            place.push('\n');
        }
    }
    replace(&building, PLACE, "PLACE.new", place.as_bytes())?;
    let next = dir.join(NEXT);
    fault(faults, "exchange", &next)?;
    fs::rename(&building, &next).map_err(|error| failed("rename", &building, &error))?;
    if let Err(error) = sync_directory(dir) {
        // Not decided before it is on disk.
        return Err(match fs::rename(&next, &building) {
            Ok(()) => error,
            Err(_) => stands(error),
        });
    }
    finish(dir, faults).map(drop).map_err(stands)
}

/// Says with an error that comes after the decision that what was decided is done all the same.
pub(super) fn stands(error: Error) -> Error {
    error.hint(
        "what was asked for is decided and stands: the next command that opens the database \
         completes it; look with: ipvsh fsck",
    )
}

fn fault(faults: &Faults, point: &'static str, path: &Path) -> Result<()> {
    faults(point).map_err(|error| failed("rename", path, &error))
}

/// Says whether an exchange was decided and did not end, or left something behind.
pub(super) fn is_open(dir: &Path) -> bool {
    [NEXT, OLD].iter().any(|name| dir.join(name).exists())
}

/// What a `next/` says.
enum Decided {
    /// Nothing: there is none, or it is done with.
    No,
    /// Where the old files go, and which parts are new.
    Yes { keep: String, new: Vec<String> },
    /// Nothing that can be understood.
    Garbage,
}

impl Decided {
    fn read(next: &Path) -> Result<Decided> {
        let path = next.join(PLACE);
        let waiting = |part: &&str| exists(&next.join(part)).unwrap_or(false);
        let waiting: Vec<&str> = PARTS.into_iter().filter(waiting).collect();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Ok(Decided::Garbage),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Ok(Decided::Garbage);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Of an exchange that is done no part waits any more.
                return Ok(match waiting.is_empty() {
                    true => Decided::No,
                    false => Decided::Garbage,
                });
            }
            Err(error) => return Err(failed("look at", &path, &error)),
        }
        let bytes = fs::read(&path).map_err(|error| failed("read", &path, &error))?;
        Ok(Decided::parse(&bytes, &waiting).unwrap_or(Decided::Garbage))
    }

    /// Understands a `PLACE`; `waiting` are the parts that are still beside it. A part that it does
    /// not name would be taken away with nothing in its place: it must name those that every
    /// database has, and all that wait.
    fn parse(bytes: &[u8], waiting: &[&str]) -> Option<Decided> {
        let mut lines = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.lines();
        let keep = lines.next().filter(|keep| is_place(keep))?;
        let new: Vec<&str> = lines.collect();
        let is_known = new.iter().all(|part| PARTS.contains(part));
        let mut needed = [FORMAT, ENGINE].iter().chain(waiting);
        (is_known && needed.all(|part| new.contains(part))).then(|| Decided::Yes {
            keep: keep.to_owned(),
            new: new.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// Ends an exchange that was decided, and removes what one leaves behind; says whether there was
/// one. The caller holds the lock.
///
/// # Errors
/// `system`.
pub(super) fn finish(dir: &Path, faults: &Faults) -> Result<bool> {
    let next = dir.join(NEXT);
    let decided = Decided::read(&next)?;
    match &decided {
        Decided::No => {}
        Decided::Yes { keep, new } => {
            exchange(dir, &next, &dir.join(keep), new, faults)?;
            fault(faults, "exchanged", &next)?;
            // Only now: without its PLACE it is known to be done with.
            let place = next.join(PLACE);
            fs::remove_file(&place).map_err(|error| failed("remove", &place, &error))?;
            sync_directory(&next)?;
        }
        Decided::Garbage => {
            let aside = dir.join(place_for_damaged(dir, NEXT)?);
            fs::rename(&next, &aside).map_err(|error| failed("rename", &next, &error))?;
            close_to_others(&aside)?;
            sync_directory(dir)?;
        }
    }
    remove(&next)?;
    remove(&dir.join(OLD))?;
    Ok(matches!(decided, Decided::Yes { .. }))
}

fn is_place(name: &str) -> bool {
    name == OLD || (name.starts_with(DAMAGED) && !name.contains('/'))
}

fn exchange(dir: &Path, next: &Path, keep: &Path, new: &[String], faults: &Faults) -> Result<()> {
    make(keep)?;
    for part in PARTS {
        let (from, to, kept) = (next.join(part), dir.join(part), keep.join(part));
        let renamed = |error| failed("rename", &to, &error);
        fault(faults, "exchange", &to)?;
        // Where the new one is gone from `next`, it is in its place already.
        let is_old = if new.iter().any(|name| name == part) {
            exists(&from)?
        } else {
            !exists(&kept)?
        };
        if is_old && exists(&to)? && !exists(&kept)? {
            if part == FORMAT {
                // There is a marker at every moment: the new one replaces it in one step.
                fs::hard_link(&to, &kept).map_err(renamed)?;
            } else {
                fs::rename(&to, &kept).map_err(renamed)?;
            }
        }
        fault(faults, "exchange", &to)?;
        if exists(&from)? {
            fs::rename(&from, &to).map_err(renamed)?;
        }
    }
    sync_directory(keep)?;
    sync_directory(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    fn content(dir: &Path) -> Vec<Option<String>> {
        let read = |part| fs::read_to_string(dir.join(part)).ok();
        [FORMAT, BASE, LOG].map(read).into()
    }

    #[test]
    fn an_exchange_that_is_cut_anywhere_is_ended_or_never_was() {
        let text = |words: [&str; 2]| words.map(|word| Some(word.to_owned())).to_vec();
        let old = [text(["f1", "b1"]), vec![None]].concat();
        let new = vec![Some("f2".to_owned()), None, Some("l2".to_owned())];
        let mut cuts = 0;
        for cut in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path();
            fs::write(dir.join(FORMAT), "f1").unwrap();
            fs::write(dir.join(BASE), "b1").unwrap();
            let building = begin(dir).unwrap();
            fs::write(building.join(FORMAT), "f2").unwrap();
            fs::write(building.join(LOG), "l2").unwrap();
            fs::create_dir(building.join(ENGINE)).unwrap();
            let seen = Rc::new(Cell::new(0));
            let counting = Rc::clone(&seen);
            let faults: Faults = Rc::new(move |_| {
                counting.set(counting.get() + 1);
                if counting.get() == cut {
                    return Err(std::io::ErrorKind::StorageFull.into());
                }
                Ok(())
            });
            let keep = place_for_damaged(dir, "now").unwrap();
            let done = commit(dir, &keep, &faults);
            assert!(dir.join(FORMAT).exists());
            let nothing: Faults = Rc::new(|_| Ok(()));
            let decided = cut != 1;
            assert_eq!(finish(dir, &nothing).unwrap(), done.is_err() && decided);
            assert_eq!(content(dir), if decided { &new } else { &old }[..], "{cut}");
            if decided {
                assert_eq!(content(&dir.join(&keep)), old, "{cut}");
                assert_eq!(place_for_damaged(dir, "now").unwrap(), "damaged-now-2");
            }
            assert!(!dir.join(NEXT).exists());
            if done.is_ok() && cut > 0 {
                cuts = cut;
                break;
            }
        }
        assert!(cuts > 8, "{cuts}");
    }

    #[test]
    fn a_place_that_cannot_be_understood_is_set_aside() {
        let whole = format!("old\n{FORMAT}\n{ENGINE}\n{LOG}\n");
        let places: [&[u8]; 9] = [
            b"",
            b"\xff\xfe",
            b"\0\0\0\0",
            b"old\n",
            b"old\nFORMAT\nsled\n",
            b"old\nFORMAT\nmirror.log\n",
            b"old\nFORMAT\nsled\nmirror.log\nmore\n",
            b"../elsewhere\nFORMAT\nsled\nmirror.log\n",
            whole.as_bytes().strip_suffix(b"\n").unwrap(),
        ];
        let nothing: Faults = Rc::new(|_| Ok(()));
        for place in places.map(Some).into_iter().chain([None]) {
            let dir = tempfile::tempdir().unwrap();
            let (dir, next) = (dir.path(), dir.path().join(NEXT));
            fs::create_dir_all(dir.join(ENGINE)).unwrap();
            fs::write(dir.join(FORMAT), "f1").unwrap();
            fs::write(dir.join(LOG), "l1").unwrap();
            fs::create_dir(&next).unwrap();
            fs::write(next.join(LOG), "l2").unwrap();
            if let Some(place) = place {
                fs::write(next.join(PLACE), place).unwrap();
            }
            for _ in 0..2 {
                assert!(!finish(dir, &nothing).unwrap());
                assert!(dir.join(ENGINE).exists(), "{place:?}");
                assert_eq!(content(dir)[2].as_deref(), Some("l1"), "{place:?}");
                assert!(dir.join("damaged-next").join(LOG).exists());
                assert!(!is_open(dir));
            }
        }
    }

    #[test]
    fn files_in_the_place_of_directories_stop_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        for name in [NEXT, OLD, BUILDING] {
            fs::write(dir.join(name), "x").unwrap();
        }
        let nothing: Faults = Rc::new(|_| Ok(()));
        assert!(!finish(dir, &nothing).unwrap());
        assert!(begin(dir).unwrap().is_dir());
        assert!(dir.join("damaged-next").is_file());
        assert!(!is_open(dir));
    }
}
