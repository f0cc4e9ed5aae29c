//! The history in sled, with its mirror: what [`super::SledStores`] opens.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use super::address::{Address, damaged, seal, unseal};
use super::content::{self, Content, from_json, to_json};
use super::lock::Lock;
use super::mirror::{Head, Mirror, State};
use super::node::{Loose, Nodes};
use super::record::{self, Manifest, Parts, Record, Tags};
use super::table::{Batch, Table};
use super::{DatabaseKind, Draft, Faults, Intent, Store};
use crate::error::{Error, Kind, Result};
use crate::model::{Ruleset, ServiceKey, Snapshot, SnapshotId, VirtualService};

/// The bytes of a part of the intent.
const PART: usize = 4096;

/// An open history. It holds the lock until it is dropped.
pub(super) struct History {
    // Dropped in this order: the lock goes last.
    pub(super) table: Table,
    pub(super) mirror: Option<Mirror>,
    manifest: Manifest,
    head: Option<Head>,
    rules_of_head: RefCell<Option<Rc<Ruleset>>>,
    repairs: Vec<String>,
    to_write: bool,
    dir: PathBuf,
    kind: DatabaseKind,
    faults: Faults,
    lock: Lock,
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
    /// Reads the manifest and settles what a crash or a failure left between database and mirror.
    pub(super) fn open(
        table: Table,
        lock: Lock,
        dir: PathBuf,
        kind: DatabaseKind,
        to_write: bool,
        faults: Faults,
    ) -> Result<History> {
        let manifest = match table.get(record::MANIFEST)? {
            Some(sealed) => read_manifest(record::MANIFEST, &sealed)?,
            None if table.is_empty()? => Manifest::default(),
            None => return Err(damaged("its manifest is missing")),
        };
        let mut history = History {
            table,
            mirror: None,
            manifest,
            head: None,
            rules_of_head: RefCell::default(),
            repairs: Vec::new(),
            to_write,
            dir,
            kind,
            faults,
            lock,
        };
        let (seen, known) = (history.lock.witness(), history.manifest.writes);
        if known < seen {
            let lost = seen - known;
            return Err(damaged(format!(
                "the last {lost} of {seen} writes are missing"
            )));
        }
        history.load_head()?;
        history.reconcile()?;
        Ok(history)
    }

    fn load_head(&mut self) -> Result<()> {
        let record = self
            .manifest
            .head
            .map(|id| self.record_of(id))
            .transpose()?;
        self.head = record.map(|record| Head {
            snapshot: record.snapshot,
            content: record.content,
        });
        self.rules_of_head.take();
        Ok(())
    }

    /// Makes the mirror hold what the head does, or says that the database lost something.
    fn reconcile(&mut self) -> Result<()> {
        let mut mirror = match Mirror::open(&self.dir, self.kind) {
            Ok(mirror) => mirror,
            Err(error) if error.kind() == Kind::Damaged || !self.to_write => None,
            Err(error) => return Err(error),
        };
        // Each round settles one line, and there is at most one that needs it.
        for _ in 0..3 {
            let Some(open) = &mut mirror else { break };
            let Some(tip) = open.tip.clone() else { break };
            let ours = self.manifest.head.map_or(0, |head| head.0);
            let theirs = tip.head.snapshot.id.0;
            if self.head.as_ref() == Some(&tip.head) {
                match tip.state {
                    State::Done => {}
                    State::UnderWay => open.mark(State::Done, false)?,
                    State::Void => {
                        self.take_back()?;
                        continue;
                    }
                }
                open.trim()?;
                self.mirror = mirror;
                return Ok(());
            }
            if theirs <= ours {
                break;
            }
            if tip.state == State::Done || tip.head.snapshot.parent != self.manifest.head {
                return Err(damaged(format!(
                    "snapshot {theirs} was committed, but the history ends at {ours}"
                )));
            }
            // Its record did not reach the database: it is no snapshot, and never was one.
            open.drop_tip()?;
            if tip.state == State::UnderWay {
                let note = format!("a commit on snapshot {ours} ended before it was recorded");
                self.repairs.push(note);
            }
        }
        let empty = mirror.as_ref().is_some_and(|mirror| mirror.tip.is_none());
        if empty && self.head.is_none() {
            self.mirror = mirror;
        } else if self.to_write {
            self.rewrite_mirror()?;
            if self.head.is_some() {
                self.repairs
                    .push("the mirror was written anew from the database".to_owned());
            }
        }
        Ok(())
    }

    fn rewrite_mirror(&mut self) -> Result<()> {
        let rules = self.rules_of_head()?;
        let head = self.head.as_ref().map(|head| (head, rules.as_ref()));
        self.mirror = Some(Mirror::create(&self.dir, self.kind, head)?);
        Ok(())
    }

