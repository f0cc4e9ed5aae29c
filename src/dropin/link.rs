//! One of ipvsadm's names: a link to our program, and the file that was there kept beside it.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::record::{Link, RECORD, Record, sync_parent};
use super::{failed, within};
use crate::error::{Error, Kind, Result};

/// What a link is called before it is in its place.
const NEW: &str = ".ipvsh-new";

/// How things stand with a link.
#[derive(Debug)]
pub(super) enum Stand {
    /// It is there, and so is what is kept.
    Taken,
    /// The file is kept, the link is not there.
    Kept(PathBuf),
    /// Nothing was done, or all of it undone.
    Before,
    /// It is not as it was left.
    Strange(Error),
}

impl Link {
    /// Looks how things stand.
    pub(super) fn stand(&self, root: &Path, record: &Record) -> Result<Stand> {
        let here = look(&within(root, &self.path))?;
        let is_ours = here.as_ref().is_some_and(Metadata::is_symlink)
            && fs::read_link(within(root, &self.path)).is_ok_and(|to| to == record.program);
        let kept = self.kept_now(root, record)?;
        if kept.len() > 1 {
            let names: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
            let cause = format!("two files are kept for it: {}", names.join(" and "));
            return Ok(Stand::Strange(self.strange(&cause)));
        }
        let kept = kept.into_iter().next();
        let is_diverted = record.diversions_of(self).next().is_some();
        Ok(match (is_ours, kept, here) {
            // What dpkg keeps comes and goes with its package.
            (true, None, _) if self.kept.is_some() && !is_diverted => {
                Stand::Strange(self.strange("the file that was kept for it is gone"))
            }
            (true, ..) => Stand::Taken,
            (false, Some(kept), None) => Stand::Kept(kept),
            (false, Some(kept), Some(here)) => match look(&within(root, &kept))? {
                Some(its) if (its.dev(), its.ino()) == (here.dev(), here.ino()) => {
                    Stand::Kept(kept)
                }
                _ => Stand::Strange(
                    self.strange("somebody put another file there")
                        .hint(format!("the one from before is {}", kept.display()))
                        .hint("where the new one is right: remove the other, then try again"),
                ),
            },
            (false, None, Some(_)) if self.kept.is_none() => {
                Stand::Strange(self.strange("somebody put a file there, where there was none"))
            }
            (false, None, None) if self.kept.is_some() && !is_diverted => Stand::Strange(
                self.strange("neither it nor the file that was kept for it is there"),
            ),
            (false, None, _) => Stand::Before,
        })
    }

    /// The places of a kept file that hold one now.
    pub(super) fn kept_now(&self, root: &Path, record: &Record) -> Result<Vec<PathBuf>> {
        let diverted = record.diversions_of(self).map(|diversion| &diversion.to);
        let mut places: Vec<&PathBuf> = self.kept.iter().chain(diverted).collect();
        places.sort();
        places.dedup();
        let mut there = Vec::new();
        for place in places {
            if look(&within(root, place))?.is_some() {
                there.push(place.clone());
            }
        }
        Ok(there)
    }

    fn strange(&self, cause: &str) -> Error {
        let path = self.path.display();
        Error::new(Kind::State, format!("it is not as ipvsh left it: {cause}"))
            .object(&path)
            .hint(format!(
                "look: ls -l {path}*; what was done is written down in {}",
                RECORD
            ))
    }

    /// Makes the link, in one step; the file that is there is kept first.
    pub(super) fn take(&self, root: &Path, record: &Record) -> Result<()> {
        let path = within(root, &self.path);
        match self.stand(root, record)? {
            Stand::Taken => return Ok(()),
            Stand::Strange(error) => return Err(error),
            Stand::Before if look(&path)?.is_some() => {
                if let Some(kept) = &self.kept {
                    let kept = within(root, kept);
                    // A second name of the same file: its place is never empty.
                    fs::hard_link(&path, &kept).map_err(|e| failed("cannot make", &kept, &e))?;
                }
            }
            Stand::Before | Stand::Kept(_) => {}
        }
        let new = beside(&path, NEW);
        // What a run that was cut short left behind.
        let _ = fs::remove_file(&new);
        symlink(&record.program, &new).map_err(|e| failed("cannot make", &new, &e))?;
        fs::rename(&new, &path)
            .and_then(|()| sync_parent(&path))
            .map_err(|error| {
                let _ = fs::remove_file(&new);
                failed("cannot replace", &path, &error)
            })
    }

    /// Puts the file back that was kept; without one the link goes.
    pub(super) fn give_back(&self, root: &Path, record: &Record) -> Result<()> {
        let path = within(root, &self.path);
        let _ = fs::remove_file(beside(&path, NEW));
        let kept = match self.stand(root, record)? {
            Stand::Before => return Ok(()),
            Stand::Strange(error) => return Err(error),
            Stand::Kept(kept) => Some(kept),
            Stand::Taken => self.kept_now(root, record)?.into_iter().next(),
        };
        let done = match kept.map(|kept| within(root, &kept)) {
            None => fs::remove_file(&path),
            // rename(2) does nothing between two names of one file.
            Some(kept) => fs::rename(&kept, &path).and_then(|()| match look(&kept) {
                Ok(Some(_)) => fs::remove_file(&kept),
                _ => Ok(()),
            }),
        };
        done.and_then(|()| sync_parent(&path))
            .map_err(|e| failed("cannot put back", &path, &e))
    }
}

/// What is at a path, itself and not where it leads.
pub(super) fn look(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("cannot look at it", path, &error)),
    }
}

/// A path whose last part is longer.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut text = OsString::from(path);
    text.push(ending);
    PathBuf::from(text)
}
