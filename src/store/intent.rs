//! The file `INTENT`: there while a commit is under way, with what it would do.
//!
//! `CHECKSUM JSON`, then a line for each note of how far its steps came: `ANSWERED SENT`, then the
//! numbers of steps before `SENT` that were not done, and the CRC-32 of all that. The last whole line
//! counts. It names the head that the commit is made on: once there is a newer one it counts
//! no more, whether somebody removed it or not. So a commit needs one write of the database only, and
//! a restore none.
//!
//! Bringing back services of the head is all that `restore` does at boot. What they are is in the
//! history already: only their names are written.

use std::borrow::Cow;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::address::{Address, damaged};
use super::content::{from_json, to_json};
use super::directory::{failed, private, read_file, replace, sync_directory};
use super::{Intent, Reached};
use crate::error::Result;
use crate::kernel::Place;
use crate::model::{
    DaemonRole, Ruleset, ServiceKey, Setting, SettingKey, SnapshotId, SyncDaemon, TimeoutKind,
    Timeouts,
};
use crate::plan::{SettingChange, Step};

/// Its name.
pub(super) const INTENT: &str = "INTENT";
const NEW: &str = "INTENT.new";

/// An [`Intent`], with its steps in fewer words.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    time: DateTime<Utc>,
    author: Cow<'a, str>,
    message: Cow<'a, str>,
    head: Option<SnapshotId>,
    place: Cow<'a, Place>,
    pid: u32,
    steps: Vec<Short<'a>>,
}

/// One step, or many.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Short<'a> {
    /// Services are added as the head has them, each before its servers.
    OfHead {
        /// In the order of the steps.
        of_head: Vec<ServiceKey>,
    },
    /// A step by itself.
    Step(Cow<'a, Step>),
    /// A step as an early version wrote it.
    Early(EarlyStep),
}

/// Steps of settings as early versions wrote them: the intent of a commit that one of them began is
/// read by the next.
#[derive(Serialize, Deserialize)]
enum EarlyStep {
    SetTimeouts {
        from: Timeouts,
        to: Timeouts,
    },
    StartDaemon {
        role: DaemonRole,
        daemon: SyncDaemon,
    },
    StopDaemon {
        role: DaemonRole,
        daemon: SyncDaemon,
    },
}

impl From<EarlyStep> for Step {
    fn from(early: EarlyStep) -> Step {
        let daemon = |role, from: Option<SyncDaemon>, to: Option<SyncDaemon>| SettingChange {
            key: SettingKey::SyncDaemon(role),
            from: from.map(Setting::SyncDaemon),
            to: to.map(Setting::SyncDaemon),
        };
        let settings = match early {
            EarlyStep::SetTimeouts { from, to } => {
                let set = TimeoutKind::ALL.into_iter().filter_map(|kind| {
                    Some(SettingChange {
                        key: SettingKey::Timeout(kind),
                        from: Some(Setting::Timeout(from.get(kind)?)),
                        to: Some(Setting::Timeout(to.get(kind)?)),
                    })
                });
                set.collect()
            }
            EarlyStep::StartDaemon { role, daemon: it } => vec![daemon(role, None, Some(it))],
            EarlyStep::StopDaemon { role, daemon: it } => vec![daemon(role, Some(it), None)],
        };
        Step::Set { settings }
    }
}

/// Writes an intent, on disk when this returns; with the rules of its head, where they are at hand,
/// it is shorter.
///
/// # Errors
/// `system`, with what was there as it was.
pub(super) fn write(dir: &Path, intent: &Intent, head: Option<&Ruleset>) -> Result<()> {
    replace(dir, INTENT, NEW, &encode(intent, head)?)
}

/// Reads the intent; none where there is none, or where the head is a newer one than it was made
/// on: then its commit is recorded. `ruleset` gives what a snapshot holds.
///
/// # Errors
/// `damaged` where it does not fit its checksum; as the snapshot cannot be read; `system`.
pub(super) fn read(
    dir: &Path,
    head: Option<SnapshotId>,
    ruleset: impl FnOnce(SnapshotId) -> Result<Ruleset>,
) -> Result<Option<Intent<'static>>> {
    match read_file(&dir.join(INTENT))? {
        Some(bytes) => decode(&bytes, head, ruleset),
        None => Ok(None),
    }
}

