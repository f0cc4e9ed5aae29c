//! Everything that can still be read of a damaged database, wherever it stands.
//!
//! Three sources, the best first: what sled shows of a copy, what it shows without its summaries
//! (`snap.*`), and what stands in the bytes of its files (`carve`). Every record proves itself by
//! its checksum, every node by its address; so what is taken is right, and only its age is open:
//! the manifest of most writes decides what counts, and the mirror what came after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::DatabaseKind;
use super::WAIT;
use super::address::{Address, damaged, unseal};
use super::carve::carve;
use super::content::{self, Content, from_json};
use super::contents::Contents;
use super::found_values::{self, FoundContent};
use super::history::read_manifest;
use super::intent;
use super::lock::{Patience, Witness};
use super::mirror::{self, Replayed, State};
use super::node::Nodes;
use super::record::{self, Manifest, Record, Tags};
use super::scratch::Scratch;
use super::table::{ENGINE, Table};
use super::whole::Wholeness;
use crate::error::{Kind, Result};
use crate::model::{Event, FoundValues, Ruleset, Snapshot, SnapshotId, snapshot};

/// What an intent that cannot be read means to whoever had the repair made.
const LOST_INTENT: &str = "how to undo a commit that did not end: ipvsh restore brings back what it \
     had changed or removed; what it had added stays in the kernel, not managed (ipvsh plan --exact \
     shows it, ipvsh restore --exact removes it and all else that is not managed)";

/// Nodes from all sources: taken out, or still in the bytes of a file.
#[derive(Default)]
pub(super) struct Pool {
    taken: BTreeMap<Address, Vec<u8>>,
    files: Vec<Vec<u8>>,
    /// Which file, from where, how long.
    seen: BTreeMap<Address, (usize, usize, usize)>,
}

impl Nodes for Pool {
    fn read(&self, address: Address) -> Result<Vec<u8>> {
        if let Some(bytes) = self.taken.get(&address) {
            return Ok(bytes.clone());
        }
        let seen = self
            .seen
            .get(&address)
            .and_then(|(file, at, long)| self.files.get(*file)?.get(*at..at.saturating_add(*long)));
        seen.map(<[u8]>::to_vec)
            .ok_or_else(|| damaged(format!("node {address} is missing")))
    }

    fn write(&mut self, bytes: Vec<u8>) -> Address {
        let address = Address::of(&[&bytes]);
        self.taken.insert(address, bytes);
        address
    }
}

/// What was found and verified.
#[derive(Default)]
pub(super) struct Finds {
    /// The manifest that sled shows.
    shown: Option<Manifest>,
    /// The manifest of most writes.
    newest: Option<Manifest>,
    records: BTreeMap<SnapshotId, Record>,
    tags: BTreeMap<Address, Tags>,
    events: BTreeMap<u64, Event>,
    pool: Pool,
}

/// What could not be found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses {
    /// Numbers of snapshots, in order.
    pub snapshots: Vec<SnapshotId>,
    /// Tags, each with the snapshot that it named where that is known.
    pub tags: Vec<String>,
    /// How to undo a commit that did not end.
    pub intent: bool,
    /// What else, a sentence each.
    pub others: Vec<String>,
}

impl Losses {
    /// Says whether everything was saved.
    pub fn is_nothing(&self) -> bool {
        *self == Losses::default()
    }

    /// All of it in a sentence.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if !self.snapshots.is_empty() {
            let noun = match self.snapshots.len() {
                1 => "snapshot",
                _ => "snapshots",
            };
            let ids = self.snapshots.iter().copied();
            parts.push(format!("{noun} {}", snapshot::ranges(ids)));
        }
        parts.extend(self.tags.iter().map(|tag| format!("tag {tag}")));
        parts.extend(self.intent.then(|| LOST_INTENT.to_owned()));
        parts.extend(self.others.iter().cloned());
        match parts.is_empty() {
            true => "nothing was lost".to_owned(),
            false => format!("lost: {}", parts.join("; ")),
        }
    }
}

/// Looks into every source.
///
/// # Errors
/// `system` where files cannot be read or copied; damage is no error here.
pub(super) fn search(dir: &Path) -> Result<Finds> {
    let mut finds = Finds::default();
    if dir.join(ENGINE).is_dir() {
        for snap in [true, false] {
            let copy = Scratch::of(dir, snap)?;
            let shown = finds.scan(copy.path());
            match shown {
                Err(error) if error.kind() == Kind::Damaged => {}
                other => other?,
            }
        }
        finds.carve(&dir.join(ENGINE))?;
    }
    Ok(finds)
}

impl Finds {
    /// Takes what sled shows.
    fn scan(&mut self, dir: &Path) -> Result<()> {
        let table = Table::open(dir, &Patience::new(WAIT, &|| false))?;
        table.scan(b"", false, &mut |name, value| {
            self.named(name, value);
            Ok(true)
        })
    }

