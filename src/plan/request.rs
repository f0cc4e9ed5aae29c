//! What a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use crate::health::Overlay;
use crate::model::live::Live;
use crate::model::patch::Named;
use crate::model::{EntryKey, FoundValues, Ruleset, ServiceKey};

/// Which entries a change looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them (`plan`, `restore`, `rollback`).
    Everything,
    /// All of them, and what is foreign goes (`--exact`).
    Exact,
    /// Those that a script named or changed; everything else stays as the kernel has it.
    Named(BTreeSet<EntryKey>),
}

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The head's rules as people wrote them: what is ours.
    pub head: &'a Ruleset,
    /// What was there before it was ours.
    pub found: &'a FoundValues,
    /// What the kernel holds.
    pub live: &'a Live,
    /// What is wanted, as people wrote it.
    pub wanted: &'a Ruleset,
    /// What turns rules into what the kernel should hold.
    pub overlay: &'a Overlay,
    /// Which entries are looked at.
    pub scope: Scope,
    /// Services whose servers were given as a complete list.
    pub exact_servers: &'a BTreeSet<ServiceKey>,
    /// For entries declared with options: the options that were named. A change of another
    /// option is shown as a reset.
    pub declared: &'a BTreeMap<EntryKey, Named>,
    /// A real server that the kernel has at weight 0 stays there: whoever watches over its health
    /// put it there, and knows when it may come back.
    pub keep_weights: bool,
}
