//! A file imports only from its own layer or a lower one; the table is that of src/lib.rs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may give up

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room to layer, from the table in lib.rs.
fn table() -> BTreeMap<String, usize> {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let mut rooms = BTreeMap::new();
    for row in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = row.split(" | ");
        let Some(Ok(layer)) = cells.next().map(str::parse) else {
            continue;
        };
        for room in cells.next().unwrap().split(", ") {
            let room = room
                .trim_matches(['[', ']', '`'])
                .trim_start_matches("mod@");
            rooms.insert(room.to_owned(), layer);
        }
    }
    assert!(rooms.len() > 10, "the table in src/lib.rs was not found");
    rooms
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The first part of a path below src, without `.rs`.
fn room(path: &Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    let first = below.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms that a text names behind `crate::`.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut rooms = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            // A list of rooms: `use crate::{a, b::c}`; rustfmt breaks long ones, ours are not.
            let list = rest
                .strip_prefix('{')
                .and_then(|rest| rest.split('}').next());
            let parts = match list {
                Some(list) => list.split(", ").collect::<Vec<_>>(),
                None => vec![rest],
            };
            for part in parts {
                let end = part
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(part.len());
                rooms.push((number + 1, part[..end].to_owned()));
            }
        }
    }
    rooms
}

#[test]
fn every_room_is_in_the_table() {
    let table = table();
    let mut found = Vec::new();
    files(Path::new("src"), &mut found);
    for path in found {
        let room = room(&path);
        assert!(
            table.contains_key(&room) || room == "lib" || room == "main",
            "{} is in no layer: name it in the table of src/lib.rs",
            path.display()
        );
    }
}

#[test]
fn a_file_imports_only_from_its_own_layer_or_a_lower_one() {
    let table = table();
    let mut found = Vec::new();
    files(Path::new("src"), &mut found);
    found.sort();
    let mut wrong = Vec::new();
    for path in found {
        let Some(layer) = table.get(&room(&path)) else {
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for (line, name) in named(&text) {
            match table.get(&name) {
                Some(imported) if imported <= layer => {}
                Some(imported) => wrong.push(format!(
                    "{}:{line}: layer {layer} imports {name} of layer {imported}",
                    path.display()
                )),
                None => wrong.push(format!("{}:{line}: {name} is no room", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A kind of setting is one folder of facts and one provider per kernel: outside the IPVS client, the
/// drop-in and tests, few files name one. The number may only become smaller.
#[test]
fn few_files_name_a_kind_of_setting() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    let names_it = |path: &&PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        ["SyncDaemon", "DaemonRole", "sync_daemon::"]
            .iter()
            .any(|word| text.contains(word))
    };
    let elsewhere = ["ipvs", "ipvsadm", "dropin"];
    let naming: Vec<PathBuf> = all
        .iter()
        .filter(|path| !elsewhere.contains(&room(path).as_str()))
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .filter(|path| !path.ends_with("tests.rs"))
        .filter(names_it)
        .cloned()
        .collect();
    assert!(naming.len() <= 27, "{}: {naming:#?}", naming.len());
}
