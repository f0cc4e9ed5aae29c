//! Taking the place of ipvsadm's programs, on request only, and giving it back.
//!
//! Layer 3; may import `error`, `ipvsadm` (the names). The three programs become links to ours.
//! Each file that is in the way is kept beside its link, under its own inode, so that giving the
//! place back restores owner, mode and times as they were; the link takes the place in one step,
//! so that there is an ipvsadm at every moment. Where dpkg is, it is told by diversions of its
//! own: a package that is installed, upgraded or removed meanwhile finds its files where they are
//! kept, and the links stay. What was done is written down before it is done, so that what was
//! cut short is completed or taken back by the next call. Source of truth: dpkg-divert(1),
//! link(2), rename(2).

mod dpkg;
mod files;
mod link;
mod program;
mod record;
mod survey;

use std::path::{Path, PathBuf};

pub use dpkg::Diversion;
pub use files::KEPT;
use files::{failed, within};
pub use program::program;
pub use record::{Link, RECORD, Record};

use crate::error::{Error, Kind, Result};
use dpkg::Dpkg;
use link::Stand;

/// A file system in which ipvsadm's place is taken or given back.
#[derive(Debug)]
pub struct Dropin {
    root: PathBuf,
    dpkg: Option<Dpkg>,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The place is taken, or would be.
    Taken(Record),
    /// It was before.
    AlreadyTaken(Record),
    /// The place is given back, or would be.
    GivenBack(Record),
    /// It was never taken.
    NotTaken,
}

/// One thing that is done and can be undone; doing it again changes nothing.
enum Step<'r> {
    Divert(&'r Diversion),
    Link(&'r Link),
}

impl Dropin {
    /// The file system below a directory: `/`, or that of an image.
    pub fn below(root: &Path) -> Dropin {
        Dropin {
            root: root.to_owned(),
            dpkg: Dpkg::of(root),
        }
    }

    /// Makes ipvsadm's names links to a program (its path within the file system), or says what
    /// that would do.
    ///
    /// # Errors
    /// `state` where something is not as it was left, or belongs to somebody else; `undone` where
    /// it failed half-way and was taken back; `undo_failed`; `not_permitted` or `system`.
    pub fn take(&self, program: &Path, plan_only: bool) -> Result<Outcome> {
        let record = match Record::read(&self.root)? {
            Some(record) => {
                self.check(&record)?;
                if record.program != program {
                    return Err(Error::new(
                        Kind::State,
                        format!("the links lead to {} already", record.program.display()),
                    )
                    .object(program.display())
                    .attempt("cannot take ipvsadm's place")
                    .hint("give it back first: ipvsh install-dropin --undo"));
                }
                if self.is_complete(&record)? {
                    return Ok(Outcome::AlreadyTaken(record));
                }
                record
            }
            None => survey::survey(&self.root, self.dpkg.as_ref(), program)?,
        };
        if !plan_only {
            record.write(&self.root)?;
            self.carry_out(&record, true)?;
        }
        Ok(Outcome::Taken(record))
    }

    /// Puts back what [`Dropin::take`] found, or says what that would do.
    ///
    /// # Errors
    /// As [`Dropin::take`].
    pub fn give_back(&self, plan_only: bool) -> Result<Outcome> {
        let Some(record) = Record::read(&self.root)? else {
            return Ok(Outcome::NotTaken);
        };
        self.check(&record)?;
        // What dpkg keeps came or went with its package.
        let mut now = record.clone();
        for link in &mut now.links {
            link.kept = link.kept_now(&self.root, &record)?.into_iter().next();
        }
        if !plan_only {
            self.carry_out(&record, false)?;
        }
        Ok(Outcome::GivenBack(now))
    }

    /// Refuses where anything is not as it was left, and names all of it.
    fn check(&self, record: &Record) -> Result<()> {
        let mut problems = Vec::new();
        for link in &record.links {
            if let Stand::Strange(error) = link.stand(&self.root, record)? {
                problems.push(error);
            }
        }
        for diversion in &record.diversions {
            if let dpkg::Stand::Strange(error) = self.dpkg()?.stand(diversion)? {
                problems.push(error);
            }
        }
        let mut problems = problems.into_iter();
        match problems.next() {
            None => Ok(()),
            Some(first) => Err(first.beside(problems)),
        }
    }

    fn is_complete(&self, record: &Record) -> Result<bool> {
        for link in &record.links {
            if !matches!(link.stand(&self.root, record)?, Stand::Taken) {
                return Ok(false);
            }
        }
        for diversion in &record.diversions {
            if !matches!(self.dpkg()?.stand(diversion)?, dpkg::Stand::Made) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Does all steps, or undoes them; what fails in the middle is taken back.
    fn carry_out(&self, record: &Record, forth: bool) -> Result<()> {
        // dpkg knows of the files before they move, and until they are back.
        let diversions = record.diversions.iter().map(Step::Divert);
        let mut steps: Vec<Step> = diversions
            .chain(record.links.iter().map(Step::Link))
            .collect();
        if !forth {
            steps.reverse();
        }
        for (done, step) in steps.iter().enumerate() {
            if let Err(error) = self.step(step, record, forth) {
                let done = steps.iter().take(done + 1).rev();
                return Err(self.back(done, record, forth, error));
            }
        }
        match forth {
            true => Ok(()),
            false => Record::remove(&self.root),
        }
    }

    /// Takes back what was done before a step failed.
    fn back<'s, 'r: 's>(
        &self,
        done: impl Iterator<Item = &'s Step<'r>>,
        record: &Record,
        forth: bool,
        error: Error,
    ) -> Error {
        let mut failed = Vec::new();
        for step in done {
            failed.extend(self.step(step, record, !forth).err());
        }
        if forth && failed.is_empty() {
            failed.extend(Record::remove(&self.root).err());
        }
        if failed.is_empty() {
            return error
                .with_kind(Kind::Undone)
                .hint("nothing changed: every step before it was undone");
        }
        error
            .with_kind(Kind::UndoFailed)
            .beside(failed)
            .leftover(match forth {
                true => "ipvsh install-dropin --undo",
                false => "ipvsh install-dropin",
            })
    }

    fn step(&self, step: &Step<'_>, record: &Record, forth: bool) -> Result<()> {
        match (step, forth) {
            (Step::Divert(diversion), true) => self.dpkg()?.divert(diversion),
            (Step::Divert(diversion), false) => self.dpkg()?.undivert(diversion),
            (Step::Link(link), true) => link.take(&self.root, record),
            (Step::Link(link), false) => link.give_back(&self.root, record),
        }
    }

    /// dpkg, where the record says that it was told.
    fn dpkg(&self) -> Result<&Dpkg> {
        self.dpkg.as_ref().ok_or_else(|| {
            Error::new(Kind::Unsupported, "it is no longer here")
                .object("dpkg-divert")
                .hint("what was diverted can only be undone with it")
        })
    }
}
