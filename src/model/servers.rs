//! The real servers of a service, shared by the copies of a ruleset until one of them changes.
//!
//! The head, what is wanted and the target of a plan hold the same servers for nearly every
//! service: a copy costs a count, and whether two are the same is mostly seen at a glance.

use std::collections::{BTreeMap, btree_map};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::ServerKey;
use super::server::RealServer;

/// Real servers by address: a map that is cheap to clone, and copied when it is changed.
#[derive(Debug, Clone, Default)]
pub struct Servers(Arc<BTreeMap<ServerKey, RealServer>>);

impl Servers {
    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Servers {
    type Target = BTreeMap<ServerKey, RealServer>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Servers {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl PartialEq for Servers {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Servers {}

impl From<BTreeMap<ServerKey, RealServer>> for Servers {
    fn from(servers: BTreeMap<ServerKey, RealServer>) -> Servers {
        Servers(Arc::new(servers))
    }
}

impl<const N: usize> From<[(ServerKey, RealServer); N]> for Servers {
    fn from(servers: [(ServerKey, RealServer); N]) -> Servers {
        BTreeMap::from(servers).into()
    }
}

impl FromIterator<(ServerKey, RealServer)> for Servers {
    fn from_iter<T: IntoIterator<Item = (ServerKey, RealServer)>>(servers: T) -> Servers {
        servers.into_iter().collect::<BTreeMap<_, _>>().into()
    }
}

impl<'a> IntoIterator for &'a Servers {
    type Item = (&'a ServerKey, &'a RealServer);
    type IntoIter = btree_map::Iter<'a, ServerKey, RealServer>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Serialize for Servers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(from).map(Servers::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Weight;

    #[test]
    fn a_copy_changes_alone() {
        let key = |port| ServerKey {
            addr: [10, 0, 0, 1].into(),
            port,
        };
        let servers = Servers::from([(key(80), RealServer::default())]);
        let mut copy = servers.clone();
        assert_eq!(copy, servers);
        copy.values_mut().for_each(|s| s.weight = Weight::ZERO);
        assert_ne!(copy, servers);
        assert_eq!(servers[&key(80)], RealServer::default());
        copy.clear();
        assert_eq!((copy.is_empty(), servers.len()), (true, 1));
    }
}
