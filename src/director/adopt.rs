//! Recording what is live as ours.

use std::collections::{BTreeMap, BTreeSet};

use super::begun::{Begun, Change};
use super::beside::{self, Fed};
use super::confirm::nothing_to_confirm;
use super::forget::untouched;
use super::object::Object;
use super::options::ChangeOptions;
use super::report::Report;
use super::transaction::Recording;
use super::{Director, found_of, head_of};
use crate::error::{Error, Kind, Result};
use crate::health::Overlay;
use crate::model::{
    EntryKey, EntryValue, Extent, FoundValues, Live, MarkKey, MarkRule, Ruleset, ServerKey,
    ServiceKey, SettingKey, SettingKind,
};
use crate::plan::{Plan, Request, Scope, between, foreign, plan};
use crate::signals;

impl Director {
    /// Records live objects as ours, as they stand: those named, or everything. The kernel is not
    /// touched; objects of the head that are not live are left in the head. With `marks`, rules of
    /// others that feed adopted services are declared as ours too, and put into our chain.
    ///
    /// # Errors
    /// `not_found` where an object that is named is not live; `invalid` for a malformed name;
    /// `state` for everything beside another program that manages IPVS here.
    pub fn adopt(
        &mut self,
        objects: &[String],
        marks: bool,
        options: &ChangeOptions,
    ) -> Result<Report> {
        let _hold = signals::hold();
        if options.confirm.is_some() {
            return Err(nothing_to_confirm(
                "adopt",
                "what it takes stays in the kernel",
            ));
        }
        let (store, mut notes) = self.begin(options)?;
        let (head, head_rules) = head_of(&*store)?;
        let named = self.host_settings_named(objects)?;
        let live = self.observe(&[&head_rules, &named])?;
        let overlay = self.overlay();
        let managers = self.host.managers();
        let mut rules = if objects.is_empty() {
            beside::refuse_everything(&managers, &live)?;
            adopt_all(&head_rules, (&live, &overlay))
        } else {
            objects.iter().try_fold(head_rules.clone(), |rules, name| {
                adopt_one(rules, name, (&live, &overlay))
            })?
        };
        if let Some(manager) = beside::runs_daemons(&managers) {
            let theirs = leave_to_manager(&mut rules, &head_rules);
            let note = |key| format!("{key}: {manager} runs it, so it is not recorded");
            notes.extend(theirs.into_iter().map(note));
        }
        let missing = rules
            .services
            .keys()
            .filter(|key| !live.rules.services.contains_key(key))
            .count();
        let fed = Fed::of(&rules, &adopted(&rules, objects, &live)?, &*self.host);
        let taken = match marks {
            true => fed.take_over(&mut rules),
            false => BTreeSet::new(),
        };
        let head_id = head.as_ref().map(|head| head.id);
        let found = found_of(&*store, head_id, &Extent::Whole)?;
        let plan = plan_of((&head_rules, &found), &rules, (&live, &overlay), &taken);
        let message = match objects {
            [] => "adopt what is live".to_owned(),
            some => format!("adopt {}", some.join(", ")),
        };
        let recording = Recording {
            message: options.message.clone().unwrap_or(message),
            rollback_of: None,
            revert_of: None,
            rules: &rules,
            ends_wait: false,
            forgets: false,
        };
        if rules != head_rules {
            notes.extend(managers.first().map(beside::two_owners));
        }
        notes.extend(fed.notes(&taken, marks));
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let change = Change::naming_nothing(begun, &live, plan, recording);
        let mut report = self.finish(change, options)?;
        if objects.is_empty() && missing > 0 {
            report.notes.push(format!(
                "{missing} of the head's services are not live and were left in the head \
                 (ipvsh restore brings them back)"
            ));
        }
        Ok(report)
    }
}

