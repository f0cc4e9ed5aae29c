//! What is there before anything is done: where ipvsadm's programs are, and whose they are.

use std::fs;
use std::path::{Path, PathBuf};

use super::dpkg::{self, Diversion, Dpkg};
use super::link::{beside, look};
use super::record::Link;
use super::{KEPT, Record, failed, within};
use crate::error::{Error, Kind, Result};
use crate::ipvsadm::Program;

/// Where a package's file goes that comes under the other name of its directory.
const MOVED: &str = ".ipvsh-moved";

/// Where administrators' programs are.
const SBIN: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Makes a record of what is to be done, or refuses because of what is there.
pub(super) fn survey(root: &Path, dpkg: Option<&Dpkg>, program: &Path) -> Result<Record> {
    let dirs = directories(root)?;
    let mut record = Record {
        program: program.to_owned(),
        links: Vec::new(),
        diversions: Vec::new(),
    };
    let mut problems = Vec::new();
    for name in Program::ALL.map(Program::name) {
        let names: Vec<PathBuf> = dirs.iter().map(|dir| Path::new(dir).join(name)).collect();
        let Some(path) = names.first() else { continue };
        let is_there = match look(&within(root, path))? {
            None => false,
            Some(facts) if facts.is_file() => true,
            Some(facts) => {
                let what = match facts.is_symlink() {
                    true => link_to(&within(root, path)),
                    false => "it is no file".to_owned(),
                };
                problems.push(in_the_way(path, &what));
                continue;
            }
        };
        let diversions = match dpkg {
            Some(dpkg) => diversions(dpkg, &names, &mut problems)?,
            None => Vec::new(),
        };
        let kept = match diversions.first() {
            Some(diversion) => diversion.to.clone(),
            None => beside(path, KEPT),
        };
        let places = diversions.iter().map(|diversion| &diversion.to);
        for place in std::iter::once(&kept).chain(places.skip(1)) {
            if look(&within(root, place))?.is_some() {
                problems.push(in_the_way(place, "a file of that name is there"));
            }
        }
        record.links.push(Link {
            path: path.clone(),
            kept: is_there.then_some(kept),
        });
        record.diversions.extend(diversions);
    }
    let mut problems = problems.into_iter();
    match problems.next() {
        None => Ok(record),
        Some(first) => Err(first.beside(problems)),
    }
}

/// The directory that ipvsadm is in, under each name that it has, the usual one first.
fn directories(root: &Path) -> Result<Vec<&'static str>> {
    let [usr_sbin, sbin] = SBIN.map(|dir| within(root, Path::new(dir)));
    if look(&sbin)?.is_some_and(|facts| facts.is_symlink()) {
        let full = |path: &Path| {
            fs::canonicalize(path).map_err(|error| failed("cannot look at it", path, &error))
        };
        let end = full(&usr_sbin)?;
        if full(&sbin)? == end && end.starts_with(full(root)?) {
            return Ok(SBIN.to_vec());
        }
        return Err(Error::new(
            Kind::State,
            "it leads neither to /usr/sbin nor to a place in this file system",
        )
        .object(sbin.display())
        .attempt("cannot take ipvsadm's place"));
    }
    let mut found = Vec::new();
    for dir in SBIN {
        let path = Path::new(dir).join(Program::Ipvsadm.name());
        if look(&within(root, &path))?.is_some() {
            found.push(dir);
        }
    }
    match found.as_slice() {
        [] => Ok(vec!["/usr/sbin"]),
        [dir] => Ok(vec![*dir]),
        _ => Err(Error::new(Kind::State, "there are two of it")
            .object("ipvsadm")
            .attempt("cannot take its place")
            .hint(format!(
                "remove one: ls -l {}",
                SBIN.map(|dir| format!("{dir}/ipvsadm")).join(" ")
            ))),
    }
}

/// What dpkg is to be told about one program: its name in the package first.
fn diversions(dpkg: &Dpkg, names: &[PathBuf], problems: &mut Vec<Error>) -> Result<Vec<Diversion>> {
    let mut ordered: Vec<&PathBuf> = names.iter().collect();
    for (index, name) in names.iter().enumerate() {
        if dpkg.owns(name)? {
            ordered.swap(0, index);
            break;
        }
    }
    let mut all = Vec::new();
    for (index, from) in ordered.into_iter().enumerate() {
        let ending = if index == 0 { KEPT } else { MOVED };
        let diversion = Diversion {
            from: from.clone(),
            to: beside(from, ending),
        };
        match dpkg.stand(&diversion)? {
            dpkg::Stand::Before => all.push(diversion),
            dpkg::Stand::Strange(error) => problems.push(error),
            dpkg::Stand::Made => problems.push(
                unknown(
                    from,
                    &format!("dpkg diverts it to {}", diversion.to.display()),
                )
                .hint(format!("look: ls -l {}*", from.display())),
            ),
        }
    }
    Ok(all)
}

fn link_to(path: &Path) -> String {
    match fs::read_link(path) {
        Ok(to) => format!("it is a link to {}", to.display()),
        Err(_) => "it is a link".to_owned(),
    }
}

/// Something that is in the way.
fn in_the_way(path: &Path, what: &str) -> Error {
    unknown(path, what).hint(format!("where it is not needed: rm {}", path.display()))
}

fn unknown(path: &Path, what: &str) -> Error {
    Error::new(Kind::State, format!("{what}, and ipvsh did not do that"))
        .object(path.display())
        .attempt("cannot take ipvsadm's place")
}
