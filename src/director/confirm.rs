//! Commits that must be confirmed: what the head awaits, confirming it, rolling it back.
//!
//! The history holds the truth: such a head carries the boot in which it was made, and a deadline
//! in CLOCK_BOOTTIME. Whoever opens the history to write after that rolls it back first: the next
//! command, `restore` at boot, or the process that a commit starts to wait for it
//! ([`Director::watch`]). None of them is needed for another to do it.

use super::change::{Begun, nothing_named};
use super::options::ChangeOptions;
use super::report::{Report, count};
use super::transaction::{Recording, kept_sentence};
use super::undo::take_back;
use super::{Director, found_of, head_of};
use crate::error::{Error, Kind, Result};
use crate::kernel::{Place, boot, namespace};
use crate::model::{EntryKey, Extent, Grace, Live, Ruleset, Snapshot, SnapshotId};
use crate::plan::{Change, Deltas, Plan, TakenBack, between, described, tally};
use crate::signals;
use crate::store::{Confirm, Draft, Pending, Store, Stores, Turn};

/// What a commit that must be confirmed needs of the host.
pub trait Keeper {
    /// Which boot this is.
    ///
    /// # Errors
    /// `system` where that cannot be read.
    fn boot(&self) -> Result<String>;

    /// CLOCK_BOOTTIME, in milliseconds.
    fn now(&self) -> u64;

    /// Returns true if a network namespace, named as `net:[INODE]`, can be seen from here.
    fn has_namespace(&self, namespace: &str) -> bool {
        namespace::exists(namespace)
    }

    /// Starts somebody who waits for a snapshot that is about to be committed, and rolls it back
    /// where it is not confirmed; `None` where nobody can, or need.
    ///
    /// # Errors
    /// `system` where that fails: the commit is refused then.
    fn watch(&self, id: SnapshotId) -> Result<Option<Box<dyn Watcher>>>;
}

/// Somebody who waits. Dropping it is the same as the end of this process: the waiting begins with
/// a look at what the history holds by then.
pub trait Watcher {
    /// Lets the waiting begin.
    ///
    /// # Errors
    /// `system` where nobody is there any more.
    fn release(self: Box<Self>) -> Result<()>;
}

/// This host, with nobody who waits: the simulator's, whose kernel ends with its process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Keeper for Unwatched {
    fn boot(&self) -> Result<String> {
        boot::boot_id()
    }

    fn now(&self) -> u64 {
        boot::boottime()
    }

    fn watch(&self, _id: SnapshotId) -> Result<Option<Box<dyn Watcher>>> {
        Ok(None)
    }
}

/// How much time a head has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// So many seconds, begun ones counted.
    Seconds(u64),
    /// None: it is to be rolled back.
    Expired,
    /// None: it did not outlive a restart of the machine.
    Rebooted,
    /// None: it did not outlive its network namespace.
    NamespaceGone,
}

impl Left {
    /// What ended it, where nothing of the commit is in any kernel any more.
    pub(super) fn end(self) -> Option<&'static str> {
        match self {
            Left::Seconds(_) | Left::Expired => None,
            Left::Rebooted => Some("before the machine restarted"),
            Left::NamespaceGone => Some("before its network namespace was gone"),
        }
    }
}

/// The head, while it awaits confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaiting {
    /// Its number.
    pub snapshot: SnapshotId,
    /// What it rolls back to; `None`: to no rules.
    pub rolls_back_to: Option<SnapshotId>,
    /// How much time it has left.
    pub left: Left,
}

impl Awaiting {
    fn of(pending: &Pending, here: &Place, keeper: &dyn Keeper) -> Awaiting {
        let left = pending.confirm.deadline.saturating_sub(keeper.now());
        let its = &pending.confirm.place;
        let is_gone = || its.namespace != here.namespace && !keeper.has_namespace(&its.namespace);
        Awaiting {
            snapshot: pending.id,
            rolls_back_to: pending.parent,
            left: match left.div_ceil(1000) {
                _ if its.boot != here.boot => Left::Rebooted,
                _ if is_gone() => Left::NamespaceGone,
                0 => Left::Expired,
                seconds => Left::Seconds(seconds),
            },
        }
    }

