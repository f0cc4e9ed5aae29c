//! Importing: a ruleset from somewhere else, committed in one go.

use std::borrow::Cow;

use super::Director;
use super::beside;
use super::object::Object;
use super::options::ChangeOptions;
use super::report::Report;
use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::{EntryKey, Ruleset, ServiceKey, Setting, SettingKey};

/// How a ruleset is imported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Import {
    /// What it is called in the message: the file's name.
    pub name: String,
    /// Says whether it is all that there is to have: settings of a start script alone are not.
    pub has_rules: bool,
    /// It can hold settings of the host: in the place of ours, those that it lacks go.
    pub can_hold_host: bool,
    /// What is ours and not in it goes.
    pub replace: bool,
    /// Objects (`tcp 192.0.2.10:80`, `mark 666`, `timeouts`, `daemons`): only those are looked at.
    pub only: Vec<String>,
}

impl Director {
    /// Commits a ruleset that was read from somewhere: merged with the head, or in its place.
    ///
    /// Merged, every entry of it is set as it stands there (a service's own options, each server,
    /// the rules of a mark, timeouts, sync daemons), and nothing is removed: not even servers of a
    /// service that it lists without them.
    ///
    /// # Errors
    /// `not_found` where the ruleset has none of an object that is named; `invalid` for a
    /// malformed name; as [`Director::commit`].
    pub fn import(
        &mut self,
        rules: &Ruleset,
        import: &Import,
        options: &ChangeOptions,
    ) -> Result<Report> {
        if import.replace && !import.has_rules && import.only.is_empty() {
            return Err(Error::new(
                Kind::Guarded,
                "it holds no rules, and in the place of ours that would remove them all",
            )
            .object(&import.name)
            .attempt("cannot import")
            .hint("merge it: without --replace")
            .hint("or name a file of rules beside it"));
        }
        let mut candidate = self.candidate()?;
        let rules = self.with_recorded_maintenance(rules, candidate.rules());
        stage(&mut candidate, &rules, import)?;
        let options = ChangeOptions {
            message: options
                .message
                .clone()
                .or_else(|| Some(format!("import {}", import.name))),
            ..options.clone()
        };
        let scope = candidate.scope();
        let mut report = self.commit(&mut candidate, &options)?;
        let keys = scope.into_iter().filter_map(|entry| match entry {
            EntryKey::Marks(key) => Some(key),
            _ => None,
        });
        let doubled = beside::doubled(candidate.rules(), &keys.collect(), &*self.host);
        report.notes.extend(doubled);
        Ok(report)
    }
}

impl Director {
    /// Rules whose maintenance says when and by whom it was recorded: where a file does not, as what
    /// stands does, else now.
    fn with_recorded_maintenance<'a>(
        &self,
        rules: &'a Ruleset,
        standing: &Ruleset,
    ) -> Cow<'a, Ruleset> {
        let mut all = Cow::Borrowed(rules);
        for (key, one) in rules.settings.maintenance() {
            if one.since.is_none() {
                let key = SettingKey::Maintenance(key);
                let before = match standing.settings.get(key) {
                    Some(Setting::Maintenance(before)) => Some(before),
                    _ => None,
                };
                let one = one.clone().recorded(before, self.now(), &self.author);
                let settings = &mut all.to_mut().settings;
                settings.put(key, Some(Setting::Maintenance(one)));
            }
        }
        all
    }
}

/// Puts what several files hold into one ruleset; their marks keep the order of the files.
///
/// # Errors
/// `invalid` where two of them set the same entry, and differ.
pub fn together(files: &[(String, Ruleset)]) -> Result<Ruleset> {
    let mut files_read = files.iter();
    let mut all = files_read
        .next()
        .map_or_else(Ruleset::default, |(_, rules)| rules.clone());
    for (name, rules) in files_read {
        for entry in rules.entries() {
            let value = rules.get(&entry);
            if all.has(&entry) && all.get(&entry) != value {
                let other = files.iter().find(|(_, rules)| rules.has(&entry));
                let other = other.map_or("another file", |(name, _)| name);
                return Err(
                    Error::invalid(format!("{other} and {name} differ about it"))
                        .object(entry)
                        .attempt("cannot import")
                        .hint("import one after the other: the later one decides"),
                );
            }
            all.put(&entry, value);
        }
        all.set_marks_like(rules);
    }
    Ok(all)
}

fn stage(candidate: &mut Candidate, rules: &Ruleset, import: &Import) -> Result<()> {
    let objects = import
        .only
        .iter()
        .map(|name| {
            let object = Object::parse(name).map_err(|e| e.attempt("cannot import"))?;
            match rules.entries().iter().any(|entry| object.fits(entry)) {
                true => Ok(object),
                false => {
                    let hint = object.server_hint(&rules.entries());
                    Err(missing(name, rules).maybe_hint(hint))
                }
            }
        })
        .collect::<Result<Vec<Object>>>()?;
    let fits =
        |entry: &EntryKey| objects.is_empty() || objects.iter().any(|object| object.fits(entry));
    let mut wanted = rules.clone();
    for entry in rules.entries().into_iter().filter(|entry| !fits(entry)) {
        wanted.put(&entry, None);
    }
    if import.replace {
        // Lines of ipvsadm cannot hold what IPVS does not have: they say nothing of it.
        let is_of_ipvs = |entry: &EntryKey| match entry {
            EntryKey::Setting(key) => !key.facts().is_beside_ipvs(),
            _ => true,
        };
        let is_spoken_of = |entry: &EntryKey| import.can_hold_host || is_of_ipvs(entry);
        let ours = candidate.rules().entries();
        for entry in ours.into_iter().filter(fits).filter(is_spoken_of) {
            let goes_with_its_service = matches!(entry, EntryKey::Server(service, _)
                if !wanted.services.contains_key(&service));
            if wanted.get(&entry).is_none() && !goes_with_its_service {
                candidate.hold(entry, None);
            }
        }
    }
    candidate.put_all(&wanted);
    Ok(())
}

fn missing(name: &str, rules: &Ruleset) -> Error {
    let known: Vec<String> = rules.services.keys().map(ServiceKey::to_string).collect();
    let close = did_you_mean(name, known.iter().map(String::as_str));
    Error::not_found("what is imported has nothing of that name")
        .object(name)
        .attempt("cannot import")
        .maybe_hint(close.map(|name| format!("did you mean \"{name}\"?")))
}
