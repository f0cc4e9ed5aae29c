//! The history in sled, with its mirror: what [`super::SledStores`] opens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use super::address::{Address, damaged, seal, unseal};
use super::content::{self, Content, from_json, to_json};
use super::contents::Contents;
use super::intent;
use super::lock::Lock;
use super::mirror::{self, Head, Mirror, State};
use super::node::{Loose, Nodes};
use super::record::{self, Manifest, Record, Tags};
use super::table::{Batch, Table};
use super::whole::Wholeness;
use super::{
    Counts, DatabaseKind, Draft, Faults, Intent, Journal, KernelLock, Pending, Reached, Store,
    Turn, found_values,
};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Event, Extent, FoundValues, Ruleset, ServiceKey, Snapshot, SnapshotId, VirtualService,
};

/// How many events are kept.
const EVENTS: u64 = 100;

/// An open history. It holds the lock until it is dropped.
pub(super) struct History {
    // Dropped in this order: the locks go last.
    pub(super) table: Table,
    pub(super) mirror: Option<Mirror>,
    /// The mirror's end fits, but something before it was found damaged.
    pub(super) mirror_is_broken: Cell<bool>,
    pub(super) manifest: Manifest,
    pub(super) head: Option<Head>,
    pub(super) rules_of_head: RefCell<Option<Rc<Ruleset>>>,
    pub(super) repairs: Vec<String>,
    pub(super) to_write: bool,
    pub(super) dir: PathBuf,
    pub(super) kind: DatabaseKind,
    pub(super) faults: Faults,
    pub(super) lock: Lock,
    /// Held by one that was opened to write: nobody else writes the kernel meanwhile.
    pub(super) kernel: Option<KernelLock>,
}

/// Reads nodes from the table, and keeps new ones beside it.
struct Overlay<'a> {
    table: &'a Table,
    new: Loose,
}

impl Nodes for &Table {
    fn read(&self, address: Address) -> Result<Vec<u8>> {
        let cause = match self.get(&record::node_name(address))? {
            Some(bytes) if Address::of(&[&bytes]) == address => return Ok(bytes),
            Some(_) => "does not fit its address",
            None => "is missing",
        };
        Err(self.named(damaged(format!("node {address} {cause}"))))
    }

    fn write(&mut self, bytes: Vec<u8>) -> Address {
        // Only an overlay is written to.
        Address::of(&[&bytes])
    }
}

impl Nodes for Overlay<'_> {
    fn read(&self, address: Address) -> Result<Vec<u8>> {
        match self.new.0.get(&address) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.table.read(address),
        }
    }

    fn write(&mut self, bytes: Vec<u8>) -> Address {
        self.new.write(bytes)
    }
}

impl History {
    /// Writes a batch together with the manifest that it leads to.
    pub(super) fn apply(&mut self, mut batch: Batch, mut manifest: Manifest) -> Result<()> {
        manifest.writes = self.manifest.writes.saturating_add(1);
        batch.push(sealed_json(record::MANIFEST, &manifest)?);
        self.table.apply(batch)?;
        self.lock.bear_witness(manifest.witness());
        self.manifest = manifest;
        Ok(())
    }

    pub(super) fn fault(&self, point: &'static str) -> Result<()> {
        (self.faults)(point).map_err(|error| {
            let error = super::directory::failed("write", &self.dir, &error);
            self.table.named(error)
        })
    }

    pub(super) fn check_writable(&self) -> Result<()> {
        if self.to_write {
            return Ok(());
        }
        Err(Error::new(Kind::Bug, "the history was opened to read").attempt("cannot write"))
    }

    pub(super) fn record_of(&self, id: SnapshotId) -> Result<Record> {
        if !self.manifest.holds(id) {
            return Err(self.manifest.no_snapshot(id));
        }
        let name = record::snapshot_name(id);
        let record = match self.table.get(&name)? {
            Some(sealed) => read_record(id, &name, &sealed),
            None => Err(damaged(format!("snapshot {id} is missing"))),
        };
        record.map_err(|error| self.table.named(error))
    }

