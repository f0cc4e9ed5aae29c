//! The mirror beside an open database: its end, its last line, and writing the next.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::super::content::{self, from_json, to_json};
use super::super::directory::{failed, private, replace};
use super::super::node::Nodes;
use super::super::{DatabaseKind, Turn, found_values};
use super::base;
use super::commit::{Commit, Head, Placed, State};
use super::format::{encode_line, header, skip_header, take_line};
use super::{BASE, LOG, broken};
use crate::error::{Error, Result};
use crate::model::{Extent, FoundValues, Ruleset};

/// The base is written anew when the log is longer than it, and longer than this.
const LOG_BYTES: u64 = 64 << 10;

/// What the end of a file is searched in for its last line before all of it is read.
const WINDOW: u64 = 16 << 10;

/// The last commit that the mirror knows.
#[derive(Debug, Clone)]
pub(in crate::store) struct Tip {
    /// Its state; what a base holds is done, and needs no confirmation.
    pub(in crate::store) state: State,
    /// What it leads to.
    pub(in crate::store) head: Head,
    /// Where its line begins, for one in the log.
    at: Option<u64>,
}

impl Tip {
    /// It awaits confirmation as far as the mirror knows.
    pub(in crate::store) fn is_pending(&self) -> bool {
        self.head.confirm.is_some() && self.state != State::Kept
    }
}

/// The mirror, open for writing.
#[derive(Debug)]
pub(in crate::store) struct Mirror {
    dir: PathBuf,
    kind: DatabaseKind,
    log: File,
    end: u64,
    base_bytes: u64,
    /// The last commit that it knows.
    pub(in crate::store) tip: Option<Tip>,
    /// Bytes written to the log, for measuring.
    pub(in crate::store) written: u64,
}

impl Mirror {
    /// Opens the mirror at its end; `None` where there is none. Reads the head of the base and the
    /// end of the log only.
    ///
    /// # Errors
    /// `damaged` where these do not fit.
    pub(in crate::store) fn open(dir: &Path, kind: DatabaseKind) -> Result<Option<Mirror>> {
        let base = base_head(dir, kind)?;
        let path = dir.join(LOG);
        let log = match private().read(true).write(true).open(&path) {
            Ok(log) => log,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match base {
                    Some(_) => Err(broken("its log is missing")),
                    None => Ok(None),
                };
            }
            Err(error) => return Err(failed("open", &path, &error)),
        };
        let (end, last) =
            log_end(&log, kind, WINDOW).map_err(|error| error.object(path.display()))?;
        let base_bytes = base.as_ref().map_or(0, |(_, bytes)| *bytes);
        let base = base.map(|(head, _)| Tip {
            state: State::Kept,
            head,
            at: None,
        });
        let newer = |tip: &Tip, base: &Tip| tip.head.snapshot.id > base.head.snapshot.id;
        let tip = match (last, base) {
            (Some(last), Some(base)) => Some(if newer(&last, &base) { last } else { base }),
            (last, base) => last.or(base),
        };
        Ok(Some(Mirror {
            dir: dir.to_owned(),
            kind,
            log,
            end,
            base_bytes,
            tip,
            written: 0,
        }))
    }

    /// Makes the mirror hold a head, whatever it held before; without one, nothing.
    ///
    /// # Errors
    /// `system`; what was there stays readable.
    pub(in crate::store) fn create(
        dir: &Path,
        kind: DatabaseKind,
        held: Option<(&Head, &Ruleset, &FoundValues)>,
    ) -> Result<Mirror> {
        match held {
            Some((head, rules, found)) => {
                let bytes = base::encode(kind, head, rules, found)?;
                replace(dir, BASE, "mirror.base.new", &bytes)?;
            }
            None => {
                let path = dir.join(BASE);
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(failed("remove", &path, &error));
                    }
                    _ => {}
                }
            }
        }
        replace(dir, LOG, "mirror.log.new", header(kind).as_bytes())?;
        Mirror::open(dir, kind)?.ok_or_else(|| broken("its log is missing"))
    }

    /// The same for a head that awaits confirmation: what is before it becomes the base, since it
    /// may not stand; `back` is what the kernel returns to.
    ///
    /// # Errors
    /// As [`Mirror::create`]; `damaged` where the one before cannot be read.
    pub(in crate::store) fn create_pending(
        dir: &Path,
        kind: DatabaseKind,
        before: Option<Head>,
        (head, rules, found): (&Head, &Ruleset, &FoundValues),
        back: &Ruleset,
        nodes: &impl Nodes,
    ) -> Result<Mirror> {
        let (old, old_found) = match &before {
            Some(before) => (
                content::read(nodes, before.content)?,
                found_values::read(nodes, before.found.as_ref(), &Extent::Whole)?,
            ),
            None => Default::default(),
        };
        let base = before.as_ref().map(|before| (before, &old, &old_found));
        let mut mirror = Mirror::create(dir, kind, base)?;
        let turn = Turn {
            from: &old,
            to: rules,
            found: (&old_found, found),
            unless: head.confirm.as_ref().map(|confirm| (confirm, back)),
        };
        mirror.prepare(&turn, head.clone())?;
        mirror.mark(State::Done, false)?;
        Ok(mirror)
    }

    /// Writes a commit's line, on disk when this returns; its state is "on its way".
    ///
    /// # Errors
    /// `system`, with the log as it was.
    pub(in crate::store) fn prepare(&mut self, turn: &Turn, head: Head) -> Result<()> {
        let commit = Commit::of(turn, head.clone(), self.end);
        let line = encode_line(&to_json(&commit)?);
        let write = self
            .log
            .write_all_at(&line, self.end)
            .and_then(|()| self.log.sync_data());
        if let Err(error) = write {
            let _ = self.log.set_len(self.end);
            return Err(failed("write", &self.dir.join(LOG), &error));
        }
        self.tip = Some(Tip {
            state: State::UnderWay,
            head,
            at: Some(self.end),
        });
        self.written = line.len() as u64;
        self.end = self.end.saturating_add(line.len() as u64);
        Ok(())
    }

    /// Marks the last line.
    ///
    /// # Errors
    /// `system`.
    pub(in crate::store) fn mark(&mut self, state: State, sync: bool) -> Result<()> {
        let Some(Tip {
            state: was,
            at: Some(at),
            ..
        }) = &mut self.tip
        else {
            return Ok(());
        };
        let written = self.log.write_all_at(&[state.byte()], *at);
        *was = state;
        let synced = written.and_then(|()| if sync { self.log.sync_data() } else { Ok(()) });
        synced.map_err(|error| failed("write", &self.dir.join(LOG), &error))
    }

    /// Drops the last line, which did not become a snapshot.
    ///
    /// # Errors
    /// `system`.
    pub(in crate::store) fn drop_tip(&mut self) -> Result<()> {
        if let Some(at) = self.tip.as_ref().and_then(|tip| tip.at) {
            self.cut(at)?;
        }
        if let Some(reopened) = Mirror::open(&self.dir, self.kind)? {
            *self = reopened;
        }
        Ok(())
    }

    /// Cuts off what a crash left behind the last whole line.
    ///
    /// # Errors
    /// `system`.
    pub(in crate::store) fn trim(&mut self) -> Result<()> {
        self.cut(self.end)
    }

    fn cut(&mut self, end: u64) -> Result<()> {
        let longer = self.log.metadata().map(|metadata| metadata.len() > end);
        let cut = longer.and_then(|longer| {
            if longer {
                self.log.set_len(end)?;
                self.log.sync_data()?;
            }
            Ok(())
        });
        self.end = end;
        cut.map_err(|error| failed("write", &self.dir.join(LOG), &error))
    }

    /// Says whether the log has grown longer than the base is worth.
    pub(in crate::store) fn is_long(&self) -> bool {
        self.end > LOG_BYTES.max(self.base_bytes)
    }
}

