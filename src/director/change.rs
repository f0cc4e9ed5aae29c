//! Commit and rollback.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::adopted;
use super::awaiting::Confirmation;
use super::begun::{Begun, Change, unavailable};
use super::foreign::refuse_foreign;
use super::guard::{self, Judged};
use super::history::last_to_change;
use super::names::{before_head, resolve, told};
use super::options::ChangeOptions;
use super::report::{Outcome, Report, Undo, Undoing};
use super::restore::plan_of_return;
use super::transaction::{After, Before, Recording};
use super::{Director, found_of, head_of, part_of, teach};
use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result};
use crate::health::Overlay;
use crate::kernel::Part;
use crate::kernel::refusal::check_names;
use crate::model::policy::check::CheckKind;
use crate::model::remedy::{DISCARD, REVERT};
use crate::model::service::SCHEDULERS;
use crate::model::{
    EntryKey, Extent, FoundValues, Grace, Live, Ruleset, ServiceKey, ServiceOptions, Snapshot,
    SnapshotId, SnapshotName, pairs,
};
use crate::plan::{self, Plan, Request, Return, Scope, Step, plan, summary};
use crate::probe;
use crate::signals;
use crate::store::Store;

/// Tables of up to so many services are looked at whole by every commit, to say what differs
/// elsewhere. The cost of a commit to a larger one is that of what it touches.
const SMALL: usize = 64;

impl Director {
    /// Plans what a commit of the candidate would do.
    ///
    /// # Errors
    /// As [`Director::commit`] before its first step.
    pub fn plan(&mut self, candidate: &Candidate, options: &ChangeOptions) -> Result<Report> {
        let options = ChangeOptions {
            plan_only: true,
            ..options.clone()
        };
        self.commit(&mut candidate.clone(), &options)
    }

    /// Brings the kernel to the candidate and records it; the candidate then stands on the new
    /// head. Where the candidate equals the head and the kernel differs in what was named, the
    /// kernel is repaired and no snapshot is made.
    ///
    /// # Errors
    /// `invalid`, `foreign`, `guarded`, `conflict` before anything is sent; `undone` where the
    /// kernel refused and everything was undone; `undo_failed` where that failed too.
    pub fn commit(&mut self, candidate: &mut Candidate, options: &ChangeOptions) -> Result<Report> {
        candidate.check()?;
        // Before any lock is held: it may take seconds.
        let tried = self.try_checks(candidate, options)?;
        let _hold = signals::hold();
        let (store, mut notes) = self.begin(options)?;
        let settled = notes.clone();
        notes.extend(tried);
        // What was settled first is done, whatever becomes of this.
        self.commit_on(store, candidate, options, notes)
            .map_err(|error| settled.into_iter().fold(error, Error::hint))
    }

    fn commit_on(
        &mut self,
        store: Box<dyn Store>,
        candidate: &mut Candidate,
        options: &ChangeOptions,
        notes: Vec<String>,
    ) -> Result<Report> {
        let head = store.head()?;
        let id = head.as_ref().map(|head| head.id);
        let mine = complete(&*store, candidate, id, options)?;
        let head_rules = part_of(&*store, id, mine.extent())?;
        let found = found_of(&*store, id, mine.extent())?;
        let mine = on_head(&*store, mine, id, &head_rules)?;
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let report = self.carry_over(begun, &mine, Recorded::default(), options)?;
        if report.outcome != Outcome::Planned {
            let head = report.snapshot().map(|snapshot| snapshot.id);
            *candidate = mine.committed(head.or(mine.base_id()));
        }
        Ok(report)
    }

