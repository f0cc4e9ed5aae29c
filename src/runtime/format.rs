//! The bytes of the state file.
//!
//! The first line is `ipvsh state VERSION CHECKSUM {"boot", "namespace"}`. Each other line is
//! `CHECKSUM JSON`: a change of the state, with its time. The first change makes the state from
//! nothing, and is written together with the first line, in one step. A change with `done` says that
//! the kernel has been written up to here. Checksums are CRC-32 of the JSON, as eight hexadecimal
//! digits.
//!
//! A last line without its end is that of a daemon that died while it wrote: the state before it
//! counts. All other damage, and another version, makes the file unreadable.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::name::TargetName;
use crate::error::{Error, Kind, Result};
use crate::health::{Deviation, State, Target};
use crate::kernel::Place;

/// The version of the format; a program refuses every other one.
const VERSION: &str = "1";

/// What a reader finds of the state of a database.
#[derive(Debug, Clone, PartialEq)]
pub enum StateRead {
    /// No daemon wrote one in this boot: every server is up.
    Missing,
    /// The state, and when the daemon last wrote it, UTC. It counts however old it is.
    Read(State, DateTime<Utc>),
    /// It belongs to another boot or to another network namespace, in words.
    Foreign(String),
    /// It is damaged, of another version, or cannot be opened: checked servers stay as the kernel
    /// has them.
    Unreadable(Error),
}

/// A whole file.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) place: Place,
    pub(super) state: State,
    /// The state that the kernel was last written by.
    pub(super) kernel: State,
    pub(super) written_at: DateTime<Utc>,
}

/// A change of the state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    time: DateTime<Utc>,
    set: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<TargetName>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    done: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    of: TargetName,
    is: Deviation,
}

/// Reads a file as a whole.
///
/// # Errors
/// `damaged`.
pub(super) fn decode(bytes: &[u8]) -> Result<Content> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let place = decode_header(lines.next().unwrap_or_default())?;
    let first = lines.next().and_then(|line| line.strip_suffix(b"\n"));
    let first = first.ok_or_else(|| damaged("it ends before its first change"))?;
    let mut replay = Replay::default();
    let mut written_at = replay.apply(first)?;
    for line in lines {
        match line.strip_suffix(b"\n") {
            Some(line) => written_at = replay.apply(line)?,
            // The daemon died while it wrote this line, and before it wrote the kernel.
            None => break,
        }
    }
    let kernel = replay.kernel();
    Ok(Content {
        place,
        state: State {
            servers: replay.servers,
        },
        kernel,
        written_at,
    })
}

/// The changes of a file, one behind the other.
#[derive(Default)]
struct Replay {
    servers: BTreeMap<Target, Deviation>,
    /// What changed since the kernel was written, as it was then.
    undone: BTreeMap<Target, Option<Deviation>>,
}

impl Replay {
    fn apply(&mut self, line: &[u8]) -> Result<DateTime<Utc>> {
        let change: Change = checked(line)?;
        let named = |error: Error| damaged("a line of it names no server").caused_by(error);
        for name in &change.gone {
            let target = Target::try_from(name).map_err(named)?;
            let was = self.servers.remove(&target);
            self.undone.entry(target).or_insert(was);
        }
        for entry in change.set {
            let target = Target::try_from(&entry.of).map_err(named)?;
            let was = self.servers.insert(target, entry.is);
            self.undone.entry(target).or_insert(was);
        }
        if change.done {
            self.undone.clear();
        }
        Ok(change.time)
    }

    /// The state that the kernel was last written by.
    fn kernel(&self) -> State {
        let mut servers = self.servers.clone();
        for (target, was) in &self.undone {
            match was {
                Some(was) => servers.insert(*target, was.clone()),
                None => servers.remove(target),
            };
        }
        State { servers }
    }
}

fn decode_header(line: &[u8]) -> Result<Place> {
    let not_a_state = || damaged("it does not begin as a state of ipvsh does");
    let rest = line.strip_prefix(b"ipvsh state ").ok_or_else(not_a_state)?;
    let mut words = rest.splitn(2, |byte| *byte == b' ');
    let version = String::from_utf8_lossy(words.next().unwrap_or_default());
    if version.trim_end() != VERSION {
        return Err(Error::new(
            Kind::Damaged,
            format!(
                "it has version \"{}\"; ipvsh {} knows version {VERSION}",
                version.trim_end(),
                env!("CARGO_PKG_VERSION")
            ),
        ));
    }
    let rest = words.next().and_then(|rest| rest.strip_suffix(b"\n"));
    checked(rest.ok_or_else(not_a_state)?)
}

/// Takes the JSON of a line that fits its checksum.
fn checked<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Result<T> {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let (sum, json) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    if sum != checksum(json).as_bytes() {
        return Err(damaged("a line of it does not fit its checksum"));
    }
    serde_json::from_slice(json)
        .map_err(|error| damaged("a line of it cannot be understood").caused_by(error))
}

fn damaged(cause: &str) -> Error {
    Error::new(Kind::Damaged, cause)
}

fn checksum(json: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(json))
}

fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::new(Kind::Bug, error.to_string()).caused_by(error))?;
    let mut line = checksum(&json).into_bytes();
    line.push(b' ');
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok(line)
}

/// Writes a whole file: the state that the kernel was last written by, and the state now.
///
/// # Errors
/// `bug`.
pub(super) fn encode(
    place: &Place,
    (kernel, state): (&State, &State),
    time: DateTime<Utc>,
) -> Result<Vec<u8>> {
    let mut bytes = format!("ipvsh state {VERSION} ").into_bytes();
    bytes.extend(line(place)?);
    let first = Change {
        done: true,
        ..change(&State::default(), kernel, time)
    };
    bytes.extend(line(&first)?);
    if kernel != state {
        bytes.extend(encode_change(kernel, state, time)?);
    }
    Ok(bytes)
}

/// Writes what turns one state into another, as a line.
///
/// # Errors
/// `bug`.
pub(super) fn encode_change(from: &State, to: &State, time: DateTime<Utc>) -> Result<Vec<u8>> {
    line(&change(from, to, time))
}

/// Writes that the kernel has been written, as a line.
///
/// # Errors
/// `bug`.
pub(super) fn encode_done(time: DateTime<Utc>) -> Result<Vec<u8>> {
    let nothing = State::default();
    line(&Change {
        done: true,
        ..change(&nothing, &nothing, time)
    })
}

fn change(from: &State, to: &State, time: DateTime<Utc>) -> Change {
    let is_new =
        |(target, deviation): &(&Target, &Deviation)| from.servers.get(target) != Some(*deviation);
    let set = to.servers.iter().filter(is_new);
    let set = set.map(|(target, deviation)| Entry {
        of: TargetName::from(*target),
        is: deviation.clone(),
    });
    let is_gone = |target: &&Target| !to.servers.contains_key(target);
    let gone = from.servers.keys().filter(is_gone);
    Change {
        time,
        set: set.collect(),
        gone: gone.map(|target| TargetName::from(*target)).collect(),
        done: false,
    }
}
