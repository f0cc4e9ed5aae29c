//! A file imports only from its own layer or a lower one, the table is that of src/lib.rs; and no two
//! files import each other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may give up

#[path = "layers/imports.rs"]
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use imports::Sources;

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

/// Where the first file of a folder names all others, and they say what they are in its terms.
const TABLES: [&str; 1] = [
    // A verb's arguments are part of the command line, of which the manual, the completion and the
    // hints tell as a whole.
    "src/commands/mod.rs",
];

#[test]
fn no_two_files_import_each_other() {
    let mut found = Vec::new();
    files(Path::new("src"), &mut found);
    found.retain(|path| path != Path::new("src/main.rs"));
    let sources = Sources::read(Path::new("src"), &found);
    let circles = sources.circles();
    let is_known = |path: &Path| TABLES.iter().any(|table| path == Path::new(table));
    let (known, new): (Vec<_>, Vec<_>) = circles
        .iter()
        .partition(|(one, other)| is_known(one) || is_known(other));
    assert!(new.is_empty(), "{new:#?}");
    // The exceptions are found: the test looks where it should.
    assert!(known.len() <= 4, "{known:#?}");
    for table in TABLES {
        let is_found = |(one, other): &&(PathBuf, PathBuf)| {
            one == Path::new(table) || other == Path::new(table)
        };
        assert!(known.iter().any(is_found), "{table} is no exception");
    }
}

/// A circle by a `use`, by a path in the code, and through what another file exports again.
#[test]
fn circles_are_found_however_files_name_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let text = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let all = [
        text("lib.rs", "mod a;\nmod b;\nmod c;\npub use c::Far;\n"),
        text(
            "a.rs",
            "use crate::b::{self, Two};\npub struct One;\npub fn f() {\n    b::g()\n}\n",
        ),
        text(
            "b.rs",
            "pub struct Two;\npub fn g() {\n    let _ = super::a::One;\n}\n",
        ),
        text(
            "c/mod.rs",
            "mod d;\npub use d::Far;\npub const NEAR: u8 = 1;\n",
        ),
        text(
            "c/d.rs",
            "// use super::e;\npub struct Far;\npub const X: u8 = super::NEAR;\n",
        ),
        text(
            "e.rs",
            "pub struct E;\n#[cfg(test)]\nmod tests {\n    use crate::f::F;\n}\n",
        ),
        text("f.rs", "use crate::{E, e};\npub struct F(e::E);\n"),
    ];
    let circles = Sources::read(root, &all).circles();
    let expected = (root.join("a.rs"), root.join("b.rs"));
    assert_eq!(circles.into_iter().collect::<Vec<_>>(), [expected]);

    text("lib.rs", "mod g;\nmod h;\npub use h::H;\n");
    let all = [
        root.join("lib.rs"),
        text("g.rs", "use crate::H;\npub struct G(H);\n"),
        text(
            "h.rs",
            "pub struct H;\nimpl H {\n    fn g(_: crate::g::G) {}\n}\n",
        ),
    ];
    let circles = Sources::read(root, &all).circles();
    let expected = (root.join("g.rs"), root.join("h.rs"));
    assert_eq!(circles.into_iter().collect::<Vec<_>>(), [expected]);
}

/// A kind of setting is one folder of facts and one provider per kernel: outside the IPVS client, the
/// drop-in and tests, few files name one. The number may only become smaller, but for a rule of the
/// doctor about one kind.
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
    assert!(naming.len() <= 28, "{}: {naming:#?}", naming.len());
}

/// The code of a file without its tests, without what a comment says, and on one line: a call may be
/// broken over several.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim().starts_with("//"));
    lines.map(str::trim).collect::<Vec<_>>().concat()
}

