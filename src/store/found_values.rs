//! Where the values found of a snapshot's entries are: a tree like that of its rules, which snapshots
//! share. Most snapshots have none.

use serde::{Deserialize, Serialize};

use super::content::{self, Content};
use super::node::Nodes;
use crate::error::Result;
use crate::model::{Extent, FoundValues, Ruleset, ServiceKey};

/// Where values found are, and of which services only servers were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FoundContent {
    /// The tree.
    #[serde(flatten)]
    pub(super) content: Content,
    /// Services of which only servers were found, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bare: Vec<ServiceKey>,
}

/// Keeps values found, where a part of those of the head became another one; none where there are
/// none left.
///
/// # Errors
/// `damaged` where a node of the head's cannot be read.
pub(super) fn write(
    nodes: &mut impl Nodes,
    head: Option<&FoundContent>,
    (before, after): (&FoundValues, &FoundValues),
) -> Result<Option<FoundContent>> {
    if before == after {
        return Ok(head.cloned());
    }
    let ((old, old_bare), (new, new_bare)) = (before.parts(), after.parts());
    let at = head.map_or_else(Content::default, |head| head.content);
    let content = content::write(nodes, (at, old), new)?;
    let standing = head.map_or(&[][..], |head| &head.bare);
    let mut bare: Vec<ServiceKey> = standing.to_vec();
    bare.retain(|key| !old_bare.contains(key));
    bare.extend(new_bare);
    bare.sort_unstable();
    let is_something = content != Content::default();
    Ok(is_something.then_some(FoundContent { content, bare }))
}

/// Reads the values found of the services within an extent, and of all that is not a service.
///
/// # Errors
/// `damaged` where a node on the way cannot be read.
pub(super) fn read(
    nodes: &impl Nodes,
    at: Option<&FoundContent>,
    extent: &Extent,
) -> Result<FoundValues> {
    let Some(at) = at else {
        return Ok(FoundValues::default());
    };
    let rules: Ruleset = match extent {
        Extent::Whole => content::read(nodes, at.content)?,
        Extent::Services(keys) => content::part(nodes, at.content, keys)?,
    };
    let mut bare: std::collections::BTreeSet<ServiceKey> = at.bare.iter().copied().collect();
    bare.retain(|key| rules.services.contains_key(key));
    Ok(FoundValues::of_parts(rules, bare))
}

/// Where values found are that are nowhere yet.
///
/// # Errors
/// `bug` where they cannot be written as JSON.
pub(super) fn content_of(found: &FoundValues) -> Result<Option<FoundContent>> {
    let nothing = FoundValues::default();
    write(&mut super::node::Loose::default(), None, (&nothing, found))
}