    /// Takes back the last commit: the database could not say whether it was written, the caller
    /// was told that it was not, and undid it.
    fn take_back(&mut self) -> Result<()> {
        let Some(id) = self.manifest.head else {
            return Ok(());
        };
        let before = match self.table.get(record::MANIFEST_BEFORE)? {
            Some(sealed) => read_manifest(record::MANIFEST_BEFORE, &sealed)?,
            None => {
                return Err(damaged(format!(
                    "the state before snapshot {id} is missing"
                )));
            }
        };
        if before.next != id.0 {
            return Err(damaged(format!(
                "the state before snapshot {id} is another"
            )));
        }
        let batch = vec![
            (record::snapshot_name(id), None),
            (record::MANIFEST_BEFORE.to_vec(), None),
        ];
        self.apply(batch, before)?;
        self.repairs.push(format!(
            "snapshot {id}, which had failed and was undone, was taken out of the history"
        ));
        self.load_head()
    }

    /// Writes a batch together with the manifest that it leads to.
    fn apply(&mut self, mut batch: Batch, mut manifest: Manifest) -> Result<()> {
        manifest.writes = self.manifest.writes.saturating_add(1);
        batch.push(sealed_json(record::MANIFEST, &manifest)?);
        self.table.apply(batch)?;
        self.lock.bear_witness(manifest.writes);
        self.manifest = manifest;
        Ok(())
    }

    fn fault(&self, point: &'static str) -> Result<()> {
        (self.faults)(point).map_err(|error| {
            let error = super::directory::failed("write", &self.dir, &error);
            self.table.named(error)
        })
    }

    fn check_writable(&self) -> Result<()> {
        if self.to_write {
            return Ok(());
        }
        Err(Error::new(Kind::Bug, "the history was opened to read").attempt("cannot write"))
    }

    fn record_of(&self, id: SnapshotId) -> Result<Record> {
        if !self.manifest.holds(id) {
            let (first, last) = record::ends(&self.manifest);
            return Err(record::no_snapshot(id, first, last));
        }
        let name = record::snapshot_name(id);
        let record = match self.table.get(&name)? {
            Some(sealed) => read_record(id, &name, &sealed),
            None => Err(damaged(format!("snapshot {id} is missing"))),
        };
        record.map_err(|error| self.table.named(error))
    }

