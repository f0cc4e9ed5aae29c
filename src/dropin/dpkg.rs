//! dpkg's diversions: a file of a package that is kept under another name.
//!
//! `dpkg-divert` and `dpkg-query` are run at fixed places, without a shell and with nothing of the
//! caller's environment. They only keep dpkg's books (`--no-rename`): the files are ours to move.
//! Source of truth: dpkg-divert(1), and for `/sbin` as a link to `/usr/sbin` Debian's DEP 17:
//! dpkg takes two names of one directory for two directories, so each is diverted.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::{Deserialize, Serialize};

use super::within;
use crate::error::{Error, Kind, Result};

/// Where Debian has its tools.
const TOOLS: &str = "/usr/bin";
/// dpkg's books, below a root.
const BOOKS: &str = "/var/lib/dpkg";

/// A file of a package that is kept under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diversion {
    /// The name in the package.
    pub from: PathBuf,
    /// The other name.
    pub to: PathBuf,
}

/// How things stand with a diversion.
#[derive(Debug)]
pub(super) enum Stand {
    /// It is made.
    Made,
    /// It is not.
    Before,
    /// Somebody else diverts the file.
    Strange(Error),
}

/// The dpkg of a file system.
#[derive(Debug)]
pub(super) struct Dpkg {
    books: PathBuf,
}

impl Dpkg {
    /// dpkg, where a file system is managed by it and its tools are here.
    pub(super) fn of(root: &Path) -> Option<Dpkg> {
        let books = within(root, Path::new(BOOKS));
        let is_here = books.join("status").is_file() && tool("dpkg-divert").is_file();
        is_here.then_some(Dpkg { books })
    }

    /// Says whether a package has a file of that name.
    pub(super) fn owns(&self, path: &Path) -> Result<bool> {
        let output = self.run("dpkg-query", &["--search".as_ref(), path])?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(refused("dpkg-query", &output).object(path.display())),
        }
    }

    /// Looks how things stand.
    pub(super) fn stand(&self, diversion: &Diversion) -> Result<Stand> {
        let said = |what: &str| -> Result<String> {
            let words = [what.as_ref(), diversion.from.as_path()];
            let output = self.run("dpkg-divert", &words)?;
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
                false => Err(refused("dpkg-divert", &output).object(diversion.from.display())),
            }
        };
        let by = said("--listpackage")?;
        if by.is_empty() {
            return Ok(Stand::Before);
        }
        let to = said("--truename")?;
        if by == "LOCAL" && Path::new(&to) == diversion.to {
            return Ok(Stand::Made);
        }
        let by = match by.as_str() {
            "LOCAL" => "somebody".to_owned(),
            package => format!("package {package}"),
        };
        Ok(Stand::Strange(
            Error::new(Kind::State, format!("{by} diverts it to {to} already"))
                .object(diversion.from.display())
                .attempt("cannot divert")
                .hint(format!(
                    "look: dpkg-divert --list '{}'",
                    diversion.from.display()
                )),
        ))
    }

    /// Makes a diversion.
    pub(super) fn divert(&self, diversion: &Diversion) -> Result<()> {
        match self.stand(diversion)? {
            Stand::Made => Ok(()),
            Stand::Strange(error) => Err(error),
            Stand::Before => self.change("--add", diversion),
        }
    }

    /// Removes a diversion.
    pub(super) fn undivert(&self, diversion: &Diversion) -> Result<()> {
        match self.stand(diversion)? {
            Stand::Before => Ok(()),
            Stand::Strange(error) => Err(error),
            Stand::Made => self.change("--remove", diversion),
        }
    }

    fn change(&self, what: &str, diversion: &Diversion) -> Result<()> {
        let words: [&Path; 7] = [
            "--local".as_ref(),
            "--quiet".as_ref(),
            "--no-rename".as_ref(),
            "--divert".as_ref(),
            &diversion.to,
            what.as_ref(),
            &diversion.from,
        ];
        let output = self.run("dpkg-divert", &words)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(refused("dpkg-divert", &output).object(diversion.from.display())),
        }
    }

    fn run(&self, name: &str, words: &[&Path]) -> Result<Output> {
        Command::new(tool(name))
            .arg("--admindir")
            .arg(&self.books)
            .args(words)
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::system(format!("cannot run {name}"), &error))
    }
}

fn tool(name: &str) -> PathBuf {
    Path::new(TOOLS).join(name)
}

fn refused(tool: &str, output: &Output) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let cause = match lines.join("; ") {
        said if said.is_empty() => format!("it ended with {}, without a word", output.status),
        said => said,
    };
    let kind = match cause.contains("Permission denied") || cause.contains("requires superuser") {
        true => Kind::NotPermitted,
        false => Kind::System,
    };
    Error::new(kind, cause).attempt(format!("{tool} refused"))
}