    /// The seconds that are left.
    pub fn seconds_left(&self) -> u64 {
        match self.left {
            Left::Seconds(seconds) => seconds,
            Left::Expired | Left::Rebooted | Left::NamespaceGone => 0,
        }
    }

    /// Says whether it has no time left.
    pub fn is_overdue(&self) -> bool {
        !matches!(self.left, Left::Seconds(_))
    }

    /// What it rolls back to, in words.
    pub fn target(&self) -> String {
        target(self.rolls_back_to)
    }

    /// The time that is left, in a word or two.
    pub fn time(&self) -> String {
        match self.left {
            Left::Seconds(seconds) => format!("{seconds} s"),
            Left::Expired | Left::Rebooted | Left::NamespaceGone => "too late".to_owned(),
        }
    }

    /// A sentence for those who look.
    pub fn sentence(&self) -> String {
        let (id, to) = (self.snapshot, self.target());
        match self.left {
            Left::Seconds(seconds) => format!(
                "snapshot {id} awaits confirmation: it rolls back to {to} in {seconds} s unless: \
                 ipvsh confirm"
            ),
            Left::Expired => format!(
                "snapshot {id} was not confirmed in time: the next command that writes rolls it \
                 back to {to} (ipvsh restore)"
            ),
            Left::Rebooted | Left::NamespaceGone => format!(
                "snapshot {id} was not confirmed {}: the next command that writes rolls it back to \
                 {to} (ipvsh restore)",
                self.left.end().unwrap_or("in time")
            ),
        }
    }
}

/// The record of taking a head back that awaits confirmation.
fn taking_back<'a>(awaiting: &Awaiting, message: String, rules: &'a Ruleset) -> Recording<'a> {
    Recording {
        message,
        rollback_of: awaiting.rolls_back_to,
        revert_of: None,
        rules,
        ends_wait: true,
        forgets: false,
    }
}

fn target(parent: Option<SnapshotId>) -> String {
    parent.map_or("no rules".to_owned(), |id| id.to_string())
}

/// What is recorded with a commit that must be confirmed.
pub(super) struct Unless {
    /// How long it may stand.
    pub grace: Grace,
    /// The new rules, but for what the commit changes in the kernel: that as the kernel holds it.
    pub back: Ruleset,
}

impl Unless {
    /// To hold again: what the kernel holds of the entries that the plan changes. Everything else is
    /// not the commit's, and differs from the new rules in nothing.
    pub fn of(grace: Grace, wanted: &Ruleset, live: &Live, plan: &Plan) -> Unless {
        let mut back = wanted.clone();
        for entry in live.rules.differences(&plan.target.rules) {
            back.put(&entry, live.rules.get(&entry));
        }
        if back.marks != wanted.marks {
            back.arrange_marks(&live.rules);
        }
        Unless { grace, back }
    }
}

/// A commit that was not confirmed: what it changed, and what the record returns to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// When its time is over.
    pub pending: Pending,
    /// What it changed in the kernel.
    deltas: Deltas,
}

impl Unconfirmed {
    /// The head of a history, where it awaits confirmation.
    pub(super) fn of(store: &dyn Store) -> Result<Option<Unconfirmed>> {
        let Some(pending) = store.pending()? else {
            return Ok(None);
        };
        let deltas = Deltas::between(&store.back()?, &*store.rules_of_head()?);
        Ok(Some(Unconfirmed { pending, deltas }))
    }

    /// A kernel without what it changed.
    pub(super) fn taken_back(&self, live: &Live) -> TakenBack {
        self.deltas.taken_back(live)
    }

    /// The same as a mirror has it.
    pub(super) fn of_mirror(pending: Pending, back: &Ruleset, rules: &Ruleset) -> Unconfirmed {
        let deltas = Deltas::between(back, rules);
        Unconfirmed { pending, deltas }
    }
}

/// What became of the changes of a commit that was not confirmed.
#[derive(Default)]
pub(super) struct Reverted {
    /// The changes that it took.
    pub changes: Vec<Change>,
    /// What could not be taken back, and what somebody else changed since, a sentence each.
    pub left: Vec<String>,
}