/// Notes how far its steps came. It is not synced: after a power cut nothing of them is left.
///
/// # Errors
/// `system`.
pub(super) fn note(dir: &Path, reached: &Reached) -> Result<()> {
    let path = dir.join(INTENT);
    let mut line = format!("{} {}", reached.answered, reached.sent);
    for step in &reached.not_done {
        line.push_str(&format!(" {step}"));
    }
    line.push_str(&format!(" {:08x}\n", crc32fast::hash(line.as_bytes())));
    private()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| failed("write", &path, &error))
}

/// The last note of how far the steps came; an intent of an early version has none. A line without
/// its end was cut off while it was written.
///
/// # Errors
/// `damaged` where a whole line does not fit its checksum.
fn read_reached(notes: Option<&[u8]>) -> Result<Reached> {
    let Some(notes) = notes else {
        return Ok(Reached::unknown());
    };
    let end = notes.iter().rposition(|byte| *byte == b'\n');
    let Some(whole) = end.and_then(|end| notes.get(..end)) else {
        return Ok(Reached::nothing());
    };
    let mut reached = Reached::nothing();
    for line in whole.split(|byte| *byte == b'\n') {
        let understood = read_note(line);
        reached = understood.ok_or_else(|| damaged("a note of the intent is damaged"))?;
    }
    Ok(reached)
}

fn read_note(line: &[u8]) -> Option<Reached> {
    let (numbers, sum) = std::str::from_utf8(line).ok()?.rsplit_once(' ')?;
    if sum != format!("{:08x}", crc32fast::hash(numbers.as_bytes())) {
        return None;
    }
    let numbers = numbers.split(' ').map(str::parse);
    let numbers: Vec<usize> = numbers.collect::<Result<_, _>>().ok()?;
    match numbers.as_slice() {
        [answered, sent, not_done @ ..] => Some(Reached {
            answered: *answered,
            sent: *sent,
            not_done: not_done.iter().copied().collect(),
        }),
        _ => None,
    }
}

/// Says whether there is one, which may count no more.
pub(super) fn exists(dir: &Path) -> bool {
    fs::symlink_metadata(dir.join(INTENT)).is_ok()
}

/// Removes the intent; on disk when this returns.
///
/// # Errors
/// `system`.
pub(super) fn remove(dir: &Path) -> Result<()> {
    let path = dir.join(INTENT);
    match fs::remove_file(&path) {
        Ok(()) => sync_directory(dir),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", &path, &error)),
    }
}

/// Removes an intent that counts no more. One that stays is found so by the next.
pub(super) fn forget(dir: &Path) {
    let _ = fs::remove_file(dir.join(INTENT));
}

/// Puts one that cannot be read among what a repair keeps.
///
/// # Errors
/// `system`.
pub(super) fn move_to(dir: &Path, keep: &Path) -> Result<()> {
    let path = dir.join(INTENT);
    fs::rename(&path, keep.join(INTENT)).map_err(|error| failed("rename", &path, &error))?;
    sync_directory(keep)?;
    sync_directory(dir)
}

fn encode(intent: &Intent, head: Option<&Ruleset>) -> Result<Vec<u8>> {
    let json = to_json(&Stored {
        time: intent.time,
        author: Cow::Borrowed(&intent.author),
        message: Cow::Borrowed(&intent.message),
        head: intent.head,
        place: Cow::Borrowed(&intent.place),
        pid: intent.pid,
        steps: shortened(&intent.steps, head.filter(|_| intent.head.is_some())),
    })?;
    let mut bytes = format!("{} ", Address::of(&[&json])).into_bytes();
    bytes.extend(json);
    bytes.push(b'\n');
    Ok(bytes)
}

