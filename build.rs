//! Says what a binary was made from: `IPVSH_VERSION`, like `0.1.0 (88abde3 2026-11-21)`.
//!
//! The commit stands in git's own files (of a worktree too), or in what `cargo package` wrote
//! down; without either there is none. Git is asked for the date alone, and may be missing. A
//! build is repeated when HEAD moves, and not otherwise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How much of a commit's name is shown.
const SHORT: usize = 7;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let version = match packaged(root).or_else(|| checked_out(root)) {
        Some(commit) => {
            let short = commit.get(..SHORT).unwrap_or(&commit);
            let date = date(root, &commit).map_or_else(String::new, |date| format!(" {date}"));
            format!("{version} ({short}{date})")
        }
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=IPVSH_VERSION={version}");
}

/// The commit that a crate was packaged from.
fn packaged(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    rest.split('"').nth(1).and_then(name)
}

/// The commit that is checked out; what tells it is watched.
fn checked_out(root: &Path) -> Option<String> {
    let git = git_dir(root)?;
    let head = watched(&git.join("HEAD"))?;
    let Some(reference) = head.strip_prefix("ref: ").map(str::trim) else {
        return name(&head);
    };
    // Branches are kept once for all worktrees.
    let shared = match fs::read_to_string(git.join("commondir")) {
        Ok(path) => git.join(path.trim()),
        Err(_) => git,
    };
    if let Some(commit) = watched(&shared.join(reference)) {
        return name(&commit);
    }
    // Packed: the next commit makes the branch's own file.
    watch(&shared.join("refs/heads"));
    let packed = watched(&shared.join("packed-refs"))?;
    packed.lines().find_map(|line| {
        let (commit, of) = line.split_once(' ')?;
        (of == reference).then(|| name(commit)).flatten()
    })
}

/// Where git keeps what belongs to this checkout: `.git`, or where that file leads.
fn git_dir(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    let path = text.strip_prefix("gitdir: ")?;
    Some(root.join(path.trim_end()))
}

/// The text of a file that the build depends on.
fn watched(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    watch(path);
    Some(text)
}

/// Cargo repeats the build at every run for a path that does not exist.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// A commit's name, where a text is one.
fn name(text: &str) -> Option<String> {
    let name = text.trim();
    let is_name = name.len() >= 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then(|| name.to_owned())
}

/// The day of a commit, where git is here and knows it.
fn date(root: &Path, commit: &str) -> Option<String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["show", "--no-patch", "--format=%cs", commit])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let day = text.trim();
    (output.status.success() && day.len() == 10).then(|| day.to_owned())
}

// tests/version.rs runs them: a build script has no tests of its own.
#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// A directory with these files, and the commit that is found in it.
    fn found(files: &[(&str, &str)]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("COMMIT", COMMIT)).unwrap();
        }
        packaged(dir.path()).or_else(|| checked_out(dir.path()))
    }

    #[test]
    fn the_commit_is_found_wherever_it_is_kept() {
        let head = "ref: refs/heads/a/b\n";
        let branch = |root: &str| format!("{root}/refs/heads/a/b");
        let packed = "# pack-refs\nffff refs/heads/a/bc\nCOMMIT refs/heads/a/b\n^ffff\n";
        for (what, files) in [
            (
                "a branch",
                vec![(".git/HEAD", head), (&*branch(".git"), "COMMIT\n")],
            ),
            ("a commit", vec![(".git/HEAD", "COMMIT\n")]),
            (
                "packed",
                vec![(".git/HEAD", head), (".git/packed-refs", packed)],
            ),
            (
                "a worktree",
                vec![
                    (".git", "gitdir: main/worktrees/w\n"),
                    ("main/worktrees/w/HEAD", head),
                    ("main/worktrees/w/commondir", "../..\n"),
                    (&*branch("main"), "COMMIT\n"),
                ],
            ),
            (
                "a crate",
                vec![(
                    ".cargo_vcs_info.json",
                    "{\n  \"git\": {\n    \"sha1\": \"COMMIT\"\n  },\n  \"path_in_vcs\": \"\"\n}",
                )],
            ),
        ] {
            assert_eq!(found(&files).as_deref(), Some(COMMIT), "{what}");
        }
    }

    #[test]
    fn without_git_there_is_no_commit() {
        assert_eq!(found(&[("Cargo.toml", "")]), None);
        assert_eq!(found(&[(".git/HEAD", "ref: refs/heads/unborn\n")]), None);
        assert_eq!(found(&[(".git/HEAD", "ref: refs/heads/.invalid\n")]), None);
        assert_eq!(found(&[(".git", "gitdir: gone\n")]), None);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(date(dir.path(), COMMIT), None);
    }
}
