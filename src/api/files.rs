//! The files that a script reads and writes: bounded, whole, and never through a link.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rhai::Dynamic;

use super::call::Call;
use crate::error::{Error, Result};
use crate::format::{self, Format};

/// The longest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// Reads a text file.
///
/// # Errors
/// `not_found`, `not_permitted`, `system`; `invalid` where it is too long or not UTF-8.
pub fn read(path: &str) -> Result<String> {
    let object = || format!("file {path}");
    let failed = |e: &std::io::Error| Error::system("cannot read", e).object(object());
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(|e| failed(&e))?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| failed(&e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::invalid("it is longer than 16 MiB")
            .object(object())
            .attempt("cannot read"));
    }
    String::from_utf8(bytes).map_err(|_| {
        Error::invalid("it is not UTF-8 text")
            .object(object())
            .attempt("cannot read")
    })
}

/// `load(path)`.
pub(super) fn load(call: &Call) -> Result<Dynamic> {
    let path = call.text(0)?;
    let text = read(&path)?;
    let rules = format::read(Format::of_path(&path), &path, &text)?;
    call.context.session()?.stage(&rules)?;
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