    pub(super) fn tags(&self) -> Result<Tags> {
        let Some(sum) = self.manifest.tags else {
            return Ok(Tags::new());
        };
        let read = |sealed: Option<Vec<u8>>| {
            let sealed = sealed.ok_or_else(|| damaged("the tags are missing"))?;
            let json = unseal(record::TAGS, &sealed, "the record of tags")?;
            if Address::of(&[json]) != sum {
                return Err(damaged("the record of tags is out of date"));
            }
            from_json(json, "the record of tags")
        };
        let sealed = self.table.get(record::TAGS)?;
        read(sealed).map_err(|error| self.table.named(error))
    }

    fn with_tags(&self, mut snapshot: Snapshot) -> Result<Snapshot> {
        snapshot.tags = record::tags_of(&self.tags()?, snapshot.id);
        Ok(snapshot)
    }

    pub(super) fn rules_of_head(&self) -> Result<Rc<Ruleset>> {
        if let Some(rules) = self.rules_of_head.borrow().as_ref() {
            return Ok(Rc::clone(rules));
        }
        let rules = match self.mirrored_rules() {
            Some(rules) => Rc::new(rules),
            None => self.recorded_rules()?,
        };
        *self.rules_of_head.borrow_mut() = Some(Rc::clone(&rules));
        Ok(rules)
    }

    /// The rules of the head out of the mirror, which was compared with it when this was opened.
    fn mirrored_rules(&self) -> Option<Ruleset> {
        let tip = self.mirror.as_ref()?.tip.as_ref()?;
        let head = self.head.as_ref().filter(|head| **head == tip.head)?;
        let rules = mirror::rules_of(&self.dir, self.kind, head);
        // Damage is told where it is repaired; here the database has it too.
        rules
            .inspect_err(|_| self.mirror_is_broken.set(true))
            .ok()
            .flatten()
    }

    /// The rules of the head out of the database, for what the mirror is to hold.
    pub(super) fn recorded_rules(&self) -> Result<Rc<Ruleset>> {
        Ok(Rc::new(match &self.head {
            Some(head) => content::read(&&self.table, head.content)?,
            None => Ruleset::default(),
        }))
    }

    fn write_tags(&mut self, tags: &Tags) -> Result<()> {
        let json = to_json(tags)?;
        let mut manifest = self.manifest.clone();
        manifest.tags = Some(Address::of(&[&json]));
        let batch = vec![(record::TAGS.to_vec(), Some(seal(record::TAGS, &json)))];
        self.table.check_room(&batch)?;
        self.apply(batch, manifest)
    }

    pub(super) fn visit_newest(&self, count: usize) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        let mut expected = self.manifest.next.saturating_sub(1);
        let missing = |id: u64| {
            let error = damaged(format!("snapshot {id} is missing"));
            self.table.named(error)
        };
        let skip_pruned = |expected: &mut u64| {
            while *expected > 0 && !self.manifest.holds(SnapshotId(*expected)) {
                *expected -= 1;
            }
        };
        skip_pruned(&mut expected);
        self.table
            .scan(record::SNAPSHOTS, true, &mut |name, sealed| {
                if records.len() >= count {
                    return Ok(false);
                }
                let id = SnapshotId(expected);
                // One that failed and is still to be taken out, which who only reads leaves.
                if !self.to_write && name == record::snapshot_name(SnapshotId(self.manifest.next)) {
                    return Ok(true);
                }
                if expected == 0 || name != record::snapshot_name(id) {
                    return Err(missing(expected));
                }
                records.push(read_record(id, name, sealed)?);
                expected -= 1;
                skip_pruned(&mut expected);
                Ok(true)
            })?;
        if expected > 0 && records.len() < count {
            return Err(missing(expected));
        }
        Ok(records)
    }
}

pub(super) fn sealed_json(
    name: &[u8],
    value: &impl serde::Serialize,
) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    Ok((name.to_vec(), Some(seal(name, &to_json(value)?))))
}

pub(super) fn read_manifest(name: &[u8], sealed: &[u8]) -> Result<Manifest> {
    from_json(unseal(name, sealed, "its manifest")?, "its manifest")
}

fn read_record(id: SnapshotId, name: &[u8], sealed: &[u8]) -> Result<Record> {
    let what = format!("snapshot {id}");
    record::check_id(from_json(unseal(name, sealed, &what)?, &what)?, id)
}

