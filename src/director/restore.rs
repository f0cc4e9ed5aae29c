//! Bringing the kernel to the head: at boot, after a flush, after a stranger's hand.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::awaiting::parent_rules;
use super::begun::{Begun, Change, unavailable};
use super::confirm::nothing_to_confirm;
use super::expire::Unconfirmed;
use super::names::{resolve, told};
use super::options::ChangeOptions;
use super::report::{Outcome, Report};
use super::transaction::Recording;
use super::{Advance, Awaiting, Director, found_of, head_of, plan_of_everything};
use crate::error::{Error, Kind, Result};
use crate::health::Overlay;
use crate::kernel::Part;
use crate::model::setting::Phase;
use crate::model::{
    EntryKey, Extent, FoundValues, Live, MarkKey, Ruleset, ServiceKey, SnapshotId, SnapshotName,
};
use crate::plan::{Plan, Request, Return, Scope, between, plan, steps};
use crate::signals;
use crate::store::{Journal, Mirrored};

/// What a mirror says that the kernel is to hold.
struct Standing {
    /// The snapshot.
    id: SnapshotId,
    /// What it is to hold.
    rules: Ruleset,
    /// A commit that was not confirmed in time, and is to be taken back first.
    unconfirmed: Option<Unconfirmed>,
    /// What the user should know.
    note: Option<String>,
}

/// A head that the kernel is to be brought to.
struct Opened {
    /// Holds the history.
    journal: Box<dyn Journal>,
    head: Option<SnapshotId>,
    rules: Rc<Ruleset>,
    /// What opening it had to say.
    notes: Vec<String>,
}

impl Director {
    /// The head of a mirror; where that was not confirmed and has no time left, what it rolls back
    /// to.
    fn standing(&self, mirrored: Mirrored) -> Result<Standing> {
        let (id, rules) = (mirrored.id, mirrored.rules);
        let of_head = |rules, note| Standing {
            id,
            rules,
            unconfirmed: None,
            note,
        };
        let Some(unconfirmed) = mirrored.unconfirmed else {
            return Ok(of_head(rules, None));
        };
        let awaiting = self.awaiting_of(&unconfirmed.pending)?;
        let to = awaiting.target();
        if awaiting.seconds_left() > 0 {
            return Ok(of_head(rules, Some(awaiting.sentence())));
        }
        let parent = unconfirmed.pending.parent.unwrap_or(id);
        let (ended, taken_back) = match awaiting.left.end() {
            Some(end) => (end, None),
            None => {
                self.check_namespace(&unconfirmed.pending)?;
                let (pending, back) = (unconfirmed.pending, &unconfirmed.back);
                let unconfirmed = Unconfirmed::of_mirror(pending, back, &rules, &self.overlay());
                ("in time", Some(unconfirmed))
            }
        };
        Ok(Standing {
            id: parent,
            rules: unconfirmed.rules,
            unconfirmed: taken_back,
            note: Some(format!(
                "snapshot {id} was not confirmed {ended}: restored {to}"
            )),
        })
    }

