//! Recording what is live as ours.

use super::change::ChangeOptions;
use super::history::Object;
use super::report::Report;
use super::transaction::Recording;
use super::{Director, head_of};
use crate::error::{Error, Result};
use crate::model::{EntryKey, EntryValue, Live, MarkRule, Ruleset, ServiceKey};
use crate::plan::{Plan, between, foreign};
use crate::signals;

impl Director {
    /// Records live objects as ours, as they stand: those named, or everything. The kernel is not
    /// touched; objects of the head that are not live are left in the head.
    ///
    /// # Errors
    /// `not_found` where an object that is named is not live; `invalid` for a malformed name.
    pub fn adopt(&mut self, objects: &[String], options: &ChangeOptions) -> Result<Report> {
        let _hold = signals::hold();
        let (store, notes) = self.begin(options)?;
        let (head, head_rules) = head_of(&*store)?;
        let live = self.kernel.observe()?;
        let rules = if objects.is_empty() {
            adopt_all(&head_rules, &live)
        } else {
            objects.iter().try_fold(head_rules.clone(), |rules, name| {
                adopt_one(rules, name, &live)
            })?
        };
        let plan = Plan {
            changes: between(&head_rules, &rules),
            foreign: foreign(&rules, &live.rules, &rules),
            target: live,
            ..Plan::default()
        };
        let missing = rules
            .services
            .keys()
            .filter(|key| !plan.target.rules.services.contains_key(key))
            .count();
        let message = match objects {
            [] => "adopt what is live".to_owned(),
            some => format!("adopt {}", some.join(", ")),
        };
        let recording = (rules != head_rules).then(|| Recording {
            message: options.message.clone().unwrap_or(message),
            rollback_of: None,
            revert_of: None,
            rules: &rules,
        });
        let mut report = self.finish(store, head, &head_rules, plan, recording, options, notes)?;
        if objects.is_empty() && missing > 0 {
            report.notes.push(format!(
                "{missing} of the head's services are not live and were left in the head \
                 (ipvsh restore brings them back)"
            ));
        }
        Ok(report)
    }
}

fn adopt_all(head: &Ruleset, live: &Live) -> Ruleset {
    let mut rules = head.clone();
    for key in live.rules.services.keys() {
        adopt_service(&mut rules, key, live);
    }
    for entry in live.rules.entries() {
        match (&entry, live.rules.get(&entry)) {
            (EntryKey::Timeout(kind), Some(EntryValue::Timeout(seconds)))
                if head.timeouts.get(*kind).is_some() || seconds != kind.default_seconds() =>
            {
                rules.put(&entry, Some(EntryValue::Timeout(seconds)));
            }
            (EntryKey::Marks(_) | EntryKey::Daemon(_), value) => {
                adopt_entry(&mut rules, &entry, value)
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

fn adopt_service(rules: &mut Ruleset, key: &ServiceKey, live: &Live) {
    if let Some(service) = live.rules.services.get(key) {
        rules.services.insert(*key, service.clone());
    }
}

fn adopt_one(mut rules: Ruleset, name: &str, live: &Live) -> Result<Ruleset> {
    let object = Object::parse(name)?;
    if let Object::Service(service) = &object {
        let key = service
            .resolve(live.rules.services.keys())
            .map_err(|e| e.attempt("cannot adopt"))?;
        adopt_service(&mut rules, &key, live);
    }
    let mut found = matches!(object, Object::Service(_));
    for entry in live
        .rules
        .entries()
        .into_iter()
        .filter(|entry| object.fits(entry))
    {
        found = true;
        if !matches!(entry, EntryKey::Service(_) | EntryKey::Server(_, _)) {
            adopt_entry(&mut rules, &entry, live.rules.get(&entry));
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