impl Journal for History {
    fn set_intent(&mut self, intent: &Intent) -> Result<()> {
        self.check_writable()?;
        let rules = self.rules_of_head.borrow().clone();
        let rules = rules.filter(|_| intent.head == self.manifest.head);
        // For what is recorded when the kernel has followed.
        self.table.check_room(&Batch::new())?;
        self.fault("intent")?;
        intent::write(&self.dir, intent, rules.as_deref()).map_err(|error| self.table.named(error))
    }

    fn note_reached(&mut self, reached: &Reached) -> Result<()> {
        self.check_writable()?;
        self.fault("reached")?;
        intent::note(&self.dir, reached).map_err(|error| self.table.named(error))
    }

    fn clear_intent(&mut self) -> Result<()> {
        self.check_writable()?;
        self.fault("clear")?;
        intent::remove(&self.dir).map_err(|error| self.table.named(error))
    }
}

impl Store for History {
    fn head(&self) -> Result<Option<Snapshot>> {
        let head = self.head.as_ref().map(|head| head.snapshot.clone());
        head.map(|snapshot| self.with_tags(snapshot)).transpose()
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        self.with_tags(self.record_of(id)?.snapshot)
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.newest(usize::MAX)
    }

    fn newest(&self, count: usize) -> Result<Vec<Snapshot>> {
        let records = self.visit_newest(count)?;
        let mut snapshots: Vec<Snapshot> = records.into_iter().map(|r| r.snapshot).collect();
        for (tag, id) in self.tags()? {
            // Newest first: the numbers fall.
            if let Ok(place) = snapshots.binary_search_by(|s| id.cmp(&s.id))
                && let Some(snapshot) = snapshots.get_mut(place)
            {
                snapshot.tags.push(tag);
            }
        }
        Ok(snapshots)
    }

    fn ruleset(&self, id: SnapshotId) -> Result<Ruleset> {
        if self.manifest.head == Some(id) {
            return self.rules_of_head().map(|rules| (*rules).clone());
        }
        content::read(&&self.table, self.record_of(id)?.content)
    }

    fn service(&self, id: SnapshotId, key: &ServiceKey) -> Result<Option<VirtualService>> {
        content::service(&&self.table, self.record_of(id)?.content, key)
    }

    fn differing(&self, one: SnapshotId, other: SnapshotId) -> Result<(Ruleset, Ruleset)> {
        let (one, other) = (self.record_of(one)?, self.record_of(other)?);
        content::differences(&&self.table, one.content, other.content)
    }

    fn part(&self, id: SnapshotId, extent: &Extent) -> Result<Ruleset> {
        match extent {
            Extent::Whole => self.ruleset(id),
            Extent::Services(keys) => {
                content::part(&&self.table, self.record_of(id)?.content, keys)
            }
        }
    }

    fn found(&self, id: SnapshotId, extent: &Extent) -> Result<FoundValues> {
        let record = self.record_of(id)?;
        found_values::read(&&self.table, record.found.as_ref(), extent)
    }

    fn next(&self) -> SnapshotId {
        SnapshotId(self.manifest.next)
    }

    fn count_services(&self, id: SnapshotId) -> Result<usize> {
        content::count_services(&&self.table, self.record_of(id)?.content)
    }

    fn rules_of_head(&self) -> Result<Rc<Ruleset>> {
        History::rules_of_head(self)
    }

    fn record_turn(&mut self, draft: &Draft, turn: &Turn) -> Result<Snapshot> {
        self.record_with(draft, turn)
    }

    fn pending(&self) -> Result<Option<Pending>> {
        Ok(self.pending_head())
    }

    fn back(&self) -> Result<Ruleset> {
        self.rules_of_return()
    }

    fn keep(&mut self) -> Result<()> {
        self.confirm_head()
    }

