//! Makes a new database of records that are known to be whole, and reads it back.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use super::address::{Address, damaged, seal};
use super::content::{self, to_json};
use super::contents::Contents;
use super::directory::{self, LOCK, failed, sync_directory};
use super::history::{History, sealed_json};
use super::lock::{Lock, Patience};
use super::mirror::{Head, Mirror};
use super::node::Nodes;
use super::record::{self, Manifest};
use super::table::{Batch, Table};
use super::{DatabaseKind, WAIT, found_values};
use crate::error::Result;
use crate::model::Extent;

/// The most bytes that are written in one batch.
const BATCH: usize = 1 << 20;

/// Makes a database in an empty directory, with its mirror and its marker, and reads all of it
/// back; gives its manifest.
///
/// # Errors
/// `system`; `damaged` where a node cannot be read, or it does not read back.
pub(super) fn build(
    dir: &Path,
    kind: DatabaseKind,
    contents: &Contents,
    nodes: &impl Nodes,
) -> Result<Manifest> {
    let patience = Patience::new(WAIT, &|| false);
    directory::mark(dir, kind)?;
    let mut writer = Writer {
        table: Table::open(dir, &patience)?,
        batch: Batch::new(),
        bytes: 0,
    };
    writer.write_nodes(contents, nodes)?;
    for record in &contents.records {
        writer.put(sealed_json(
            &record::snapshot_name(record.snapshot.id),
            record,
        )?)?;
    }
    let manifest = writer.write_rest(contents)?;
    drop(writer);

    let newest = contents
        .records
        .iter()
        .find(|record| Some(record.snapshot.id) == manifest.head);
    match newest {
        Some(record) => {
            let head = Head::of(record);
            let rules = content::read(nodes, record.content)?;
            let found = found_values::read(nodes, record.found.as_ref(), &Extent::Whole)?;
            let held = (&head, &rules, &found);
            if manifest.pending {
                let parent = record.snapshot.parent;
                let mut all = contents.records.iter();
                let before = all
                    .find(|one| Some(one.snapshot.id) == parent)
                    .map(Head::of);
                let at = record.back.or(before.as_ref().map(|before| before.content));
                let back = content::read(nodes, at.unwrap_or_default())?;
                Mirror::create_pending(dir, kind, before, held, &back, nodes)?;
            } else {
                Mirror::create(dir, kind, Some(held))?;
            }
        }
        None => drop(Mirror::create(dir, kind, None)?),
    }
    read_back(dir, kind, &patience)?;
    Ok(manifest)
}

fn read_back(dir: &Path, kind: DatabaseKind, patience: &Patience<'_>) -> Result<()> {
    let table = Table::open(dir, patience)?;
    let lock = Lock::acquire(dir, patience)?;
    let no_faults = Rc::new(|_: &'static str| Ok(()));
    let history = History::open(table, lock, dir.to_owned(), kind, false, no_faults)?;
    if let Some(problem) = history.examine()?.1.first() {
        return Err(
            damaged(format!("the new database does not read back: {problem}"))
                .object(dir.display()),
        );
    }
    drop(history);
    // The lock that counts is that of the directory above.
    let path = dir.join(LOCK);
    std::fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
    sync_directory(dir)
}

struct Writer {
    table: Table,
    batch: Batch,
    bytes: usize,
}

impl Writer {
    fn put(&mut self, change: (Vec<u8>, Option<Vec<u8>>)) -> Result<()> {
        let size = change.1.as_ref().map_or(0, Vec::len);
        self.bytes = self
            .bytes
            .saturating_add(change.0.len())
            .saturating_add(size);
        self.batch.push(change);
        if self.bytes < BATCH {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.table.check_room(&batch)?;
        self.table.apply(batch)
    }

    fn write_nodes(&mut self, contents: &Contents, nodes: &impl Nodes) -> Result<()> {
        let mut seen: BTreeSet<Address> = BTreeSet::new();
        for record in &contents.records {
            let mut new = Vec::new();
            let mut enter = |address| {
                let is_new = seen.insert(address);
                if is_new {
                    new.push(address);
                }
                is_new
            };
            content::walk(nodes, record.content, &mut enter)?;
            if let Some(found) = &record.found {
                content::walk(nodes, found.content, &mut enter)?;
            }
            if let (Some(back), true) = (record.back, contents.awaits(record)) {
                content::walk(nodes, back, &mut enter)?;
            }
            for address in new {
                self.put((record::node_name(address), Some(nodes.read(address)?)))?;
            }
        }
        Ok(())
    }

    /// Everything that the manifest vouches for, and the manifest, which makes it a database.
    fn write_rest(&mut self, contents: &Contents) -> Result<Manifest> {
        let mut manifest = contents.manifest.clone();
        manifest.events = None;
        let mut number = 0u64;
        for event in &contents.events {
            self.put(sealed_json(&record::event_name(number), event)?)?;
            number = number.saturating_add(1);
            manifest.events = Some((0, number));
        }
        manifest.tags = None;
        if !contents.tags.is_empty() {
            let json = to_json(&contents.tags)?;
            manifest.tags = Some(Address::of(&[&json]));
            self.put((record::TAGS.to_vec(), Some(seal(record::TAGS, &json))))?;
        }
        self.put(sealed_json(record::MANIFEST, &manifest)?)?;
        self.flush()?;
        Ok(manifest)
    }
}