impl Reverted {
    /// All of it in words, for behind a sentence.
    pub fn words(&self) -> String {
        let changes = count(self.changes.len(), "change");
        match self.left.is_empty() {
            true => changes,
            false => format!("{changes}; {}", self.left.join("; ")),
        }
    }
}

/// What to do next about a snapshot that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Look again when CLOCK_BOOTTIME says so, in milliseconds, or when the notice is gone.
    Until(u64),
    /// Nothing: it awaits no confirmation any more.
    Over,
}

/// What was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The snapshot, which stands now.
    pub snapshot: Snapshot,
    /// The seconds that were left.
    pub seconds_left: u64,
}

impl Confirmed {
    /// The sentence that tells it.
    pub fn sentence(&self) -> String {
        format!(
            "snapshot {} confirmed, {} s before it would have rolled back",
            self.snapshot.id, self.seconds_left
        )
    }
}

impl Director {
    /// Lets the head stand, which awaited confirmation; from any network namespace.
    ///
    /// # Errors
    /// `state` where nothing awaits confirmation, and where it comes too late: what was to be
    /// confirmed is rolled back then.
    pub fn confirm(&mut self) -> Result<Confirmed> {
        let _hold = signals::hold();
        let mut store = self.stores.open_to_write()?;
        let head = store.head()?;
        let (Some(awaiting), Some(snapshot)) = (self.awaiting(&*store)?, head.clone()) else {
            return Err(nothing_awaits(head.as_ref()));
        };
        let Left::Seconds(seconds_left) = awaiting.left else {
            drop(store);
            let mut notes = Vec::new();
            self.open_settled(&mut notes)?;
            let error = Error::new(Kind::State, "it comes too late").attempt("cannot confirm");
            let error = error.object(format!("snapshot {}", awaiting.snapshot));
            return Err(notes.into_iter().fold(error, Error::hint));
        };
        if let Err(error) = store.keep() {
            drop(store);
            self.look_again(error, |store| {
                let head = store.head()?.map(|head| head.id);
                Ok(head == Some(snapshot.id) && store.pending()?.is_none())
            })?;
        }
        Ok(Confirmed {
            snapshot,
            seconds_left,
        })
    }

    /// What the head awaits, for a prompt: at once, without the lock; it may be a moment old.
    pub fn glance(&self) -> Option<Awaiting> {
        self.awaiting_of(&self.stores.notice()?).ok()
    }

    /// What the head awaits, where it awaits confirmation.
    ///
    /// # Errors
    /// As the store fails.
    pub fn pending(&self) -> Result<Option<Awaiting>> {
        self.awaiting(&*self.stores.open()?)
    }

    /// What the head awaits.
    pub(super) fn awaiting(&self, store: &dyn Store) -> Result<Option<Awaiting>> {
        let Some(pending) = store.pending()? else {
            return Ok(None);
        };
        self.awaiting_of(&pending).map(Some)
    }

    /// The same of what the history or its mirror says.
    pub(super) fn awaiting_of(&self, pending: &Pending) -> Result<Awaiting> {
        let here = Place {
            boot: self.keeper.boot()?,
            namespace: self.kernel.place()?.namespace,
        };
        Ok(Awaiting::of(pending, &here, &*self.keeper))
    }

    /// Opens the history to write, when what others left is settled: an unfinished commit is
    /// undone, a head whose time is over is rolled back; both are noted.
    pub(super) fn open_settled(&mut self, notes: &mut Vec<String>) -> Result<Box<dyn Store>> {
        loop {
            let (store, more) = self
                .open_to_write()
                .map_err(|error| notes.iter().fold(error, Error::hint))?;
            notes.extend(more);
            match self.awaiting(&*store)? {
                None => return Ok(store),
                Some(awaiting) if awaiting.seconds_left() > 0 => return Ok(store),
                Some(awaiting) => notes.push(self.expire(store, &awaiting)?),
            }
        }
    }

    /// Starts somebody who waits for what is about to be committed on a head.
    pub(super) fn start_watcher(&self, id: SnapshotId) -> Result<Option<Box<dyn Watcher>>> {
        match self.rehearsing {
            true => Ok(None),
            false => self.keeper.watch(id),
        }
    }