    fn intent(&self) -> Result<Option<Intent<'static>>> {
        let intent = intent::read(&self.dir, self.manifest.head, |head| self.ruleset(head));
        intent.map_err(|error| self.table.named(error))
    }

    fn tagged(&self, tag: &str) -> Result<Option<SnapshotId>> {
        Ok(self.tags()?.get(tag).copied())
    }

    fn set_tag(&mut self, tag: &str, id: SnapshotId) -> Result<()> {
        self.check_writable()?;
        self.record_of(id)?;
        let mut tags = self.tags()?;
        tags.insert(tag.to_owned(), id);
        self.write_tags(&tags)
    }

    fn remove_tag(&mut self, tag: &str) -> Result<bool> {
        self.check_writable()?;
        let mut tags = self.tags()?;
        let was = tags.remove(tag).is_some();
        if was {
            self.write_tags(&tags)?;
        }
        Ok(was)
    }

    fn note(&mut self, event: &Event) -> Result<()> {
        self.check_writable()?;
        let mut numbers = self.manifest.event_numbers();
        let mut batch = vec![sealed_json(&record::event_name(numbers.end), event)?];
        numbers.end = numbers.end.saturating_add(1);
        while numbers.end.saturating_sub(numbers.start) > EVENTS {
            batch.push((record::event_name(numbers.start), None));
            numbers.start = numbers.start.saturating_add(1);
        }
        let manifest = Manifest {
            events: Some((numbers.start, numbers.end)),
            ..self.manifest.clone()
        };
        self.table.check_room(&batch)?;
        self.fault("note")?;
        self.apply(batch, manifest)
    }

    fn events(&self) -> Result<Vec<Event>> {
        let one = |number| {
            let name = record::event_name(number);
            let sealed = self.table.get(&name)?;
            let sealed = sealed.ok_or_else(|| damaged(format!("event {number} is missing")))?;
            let what = format!("event {number}");
            from_json(unseal(&name, &sealed, &what)?, &what)
        };
        let numbers = self.manifest.event_numbers();
        let all: Result<Vec<Event>> = numbers.map(one).collect();
        all.map_err(|error| self.table.named(error))
    }

    fn prune(&mut self, ids: &BTreeSet<SnapshotId>) -> Result<(u64, u64)> {
        self.check_writable()?;
        let tags = self.tags()?;
        let mut manifest = self.manifest.clone();
        for id in ids {
            self.record_of(*id)?;
            if manifest.head == Some(*id) {
                return Err(super::cannot_prune(*id, "is the head"));
            }
            if let Some(tag) = record::tags_of(&tags, *id).first() {
                return Err(super::cannot_prune(*id, &format!("has the tag {tag}")));
            }
            if let Some(pending) = self.pending_head() {
                pending.check_prune(*id)?;
            }
            manifest.prune(*id);
        }
        manifest.writes = manifest.writes.saturating_add(1);
        let mut records = self.visit_newest(usize::MAX)?;
        records.retain(|record| !ids.contains(&record.snapshot.id));
        let contents = Contents {
            records,
            tags,
            events: self.events()?,
            manifest,
        };
        let before = self.table.bytes_on_disk();
        self.fault("prune")?;
        self.exchange(&contents)?;
        Ok((before, self.table.bytes_on_disk()))
    }

    fn repairs(&self) -> Vec<String> {
        self.repairs.clone()
    }
}

impl History {
    /// Records a snapshot: reads and writes what the change touches.
    fn record_with(&mut self, draft: &Draft, turn: &Turn) -> Result<Snapshot> {
        self.check_writable()?;
        let Turn {
            from: old,
            to: rules,
            found: values,
            unless: confirm,
        } = *turn;
        let id = SnapshotId(self.manifest.next);
        let snapshot = record::snapshot_of(draft, id, self.manifest.head);

        let mut nodes = Overlay {
            table: &self.table,
            new: Loose::default(),
        };
        let at = self
            .head
            .as_ref()
            .map_or_else(Content::default, |head| head.content);
        let content = content::write(&mut nodes, (at, old), rules)?;
        let of_head = self.head.as_ref().and_then(|head| head.found.as_ref());
        let found = found_values::write(&mut nodes, of_head, values)?;
        let back = match confirm {
            Some((_, back)) if back != old => Some(content::write(&mut nodes, (at, old), back)?),
            _ => None,
        };
        let mut batch = Batch::new();
        for (address, bytes) in nodes.new.0 {
            let name = record::node_name(address);
            if self.table.get(&name)?.as_deref() != Some(&bytes) {
                batch.push((name, Some(bytes)));
            }
        }
        let manifest = Manifest {
            head: Some(id),
            next: id.0.saturating_add(1),
            pending: confirm.is_some(),
            ..self.manifest.clone()
        };
        let record = Record {
            snapshot: snapshot.clone(),
            content,
            found,
            confirm: confirm.map(|(confirm, _)| confirm.clone()),
            back,
        };
        let head = Head::of(&record);
        batch.push(sealed_json(&record::snapshot_name(id), &record)?);
        batch.push(sealed_json(record::MANIFEST_BEFORE, &self.manifest)?);

        self.table.check_room(&batch)?;
        if self.mirror.is_none() {
            self.rewrite_mirror()?;
        }
        self.fault("mirror")?;
        if let Some(mirror) = &mut self.mirror {
            let prepared = mirror.prepare(turn, head.clone());
            prepared.map_err(|error| self.table.named(error))?;
        }
        let before = self.manifest.clone();
        let written = self
            .fault("database")
            .and_then(|()| self.apply(batch, manifest));
        let written = written.and_then(|()| self.fault("recorded"));
        if let Err(error) = written {
            // Whether the database has it is not known. This mark decides that it has not.
            if let Some(mirror) = &mut self.mirror {
                let _ = mirror.mark(State::Void, true);
            }
            self.table.give_up(&error);
            self.lock.bear_witness(before.witness());
            self.manifest = before;
            return Err(error.attempt(format!("cannot record snapshot {id}")));
        }
        intent::forget(&self.dir);
        self.head = Some(head);
        self.rules_of_head.take();
        self.settle_mirror();
        self.post_notice();
        Ok(snapshot)
    }

