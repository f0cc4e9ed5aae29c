//! The timeline of an object: what people changed of it, and what the daemon saw.

use chrono::{DateTime, Local, Utc};

use super::Director;
use super::history::{both_sides, changing};
use super::object::Object;
use crate::error::Result;
use crate::health::{Event, EventKind};
use crate::model::setting::SettingName;
use crate::model::{
    EntryKey, MaintenanceKey, Moment, Ruleset, ServerKey, ServiceKey, SettingKey, Snapshot,
};
use crate::plan::{Change, between};
use crate::runtime::EventReader;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A snapshot changed the object, or its maintenance, with the changes of that; `None` where the
    /// snapshot before it was pruned.
    Snapshot(Box<Snapshot>, Option<Vec<Change>>),
    /// The daemon saw or did something about the object.
    Event(Event),
}

impl Happening {
    /// When it happened.
    pub fn time(&self) -> DateTime<Utc> {
        match self {
            Happening::Snapshot(snapshot, _) => snapshot.time,
            Happening::Event(event) => event.time,
        }
    }
}

impl Director {
    /// What happened to an object since a moment, oldest first.
    ///
    /// # Errors
    /// `invalid` for a malformed object or time; as the store or the log of events fails.
    pub fn timeline(&self, name: &str, since: Option<&Moment>) -> Result<Vec<Happening>> {
        let from = since
            .map(|since| since.at(&self.now().with_timezone(&Local)))
            .transpose()?;
        let rules = self.head_rules()?;
        let mut objects = Object::all_named(name, &rules)?;
        let maintenance: Vec<Object> = objects
            .iter()
            .flat_map(|object| maintenance_of(object, &rules))
            .collect();
        objects.extend(maintenance);
        let mut all = self.snapshots_of(&objects, from)?;
        let events = self.events_of(&objects, from)?;
        all.extend(events.into_iter().map(Happening::Event));
        all.sort_by_key(Happening::time);
        Ok(all)
    }

    /// What the daemon saw and did since a moment, oldest first: all of it, or what is about an object
    /// and about all servers. At most the newest `limit` events.
    ///
    /// # Errors
    /// `invalid` for a malformed object or time; as the store or the log of events fails.
    pub fn events(
        &self,
        object: Option<&str>,
        since: Option<&Moment>,
        limit: usize,
    ) -> Result<Vec<Event>> {
        let from = since
            .map(|since| since.at(&self.now().with_timezone(&Local)))
            .transpose()?;
        let mut events = match object {
            None => self.events_where(from, |_| true)?,
            Some(name) => self.events_of(&Object::all_named(name, &self.head_rules()?)?, from)?,
        };
        events.drain(..events.len().saturating_sub(limit));
        Ok(events)
    }

    /// The events about some objects, and those about all servers.
    fn events_of(&self, objects: &[Object], since: Option<DateTime<Utc>>) -> Result<Vec<Event>> {
        self.events_where(since, |event| {
            let is_of_all = matches!(event.kind, EventKind::GuardOn | EventKind::GuardOff);
            let fits = |entry: &EntryKey| objects.iter().any(|one| one.fits_anywhere(entry));
            is_of_all || entry_of(&event.object).as_ref().is_some_and(fits)
        })
    }

    fn events_where(
        &self,
        since: Option<DateTime<Utc>>,
        is_wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let Some(dir) = self.health.runtime_dir() else {
            return Ok(events);
        };
        let mut reader = EventReader::new(dir, since);
        while let Some(line) = reader.read()? {
            // An event of another version may have other fields: what is known of it counts.
            let Ok(event) = serde_json::from_value::<Event>(line.event) else {
                continue;
            };
            if is_wanted(&event) {
                events.push(event);
            }
        }
        Ok(events)
    }

    /// The snapshots that changed one of some objects, each with its changes.
    fn snapshots_of(
        &self,
        objects: &[Object],
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Happening>> {
        let store = self.stores.open()?;
        let mut found: Vec<Snapshot> = Vec::new();
        for object in objects {
            found.extend(changing(&*store, object, since)?);
        }
        found.sort_by_key(|snapshot| snapshot.id);
        found.dedup_by_key(|snapshot| snapshot.id);
        let all = found.into_iter().map(|snapshot| {
            let sides = both_sides(&*store, &snapshot)?;
            let changes = sides.map(|(before, after)| {
                let only = |rules: &Ruleset| of_objects(rules, objects);
                between(&only(&before), &only(&after))
            });
            Ok(Happening::Snapshot(Box::new(snapshot), changes))
        });
        all.collect()
    }
}

/// What of a ruleset belongs to one of some objects.
fn of_objects(rules: &Ruleset, objects: &[Object]) -> Ruleset {
    let mut only = rules.clone();
    let fits = |entry: &EntryKey| objects.iter().any(|one| one.fits_anywhere(entry));
    only.services.retain(|key, service| {
        if fits(&EntryKey::Service(*key)) {
            return true;
        }
        let is_fitting = |server: &ServerKey| fits(&EntryKey::Server(*key, *server));
        let gone: Vec<ServerKey> = service
            .servers
            .keys()
            .filter(|server| !is_fitting(server))
            .copied()
            .collect();
        for server in gone {
            service.servers.remove(&server);
            service.server_policies.remove(&server);
        }
        !service.servers.is_empty()
    });
    only.marks.retain(|rule| fits(&EntryKey::Marks(rule.key())));
    only.settings.retain(|key| fits(&EntryKey::Setting(key)));
    only
}

/// The maintenance that servers of an object may be in: of their addresses, and of their hosts.
fn maintenance_of(object: &Object, rules: &Ruleset) -> Vec<Object> {
    let mut keys = Vec::new();
    for (key, service) in &rules.services {
        for server in service.servers.keys() {
            if !object.fits_anywhere(&EntryKey::Server(*key, *server)) {
                continue;
            }
            keys.push(MaintenanceKey::Address(server.addr));
            keys.push(MaintenanceKey::Server(server.addr, server.port));
            keys.extend(service.host_of(server).map(MaintenanceKey::Host));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let objects = keys.into_iter().map(SettingName::Maintenance);
    objects.map(Object::Setting).collect()
}

/// The entry that an event names.
fn entry_of(object: &str) -> Option<EntryKey> {
    if let Some(name) = object.strip_prefix("maintenance ") {
        let key = MaintenanceKey::parse(name).ok()?;
        return Some(EntryKey::Setting(SettingKey::Maintenance(key)));
    }
    let name = object.strip_prefix("virtual service ")?;
    match name.split_once(": real server ") {
        None => ServiceKey::parse(name).ok().map(EntryKey::Service),
        Some((service, server)) => {
            let service = ServiceKey::parse(service).ok()?;
            let server = ServerKey::parse(server, &service).ok()?;
            Some(EntryKey::Server(service, server))
        }
    }
}