impl Director {
    /// The settings of this host that objects name.
    fn host_settings_named(&mut self, objects: &[String]) -> Result<Ruleset> {
        let mut named = Ruleset::default();
        let objects = objects.iter().map(|name| {
            let object = Object::parse(name)?;
            match object {
                Object::Settings(kind) if kind.facts().is_of_host => Err(one_by_name(kind, name)),
                _ => Ok(object),
            }
        });
        let objects: Vec<Object> = objects.collect::<Result<_>>()?;
        if !objects.iter().any(Object::may_be_of_host) {
            return Ok(named);
        }
        named.settings = self.kernel.host_settings()?;
        named.settings.retain(|key| {
            let mut all = objects.iter();
            all.any(|object| object.fits(&EntryKey::Setting(key)))
        });
        Ok(named)
    }
}

/// Refuses to take over all settings of the host of one kind: a host has many, and they are not
/// meant.
fn one_by_name(kind: SettingKind, name: &str) -> Error {
    let noun = kind.facts().noun;
    Error::invalid("settings of the host are adopted one by one")
        .object(name)
        .attempt("cannot adopt")
        .hint(format!("like: ipvsh adopt \"{noun} NAME\""))
}

/// What is recorded, and of the kernel the rules of marks that were taken over.
fn plan_of(
    (head, found): (&Ruleset, &FoundValues),
    rules: &Ruleset,
    (live, overlay): (&Live, &Overlay),
    taken: &BTreeSet<MarkKey>,
) -> Plan {
    if taken.is_empty() {
        return untouched(head, rules, live);
    }
    let made = plan(&Request {
        head,
        found,
        live,
        wanted: rules,
        overlay,
        scope: Scope::Named(taken.iter().copied().map(EntryKey::Marks).collect()),
        exact_servers: &BTreeSet::new(),
        declared: &BTreeMap::new(),
        keep_weights: false,
    });
    Plan {
        changes: between(head, rules),
        foreign: foreign(rules, &made.target.rules, rules),
        left_alone: BTreeSet::new(),
        ..made
    }
}

/// Settings that a manager of others runs and that are not ours yet stay somebody else's; gives
/// their keys.
fn leave_to_manager(rules: &mut Ruleset, head: &Ruleset) -> Vec<SettingKey> {
    let differing = rules.settings.differing(&head.settings);
    let theirs: Vec<SettingKey> = differing
        .map(|(key, _, _)| key)
        .filter(|key| key.facts().is_run_by_managers)
        .collect();
    for key in &theirs {
        let ours = head.settings.get(*key).cloned();
        rules.settings.put(*key, ours);
    }
    theirs
}

/// The live services that were asked for.
fn adopted(rules: &Ruleset, objects: &[String], live: &Live) -> Result<BTreeSet<ServiceKey>> {
    let objects: Vec<Object> = objects
        .iter()
        .map(|name| Object::parse(name))
        .collect::<Result<_>>()?;
    let asked = |key: &ServiceKey| {
        let mut fitting = objects.iter();
        objects.is_empty() || fitting.any(|object| object.fits(&EntryKey::Service(*key)))
    };
    let both = rules
        .services
        .keys()
        .filter(|key| live.rules.services.contains_key(key));
    Ok(both.filter(|key| asked(key)).copied().collect())
}

fn adopt_all(head: &Ruleset, (live, overlay): (&Live, &Overlay)) -> Ruleset {
    let mut rules = head.clone();
    for key in live.rules.services.keys() {
        adopt_service(&mut rules, key, (live, overlay));
    }
    for entry in live.rules.entries() {
        let value = live.rules.get(&entry);
        match (&entry, &value) {
            // The host's own are adopted by name only.
            (EntryKey::Setting(key), _) if key.facts().is_of_host => {}
            // One that is always there is adopted where it says something.
            (EntryKey::Setting(key), Some(EntryValue::Setting(standing)))
                if key.is_always_there()
                    && !head.settings.has(*key)
                    && key.default_value().as_ref() == Some(standing) => {}
            (EntryKey::Marks(_) | EntryKey::Setting(_), _) => {
                adopt_entry(&mut rules, &entry, value);
            }
            _ => {}
        }
    }
    rules.arrange_marks(&live.rules);
    rules
}