    /// The part of a commit that a revert shares: from a candidate on the head to the report.
    pub(super) fn carry_over(
        &mut self,
        begun: Begun,
        mine: &Candidate,
        recorded: Recorded,
        options: &ChangeOptions,
    ) -> Result<Report> {
        let live = self.look(mine, &begun, recorded.found_then.as_ref(), options)?;
        // What nobody looked at is in none of the four.
        let narrowed;
        let (mine, begun) = match live.extent {
            Extent::Whole => (mine, begun),
            ref part => {
                narrowed = mine.within(part.clone());
                (&narrowed, begun.within(part))
            }
        };
        let overlay = self.overlay_of_commit(&begun.head_rules, mine.rules());
        self.refuse_unknown_names(mine, &live)?;
        refuse_bad_files(mine)?;
        let returning = recorded.found_then.as_ref().map(|found_then| {
            let now = (&begun.head_rules, &begun.found);
            Return::between(now, (mine.rules(), found_then), &live.rules)
        });
        let mut scope = mine.scope();
        let (ours, wanted) = match &returning {
            Some(returning) => {
                scope.extend(&returning.entries);
                (&returning.ours, &returning.wanted)
            }
            None => (&begun.head_rules, mine.rules()),
        };
        let mut plan = plan(&Request {
            head: ours,
            found: &begun.found,
            live: &live,
            wanted,
            overlay: &overlay,
            scope: match options.exact {
                true => Scope::Exact,
                false => Scope::Named(scope),
            },
            exact_servers: mine.exact_servers(),
            declared: &mine.declared(),
            keep_weights: options.keep_weights,
        });
        if let Some(returning) = &returning {
            returning.count_foreign(&mut plan, mine.rules());
        }
        if !options.adopt {
            refuse_foreign(mine, &begun.head_rules, &live)?;
        }
        let recording = Recording {
            message: options
                .message
                .clone()
                .or(recorded.message)
                .unwrap_or_else(|| {
                    summary(&plan::described(
                        &plan.changes,
                        &plan.held,
                        &begun.head_rules,
                        mine.rules(),
                    ))
                }),
            rollback_of: None,
            revert_of: recorded.revert_of,
            rules: mine.rules(),
            ends_wait: false,
            forgets: false,
        };
        let taken_over = self.taken_over((&begun.head_rules, mine.rules()), &live);
        let change = Change {
            begun,
            live: &live,
            is_named: &|entry| mine.is_removed_by_name(entry),
            plan,
            recording,
        };
        let mut report = self.finish(change, options)?;
        report.notes.extend(taken_over);
        Ok(self.regret(report, &mine.scope()))
    }

    /// Reads of the kernel what a commit must know: all of it where that is little or was asked
    /// for, else the services that it touches.
    fn look(
        &mut self,
        mine: &Candidate,
        begun: &Begun,
        found_then: Option<&FoundValues>,
        options: &ChangeOptions,
    ) -> Result<Live> {
        let nothing = FoundValues::default();
        let rulesets = [
            mine.rules(),
            &begun.head_rules,
            begun.found.parts().0,
            found_then.unwrap_or(&nothing).parts().0,
        ];
        if options.plan_only || options.exact || mine.changes_needs() {
            let mut part = Part::whole().with_settings_of(&rulesets);
            part.settings
                .extend(mine.scope().iter().filter_map(EntryKey::of_host));
            return self.kernel.observe_part(&part);
        }
        let mut services = mine.looks_at();
        if let Some(found_then) = found_then {
            let (now, then) = (begun.found.entries(), found_then.entries());
            let differs = now.symmetric_difference(&then);
            services.extend(differs.filter_map(EntryKey::service));
        }
        let with_marks =
            !begun.head_rules.marks.is_empty() || !begun.found.parts().0.marks.is_empty();
        let marks = with_marks || services.iter().any(ServiceKey::is_mark);
        let part = Part {
            services: Extent::Services(services),
            or_whole: match mine.extent() {
                Extent::Whole => SMALL,
                Extent::Services(_) => 0,
            },
            marks,
            ..Part::whole()
        };
        let mut part = part.with_settings_of(&rulesets);
        // What was taken over and removed again is in none of them.
        part.settings
            .extend(mine.scope().iter().filter_map(EntryKey::of_host));
        self.kernel.observe_part(&part)
    }

