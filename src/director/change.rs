//! Commit and rollback.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::adopted;
use super::confirm::Unless;
use super::history::last_to_change;
use super::names::{before_head, resolve, told};
use super::options::ChangeOptions;
use super::report::{Outcome, Report};
use super::transaction::Recording;
use super::{Director, head_of, part_of, plan_of_everything, teach};
use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result};
use crate::kernel::Part;
use crate::kernel::refusal::check_names;
use crate::model::remedy::{DISCARD, REVERT};
use crate::model::{
    EntryKey, Extent, Live, MarkKey, Ruleset, ServiceKey, Snapshot, SnapshotId, SnapshotName,
};
use crate::plan::{Plan, Request, Scope, Step, plan, summary};
use crate::signals;
use crate::store::Store;

/// The number of services from which the removal of more than half is refused.
const GUARDED_FROM: usize = 10;

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
        let _hold = signals::hold();
        let (store, notes) = self.begin(options)?;
        let settled = notes.clone();
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
        let mine = on_head(&*store, mine, id, &head_rules)?;
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
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
        let live = self.look(mine, &begun.head_rules, options)?;
        // What nobody looked at is in none of the three.
        let (mine, head_rules) = match live.extent {
            Extent::Whole => (Cow::Borrowed(mine), begun.head_rules),
            ref part => (
                Cow::Owned(mine.within(part.clone())),
                part.within(&begun.head_rules),
            ),
        };
        let (mine, begun) = (
            &*mine,
            Begun {
                head_rules,
                ..begun
            },
        );
        self.refuse_unknown_names(mine, &live)?;
        let scope = if options.exact {
            Scope::Exact
        } else {
            Scope::Named(mine.scope())
        };
        let plan = plan(&Request {
            head: &begun.head_rules,
            live: &live,
            wanted: mine.rules(),
            scope,
            exact_servers: mine.exact_servers(),
            declared: &mine.declared(),
            keep_weights: options.keep_weights,
        });
        if !options.adopt {
            refuse_foreign(mine, &begun.head_rules, &live)?;
        }
        let recording = (*mine.rules() != begun.head_rules).then(|| Recording {
            message: options
                .message
                .clone()
                .or(recorded.message)
                .unwrap_or_else(|| summary(&plan.changes)),
            rollback_of: None,
            revert_of: recorded.revert_of,
            rules: mine.rules(),
            unless: options
                .confirm
                .map(|grace| Unless::of(grace, &begun.head_rules, mine.rules(), &live, &plan)),
            ends_wait: false,
            adopts: false,
        });
        let report = self.finish(begun, plan, recording, options)?;
        Ok(self.regret(report, &mine.scope()))
    }

    /// Reads of the kernel what a commit must know: all of it where that is little or was asked
    /// for, else the services that it touches.
    fn look(&mut self, mine: &Candidate, head: &Ruleset, options: &ChangeOptions) -> Result<Live> {
        if options.plan_only || options.exact {
            return self.kernel.observe();
        }
        let services = mine.looks_at();
        let marks = !head.marks.is_empty() || services.iter().any(ServiceKey::is_mark);
        self.kernel.observe_part(&Part {
            services: Extent::Services(services),
            or_whole: match mine.extent() {
                Extent::Whole => SMALL,
                Extent::Services(_) => 0,
            },
            marks,
        })
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
        notes.extend(head.as_ref().and_then(|head| also_undone(head, &to)));
        let wanted = store.ruleset(to.id)?;
        let in_kernel = match awaiting.and_then(|awaiting| awaiting.rolls_back_to) == Some(to.id) {
            true => self.rules_to_return_to(&*store, &wanted)?,
            false => wanted.clone(),
        };
        let live = self.kernel.observe()?;
        let plan = plan_of_everything(&head_rules, &live, &in_kernel, options);
        let default = || format!("rollback to {}", to.id);
        let recording = (wanted != head_rules).then(|| Recording {
            message: options.message.clone().unwrap_or_else(default),
            rollback_of: Some(to.id),
            revert_of: None,
            rules: &wanted,
            unless: options
                .confirm
                .map(|grace| Unless::of(grace, &head_rules, &wanted, &live, &plan)),
            ends_wait: true,
            adopts: false,
        });
        let touched = wanted.differences(&head_rules);
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
        };
        let report = self.finish(begun, plan, recording, options)?;
        Ok(self.regret(report, &touched))
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

    /// Opens the history for a change, when what others left is settled; or only to look, where
    /// it is planned.
    pub(super) fn begin(
        &mut self,
        options: &ChangeOptions,
    ) -> Result<(Box<dyn Store>, Vec<String>)> {
        if options.plan_only {
            let store = self.stores.open()?;
            let notes = self.unsettled(&*store)?;
            return Ok((store, notes));
        }
        let mut notes = Vec::new();
        let store = self.open_settled(&mut notes)?;
        Ok((store, notes))
    }

    /// The end of every change: guard, carry out, record, report.
    pub(super) fn finish(
        &mut self,
        begun: Begun,
        plan: Plan,
        recording: Option<Recording>,
        options: &ChangeOptions,
    ) -> Result<Report> {
        let Begun {
            store,
            mut notes,
            head,
            head_rules,
        } = begun;
        refuse_unavailable(&plan)?;
        if !options.allow_removals {
            refuse_removals(&*store, head.as_ref(), &plan, &head_rules)?;
        }
        if options.plan_only {
            return Ok(Report {
                plan,
                outcome: Outcome::Planned,
                notes,
            });
        }
        if let (Some(recording), false) = (&recording, options.allow_removals) {
            adopted::refuse_removals(&*store, head.as_ref(), recording, &plan)?;
        }
        let by_forgetting = recording.as_ref().is_some_and(|recording| {
            let all = ChangeOptions::default();
            let back = || plan_of_everything(recording.rules, &plan.target, &head_rules, &all);
            match plan.is_empty() {
                true => !back().is_empty(),
                // A copy of rules that fed what was adopted: to undo that is to let go as well.
                false => {
                    plan.steps
                        .iter()
                        .all(|step| matches!(step, Step::SetChain { .. }))
                        && adopted::only_adopts(&plan, &head_rules, recording.rules)
                }
            }
        });
        let grace = recording.as_ref().and_then(Recording::grace);
        match &recording {
            Some(recording) if !recording.ends_wait => {
                notes.extend(self.refuse_pending(&*store)?);
            }
            Some(_) => {}
            None => {
                notes.extend(self.awaiting(&*store)?.map(|awaiting| awaiting.sentence()));
                if options.confirm.is_some() && !plan.is_empty() {
                    notes.push("no snapshot was made: there is nothing to confirm".to_owned());
                }
            }
        }
        let watcher = match grace {
            Some(_) => self.start_watcher(head.as_ref())?,
            None => None,
        };
        let recording = recording.map(|recording| Recording {
            adopts: adopted::only_adopts(&plan, &head_rules, recording.rules),
            ..recording
        });
        let head_of_change = (head.as_ref(), &head_rules);
        let snapshot = self.transact(store, head_of_change, &plan, recording)?;
        notes.extend(watcher.and_then(super::confirm::release));
        let outcome = match (snapshot, head) {
            (Some(snapshot), _) => Outcome::Recorded {
                snapshot: Box::new(snapshot),
                by_forgetting,
                grace,
            },
            (None, Some(head)) if !plan.is_empty() => Outcome::Repaired { head: head.id },
            (None, _) => Outcome::Unchanged,
        };
        Ok(Report {
            plan,
            outcome,
            notes,
        })
    }
}

