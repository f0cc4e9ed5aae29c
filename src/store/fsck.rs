//! Checking a database without changing it, and repairing it.
//!
//! A check looks at every file, and reads everything in a copy: opening sled writes. A repair makes
//! a new database of all that verifies (`salvage`), reads it back, and exchanges it in one step
//! (`swap`); the damaged files are kept beside it, in `damaged-TIME`.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::address::damaged;
use super::directory::{self, FORMAT, Identity, LOCK, close_to_others};
use super::files::BESIDE;
use super::history::History;
use super::intent::{self, INTENT};
use super::lock::{Lock, Witness};
use super::mirror::{self, BASE, LOG};
use super::notice::NOTICE;
use super::salvage::{self, Losses};
use super::scratch::{SCRATCH, Scratch};
use super::table::{ENGINE, Table};
use super::{SledStores, Store, Stores, no_database, place, rebuild, swap};
use crate::error::{Error, Kind, Result};
use crate::model::{Event, SnapshotId};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// The directory.
    pub directory: PathBuf,
    /// The program that made the database, where its marker says.
    pub made_by: Option<String>,
    /// Every file below the directory, with its bytes.
    pub files: Vec<(String, u64)>,
    /// What the database holds, where it can be opened.
    pub counts: Option<Counts>,
    /// The snapshot that the mirror holds, where it is whole and holds one.
    pub mirror: Option<SnapshotId>,
    /// Directories with damaged files that earlier repairs kept.
    pub kept: Vec<String>,
    /// What is worth knowing and no damage.
    pub notes: Vec<String>,
    /// What is wrong; nothing where the database is whole.
    pub problems: Vec<String>,
}

/// How much a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Snapshots.
    pub snapshots: usize,
    /// The newest of them.
    pub head: Option<SnapshotId>,
    /// Tags.
    pub tags: usize,
    /// Events.
    pub events: usize,
    /// Pieces of rulesets that verify, shared by all snapshots.
    pub nodes: usize,
    /// How many times it was written.
    pub writes: u64,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Where the damaged files are now; `None` where only rights were put right.
    pub kept: Option<PathBuf>,
    /// What could not be saved.
    pub losses: Losses,
    /// The database as it is now.
    pub now: Checkup,
}

impl Checkup {
    /// Says whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

impl SledStores {
    /// Looks at every file and reads everything; changes nothing, but for an exchange of files that
    /// a crash interrupted, which it ends.
    ///
    /// # Errors
    /// `not_found` where there is no database; `damaged` for one of another kind or format;
    /// `busy`, `not_permitted`, `system`.
    pub fn check(&self) -> Result<Checkup> {
        self.with_lock(|_| self.examine())
    }

    /// Repairs what is wrong; the damaged files are kept.
    ///
    /// # Errors
    /// As [`SledStores::check`]; nothing is changed then, unless a hint says that it stands.
    pub fn repair(&self, time: DateTime<Utc>) -> Result<Repaired> {
        self.with_lock(|lock| {
            close_to_others(&self.dir)?;
            let (kept, losses) = match self.examine()?.is_whole() {
                true => (None, Losses::default()),
                false => self.rebuild(lock, time)?,
            };
            let now = self.examine().map_err(swap::stands)?;
            match now.problems.first() {
                None => Ok(Repaired { kept, losses, now }),
                Some(problem) => Err(swap::stands(damaged(format!(
                    "it is not whole after the repair: {problem}"
                )))),
            }
        })
    }

    fn with_lock<T>(&self, work: impl FnOnce(&Lock) -> Result<T>) -> Result<T> {
        let named = |error: Error| error.of_database(self.location());
        if directory::identify(&self.dir, self.kind).map_err(named)? == Identity::Nothing {
            return Err(no_database(&self.location()));
        }
        let patience = self.patience();
        let lock = Lock::acquire(&self.dir, &patience)?;
        swap::finish(&self.dir, &self.faults).map_err(named)?;
        work(&lock).map_err(named)
    }