    fn named(&mut self, name: &[u8], value: &[u8]) {
        if name == record::MANIFEST {
            if let Ok(manifest) = read_manifest(name, value) {
                self.shown.get_or_insert_with(|| manifest.clone());
                self.manifest(manifest);
            }
        } else if name.strip_prefix(record::NODES).is_some_and(|at| {
            Address::from_bytes(at).is_some_and(|address| Address::of(&[value]) == address)
        }) {
            self.pool.write(value.to_vec());
        } else {
            self.sealed(value);
        }
    }

    fn manifest(&mut self, manifest: Manifest) {
        if self
            .newest
            .as_ref()
            .is_none_or(|newest| manifest.writes > newest.writes)
        {
            self.newest = Some(manifest);
        }
    }

    /// Takes a record by what it holds: its checksum covers its name too.
    fn sealed(&mut self, value: &[u8]) {
        let json = value.get(super::address::LENGTH..).unwrap_or_default();
        for name in [record::MANIFEST, record::MANIFEST_BEFORE] {
            if let Ok(manifest) = read_manifest(name, value) {
                return self.manifest(manifest);
            }
        }
        if let Ok(tags) = unseal(record::TAGS, value, "")
            && let Ok(tags) = from_json(tags, "")
        {
            self.tags.entry(Address::of(&[json])).or_insert(tags);
        } else if let Ok(found) = serde_json::from_slice::<Record>(json) {
            let id = found.snapshot.id;
            if unseal(&record::snapshot_name(id), value, "").is_ok() {
                let known = self.records.entry(id).or_insert_with(|| found.clone());
                // The number of a commit that failed is given again.
                if self.shown.is_none() && known.snapshot.time < found.snapshot.time {
                    *known = found;
                }
            }
        } else if let Ok(event) = serde_json::from_slice::<Event>(json) {
            let numbers = self.newest.as_ref().map(Manifest::event_numbers);
            let name = |number: &u64| record::event_name(*number);
            let number = numbers
                .unwrap_or(0..1000)
                .find(|number| unseal(&name(number), value, "").is_ok());
            if let Some(number) = number {
                self.events.entry(number).or_insert(event);
            }
        }
    }

