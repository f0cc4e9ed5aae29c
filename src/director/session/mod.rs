//! A script's or a prompt's working session: a director and the candidate on top of it.
//!
//! Here live and staged state meet: a service that the candidate lacks is looked for in the
//! kernel, and taken over as it stands when it is named without options or changed.

mod changes;
mod maintenance;
mod objects;

use std::collections::BTreeSet;

use super::Director;
use super::options::ChangeOptions;
use super::report::Report;
use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, Extent, Live, Ruleset, ServiceKey, SettingKey, Settings};
use crate::plan::{Change, HeldServers, between, described};

/// How many times services are looked up one by one, in the head or in the kernel, before all are.
const LOOKUPS: usize = 16;

/// A director, a candidate that is loaded when first needed, as far as it is needed, and what was
/// committed so far.
pub struct Session {
    director: Director,
    candidate: Option<Candidate>,
    live: Option<Live>,
    /// How often the head was read.
    lookups: usize,
    defaults: ChangeOptions,
    dry: bool,
    reports: Vec<Report>,
}

impl Session {
    /// A session whose commits take `defaults` where a call does not say otherwise.
    pub fn new(director: Director, defaults: ChangeOptions) -> Session {
        Session {
            director,
            candidate: None,
            live: None,
            lookups: 0,
            defaults,
            dry: false,
            reports: Vec::new(),
        }
    }

    /// A session on a simulator: every effect is shown, none is done.
    #[must_use]
    pub fn dry(mut self) -> Session {
        self.dry = true;
        self
    }

    /// Says whether effects are only shown.
    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// The director.
    pub fn director(&mut self) -> &mut Director {
        &mut self.director
    }

    /// The options that commits have by default.
    pub fn defaults(&self) -> &ChangeOptions {
        &self.defaults
    }

    /// The options for commits that stand by themselves: a drain's, a shift's.
    pub fn unconditional_defaults(&self) -> ChangeOptions {
        self.defaults.unconditional()
    }

    /// Lets commits remove as much as they are told to, or no longer.
    pub fn allow_removals(&mut self, allowed: bool) {
        self.defaults.allow_removals = allowed;
    }

    /// What was committed since this was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// The candidate, knowing all services of the head.
    ///
    /// # Errors
    /// As the store fails.
    pub fn candidate(&mut self) -> Result<&mut Candidate> {
        self.candidate_within(Extent::Whole)
    }

    /// The candidate, knowing a service of the head at least.
    ///
    /// # Errors
    /// As the store fails.
    pub fn candidate_with(&mut self, key: &ServiceKey) -> Result<&mut Candidate> {
        self.candidate_within(BTreeSet::from([*key]).into())
    }

    /// The candidate, of which only the marks, the timeouts and the sync daemons matter.
    ///
    /// # Errors
    /// As the store fails.
    pub fn settings(&mut self) -> Result<&mut Candidate> {
        self.candidate_within(Extent::nothing())
    }

    /// The candidate, knowing some services of the head at least. To open the database costs more
    /// than to read some services more: who asks often is given all.
    fn candidate_within(&mut self, extent: Extent) -> Result<&mut Candidate> {
        let lacks = match &self.candidate {
            Some(candidate) => candidate.extent().lacks(&extent),
            None => Some(extent),
        };
        if let Some(mut missing) = lacks {
            self.lookups += 1;
            if self.lookups > LOOKUPS {
                missing = Extent::Whole;
            }
            match &mut self.candidate {
                Some(candidate) => self.director.teach(candidate, &missing)?,
                None => self.candidate = Some(self.director.candidate_within(missing)?),
            }
        }
        self.candidate.as_mut().ok_or_else(lost)
    }

    /// The candidate where it is loaded already: for those who must not wait for the database.
    pub fn loaded(&self) -> Option<&Candidate> {
        self.candidate.as_ref()
    }

    /// What the kernel holds, read once until [`Session::refresh`].
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live(&mut self) -> Result<&Live> {
        if self
            .live
            .as_ref()
            .is_none_or(|live| live.extent != Extent::Whole)
        {
            self.live = Some(self.director.live()?);
        }
        self.live.as_ref().ok_or_else(lost)
    }

    /// What the kernel holds, of which one service matters; as old as [`Session::live`].
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_with(&mut self, key: &ServiceKey) -> Result<&Live> {
        let read = self.live.as_ref().map(|live| &live.extent);
        let known = match read {
            Some(Extent::Services(keys)) if !keys.contains(key) => keys.len(),
            Some(_) => return self.live.as_ref().ok_or_else(lost),
            None => 0,
        };
        if known >= LOOKUPS {
            return self.live();
        }
        let one = self.director.live_part(BTreeSet::from([*key]))?;
        match &mut self.live {
            Some(live) => live.learn(one),
            empty => *empty = Some(one),
        }
        self.live.as_ref().ok_or_else(lost)
    }

    /// All settings of the host that ipvsh knows to set, as the kernel has them.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn host_settings(&mut self) -> Result<Settings> {
        self.director.host_settings()
    }

    /// Takes a setting of the host over as it stands.
    ///
    /// # Errors
    /// As the store fails.
    pub fn take_setting(&mut self, key: SettingKey, host: &Settings) -> Result<()> {
        let live = Ruleset {
            settings: host.clone(),
            ..Ruleset::default()
        };
        let candidate = self.settings()?;
        candidate.take_over_entry(EntryKey::Setting(key), &live);
        Ok(())
    }

    /// What the kernel holds now, and those settings of the host that the head has.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_with_host(&mut self) -> Result<&Live> {
        Ok(self.live.insert(self.director.live_with_host()?))
    }

    /// Forgets what was read of the kernel.
    pub fn refresh(&mut self) {
        self.live = None;
    }

    /// How many changes are staged, counted as a plan and a snapshot count them; loads nothing.
    pub fn staged(&self) -> usize {
        self.staged_changes().len()
    }

    /// What is staged, as a commit will tell it where the kernel holds what the head says: changes
    /// of what the candidate was edited from or, where there are none, of the record; loads nothing.
    pub fn staged_changes(&self) -> Vec<Change> {
        let staged = |candidate: &Candidate| {
            let edits = between(&candidate.edited_from(), candidate.rules());
            described(
                &edits,
                &HeldServers::new(),
                candidate.base(),
                candidate.rules(),
            )
            .into_owned()
        };
        self.candidate.as_ref().map_or_else(Vec::new, staged)
    }

    /// Says whether anything was named that a commit would look at; loads nothing.
    pub fn is_untouched(&self) -> bool {
        self.candidate.as_ref().is_none_or(Candidate::is_untouched)
    }

    /// Forgets all edits; the candidate is read anew from the head.
    pub fn discard(&mut self) {
        self.candidate = None;
        self.lookups = 0;
        self.refresh();
    }

    /// For how many seconds the kernel keeps clients with a server that is at weight 0; none where
    /// it does not.
    ///
    /// # Errors
    /// As the store and the kernel fail to be read.
    pub fn persistence(&mut self, service: &ServiceKey) -> Result<Option<u32>> {
        let rules = &self.candidate()?.rules().services;
        let Some(seconds) = rules.get(service).and_then(|s| s.options.persistent) else {
            return Ok(None);
        };
        let settings = self.director.info()?.settings;
        let expires = settings.get("expire_quiescent_template");
        let expires = expires.is_some_and(|setting| setting != "0");
        Ok((!expires).then_some(seconds))
    }
}

fn lost() -> Error {
    Error::new(Kind::Bug, "what was just loaded is gone")
}
