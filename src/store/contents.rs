//! All that a database holds, as it is written anew.

use super::record::{Manifest, Record, Tags};
use crate::model::Event;

/// All that a database holds, without the nodes.
pub(super) struct Contents {
    /// The manifest; what it says of tags and events is set to what is given here.
    pub(super) manifest: Manifest,
    /// Snapshots, with where their rulesets are.
    pub(super) records: Vec<Record>,
    /// Tags.
    pub(super) tags: Tags,
    /// Events, oldest first.
    pub(super) events: Vec<Event>,
}

impl Contents {
    /// Says whether a snapshot awaits confirmation.
    pub(super) fn awaits(&self, record: &Record) -> bool {
        self.manifest.pending && self.manifest.head == Some(record.snapshot.id)
    }
}
