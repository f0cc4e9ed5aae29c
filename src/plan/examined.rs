//! Which entries a plan looks at.

use std::collections::BTreeSet;

use super::{Request, Scope};
use crate::model::{Differing, EntryKey, Ruleset, ServiceKey, differing_servers};

/// The entries that a plan looked at. Where that was all of them: those that are not as wanted
/// already, and all marks, timeouts and daemons. A service that comes back or goes whole is one
/// of them, whatever servers it has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examined {
    /// Services that the kernel lacks and that come back whole, sorted: options alone would refuse
    /// every client, and a server cannot stand without its service.
    pub(super) back: Vec<ServiceKey>,
    /// All else, sorted.
    pub(super) entries: Vec<EntryKey>,
}

impl Examined {
    /// The entries in scope, and those without which they could not be.
    /// `differing` are the services that are not as wanted.
    pub(super) fn of(request: &Request, differing: &[Differing]) -> Examined {
        let mut examined = match &request.scope {
            Scope::Everything | Scope::Exact => all_that_may_differ(request, differing),
            Scope::Named(named) => those_named(request, named),
        };
        for key in request.exact_servers {
            let service = request.live.rules.services.get(key);
            let servers = service.into_iter().flat_map(|s| s.servers.keys());
            let entries = servers.map(|server| EntryKey::Server(*key, *server));
            examined.entries.extend(entries);
        }
        examined.entries.sort_unstable();
        examined.entries.dedup();
        examined
    }

    /// Says whether a service comes back whole.
    fn comes_back(&self, key: &ServiceKey) -> bool {
        self.back.binary_search(key).is_ok()
    }
}

/// Says whether an entry was looked at; of a service that comes back, what the target has.
pub(super) fn has_examined(examined: &Examined, target: &Ruleset, entry: &EntryKey) -> bool {
    examined.entries.binary_search(entry).is_ok()
        || entry.service().is_some_and(|key| examined.comes_back(&key)) && target.has(entry)
}

/// The entries that were named, the services that come back whole apart.
fn those_named(request: &Request, named: &BTreeSet<EntryKey>) -> Examined {
    let (wanted, live) = (request.wanted, &request.live.rules);
    let mut examined = Examined::default();
    for entry in named {
        match entry.service() {
            Some(key) if wanted.has(entry) && !live.services.contains_key(&key) => {
                if examined.back.last() != Some(&key) {
                    examined.back.push(key);
                }
            }
            _ => examined.entries.push(*entry),
        }
    }
    examined.back.sort_unstable();
    examined.back.dedup();
    examined
}

/// Of a whole table the services and servers that are not as wanted, and all else.
fn all_that_may_differ(request: &Request, differing: &[Differing]) -> Examined {
    let Request {
        head, live, wanted, ..
    } = request;
    let exact = request.scope == Scope::Exact;
    let is_ours = |entry: &EntryKey| exact || wanted.has(entry) || head.has(entry);
    let mut examined = Examined::default();
    for (key, asked, standing) in differing {
        let entry = EntryKey::Service(**key);
        match (asked, standing) {
            (Some(_), None) => examined.back.push(**key),
            (None, _) => examined.entries.extend(Some(entry).filter(is_ours)),
            (Some(asked), Some(standing)) => {
                let options = (asked.options != standing.options).then_some(entry);
                examined.entries.extend(options);
                let servers = differing_servers(Some(asked), Some(standing));
                let ours = servers.filter_map(|(server, asked, _)| {
                    let entry = EntryKey::Server(**key, *server);
                    (asked.is_some() || is_ours(&entry)).then_some(entry)
                });
                examined.entries.extend(ours);
            }
        }
    }
    let settings = wanted.differing_settings(&live.rules);
    let ours = settings.filter(|entry| match entry {
        EntryKey::Setting(key) if key.facts().foreign.is_none() => {
            wanted.has(entry) || head.has(entry)
        }
        entry => is_ours(entry),
    });
    examined.entries.extend(ours);
    let of_others = exact.then_some(&live.rules);
    let marks = [*head, *wanted].into_iter().chain(of_others);
    let marks = marks.flat_map(Ruleset::mark_keys).map(EntryKey::Marks);
    examined.entries.extend(marks);
    examined
}
