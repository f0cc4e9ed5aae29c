//! Whether a network namespace is still there.
//!
//! Source of truth: namespaces(7). A network namespace lives while a process is in it, holds a
//! descriptor of it, or has its file mounted somewhere (`ip netns add`). This looks at all three, as
//! far as the process may see: a container sees its own processes and mounts.

use std::fs;
use std::path::Path;

/// Returns true if a network namespace, named as `net:[INODE]`, can be seen from here. Where
/// nothing can be seen of it, none of its tables can be reached any more.
pub fn exists(namespace: &str) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        // Nothing can be said: it is taken to be there, and nothing is closed.
        return true;
    };
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    processes
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_process))
        .any(|process| is_held_by(&process.path(), namespace))
}

fn is_held_by(process: &Path, namespace: &str) -> bool {
    let names = |path: &Path| fs::read_link(path).is_ok_and(|name| name.as_os_str() == namespace);
    if names(&process.join("ns/net")) {
        return true;
    }
    // A thread may be in another namespace than its process.
    let mut threads = fs::read_dir(process.join("task"))
        .into_iter()
        .flatten()
        .flatten();
    if threads.any(|thread| names(&thread.path().join("ns/net"))) {
        return true;
    }
    let mut files = fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    if files.any(|file| names(&file.path())) {
        return true;
    }
    let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
    // The fourth word is the root of the mount: for a namespace its name.
    mounts
        .lines()
        .any(|line| line.split(' ').nth(3) == Some(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespace_is_there_and_an_invented_one_is_not() {
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        assert!(exists(own.to_str().unwrap()));
        assert!(!exists("net:[1]"));
    }
}
