//! A shift without a check between its steps, as the command line makes it.

use super::super::confirm::nothing_to_confirm;
use super::super::options::ChangeOptions;
use super::super::report::Report;
use super::super::session::Session;
use super::super::shares::Weights;
use super::super::wait::{Attend, News};
use super::{Moves, Shift, ShiftOptions, step_options};
use crate::error::Result;
use crate::model::{ServerKey, ServiceKey, SnapshotId};

impl Session {
    /// Moves a service's new connections from some servers to others in steps, each a commit of
    /// its own; gives the last snapshot that it made. A dry session does not wait.
    ///
    /// # Errors
    /// As [`Session::prepare_shift`] and [`Shift::carry_out`].
    pub fn shift(
        &mut self,
        service: ServiceKey,
        (from, to): (&[ServerKey], &[ServerKey]),
        options: &ShiftOptions,
        change: &ChangeOptions,
        attend: &mut dyn Attend,
    ) -> Result<Option<SnapshotId>> {
        if change.confirm.is_some() {
            let because = "its commits stand while it waits between them";
            return Err(nothing_to_confirm("shift", because));
        }
        let shift = self.prepare_shift(service, (from, to), options, change.adopt)?;
        for note in shift.notes(self)? {
            attend.tell(News::Note(&note));
        }
        let snapshot = shift.carry_out(&mut Unchecked {
            session: self,
            shift: &shift,
            options,
            change,
            attend,
        })?;
        if snapshot.is_none() || !self.is_dry() {
            attend.tell(News::Done(&shift.ended(snapshot)));
        }
        Ok(snapshot)
    }
}

struct Unchecked<'a> {
    session: &'a mut Session,
    shift: &'a Shift,
    options: &'a ShiftOptions,
    change: &'a ChangeOptions,
    attend: &'a mut dyn Attend,
}

impl Moves for Unchecked<'_> {
    fn weigh(
        &mut self,
        weights: &Weights,
        message: String,
        before: Option<&Report>,
    ) -> Result<Report> {
        let change = step_options(self.change, message);
        let service = self.shift.service;
        let report = self.session.weigh(service, weights, &change, before)?;
        self.attend.tell(News::Change(&report));
        Ok(report)
    }

    fn pause(&mut self, percent: u32, is_last: bool) -> Result<()> {
        if is_last || self.options.pause.is_zero() {
            return Ok(());
        }
        if self.session.is_dry() {
            let seconds = self.options.pause.as_secs_f64();
            let line = format!("would wait {seconds} seconds at {percent} %");
            self.attend.tell(News::Would(&line));
            return Ok(());
        }
        let progress = self.session.director().progress();
        let what = format!("{} at {percent} %", self.shift.service);
        super::super::wait::pause(&what, self.options.pause, &*progress)?;
        self.session.refresh();
        Ok(())
    }
}
