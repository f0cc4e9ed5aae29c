//! The mirror: what boot would restore, in plain files that need no database to be read.
//!
//! - `mirror.base`: `ipvsh mirror 1 KIND`, then lines of JSON: the head (snapshot and content), a
//!   line `[NAME, SERVICE]` per service, a line for all else; then `end CHECKSUM` of all before.
//! - `mirror.log`: `ipvsh mirror 1 KIND`, then a line per commit, `STATE LENGTH CHECKSUM JSON`:
//!   its snapshot, the content that results, and the entries that it set and removed.
//!
//! Lines up to the base's snapshot are history and skipped; every other line's parent is the
//! snapshot before it, and the last one's content is compared with what was put together.
//!
//! A line is on disk before its commit enters the database. `STATE` is the one byte that changes:
//!
//! | | |
//! |---|---|
//! | `?` | on its way: whether the commit was done, the database knows. Without a database it counts: it was applied and verified, and may have been reported |
//! | `+` | done: written once the database has it, and not synced, as nothing depends on it. A database that lacks it lost it |
//! | `=` | done, and confirmed, for one that had to be; synced. What stands in a base needs none |
//! | `-` | the database could not write it; it does not count |
//!
//! A crash can cut only a line that is on its way; such a line is ignored, because its commit never
//! reached the database. Any other line that is short or fails its checksum is damage.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::content::{self, Content, Rest, from_json, to_json};
use super::directory::{failed, kind_name, private, replace};
use super::lock::Witness;
use super::node::Nodes;
use super::record::Record;
use super::{Confirm, DatabaseKind, Mirrored, Pending, Unconfirmed};
use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, EntryValue, MarkRule, Ruleset, ServiceKey, Snapshot, VirtualService};

/// The file with the whole ruleset of one commit.
pub(super) const BASE: &str = "mirror.base";
/// The file with the commits since.
pub(super) const LOG: &str = "mirror.log";

/// The base is written anew when the log is longer than it, and longer than this.
const LOG_BYTES: u64 = 64 << 10;

/// What the end of a file is searched in for its last line before all of it is read.
const WINDOW: u64 = 16 << 10;

/// A snapshot and where its ruleset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The snapshot, without tags.
    pub(super) snapshot: Snapshot,
    /// Its content.
    pub(super) content: Content,
    /// How it was to be confirmed, for one that had to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) confirm: Option<Confirm>,
}

impl Head {
    /// What a record leads to.
    pub(super) fn of(record: &Record) -> Head {
        Head {
            snapshot: record.snapshot.clone(),
            content: record.content,
            confirm: record.confirm.clone(),
        }
    }
}

/// One commit: what it leads to and how.
#[derive(Debug, Serialize, Deserialize)]
struct Commit {
    #[serde(flatten)]
    head: Head,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set: Vec<(EntryKey, EntryValue)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unset: Vec<EntryKey>,
    /// All marks, where setting them one by one would not give their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marks: Option<Vec<MarkRule>>,
    /// What the kernel is to hold again beside the old rules, where it is not confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    back: Vec<(EntryKey, EntryValue)>,
}

impl Commit {
    fn between(old: &Ruleset, new: &Ruleset, head: Head, back: Option<&Ruleset>) -> Commit {
        let mut commit = Commit {
            head,
            set: Vec::new(),
            unset: Vec::new(),
            marks: None,
            back: Vec::new(),
        };
        if let Some(back) = back {
            let beside = old.differences(back).into_iter();
            commit.back = beside
                .filter_map(|key| Some((key, back.get(&key)?)))
                .collect();
        }
        for key in old.differences(new) {
            match (new.get(&key), key) {
                (Some(value), _) => commit.set.push((key, value)),
                // Goes with its service.
                (None, EntryKey::Server(service, _)) if !new.services.contains_key(&service) => {}
                (None, _) => commit.unset.push(key),
            }
        }
        if old.marks != new.marks {
            let mut trial = Ruleset {
                marks: old.marks.clone(),
                ..Ruleset::default()
            };
            let is_mark = |key: &EntryKey| matches!(key, EntryKey::Marks(_));
            let unset = commit.unset.iter().filter(|key| is_mark(key));
            unset.for_each(|key| trial.put(key, None));
            let set = commit.set.iter().filter(|(key, _)| is_mark(key));
            set.for_each(|(key, value)| trial.put(key, Some(value.clone())));
            if trial.marks != new.marks {
                commit.set.retain(|(key, _)| !is_mark(key));
                commit.unset.retain(|key| !is_mark(key));
                commit.marks = Some(new.marks.clone());
            }
        }
        commit
    }

