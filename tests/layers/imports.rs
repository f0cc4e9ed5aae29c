//! Which file names an item that another file defines, found in the text: `use` trees, paths in the
//! code, and what modules export again. Tests are left out, and so is what has no path: methods.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module by its path: `crate::store::lock` is `["store", "lock"]`.
type Module = Vec<String>;

/// One module file.
struct Source {
    path: PathBuf,
    /// The text without comments, strings, tests, `use` and `mod` lines.
    code: String,
    /// The names that its items have.
    items: BTreeSet<String>,
    /// What it uses: the name here, the path there, and whether it is exported again.
    uses: Vec<(String, Vec<String>, bool)>,
}

/// All module files of a crate.
pub struct Sources(BTreeMap<Module, Source>);

impl Sources {
    /// Reads the files below a directory.
    pub fn read(root: &Path, files: &[PathBuf]) -> Sources {
        let source = |path: &PathBuf| {
            let below = path.strip_prefix(root).unwrap().with_extension("");
            let parts = below.iter().map(|part| part.to_str().unwrap().to_owned());
            let mut module: Module = parts.collect();
            if ["mod", "lib"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            let text = fs::read_to_string(path).unwrap();
            (module, Source::of(path.clone(), &text))
        };
        Sources(files.iter().map(source).collect())
    }

    /// The pairs of files that name each other's items, the smaller path first.
    pub fn circles(&self) -> BTreeSet<(PathBuf, PathBuf)> {
        let named: BTreeMap<&Module, BTreeSet<Module>> = self
            .0
            .iter()
            .map(|(module, source)| (module, self.named_by(module, source)))
            .collect();
        let mut pairs = BTreeSet::new();
        for (one, others) in &named {
            for other in others.iter().filter(|other| named[other].contains(*one)) {
                let mut pair = [self.0[*one].path.clone(), self.0[other].path.clone()];
                pair.sort();
                pairs.insert(pair.into());
            }
        }
        pairs
    }

    /// The modules whose items a module names.
    fn named_by(&self, module: &Module, source: &Source) -> BTreeSet<Module> {
        let mut found = BTreeSet::new();
        for (name, path, is_exported) in &source.uses {
            // What is only exported again is not used here.
            if !*is_exported || words(&source.code).any(|word| word == name) {
                found.extend(self.item(module, path));
            }
        }
        for path in paths(&source.code) {
            let used = source.uses.iter().find(|(name, ..)| *name == path[0]);
            let path = match used {
                Some((_, start, _)) => [start, &path[1..]].concat(),
                None => path,
            };
            // `Enum::Variant`, `Type::function`: the item is what stands before.
            let found_it = self.item(module, &path);
            found.extend(found_it.or_else(|| self.item(module, &path[..path.len() - 1])));
        }
        found.remove(module);
        found
    }

    /// The module that defines what a path names, seen from a module; none for another crate's.
    fn item(&self, from: &Module, path: &[String]) -> Option<Module> {
        let mut base = from.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            _ => {
                let child = [from.as_slice(), &rest[..1]].concat();
                self.0.get(&child)?;
            }
        }
        self.resolve(&base, rest, 8)
    }

    fn resolve(&self, module: &Module, path: &[String], most: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let child = [module.as_slice(), std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.resolve(&child, rest, most);
        }
        let source = self.0.get(module)?;
        if source.items.contains(first) {
            return Some(module.clone());
        }
        let most = most.checked_sub(1)?;
        source.uses.iter().find_map(|(name, target, _)| {
            let path = match name.as_str() {
                "*" => [target, path].concat(),
                name if name == first => [target, rest].concat(),
                _ => return None,
            };
            let (base, path) = self.start(module, &path)?;
            self.resolve(&base, &path, most)
        })
    }