    /// Rolls the head back, which was not confirmed; says so in a sentence. The kernel comes first:
    /// a history that cannot be written keeps nothing from being rolled back.
    fn expire(&mut self, mut store: Box<dyn Store>, awaiting: &Awaiting) -> Result<String> {
        let (id, to) = (awaiting.snapshot, awaiting.target());
        let reverted = match (awaiting.left.end(), Unconfirmed::of(&*store)?) {
            (None, Some(unconfirmed)) => self.take_unconfirmed_back(&unconfirmed)?,
            // Nothing of it is in a kernel any more.
            _ => Reverted::default(),
        };
        let recorded = self.record_rollback(&mut *store, awaiting, &reverted);
        if let Ok(id) = recorded {
            self.made_head(id);
        }
        let snapshot = recorded.map_err(|error| {
            error.hint(format!(
                "snapshot {id} was not confirmed in time: the kernel is rolled back to {to} ({}), \
                 and the next command that writes records it",
                reverted.words()
            ))
        })?;
        Ok(match awaiting.left.end() {
            Some(end) => format!(
                "snapshot {id} was not confirmed {end}: rolled back to {to}, snapshot {snapshot}"
            ),
            None => format!(
                "snapshot {id} was not confirmed in time: rolled back to {to}, snapshot {snapshot}, {}",
                reverted.words()
            ),
        })
    }

    /// Records that the head, which was not confirmed, gave way to the one before it.
    fn record_rollback(
        &self,
        store: &mut dyn Store,
        awaiting: &Awaiting,
        reverted: &Reverted,
    ) -> Result<SnapshotId> {
        let (id, parent) = (awaiting.snapshot, awaiting.rolls_back_to);
        let head_rules = store.rules_of_head()?;
        let rules = parent_rules(store, parent)?;
        let found = found_of(store, Some(id), &Extent::Whole)?;
        let found_then = found_of(store, parent, &Extent::Whole)?;
        let draft = Draft {
            time: self.now(),
            author: self.author.clone(),
            message: format!("rollback to {} (not confirmed)", awaiting.target()),
            rollback_of: parent,
            tally: tally(&described(&reverted.changes, &head_rules, &rules)),
            origin: self.origin.clone(),
            ..Draft::default()
        };
        let turn = Turn {
            from: &head_rules,
            to: &rules,
            found: (&found, &found_then),
            unless: None,
        };
        let snapshot = store.record_turn(&draft, &turn)?;
        if !reverted.left.is_empty() {
            let message = format!(
                "the rollback of snapshot {id} left: {}",
                reverted.left.join("; ")
            );
            // It is done: what fails from here on is no reason to say that it was not.
            let _ = self.note(store, &message);
        }
        Ok(snapshot.id)
    }

    /// Takes back in the kernel what an unconfirmed commit changed, each object by itself: drift
    /// elsewhere neither blocks it nor is repaired, and what somebody else changed since stays.
    ///
    /// # Errors
    /// `state` in another network namespace; as the kernel cannot be read.
    pub(super) fn take_unconfirmed_back(&mut self, unconfirmed: &Unconfirmed) -> Result<Reverted> {
        self.check_namespace(&unconfirmed.pending)?;
        let deltas = &unconfirmed.deltas;
        if deltas.is_empty() {
            return Ok(Reverted::default());
        }
        let returned = take_back(&mut *self.kernel, deltas)?;
        let failures = match returned.left.is_empty() {
            true => &[][..],
            false => &returned.failures,
        };
        Ok(Reverted {
            changes: between(&returned.before.rules, &returned.now.rules),
            left: failures
                .iter()
                .map(Error::to_string)
                .chain(returned.kept.iter().map(kept_sentence))
                .collect(),
        })
    }

