//! What is to be known of a kind of setting, whatever the kind.

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
    /// Before all others: kernel settings that begin to serve.
    Setup,
    /// Behind them: tunnel devices, and the kernel settings of those.
    Devices,
    /// Before services: VIPs that go.
    Withdrawal,
    /// Before services: what would be refused beside them.
    First,
    /// Behind services and servers that come or change, before marks and what goes.
    Middle,
    /// Behind services: VIPs that come.
    Announcement,
    /// Behind VIPs: what they and the services no longer need.
    Teardown,
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
    /// They are the host's, not IPVS's: only those are read that the head has or that are wanted, and
    /// a bare `adopt` takes none.
    pub is_of_host: bool,
    /// What it means that one is no longer wanted.
    pub absence: Absence,
    /// How another value takes its place.
    pub replacement: Replacement,
    /// When one is removed; see `SettingKey::phase`.
    pub is_removed_in: Phase,
    /// When one is set; see `SettingKey::phase`.
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