    /// Takes what stands in the files' bytes, where sled did not show it.
    fn carve(&mut self, engine: &Path) -> Result<()> {
        let mut waiting = vec![engine.to_owned()];
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path)
                    .map_err(|error| super::directory::failed("read", &path, &error))?;
                waiting.extend(entries.flatten().map(|entry| entry.path()));
                continue;
            }
            let bytes = std::fs::read(&path)
                .map_err(|error| super::directory::failed("read", &path, &error))?;
            let file = self.pool.files.len();
            carve(&bytes, &mut |at, value| {
                if value.get(super::address::LENGTH) == Some(&b'{') {
                    self.sealed(value);
                }
                let address = Address::of(&[value]);
                if !self.pool.taken.contains_key(&address) {
                    self.pool.seen.insert(address, (file, at, value.len()));
                }
            });
            self.pool.files.push(bytes);
        }
        Ok(())
    }

    /// Decides what counts, and what is lost.
    ///
    /// # Errors
    /// `system` where the mirror cannot be read.
    pub(super) fn assemble(
        mut self,
        dir: &Path,
        kind: DatabaseKind,
        witness: Witness,
    ) -> Result<(Contents, Pool, Losses)> {
        let known = self.newest.clone().unwrap_or_default();
        let is_current = self.newest.is_some() && known.writes >= witness.writes;
        let mut records = std::mem::take(&mut self.records);
        records.retain(|id, _| known.holds(*id) || (!is_current && id.0 >= known.next));
        let mut wholeness = Wholeness::default();
        let seen = records.keys().next_back().copied();
        records.retain(|_, record| wholeness.check(&self.pool, record.content).is_ok());
        let mut without_found = BTreeSet::new();
        for (id, record) in &mut records {
            let found = record.found.as_ref();
            if found.is_some_and(|at| wholeness.check(&self.pool, at.content).is_err()) {
                record.found = None;
                without_found.insert(*id);
            }
        }

        let mut mirrored = Mirrored::default();
        mirror::replay(dir, kind, &mut |replayed| {
            let id = replayed.head.snapshot.id;
            if replayed.state == State::UnderWay && is_current && !known.holds(id) {
                // The database knows that it was not done.
                return Ok(());
            }
            mirrored.follow(&mut self.pool, &replayed)
        })
        .or_else(|error| match error.kind() {
            Kind::Damaged => Ok(()),
            _ => Err(error),
        })?;
        for (id, found) in mirrored.records {
            let is_new = known.holds(id) || id.0 >= known.next;
            if is_new && !(is_current && id.0 >= known.next) {
                let record = records.entry(id).or_insert_with(|| found.clone());
                if without_found.remove(&id) {
                    record.found = found.found;
                }
            }
        }
        records.retain(|id, found| mirrored.void.get(id) != Some(&found.snapshot));

        let head = records.keys().next_back().copied();
        let ends = [
            known.next.saturating_sub(1),
            witness.head,
            seen.map_or(0, |id| id.0),
            head.map_or(0, |id| id.0),
        ];
        let mut manifest = Manifest {
            head,
            next: ends.iter().max().copied().unwrap_or(0).saturating_add(1),
            lost: Vec::new(),
            writes: known.writes.max(witness.writes).saturating_add(1),
            ..known.clone()
        };
        let mut losses = Losses::default();
        manifest.pending = match head == known.head {
            true => known.pending,
            false => head.is_some() && head == mirrored.pending,
        };
        if manifest.pending {
            manifest.pending = check_return(&mut records, head, &mut wholeness, &self.pool);
            if !manifest.pending {
                losses.others.push(
                    "what the head rolls back to: it awaits no confirmation any more".to_owned(),
                );
            }
        }
        without_found.retain(|id| records.contains_key(id));
        if !without_found.is_empty() {
            losses.others.push(format!(
                "what the kernel held of others before snapshots {}: a rollback past them removes \
                 what they had taken over",
                snapshot::ranges(without_found)
            ));
        }
        // Commits among them are told by their numbers; a tag or a note may have been the rest.
        let missing = witness.writes.saturating_sub(known.writes);
        if self.newest.is_none() {
            losses.others.push("its manifest".to_owned());
        } else if missing > 0 {
            let writes = format!("the last {missing} of {} writes", witness.writes);
            losses.others.push(writes);
        }
        for id in (1..manifest.next).map(SnapshotId) {
            if manifest.holds(id) && !records.contains_key(&id) {
                manifest.lose(id);
                if known.holds(id) || id.0 >= known.next {
                    losses.snapshots.push(id);
                }
            }
        }
        let intent = intent::read(dir, manifest.head, |head| {
            let lost = || damaged("the head of the intent is lost");
            let head = records.get(&head).ok_or_else(lost)?;
            content::read(&self.pool, head.content)
        });
        match intent {
            Err(error) if error.kind() == Kind::Damaged => losses.intent = true,
            other => drop(other?),
        }
        let tags = self.tags(&known, &records, &mut losses);
        let contents = Contents {
            manifest,
            records: records.into_values().rev().collect(),
            tags,
            events: self.events.into_values().collect(),
        };
        Ok((contents, self.pool, losses))
    }

    fn tags(
        &self,
        known: &Manifest,
        records: &BTreeMap<SnapshotId, Record>,
        losses: &mut Losses,
    ) -> Tags {
        let mut tags = match known.tags.map(|sum| self.tags.get(&sum)) {
            Some(Some(tags)) => tags.clone(),
            Some(None) => {
                losses.others.push(match self.tags.is_empty() {
                    true => "all tags".to_owned(),
                    false => "the newest tags: those of an earlier moment are there".to_owned(),
                });
                self.tags.values().next().cloned().unwrap_or_default()
            }
            // Without a manifest the record speaks for itself.
            None if self.newest.is_none() => self.tags.values().next().cloned().unwrap_or_default(),
            None => Tags::new(),
        };
        tags.retain(|tag, id| {
            let is_there = records.contains_key(id);
            if !is_there {
                losses.tags.push(format!("{tag} (snapshot {id})"));
            }
            is_there
        });
        tags
    }
}

/// Says whether an unconfirmed head can be rolled back; forgets what it would return to where that
/// cannot be read, for the rules of its parent.
fn check_return(
    records: &mut BTreeMap<SnapshotId, Record>,
    head: Option<SnapshotId>,
    wholeness: &mut Wholeness,
    pool: &Pool,
) -> bool {
    let Some(record) = head.and_then(|id| records.get_mut(&id)) else {
        return false;
    };
    record.back = record
        .back
        .filter(|back| wholeness.check(pool, *back).is_ok());
    let (parent, is_known) = (record.snapshot.parent, record.confirm.is_some());
    is_known && parent.is_none_or(|parent| records.contains_key(&parent))
}

/// What the mirror adds.
#[derive(Default)]
struct Mirrored {
    records: BTreeMap<SnapshotId, Record>,
    void: BTreeMap<SnapshotId, Snapshot>,
    /// The last one, where it awaits confirmation.
    pending: Option<SnapshotId>,
    before: (Content, Ruleset),
    before_found: (Option<FoundContent>, FoundValues),
}