/// The bindings and calls that hold an error's text, and what a decision does with a text.
fn decisions(code: &str) -> Vec<String> {
    const TEXTS: [&str; 5] = [
        "message()",
        "object_name()",
        "error.to_string()",
        "e.to_string()",
        "failure.to_string()",
    ];
    const READS: [&str; 14] = [
        ".is_some_and(",
        ".is_none_or(",
        ".contains(",
        ".starts_with(",
        ".ends_with(",
        ".strip_prefix(",
        ".strip_suffix(",
        ".split(",
        ".split_once(",
        ".rsplit",
        ".find(",
        ".trim_",
        " == ",
        " != ",
    ];
    let mut found = Vec::new();
    for text in TEXTS {
        for (at, _) in code.match_indices(text) {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            if text.starts_with("e.") && code[..at].ends_with(is_word) {
                continue;
            }
            // The text itself, or the variable that a `let` binds to it.
            let rest = &code[at + text.len()..];
            let statement = code[..at].rsplit([';', '{', '}']).next().unwrap();
            let bound = statement
                .strip_prefix("let ")
                .and_then(|rest| rest.split_once(" = "))
                .filter(|(_, value)| !value.contains(['(', '|']))
                .map(|(name, _)| name.trim_start_matches("mut "));
            let block = rest.split("fn ").next().unwrap();
            for read in READS {
                let used = bound.is_some_and(|name| {
                    let use_of = format!("{name}{read}");
                    block
                        .match_indices(&use_of)
                        .any(|(at, _)| !block[..at].ends_with(|c: char| is_word(c) || c == '.'))
                });
                if rest.starts_with(read) || used {
                    found.push(format!("{statement}{text}, then {read}"));
                }
            }
        }
    }
    found
}

/// What decides, records or waits asks the clock that it was given: a test can set that one.
#[test]
fn only_the_clock_reads_the_time() {
    let rooms = [
        "model",
        "candidate",
        "plan",
        "notes",
        "format",
        "views",
        "store",
        "director",
    ];
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    all.retain(|path| rooms.contains(&room(path).as_str()));
    all.retain(|path| !path.components().any(|part| part.as_os_str() == "tests"));
    all.retain(|path| !path.ends_with("tests.rs"));
    // A test of random damage, which takes its seed from the clock.
    all.retain(|path| !path.ends_with("store/damage.rs"));
    let reads = [
        "Instant::now",
        "Utc::now",
        "Local::now",
        "SystemTime::now",
        "thread::sleep",
    ];
    let wrong = all.iter().filter(|path| {
        let code = code(path);
        reads.iter().any(|read| code.contains(read))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

/// Decide by type, never by text: a message may be worded anew. Where the text of another crate's
/// error is all that there is, the file stands here with the reason.
#[test]
fn nothing_decides_by_the_text_of_an_error() {
    let allowed = [
        // sled 0.34 tells a lock that another process holds by its text alone.
        ("src/store/table.rs", 1),
        // serde_json appends the position to the text of its error.
        ("src/format/json.rs", 1),
        // Rhai appends the position to the text of its error.
        ("src/script/errors.rs", 1),
    ];
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    all.retain(|path| !path.components().any(|part| part.as_os_str() == "tests"));
    all.retain(|path| !path.ends_with("tests.rs"));
    let mut wrong = Vec::new();
    for path in all {
        let found = decisions(&code(&path));
        let most = allowed.iter().find(|(file, _)| path.ends_with(file));
        if found.len() > most.map_or(0, |(_, most)| *most) {
            wrong.push(format!("{}: {}", path.display(), found.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_decision_by_text_is_found() {
    for bad in [
        "if error.message() == \"interrupted\" { x }",
        "let text = error.message();let what = text.strip_prefix(\"refused: \");",
        "is(error.to_string().contains(\"lock\"))",
        "error.object_name().is_some_and(|object| object.starts_with(\"database \"))",
        "let mut said = e.to_string();if said.starts_with(\"database `\") {}",
    ] {
        assert_eq!(decisions(bad).len(), 1, "{bad}");
    }
    for good in [
        "problems.push(error.message());",
        "let text = error.message();out.print(&text);other.contains(x);",
        "let text = name.to_string();text.contains(x)",
    ] {
        assert_eq!(decisions(good), [""; 0], "{good}");
    }
}