    /// Takes the head back, which awaits confirmation, before its time is over.
    pub(super) fn withdraw(
        &mut self,
        store: Box<dyn Store>,
        awaiting: &Awaiting,
        options: &ChangeOptions,
        mut notes: Vec<String>,
    ) -> Result<Report> {
        let (head, head_rules) = head_of(&*store)?;
        let rules = parent_rules(&*store, awaiting.rolls_back_to)?;
        let found = found_of(&*store, Some(awaiting.snapshot), &Extent::Whole)?;
        let mut live = self.kernel.observe()?;
        let mut plan = Plan {
            target: live.clone(),
            ..Plan::default()
        };
        if let (None, Some(unconfirmed)) = (awaiting.left.end(), Unconfirmed::of(&*store)?) {
            self.check_namespace(&unconfirmed.pending)?;
            let back = unconfirmed.deltas.taken_back(&live);
            notes.extend(back.kept.iter().map(kept_sentence));
            plan = Plan::to_take_back(&live, back, unconfirmed.deltas.entries());
        }
        live.counts.clear();
        let message = options.message.clone();
        let message = message.unwrap_or_else(|| format!("rollback to {}", awaiting.target()));
        let recording = taking_back(awaiting, message, &rules);
        let options = ChangeOptions {
            // It would happen by itself: that it removes much is no accident.
            allow_removals: true,
            ..options.clone()
        };
        let begun = Begun {
            store,
            notes,
            head,
            head_rules,
            found,
        };
        let looked = (&nothing_named as &dyn Fn(&EntryKey) -> bool, &live);
        self.finish(begun, looked, plan, recording, &options)
    }

    /// Refuses to roll back in another network namespace than that of the commit.
    pub(super) fn check_namespace(&self, pending: &Pending) -> Result<()> {
        let (here, there) = (
            self.kernel.place()?.namespace,
            &pending.confirm.place.namespace,
        );
        if *there == here || self.rehearsing {
            return Ok(());
        }
        Err(Error::new(
            Kind::State,
            format!("it was committed in another network namespace, {there}"),
        )
        .object(format!("snapshot {}", pending.id))
        .attempt("cannot roll back")
        .hint(format!(
            "run any command that writes in {there} (this is {here}), for example `ipvsh restore`"
        )))
    }

    /// Refuses a commit on a head that awaits confirmation; where that was so before a rehearsal
    /// began, it is only noted.
    ///
    /// # Errors
    /// `state`.
    pub(super) fn refuse_pending(&self, store: &dyn Store) -> Result<Option<String>> {
        let Some(awaiting) = self.awaiting(store)? else {
            return Ok(None);
        };
        if self.forgiven == Some(awaiting.snapshot) {
            return Ok(Some(awaiting.sentence()));
        }
        let (to, seconds) = (awaiting.target(), awaiting.seconds_left());
        Err(Error::new(
            Kind::State,
            format!(
                "snapshot {} awaits confirmation, for another {seconds} s",
                awaiting.snapshot
            ),
        )
        .attempt("cannot commit")
        .hint("to keep it: ipvsh confirm")
        .hint(format!("to take it back: ipvsh rollback (to {to})"))
        .hint(format!(
            "or wait: it rolls back to {to} by itself in {seconds} s"
        )))
    }

    /// How a commit is confirmed that is recorded now.
    pub(super) fn confirm_by(&self, grace: Grace) -> Result<Confirm> {
        let time = u64::from(grace.seconds()).saturating_mul(1000);
        Ok(Confirm {
            place: Place {
                boot: self.keeper.boot()?,
                namespace: self.kernel.place()?.namespace,
            },
            deadline: self.keeper.now().saturating_add(time),
            seconds: grace.seconds(),
        })
    }

    /// Looks after a snapshot, for the process that waits for it: undoes a commit that was cut off,
    /// rolls back one whose time is over; notes what it did. `known` is what that process knows of
    /// the commit: with it the kernel is rolled back also where the history is damaged, gone, or on
    /// a full disk.
    ///
    /// # Errors
    /// As the history fails to open, and as a rollback fails: it is to be called again.
    pub fn watch(
        &mut self,
        id: SnapshotId,
        known: &mut Option<Unconfirmed>,
        notes: &mut Vec<String>,
    ) -> Result<Watch> {
        let _hold = signals::hold();
        let error = match self.watch_history(id, known, notes) {
            Ok(Some(watch)) => return Ok(watch),
            Ok(None) => None,
            // Another command has the history open, and may be changing the kernel: it ends soon.
            Err(error) if matches!(error.kind(), Kind::Busy | Kind::Interrupted) => {
                return Err(error);
            }
            Err(error) => Some(error),
        };
        let Some(unconfirmed) = known.clone() else {
            return match error {
                Some(error) => self.watch_mirror(id, error, known),
                None => Ok(Watch::Over),
            };
        };
        let deadline = unconfirmed.pending.confirm.deadline;
        if deadline > self.keeper.now() {
            notes.extend(error.map(|error| format!("snapshot {id}: {error}")));
            return Ok(Watch::Until(deadline));
        }
        let reverted = self.take_unconfirmed_back(&unconfirmed)?;
        let done = format!(
            "snapshot {id} was not confirmed in time: the kernel was rolled back, {}",
            reverted.words()
        );
        match error {
            // The next command that writes records it, when the damage is repaired.
            Some(error) if error.kind() == Kind::Damaged => {
                notes.push(format!("{done}; the history cannot be written: {error}"));
                Ok(Watch::Over)
            }
            // It is to be recorded as soon as there is room.
            Some(error) => Err(error.hint(done)),
            None => {
                notes.push(format!("{done}; the history does not hold it any more"));
                Ok(Watch::Over)
            }
        }
    }

