//! How much of a table is looked at.

use std::collections::BTreeSet;

use super::key::ServiceKey;
use super::ruleset::Ruleset;

/// The services that something knows of: a small change looks at what it touches, not at the whole
/// table. Of those known it is known also that they are not there; marks, timeouts and sync daemons
/// are few, and always known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Extent {
    /// All services.
    #[default]
    Whole,
    /// These.
    Services(BTreeSet<ServiceKey>),
}

impl Extent {
    /// No service at all.
    pub fn nothing() -> Extent {
        Extent::Services(BTreeSet::new())
    }

    /// Says whether a service is known.
    pub fn covers(&self, key: &ServiceKey) -> bool {
        match self {
            Extent::Whole => true,
            Extent::Services(known) => known.contains(key),
        }
    }

    /// What of another extent is not in this one; `None` where nothing is missing.
    pub fn lacks(&self, other: &Extent) -> Option<Extent> {
        match (self, other) {
            (Extent::Whole, _) => None,
            (Extent::Services(_), Extent::Whole) => Some(Extent::Whole),
            (Extent::Services(mine), Extent::Services(theirs)) => {
                let missing: BTreeSet<ServiceKey> = theirs.difference(mine).copied().collect();
                (!missing.is_empty()).then_some(Extent::Services(missing))
            }
        }
    }

    /// Knows what another one does, too.
    pub fn extend(&mut self, other: &Extent) {
        match (&mut *self, other) {
            (Extent::Whole, _) => {}
            (Extent::Services(_), Extent::Whole) => *self = Extent::Whole,
            (Extent::Services(mine), Extent::Services(theirs)) => mine.extend(theirs),
        }
    }

    /// What is known of a ruleset.
    #[must_use]
    pub fn within(&self, rules: &Ruleset) -> Ruleset {
        let Extent::Services(known) = self else {
            return rules.clone();
        };
        let found = |key: &ServiceKey| Some((*key, rules.services.get(key)?.clone()));
        Ruleset {
            services: known.iter().filter_map(found).collect(),
            marks: rules.marks.clone(),
            settings: rules.settings.clone(),
        }
    }
}

impl From<BTreeSet<ServiceKey>> for Extent {
    fn from(services: BTreeSet<ServiceKey>) -> Extent {
        Extent::Services(services)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(names: &[&str]) -> Extent {
        let keys = names.iter().map(|name| ServiceKey::parse(name).unwrap());
        Extent::Services(keys.collect())
    }

    #[test]
    fn what_is_missing_is_learned_and_no_more() {
        let (one, two) = ("tcp 192.0.2.1:80", "tcp 192.0.2.2:80");
        let mut known = services(&[one]);
        assert_eq!(known.lacks(&services(&[one])), None);
        assert_eq!(known.lacks(&services(&[one, two])), Some(services(&[two])));
        assert_eq!(known.lacks(&Extent::Whole), Some(Extent::Whole));
        known.extend(&services(&[two]));
        assert_eq!(known, services(&[one, two]));
        known.extend(&Extent::Whole);
        assert_eq!(known, Extent::Whole);
        assert_eq!(known.lacks(&services(&[one])), None);
    }
}