    /// What the kernel is to hold again, where these are the rules before it.
    fn back(&self, before: &Ruleset) -> Ruleset {
        let mut back = before.clone();
        for (key, value) in &self.back {
            back.put(key, Some(value.clone()));
        }
        back
    }

    fn apply(self, rules: &mut Ruleset) -> Head {
        for key in &self.unset {
            rules.put(key, None);
        }
        for (key, value) in self.set {
            rules.put(&key, Some(value));
        }
        if let Some(marks) = self.marks {
            rules.marks = marks;
        }
        self.head
    }
}

/// What is known of a commit's line besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// `?`
    UnderWay,
    /// `+`
    Done,
    /// `=`
    Kept,
    /// `-`
    Void,
}

impl State {
    fn byte(self) -> u8 {
        match self {
            State::UnderWay => b'?',
            State::Done => b'+',
            State::Kept => b'=',
            State::Void => b'-',
        }
    }

    fn of(byte: u8) -> Option<State> {
        [State::UnderWay, State::Done, State::Kept, State::Void]
            .into_iter()
            .find(|state| state.byte() == byte)
    }

    /// The database has it.
    pub(super) fn is_done(self) -> bool {
        matches!(self, State::Done | State::Kept)
    }
}

fn broken(cause: &str) -> Error {
    // Not `damaged`: its first advice is to use the mirror.
    Error::new(Kind::Damaged, cause)
        .hint("the next command that writes makes it anew from the database")
}

struct Line<'a> {
    state: State,
    json: &'a [u8],
    length: usize,
}

fn encode_line(json: &[u8]) -> Vec<u8> {
    let sum = Address::of(&[json]);
    let mut line = format!("? {} {sum} ", json.len()).into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

/// Takes the first line; `None` where a crash cut it.
fn take_line(bytes: &[u8]) -> Result<Option<Line<'_>>> {
    let cut_or = |cause: &str| match bytes.first() {
        // Only a line on its way can be cut; its pages may reach the disk in any order.
        None | Some(b'?' | 0) => {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let whole = end.is_some_and(|end| !bytes.iter().take(end).any(|byte| *byte == 0));
            if whole { Err(broken(cause)) } else { Ok(None) }
        }
        Some(_) => Err(broken(cause)),
    };
    let mut parts = bytes.splitn(4, |byte| *byte == b' ');
    let (Some(state), Some(length), Some(sum), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return cut_or("a line of its log is cut");
    };
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let state = match state {
        [byte] => State::of(*byte),
        _ => None,
    };
    let length: Option<usize> = text(length).and_then(|text| text.parse().ok());
    let sum = text(sum).and_then(Address::parse);
    let (Some(state), Some(length), Some(sum)) = (state, length, sum) else {
        return cut_or("a line of its log cannot be understood");
    };
    let Some((json, [b'\n', behind @ ..])) = rest.split_at_checked(length) else {
        return cut_or("a line of its log has another length than it says");
    };
    if Address::of(&[json]) != sum {
        return cut_or("a line of its log does not fit its checksum");
    }
    Ok(Some(Line {
        state,
        json,
        length: bytes.len().saturating_sub(behind.len()),
    }))
}

fn header(kind: DatabaseKind) -> String {
    format!("ipvsh mirror 1 {}\n", kind_name(kind))
}

fn skip_header(bytes: &[u8], kind: DatabaseKind) -> Result<&[u8]> {
    let expected = header(kind);
    bytes.strip_prefix(expected.as_bytes()).ok_or_else(|| {
        broken(&format!(
            "one of its files does not begin with \"{}\"",
            expected.trim_end()
        ))
    })
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match private().read(true).open(path) {
        Ok(mut file) => {
            let read = file.read_to_end(&mut bytes);
            read.map_err(|error| failed("read", path, &error))?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}

fn encode_base(kind: DatabaseKind, head: &Head, rules: &Ruleset) -> Result<Vec<u8>> {
    let mut bytes = header(kind).into_bytes();
    let mut line = |json: Vec<u8>| {
        bytes.extend(json);
        bytes.push(b'\n');
    };
    line(to_json(head)?);
    for service in &rules.services {
        line(to_json(&service)?);
    }
    line(to_json(&Rest::of(rules))?);
    let end = format!("end {}\n", Address::of(&[&bytes]));
    bytes.extend(end.into_bytes());
    Ok(bytes)
}

fn decode_base(bytes: &[u8], kind: DatabaseKind) -> Result<(Head, Ruleset)> {
    // "end ", 32 digits, a newline.
    let (body, end) = bytes
        .len()
        .checked_sub(37)
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or_else(|| broken("its base is cut"))?;
    if end != format!("end {}\n", Address::of(&[body])).as_bytes() {
        return Err(broken("its base does not fit its checksum"));
    }
    let mut lines = skip_header(body, kind)?
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    let cut = || broken("its base is incomplete");
    let head = from_json(lines.next().ok_or_else(cut)?, "the mirror's head")?;
    let mut rules = Ruleset::default();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            from_json::<Rest>(line, "the mirror")?.put_into(&mut rules);
            return Ok((head, rules));
        }
        let (key, service): (ServiceKey, VirtualService) = from_json(line, "the mirror")?;
        rules.services.insert(key, service);
    }
    Err(cut())
}

