//! Database and mirror agree: what is settled when a history is opened, after a commit, and when
//! its files are exchanged.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use super::address::damaged;
use super::contents::Contents;
use super::history::{History, read_manifest};
use super::intent;
use super::lock::{Lock, Patience};
use super::mirror::{Head, Mirror, State};
use super::rebuild;
use super::record::{self, Manifest};
use super::table::{ENGINE, Table};
use super::untouched::Untouched;
use super::{DatabaseKind, Faults, Store, WAIT, found_values, swap};
use crate::error::{Kind, Result};
use crate::model::{Extent, FoundValues};

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
            mirror_is_broken: Cell::new(false),
            manifest,
            head: None,
            rules_of_head: RefCell::default(),
            repairs: Vec::new(),
            to_write,
            dir,
            kind,
            faults,
            lock,
            kernel: None,
        };
        let witness = history.lock.witness();
        let (seen, known) = (witness.writes, history.manifest.writes);
        if known < seen {
            let lost = seen - known;
            return Err(damaged(format!(
                "the last {lost} of {seen} writes are missing"
            )));
        }
        history.load_head()?;
        history.reconcile()?;
        if to_write && witness != history.manifest.witness() {
            // A power cut took the last words.
            history.lock.bear_witness(history.manifest.witness());
        }
        if to_write && intent::exists(&history.dir) && matches!(history.intent(), Ok(None)) {
            // Its commit was recorded, and died before it was removed.
            intent::forget(&history.dir);
        }
        history.post_notice();
        Ok(history)
    }

    pub(super) fn load_head(&mut self) -> Result<()> {
        let record = self
            .manifest
            .head
            .map(|id| self.record_of(id))
            .transpose()?;
        self.head = record.as_ref().map(Head::of);
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
                    State::Done | State::UnderWay if tip.is_pending() && !self.manifest.pending => {
                        open.mark(State::Kept, true)?;
                    }
                    State::Kept if self.manifest.pending => {
                        return Err(damaged(format!(
                            "that snapshot {ours} was confirmed is missing"
                        )));
                    }
                    State::Done | State::Kept => {}
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
            if tip.state.is_done() || tip.head.snapshot.parent != self.manifest.head {
                return Err(damaged(format!(
                    "snapshot {theirs} was committed, but the history ends at {ours}"
                )));
            }
            // Its record did not reach the database: it is no snapshot, and never was one.
            if !self.to_write {
                // Who writes puts it right, and notes that.
                break;
            }
            open.drop_tip()?;
            if tip.state == State::UnderWay {
                let note = format!("a commit on snapshot {ours} ended before it was recorded");
                self.repairs.push(note);
            }
        }
        let empty = mirror.as_mut().filter(|mirror| mirror.tip.is_none());
        if let (Some(empty), None) = (empty, &self.head) {
            // The first line of all may have been cut.
            empty.trim()?;
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

    /// The values found of the head's entries, out of the database.
    fn found_of_head(&self) -> Result<FoundValues> {
        let found = self.head.as_ref().and_then(|head| head.found.as_ref());
        found_values::read(&&self.table, found, &Extent::Whole)
    }

    pub(super) fn rewrite_mirror(&mut self) -> Result<()> {
        let rules = self.recorded_rules()?;
        let found = self.found_of_head()?;
        let mirror = match (&self.head, self.pending_head()) {
            (Some(head), Some(pending)) => {
                let before = pending.parent.map(|id| self.record_of(id)).transpose()?;
                let before = before.as_ref().map(Head::of);
                let back = self.rules_of_return()?;
                let nodes = &&self.table;
                let held = (head, rules.as_ref(), &found);
                Mirror::create_pending(&self.dir, self.kind, before, held, &back, nodes)?
            }
            (head, _) => {
                let held = head.as_ref().map(|head| (head, rules.as_ref(), &found));
                Mirror::create(&self.dir, self.kind, held)?
            }
        };
        self.mirror = Some(mirror);
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
        if !self.to_write {
            // Seen as it will be; who writes puts it right, and notes that.
            self.manifest = before;
            return self.load_head();
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

    /// After a commit: its line is done, and a log that has grown long becomes a base. The commit
    /// is on disk by now; what fails here is put right by the next one to open the history.
    pub(super) fn settle_mirror(&mut self) {
        let Some(mirror) = &mut self.mirror else {
            return;
        };
        let _ = mirror.mark(State::Done, false);
        if self.mirror_is_broken.get() && self.rewrite_mirror().is_ok() {
            self.mirror_is_broken.set(false);
            return;
        }
        let Some(mirror) = &self.mirror else {
            return;
        };
        if !mirror.is_long() || self.manifest.pending {
            return;
        }
        let written = mirror.written;
        let held = self
            .recorded_rules()
            .and_then(|rules| Ok((rules, self.found_of_head()?)));
        if let (Ok((rules, found)), Some(head)) = (held, &self.head)
            && let Ok(mut renewed) =
                Mirror::create(&self.dir, self.kind, Some((head, &rules, &found)))
        {
            renewed.written = written;
            self.mirror = Some(renewed);
        }
    }

    /// Writes the database anew, with these contents, and puts it in the place of this one.
    pub(super) fn exchange(&mut self, contents: &Contents) -> Result<()> {
        let building = swap::begin(&self.dir)?;
        let built = rebuild::build(&building, self.kind, contents, &&self.table);
        let built = built.and_then(|manifest| self.fault("built").map(|()| manifest));
        let manifest = built.inspect_err(|_| swap::abandon(&self.dir))?;
        // The old one is not asked again, however this ends.
        self.table.close();
        self.mirror = None;
        swap::commit(&self.dir, swap::OLD, &self.faults)
            .inspect_err(|_| swap::abandon(&self.dir))?;
        self.lock.bear_witness(manifest.witness());
        self.manifest = manifest;
        self.open_again().map_err(swap::stands)
    }

    fn open_again(&mut self) -> Result<()> {
        let untouched = Untouched::of(&self.dir.join(ENGINE));
        let opened = Table::open(&self.dir, &Patience::new(WAIT, &|| false)).and_then(|table| {
            self.table = table;
            self.mirror = Mirror::open(&self.dir, self.kind)?;
            self.load_head()
        });
        opened.inspect_err(|error| {
            if error.kind() == Kind::Damaged {
                self.table.close();
                untouched.put_back();
            }
        })
    }
}
