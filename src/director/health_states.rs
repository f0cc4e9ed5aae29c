//! The checks as commands see them: what they found, and the daemon that runs them.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::health::{Finding, Knowledge, Report, State, Target};
use crate::model::Check;
use crate::probe;
use crate::runtime::{
    self, Answer, FRESH, Heartbeat, Request, RuntimeDir, has_state, place_of, ready_since,
    remember_ready, starting_state,
};
use crate::store::DatabaseKind;

/// What a command knows of the checks and of the daemon that runs them, and what it asks of both.
pub trait HealthStates {
    /// What is known now.
    fn knowledge(&self) -> Knowledge;

    /// How long ago the daemon's scheduler last ran; none where no daemon runs.
    fn heartbeat(&self) -> Option<Duration> {
        None
    }

    /// Returns true if a daemon runs: its scheduler ran less than [`FRESH`] ago.
    fn has_daemon(&self) -> bool {
        self.heartbeat().is_some_and(|age| age < FRESH)
    }

    /// Where the daemon and the commands meet; none where there is no such place.
    fn runtime_dir(&self) -> Option<&RuntimeDir> {
        None
    }

    /// Returns true if a daemon runs and answers.
    fn answers(&self) -> bool {
        false
    }

    /// What the daemon knows of all checks; none where no daemon answers.
    fn report(&self) -> Option<Report> {
        None
    }

    /// Returns true if a daemon left a state that is still valid or cannot be read.
    fn has_state(&self) -> bool {
        false
    }

    /// When this director was first ready since the machine booted; none where it was not yet.
    fn ready_since(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// Notes that this director is ready, for [`HealthStates::ready_since`].
    ///
    /// # Errors
    /// `not_permitted`, `system`.
    fn remember_ready(&self, _: DateTime<Utc>) -> Result<()> {
        Ok(())
    }

    /// Tells the daemon, where one runs, that the head is another one.
    fn poke(&self) {}

    /// Runs checks once, in their order; none where nothing is to be run here.
    fn run_once(&self, _: &[(Check, Target)]) -> Option<Vec<Finding>> {
        None
    }
}

/// No daemon ever ran: every server is up.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoChecks;

impl HealthStates for NoChecks {
    fn knowledge(&self) -> Knowledge {
        Knowledge::Known(State::default())
    }
}

/// The state of the checks of a database on disk, as its daemon writes it.
#[derive(Debug, Clone)]
pub struct StateOnDisk {
    /// Where the daemon and the commands meet.
    pub dir: RuntimeDir,
    /// The database's directory.
    pub database: PathBuf,
    /// What the database is for.
    pub kind: DatabaseKind,
}

impl HealthStates for StateOnDisk {
    fn knowledge(&self) -> Knowledge {
        // Most hosts never ran a daemon: every command would ask /proc where it is, for nothing.
        if !has_state(&self.dir, &self.database) {
            return Knowledge::Known(State::default());
        }
        let read = place_of(self.kind).and_then(|place| {
            let now = SystemClock.utc();
            starting_state(&self.dir, &self.database, &place, now)
        });
        match read {
            Ok(starting) => Knowledge::Known(starting.state),
            Err(error) => Knowledge::Unreadable(error.message()),
        }
    }

    fn heartbeat(&self) -> Option<Duration> {
        Heartbeat::age(&self.dir)
    }

    fn runtime_dir(&self) -> Option<&RuntimeDir> {
        Some(&self.dir)
    }

    fn answers(&self) -> bool {
        self.has_daemon() && runtime::ask(&self.dir, &Request::State).is_ok()
    }

    fn report(&self) -> Option<Report> {
        if !self.has_daemon() {
            return None;
        }
        match runtime::ask(&self.dir, &Request::Report).ok()? {
            Answer::Data(report) => serde_json::from_value(report).ok(),
            Answer::Done => None,
        }
    }

    fn has_state(&self) -> bool {
        has_state(&self.dir, &self.database)
    }

    fn ready_since(&self) -> Option<DateTime<Utc>> {
        match self.kind {
            DatabaseKind::Linux => ready_since(&self.dir, &place_of(self.kind).ok()?),
            // The simulated kernel never boots: what it was says nothing.
            DatabaseKind::Sim => None,
        }
    }

    fn remember_ready(&self, now: DateTime<Utc>) -> Result<()> {
        match self.kind {
            DatabaseKind::Linux => remember_ready(&self.dir, &place_of(self.kind)?, now),
            DatabaseKind::Sim => Ok(()),
        }
    }

    fn poke(&self) {
        if self.has_daemon() {
            // A daemon that does not hear it looks by itself within a second.
            let _ = runtime::ask(&self.dir, &Request::Poke);
        }
    }

    fn run_once(&self, runs: &[(Check, Target)]) -> Option<Vec<Finding>> {
        match self.kind {
            DatabaseKind::Linux => probe::run_now(runs).ok(),
            DatabaseKind::Sim => None,
        }
    }
}
