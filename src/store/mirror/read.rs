//! Reading the mirror without the database: whole or not at all, or as far as it can be followed.

use std::path::Path;

use super::super::content::{self, Content, from_json};
use super::super::directory::read_file;
use super::super::lock::Witness;
use super::super::{DatabaseKind, Mirrored, Pending, Unconfirmed, found_values};
use super::base;
use super::commit::{Commit, Head, State};
use super::format::{skip_header, take_line};
use super::{BASE, LOG, broken};
use crate::error::Result;
use crate::model::{FoundValues, Ruleset, SnapshotId};

/// What a mirror holds.
pub(in crate::store) struct Held {
    /// The head.
    pub(in crate::store) head: Head,
    rules: Ruleset,
    /// The rules before the head, and those to return to, while it awaits confirmation.
    before: Option<(Ruleset, Ruleset)>,
}

impl Held {
    /// The same for those who restore it.
    pub(in crate::store) fn told(self) -> Mirrored {
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

/// How sure of the mirror a reader must be. Every file and line has a checksum, and every line names
/// the snapshot that it follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// That is enough: nothing else is damaged, and who changes something compares.
    OfLines,
    /// What the lines lead to is compared with the digest of its content. It costs several times as
    /// much as reading.
    OfContent,
}

/// Reads the mirror, whole or not at all; `None` where there is none.
///
/// # Errors
/// `damaged` where any part of it does not fit.
pub(in crate::store) fn read(dir: &Path, kind: DatabaseKind) -> Result<Option<Held>> {
    follow(dir, kind, Sure::OfContent)
}

/// The rules of a head that is known to be the mirror's; `None` where it has another. Many times as
/// fast as out of the database.
///
/// # Errors
/// `damaged` where a part of it does not fit.
pub(in crate::store) fn rules_of(
    dir: &Path,
    kind: DatabaseKind,
    head: &Head,
) -> Result<Option<Ruleset>> {
    let held = follow(dir, kind, Sure::OfLines)?;
    Ok(held
        .filter(|held| held.head == *head)
        .map(|held| held.rules))
}

fn follow(dir: &Path, kind: DatabaseKind, sure: Sure) -> Result<Option<Held>> {
    let differs = |rules: &Ruleset, content| -> Result<bool> {
        Ok(sure == Sure::OfContent && content::content_of(rules)? != content)
    };
    let base = read_file(&dir.join(BASE))?;
    let Some(log) = read_file(&dir.join(LOG))? else {
        return match base {
            Some(_) => Err(broken("its log is missing")),
            None => Ok(None),
        };
    };
    let based = base.is_some();
    let (mut head, mut rules, mut found) = match base {
        Some(base) => {
            let base = base::decode(&base, kind)?;
            let found = match sure {
                Sure::OfContent => base.found()?,
                Sure::OfLines => FoundValues::default(),
            };
            (Some(base.head), base.rules, found)
        }
        None => Default::default(),
    };
    let mut rest = skip_header(&log, kind)?;
    let mut changed = false;
    let mut before = None;
    while let Some(line) = take_line(rest)? {
        let place = log.len().saturating_sub(rest.len());
        rest = rest.get(line.length..).unwrap_or_default();
        if line.state == State::Void {
            continue;
        }
        let commit: Commit = from_json(line.json, "the mirror's log")?;
        commit.place.check(place as u64)?;
        let at = head.as_ref().map(|head| head.snapshot.id);
        if at.is_some_and(|at| commit.place.head.snapshot.id <= at) && based && !changed {
            continue;
        }
        if commit.place.head.snapshot.parent != at {
            return Err(broken("a line of its log is missing"));
        }
        before = None;
        if commit.place.head.confirm.is_some() && line.state != State::Kept {
            let content = head
                .as_ref()
                .map_or(Content::default(), |head| head.content);
            if differs(&rules, content)? {
                return Err(broken("what it holds is not what was committed"));
            }
            before = Some((rules.clone(), commit.back(&rules)));
        }
        if sure == Sure::OfContent {
            commit.apply_found(&mut found);
        }
        head = Some(commit.apply(&mut rules));
        changed = true;
    }
    match head {
        Some(head) if differs(&rules, head.content)? => {
            Err(broken("what it holds is not what was committed"))
        }
        Some(head)
            if sure == Sure::OfContent && found_values::content_of(&found)? != head.found =>
        {
            Err(broken(
                "the values found in it are not those of its snapshot",
            ))
        }
        Some(head) => Ok(Some(Held {
            head,
            rules,
            before,
        })),
        None => Ok(None),
    }
}

/// What a commit of the mirror leads to.
pub(in crate::store) struct Replayed<'a> {
    /// How far it came.
    pub(in crate::store) state: State,
    /// Its snapshot.
    pub(in crate::store) head: &'a Head,
    /// The rules.
    pub(in crate::store) rules: &'a Ruleset,
    /// The values found of their entries.
    pub(in crate::store) found: &'a FoundValues,
    /// The rules to return to, where it had to be confirmed.
    pub(in crate::store) back: Option<&'a Ruleset>,
}

