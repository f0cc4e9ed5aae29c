//! The files that a script reads and writes: bounded, whole, and never through a link.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rhai::Dynamic;

use super::call::Call;
use crate::director::News;
use crate::error::{Error, Result};
use crate::format::{self, Format};
use crate::signals::{self, Patient};

/// The longest text that a script reads, in MiB.
const MAX_TEXT: u64 = 16;
/// The longest ruleset, in MiB: 100,000 servers and more.
const MAX_RULESET: u64 = 64;

/// Reads a text file.
///
/// # Errors
/// `not_found`, `not_permitted`, `system`; `invalid` where it is too long or not UTF-8.
pub fn read(path: &str) -> Result<String> {
    read_file(path, MAX_TEXT)
}

/// Reads the text of a ruleset; `-` is standard input. Gives what errors call it, and the text.
///
/// # Errors
/// As [`read`].
pub fn read_ruleset(path: &str) -> Result<(&str, String)> {
    match path {
        "-" => {
            let text = read_whole(
                Patient::new(std::io::stdin().lock()),
                "standard input",
                MAX_RULESET,
            )?;
            Ok(("<stdin>", text))
        }
        path => Ok((path, read_file(path, MAX_RULESET)?)),
    }
}

fn read_file(path: &str, most: u64) -> Result<String> {
    let object = format!("file {path}");
    match signals::open(Path::new(path)) {
        Ok(file) => read_whole(file, &object, most),
        Err(error) => Err(Error::system("cannot read", &error).object(object)),
    }
}

fn read_whole(from: impl Read, object: &str, most: u64) -> Result<String> {
    let refused = |cause: &str| Err(Error::invalid(cause).object(object).attempt("cannot read"));
    let mut bytes = Vec::new();
    from.take((most << 20) + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| signals::unread(&e).object(object))?;
    if bytes.len() as u64 > most << 20 {
        return refused(&format!("it is longer than {most} MiB"));
    }
    String::from_utf8(bytes).or_else(|_| refused("it is not UTF-8 text"))
}

/// `load(path)`.
pub(super) fn load(call: &Call) -> Result<Dynamic> {
    let path = call.text(0)?;
    let text = read_file(&path, MAX_RULESET)?;
    let read = format::read(Format::of_path(&path), &path, &text)?;
    for note in read.notes {
        call.context.effect(note);
    }
    call.context.session()?.stage(&read.rules)?;
    Ok(Dynamic::UNIT)
}

/// `save(path, format)`.
pub(super) fn save(call: &Call) -> Result<Dynamic> {
    let path = call.text(0)?;
    let format = match call.has(1) {
        true => Format::parse(&call.text(1)?)?,
        false => Format::of_path(&path).ok_or_else(|| {
            Error::invalid("its name does not tell the format")
                .object(format!("file {path}"))
                .hint(format!("write save(\"{path}\", \"json\")"))
        })?,
    };
    let mut session = call.context.session()?;
    let (text, notes) = format::write(format, session.candidate()?.rules());
    if session.is_dry() {
        call.context
            .effect(format!("would write {path}, {} bytes", text.len()));
        return Ok(Dynamic::UNIT);
    }
    for note in notes {
        call.context.effect(format!("{path}: {note}"));
    }
    replace(Path::new(path.as_str()), text.as_bytes())
        .map_err(|e| e.object(format!("file {path}")).attempt("cannot write"))?;
    call.news(News::Did(&format!("file {path} was written")));
    Ok(Dynamic::UNIT)
}

/// Writes a file as a whole: into a new one beside it, which then takes its name.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Ok(standing) = std::fs::symlink_metadata(path)
        && !standing.is_file()
    {
        let what = match standing.file_type() {
            kind if kind.is_symlink() => "a symbolic link",
            kind if kind.is_dir() => "a directory",
            _ => "not a regular file",
        };
        return Err(Error::invalid(format!("it is {what}"))
            .hint("name a regular file, or one that does not exist yet"));
    }
    let failed = |e: std::io::Error| Error::system("cannot write", &e);
    let Some(name) = path.file_name() else {
        return Err(Error::invalid("it is not the name of a file"));
    };
    let mut beside = name.to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside: PathBuf = path.with_file_name(beside);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is half written must not stay; that it cannot be removed changes nothing.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(failed)
}