    /// A path of a `use`, as a module and what is below it.
    fn start(&self, from: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        Some(match path.first()?.as_str() {
            "crate" => (Vec::new(), path[1..].to_vec()),
            "self" => (from.clone(), path[1..].to_vec()),
            "super" => (from[..from.len() - ups].to_vec(), path[ups..].to_vec()),
            _ => (from.clone(), path.to_vec()),
        })
    }
}

impl Source {
    fn of(path: PathBuf, text: &str) -> Source {
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let text = bare(text);
        let (mut code, mut uses, mut items) = (String::new(), Vec::new(), BTreeSet::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let public = line.trim_start().starts_with("pub");
            let item = without_visibility(line);
            if let Some(tree) = item.trim_start().strip_prefix("use ") {
                let mut tree = tree.to_owned();
                while !tree.contains(';') {
                    tree.push_str(lines.next().unwrap().trim());
                }
                let tree = tree.split(';').next().unwrap().to_owned();
                uses.extend(leaves(&tree).into_iter().map(|path| leaf(&path, public)));
                continue;
            }
            if item.starts_with("mod ") && item.ends_with(';') {
                continue;
            }
            items.extend(name_of_item(item));
            code.push_str(line);
            code.push('\n');
        }
        Source {
            path,
            code,
            items,
            uses,
        }
    }
}

/// A text without comments and without what its strings hold.
fn bare(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut chars = line.chars().peekable();
        let mut is_quoted = false;
        while let Some(c) = chars.next() {
            match c {
                '\\' if is_quoted => drop(chars.next()),
                '"' => is_quoted = !is_quoted,
                '/' if !is_quoted && chars.peek() == Some(&'/') => break,
                c if !is_quoted => out.push(c),
                _ => {}
            }
        }
        out.push('\n');
    }
    out
}

/// A line at the beginning of which an item may stand, without `pub` and `pub(...)`.
fn without_visibility(line: &str) -> &str {
    let indent = line.len() - line.trim_start().len();
    let Some(rest) = line[indent..].strip_prefix("pub") else {
        return line;
    };
    match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(") ").map_or(line, |(_, rest)| rest),
        None => rest.strip_prefix(' ').unwrap_or(line),
    }
}

fn name_of_item(line: &str) -> Option<String> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '!');
    let mut kind = words.next()?;
    while ["async", "unsafe"].contains(&kind) {
        kind = words.next()?;
    }
    let mut name = words.next()?;
    if kind == "const" && name == "fn" {
        name = words.next()?;
    }
    let kinds = [
        "fn",
        "struct",
        "enum",
        "trait",
        "type",
        "const",
        "static",
        "macro_rules!",
    ];
    kinds.contains(&kind).then(|| name.to_owned())
}

/// The paths of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let inner = rest.rsplit_once('}').unwrap().0;
    let (mut depth, mut part, mut parts) = (0, String::new(), Vec::new());
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    let parts = parts.flat_map(|part| leaves(part));
    parts
        .map(|part| format!("{}{part}", start.trim()))
        .collect()
}

fn leaf(path: &str, is_exported: bool) -> (String, Vec<String>, bool) {
    let (path, alias) = match path.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias)),
        None => (path, None),
    };
    let mut parts: Vec<String> = path
        .split("::")
        .map(|part| part.trim().to_owned())
        .collect();
    if ["self", "*"].contains(&parts.last().unwrap().as_str()) {
        let last = parts.pop().unwrap();
        if last == "*" {
            return (last, parts, is_exported);
        }
    }
    let name = alias.map_or_else(
        || parts.last().unwrap().clone(),
        |name| name.trim().to_owned(),
    );
    (name, parts, is_exported)
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The paths of two parts or more in a code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let texts = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let paths = texts.filter(|text| !text.starts_with(':')).map(|text| {
        let parts = text
            .split("::")
            .filter(|part| !part.is_empty() && !part.contains(':'));
        parts.map(str::to_owned).collect::<Vec<_>>()
    });
    paths.filter(|path| path.len() > 1).collect()
}