    /// Makes an old snapshot the new head; without a name, the one before the head. It ends the
    /// wait for a confirmation; without a name it takes back what awaits it.
    ///
    /// # Errors
    /// `state` where the head is itself a rollback and no name was given; `not_found`; as
    /// [`Director::commit`].
    pub fn rollback(
        &mut self,
        name: Option<&SnapshotName>,
        options: &ChangeOptions,
    ) -> Result<Report> {
        let _hold = signals::hold();
        let now = self.now();
        // It ends the wait for a confirmation itself: a head whose time is over may stand.
        let (store, mut notes) = match options.plan_only {
            true => self.begin(options)?,
            false => self.open_to_write()?,
        };
        let awaiting = self.awaiting(&*store)?;
        if let (Some(awaiting), Some(_)) = (&awaiting, options.confirm) {
            return Err(confirm_twice(awaiting.snapshot));
        }
        if let (Some(awaiting), None) = (&awaiting, name) {
            return self.withdraw(store, awaiting, options, notes);
        }
        let (head, head_rules) = head_of(&*store)?;
        let to = match name {
            Some(name) => {
                let to = resolve(&*store, name, now)?;
                notes.extend(told(name, &to));
                to
            }
            None => {
                let to = before_head(&*store)?;
                notes.push(format!(
                    "the one before the head is snapshot {}, \"{}\" by {}",
                    to.id, to.message, to.author
                ));
                to
            }
        };
        let also_undone = head.as_ref().and_then(|head| also_undone(head, &to));
        let wanted = store.ruleset(to.id)?;
        if let Some(pending) = store.pending()? {
            self.check_namespace(&pending)?;
        }
        let head_id = head.as_ref().map(|head| head.id);
        let found = found_of(&*store, head_id, &Extent::Whole)?;
        let found_then = found_of(&*store, Some(to.id), &Extent::Whole)?;
        let live = self.observe(&[&head_rules, &wanted, found.parts().0, found_then.parts().0])?;
        let now = (&head_rules, &found);
        let plan = plan_of_return(
            now,
            (&live, &self.overlay()),
            (&wanted, &found_then),
            options,
        );
        let default = || format!("rollback to {}", to.id);
        let recording = Recording {
            message: options.message.clone().unwrap_or_else(default),
            rollback_of: Some(to.id),
            revert_of: None,
            rules: &wanted,
            ends_wait: true,
            forgets: false,
        };
        let touched = wanted.differences(&head_rules);
        let told_before = notes.len();
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let change = Change::naming_nothing(begun, &live, plan, recording);
        let mut report = self.finish(change, options)?;
        if report.outcome != Outcome::Unchanged {
            let told_first = report.notes.len().min(told_before);
            report.notes.splice(told_first..told_first, also_undone);
        }
        Ok(self.regret(report, &touched))
    }

    /// The overlay that a commit goes by: where a daemon runs, servers that it adds may wait.
    fn overlay_of_commit(&self, head: &Ruleset, wanted: &Ruleset) -> Overlay {
        let overlay = self.overlay();
        let waiting = overlay.clone().with_new_servers(head, wanted);
        // A daemon that does not answer would not let them in again.
        match waiting != overlay && self.health.answers() {
            true => waiting,
            false => overlay,
        }
    }

    /// Refuses schedulers and engines that nobody has, before anything is sent. What some live
    /// service uses, the kernel has: its modules are looked up for new names only.
    fn refuse_unknown_names(&self, candidate: &Candidate, live: &Live) -> Result<()> {
        let all = live.rules.services.values().map(|service| &service.options);
        let used: BTreeSet<_> = all.map(|o| (&o.scheduler, &o.engine)).collect();
        let mut named = candidate
            .spoken_services()
            .filter(|(_, s)| !used.contains(&(&s.options.scheduler, &s.options.engine)))
            .peekable();
        if named.peek().is_none() {
            return Ok(());
        }
        let Some(names) = self.kernel.names() else {
            return Ok(());
        };
        named.try_for_each(|(key, service)| check_names(key, &service.options, &names))
    }

