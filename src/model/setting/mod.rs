//! Settings: entries beside services, servers and marks, of kinds that share one map.
//!
//! Each kind is one file: what a value is, its options, its JSON, and its [`KindFacts`]. Plans, the record, histories and
//! restores loop over kinds and name none of them.

mod stored;
pub mod sync_daemon;
pub mod timeout;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pairs::pairs;
use super::service::Field;
use crate::error::{Error, Result};
use sync_daemon::{DaemonRole, SyncDaemon};
use timeout::{TimeoutKind, Timeouts};

/// A kind of setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingKind {
    /// Connection timeouts.
    Timeout,
    /// Sync daemons.
    SyncDaemon,
}

/// Names a setting. The names in a record are those of early versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SettingKey {
    /// One timeout.
    Timeout(TimeoutKind),
    /// One sync daemon.
    #[serde(rename = "Daemon")]
    SyncDaemon(DaemonRole),
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Setting {
    /// Seconds.
    Timeout(u32),
    /// A sync daemon.
    #[serde(rename = "Daemon")]
    SyncDaemon(SyncDaemon),
}

/// What it means that a setting is no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The kernel has none then.
    IsNone,
    /// The kernel always has a value: it returns to the value found, else to the kernel's default.
    Returns,
}

/// How another value takes the place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// In one step.
    InPlace,
    /// It is removed, then set.
    StopThenStart,
}

/// When a step is done, beside the steps of services and marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before all others.
    First,
    /// Behind services and servers that come or change, before marks and what goes.
    Middle,
    /// Behind all others.
    Last,
}

/// What is to be known of a kind of setting.
#[derive(Debug, Clone, Copy)]
pub struct KindFacts {
    /// The name of all of them: of the list in JSON, and of the object in text.
    pub list: &'static str,
    /// What one of them is called in front of its name.
    pub noun: &'static str,
    /// How foreign ones are counted (one, several); `None`: they are neither counted nor removed by
    /// `--exact`, nor refused where they are declared.
    pub foreign: Option<(&'static str, &'static str)>,
    /// What it means that one is no longer wanted.
    pub absence: Absence,
    /// How another value takes its place.
    pub replacement: Replacement,
    /// When one is removed.
    pub is_removed_in: Phase,
    /// When one is set.
    pub is_set_in: Phase,
    /// All of them are one object with parts, and one step sets several.
    pub are_one_object: bool,
    /// keepalived and its like set and remove them with their own state: a bare `adopt` leaves
    /// theirs to them.
    pub is_run_by_managers: bool,
    /// What an error says was attempted: to set one, to remove one.
    pub attempts: (&'static str, &'static str),
}

impl KindFacts {
    /// What an error says was attempted.
    pub fn attempts(&self, is_set: bool) -> &'static str {
        match is_set {
            true => self.attempts.0,
            false => self.attempts.1,
        }
    }
}

impl SettingKind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [SettingKind; 2] = [SettingKind::Timeout, SettingKind::SyncDaemon];

    /// What is to be known of it.
    pub fn facts(self) -> &'static KindFacts {
        match self {
            SettingKind::Timeout => &timeout::FACTS,
            SettingKind::SyncDaemon => &sync_daemon::FACTS,
        }
    }

    /// The kind whose settings a text names: `timeouts`, `daemon`.
    pub fn named(text: &str) -> Option<SettingKind> {
        let mut all = SettingKind::ALL.into_iter();
        all.find(|kind| {
            let list = kind.facts().list;
            text == list || list.strip_suffix('s') == Some(text)
        })
    }

    /// Its settings as JSON.
    pub fn json(self, settings: &Settings) -> Value {
        match self {
            SettingKind::Timeout => Value::Object(settings.timeouts().json()),
            SettingKind::SyncDaemon => settings
                .daemons()
                .map(|(role, daemon)| Value::Object(daemon.json(role)))
                .collect(),
        }
    }

    /// Reads its settings from JSON into others.
    ///
    /// # Errors
    /// `invalid` for unknown keys, wrong types and values out of range.
    pub fn read(self, value: Value, into: &mut Settings) -> Result<()> {
        let list = self.facts().list;
        match (self, value) {
            (_, Value::Null) => Ok(()),
            (SettingKind::Timeout, Value::Object(options)) => {
                into.set_timeouts(&Timeouts::parse(&options)?);
                Ok(())
            }
            (SettingKind::Timeout, _) => {
                Err(Error::invalid(format!("{list} must be an object")).about(list))
            }
            (SettingKind::SyncDaemon, Value::Array(all)) => {
                for daemon in all {
                    let (role, daemon) = SyncDaemon::read(daemon)?;
                    into.set_daemon(role, Some(daemon));
                }
                Ok(())
            }
            (SettingKind::SyncDaemon, _) => {
                Err(Error::invalid(format!("{list} must be an array")).about(list))
            }
        }
    }
}

impl SettingKey {
    /// Its kind.
    pub fn kind(self) -> SettingKind {
        match self {
            SettingKey::Timeout(_) => SettingKind::Timeout,
            SettingKey::SyncDaemon(_) => SettingKind::SyncDaemon,
        }
    }

