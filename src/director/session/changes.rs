//! What a session commits, rolls back, restores, and what it remembers of that.

use super::super::confirm::Confirmed;
use super::super::options::ChangeOptions;
use super::super::report::{Outcome, Report};
use super::{Session, lost};
use crate::error::{Error, Kind, Result};
use crate::model::SnapshotName;
use crate::model::count;
use crate::model::remedy::DISCARD;

impl Session {
    /// Plans what a commit would do now.
    ///
    /// # Errors
    /// As [`Director::plan`](crate::director::Director::plan).
    pub fn plan(&mut self) -> Result<Report> {
        let candidate = self.candidate()?.clone();
        self.refresh();
        self.director.plan(&candidate, &self.defaults)
    }

    /// Commits the candidate and remembers the report.
    ///
    /// # Errors
    /// As [`Director::commit`](crate::director::Director::commit).
    pub fn commit(&mut self, options: &ChangeOptions) -> Result<Report> {
        self.settings()?;
        let mut candidate = self.candidate.take().ok_or_else(lost)?;
        self.refresh();
        let result = self.director.commit(&mut candidate, options);
        self.candidate = Some(candidate);
        self.remember(result)
    }

    /// Rolls back; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::rollback`](crate::director::Director::rollback).
    pub fn rollback(
        &mut self,
        name: Option<&SnapshotName>,
        options: &ChangeOptions,
    ) -> Result<Report> {
        self.refuse_staged("rollback")?;
        self.discard();
        let result = self.director.rollback(name, options);
        self.remember(result)
    }

    /// Undoes one snapshot; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::revert`](crate::director::Director::revert).
    pub fn revert(&mut self, name: &SnapshotName, options: &ChangeOptions) -> Result<Report> {
        self.refuse_staged("revert")?;
        self.discard();
        let result = self.director.revert(name, options);
        self.remember(result)
    }

    /// Restores the head; staged changes stay staged.
    ///
    /// # Errors
    /// As [`Director::restore`](crate::director::Director::restore).
    pub fn restore(&mut self, options: &ChangeOptions) -> Result<Report> {
        self.refresh();
        let result = self.director.restore(false, &options.unconditional());
        self.remember(result)
    }

    /// Adopts live objects; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::adopt`](crate::director::Director::adopt).
    pub fn adopt(&mut self, objects: &[String], options: &ChangeOptions) -> Result<Report> {
        self.refuse_staged("adopt")?;
        self.discard();
        let result = self
            .director
            .adopt(objects, false, &options.unconditional());
        self.remember(result)
    }

    /// Lets objects go; refused while changes are staged.
    ///
    /// # Errors
    /// `state`; as [`Director::forget`](crate::director::Director::forget).
    pub fn forget(&mut self, names: &[String], options: &ChangeOptions) -> Result<Report> {
        self.refuse_staged("forget")?;
        self.discard();
        let result = self.director.forget(names, &options.unconditional());
        self.remember(result)
    }

    /// Lets the head stand, which awaited confirmation; what is staged stays staged.
    ///
    /// # Errors
    /// As [`Director::confirm`](crate::director::Director::confirm).
    pub fn confirm(&mut self) -> Result<Confirmed> {
        self.director.confirm()
    }

    pub(in crate::director) fn refuse_staged(&self, what: &str) -> Result<()> {
        self.director.refuse_in_declaration(what)?;
        match self.staged_refusal() {
            None => Ok(()),
            Some(refusal) => Err(refusal.attempt(format!("cannot {what}"))),
        }
    }

    /// Makes room for another director's commit on the same history: this session starts anew from
    /// the head that it leaves.
    ///
    /// # Errors
    /// `state` where changes are staged.
    pub fn give_way(&mut self) -> Result<()> {
        match self.staged_refusal() {
            Some(refusal) => Err(refusal),
            None => {
                self.discard();
                Ok(())
            }
        }
    }

    /// Why nothing else can be committed now: changes are staged.
    fn staged_refusal(&self) -> Option<Error> {
        let staged = self.staged();
        (staged > 0).then(|| {
            Error::new(
                Kind::State,
                format!("{} staged and not committed", count(staged, "change")),
            )
            .hint(format!(
                "plan() shows them, commit() keeps them, {} drops them",
                DISCARD.call
            ))
        })
    }

    fn remember(&mut self, result: Result<Report>) -> Result<Report> {
        if let Ok(report) = &result
            && report.outcome != Outcome::Planned
        {
            self.reports.push(report.clone());
        }
        result
    }
}