/// What a mirror holds.
pub(super) struct Held {
    /// The head.
    pub(super) head: Head,
    rules: Ruleset,
    /// The rules before the head, and those to return to, while it awaits confirmation.
    before: Option<(Ruleset, Ruleset)>,
}

impl Held {
    /// The same for those who restore it.
    pub(super) fn told(self) -> Mirrored {
        let snapshot = &self.head.snapshot;
        let unconfirmed = self.before.zip(self.head.confirm);
        Mirrored {
            id: snapshot.id,
            rules: self.rules,
            unconfirmed: unconfirmed.map(|((rules, back), confirm)| Unconfirmed {
                pending: Pending {
                    id: snapshot.id,
                    parent: snapshot.parent,
                    confirm,
                },
                rules,
                back,
            }),
        }
    }
}

/// Reads the mirror, whole or not at all; `None` where there is none.
///
/// # Errors
/// `damaged` where any part of it does not fit.
pub(super) fn read(dir: &Path, kind: DatabaseKind) -> Result<Option<Held>> {
    let base = read_file(&dir.join(BASE))?;
    let Some(log) = read_file(&dir.join(LOG))? else {
        return match base {
            Some(_) => Err(broken("its log is missing")),
            None => Ok(None),
        };
    };
    let based = base.is_some();
    let (mut head, mut rules) = match base {
        Some(base) => decode_base(&base, kind).map(|(head, rules)| (Some(head), rules))?,
        None => (None, Ruleset::default()),
    };
    let mut rest = skip_header(&log, kind)?;
    let mut changed = false;
    let mut before = None;
    while let Some(line) = take_line(rest)? {
        rest = rest.get(line.length..).unwrap_or_default();
        if line.state == State::Void {
            continue;
        }
        let commit: Commit = from_json(line.json, "the mirror's log")?;
        let at = head.as_ref().map(|head| head.snapshot.id);
        if at.is_some_and(|at| commit.head.snapshot.id <= at) && based && !changed {
            continue;
        }
        if commit.head.snapshot.parent != at {
            return Err(broken("a line of its log is missing"));
        }
        before = None;
        if commit.head.confirm.is_some() && line.state != State::Kept {
            if content::content_of(&rules)? != head.map_or(Content::default(), |head| head.content)
            {
                return Err(broken("what it holds is not what was committed"));
            }
            before = Some((rules.clone(), commit.back(&rules)));
        }
        head = Some(commit.apply(&mut rules));
        changed = true;
    }
    match head {
        Some(head) if content::content_of(&rules)? == head.content => Ok(Some(Held {
            head,
            rules,
            before,
        })),
        Some(_) => Err(broken("what it holds is not what was committed")),
        None => Ok(None),
    }
}

/// Shows what can be followed of the mirror, from its beginning to the first damage: each commit
/// with its state and the ruleset that it leads to, and the one to return to where it had to be
/// confirmed. What it shows is to be compared with the content that the commit names.
///
/// # Errors
/// `system` where a file cannot be read; what `visit` returns.
pub(super) fn replay(
    dir: &Path,
    kind: DatabaseKind,
    visit: &mut dyn FnMut(State, &Head, &Ruleset, Option<&Ruleset>) -> Result<()>,
) -> Result<()> {
    let mut rules = Ruleset::default();
    let mut at = None;
    if let Some(base) = read_file(&dir.join(BASE))? {
        let Ok((head, held)) = decode_base(&base, kind) else {
            return Ok(());
        };
        rules = held;
        at = Some(head.snapshot.id);
        visit(State::Kept, &head, &rules, None)?;
    }
    let log = read_file(&dir.join(LOG))?.unwrap_or_default();
    let mut rest = skip_header(&log, kind).unwrap_or_default();
    while let Ok(Some(line)) = take_line(rest) {
        rest = rest.get(line.length..).unwrap_or_default();
        let Ok(commit) = from_json::<Commit>(line.json, "the mirror's log") else {
            return Ok(());
        };
        let snapshot = &commit.head.snapshot;
        if at.is_some_and(|at| snapshot.id <= at) {
            continue;
        }
        if line.state == State::Void {
            visit(State::Void, &commit.head, &rules, None)?;
            continue;
        }
        if snapshot.parent != at {
            return Ok(());
        }
        let back = commit.head.confirm.is_some().then(|| commit.back(&rules));
        let head = commit.apply(&mut rules);
        at = Some(head.snapshot.id);
        visit(line.state, &head, &rules, back.as_ref())?;
    }
    Ok(())
}

