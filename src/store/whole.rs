//! Whether rulesets are whole: every node is there and fits its address. Each node is read once,
//! however many snapshots share it.

use std::collections::{BTreeMap, BTreeSet};

use super::address::Address;
use super::content::{self, Content};
use super::node::{Node, Nodes};
use crate::error::{Error, Kind, Result};

/// What is known of nodes so far.
#[derive(Default)]
pub(super) struct Wholeness {
    whole: BTreeSet<Address>,
    broken: BTreeMap<Address, Error>,
}

impl Wholeness {
    /// Checks a ruleset.
    ///
    /// # Errors
    /// `damaged`, saying which node; `system` where it cannot be read.
    pub(super) fn check(&mut self, nodes: &impl Nodes, at: Content) -> Result<()> {
        let roots = at.services.into_iter().chain(at.rest);
        roots
            .into_iter()
            .try_for_each(|root| self.node(nodes, root))
    }

    /// How many nodes were found whole.
    pub(super) fn count(&self) -> usize {
        self.whole.len()
    }

    fn node(&mut self, nodes: &impl Nodes, address: Address) -> Result<()> {
        if self.whole.contains(&address) {
            return Ok(());
        }
        if let Some(error) = self.broken.get(&address) {
            return Err(error.clone());
        }
        // As deep as a digest has digits, at most, and once more for a tree of servers.
        let checked = Node::load(nodes, address).and_then(|node| {
            let mut below = content::children(&node).into_iter();
            below.try_for_each(|child| self.node(nodes, child))
        });
        match &checked {
            Ok(()) => {
                self.whole.insert(address);
            }
            Err(error) if error.kind() == Kind::Damaged => {
                self.broken.insert(address, error.clone());
            }
            Err(_) => {}
        }
        checked
    }
}