    /// Reads everything that there is; gives how much it is, and what is wrong with it.
    ///
    /// # Errors
    /// `system` where it cannot be read at all.
    pub(super) fn examine(&self) -> Result<(Counts, Vec<String>)> {
        let mut problems = Vec::new();
        let mut note = |what: Result<usize>| -> Result<usize> {
            match what {
                Err(error) if error.kind() == Kind::Damaged => {
                    problems.push(error.message());
                    Ok(0)
                }
                other => other,
            }
        };
        let mut counts = Counts {
            head: self.manifest.head,
            writes: self.manifest.writes,
            tags: note(self.tags().map(|tags| tags.len()))?,
            events: note(self.events().map(|events| events.len()))?,
            ..Counts::default()
        };
        note(self.intent().map(|_| 0))?;
        let mut wholeness = Wholeness::default();
        for id in (1..self.manifest.next).map(SnapshotId) {
            if !self.manifest.holds(id) {
                continue;
            }
            let whole = self.record_of(id).and_then(|record| {
                let back = record.back.filter(|_| self.awaits(id));
                let found = record.found.map(|found| found.content);
                let mut contents = [record.content].into_iter().chain(found).chain(back);
                let whole = contents.try_for_each(|at| wholeness.check(&&self.table, at));
                whole.map_err(|error| error.attempt(format!("snapshot {id} cannot be read")))
            });
            counts.snapshots += note(whole.map(|()| 1))?;
        }
        counts.nodes = wholeness.count();
        let held = super::mirror::read(&self.dir, self.kind);
        note(held.and_then(|held| {
            if held.map(|held| held.head) == self.head {
                return Ok(0);
            }
            Err(damaged("the mirror does not hold the head"))
        }))?;
        Ok((counts, problems))
    }
}

#[cfg(test)]
impl History {
    /// Where a snapshot's ruleset is.
    pub(super) fn content(&self, id: SnapshotId) -> Content {
        self.record_of(id).unwrap().content
    }

    /// Makes many snapshots of one ruleset in a single write.
    pub(super) fn fill(&mut self, count: u64, rules: &Ruleset) -> Result<()> {
        let snapshot = self.record(&super::tests::draft("first"), rules)?;
        let content = self.content(snapshot.id);
        let mut batch = Batch::new();
        for id in (2..=count).map(SnapshotId) {
            let snapshot = Snapshot {
                id,
                parent: Some(SnapshotId(id.0 - 1)),
                message: format!("~1 server in tcp 192.0.2.10:80, the {id}th time"),
                ..snapshot.clone()
            };
            let record = Record {
                snapshot,
                content,
                found: None,
                confirm: None,
                back: None,
            };
            batch.push(sealed_json(&record::snapshot_name(id), &record)?);
        }
        let manifest = Manifest {
            head: Some(SnapshotId(count)),
            next: count + 1,
            ..self.manifest.clone()
        };
        self.apply(batch, manifest)?;
        self.load_head()?;
        self.rewrite_mirror()
    }
}