    fn tags(&self) -> Result<Tags> {
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

    fn rules_of_head(&self) -> Result<Rc<Ruleset>> {
        if let Some(rules) = self.rules_of_head.borrow().as_ref() {
            return Ok(Rc::clone(rules));
        }
        let rules = Rc::new(match &self.head {
            Some(head) => content::read(&&self.table, head.content)?,
            None => Ruleset::default(),
        });
        *self.rules_of_head.borrow_mut() = Some(Rc::clone(&rules));
        Ok(rules)
    }

    fn write_tags(&mut self, tags: &Tags) -> Result<()> {
        let json = to_json(tags)?;
        let mut manifest = self.manifest.clone();
        manifest.tags = Some(Address::of(&[&json]));
        let batch = vec![(record::TAGS.to_vec(), Some(seal(record::TAGS, &json)))];
        self.table.check_room(&batch)?;
        self.apply(batch, manifest)
    }

    fn visit_newest(&self, count: usize) -> Result<Vec<Record>> {
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

fn sealed_json(name: &[u8], value: &impl serde::Serialize) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    Ok((name.to_vec(), Some(seal(name, &to_json(value)?))))
}

fn read_manifest(name: &[u8], sealed: &[u8]) -> Result<Manifest> {
    from_json(unseal(name, sealed, "its manifest")?, "its manifest")
}

fn read_record(id: SnapshotId, name: &[u8], sealed: &[u8]) -> Result<Record> {
    let what = format!("snapshot {id}");
    record::check_id(from_json(unseal(name, sealed, &what)?, &what)?, id)
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

    fn record(&mut self, draft: &Draft, rules: &Ruleset) -> Result<Snapshot> {
        self.check_writable()?;
        let old = self.rules_of_head()?;
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
        let content = content::write(&mut nodes, (at, &old), rules)?;
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
            intent: None,
            ..self.manifest.clone()
        };
        let head = Head {
            snapshot: snapshot.clone(),
            content,
        };
        let record = Record {
            snapshot: snapshot.clone(),
            content,
        };
        batch.push(sealed_json(&record::snapshot_name(id), &record)?);
        batch.push(sealed_json(record::MANIFEST_BEFORE, &self.manifest)?);

        self.table.check_room(&batch)?;
        if self.mirror.is_none() {
            self.rewrite_mirror()?;
        }
        self.fault("mirror")?;
        if let Some(mirror) = &mut self.mirror {
            let prepared = mirror.prepare(&old, rules, head.clone());
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
            self.manifest = before;
            return Err(error.attempt(format!("cannot record snapshot {id}")));
        }
        self.head = Some(head);
        self.rules_of_head.take();
        self.settle_mirror(rules);
        Ok(snapshot)
    }

    fn intent(&self) -> Result<Option<Intent>> {
        let Some(Parts { count, sum }) = self.manifest.intent else {
            return Ok(None);
        };
        let mut json = Vec::new();
        for part in 0..count {
            let bytes = self.table.get(&record::intent_name(part))?;
            let missing = || self.table.named(damaged("a part of the intent is missing"));
            json.extend(bytes.ok_or_else(missing)?);
        }
        if Address::of(&[&json]) != sum {
            let error = damaged("the intent does not fit its checksum");
            return Err(self.table.named(error));
        }
        from_json(&json, "the intent").map(Some)
    }

    fn set_intent(&mut self, intent: &Intent) -> Result<()> {
        self.check_writable()?;
        let json = to_json(intent)?;
        let mut batch = Batch::new();
        let mut count = 0;
        for part in json.chunks(PART) {
            batch.push((record::intent_name(count), Some(part.to_vec())));
            count += 1;
        }
        let stale = (count..self.manifest.parts).map(|part| (record::intent_name(part), None));
        batch.extend(stale);
        let manifest = Manifest {
            intent: Some(Parts {
                count,
                sum: Address::of(&[&json]),
            }),
            parts: count,
            ..self.manifest.clone()
        };
        self.table.check_room(&batch)?;
        self.fault("intent")?;
        self.apply(batch, manifest)
    }

    fn clear_intent(&mut self) -> Result<()> {
        self.check_writable()?;
        if self.manifest.parts == 0 && self.manifest.intent.is_none() {
            return Ok(());
        }
        let parts = 0..self.manifest.parts;
        let batch: Batch = parts
            .map(|part| (record::intent_name(part), None))
            .collect();
        let manifest = Manifest {
            intent: None,
            parts: 0,
            ..self.manifest.clone()
        };
        self.fault("clear")?;
        self.apply(batch, manifest)
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

    fn prune(&mut self, ids: &BTreeSet<SnapshotId>) -> Result<u64> {
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
            manifest.prune(*id);
        }
        let mut used = BTreeSet::new();
        for record in self.visit_newest(usize::MAX)? {
            if !ids.contains(&record.snapshot.id) {
                let mut enter = |address| used.insert(address);
                content::walk(&&self.table, record.content, &mut enter)?;
            }
        }
        let mut batch: Batch = ids
            .iter()
            .map(|id| (record::snapshot_name(*id), None))
            .collect();
        // It may name snapshots that go; nothing is left to be taken back by now.
        batch.push((record::MANIFEST_BEFORE.to_vec(), None));
        let mut freed = 0u64;
        self.table.scan(record::NODES, false, &mut |name, node| {
            let address = name
                .strip_prefix(record::NODES)
                .and_then(Address::from_bytes);
            if address.is_none_or(|address| !used.contains(&address)) {
                freed = freed.saturating_add(name.len().saturating_add(node.len()) as u64);
                batch.push((name.to_vec(), None));
            }
            Ok(true)
        })?;
        self.fault("prune")?;
        self.apply(batch, manifest)?;
        Ok(freed)
    }

    fn repairs(&self) -> Vec<String> {
        self.repairs.clone()
    }
}

impl History {
    /// After a commit: its line is done, and a log that has grown long becomes a base. The commit
    /// is on disk by now; what fails here is put right by the next one to open the history.
    fn settle_mirror(&mut self, rules: &Ruleset) {
        let (Some(mirror), Some(head)) = (&mut self.mirror, &self.head) else {
            return;
        };
        let _ = mirror.mark(State::Done, false);
        if mirror.is_long()
            && let Ok(renewed) = Mirror::create(&self.dir, self.kind, Some((head, rules)))
        {
            let written = mirror.written;
            *mirror = renewed;
            mirror.written = written;
        }
    }

    /// Reads everything that there is and says what is wrong with it.
    ///
    /// # Errors
    /// `system` where it cannot be read at all.
    pub(super) fn problems(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let mut note = |what: Result<()>| -> Result<()> {
            match what {
                Err(error) if error.kind() == Kind::Damaged => problems.push(error.message()),
                other => other?,
            }
            Ok(())
        };
        note(self.tags().map(drop))?;
        note(self.intent().map(drop))?;
        let mut seen = BTreeSet::new();
        for id in (1..self.manifest.next).map(SnapshotId) {
            if !self.manifest.holds(id) {
                continue;
            }
            note(self.record_of(id).and_then(|record| {
                let mut enter = |address| seen.insert(address);
                content::walk(&&self.table, record.content, &mut enter)
            }))?;
        }
        let held = super::mirror::read(&self.dir, self.kind);
        note(held.and_then(|held| {
            if held.map(|(head, _)| head) == self.head {
                return Ok(());
            }
            Err(damaged("the mirror does not hold the head"))
        }))?;
        Ok(problems)
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
            let record = Record { snapshot, content };
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