/// The history as a change found it, open until the change is recorded.
pub(super) struct Begun {
    pub store: Box<dyn Store>,
    /// What opening it had to say.
    pub notes: Vec<String>,
    pub head: Option<Snapshot>,
    pub head_rules: Ruleset,
}

/// What the record of a change says beside what every record does.
#[derive(Default)]
pub(super) struct Recorded {
    /// The message where the user gave none; without it, one is made from the change.
    pub message: Option<String>,
    pub revert_of: Option<SnapshotId>,
}

/// Says that a rollback undoes more than one snapshot, for those who meant one of them.
fn also_undone(head: &Snapshot, to: &Snapshot) -> Option<String> {
    let first = SnapshotId(to.id.0.saturating_add(1));
    (first < head.id && head.rollback_of.is_none()).then(|| {
        format!(
            "snapshots {first} to {} are undone by this; {}: {}",
            head.id, REVERT.trouble, REVERT.command
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
    let few = head.map_or(Ok(0), |head| store.count_services(head))? <= SMALL;
    let extent = match few || options.plan_only || options.exact {
        true => Extent::Whole,
        false => Extent::Services(mine.looks_at()),
    };
    teach(store, &mut mine, &extent)?;
    Ok(mine)
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

/// Refuses to change what somebody else made and nobody took over.
fn refuse_foreign(candidate: &Candidate, head: &Ruleset, live: &Live) -> Result<()> {
    for entry in candidate.scope() {
        let (Some(wanted), Some(standing)) =
            (candidate.rules().get(&entry), live.rules.get(&entry))
        else {
            continue;
        };
        let is_timeout = matches!(entry, EntryKey::Timeout(_));
        if head.get(&entry).is_some()
            || candidate.is_taken(&entry)
            || wanted.satisfied_by(&standing)
            || is_timeout
        {
            continue;
        }
        return Err(foreign(&entry, &standing_text(&entry, live)));
    }
    // A complete list of servers would drop servers of a service that is not ours yet.
    for key in candidate.exact_servers() {
        let (false, Some(standing), Some(wanted)) = (
            head.services.contains_key(key) || candidate.is_taken(&EntryKey::Service(*key)),
            live.rules.services.get(key),
            candidate.rules().services.get(key),
        ) else {
            continue;
        };
        if let Some((server, options)) = standing
            .servers
            .iter()
            .find(|(server, _)| !wanted.servers.contains_key(server))
        {
            return Err(foreign(
                &EntryKey::Server(*key, *server),
                &options.summary(),
            ));
        }
    }
    Ok(())
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

fn foreign(entry: &EntryKey, standing: &str) -> Error {
    let differs = format!("somebody else made it, and it differs: the kernel has {standing}");
    taken_over_first(differs, entry).attempt("cannot change")
}

/// Refuses to work on what somebody else made and nobody took over.
pub(super) fn not_ours(entry: &EntryKey) -> Error {
    taken_over_first("somebody else made it".to_owned(), entry)
}

fn taken_over_first(cause: String, entry: &EntryKey) -> Error {
    let name = match entry {
        EntryKey::Marks(key) => key.service().to_string(),
        other => other
            .service()
            .map_or_else(|| other.to_string(), |key| key.to_string()),
    };
    Error::new(Kind::Foreign, cause)
        .object(entry)
        .hint(format!("take it over first: ipvsh adopt \"{name}\""))
        .hint("or let this change take it over: --adopt")
}

fn standing_text(entry: &EntryKey, live: &Live) -> String {
    use crate::model::EntryValue;
    match (entry, live.rules.get(entry)) {
        (EntryKey::Service(key), Some(EntryValue::Service(options))) => {
            options.summary(key.family())
        }
        (_, Some(EntryValue::Server(server))) => server.summary(),
        (_, Some(EntryValue::Marks(rules))) => rules
            .iter()
            .map(|rule| rule.summary())
            .collect::<Vec<_>>()
            .join("; "),
        (_, Some(EntryValue::Daemon(daemon))) => daemon.summary(),
        (_, Some(EntryValue::Timeout(seconds))) => format!("{seconds} s"),
        _ => "it".to_owned(),
    }
}

/// Refuses mark rules where this host cannot have them.
pub(super) fn refuse_unavailable(plan: &Plan) -> Result<()> {
    match plan.unavailable.first() {
        None => Ok(()),
        Some((key, why)) => Err(unavailable(key, why)),
    }
}

pub(super) fn unavailable(key: &MarkKey, why: &str) -> Error {
    Error::new(Kind::Unsupported, format!("not available: {why}"))
        .object(format!("rules of {key}"))
        .attempt("cannot set")
        .hint("services without marks can be managed as ever")
}

/// Refuses to remove more than half of ten or more services by accident.
fn refuse_removals(
    store: &dyn Store,
    head: Option<&Snapshot>,
    plan: &Plan,
    rules: &Ruleset,
) -> Result<()> {
    let removed = plan.removed_services(rules);
    if removed * 2 < GUARDED_FROM {
        return Ok(());
    }
    let all = head.map_or(Ok(0), |head| store.count_services(head.id))?;
    if all < GUARDED_FROM || removed * 2 <= all {
        return Ok(());
    }
    Err(Error::new(
        Kind::Guarded,
        format!("this would remove {removed} of {all} virtual services"),
    )
    .attempt("refused")
    .hint("look at it with --plan; if it is meant: --allow-removals")
    .hint("in a script: commit(\"message\", #{ allow_removals: true })"))
}
