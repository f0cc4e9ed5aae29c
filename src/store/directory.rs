//! The database's directory: whose it is, which modes it has, and the marker of its format.
//!
//! The marker, `FORMAT`, is plain text, `ipvsh 1 sled-0.34 linux`, the program that made it, and the
//! checksum of both lines, and is looked at before sled is: sled 1.0 opens a 0.34 directory without an error and shows no records.
//! A directory that is not empty and has no marker is never written to.

use std::fs::{self, DirBuilder, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use super::DatabaseKind;
use super::address::Address;
use super::files::{BESIDE, close};
pub(super) use super::files::{LOCK, close_to_others, failed, location, private, sync_directory};
use super::lock::Witness;
use super::table::ENGINE as ENGINE_DIR;
use crate::error::{Error, Kind, Result};

/// The marker.
pub(super) const FORMAT: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";

/// The version of everything below: records, nodes, mirror.
const VERSION: u32 = 1;
const ENGINE: &str = "sled-0.34";

/// What stands where a database is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or an empty directory.
    Nothing,
    /// A database of this kind, format and engine.
    Database,
}

/// The word for a kind, in the marker and in messages.
pub(super) fn kind_name(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Linux => "linux",
        DatabaseKind::Sim => "sim",
    }
}

/// Reads a whole file; none where it is not there.
///
/// # Errors
/// `system`, `not_permitted`.
pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
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