impl Mirrored {
    fn follow(&mut self, pool: &mut Pool, replayed: &Replayed<'_>) -> Result<()> {
        let Replayed {
            state,
            head,
            rules,
            found,
            back,
        } = *replayed;
        let id = head.snapshot.id;
        if state == State::Void {
            self.void.insert(id, head.snapshot.clone());
            return Ok(());
        }
        let (at, before) = (self.before.0, &self.before.1);
        let content = content::write(pool, (at, before), rules)?;
        if content != head.content {
            return Err(damaged("what the mirror holds is not what was committed"));
        }
        let (at_found, before_found) = &self.before_found;
        let values = found_values::write(pool, at_found.as_ref(), (before_found, found))?;
        if values != head.found {
            return Err(damaged(
                "the values found in the mirror are not those of its snapshot",
            ));
        }
        let back = back.filter(|back| *back != before);
        let back = back.map(|back| content::write(pool, (at, before), back));
        let back = back.transpose()?;
        self.before = (content, rules.clone());
        self.before_found = (values.clone(), found.clone());
        self.pending = (head.confirm.is_some() && state != State::Kept).then_some(id);
        let record = Record {
            snapshot: head.snapshot.clone(),
            content,
            found: values,
            confirm: head.confirm.clone(),
            back,
        };
        self.records.insert(id, record);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{disk, draft, intent, reweigh, rules};
    use super::super::{SledStores, Stores};
    use super::*;

    fn history(dir: &Path) -> SledStores {
        let stores = disk(dir);
        let mut wanted = rules(40, 3);
        for round in 0..6 {
            let mut store = stores.open_to_write().unwrap();
            reweigh(&mut wanted, round, 0);
            store.record(&draft("m"), &wanted).unwrap();
        }
        let mut store = stores.open_to_write().unwrap();
        store.set_tag("good", SnapshotId(3)).unwrap();
        stores
    }

    fn found(stores: &SledStores) -> (Vec<u64>, Tags, Losses) {
        let witness = Witness::of(&stores.dir);
        let finds = search(&stores.dir).unwrap();
        let (contents, pool, losses) = finds.assemble(&stores.dir, stores.kind, witness).unwrap();
        for record in &contents.records {
            content::read(&pool, record.content).unwrap();
        }
        let ids = contents.records.iter().map(|record| record.snapshot.id.0);
        (ids.collect(), contents.tags, losses)
    }

    #[test]
    fn an_intent_that_is_lost_is_told_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let stores = history(dir.path());
        let mut opened = stores.open_to_write().unwrap();
        opened.set_intent(&intent(6, 100)).unwrap();
        drop(opened);
        let path = stores.dir.join(intent::INTENT);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[1..]).unwrap();

        let error = stores.open().unwrap().intent().unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged);
        assert!(
            error.hints().iter().any(|hint| hint.contains("fsck")),
            "{error}"
        );
        let repaired = stores.repair(chrono::DateTime::UNIX_EPOCH).unwrap();
        assert!(repaired.losses.intent);
        assert_eq!(
            std::fs::read(repaired.kept.unwrap().join(intent::INTENT)).unwrap(),
            &bytes[1..]
        );
        let store = stores.open_to_write().unwrap();
        assert_eq!(store.intent().unwrap(), None);
        let told = store.events().unwrap().pop().unwrap().message;
        assert!(told.ends_with(LOST_INTENT), "{told}");
    }

    #[test]
    fn without_sled_the_bytes_and_the_mirror_are_enough() {
        let dir = tempfile::tempdir().unwrap();
        let stores = history(dir.path());
        let all = vec![6, 5, 4, 3, 2, 1];
        let tags: Tags = [("good".to_owned(), SnapshotId(3))].into();
        assert_eq!(
            found(&stores),
            (all.clone(), tags.clone(), Losses::default())
        );
        // Without its first bytes sled panics.
        let db = stores.dir.join("sled/db");
        let mut bytes = std::fs::read(&db).unwrap();
        bytes[..600].fill(0);
        std::fs::write(&db, &bytes).unwrap();
        assert_eq!(found(&stores), (all.clone(), tags, Losses::default()));
        // With the mirror alone, tags are gone; the log still has every commit.
        std::fs::remove_file(&db).unwrap();
        let (ids, tags, losses) = found(&stores);
        assert_eq!((ids, tags), (all, Tags::new()));
        assert_eq!(
            (losses.snapshots, losses.others),
            (vec![], vec!["its manifest".to_owned()])
        );
        // With nothing, the numbers are still not given again.
        std::fs::remove_file(stores.dir.join("mirror.log")).unwrap();
        let (ids, _, losses) = found(&stores);
        assert_eq!(ids, [0; 0]);
        assert!(
            losses.sentence().starts_with("lost: snapshots 1 to 6; "),
            "{}",
            losses.sentence()
        );
    }
}
