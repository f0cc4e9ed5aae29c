//! Writing transitions: the state first, then the kernel, both under the lock of the kernel.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Setup;
use crate::clock::SystemClock;
use crate::director::{Director, Written};
use crate::error::{Error, Kind, Result};
use crate::health::{Now, Overlay, Situation, State, Target, covered_servers};
use crate::model::{EntryKey, MaintenanceKey, Ruleset};
use crate::runtime::StateFile;
use crate::store::{KernelLock, SledStores, Stores};

/// How long until a failed write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How long until a lock that another process holds is asked for again.
const BUSY: Duration = Duration::from_millis(20);

/// A wait for the lock that is longer is told.
const LONG: Duration = Duration::from_secs(1);

/// Writes the state and the kernel.
pub(super) struct Writer {
    stores: SledStores,
    director: Director,
    share: Rc<dyn Fn() -> Result<()>>,
    state: StateFile,
    /// Servers that are written whatever changed: at the start, all that are not up or were not; after
    /// a failure, all that it was about.
    outstanding: BTreeSet<Target>,
    /// The moment by which maintenance was looked at when the kernel was last written.
    written_at: DateTime<Utc>,
    retry_at: Option<Duration>,
    busy_since: Option<Duration>,
    is_told_busy: bool,
}

/// What became of an attempt to take the lock.
pub(super) enum Locked {
    /// It is held until this is dropped.
    Taken(KernelLock),
    /// Another process holds it; the sentence is to be told, where there is one.
    Busy(Option<String>),
}

impl Writer {
    pub(super) fn new(setup: Setup, state: StateFile, written_at: DateTime<Utc>) -> Writer {
        let both = [state.state(), state.kernel()];
        let outstanding = both.iter().flat_map(|state| state.servers.keys().copied());
        let outstanding = outstanding.collect();
        Writer {
            // The scheduler never waits: it tries again.
            stores: setup.stores.waiting(Duration::ZERO),
            director: setup.director,
            share: setup.share,
            state,
            outstanding,
            written_at,
            retry_at: None,
            busy_since: None,
            is_told_busy: false,
        }
    }

    /// What the state file says.
    pub(super) fn state(&self) -> &State {
        self.state.state()
    }

    /// When there is something to try again.
    pub(super) fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Returns true if there is something to write, and it is time to.
    pub(super) fn is_due(&mut self, has_news: bool, now: Duration) -> bool {
        if !has_news && self.outstanding.is_empty() {
            // What waited was taken back meanwhile.
            (self.retry_at, self.busy_since) = (None, None);
            return false;
        }
        self.retry_at.is_none_or(|at| at <= now)
    }

    /// Has the next attempt made at once.
    pub(super) fn again(&mut self, now: Duration) {
        self.retry_at = Some(now);
    }

    /// The maintenance that ended since the kernel was last written.
    pub(super) fn ended_maintenance(
        &self,
        rules: &Ruleset,
        now: DateTime<Utc>,
    ) -> Vec<MaintenanceKey> {
        let all = rules.settings.maintenance();
        let ended = all.filter(|(_, one)| one.is_over(now) && !one.is_over(self.written_at));
        ended.map(|(key, _)| key).collect()
    }

    /// Servers that stand elsewhere than what the kernel was last written by.
    fn differing(&self, wanted: &State) -> BTreeSet<Target> {
        let written = self.state.kernel();
        let stands = |state: &State, target: &Target| -> Option<Situation> {
            state.servers.get(target).map(|one| one.situation)
        };
        let all = written.servers.keys().chain(wanted.servers.keys());
        all.filter(|target| stands(written, target) != stands(wanted, target))
            .copied()
            .collect()
    }

