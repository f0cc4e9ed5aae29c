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

/// When a plan changes a setting, beside the steps of services and marks; in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// First: a kernel setting goes to the value that services need.
    Setup,
    /// A tunnel device is set up, and a kernel setting of that device is set.
    Devices,
    /// A VIP is removed, before its services are.
    VipRemoval,
    /// A setting is removed that the kernel would refuse beside new services.
    BeforeServices,
    /// A setting is changed after services and servers were added, before mark rules change and
    /// before services are removed.
    BeforeMarks,
    /// A VIP is added, after its services were.
    VipAddition,
    /// A kernel setting or a tunnel device goes back that VIPs and services no longer need.
    Teardown,
    /// Last: a setting is set that the kernel would refuse beside services that were removed.
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
    /// The setting is the host's, not IPVS's. ipvsh reads those that the head has or that are wanted,
    /// and no others; a bare `adopt` takes none over.
    pub is_of_host: bool,
    /// No kernel has it: it is in the record alone. Nothing asks a kernel for it or sends it there.
    pub is_of_the_record: bool,
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
    /// Returns true if IPVS has nothing of it: it is the host's, or the record's alone.
    pub fn is_beside_ipvs(&self) -> bool {
        self.is_of_host || self.is_of_the_record
    }

    /// What an error says was attempted.
    pub fn attempts(&self, is_set: bool) -> &'static str {
        match is_set {
            true => self.attempts.0,
            false => self.attempts.1,
        }
    }
}