/// A daemon that is ours and fits stays as declared: the kernel filled in the rest.
fn adopt_entry(rules: &mut Ruleset, entry: &EntryKey, value: Option<EntryValue>) {
    let fits = match (rules.get(entry), &value) {
        (Some(ours), Some(live)) => ours.satisfied_by(live),
        _ => false,
    };
    if !fits {
        rules.put(entry, value);
    }
}

/// Takes a service over as the kernel has it. What people wrote stays where the kernel has what it
/// should hold because of it: policies, and servers that their checks hold.
fn adopt_service(rules: &mut Ruleset, key: &ServiceKey, (live, overlay): (&Live, &Overlay)) {
    let Some(standing) = live.rules.services.get(key) else {
        return;
    };
    let mut service = standing.clone();
    if let Some(ours) = rules.services.get(key) {
        let declared = Ruleset {
            services: [(*key, ours.clone())].into(),
            marks: rules.marks.clone(),
            // Maintenance is among them.
            settings: rules.settings.clone(),
        };
        let overlay = overlay.as_the_kernel_has(&declared, &live.rules);
        let held = overlay.apply(&declared);
        let held = held.services.get(key).map(|service| &service.servers);
        for (server, options) in ours.servers.iter() {
            let should = held.and_then(|all| all.get(server));
            if should != Some(options) && should == standing.servers.get(server) {
                service.servers.insert(*server, *options);
            }
        }
        service.policy = ours.policy.clone();
        service.server_policies = ours.server_policies.clone();
        let servers = service.servers.clone();
        service
            .server_policies
            .retain(|server, _| servers.contains_key(server));
    }
    rules.services.insert(*key, service);
}

/// Takes a real server over, in the same way.
fn adopt_server(
    rules: &mut Ruleset,
    (key, server): (&ServiceKey, &ServerKey),
    (live, overlay): (&Live, &Overlay),
) {
    let entry = EntryKey::Server(*key, *server);
    let overlay = overlay.as_the_kernel_has(rules, &live.rules);
    let is_held = overlay.held(rules, key, server).is_some();
    let should = overlay.apply(rules).get(&entry);
    if !(is_held && should == live.rules.get(&entry)) {
        adopt_entry(rules, &entry, live.rules.get(&entry));
    }
}

fn adopt_one(
    mut rules: Ruleset,
    name: &str,
    (live, overlay): (&Live, &Overlay),
) -> Result<Ruleset> {
    let object = Object::parse(name)?;
    if object.is_of_the_record() {
        return Err(
            Error::invalid("no kernel has maintenance: it is in the record alone")
                .object(name)
                .attempt("cannot adopt"),
        );
    }
    if let Object::Service(service) = &object {
        let key = service.resolve(live.rules.services.keys()).map_err(|e| {
            e.attempt("cannot adopt")
                .maybe_hint(object.server_hint(&live.rules.entries()))
        })?;
        adopt_service(&mut rules, &key, (live, overlay));
    }
    let mut found = matches!(object, Object::Service(_));
    for entry in live
        .rules
        .entries()
        .into_iter()
        .filter(|entry| object.fits(entry))
    {
        found = true;
        match (&object, entry) {
            (Object::Server(..), EntryKey::Server(service, _))
                if !rules.services.contains_key(&service) =>
            {
                return Err(Error::new(Kind::State, "its service is not ours")
                    .object(entry)
                    .attempt("cannot adopt")
                    .hint(format!("adopt it whole: ipvsh adopt \"{service}\"")));
            }
            (Object::Service(_), EntryKey::Service(_) | EntryKey::Server(..)) => {}
            (_, EntryKey::Server(service, server)) => {
                adopt_server(&mut rules, (&service, &server), (live, overlay));
            }
            _ => adopt_entry(&mut rules, &entry, live.rules.get(&entry)),
        }
    }
    let adopted = |rule: &&MarkRule| object.fits(&EntryKey::Marks(rule.key()));
    if live.rules.marks.iter().any(|rule| adopted(&rule)) {
        rules.arrange_marks(&live.rules);
    }
    if found {
        Ok(rules)
    } else {
        Err(Error::not_found("nothing of that name is live")
            .object(name)
            .attempt("cannot adopt"))
    }
}