    /// Takes the lock of the kernel if it is free.
    ///
    /// # Errors
    /// `not_permitted`, `system`.
    pub(super) fn lock(&mut self, now: Duration) -> Result<Locked> {
        match self.stores.lock_kernel() {
            Ok(lock) => {
                (self.busy_since, self.is_told_busy) = (None, false);
                Ok(Locked::Taken(lock))
            }
            Err(error) if error.kind() == Kind::Busy => {
                self.retry_at = Some(now + BUSY);
                let since = *self.busy_since.get_or_insert(now);
                let is_long = now.saturating_sub(since) >= LONG;
                let told = (is_long && !self.is_told_busy).then(|| error.to_string());
                self.is_told_busy |= told.is_some();
                Ok(Locked::Busy(told))
            }
            Err(error) => {
                self.retry_at = Some(now + RETRY);
                Err(error)
            }
        }
    }

    /// Takes over what other processes changed in a simulated kernel, or shares what this one changed;
    /// without the lock of the kernel, which those processes may wait for.
    ///
    /// # Errors
    /// As the file of the simulated kernel cannot be read or written.
    pub(super) fn share(&mut self, now: Duration) -> Result<()> {
        (self.share)().inspect_err(|_| self.retry_at = Some(now + RETRY))
    }

    /// Writes a state, and the kernel by it, where they differ, for these servers, and for those whose
    /// maintenance ended. The caller holds the lock.
    ///
    /// # Errors
    /// As the state file or the kernel cannot be written; it is to be tried again.
    pub(super) fn write(
        &mut self,
        rules: &Ruleset,
        wanted: &State,
        mut targets: BTreeSet<Target>,
        now: Now,
    ) -> Result<Written> {
        targets.extend(self.differing(wanted));
        targets.extend(self.outstanding.iter().copied());
        let ended = self.ended_maintenance(rules, now.utc);
        targets.extend(
            covered_servers(rules, &ended).filter_map(|entry| match entry {
                EntryKey::Server(service, server) => Some(Target { service, server }),
                _ => None,
            }),
        );
        match self.attempt(rules, wanted, &targets, now.utc) {
            Ok(written) => {
                self.outstanding.clear();
                (self.retry_at, self.written_at) = (None, now.utc);
                Ok(written)
            }
            Err(error) => {
                // What was sent of it is not known.
                self.outstanding = targets;
                self.retry_at = Some(now.monotonic + RETRY);
                Err(error)
            }
        }
    }

    fn attempt(
        &mut self,
        rules: &Ruleset,
        wanted: &State,
        targets: &BTreeSet<Target>,
        now: DateTime<Utc>,
    ) -> Result<Written> {
        // Of the others an earlier daemon, or an earlier attempt, may have written the kernel.
        let is_first = |target: &Target| {
            !self.state.state().servers.contains_key(target) && !self.outstanding.contains(target)
        };
        let first: BTreeSet<Target> = targets.iter().copied().filter(is_first).collect();
        self.state.write(wanted, &SystemClock)?;
        // A clock that was set back ends no maintenance a second time.
        let before = Overlay::new(self.state.kernel().clone(), self.written_at.min(now));
        let after = Overlay::new(wanted.clone(), now);
        let mut written = self
            .director
            .write_overlay(rules, (&before, &after), targets)?;
        written.found_out.retain(|target| first.contains(target));
        self.remember(&written.found_out, wanted)?;
        self.state.kernel_written(&SystemClock)?;
        Ok(written)
    }

    /// Writes down which servers were out before the daemon took them out.
    fn remember(&mut self, found_out: &[Target], wanted: &State) -> Result<()> {
        if found_out.is_empty() {
            return Ok(());
        }
        let mut state = wanted.clone();
        for target in found_out {
            if let Some(deviation) = state.servers.get_mut(target) {
                deviation.taken_out_by_hand = true;
            }
        }
        self.state.write(&state, &SystemClock)
    }

    /// Has the copy of the state written where that is due.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn copy(&mut self) -> Result<()> {
        self.state.copy(&SystemClock)
    }

    /// Writes the copy for the last time.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn close(self) -> Result<(), Error> {
        self.state.close(&SystemClock)
    }
}