    /// Plans what it would take to bring the kernel to what [`Director::restore`] brings it to, or
    /// to another snapshot.
    ///
    /// # Errors
    /// `not_found` for another snapshot that does not exist; as the kernel refuses.
    pub fn plan_to(
        &mut self,
        name: Option<&SnapshotName>,
        options: &ChangeOptions,
    ) -> Result<Report> {
        let now = self.now();
        let store = self.stores.open()?;
        let mut notes = self.unsettled(&*store)?;
        let (head, head_rules) = head_of(&*store)?;
        let head_id = head.as_ref().map(|head| head.id);
        let overdue = self.awaiting(&*store)?.filter(Awaiting::is_overdue);
        let (plan, wanted) = match (name, overdue) {
            (Some(name), _) => {
                let to = resolve(&*store, name, now)?;
                notes.extend(told(name, &to));
                let wanted = store.ruleset(to.id)?;
                let found = found_of(&*store, head_id, &Extent::Whole)?;
                let found_then = found_of(&*store, Some(to.id), &Extent::Whole)?;
                drop(store);
                let live =
                    self.observe(&[&head_rules, &wanted, found.parts().0, found_then.parts().0])?;
                let now = (&head_rules, &found);
                let plan = plan_of_return(
                    now,
                    (&live, &self.overlay()),
                    (&wanted, &found_then),
                    options,
                );
                (plan, wanted)
            }
            (None, Some(awaiting)) => {
                let wanted = parent_rules(&*store, awaiting.rolls_back_to)?;
                // Nothing of the head is in the kernel of another boot.
                let unconfirmed = match awaiting.left.end() {
                    Some(_) => None,
                    None => Unconfirmed::of(&*store, &self.overlay())?,
                };
                drop(store);
                let live = self.observe(&[&wanted, &head_rules])?;
                (
                    plan_behind(
                        unconfirmed.as_ref(),
                        (&live, &self.overlay()),
                        &wanted,
                        options,
                    ),
                    wanted,
                )
            }
            (None, None) => {
                let found = found_of(&*store, head_id, &Extent::Whole)?;
                drop(store);
                let live = self.observe(&[&head_rules])?;
                let plan = plan_of_everything(
                    (&head_rules, &found),
                    (&live, &self.overlay()),
                    &head_rules,
                    options,
                );
                (plan, head_rules)
            }
        };
        let report = Report {
            plan,
            outcome: Outcome::Planned,
            notes,
            warnings: Vec::new(),
        };
        Ok(self.regret(report, &wanted.entries()))
    }