/// Writes a whole file: under another name first, then in one step.
pub(super) fn replace(dir: &Path, name: &str, new_name: &str, bytes: &[u8]) -> Result<()> {
    let (path, new) = (dir.join(name), dir.join(new_name));
    let write = || {
        let mut options = private();
        let mut file = options.create(true).write(true).truncate(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    write().map_err(|error| {
        // What is left of a failed attempt would only take up the room that was missing.
        let _ = fs::remove_file(&new);
        failed("write", &path, &error)
    })?;
    sync_directory(dir)
}

fn foreign(dir: &Path, cause: String) -> Error {
    Error::new(Kind::Damaged, cause).of_database(location(dir))
}

fn metadata(dir: &Path) -> Result<Option<Metadata>> {
    match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => Ok(Some(metadata)),
        Ok(_) => Err(foreign(dir, "it is not a directory".to_owned())
            .hint("name the directory of a database: --db DIR")),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(dir) {
            // A file system that is not mounted is no empty database.
            Ok(target) => Err(Error::new(
                Kind::System,
                format!("it is a link to {}, which is not there", target.display()),
            )
            .of_database(location(dir))
            .hint("mount its file system, or make that directory: mkdir -m 700 DIR")),
            Err(_) => Ok(None),
        },
        Err(error) => Err(failed("look at", dir, &error)),
    }
}

fn read_marker(dir: &Path) -> Result<Option<Vec<u8>>> {
    let path = dir.join(FORMAT);
    match private().read(true).open(&path) {
        Ok(file) => {
            let mut text = Vec::new();
            // A marker has two short lines; what is longer is none.
            let read = file.take(1024).read_to_end(&mut text);
            read.map_err(|error| failed("read", &path, &error))?;
            Ok(Some(text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", &path, &error)),
    }
}

/// Names in a directory that a creation that was cut short, or a daemon, leaves behind.
fn is_leftover(name: &std::ffi::OsStr) -> bool {
    let mut known = [LOCK, FORMAT_NEW].iter().chain(&BESIDE);
    known.any(|known| name == *known)
}

/// Looks at what is there, without changing anything.
///
/// # Errors
/// `damaged` where it is something else, another kind or another format; `not_permitted`.
pub(super) fn look(dir: &Path, kind: DatabaseKind) -> Result<Found> {
    let Some(metadata) = metadata(dir)? else {
        return Ok(Found::Nothing);
    };
    let marked = || match read_marker(dir)? {
        None => Ok(false),
        Some(text) => {
            check_marker(dir, &text, kind)?;
            check_owner(dir, &metadata)?;
            Ok(true)
        }
    };
    if marked()? {
        return Ok(Found::Database);
    }
    let entries = fs::read_dir(dir).map_err(|error| failed("read", dir, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed("read", dir, &error))?;
        let name = entry.file_name();
        if !is_leftover(&name) {
            // Another process that makes it writes the marker first, and may have done so by now.
            if marked()? {
                return Ok(Found::Database);
            }
            let cause = format!("it holds {} but no FORMAT", entry.path().display());
            let ours = [ENGINE_DIR, super::mirror::BASE, super::mirror::LOG];
            let hint = match ours.iter().any(|known| name == *known) {
                true => "it may be a database that lost its FORMAT: ipvsh fsck knows",
                false => {
                    "it is no database of ipvsh, and nothing in it was touched: name another, \
                     --db DIR"
                }
            };
            return Err(foreign(dir, cause).hint(hint));
        }
    }
    Ok(Found::Nothing)
}

/// Checks that a directory is there and nobody else's, whatever it holds.
///
/// # Errors
/// `not_permitted`; `not_found` where it is not there.
pub(super) fn check_dir(dir: &Path) -> Result<()> {
    match metadata(dir)? {
        Some(metadata) => check_owner(dir, &metadata),
        None => Err(super::no_mirror(&location(dir))),
    }
}

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    version: String,
    engine: String,
    kind: String,
    /// The program that made the database.
    pub(super) writer: String,
}

/// Reads a marker; `None` where it is damaged.
fn parse_marker(text: &[u8]) -> Option<Marker> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.strip_suffix('\n')?.lines();
    let (first, second) = (lines.next()?, lines.next()?);
    // The first version wrote no checksum.
    if let Some(sum) = lines.next()
        && sum != checksum_line(first, second)
    {
        return None;
    }
    let ["ipvsh", version, engine, kind] = first.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let writer = second.strip_prefix("made by ")?;
    Some(Marker {
        version: version.to_owned(),
        engine: engine.to_owned(),
        kind: kind.to_owned(),
        writer: writer.to_owned(),
    })
}

/// Tells a damaged marker from that of another format.
fn checksum_line(first: &str, second: &str) -> String {
    let sum = Address::of(&[first.as_bytes(), b"\n", second.as_bytes(), b"\n"]);
    format!("checksum {sum}")
}

fn check_marker(dir: &Path, text: &[u8], kind: DatabaseKind) -> Result<Marker> {
    let Some(marker) = parse_marker(text) else {
        return Err(foreign(dir, "its FORMAT is damaged".to_owned())
            .hint("ipvsh restore works from its mirror")
            .hint("ipvsh fsck says what is damaged, ipvsh fsck --repair repairs it"));
    };
    let Marker {
        version,
        engine,
        writer,
        ..
    } = &marker;
    if *version != VERSION.to_string() || engine != ENGINE {
        return Err(foreign(
            dir,
            format!("it has format {version} on {engine}, made by {writer}; this is format {VERSION} on {ENGINE}"),
        )
        .hint(format!("use {writer}, or name another database: --db DIR")));
    }
    if marker.kind != kind_name(kind) {
        return Err(other_kind(dir, kind));
    }
    Ok(marker)
}

fn other_kind(dir: &Path, kind: DatabaseKind) -> Error {
    let (is, hint) = match kind {
        DatabaseKind::Linux => ("the simulator", "add --sim"),
        DatabaseKind::Sim => ("the real kernel", "leave --sim out"),
    };
    foreign(dir, format!("it was made for {is}"))
        .hint(format!("{hint}, or name another database: --db DIR"))
}

/// What a check finds of the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// There is nothing.
    Nothing,
    /// A database with its marker.
    Marked(Marker),
    /// A database, as its other files say; its marker is missing or damaged.
    Unmarked(&'static str),
}

/// Says what a directory is, for a check: a marker that is missing or damaged does not matter
/// where the mirror says what it is.
///
/// # Errors
/// As [`look`], but for a marker that is missing or damaged.
pub(super) fn identify(dir: &Path, kind: DatabaseKind) -> Result<Identity> {
    let Some(metadata) = metadata(dir)? else {
        return Ok(Identity::Nothing);
    };
    check_owner(dir, &metadata)?;
    let why = match read_marker(dir)? {
        Some(text) if parse_marker(&text).is_some() => {
            return check_marker(dir, &text, kind).map(Identity::Marked);
        }
        Some(_) => "FORMAT is damaged",
        None => "FORMAT is missing",
    };
    for name in [super::mirror::LOG, super::mirror::BASE] {
        let mut line = vec![0; 32];
        let read = private().read(true).open(dir.join(name));
        let read = read.and_then(|mut file| file.read(&mut line)).unwrap_or(0);
        line.truncate(read);
        let line = String::from_utf8_lossy(&line).into_owned();
        match line
            .lines()
            .next()
            .and_then(|l| l.strip_prefix("ipvsh mirror 2 "))
        {
            Some(made_for) if made_for == kind_name(kind) => return Ok(Identity::Unmarked(why)),
            Some("linux" | "sim") => return Err(other_kind(dir, kind)),
            _ => {}
        }
    }
    // No commit was made yet, or the mirror is damaged too.
    if dir.join(ENGINE_DIR).join("db").is_file() && Witness::of(dir).writes > 0 {
        return Ok(Identity::Unmarked(why));
    }
    look(dir, kind).map(|_| Identity::Nothing)
}

/// Files with their bytes.
pub(super) type Files = Vec<(String, u64)>;

/// What is wrong with the rights of our files, a sentence each, and all files with their sizes;
/// names are relative to the directory.
///
/// # Errors
/// `system`, `not_permitted`.
pub(super) fn inspect(dir: &Path, ours: &dyn Fn(&str) -> bool) -> Result<(Files, Vec<String>)> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    // sled makes its files open to all, and a death may come before that is put right: behind a
    // closed door that is no damage.
    let engine = dir.join(ENGINE_DIR);
    let door = fs::symlink_metadata(&engine);
    let is_closed = door.is_ok_and(|door| door.mode() & 0o077 == 0);
    let mut waiting = vec![dir.to_owned()];
    while let Some(path) = waiting.pop() {
        let is_inside = is_closed && path != engine && path.starts_with(&engine);
        let name = path
            .strip_prefix(dir)
            .unwrap_or(&path)
            .display()
            .to_string();
        let metadata = fs::symlink_metadata(&path).map_err(|e| failed("look at", &path, &e))?;
        let named = match name.as_str() {
            "" => "the directory",
            name => name,
        };
        let is_ours = name.is_empty() || ours(name.split('/').next().unwrap_or_default());
        if metadata.file_type().is_symlink() {
            if is_ours {
                problems.push(format!("{named} is a link"));
            }
            continue;
        }
        if is_ours && !is_inside && metadata.mode() & 0o077 != 0 {
            let mode = metadata.mode() & 0o777;
            problems.push(format!("{named} is open to others (mode {mode:03o})"));
        }
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| failed("read", &path, &error))?;
            waiting.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())));
        } else {
            files.push((name, metadata.len()));
        }
    }
    files.sort();
    problems.sort();
    Ok((files, problems))
}