fn base_head(dir: &Path, kind: DatabaseKind) -> Result<Option<(Head, u64)>> {
    let path = dir.join(BASE);
    let file = match private().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", &path, &error)),
    };
    let length = file
        .metadata()
        .map_err(|error| failed("read", &path, &error))?
        .len();
    // The head stands in the second line; a message may be long.
    for window in [WINDOW, u64::MAX] {
        let mut bytes = Vec::new();
        let mut start = &file;
        start
            .seek(SeekFrom::Start(0))
            .and_then(|_| start.take(window).read_to_end(&mut bytes))
            .map_err(|error| failed("read", &path, &error))?;
        let mut lines = skip_header(&bytes, kind)?.split(|byte| *byte == b'\n');
        if let (Some(head), Some(_)) = (lines.next(), lines.next()) {
            return Ok(Some((from_json(head, "the mirror's head")?, length)));
        }
    }
    Err(broken("its base is cut"))
}

/// Finds the end of the last whole line, and that line.
fn log_end(mut log: &File, kind: DatabaseKind, window: u64) -> Result<(u64, Option<Tip>)> {
    let unread = |error: std::io::Error| Error::system("cannot read it", &error);
    let length = log.metadata().map_err(unread)?.len();
    let start_of_lines = header(kind).len() as u64;
    let mut first = vec![0; header(kind).len()];
    log.read_exact_at(&mut first, 0)
        .map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => broken("its log is cut"),
            _ => unread(error),
        })?;
    skip_header(&first, kind)?;

    let from = length.saturating_sub(window).max(start_of_lines);
    let mut bytes = Vec::new();
    log.seek(SeekFrom::Start(from)).map_err(unread)?;
    log.read_to_end(&mut bytes).map_err(unread)?;
    // Unless all lines are in the window, it begins inside of one.
    let skipped = if from == start_of_lines {
        0
    } else {
        let newline = bytes.iter().position(|byte| *byte == b'\n');
        newline.map_or(bytes.len(), |newline| newline + 1)
    };
    let mut at = from.saturating_add(skipped as u64);
    let mut rest = bytes.get(skipped..).unwrap_or_default();
    let mut tip: Option<(State, &[u8], u64)> = None;
    while let Some(line) = take_line(rest)? {
        rest = rest.get(line.length..).unwrap_or_default();
        if tip.is_some_and(|(_, json, _)| json == line.json) {
            return Err(broken("a line of its log is there twice"));
        }
        tip = Some((line.state, line.json, at));
        at = at.saturating_add(line.length as u64);
    }
    if tip.is_none() && from > start_of_lines {
        return log_end(log, kind, u64::MAX);
    }
    let tip = match tip {
        Some((state, json, at)) => {
            // Lines that were added, lost or moved before it have moved it too.
            let placed: Placed = from_json(json, "the mirror's log")?;
            placed.check(at)?;
            Some(Tip {
                state,
                head: placed.head,
                at: Some(at),
            })
        }
        None => None,
    };
    Ok((at, tip))
}