fn decode(
    bytes: &[u8],
    head: Option<SnapshotId>,
    ruleset: impl FnOnce(SnapshotId) -> Result<Ruleset>,
) -> Result<Option<Intent<'static>>> {
    // JSON of ours has no newline.
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (bytes, notes) = match end.and_then(|end| bytes.split_at_checked(end)) {
        Some((json, notes)) => (json, notes.get(1..)),
        None => (bytes, None),
    };
    // 32 digits and a space.
    let json = bytes.get(33..).unwrap_or_default();
    if !bytes.starts_with(format!("{} ", Address::of(&[json])).as_bytes()) {
        return Err(damaged("the intent does not fit its checksum"));
    }
    let stored: Stored = from_json(json, "the intent")?;
    if stored.head < head {
        return Ok(None);
    }
    let is_short = |step: &Short| matches!(step, Short::OfHead { .. });
    let head = match stored.head.filter(|_| stored.steps.iter().any(is_short)) {
        Some(head) => ruleset(head)?,
        None => Ruleset::default(),
    };
    let mut steps = Vec::new();
    for short in stored.steps {
        match short {
            Short::Step(step) => steps.push(step.into_owned()),
            Short::Early(early) => steps.push(early.into()),
            Short::OfHead { of_head } => {
                for key in of_head {
                    steps.extend(of_service(key, &head)?);
                }
            }
        }
    }
    Ok(Some(Intent {
        time: stored.time,
        author: stored.author.into_owned(),
        message: stored.message.into_owned(),
        head: stored.head,
        place: stored.place.into_owned(),
        pid: stored.pid,
        steps: Cow::Owned(steps),
        reached: read_reached(notes)?,
    }))
}

/// The steps that add a service of the head.
fn of_service(key: ServiceKey, head: &Ruleset) -> Result<Vec<Step>> {
    let service = head.services.get(&key);
    let service = service.ok_or_else(|| {
        damaged(format!(
            "the intent adds {key}, which its head does not have"
        ))
    })?;
    Ok(Step::adding(key, service))
}

fn shortened<'a>(steps: &'a [Step], head: Option<&Ruleset>) -> Vec<Short<'a>> {
    let mut short: Vec<Short> = Vec::new();
    let mut rest = steps;
    while let Some((first, behind)) = rest.split_first() {
        match head.and_then(|head| of_head(rest, head)) {
            Some((key, count)) => {
                match short.last_mut() {
                    Some(Short::OfHead { of_head }) => of_head.push(key),
                    _ => short.push(Short::OfHead { of_head: vec![key] }),
                }
                rest = rest.get(count..).unwrap_or_default();
            }
            None => {
                short.push(Short::Step(Cow::Borrowed(first)));
                rest = behind;
            }
        }
    }
    short
}