    /// Brings the kernel to the head. With `best_effort` what cannot be done is listed and the
    /// rest is done: a service with its servers is the unit, its marks follow.
    ///
    /// # Errors
    /// As [`Director::commit`]; where the database cannot be used (damage, a full or failing disk)
    /// the mirror is used instead.
    pub fn restore(&mut self, best_effort: bool, options: &ChangeOptions) -> Result<Report> {
        self.refuse_in_declaration("restore")?;
        let _hold = signals::hold();
        if options.exact {
            return self.restore_exactly(best_effort, options);
        }
        if options.confirm.is_some() {
            return Err(nothing_to_confirm("restore", "it makes no snapshot"));
        }
        let Opened {
            journal,
            head,
            rules,
            mut notes,
        } = match self.open_head(options) {
            Ok(opened) => opened,
            Err(error) if is_of_the_database(&error) => {
                return self.restore_from_mirror(best_effort, options, &error);
            }
            Err(error) => return Err(error),
        };
        let Some(head) = head else {
            notes.push("there are no snapshots yet: nothing to restore".to_owned());
            return Ok(Report {
                plan: Plan::default(),
                outcome: Outcome::Unchanged,
                notes,
                warnings: Vec::new(),
            });
        };
        let live = self.observe(&[&rules])?;
        // Nothing leaves the record: what was found before it is not asked for.
        let nothing = FoundValues::default();
        let plan = plan_of_everything(
            (&rules, &nothing),
            (&live, &self.overlay()),
            &rules,
            options,
        );
        let done = |plan, outcome| {
            Ok(Report {
                plan,
                outcome,
                notes: notes.clone(),
                warnings: Vec::new(),
            })
        };
        if options.plan_only {
            return done(plan, Outcome::Planned);
        }
        if plan.is_empty() && plan.unavailable.is_empty() {
            return done(plan, Outcome::Unchanged);
        }
        let whole = match plan.unavailable.first() {
            Some((key, why)) => {
                drop(journal);
                Err(unavailable(key, why))
            }
            None => self.repair(journal, Some(head), &plan),
        };
        match whole {
            Ok(()) => done(plan, Outcome::Repaired { head }),
            // The intent could not be written: nothing was sent.
            Err(error) if is_of_the_database(&error) => {
                self.restore_from_mirror(best_effort, options, &error)
            }
            Err(error) if best_effort && error.kind() != Kind::UndoFailed => {
                let parts = self.restore_in_parts_of_head(&live, plan, options, notes);
                match parts {
                    // It was not needed so far.
                    Err(error) if is_of_the_database(&error) => {
                        self.restore_from_mirror(best_effort, options, &error)
                    }
                    parts => parts,
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Brings the kernel to the head, and removes what is not managed. That is a change like any
    /// other: recorded, so that it can be undone, and guarded.
    fn restore_exactly(&mut self, best_effort: bool, options: &ChangeOptions) -> Result<Report> {
        let mut notes = Vec::new();
        if best_effort && !options.plan_only {
            let ours = ChangeOptions {
                exact: false,
                confirm: None,
                ..options.clone()
            };
            let mut report = self.restore(true, &ours)?;
            if matches!(report.outcome, Outcome::Partly { .. }) {
                let note = "what is not managed stays: first all that is ours has to stand";
                report.notes.push(note.to_owned());
                return Ok(report);
            }
            notes = report.notes;
        }
        let (store, more) = self.begin(options)?;
        notes.extend(more);
        let (Some(head), head_rules) = head_of(&*store)? else {
            return Err(super::names::no_snapshots());
        };
        let found = found_of(&*store, Some(head.id), &Extent::Whole)?;
        let live = self.observe(&[&head_rules])?;
        let plan = plan_of_everything(
            (&head_rules, &found),
            (&live, &self.overlay()),
            &head_rules,
            options,
        );
        let rules = head_rules.clone();
        let message = options.message.clone();
        let recording = Recording {
            message: message.unwrap_or_else(|| format!("restore of {}, exactly", head.id)),
            rollback_of: None,
            revert_of: None,
            rules: &rules,
            ends_wait: false,
            forgets: false,
        };
        let begun = Begun {
            store,
            notes,
            head: Some(head),
            head_rules,
            found,
        };
        let change = Change::naming_nothing(begun, &live, plan, recording);
        self.finish(change, options)
    }

    /// The head, without the database where nothing is open there; else when what others left is
    /// settled.
    fn open_head(&mut self, options: &ChangeOptions) -> Result<Opened> {
        if let Some(settled) = self.stores.settled()? {
            return Ok(Opened {
                journal: settled.journal,
                head: Some(settled.head),
                rules: settled.rules,
                notes: Vec::new(),
            });
        }
        let (store, notes) = self.begin(options)?;
        Ok(Opened {
            head: store.head()?.map(|head| head.id),
            // Shared with the store: of a large table there is one copy less.
            rules: store.rules_of_head()?,
            journal: store,
            notes,
        })
    }

    /// What remains when the whole cannot be done. The history is held meanwhile, so that
    /// nobody's commit comes between; the head may have moved since the first attempt.
    fn restore_in_parts_of_head(
        &mut self,
        before: &Live,
        plan: Plan,
        options: &ChangeOptions,
        notes: Vec<String>,
    ) -> Result<Report> {
        let (store, more) = self.begin(options)?;
        let notes = notes.into_iter().chain(more).collect();
        let (Some(head), rules) = head_of(&*store)? else {
            return Err(super::names::no_snapshots());
        };
        let failures = self.restore_in_parts(&rules, options)?;
        let plan = Plan {
            changes: self.since(before, &rules)?,
            ..plan
        };
        Ok(partly(plan, head.id, failures, notes))
    }

    /// Without a database: no intent can be written, so each unit is all-or-nothing by itself.
    fn restore_from_mirror(
        &mut self,
        best_effort: bool,
        options: &ChangeOptions,
        damage: &Error,
    ) -> Result<Report> {
        let mirrored = self.stores.mirrored().map_err(|mirror| {
            damage
                .clone()
                .hint(format!("the mirror cannot help either: {mirror}"))
        })?;
        let Standing {
            id,
            rules,
            unconfirmed,
            note,
        } = self.standing(mirrored)?;
        let mut notes = vec![
            match damage.kind() {
                Kind::Damaged => format!("the database is damaged: {}", damage.message()),
                _ => format!("the database cannot be used: {}", damage.message()),
            },
            match damage.kind() {
                Kind::Damaged => format!(
                    "restored from its mirror, snapshot {id}; to save the history: \
                     ipvsh fsck --repair"
                ),
                _ => format!("restored from its mirror, snapshot {id}"),
            },
        ];
        notes.extend(note);
        let before = unconfirmed
            .as_ref()
            .map(|unconfirmed| unconfirmed.deltas.before());
        let live = self.observe(&[&rules, &before.unwrap_or_default()])?;
        let plan = plan_behind(
            unconfirmed.as_ref(),
            (&live, &self.overlay()),
            &rules,
            options,
        );
        if options.plan_only {
            return Ok(Report {
                plan,
                outcome: Outcome::Planned,
                notes,
                warnings: Vec::new(),
            });
        }
        if let Some(unconfirmed) = &unconfirmed {
            notes.extend(self.take_unconfirmed_back(unconfirmed)?.left);
        }
        let failures = self.restore_in_parts(&rules, options)?;
        match failures.into_iter().collect::<Vec<_>>() {
            failures if failures.is_empty() => {
                let outcome = match plan.is_empty() {
                    true => Outcome::Unchanged,
                    false => Outcome::Repaired { head: id },
                };
                Ok(Report {
                    plan,
                    outcome,
                    notes,
                    warnings: Vec::new(),
                })
            }
            failures if best_effort => Ok(partly(plan, id, failures, notes)),
            failures => Err(failures
                .into_iter()
                .next()
                .unwrap_or_else(|| damage.clone())
                .with_kind(Kind::Partial)),
        }
    }

    /// Restores unit by unit, each all-or-nothing; gives the errors of those that failed.
    fn restore_in_parts(&mut self, rules: &Ruleset, options: &ChangeOptions) -> Result<Vec<Error>> {
        let mut failures = Vec::new();
        let mut failed: BTreeSet<ServiceKey> = BTreeSet::new();
        let overlay = self.overlay();
        let (before, behind) = units(rules);
        let mut advance = Advance {
            what: "restoring",
            done: 0,
            total: Some((before.len() + behind.len()) as u64),
            unit: "objects",
        };
        for unit in before {
            self.progress.tell(&advance);
            advance.done += 1;
            let service = unit.service;
            if let Some(error) = self.restore_one(unit, (rules, &overlay), options)? {
                failed.extend(service);
                failures.push(error);
            }
        }
        // The chain is one step, and holds what feeds services that stand.
        let mut feeding = rules.clone();
        for key in rules.mark_keys() {
            if failed.contains(&key.service()) {
                feeding.set_rules(key, Vec::new());
                failures.push(
                    Error::new(Kind::Refused, "their service could not be restored")
                        .object(format!("rules of {key}"))
                        .attempt("left out"),
                );
            }
        }
        let live = self.observe(&[rules])?;
        let marks: BTreeSet<EntryKey> = feeding
            .mark_keys()
            .into_iter()
            .map(EntryKey::Marks)
            .collect();
        if let Err(error) = self.restore_unit((&feeding, &overlay), &live, marks, options) {
            failures.push(error);
        }
        for unit in behind {
            self.progress.tell(&advance);
            advance.done += 1;
            failures.extend(self.restore_one(unit, (rules, &overlay), options)?);
        }
        self.progress.over();
        Ok(failures)
    }

    /// Restores a unit; gives the error where that failed.
    fn restore_one(
        &mut self,
        unit: Unit,
        (rules, overlay): (&Ruleset, &Overlay),
        options: &ChangeOptions,
    ) -> Result<Option<Error>> {
        // Of the table as of the head only what the unit is: there may be thousands.
        let extent = Extent::from(BTreeSet::from_iter(unit.service));
        let mine = extent.within(rules);
        let part = Part {
            services: extent,
            marks: false,
            ..Part::whole()
        };
        let part = part.with_settings_of(&[rules]);
        let live = self.kernel.observe_part(&part)?;
        let restored = self.restore_unit((&mine, overlay), &live, unit.entries, options);
        Ok(restored.err())
    }

    fn restore_unit(
        &mut self,
        (rules, overlay): (&Ruleset, &Overlay),
        live: &Live,
        entries: BTreeSet<EntryKey>,
        options: &ChangeOptions,
    ) -> Result<()> {
        let plan = plan(&Request {
            head: rules,
            found: &FoundValues::default(),
            live,
            wanted: rules,
            overlay,
            scope: Scope::Named(entries),
            exact_servers: &BTreeSet::new(),
            declared: &BTreeMap::new(),
            keep_weights: options.keep_weights,
        });
        if let Some((key, why)) = plan.unavailable.first() {
            return Err(unavailable(key, why));
        }
        if plan.is_empty() {
            return Ok(());
        }
        self.carry_out_or_undo(&plan)
    }

    /// What changed in the kernel since a state was read.
    fn since(&mut self, before: &Live, rules: &Ruleset) -> Result<Vec<crate::plan::Change>> {
        let now = self.observe(&[rules])?;
        Ok(crate::plan::between(&before.rules, &now.rules))
    }
}

/// The plan of a return to a snapshot: what was found since, and is not in it, is given back; what had
/// been removed then, and was given back since, goes again.
pub(super) fn plan_of_return(
    now: (&Ruleset, &FoundValues),
    (live, overlay): (&Live, &Overlay),
    (wanted, found_then): (&Ruleset, &FoundValues),
    options: &ChangeOptions,
) -> Plan {
    let leads = Return::between(now, (wanted, found_then), &live.rules);
    let mut plan = plan_of_everything(
        (&leads.ours, now.1),
        (live, overlay),
        &leads.wanted,
        options,
    );
    leads.count_foreign(&mut plan, wanted);
    plan
}

/// The plan that brings the kernel to rules when an unconfirmed commit is taken back.
fn plan_behind(
    unconfirmed: Option<&Unconfirmed>,
    (live, overlay): (&Live, &Overlay),
    rules: &Ruleset,
    options: &ChangeOptions,
) -> Plan {
    let nothing = FoundValues::default();
    let Some(unconfirmed) = unconfirmed else {
        return plan_of_everything((rules, &nothing), (live, overlay), rules, options);
    };
    let back = unconfirmed.taken_back(live);
    let plan = plan_of_everything((rules, &nothing), (&back.target, overlay), rules, options);
    Plan {
        changes: between(&live.rules, &plan.target.rules),
        steps: steps(live, &plan.target),
        ..plan
    }
}

/// Says whether an error is the database's own, so that the rules can come from the mirror.
fn is_of_the_database(error: &Error) -> bool {
    let ours = [Kind::Damaged, Kind::System].contains(&error.kind());
    ours && error.is_of_database()
}

fn partly(plan: Plan, head: SnapshotId, failures: Vec<Error>, notes: Vec<String>) -> Report {
    let outcome = match failures.is_empty() {
        true => Outcome::Repaired { head },
        false => Outcome::Partly { head, failures },
    };
    Report {
        plan: Plan {
            unavailable: Vec::new(),
            ..plan
        },
        outcome,
        notes,
        warnings: Vec::new(),
    }
}

/// What a best-effort restore does as one: it is all there, or nothing of it.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    /// The service that it is, with its servers; `None`: settings.
    service: Option<ServiceKey>,
    entries: BTreeSet<EntryKey>,
}

/// The units of a best-effort restore, in the order of a change: those before the marks, and those
/// behind them. Each service with its servers is one; the settings that are one object; each other
/// setting. No request meets a VIP before the services and marks are there.
fn units(rules: &Ruleset) -> (Vec<Unit>, Vec<Unit>) {
    let mut services: BTreeMap<ServiceKey, BTreeSet<EntryKey>> = BTreeMap::new();
    let mut one_object = BTreeSet::new();
    let (mut first, mut then, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for entry in rules.entries() {
        match entry {
            EntryKey::Service(key) | EntryKey::Server(key, _) => {
                services.entry(key).or_default().insert(entry);
            }
            EntryKey::Setting(key) if key.facts().are_one_object => {
                one_object.insert(entry);
            }
            EntryKey::Setting(key) => {
                let units = match key.facts().is_set_in {
                    Phase::Setup | Phase::Devices => &mut first,
                    Phase::VipRemoval | Phase::BeforeServices | Phase::BeforeMarks => &mut then,
                    Phase::VipAddition | Phase::Teardown | Phase::Last => &mut last,
                };
                units.push(Unit::of_settings([entry]));
            }
            EntryKey::Marks(MarkKey { .. })
            | EntryKey::ServicePolicy(_)
            | EntryKey::ServerPolicy(_, _) => {}
        }
    }
    if !one_object.is_empty() {
        first.push(Unit::of_settings(one_object));
    }
    first.extend(services.into_iter().map(|(key, entries)| Unit {
        service: Some(key),
        entries,
    }));
    first.extend(then);
    (first, last)
}

impl Unit {
    fn of_settings(entries: impl IntoIterator<Item = EntryKey>) -> Unit {
        Unit {
            service: None,
            entries: entries.into_iter().collect(),
        }
    }
}