    /// What the history says; none where it does not hold a commit that is known.
    fn watch_history(
        &mut self,
        id: SnapshotId,
        known: &mut Option<Unconfirmed>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Watch>> {
        let store = self.stores.open()?;
        let found = Unconfirmed::of(&*store)?.filter(|found| found.pending.id == id);
        let is_settled = store.intent()?.is_none();
        let is_lost = known.is_some() && store.snapshot(id).is_err();
        drop(store);
        match found {
            Some(found) => *known = Some(found),
            None if is_lost => return Ok(None),
            // Nothing is made where the database is gone.
            None if is_settled => return Ok(Some(Watch::Over)),
            None => {}
        }
        let store = self.open_settled(notes)?;
        Ok(Some(match store.pending()? {
            Some(pending) if pending.id == id => Watch::Until(pending.confirm.deadline),
            _ => Watch::Over,
        }))
    }

    /// Where the database is damaged and nothing is known yet: the mirror knows it too.
    fn watch_mirror(
        &mut self,
        id: SnapshotId,
        error: Error,
        known: &mut Option<Unconfirmed>,
    ) -> Result<Watch> {
        if error.kind() != Kind::Damaged {
            return Err(error);
        }
        let mirrored = self.stores.mirrored().map_err(|_| error)?;
        let Some(unconfirmed) = mirrored.unconfirmed.filter(|found| found.pending.id == id) else {
            return Ok(Watch::Over);
        };
        let deadline = unconfirmed.pending.confirm.deadline;
        let (pending, back) = (unconfirmed.pending, unconfirmed.back);
        *known = Some(Unconfirmed::of_mirror(pending, &back, &mirrored.rules));
        Ok(Watch::Until(deadline))
    }
}

/// Says whether a snapshot awaits confirmation as far as the notice tells: without the lock.
pub fn is_noticed(stores: &dyn Stores, id: SnapshotId) -> bool {
    stores.notice().is_some_and(|pending| pending.id == id)
}

/// The rules of a parent; without one, none.
pub(super) fn parent_rules(store: &dyn Store, parent: Option<SnapshotId>) -> Result<Ruleset> {
    parent.map_or_else(|| Ok(Ruleset::default()), |id| store.ruleset(id))
}

/// Lets somebody's waiting begin; says so where that fails.
pub(super) fn release(watcher: Box<dyn Watcher>) -> Option<String> {
    let error = watcher.release().err()?;
    Some(format!(
        "nobody waits to roll it back ({error}): the next command that writes does it"
    ))
}

/// Refuses a time to confirm where none can be.
pub(super) fn nothing_to_confirm(what: &str, because: &str) -> Error {
    Error::invalid(format!("{because}: there is nothing to confirm"))
        .attempt(format!("cannot {what} with a time to confirm"))
        .hint("leave --confirm out")
}

fn nothing_awaits(head: Option<&Snapshot>) -> Error {
    let error = Error::new(Kind::State, "nothing awaits confirmation").attempt("cannot confirm");
    match head {
        Some(head) => error.hint(format!(
            "the head is snapshot {}, \"{}\"",
            head.id, head.message
        )),
        None => error.hint("there are no snapshots yet"),
    }
}