    /// Refuses a scheduler or an engine that nobody has.
    ///
    /// # Errors
    /// `invalid`, with a "did you mean".
    pub(super) fn check_names(&self, key: &ServiceKey, options: &ServiceOptions) -> Result<()> {
        let is_known = SCHEDULERS.contains(&options.scheduler.name())
            && options
                .engine
                .as_ref()
                .is_none_or(|engine| engine.name() == "sip");
        // To look at the modules costs more than all the rest of a declaration.
        if is_known {
            return Ok(());
        }
        let names = self.kernel.names();
        names.map_or(Ok(()), |names| check_names(key, options, &names))
    }

    /// Opens the history for a change, when what others left is settled; or only to look, where
    /// it is planned.
    pub(super) fn begin(
        &mut self,
        options: &ChangeOptions,
    ) -> Result<(Box<dyn Store>, Vec<String>)> {
        if options.plan_only {
            let store = self.stores.open()?;
            self.follow(&*store)?;
            let notes = self.unsettled(&*store)?;
            return Ok((store, notes));
        }
        let mut notes = Vec::new();
        let store = self.open_settled(&mut notes)?;
        Ok((store, notes))
    }

    /// The end of every change: guard, carry out, record, report.
    pub(super) fn finish(&mut self, change: Change, options: &ChangeOptions) -> Result<Report> {
        let Change {
            begun,
            live,
            is_named,
            mut plan,
            recording,
        } = change;
        let Begun {
            store,
            mut notes,
            head,
            head_rules,
            found,
        } = begun;
        refuse_unavailable(&plan)?;
        self.refuse_impossible(&plan, (&head_rules, recording.rules), live)?;
        let ours = head
            .as_ref()
            .map_or(Ok(0), |head| store.count_services(head.id))?;
        if !options.allow_removals {
            guard::refuse_removals(&Judged {
                turn: (&head_rules, recording.rules),
                plan: &plan,
                found: &found,
                is_named,
                is_ours: &|key| head_rules.services.contains_key(key),
                ours,
                live: (live.extent == Extent::Whole).then_some(live.rules.services.len()),
            })?;
            if options.keep_serving {
                guard::refuse_unserved(&plan)?;
            }
        }
        let described = plan::described(&plan.changes, &plan.held, &head_rules, recording.rules);
        // Of a large table the changes are not there twice.
        if let Cow::Owned(changes) = described {
            plan.changes = changes;
        }
        if options.plan_only {
            return Ok(Report {
                plan,
                outcome: Outcome::Planned,
                notes,
                warnings: Vec::new(),
            });
        }
        if !options.allow_removals {
            adopted::refuse_removals(&*store, head.as_ref(), &recording, &plan)?;
        }
        let recorded = plan::Recorded {
            head: &head_rules,
            found: &found,
            rules: recording.rules,
            forgets: recording.forgets,
        };
        let found_after = recorded.found_after(live, &plan.target);
        let is_change = *recording.rules != head_rules
            || found_after != found && found_after != recorded.found_after(live, live)
            || options.confirm.is_some() && !plan.is_empty()
            // A head that awaits confirmation gives way to a new one, whatever that holds.
            || recording.ends_wait && store.pending()?.is_some();
        let head_id = head.as_ref().map(|head| head.id);
        if !is_change {
            notes.extend(self.awaiting(&*store)?.map(|awaiting| awaiting.sentence()));
            let outcome = match head_id {
                _ if plan.is_empty() => Outcome::Unchanged,
                Some(head) => Outcome::Repaired { head },
                None => Outcome::Unchanged,
            };
            if !plan.is_empty() {
                self.repair(store, head_id, &plan)?;
            }
            return Ok(Report {
                plan,
                outcome,
                notes,
                warnings: Vec::new(),
            });
        }
        if !recording.ends_wait {
            notes.extend(self.refuse_pending(&*store)?);
        }
        let undoing = Undoing {
            how: how_to_undo(
                &plan,
                (&head_rules, &found),
                (recording.rules, &found_after),
                || self.overlay(),
            ),
            allow_removals: is_undoing_much(&plan, recording.rules, &head_rules, ours)
                || guard::undoing_removes_used_vip(&plan, &head_rules)
                || guard::undoing_removes_checks(&head_rules, recording.rules),
            to: None,
        };
        let timer = match options.confirm {
            Some(_) => self.arm_confirm_timer(store.next())?,
            None => None,
        };
        let confirmation = options
            .confirm
            .map(|grace| Confirmation::of(grace, (&head_rules, recording.rules), live, &plan));
        let after = After {
            adopts: adopted::only_adopts(&plan, &head_rules, recording.rules),
            recording,
            found: found_after,
            confirmation,
        };
        let grace: Option<Grace> = after.grace();
        let before = Before {
            head: head_id,
            rules: &head_rules,
            found: &found,
        };
        let snapshot = self.transact(store, &before, &plan, after)?;
        self.health.poke();
        notes.extend(timer.and_then(super::confirm::start));
        Ok(Report {
            plan,
            outcome: Outcome::Recorded {
                snapshot: Box::new(snapshot),
                undoing,
                grace,
            },
            notes,
            warnings: Vec::new(),
        })
    }
}