/// Whoever can write to the directory decides what the kernel is set to at boot.
fn check_owner(dir: &Path, metadata: &Metadata) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    let refuse = |cause: String, hint: String| {
        Err(Error::new(Kind::NotPermitted, cause)
            .of_database(location(dir))
            .hint(hint))
    };
    if metadata.uid() != me {
        let hint = if me == 0 {
            format!("if it is to be root's: chown -R root: {}", dir.display())
        } else {
            "run it as its owner (sudo), or use a database of your own: --db DIR".to_owned()
        };
        return refuse(
            format!("it belongs to user {}, not to you", metadata.uid()),
            hint,
        );
    }
    if metadata.mode() & 0o022 != 0 {
        return refuse(
            "others can write to it".to_owned(),
            format!("chmod 700 {}", dir.display()),
        );
    }
    Ok(())
}

/// Makes the directory, or takes an empty one; after it only the marker is missing. What is in it
/// is left alone: the caller does not hold the lock yet, and others may be making files there.
///
/// # Errors
/// `not_permitted`, `system`.
pub(super) fn make(dir: &Path) -> Result<()> {
    match metadata(dir)? {
        Some(metadata) => {
            if metadata.uid() == rustix::process::geteuid().as_raw() {
                return close(dir, &metadata);
            }
            check_owner(dir, &metadata)
        }
        None => {
            let made = DirBuilder::new().mode(0o700).recursive(true).create(dir);
            made.map_err(|error| failed("make", dir, &error))?;
            sync_directory(
                dir.parent()
                    .filter(|p| !p.as_os_str().is_empty())
                    .unwrap_or(Path::new(".")),
            )
        }
    }
}

/// Marks an empty directory as a database; the caller holds the lock.
///
/// # Errors
/// `system`.
pub(super) fn mark(dir: &Path, kind: DatabaseKind) -> Result<()> {
    let first = format!("ipvsh {VERSION} {ENGINE} {}", kind_name(kind));
    let second = format!("made by ipvsh {}", env!("CARGO_PKG_VERSION"));
    let marker = format!("{first}\n{second}\n{}\n", checksum_line(&first, &second));
    replace(dir, FORMAT, FORMAT_NEW, marker.as_bytes())
}