/// Shows what can be followed of the mirror, from its beginning to the first damage: each commit
/// with its state and the ruleset that it leads to, and the one to return to where it had to be
/// confirmed. What it shows is to be compared with the content that the commit names.
///
/// # Errors
/// `system` where a file cannot be read; what `visit` returns.
pub(in crate::store) fn replay(
    dir: &Path,
    kind: DatabaseKind,
    visit: &mut dyn FnMut(Replayed<'_>) -> Result<()>,
) -> Result<()> {
    let mut rules = Ruleset::default();
    let mut found = FoundValues::default();
    let mut at = None;
    if let Some(base) = read_file(&dir.join(BASE))? {
        let Ok(base) = base::decode(&base, kind) else {
            return Ok(());
        };
        found = base.found()?;
        rules = base.rules;
        at = Some(base.head.snapshot.id);
        visit(Replayed {
            state: State::Kept,
            head: &base.head,
            rules: &rules,
            found: &found,
            back: None,
        })?;
    }
    let log = read_file(&dir.join(LOG))?.unwrap_or_default();
    let mut rest = skip_header(&log, kind).unwrap_or_default();
    while let Ok(Some(line)) = take_line(rest) {
        rest = rest.get(line.length..).unwrap_or_default();
        let Ok(commit) = from_json::<Commit>(line.json, "the mirror's log") else {
            return Ok(());
        };
        let snapshot = &commit.place.head.snapshot;
        if at.is_some_and(|at| snapshot.id <= at) {
            continue;
        }
        if line.state == State::Void {
            visit(Replayed {
                state: State::Void,
                head: &commit.place.head,
                rules: &rules,
                found: &found,
                back: None,
            })?;
            continue;
        }
        if snapshot.parent != at {
            return Ok(());
        }
        let back = commit
            .place
            .head
            .confirm
            .is_some()
            .then(|| commit.back(&rules));
        commit.apply_found(&mut found);
        let head = commit.apply(&mut rules);
        at = Some(head.snapshot.id);
        visit(Replayed {
            state: line.state,
            head: &head,
            rules: &rules,
            found: &found,
            back: back.as_ref(),
        })?;
    }
    Ok(())
}

/// Says whether any of its files is there.
pub(in crate::store) fn exists(dir: &Path) -> bool {
    [BASE, LOG].iter().any(|name| dir.join(name).exists())
}

/// Reads the mirror, whole or not at all, and not without the last commit: who holds the lock
/// witnesses which that was.
///
/// # Errors
/// As [`read`].
pub(in crate::store) fn read_newest(dir: &Path, kind: DatabaseKind) -> Result<Option<Held>> {
    newest(dir, read(dir, kind)?)
}

/// Reads the head and its rules without comparing them with their digests, for those who look often.
///
/// # Errors
/// As [`read_newest`].
pub(in crate::store) fn read_quickly(
    dir: &Path,
    kind: DatabaseKind,
) -> Result<Option<(SnapshotId, Ruleset)>> {
    let held = newest(dir, follow(dir, kind, Sure::OfLines)?)?;
    Ok(held.map(|held| (held.head.snapshot.id, held.rules)))
}

fn newest(dir: &Path, held: Option<Held>) -> Result<Option<Held>> {
    let newest = held.as_ref().map_or(0, |held| held.head.snapshot.id.0);
    let witnessed = Witness::of(dir).head;
    if witnessed <= newest {
        return Ok(held);
    }
    Err(broken(&format!(
        "snapshot {witnessed} was committed, but it ends at {newest}"
    )))
}