/// What brings back what the kernel held before a change. One that took over what was there, or that
/// left the kernel alone where a rollback would not, is undone in the record alone.
fn how_to_undo(
    plan: &Plan,
    (head, found): (&Ruleset, &FoundValues),
    (rules, found_after): (&Ruleset, &FoundValues),
    overlay: impl FnOnce() -> Overlay,
) -> Undo {
    let is_in_the_record_alone = || {
        let live = &plan.target;
        let all = ChangeOptions::default();
        let back = plan_of_return(
            (rules, found_after),
            (live, &overlay()),
            (head, found),
            &all,
        );
        let takes_over = found_after.entries().iter().any(|entry| !found.has(entry));
        takes_over || !back.is_empty()
    };
    // A copy of rules that fed what was adopted: theirs may be gone by then, so ours stay.
    let copies_marks = || {
        let mut steps = plan.steps.iter();
        steps.all(|step| matches!(step, Step::SetChain { .. }))
            && adopted::only_adopts(plan, head, rules)
    };
    let lets_go = match plan.is_empty() {
        true => is_in_the_record_alone(),
        false => copies_marks(),
    };
    match lets_go {
        true => Undo::Forget,
        false if plan.left_alone.is_empty() => Undo::Rollback,
        false => Undo::Revert,
    }
}

/// Returns true if undoing a change removes so much that it has to be asked for by name.
fn is_undoing_much(plan: &Plan, rules: &Ruleset, head: &Ruleset, ours: usize) -> bool {
    let added = |step: &&Step| match step {
        Step::AddService { key, .. } => !head.services.contains_key(key),
        _ => false,
    };
    let new = pairs(&head.services, &rules.services);
    let (come, gone) = new.fold((0, 0), |(come, gone), (_, head, rules)| {
        match (head, rules) {
            (None, Some(_)) => (come + 1, gone),
            (Some(_), None) => (come, gone + 1),
            _ => (come, gone),
        }
    });
    let all = (ours + come).saturating_sub(gone);
    guard::is_much(plan.steps.iter().filter(added).count(), all)
}

/// What the record of a change says beside what every record does.
#[derive(Default)]
pub(super) struct Recorded {
    /// The message where the user gave none; without it, one is made from the change.
    pub message: Option<String>,
    pub revert_of: Option<SnapshotId>,
    /// Where entries are given back: the values found that the head keeps.
    pub found_then: Option<FoundValues>,
}

/// Says that a rollback undoes more than one snapshot, for those who meant one of them.
fn also_undone(head: &Snapshot, to: &Snapshot) -> Option<String> {
    let first = SnapshotId(to.id.0.saturating_add(1));
    (first < head.id && head.rollback_of.is_none()).then(|| {
        let to = if first.0 + 1 == head.id.0 {
            "and"
        } else {
            "to"
        };
        format!(
            "this also undoes snapshots {first} {to} {}; to undo only one: {}",
            head.id, REVERT.command
        )
    })
}