/// Says whether any of its files is there.
pub(super) fn exists(dir: &Path) -> bool {
    [BASE, LOG].iter().any(|name| dir.join(name).exists())
}

/// Reads the mirror, whole or not at all, and not without the last commit: who holds the lock
/// witnesses which that was.
///
/// # Errors
/// As [`read`].
pub(super) fn read_newest(dir: &Path, kind: DatabaseKind) -> Result<Option<Held>> {
    let held = read(dir, kind)?;
    let newest = held.as_ref().map_or(0, |held| held.head.snapshot.id.0);
    let witnessed = Witness::of(dir).head;
    if witnessed <= newest {
        return Ok(held);
    }
    Err(broken(&format!(
        "snapshot {witnessed} was committed, but it ends at {newest}"
    )))
}

/// The last commit that the mirror knows.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    /// Its state; what a base holds is done, and needs no confirmation.
    pub(super) state: State,
    /// What it leads to.
    pub(super) head: Head,
    /// Where its line begins, for one in the log.
    at: Option<u64>,
}

impl Tip {
    /// It awaits confirmation as far as the mirror knows.
    pub(super) fn is_pending(&self) -> bool {
        self.head.confirm.is_some() && self.state != State::Kept
    }
}

/// The mirror, open for writing.
#[derive(Debug)]
pub(super) struct Mirror {
    dir: PathBuf,
    kind: DatabaseKind,
    log: File,
    end: u64,
    base_bytes: u64,
    /// The last commit that it knows.
    pub(super) tip: Option<Tip>,
    /// Bytes written to the log, for measuring.
    pub(super) written: u64,
}

impl Mirror {
    /// Opens the mirror at its end; `None` where there is none. Reads the head of the base and the
    /// end of the log only.
    ///
    /// # Errors
    /// `damaged` where these do not fit.
    pub(super) fn open(dir: &Path, kind: DatabaseKind) -> Result<Option<Mirror>> {
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
    pub(super) fn create(
        dir: &Path,
        kind: DatabaseKind,
        head: Option<(&Head, &Ruleset)>,
    ) -> Result<Mirror> {
        match head {
            Some((head, rules)) => {
                replace(
                    dir,
                    BASE,
                    "mirror.base.new",
                    &encode_base(kind, head, rules)?,
                )?;
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
    pub(super) fn create_pending(
        dir: &Path,
        kind: DatabaseKind,
        before: Option<Head>,
        (head, rules): (&Head, &Ruleset),
        back: &Ruleset,
        nodes: &impl Nodes,
    ) -> Result<Mirror> {
        let old = match &before {
            Some(before) => content::read(nodes, before.content)?,
            None => Ruleset::default(),
        };
        let base = before.as_ref().map(|before| (before, &old));
        let mut mirror = Mirror::create(dir, kind, base)?;
        mirror.prepare(&old, rules, head.clone(), Some(back))?;
        mirror.mark(State::Done, false)?;
        Ok(mirror)
    }

    /// Writes a commit's line, on disk when this returns; its state is "on its way". `back` is what
    /// the kernel is to hold again, for one that awaits confirmation.
    ///
    /// # Errors
    /// `system`, with the log as it was.
    pub(super) fn prepare(
        &mut self,
        old: &Ruleset,
        new: &Ruleset,
        head: Head,
        back: Option<&Ruleset>,
    ) -> Result<()> {
        let line = encode_line(&to_json(&Commit::between(old, new, head.clone(), back))?);
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
    pub(super) fn mark(&mut self, state: State, sync: bool) -> Result<()> {
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
    pub(super) fn drop_tip(&mut self) -> Result<()> {
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
    pub(super) fn trim(&mut self) -> Result<()> {
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
    pub(super) fn is_long(&self) -> bool {
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
    let mut tip = None;
    while let Some(line) = take_line(rest)? {
        rest = rest.get(line.length..).unwrap_or_default();
        tip = Some((line.state, line.json, at));
        at = at.saturating_add(line.length as u64);
    }
    if tip.is_none() && from > start_of_lines {
        return log_end(log, kind, u64::MAX);
    }
    let tip = match tip {
        Some((state, json, at)) => Some(Tip {
            state,
            head: from_json(json, "the mirror's log")?,
            at: Some(at),
        }),
        None => None,
    };
    Ok((at, tip))
}