    /// What is to be known of its kind.
    pub fn facts(self) -> &'static KindFacts {
        self.kind().facts()
    }

    /// Its name among those of its kind.
    pub fn name(self) -> &'static str {
        match self {
            SettingKey::Timeout(kind) => kind.name(),
            SettingKey::SyncDaemon(role) => role.name(),
        }
    }

    /// What an error of a step names.
    pub fn step_object(self) -> String {
        match self.facts().are_one_object {
            true => format!("connection {}", self.facts().list),
            false => self.to_string(),
        }
    }

    /// The kernel's default; `None` where there is none without being asked.
    pub fn default_value(self) -> Option<Setting> {
        match self {
            SettingKey::Timeout(kind) => Some(Setting::Timeout(kind.default_seconds())),
            SettingKey::SyncDaemon(_) => None,
        }
    }

    /// Returns true if the kernel always has a value.
    pub fn is_always_there(self) -> bool {
        self.facts().absence == Absence::Returns
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.facts().noun, self.name())
    }
}

impl Setting {
    /// Says whether a live value is what this one wants; a daemon leaves things open.
    pub fn satisfied_by(&self, live: &Setting) -> bool {
        match (self, live) {
            (Setting::SyncDaemon(wanted), Setting::SyncDaemon(live)) => wanted.satisfied_by(live),
            (wanted, live) => wanted == live,
        }
    }

    /// Every option with its value as text; none where a value is one thing.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Setting::Timeout(_) => Vec::new(),
            Setting::SyncDaemon(daemon) => daemon.fields(),
        }
    }

    /// The value of an option that is left to the kernel, as [`Setting::fields`] has it.
    pub const LEFT_OPEN: &str = "any";

    /// What becomes of an option that is left to the kernel where another makes the setting start
    /// anew, in words; `None` where nothing is lost.
    pub fn lost(&self, option: &str, old: &str) -> Option<String> {
        match self {
            Setting::Timeout(_) => None,
            Setting::SyncDaemon(_) => SyncDaemon::lost(option, old),
        }
    }

    /// The value as JSON has it, with what names it where that is part of it.
    pub fn json(&self, key: SettingKey) -> Value {
        match (self, key) {
            (Setting::SyncDaemon(daemon), SettingKey::SyncDaemon(role)) => daemon.json(role).into(),
            (Setting::Timeout(seconds), _) => (*seconds).into(),
            (Setting::SyncDaemon(_), _) => Value::Null,
        }
    }

    /// Returns true if the kernel may refuse it because of an address family.
    pub fn may_have_a_family(&self) -> bool {
        match self {
            Setting::Timeout(_) => false,
            Setting::SyncDaemon(_) => true,
        }
    }

    /// The bare value, as a change shows it: `900`.
    pub fn summary(&self) -> String {
        match self {
            Setting::Timeout(seconds) => seconds.to_string(),
            Setting::SyncDaemon(daemon) => daemon.summary(),
        }
    }

    /// The value with its unit, as a sentence has it: `900 s`.
    pub fn in_words(&self) -> String {
        match self {
            Setting::Timeout(seconds) => format!("{seconds} s"),
            Setting::SyncDaemon(daemon) => daemon.summary(),
        }
    }
}

/// Settings by their keys: in the head and in a candidate those that are managed, in live state
/// those that the kernel has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings(BTreeMap<SettingKey, Setting>);

/// A setting that is not the same on two sides, with what each side has.
pub type DifferingSetting<'a> = (SettingKey, Option<&'a Setting>, Option<&'a Setting>);

impl Settings {
    /// One of them.
    pub fn get(&self, key: SettingKey) -> Option<&Setting> {
        self.0.get(&key)
    }

    /// Sets or removes one, and gives what was there. A value of another kind than its key changes
    /// nothing.
    pub fn put(&mut self, key: SettingKey, value: Option<Setting>) -> Option<Setting> {
        match (key, value) {
            (SettingKey::Timeout(_), Some(value @ Setting::Timeout(_)))
            | (SettingKey::SyncDaemon(_), Some(value @ Setting::SyncDaemon(_))) => {
                self.0.insert(key, value)
            }
            (_, Some(_)) => None,
            (_, None) => self.0.remove(&key),
        }
    }

    /// Returns true if one is there.
    pub fn has(&self, key: SettingKey) -> bool {
        self.0.contains_key(&key)
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&SettingKey, &Setting)> {
        self.0.iter()
    }

    /// The keys of all of them, sorted.
    pub fn keys(&self) -> impl Iterator<Item = SettingKey> {
        self.0.keys().copied()
    }

    /// Keeps those that fit.
    pub fn retain(&mut self, fits: impl Fn(SettingKey) -> bool) {
        self.0.retain(|key, _| fits(*key));
    }

    /// Those that are not the same elsewhere, sorted.
    pub fn differing<'a>(
        &'a self,
        other: &'a Settings,
    ) -> impl Iterator<Item = DifferingSetting<'a>> {
        pairs(&self.0, &other.0)
            .filter(|(_, mine, theirs)| mine != theirs)
            .map(|(key, mine, theirs)| (*key, mine, theirs))
    }
}