/// A candidate that knows of its head what a commit looks at.
fn complete(
    store: &dyn Store,
    candidate: &Candidate,
    head: Option<SnapshotId>,
    options: &ChangeOptions,
) -> Result<Candidate> {
    let mut mine = candidate.clone();
    if !mine.maintenance_in_scope().is_empty() {
        teach(store, &mut mine, &Extent::Whole)?;
    }
    let few = head.map_or(Ok(0), |head| store.count_services(head))? <= SMALL;
    let extent = match few || options.plan_only || options.exact {
        true => Extent::Whole,
        false => Extent::Services(mine.looks_at()),
    };
    teach(store, &mut mine, &extent)?;
    if mine.changes_needs() {
        // Another service may need the same setting.
        teach(store, &mut mine, &Extent::Whole)?;
    }
    Ok(mine)
}

/// Refuses checks that are new or changed and run a program that is missing, or that others could
/// change, or as a user that does not exist; and those that name a file of certificates without any.
fn refuse_bad_files(candidate: &Candidate) -> Result<()> {
    let files = |rules: &Ruleset| {
        let services = rules.services.values();
        let checks = services.flat_map(|service| {
            let own = service.server_policies.values();
            let own = own.filter_map(|policy| policy.checks.as_deref()).flatten();
            service.policy.checks.iter().chain(own)
        });
        let files = checks.filter_map(|check| match &check.kind {
            CheckKind::Exec(exec) => Some(CheckFile::Program {
                command: exec.command.clone(),
                user: exec.user.clone(),
            }),
            CheckKind::Http(http) => {
                let path = http.tls.as_ref().and_then(|tls| tls.ca.clone());
                path.map(CheckFile::Authorities)
            }
            _ => None,
        });
        files.collect::<BTreeSet<_>>()
    };
    let standing = files(candidate.base());
    let new = files(candidate.rules());
    let mut new = new.difference(&standing);
    new.try_for_each(|file| {
        let examined = match file {
            CheckFile::Program { command, user } => probe::examine(command, user),
            CheckFile::Authorities(path) => probe::authorities(path).map(|_| ()),
        };
        examined.map_err(|e| e.about("check"))
    })
}

/// A file that checks need.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum CheckFile {
    /// A program, and the user that it runs as.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// The user.
        user: String,
    },
    /// Certificates that may have signed a server's.
    Authorities(String),
}

/// The candidate on the present head: moved there where somebody else committed meanwhile.
fn on_head(
    store: &dyn Store,
    candidate: Candidate,
    head_id: Option<SnapshotId>,
    rules: &Ruleset,
) -> Result<Candidate> {
    let base = candidate.base_id();
    if base == head_id {
        return Ok(candidate);
    }
    let clash = match candidate.rebase(head_id, rules) {
        Ok(moved) => return Ok(moved),
        Err(clash) => clash,
    };
    let by = match last_to_change(store, base, &clash)? {
        None => store.head()?,
        found => found,
    };
    let by = by.as_ref().map_or("somebody else".to_owned(), named);
    let error = Error::new(
        Kind::Conflict,
        format!("{} was also changed by {by}", clash.what()),
    );
    Err(error
        .object(clash.entry)
        .hint("look at it with `ipvsh history -p`, then run your change again")
        .hint(format!("at the prompt: {} first", DISCARD.call)))
}

/// A snapshot with what says whose and what it is: `snapshot 7 "drain web" by alice`.
pub(super) fn named(snapshot: &Snapshot) -> String {
    format!(
        "snapshot {} \"{}\" by {}",
        snapshot.id, snapshot.message, snapshot.author
    )
}

/// A rollback that fails to be confirmed would bring back what was not confirmed either.
fn confirm_twice(pending: SnapshotId) -> Error {
    Error::new(
        Kind::State,
        format!("snapshot {pending} awaits confirmation: what takes it back cannot"),
    )
    .attempt("cannot roll back with --confirm")
    .hint("leave --confirm out, or keep that snapshot first: ipvsh confirm")
}

/// Refuses mark rules where this host cannot have them.
pub(super) fn refuse_unavailable(plan: &Plan) -> Result<()> {
    match plan.unavailable.first() {
        None => Ok(()),
        Some((key, why)) => Err(unavailable(key, why)),
    }
}
