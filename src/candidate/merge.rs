//! Moving a candidate onto another head: a three-way merge per entry and field.

use super::Candidate;
use crate::model::{
    EntryKey, EntryValue, MarkKey, MarkRule, Ruleset, ServiceKey, SnapshotId, merge,
};

/// What two sides changed differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The entry that the other side changed.
    pub entry: EntryKey,
    /// The field of it; `None` is the entry as a whole.
    pub field: Option<&'static str>,
}

impl Clash {
    /// What the other side changed, in a word for behind the entry's name.
    pub fn what(&self) -> &'static str {
        self.field.unwrap_or("it")
    }

    /// Says whether that differs between two rulesets.
    pub fn is_between(&self, before: &Ruleset, after: &Ruleset) -> bool {
        let (before, after) = (before.get(&self.entry), after.get(&self.entry));
        match (self.field, &before, &after) {
            (Some(field), Some(one), Some(other)) => {
                text_of(field, &self.entry, one) != text_of(field, &self.entry, other)
            }
            _ => before != after,
        }
    }
}

fn text_of(name: &str, entry: &EntryKey, value: &EntryValue) -> Option<String> {
    let fields = match (entry, value) {
        (EntryKey::Service(key), EntryValue::Service(options)) => options.fields(key.family()),
        (_, EntryValue::Server(server)) => server.fields(),
        _ => Vec::new(),
    };
    let found = fields.into_iter().find(|(field, _)| *field == name);
    found.map(|(_, text)| text)
}

impl Candidate {
    /// Moves the candidate onto another head: per entry, and per field of an entry, what only one
    /// side changed is kept.
    ///
    /// # Errors
    /// What both changed differently.
    pub fn rebase(&self, head_id: Option<SnapshotId>, head: &Ruleset) -> Result<Candidate, Clash> {
        let mut moved = self.clone();
        moved.base_id = head_id;
        moved.base = head.clone();
        moved.rules = head.clone();
        let scope = self.scope();
        for entry in scope.iter().copied() {
            let (base, theirs, mine) = (
                self.base.get(&entry),
                head.get(&entry),
                self.rules.get(&entry),
            );
            let clash = |field| Clash { entry, field };
            let merged = merge(base, theirs, mine);
            if let Some(field) = merged.clashes.first() {
                return Err(clash(*field));
            }
            let value = merged.value;
            match (&entry, &value) {
                (EntryKey::Server(service, _), Some(_))
                    if !moved.rules.services.contains_key(service) =>
                {
                    return Err(Clash {
                        entry: EntryKey::Service(*service),
                        field: None,
                    });
                }
                // A policy of what the other side removed.
                (EntryKey::ServicePolicy(service), Some(_))
                    if !moved.rules.services.contains_key(service) =>
                {
                    return Err(Clash {
                        entry: EntryKey::Service(*service),
                        field: None,
                    });
                }
                (EntryKey::ServerPolicy(service, server), Some(_))
                    if !moved.rules.has(&EntryKey::Server(*service, *server)) =>
                {
                    return Err(Clash {
                        entry: EntryKey::Server(*service, *server),
                        field: None,
                    });
                }
                (EntryKey::Service(key), None) => self.refuse_to_take_along(key, head)?,
                _ => {}
            }
            moved.rules.put(&entry, value);
        }
        let touched = |rule: &&MarkRule| scope.contains(&EntryKey::Marks(rule.key()));
        moved.rules.arrange_marks(&Ruleset {
            marks: self.rules.marks.iter().filter(touched).cloned().collect(),
            ..Ruleset::default()
        });
        Ok(moved)
    }

    /// A service goes with its servers and marks: those that the other side added or changed
    /// must not be lost with it.
    fn refuse_to_take_along(&self, key: &ServiceKey, head: &Ruleset) -> Result<(), Clash> {
        let servers = head.services.get(key).into_iter();
        let servers = servers.flat_map(|service| service.servers.keys());
        let parts = servers
            .map(|server| EntryKey::Server(*key, *server))
            .chain(MarkKey::of_service(key).map(EntryKey::Marks));
        for entry in parts {
            if head.get(&entry).is_some() && head.get(&entry) != self.base.get(&entry) {
                return Err(Clash { entry, field: None });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Fwmark, RealServer, ServerKey, VirtualService, Weight};

    fn key() -> ServiceKey {
        ServiceKey::parse("tcp 192.0.2.1:80").unwrap()
    }

    fn server(text: &str) -> EntryKey {
        EntryKey::Server(key(), ServerKey::parse(text, &key()).unwrap())
    }

    fn with(servers: &[(&str, RealServer)]) -> Ruleset {
        let mut rules = Ruleset::default();
        rules
            .services
            .insert(key(), VirtualService::new(Family::Ipv4));
        for (name, options) in servers {
            rules.put(&server(name), Some(EntryValue::Server(*options)));
        }
        rules
    }

    fn weight(weight: i64) -> RealServer {
        RealServer {
            weight: Weight::new(weight).unwrap(),
            ..RealServer::default()
        }
    }

    fn merged(base: &Ruleset, mine: &Ruleset, theirs: &Ruleset) -> Result<Ruleset, Clash> {
        let candidate = Candidate::between(Some(SnapshotId(1)), base.clone(), mine.clone());
        let moved = candidate.rebase(Some(SnapshotId(2)), theirs)?;
        Ok(moved.rules().clone())
    }

    #[test]
    fn two_writers_merge_by_field() {
        let base = with(&[("10.0.0.1", weight(1))]);
        let theirs = with(&[("10.0.0.1", weight(5))]);
        let upper = |weight: RealServer| RealServer { upper: 9, ..weight };
        let mine = with(&[("10.0.0.1", upper(weight(1)))]);
        let both = with(&[("10.0.0.1", upper(weight(5)))]);
        assert_eq!(merged(&base, &mine, &theirs), Ok(both));

        let mine = with(&[("10.0.0.1", weight(7))]);
        let clash = merged(&base, &mine, &theirs).unwrap_err();
        assert_eq!((clash.entry, clash.what()), (server("10.0.0.1"), "weight"));
        assert!(clash.is_between(&base, &theirs));
        let other_field = with(&[("10.0.0.1", upper(weight(1)))]);
        assert!(!clash.is_between(&base, &other_field));
    }

    #[test]
    fn a_service_that_goes_takes_nobody_elses_servers_along() {
        let base = with(&[]);
        let theirs = with(&[("10.0.0.1", weight(1))]);
        let clash = merged(&base, &Ruleset::default(), &theirs).unwrap_err();
        assert_eq!((clash.entry, clash.what()), (server("10.0.0.1"), "it"));
        let clash = merged(&base, &theirs, &Ruleset::default()).unwrap_err();
        assert_eq!(clash.entry, EntryKey::Service(key()));
    }

    #[test]
    fn a_service_that_goes_takes_nobody_elses_marks_along() {
        let service = ServiceKey::parse("fwmark 666").unwrap();
        let mut base = Ruleset::default();
        base.services
            .insert(service, VirtualService::new(Family::Ipv4));
        let mut theirs = base.clone();
        theirs.marks = vec![MarkRule::new(Fwmark::new(666).unwrap(), Family::Ipv4)];
        let clash = merged(&base, &Ruleset::default(), &theirs).unwrap_err();
        assert_eq!(clash.entry, EntryKey::Marks(theirs.mark_keys()[0]));
    }
}
