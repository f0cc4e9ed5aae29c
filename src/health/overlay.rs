//! What the kernel should hold, from what people wrote and what checks found.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};

use super::finding::Target;
use super::state::{Deviation, Knowledge, Situation, State};
use crate::model::moment;
use crate::model::policy::on_fail_of;
use crate::model::setting::maintenance::Mode;
use crate::model::{
    EntryKey, Maintenance, MaintenanceKey, OnFail, RealServer, Ruleset, ServerKey, Servers,
    ServiceKey, SettingKey, VirtualService, Weight, with_derived,
};

/// What turns a ruleset into what the kernel should hold: the state of the checks, at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// What checks found.
    pub knowledge: Knowledge,
    /// The moment at which maintenance is looked at.
    pub now: DateTime<Utc>,
}

/// Why a server is not in the kernel as it was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Its maintenance says so, until a moment where one was named.
    ByMaintenance(Mode, Option<DateTime<Utc>>),
    /// Its checks say so.
    ByChecks(Situation),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::ByMaintenance(_, Some(until)) => {
                write!(f, "maintenance: until {}", moment::local(*until))
            }
            Held::ByMaintenance(_, None) => f.write_str("maintenance: until ipvsh enable"),
            Held::ByChecks(situation) => write!(f, "{}: when it is up", situation.name()),
        }
    }
}

/// What becomes of a server in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    AsDeclared,
    Quiesced(Held),
    Removed(Held),
}

impl Overlay {
    /// An overlay of a state.
    pub fn new(state: State, now: DateTime<Utc>) -> Overlay {
        Overlay {
            knowledge: Knowledge::Known(state),
            now,
        }
    }

    /// An overlay of no check at all.
    pub fn without_state(now: DateTime<Utc>) -> Overlay {
        Overlay::new(State::default(), now)
    }