    fn examine(&self) -> Result<Checkup> {
        let (files, mut problems) = directory::inspect(&self.dir, &is_ours)?;
        let mut made_by = None;
        match directory::identify(&self.dir, self.kind)? {
            Identity::Marked(marker) => made_by = Some(marker.writer),
            Identity::Unmarked(why) => problems.push(why.to_owned()),
            Identity::Nothing => problems.push("FORMAT is missing".to_owned()),
        }
        let mut notes = Vec::new();
        if let Some((parent, mode)) = place::open_parent(&self.dir) {
            notes.push(format!(
                "every user can put another directory in its place: {} has mode {mode:o}",
                parent.display()
            ));
        }
        let kept = other_entries(&self.dir, &mut notes)?;
        let counts = note(&mut problems, "", self.read_copy(&mut notes))?;
        let (counts, found) = counts.unzip();
        problems.extend(found.unwrap_or_default());
        let held = note(
            &mut problems,
            "mirror: ",
            mirror::read_newest(&self.dir, self.kind),
        )?;
        let mirror = held.flatten().map(|held| held.head.snapshot.id);
        let head = counts.and_then(|counts: Counts| counts.head);
        // A commit that was cut off leaves the mirror a step ahead; the copy settled that.
        if problems.is_empty() && mirror < head {
            problems.push("mirror: it does not hold the head".to_owned());
        }
        Ok(Checkup {
            directory: self.dir.clone(),
            made_by,
            files,
            counts,
            mirror,
            kept,
            notes,
            problems,
        })
    }

    /// Reads everything in a copy, as the next command that writes would find it.
    fn read_copy(&self, notes: &mut Vec<String>) -> Result<(Counts, Vec<String>)> {
        if !self.dir.join(ENGINE).is_dir() {
            return Err(damaged(format!("its directory {ENGINE} is missing")));
        }
        let copy = Scratch::of(&self.dir, true)?;
        let patience = self.patience();
        let table = Table::open(copy.path(), &patience)?;
        let lock = Lock::acquire(copy.path(), &patience)?;
        let no_faults = Rc::new(|_: &'static str| Ok(()));
        let dir = copy.path().to_owned();
        let history = History::open(table, lock, dir, self.kind, true, no_faults)?;
        let mirror_is_whole = mirror::read_newest(&self.dir, self.kind).is_ok();
        // What is said of a damaged mirror is said as a problem.
        notes.extend(history.repairs().into_iter().filter(|_| mirror_is_whole));
        let (counts, problems) = history.examine()?;
        if let Ok(Some(intent)) = history.intent() {
            notes.push(format!(
                "the commit \"{}\" by {} did not finish: the next command that writes undoes it",
                intent.message, intent.author
            ));
        }
        Ok((counts, problems))
    }

    fn rebuild(&self, lock: &Lock, time: DateTime<Utc>) -> Result<(Option<PathBuf>, Losses)> {
        let finds = salvage::search(&self.dir)?;
        let witness = Witness::of(&self.dir);
        let (mut contents, nodes, losses) = finds.assemble(&self.dir, self.kind, witness)?;
        let moment = time.format("%Y-%m-%dT%H-%M-%S").to_string();
        let keep = swap::place_for_damaged(&self.dir, &moment)?;
        contents.events.push(Event {
            time,
            head: contents.manifest.head,
            message: format!(
                "the database was damaged and was rebuilt (ipvsh fsck --repair); {}",
                losses.sentence()
            ),
        });
        let building = swap::begin(&self.dir)?;
        let built = rebuild::build(&building, self.kind, &contents, &nodes);
        let manifest = built.inspect_err(|_| swap::abandon(&self.dir))?;
        swap::commit(&self.dir, &keep, &self.faults).inspect_err(|_| swap::abandon(&self.dir))?;
        lock.bear_witness(manifest.witness());
        if losses.intent {
            intent::move_to(&self.dir, &self.dir.join(&keep)).map_err(swap::stands)?;
        }
        Ok((Some(self.dir.join(keep)), losses))
    }
}

/// Takes a result apart: damage is a problem, anything else an error.
fn note<T>(problems: &mut Vec<String>, what: &str, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Kind::Damaged => {
            problems.push(format!("{what}{}", error.message()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Says whether a name in the directory is that of a part of the database.
fn is_ours(name: &str) -> bool {
    [FORMAT, LOCK, ENGINE, BASE, LOG, INTENT, NOTICE].contains(&name)
        || BESIDE.contains(&name)
        || name.starts_with(swap::DAMAGED)
}

/// What else stands in the directory: gives what repairs kept, and notes the rest.
fn other_entries(dir: &Path, notes: &mut Vec<String>) -> Result<Vec<String>> {
    let mut kept = Vec::new();
    let entries = std::fs::read_dir(dir).map_err(|error| directory::failed("read", dir, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(swap::DAMAGED) {
            kept.push(name);
        } else if is_ours(&name) {
            continue;
        } else if swap::is_ours(&name) || name == SCRATCH || name.ends_with(".new") {
            notes.push(format!(
                "{name} is left of something that was cut off; it does no harm"
            ));
        } else {
            notes.push(format!("{name} is not ipvsh's"));
        }
    }
    kept.sort();
    notes.sort();
    Ok(kept)
}