/// The service of the head that the first steps add whole, and how many steps these are.
fn of_head(steps: &[Step], head: &Ruleset) -> Option<(ServiceKey, usize)> {
    let (Step::AddService { key, options }, behind) = steps.split_first()? else {
        return None;
    };
    let service = head
        .services
        .get(key)
        .filter(|one| one.options == *options)?;
    let added = behind.get(..service.servers.len())?;
    let mut servers = service.servers.iter().zip(added);
    let are_added = servers.all(|((server, options), step)| {
        matches!(step, Step::AddServer { service, key: one, options: with }
            if service == key && one == server && with == options)
    });
    are_added.then_some((*key, added.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Live;
    use crate::plan::steps;
    use crate::store::tests::{intent, reweigh, rules};

    /// What is written, and the steps that are read again.
    fn through(steps: Vec<Step>, head: &Ruleset) -> (String, Vec<Step>) {
        let intent = Intent {
            steps: steps.into(),
            ..intent(1, 0)
        };
        let bytes = encode(&intent, Some(head)).unwrap();
        assert_eq!(
            decode(&bytes, Some(SnapshotId(2)), |_| panic!()).unwrap(),
            None
        );
        let again = decode(&bytes, Some(SnapshotId(1)), |id| {
            assert_eq!(id, SnapshotId(1));
            Ok(head.clone())
        });
        let text = String::from_utf8(bytes).unwrap();
        (text, again.unwrap().unwrap().steps.into_owned())
    }

    fn to(target: &Ruleset) -> Vec<Step> {
        let target = Live {
            rules: target.clone(),
            ..Live::default()
        };
        steps(&Live::default(), &target)
    }

    /// What version 0.1.0 wrote before settings had one kind of step.
    #[test]
    fn steps_of_an_early_version_are_read() {
        let read = |text: &str| match serde_json::from_str::<Short>(text).unwrap() {
            Short::Early(early) => Step::from(early),
            Short::Step(step) => step.into_owned(),
            Short::OfHead { .. } => panic!("{text}"),
        };
        let tcp = |seconds| Some(Setting::Timeout(seconds));
        assert_eq!(
            read(r#"{"SetTimeouts":{"from":{"tcp":900},"to":{"tcp":600}}}"#),
            Step::Set {
                settings: vec![SettingChange {
                    key: SettingKey::Timeout(TimeoutKind::Tcp),
                    from: tcp(900),
                    to: tcp(600),
                }]
            }
        );
        let daemon = r#""role":"backup","daemon":{"interface":"eth0","id":7}"#;
        let started = read(&format!(r#"{{"StartDaemon":{{{daemon}}}}}"#));
        let stopped = read(&format!(r#"{{"StopDaemon":{{{daemon}}}}}"#));
        assert_eq!(started.inverse(), [stopped]);
        assert_eq!(started.object(), "sync daemon backup");
        assert_eq!(started.attempt(), "cannot start");
    }

    #[test]
    fn a_load_of_the_head_is_its_names() {
        let head = rules(20, 5);
        let load = to(&head);
        assert_eq!(load.len(), 120);
        let (text, again) = through(load.clone(), &head);
        assert_eq!(again, load);
        assert!(!text.contains("AddServer"), "{text}");
        assert!(text.len() < 2_500, "{} bytes", text.len());
    }

    #[test]
    fn what_the_head_has_otherwise_is_written_out() {
        let head = rules(20, 3);
        let mut other = head.clone();
        reweigh(&mut other, 7, 0);
        let mut load = to(&other);
        // One server is there already.
        load.remove(1);
        let (text, again) = through(load.clone(), &head);
        assert_eq!(again, load);
        assert_eq!(text.matches("AddService").count(), 2, "{text}");
        assert_eq!(text.matches("of_head").count(), 2, "{text}");
        let nothing = Ruleset::default();
        assert_eq!(through(load.clone(), &nothing).1, load);
    }

    #[test]
    fn how_far_it_came_is_read_back_and_damage_is_not_guessed_at() {
        let dir = tempfile::tempdir().unwrap();
        let none = |_| Ok(Ruleset::default());
        write(dir.path(), &intent(1, 9), None).unwrap();
        let reached = Reached {
            answered: 2,
            sent: 9,
            not_done: [4, 8].into(),
        };
        for noted in [
            Reached::nothing(),
            Reached::all(&intent(1, 9).steps),
            reached,
        ] {
            note(dir.path(), &noted).unwrap();
            let again = read(dir.path(), Some(SnapshotId(1)), none).unwrap();
            assert_eq!(again.unwrap().reached, noted);
        }
        let bytes = fs::read(dir.path().join(INTENT)).unwrap();
        let last = bytes.len() - 5;
        for at in [last, last - 10] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            decode(&damaged, Some(SnapshotId(1)), none).unwrap_err();
        }
        // A line that was cut off is none.
        let cut = decode(&bytes[..bytes.len() - 1], Some(SnapshotId(1)), none).unwrap();
        assert_eq!(cut.unwrap().reached.answered, 9);
    }

    #[test]
    fn a_head_that_lacks_what_it_added_is_damage() {
        let head = rules(3, 1);
        let intent = Intent {
            steps: to(&head).into(),
            ..intent(1, 0)
        };
        let bytes = encode(&intent, Some(&head)).unwrap();
        let error = decode(&bytes, Some(SnapshotId(1)), |_| Ok(rules(2, 1))).unwrap_err();
        assert!(
            error.message().contains("its head does not have"),
            "{error}"
        );
        for less in [&bytes[1..], &bytes[..bytes.len() - 2], b""] {
            let error = decode(less, Some(SnapshotId(1)), |_| Ok(head.clone())).unwrap_err();
            assert!(error.message().contains("checksum"), "{error}");
        }
    }
}