    /// The same where it is known; where the state cannot be read, one that leaves the checked servers of
    /// `head` as the kernel has them.
    #[must_use]
    pub fn as_the_kernel_has(&self, head: &Ruleset, live: &Ruleset) -> Cow<'_, Overlay> {
        let Knowledge::Unreadable(why) = &self.knowledge else {
            return Cow::Borrowed(self);
        };
        let mut state = State::default();
        for (key, service) in &head.services {
            let standing = live.services.get(key).map(|service| &service.servers);
            let is_in = |all: &Servers, server: &ServerKey| {
                all.get(server)
                    .is_some_and(|one| one.weight != Weight::ZERO)
            };
            for server in service.checked_servers() {
                let stands = standing.is_some_and(|all| is_in(all, server));
                if stands || !is_in(&service.servers, server) {
                    continue;
                }
                let target = Target {
                    service: *key,
                    server: *server,
                };
                let deviation = Deviation {
                    situation: Situation::Down,
                    since: self.now,
                    reason: format!("the state of the checks cannot be read: {why}"),
                    taken_out_by_hand: false,
                };
                state.servers.insert(target, deviation);
            }
        }
        Cow::Owned(Overlay::new(state, self.now))
    }

    /// What checks found of a server; none where it is up, or where the state cannot be read.
    pub fn deviation(&self, target: &Target) -> Option<&Deviation> {
        match &self.knowledge {
            Knowledge::Known(state) => state.servers.get(target),
            Knowledge::Unreadable(_) => None,
        }
    }

    /// What the kernel should hold of rules: the settings that its entries need, no policies, no
    /// maintenance, and each server as these and the state of its checks leave it.
    pub fn apply<'a>(&self, rules: &'a Ruleset) -> Cow<'a, Ruleset> {
        let mut all = with_derived(rules);
        let is_of_kernel = |key: SettingKey| !key.facts().is_of_the_record;
        let has_maintenance = !all.settings.keys().all(is_of_kernel);
        if has_maintenance {
            all.to_mut().settings.retain(is_of_kernel);
        }
        let has_policies = |service: &VirtualService| !service.is_without_policies();
        if !has_maintenance && !rules.services.values().any(has_policies) {
            return all;
        }
        let mut all = all.into_owned();
        for (key, declared) in &rules.services {
            all.services
                .insert(*key, self.service(rules, key, declared));
        }
        Cow::Owned(all)
    }

    fn service(
        &self,
        rules: &Ruleset,
        key: &ServiceKey,
        declared: &VirtualService,
    ) -> VirtualService {
        let mut servers: Servers = declared.servers.clone();
        for (server, options) in declared.servers.iter() {
            match self.fate(rules, (key, declared), (server, options)) {
                Fate::AsDeclared => {}
                Fate::Quiesced(_) => {
                    let quiesced = RealServer {
                        weight: Weight::ZERO,
                        ..*options
                    };
                    servers.insert(*server, quiesced);
                }
                Fate::Removed(_) => {
                    servers.remove(server);
                }
            }
        }
        VirtualService::of_kernel(declared.options.clone(), servers)
    }

    /// What becomes of a server: a declared weight of 0 and maintenance first, then its checks. Nothing
    /// holds a server that was declared at weight 0, but for maintenance that takes it out.
    fn fate(
        &self,
        rules: &Ruleset,
        (key, service): (&ServiceKey, &VirtualService),
        (server, options): (&ServerKey, &RealServer),
    ) -> Fate {
        if let Some(maintenance) = self.maintenance(rules, service, server) {
            let held = Held::ByMaintenance(maintenance.mode, maintenance.expires);
            return match maintenance.mode {
                Mode::Out => Fate::Removed(held),
                Mode::Drain if options.weight != Weight::ZERO => Fate::Quiesced(held),
                Mode::Drain | Mode::Up => Fate::AsDeclared,
            };
        }
        if options.weight == Weight::ZERO || service.checks_of(server).is_empty() {
            return Fate::AsDeclared;
        }
        let target = Target {
            service: *key,
            server: *server,
        };
        match self.deviation(&target) {
            None => Fate::AsDeclared,
            Some(deviation) => {
                let held = Held::ByChecks(deviation.situation);
                match on_fail_of(rules, key, service) {
                    OnFail::Quiesce => Fate::Quiesced(held),
                    OnFail::Remove => Fate::Removed(held),
                }
            }
        }
    }

    /// The maintenance of a server of a service; where several entries cover it, the one that takes
    /// most away.
    fn maintenance<'a>(
        &self,
        rules: &'a Ruleset,
        service: &VirtualService,
        server: &ServerKey,
    ) -> Option<&'a Maintenance> {
        let host = service.host_of(server);
        let found = rules.settings.maintenance_of(server, host, self.now);
        found.map(|(_, maintenance)| maintenance)
    }

    /// Why a server of rules is not in the kernel as it was declared; `None` where it is.
    pub fn held(&self, rules: &Ruleset, key: &ServiceKey, server: &ServerKey) -> Option<Held> {
        let service = rules.services.get(key)?;
        let options = service.servers.get(server)?;
        match self.fate(rules, (key, service), (server, options)) {
            Fate::AsDeclared => None,
            Fate::Quiesced(held) | Fate::Removed(held) => Some(held),
        }
    }

    /// The servers of rules that are not in the kernel as they were declared.
    pub fn all_held(&self, rules: &Ruleset) -> BTreeMap<(ServiceKey, ServerKey), Held> {
        let of_service = |(key, service): (&ServiceKey, &VirtualService)| {
            let key = *key;
            let servers: Vec<ServerKey> = service.servers.keys().copied().collect();
            let held = servers
                .into_iter()
                .filter_map(move |server| Some(((key, server), self.held(rules, &key, &server)?)));
            held.collect::<Vec<_>>()
        };
        rules.services.iter().flat_map(of_service).collect()
    }

    /// The entries that a change of the entries named looks at in the kernel: to name any part of a
    /// checked service is to look at all its servers, and a policy is in the kernel by its servers alone.
    pub fn examined(
        &self,
        named: &BTreeSet<EntryKey>,
        rulesets: [&Ruleset; 2],
    ) -> BTreeSet<EntryKey> {
        let mut all = BTreeSet::new();
        let mut whole = BTreeSet::new();
        let mut covered = Vec::new();
        for entry in named {
            if let EntryKey::Setting(SettingKey::Maintenance(key)) = entry {
                covered.push(*key);
            }
            if !entry.is_of_the_record() {
                all.insert(*entry);
            }
            let checked = |key: &ServiceKey| {
                let mut services = rulesets.iter().filter_map(|rules| rules.services.get(key));
                services.any(VirtualService::is_checked)
            };
            if let Some(key) = entry.service()
                && (entry.is_of_the_record() || checked(&key))
            {
                whole.insert(key);
            }
        }
        for rules in rulesets {
            for key in &whole {
                let servers = rules.services.get(key).into_iter();
                let servers = servers.flat_map(|service| service.servers.keys());
                all.extend(servers.map(|server| EntryKey::Server(*key, *server)));
            }
            if !covered.is_empty() {
                all.extend(covered_servers(rules, &covered));
            }
        }
        all
    }
}

/// The servers of rules that maintenance covers.
pub fn covered_servers<'a>(
    rules: &'a Ruleset,
    maintenance: &'a [MaintenanceKey],
) -> impl Iterator<Item = EntryKey> + 'a {
    rules.services.iter().flat_map(move |(key, service)| {
        let covered = service.servers.keys().filter(move |server| {
            let host = service.host_of(server);
            maintenance.iter().any(|one| one.covers(server, host))
        });
        covered.map(move |server| EntryKey::Server(*key, *server))
    })
}
